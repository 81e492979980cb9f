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
    needed = list(dict.fromkeys(total for one in every for total in _totals(one)))
    running = _running(statement, group, rows, every, needed)
    edges = _Edges(statement, group, rows, running)
    sums: dict[str, exp.Expr] = {}
    for one in every:
        for total in _totals(one):
            sums.setdefault(_column(total, one), edges.difference(total.name(rows.keys), one.reach))
    inner = edges.query(sums)
    row = statement.names.row
    values = [tree.named(_value(statement, one), one.feature) for one in every]
    query = tree.select([tree.column("", row), *values], tree.derived(inner, "sums"))
    return statement.ctes.add(f"{group.role}_totals", query, "the total at each window's end, less that before its start")


def _running(
    statement: Statement, group: Group, rows: Rows, every: Sequence[Windowed], needed: Sequence[_Total]
) -> str:
    names = statement.names
    kinds = {one.value: one.kind for one in every}
    so_far = tree.identifier(_SO_FAR)
    totals = [
        tree.named(exp.Window(this=_aggregate(statement, total, kinds[total.value]), alias=so_far.copy()), total.name(rows.keys))
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
class _Edges:
    """The spine with one lookup of the running totals for each edge of a window."""

    statement: Statement
    group: Group
    rows: Rows
    running: str

    def difference(self, total: str, seen: reach.Reach) -> exp.Expr:
        newest = self._at(f"until_{seen.until}", total)
        if seen.since is None:
            return newest
        return exp.Sub(this=newest, expression=self._at(f"before_{seen.since}", total))

    @staticmethod
    def _at(edge: str, total: str) -> exp.Expr:
        return exp.Coalesce(this=tree.column(edge, total), expressions=[exp.Literal.number(0)])

    def query(self, sums: dict[str, exp.Expr]) -> exp.Select:
        statement = self.statement
        row = tree.column(statement.spine, statement.names.row)
        query = tree.select([row, *(tree.named(v, name) for name, v in sums.items())], tree.cte(statement.spine))
        edges = dict.fromkeys(c.table for v in sums.values() for c in v.find_all(exp.Column))
        for edge in edges:
            side, _, length = edge.partition("_")
            self._join(query, edge, side == "until", length)
        return tree.where(query, statement.askable(self.group))

    def _join(self, query: exp.Select, edge: str, included: bool, length: str) -> None:
        from asof.compiler.duration import Duration

        statement = self.statement
        names = statement.names
        keys = [
            exp.EQ(this=tree.column(statement.spine, spine), expression=tree.column(edge, key))
            for key, spine in self.group.keys
        ]
        instant = statement.dialect.minus(tree.column(statement.spine, names.at), Duration.parse(length))
        compare = exp.GTE if included else exp.GT
        bound = compare(this=instant, expression=tree.column(edge, names.event))
        tree.join(query, tree.cte(self.running, edge), [*keys, bound], side="LEFT", method="ASOF")
