"""Counts and sums of windows as differences of running totals: one pass over rows, whatever the windows.

The total of a window is the running total at its end less the one before its beginning. Rows and questions, or the
edges of all their windows, stand on one time line, so one sort serves every window and every feature. It is for
counts and integers alone, whose sums are exact in any order; floats would lose in the subtraction what they gained.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

from sqlglot import exp

from asof.compiler import tree, types
from asof.compiler.duration import Duration
from asof.compiler.pit import reach, timeline
from asof.compiler.pit.reach import Reach

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from asof.compiler.dialects import Dialect
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

    def until(self, edge: _Edge) -> str:
        return f"{self.value}_{self.kind}_{edge.name}"


def _totals(one: Windowed) -> tuple[_Total, ...]:
    kinds = ["count"]
    if one.function != "count":
        kinds.append("sum")
    if one.function in _MOMENTS:
        kinds.append("squares")
    return tuple(_Total(kind, one.value) for kind in kinds)


@dataclass(frozen=True, slots=True)
class _Edge:
    """An end of windows, ``back`` from the instant: rows of that very time are inside of the total."""

    back: Duration

    @property
    def label(self) -> str:
        """In words: "before" leaves out the rows of the time it names, as most bounds do."""
        before, odd = divmod(self.back.microseconds - 1, 1000)
        if odd and self.back.microseconds != 1:
            return f"until {self.back} ago" if self.back.microseconds else "until now"
        return f"before {Duration(before * 1000)} ago" if before else "before now"

    @property
    def name(self) -> str:
        return self.label.replace(" ", "_")


def _edges(one: Windowed) -> tuple[_Edge, ...]:
    """Where the total is taken, and what is taken off it: all that is older than the window."""
    end = _Edge(one.reach.until)
    return (end,) if one.reach.since is None else (end, _Edge(Duration(one.reach.since.microseconds + 1)))


_At = Callable[[_Total, _Edge], exp.Expr]
"""The expression of a total at an edge, of a question's line or of all lines of a question."""


def summed(statement: Statement, group: Group, rows: Rows, every: Sequence[Windowed]) -> str:
    """The common table expression of (row, feature ...) for windows that ``adds_up``; returns its name."""
    row = tree.column("", statement.names.row)
    over = _at_edges if statement.dialect.running_totals == "edges" else _over_frames
    running, at = over(statement, group, rows, every)
    sums = {_column(total, one): _difference(one, total, at) for one in every for total in _totals(one)}
    query = tree.select([row, *(tree.named(value, name) for name, value in sums.items())], tree.cte(running))
    tree.where(query, [tree.present(row.copy())])
    if over is _at_edges:
        query.set("group", exp.Group(expressions=[row.copy()]))
    between = statement.ctes.add(
        f"{group.role}_sums", query, "each window: the total at its end less that before its start"
    )
    values = [tree.called(_value(statement.dialect, one), one.feature) for one in every]
    return statement.ctes.add(
        f"{group.role}_totals", tree.select([row.copy(), *values], tree.cte(between)), "a sum of no rows is NULL"
    )


def _over_frames(statement: Statement, group: Group, rows: Rows, every: Sequence[Windowed]) -> tuple[str, _At]:
    """(row, total at an edge ...) of each question, and lines without a row for the events."""
    span = reach.widest([one.reach for one in every])
    union = timeline.at_instants(statement, group, rows, span, dict.fromkeys(one.value for one in every))
    line = statement.ctes.add(
        f"{group.role}_timeline", union, "rows and questions on one time line, each at its own instant"
    )
    kinds = {one.value: one.kind for one in every}
    taken = {(total, edge): None for one in every for total in _totals(one) for edge in _edges(one)}
    values = [
        tree.named(
            exp.Window(this=_aggregate(statement, total, kinds[total.value]), alias=tree.identifier(edge.name)),
            total.until(edge),
        )
        for total, edge in taken
    ]
    query = tree.select([tree.column("", statement.names.row), *values], tree.cte(line))
    edges = dict.fromkeys(edge for _, edge in taken)
    query.set("windows", [timeline.window(statement, rows, edge.name, Reach(None, edge.back)) for edge in edges])
    running = statement.ctes.add(f"{group.role}_running", query, "what a key has come to by each edge of a window")
    return running, lambda total, edge: tree.column("", total.until(edge))


def _at_edges(statement: Statement, group: Group, rows: Rows, every: Sequence[Windowed]) -> tuple[str, _At]:
    """(row, edge, total ...) of each edge on the time line, and lines without a row for the events."""
    names = statement.names
    span = reach.widest([one.reach for one in every])
    edges = _asked(statement, group, rows, dict.fromkeys(edge for one in every for edge in _edges(one)))
    carried = dict.fromkeys(one.value for one in every)
    union = timeline.at_instants(statement, group, rows, span, carried, asked=edges, labels=(names.edge,))
    line = statement.ctes.add(
        f"{group.role}_timeline", union, "rows and edges on one time line; a total includes the rows of its instant"
    )
    kinds = {one.value: one.kind for one in every}
    totals = [
        tree.named(
            exp.Window(this=_aggregate(statement, total, kinds[total.value]), alias=tree.identifier(_SO_FAR)),
            total.name(rows.keys),
        )
        for total in dict.fromkeys(total for one in every for total in _totals(one))
    ]
    query = tree.select([tree.column("", names.row), tree.column("", names.edge), *totals], tree.cte(line))
    query.set("windows", [timeline.window(statement, rows, _SO_FAR, Reach(None, Duration(0)))])
    running = statement.ctes.add(f"{group.role}_running", query, "what a key has come to at each edge of a window")

    def at(total: _Total, edge: _Edge) -> exp.Expr:
        """There is one line for each question and edge."""
        here = exp.EQ(this=tree.column("", names.edge), expression=exp.Literal.string(edge.label))
        return exp.Max(this=tree.case(here, tree.column("", total.name(rows.keys))))

    return running, at


def _asked(statement: Statement, group: Group, rows: Rows, edges: Iterable[_Edge]) -> str:
    """The common table expression of (row, edge, keys, at): each question once for every edge."""
    names, questions = statement.names, statement.questions(group)
    arms: list[exp.Query] = []
    for edge in edges:
        at = statement.dialect.minus(tree.column("", names.at), edge.back)
        label = exp.Literal.string(edge.label)
        keys = (tree.column("", key) for key in rows.keys)
        values = [tree.column("", names.row), tree.named(label, names.edge), *keys, tree.called(at, names.at)]
        arms.append(tree.select(values, tree.cte(questions)))
    union = reduce(lambda left, right: exp.Union(this=left, expression=right, distinct=False), arms)
    return statement.ctes.add(f"{group.role}_edges", union, "each question once for every edge of its windows")


def _aggregate(statement: Statement, total: _Total, kind: types.Type | None) -> exp.Expr:
    value = tree.column("", total.value)
    if total.kind == "count":
        return exp.Count(this=value)
    wide = statement.dialect.addend(statement.dialect.cast(value, types.INT64))
    if total.kind == "sum":
        return exp.Sum(this=wide if kind == types.BOOL else statement.dialect.addend(value))
    return exp.Sum(this=exp.Mul(this=wide, expression=wide.copy()))


def _difference(one: Windowed, total: _Total, at: _At) -> exp.Expr:
    """Nothing has happened yet at an edge where a sum is NULL."""
    end, *beginning = [
        at(total, edge)
        if total.kind == "count"
        else exp.Coalesce(this=at(total, edge), expressions=[exp.Literal.number(0)])
        for edge in _edges(one)
    ]
    return exp.Sub(this=end, expression=beginning[0]) if beginning else end


def _column(total: _Total, one: Windowed) -> str:
    return f"{total.value}_{total.kind}_{one.window_name}"


def _value(dialect: Dialect, one: Windowed) -> exp.Expr:
    """The feature, from the window's count, sum and sum of squares; exact until the last division."""
    count, *others = (tree.column("", _column(total, one)) for total in _totals(one))
    if not others:
        return count
    enough = exp.GT(this=count, expression=exp.Literal.number(1 if one.function.endswith("samp") else 0))
    if one.function == "sum":
        return tree.case(enough, dialect.narrowed(others[0], one.result))
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
