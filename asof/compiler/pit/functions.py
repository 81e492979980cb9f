"""The aggregate functions: as calls over a frame, and over the rows joined to one question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from asof.compiler import tree, types
from asof.compiler.features import result_type

if TYPE_CHECKING:
    from asof.compiler.dialects import Dialect
    from asof.compiler.model import Aggregation, Window
    from asof.compiler.pit.reach import Reach
    from asof.compiler.pit.request import Names
    from asof.compiler.relation import Rows

_MOMENTS: dict[str, type[exp.AggFunc]] = {
    "var_pop": exp.VariancePop,
    "var_samp": exp.Variance,
    "stddev_pop": exp.StddevPop,
    "stddev_samp": exp.StddevSamp,
}
_ENDS = ("first", "last")


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
        return result_type(self.aggregation, self.kind or types.FLOAT64)


def over_frame(dialect: Dialect, one: Windowed, rows: Rows, event: str, frame: exp.Identifier) -> exp.Expr:
    """The aggregate over a named window of the time line."""
    value = tree.column("", one.value)
    if one.function in _ENDS:
        order = dialect.order_key([tree.column("", name) for name in (event, *rows.ties, one.value)])
        pick = exp.ArgMax if one.function == "last" else exp.ArgMin
        return exp.Window(this=pick(this=value, expression=order), alias=frame)
    return _finished(dialect, one, exp.Window(this=_call(dialect, one, value), alias=frame))


def over_pairs(dialect: Dialect, names: Names, one: Windowed) -> exp.Expr:
    """The aggregate over the rows of one question that lie in its window."""
    if one.function in _ENDS:
        first = exp.EQ(this=tree.column("", _helper(one)), expression=exp.Literal.number(1))
        picked = tree.case(tree.all_of([*eligible(dialect, names, one), first]), tree.column("", one.value))
        return _through_carrier(dialect, one, picked)
    value = tree.case(tree.all_of(inside(dialect, names, one)), tree.column("", one.value))
    if one.function in _MOMENTS and not dialect.native_variance:
        return _two_passes(one, value)
    return _finished(dialect, one, _call(dialect, one, value))


def prepared(dialect: Dialect, names: Names, rows: Rows, one: Windowed) -> exp.Expr | None:
    """What ``over_pairs`` needs from the other rows of the question: a rank, a mean, or nothing."""
    row = tree.column("", names.row)
    if one.function in _ENDS:
        direction = tree.latest_first if one.function == "last" else tree.earliest_first
        order = [direction(tree.column("", name)) for name in dict.fromkeys((names.event, *rows.ties, one.value))]
        taking_part = tree.case(tree.all_of(eligible(dialect, names, one)), exp.Literal.number(1))
        rank = exp.Window(this=exp.RowNumber(), partition_by=[row, taking_part], order=exp.Order(expressions=order))
        return tree.named(rank, _helper(one))
    if one.function in _MOMENTS and not dialect.native_variance:
        value = tree.case(tree.all_of(inside(dialect, names, one)), tree.column("", one.value))
        return tree.named(exp.Window(this=exp.Avg(this=value), partition_by=[row]), _helper(one))
    return None


def inside(dialect: Dialect, names: Names, one: Windowed) -> list[exp.Expr]:
    """Whether the row of a pair lies in the window."""
    return one.reach.holds(tree.column("", names.event), tree.column("", names.at), dialect)


def eligible(dialect: Dialect, names: Names, one: Windowed) -> list[exp.Expr]:
    """Whether ``first`` and ``last`` may pick the row: inside the window, and a value unless NULLs count."""
    conditions = inside(dialect, names, one)
    deciding = one.condition if one.aggregation.include_nulls else one.value
    if deciding:
        conditions.append(tree.present(tree.column("", deciding)))
    return conditions


def _helper(one: Windowed) -> str:
    return f"_{one.feature}"


def _call(dialect: Dialect, one: Windowed, value: exp.Expr) -> exp.Expr:
    if one.function == "count":
        return exp.Count(this=value)
    if one.function == "count_distinct":
        return exp.Count(this=exp.Distinct(expressions=[value]))
    if one.function == "min":
        return exp.Min(this=value)
    if one.function == "max":
        return exp.Max(this=value)
    if one.kind == types.FLOAT32 or one.kind == types.BOOL or one.kind is None:
        value = dialect.cast(value, types.INT64 if one.kind == types.BOOL else types.FLOAT64)
    if one.function == "sum":
        return exp.Sum(this=value)
    if one.function == "mean":
        return exp.Avg(this=value)
    return _MOMENTS[one.function](this=value)


def _finished(dialect: Dialect, one: Windowed, value: exp.Expr) -> exp.Expr:
    """Sums of integers are int64 again (an overflow is an error), means and moments float64."""
    if one.function in ("sum", "mean", *_MOMENTS):
        return dialect.cast(value, one.result)
    return value


def _through_carrier(dialect: Dialect, one: Windowed, value: exp.Expr) -> exp.Expr:
    carrier = dialect.carriers.get(str(one.kind))
    if carrier is None:
        return exp.Max(this=value)
    return dialect.cast(exp.Max(this=dialect.cast(value, types.Scalar(carrier))), one.kind)


def _two_passes(one: Windowed, value: exp.Expr) -> exp.Expr:
    """The mean squared distance from the mean: subtracting two large sums would lose every digit."""
    distance = exp.Paren(this=exp.Sub(this=value, expression=tree.column("", _helper(one))))
    squares = exp.Sum(this=exp.Mul(this=distance, expression=distance.copy()))
    count: exp.Expr = exp.Count(this=value.copy())
    if one.function.endswith("samp"):
        several = exp.GT(this=count, expression=exp.Literal.number(1))
        count = tree.case(several, exp.Sub(this=count.copy(), expression=exp.Literal.number(1)))
    variance = exp.Div(this=squares, expression=count, typed=True, safe=True)
    return exp.Sqrt(this=variance) if one.function.startswith("stddev") else variance
