"""Counts and sums of windows as differences of running totals: one lookup an edge, whatever the features.

The total of a window is the running total at its end less the one before its beginning. On a year of flights
this is ten times as fast as one sliding frame a feature. It is for counts and integers alone, whose sums are
exact in any order; floats would lose in the subtraction what they gained in the sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from asof.compiler import tree, types
from asof.compiler.pit import reach

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asof.compiler.dialects import Dialect
    from asof.compiler.duration import Duration
    from asof.compiler.pit.functions import Windowed
    from asof.compiler.pit.resolve import Group
    from asof.compiler.pit.statement import Statement
    from asof.compiler.relation import Rows

_SUMS = ("sum", "mean")
_MOMENTS = ("var_pop", "var_samp", "stddev_pop", "stddev_samp")
_SO_FAR = "so_far"


def adds_up(one: Windowed) -> bool:
    """Whether the window is an exact difference of totals: squares of int64 could leave 128 bits."""
    if one.aggregation.by:
        return False
    if one.function in _SUMS:
        return one.kind in types.INTEGERS or one.kind == types.BOOL
    if one.function in _MOMENTS:
        return one.kind in (types.INT32, types.BOOL)
    return one.function == "count"


@dataclass(frozen=True, slots=True)
class _Total:
    """One running total: ``count`` of the values, their ``sum``, or the sum of their ``squares``."""

    kind: str
    value: str

    def name(self, keys: Sequence[str]) -> str:
        wanted = f"{self.value}_{self.kind}"
        while wanted in keys:
            wanted += "_"
        return wanted


def _totals(one: Windowed) -> tuple[_Total, ...]:
    kinds = ["count"]
    if one.function != "count":
        kinds.append("sum")
    if one.function in _MOMENTS:
        kinds.append("squares")
    return tuple(_Total(kind, one.value) for kind in kinds)


def summed(statement: Statement, group: Group, rows: Rows, every: Sequence[Windowed]) -> str:
    """The common table expression of (row, feature ...) for windows that ``adds_up``; returns its name."""
    needed = dict.fromkeys(total for one in every for total in _totals(one))
    running = _running(statement, group, rows, every, list(needed))
    row = statement.names.row
    sums = {_column(total, one): _difference(one, total.name(rows.keys)) for one in every for total in _totals(one)}
    inner = tree.select(
        [tree.column(statement.spine, row), *(tree.named(value, name) for name, value in sums.items())],
        tree.cte(statement.spine),
    )
    for edge in dict.fromkeys(edge for one in every for edge in _edges(one)):
        table, on = _lookup(statement, group, edge, running)
        tree.join(inner, table, on, side="LEFT", method="ASOF")
    tree.where(inner, statement.askable(group))
    values = [tree.called(_value(statement.dialect, one), one.feature) for one in every]
    query = tree.select([tree.column("", row), *values], tree.derived(inner, "sums"))
    return statement.ctes.add(
        f"{group.role}_totals", query, "what each window adds up to: the total at its end less that before its start"
    )


def _running(
    statement: Statement, group: Group, rows: Rows, every: Sequence[Windowed], needed: Sequence[_Total]
) -> str:
    names = statement.names
    kinds = {one.value: one.kind for one in every}
    so_far = tree.identifier(_SO_FAR)
    totals = [
        tree.named(
            exp.Window(this=_aggregate(statement, total, kinds[total.value]), alias=so_far.copy()),
            total.name(rows.keys),
        )
        for total in needed
    ]
    event = tree.column("", names.event)
    query = tree.select([*(tree.column("", key) for key in rows.keys), event, *totals], tree.cte(rows.table))
    tree.where(query, statement.within_span(reach.widest([one.reach for one in every]), event.copy()))
    order = exp.Ordered(this=event.copy(), desc=False, nulls_first=statement.dialect.ascending_nulls_first)
    frame = exp.WindowSpec(kind="RANGE", start="UNBOUNDED", start_side="PRECEDING", end="CURRENT ROW")
    window = exp.Window(
        this=so_far,
        partition_by=[tree.column("", key) for key in rows.keys],
        order=exp.Order(expressions=[order]),
        spec=frame,
    )
    query.set("windows", [window])
    return statement.ctes.add(f"{group.role}_running", query, "running totals of each key, as of each of its rows")


def _aggregate(statement: Statement, total: _Total, kind: types.Type | None) -> exp.Expr:
    value = tree.column("", total.value)
    if total.kind == "count":
        return exp.Count(this=value)
    wide = statement.dialect.cast(value, types.INT64)
    if total.kind == "sum":
        return exp.Sum(this=wide if kind == types.BOOL else value)
    return exp.Sum(this=exp.Mul(this=wide, expression=wide.copy()))


@dataclass(frozen=True, slots=True)
class _Edge:
    """Where a window ends or begins: ``back`` from the instant, rows of that very time ``included`` or not."""

    back: Duration
    included: bool

    @property
    def name(self) -> str:
        return f"{'until' if self.included else 'before'}_{self.back}"

    def total(self, name: str) -> exp.Expr:
        """The running total there; nothing has happened yet where there is no row."""
        return exp.Coalesce(this=tree.column(self.name, name), expressions=[exp.Literal.number(0)])


def _edges(one: Windowed) -> tuple[_Edge, ...]:
    end = _Edge(one.reach.until, True)
    return (end,) if one.reach.since is None else (end, _Edge(one.reach.since, False))


def _difference(one: Windowed, total: str) -> exp.Expr:
    end, *beginning = (edge.total(total) for edge in _edges(one))
    return exp.Sub(this=end, expression=beginning[0]) if beginning else end


def _lookup(statement: Statement, group: Group, edge: _Edge, running: str) -> tuple[exp.Expr, list[exp.Expr]]:
    """The running totals at one edge, and how a row of the spine finds its own."""
    names = statement.names
    on: list[exp.Expr] = [
        exp.EQ(this=tree.column(statement.spine, spine), expression=tree.column(edge.name, key))
        for key, spine in group.keys
    ]
    instant = statement.dialect.minus(tree.column(statement.spine, names.at), edge.back)
    comparison = exp.GTE if edge.included else exp.GT
    on.append(comparison(this=instant, expression=tree.column(edge.name, names.event)))
    return tree.cte(running, edge.name), on


def _column(total: _Total, one: Windowed) -> str:
    return f"{total.value}_{total.kind}_{one.window_name}"


def _value(dialect: Dialect, one: Windowed) -> exp.Expr:
    """The feature, from the window's count, sum and sum of squares; exact until the last division."""
    count, *others = (tree.column("", _column(total, one)) for total in _totals(one))
    if not others:
        return count
    enough = exp.GT(this=count, expression=exp.Literal.number(1 if one.function.endswith("samp") else 0))
    if one.function == "sum":
        return tree.case(enough, dialect.cast(others[0], one.result))
    if one.function == "mean":
        return tree.case(enough, exp.Div(this=dialect.cast(others[0], types.FLOAT64), expression=count.copy()))
    sums, squares = others
    spread = exp.Sub(this=_product(count, squares), expression=_product(sums, sums))
    fewer = exp.Paren(this=exp.Sub(this=count.copy(), expression=exp.Literal.number(1)))
    pairs = _product(count, fewer if one.function.endswith("samp") else count)
    variance = exp.Div(this=dialect.cast(spread, types.FLOAT64), expression=exp.Paren(this=pairs))
    return tree.case(enough, exp.Sqrt(this=variance) if one.function.startswith("stddev") else variance)


def _product(left: exp.Expr, right: exp.Expr) -> exp.Expr:
    return exp.Mul(this=left.copy(), expression=right.copy())
