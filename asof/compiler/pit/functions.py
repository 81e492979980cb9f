"""The aggregate functions: as calls over a frame, and over the rows joined to one question.

Over pairs every function has a plain form of counts, sums, extremes and ranks, the same in every dialect. What
a dialect has of its own is a list, a map, and the approximations that it states an error for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from asof.compiler import tree, types
from asof.compiler.features import COUNTS, LISTS, result_type

if TYPE_CHECKING:
    from asof.compiler.dialects import Dialect
    from asof.compiler.model import Aggregation, Window
    from asof.compiler.pit.pairs import Pairs
    from asof.compiler.pit.reach import Reach
    from asof.compiler.relation import Rows

_MOMENTS: dict[str, type[exp.AggFunc]] = {
    "var_pop": exp.VariancePop,
    "var_samp": exp.Variance,
    "stddev_pop": exp.StddevPop,
    "stddev_samp": exp.StddevSamp,
}
_SHAPES = {"skew": 3, "kurtosis": 4}
_ENDS = ("first", "last")
_PERCENTILES = ("percentile", "approx_percentile")
_PARTS = 1_000_000_000
"""Percentiles are whole parts of this, so that ranks are compared as integers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Windowed:
    """One aggregation over one window: what it reads (``value``, of type ``kind``) and what it can see."""

    feature: str
    aggregation: Aggregation
    window: Window
    reach: Reach
    value: str
    kind: types.Type | None
    condition: str = ""
    """The input that is NULL where the row takes no part, though NULL values do; "" where there is none."""

    @property
    def function(self) -> str:
        return self.aggregation.function

    @property
    def window_name(self) -> str:
        """The window and its bounds, without the feature: ``7d``, ``7d_closed``."""
        return f"{self.window.suffix}{'_closed' if self.aggregation.bounds == '(]' else ''}"

    @property
    def result(self) -> types.Type:
        """The type of one value: of one entry, where ``by`` makes a map of them."""
        return result_type(self.aggregation, self.kind or types.FLOAT64, entry=True)


def over_frame(dialect: Dialect, one: Windowed, rows: Rows, event: str, frame: exp.Identifier) -> exp.Expr:
    """The aggregate over a named window of the time line."""
    value = tree.column("", one.value)
    if one.function in _ENDS:
        order = dialect.order_key([tree.column("", name) for name in (event, *rows.ties, one.value)])
        pick = exp.ArgMax if one.function == "last" else exp.ArgMin
        return exp.Window(this=pick(this=value, expression=order), alias=frame)
    exact = dialect.framed(one.function, value.copy(), one.kind, frame)
    return exact or _finished(dialect, one, exp.Window(this=_call(dialect, one, value), alias=frame))


def over_pairs(pairs: Pairs, one: Windowed) -> exp.Expr:
    """The aggregate over the rows of one question that lie in its window."""
    dialect, function = pairs.dialect, one.function
    if function in dialect.approximations:
        return _approximated(pairs, one)
    if function in _ENDS:
        return _picked(pairs, one, pairs.rank_in_time(one, latest=function == "last"))
    if function == "mode":
        return _picked(pairs, one, pairs.rank_by_frequency(one))
    if function in LISTS:
        return _list(pairs, one)
    if function == "histogram":
        return _histogram(pairs, one)
    if function in _PERCENTILES:
        return _percentiles(pairs, one, [_interpolated(pairs, one, p) for p in one.aggregation.percentiles])
    if function in _SHAPES:
        return _shape(pairs, one)
    if function in _MOMENTS and not dialect.native_variance:
        return _variance(pairs, one)
    return _finished(dialect, one, _call(dialect, one, pairs.value(one)))


def as_map(dialect: Dialect, one: Windowed, by: str, kind: types.Type | None) -> exp.Expr:
    """The aggregate that makes a map of one window's values by key. Where there is no value there is no entry."""
    value, key = tree.column("", one.feature), tree.column("", by)
    something = [tree.present(key), dialect.something(value.copy(), one.result)]
    if one.function in COUNTS:
        something.append(exp.GT(this=value.copy(), expression=exp.Literal.number(0)))
    kept = tree.all_of(something)
    item = dialect.item(value.copy(), one.result)
    return _unless_empty(dialect, dialect.map_of(dialect.key_text(key.copy(), kind), item, kept), kept)


# --- calls that every engine has ---------------------------------------------------------------------------------


def _call(dialect: Dialect, one: Windowed, value: exp.Expr) -> exp.Expr:
    function = one.function
    if function == "count":
        return exp.Count(this=value)
    if function in COUNTS:
        return exp.Count(this=exp.Distinct(expressions=[dialect.distinguished(value, one.kind)]))
    if function in ("min", "max", "any", "all"):
        extreme = exp.Max if function in ("max", "any") else exp.Min
        return extreme(this=_carried(dialect, one, value) or value)
    if one.kind == types.BOOL:
        value = dialect.digit(value)
    elif one.kind == types.FLOAT32 or one.kind is None:
        value = dialect.cast(value, types.FLOAT64)
    if function == "sum":
        return exp.Sum(this=value)
    if function == "mean":
        return exp.Avg(this=value)
    return _MOMENTS[function](this=value)


def _finished(dialect: Dialect, one: Windowed, value: exp.Expr) -> exp.Expr:
    """Sums of integers are int64 again (an overflow is an error), means and moments float64."""
    if one.function in ("sum", "mean", *_MOMENTS, "any", "all"):
        return dialect.cast(value, one.result)
    if one.function in ("min", "max") and dialect.carried(exp.Null(), one.kind) is not None:
        return dialect.uncarried(value, one.kind)
    return value


def _carried(dialect: Dialect, one: Windowed, value: exp.Expr) -> exp.Expr | None:
    """``value`` as the engine compares values of a type that its MIN and MAX do not take."""
    return dialect.cast(value, types.INT32) if one.function in ("any", "all") else dialect.carried(value, one.kind)


# --- plain forms over pairs --------------------------------------------------------------------------------------


def _first(rank: exp.Expr) -> exp.Expr:
    return exp.EQ(this=rank, expression=exp.Literal.number(1))


def _picked(pairs: Pairs, one: Windowed, rank: exp.Expr) -> exp.Expr:
    """The value of the one row of rank 1."""
    sure = pairs.takes_part(one) if one.aggregation.include_nulls else []
    value = tree.case(tree.all_of([*sure, _first(rank)]), pairs.held(one))
    carried = pairs.dialect.carried(value, one.kind)
    if carried is None:
        return exp.Max(this=value)
    return pairs.dialect.uncarried(exp.Max(this=carried), one.kind)


def _list(pairs: Pairs, one: Windowed) -> exp.Expr:
    """The first ``n`` by rank; listed the other way round where the order of the list is not that of the rank."""
    function, newest = one.function, one.aggregation.order == "desc"
    more: list[exp.Expr] = []
    if function in ("top_n", "bottom_n"):
        rank, forwards = pairs.rank_by_value(one, greatest=function == "top_n"), True
    else:
        latest = function.startswith("last")
        forwards = latest == newest
        if "distinct" in function:
            rank = pairs.rank_of_distinct(one, latest=latest)
            more.append(_first(pairs.occurrence(one, latest=latest)))
        else:
            rank = pairs.rank_in_time(one, latest=latest)
    more.append(exp.LTE(this=rank, expression=exp.Literal.number(one.aggregation.n)))
    kept = tree.all_of([*pairs.takes_part(one), *more])
    order = rank.copy() if forwards else exp.Neg(this=rank.copy())
    item = pairs.dialect.item(pairs.held(one), one.kind)
    if pairs.dialect.lists_over_frames:
        return exp.Max(this=tree.case(kept, pairs.listed(one, item, order, kept.copy())))
    return _unless_empty(pairs.dialect, pairs.dialect.list_of(item, order, kept), kept)


def _histogram(pairs: Pairs, one: Windowed) -> exp.Expr:
    kept = tree.all_of([*pairs.takes_part(one), _first(pairs.occurrence(one, latest=False))])
    key = pairs.dialect.key_text(pairs.held(one), one.kind)
    return _unless_empty(pairs.dialect, pairs.dialect.map_of(key, pairs.frequency(one), kept), kept)


def _unless_empty(dialect: Dialect, made: exp.Expr, kept: exp.Expr) -> exp.Expr:
    """NULL of nothing, where the engine's aggregate gives something empty."""
    if dialect.empty_list_is_null:
        return made
    return tree.case(_first(exp.Max(this=tree.case(kept.copy(), exp.Literal.number(1)))), made)


def _approximated(pairs: Pairs, one: Windowed) -> exp.Expr:
    dialect = pairs.dialect
    if one.function not in _PERCENTILES:
        return dialect.cast(dialect.approximate(one.function, pairs.value(one), None), types.INT64)
    value = dialect.cast(pairs.held(one), types.FLOAT64)
    made = [
        dialect.cast(dialect.approximate(one.function, value.copy(), p), types.FLOAT64)
        for p in one.aggregation.percentiles
    ]
    return _percentiles(pairs, one, made)


def _percentiles(pairs: Pairs, one: Windowed, values: list[exp.Expr]) -> exp.Expr:
    """One number, or an array of several; NULL of nothing."""
    if len(values) == 1:
        return values[0]
    some = exp.GT(this=exp.Count(this=pairs.held(one)), expression=exp.Literal.number(0))
    made = tree.case(some, pairs.dialect.array_of(values, types.FLOAT64))
    if not pairs.dialect.lists_can_be_null:
        made.set("default", pairs.dialect.array_of([], types.FLOAT64))
    return made


def _interpolated(pairs: Pairs, one: Windowed, percentile: float) -> exp.Expr:
    """The value at ``percentile`` of the way from the smallest to the greatest, linear between neighbours.

    With ranks 1 to n the place is ``1 + p (n - 1)``: the two values next to it weigh one less their distance.
    """
    dialect, parts = pairs.dialect, exp.Literal.number(_PARTS)
    distance = pairs.distance_in_rank(one, round(percentile * _PARTS), _PARTS)
    near = exp.LT(this=distance, expression=parts)
    weight = dialect.cast(exp.Sub(this=parts.copy(), expression=distance.copy()), types.FLOAT64)
    share = exp.Mul(this=weight, expression=exp.Literal.number("1e-9"))
    value = dialect.cast(pairs.held(one), types.FLOAT64)
    return exp.Sum(this=tree.case(near, exp.Mul(this=value, expression=share)))


# --- moments about the mean --------------------------------------------------------------------------------------


def _power(distance: exp.Expr, exponent: int) -> exp.Expr:
    made = distance.copy()
    for _ in range(exponent - 1):
        made = exp.Mul(this=made, expression=distance.copy())
    return made


def _variance(pairs: Pairs, one: Windowed) -> exp.Expr:
    squares = exp.Sum(this=_power(pairs.distance_from_mean(one), 2))
    count: exp.Expr = exp.Count(this=pairs.held(one))
    if one.function.endswith("samp"):
        several = exp.GT(this=count, expression=exp.Literal.number(1))
        count = tree.case(several, exp.Sub(this=count.copy(), expression=exp.Literal.number(1)))
    variance = exp.Div(this=squares, expression=count, typed=True, safe=True)
    return exp.Sqrt(this=variance) if one.function.startswith("stddev") else variance


def _shape(pairs: Pairs, one: Windowed) -> exp.Expr:
    """Skew, or excess kurtosis, of the population; NULL of too few values, or of equal ones."""
    distance, order = pairs.distance_from_mean(one), _SHAPES[one.function]
    moment, spread = exp.Avg(this=_power(distance, order)), exp.Avg(this=_power(distance, 2))
    if one.function == "skew":
        scale: exp.Expr = exp.Mul(this=spread, expression=exp.Sqrt(this=spread.copy()))
    else:
        scale = exp.Mul(this=spread, expression=spread.copy())
    value = exp.Div(this=moment, expression=exp.Paren(this=scale), typed=True, safe=True)
    made = value if one.function == "skew" else exp.Sub(this=value, expression=exp.Literal.number(3))
    held = pairs.held(one)
    enough = exp.GTE(this=exp.Count(this=held), expression=exp.Literal.number(order))
    differ = exp.LT(this=exp.Min(this=held.copy()), expression=exp.Max(this=held.copy()))
    return tree.case(tree.all_of([enough, differ]), made)
