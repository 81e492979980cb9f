"""Windowed aggregations: running totals, sliding RANGE frames, or questions joined with their rows.

Frames read each row once, whatever the number of windows, and their bounds are exact. Where the engine
has no frame for a function, or a row's visibility is not a matter of its event time, the rows of the
widest window are joined to each question and every window picks its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from asof.compiler import shape, tree
from asof.compiler.pit import functions, reach, timeline, totals
from asof.compiler.pit.pairs import Pairs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asof.compiler.model import Aggregation
    from asof.compiler.pit.functions import Windowed
    from asof.compiler.pit.resolve import Group
    from asof.compiler.pit.statement import Statement
    from asof.compiler.relation import Rows


@dataclass(frozen=True, slots=True)
class Inputs:
    """What aggregations read of a row: an expression over the view's columns, by the name it goes by inside."""

    expressions: dict[str, exp.Expr]
    names: dict[str, str]
    """``column`` and ``where`` of an aggregation, as one text -> the name of its input."""

    conditions: dict[str, str]
    """``where`` of aggregations that take NULLs -> the name of the input that says whether it holds."""

    def of(self, aggregation: Aggregation) -> str:
        return self.names[_identity(aggregation)]

    def condition(self, aggregation: Aggregation) -> str:
        """Where a NULL value counts, it cannot say as well that the condition fails."""
        return self.conditions.get(aggregation.where, "") if aggregation.include_nulls else ""


def _identity(aggregation: Aggregation) -> str:
    return f"{aggregation.column}\n{aggregation.where}\n{_marks_rows(aggregation)}"


def _marks_rows(aggregation: Aggregation) -> bool:
    """Whether the input says only that the row takes part."""
    return not aggregation.column


def inputs(statement: Statement, group: Group) -> Inputs:
    """The inputs of the group's aggregations that are not plain columns."""
    made: dict[str, exp.Expr] = {}
    names: dict[str, str] = {}
    conditions: dict[str, str] = {}
    taken = {key for key, _ in group.keys} | {column.name for column in group.view.schema}
    taken |= {name for a in group.view.aggregations for name in (a.column, a.by)}

    def add(wanted: str, aggregation: Aggregation, value: exp.Expr) -> str:
        name = wanted
        while name in taken:
            name += "_"
        taken.add(name)
        condition = statement.binder.parse_expression(aggregation.where, group.view.address)
        made[name] = tree.case(condition, value)
        return name

    for aggregation in group.view.aggregations:
        identity, where = _identity(aggregation), aggregation.where
        if not where:
            names[identity] = aggregation.column or statement.names.event
        elif identity not in names:
            value = tree.column("", aggregation.column) if aggregation.column else exp.Literal.number(1)
            names[identity] = add(f"{aggregation.base_name}_input", aggregation, value)
        if where and aggregation.include_nulls and where not in conditions:
            conditions[where] = add(f"{aggregation.base_name}_condition", aggregation, exp.Literal.number(1))
    return Inputs(made, names, conditions)


def windowed(statement: Statement, group: Group, rows: Rows, read: Inputs, features: Sequence[str]) -> dict[str, str]:
    """Feature -> the common table expression that holds it by row; "" where no row can be in the window."""
    found = shape.windows(group.view)
    every = [
        functions.Windowed(
            feature=name,
            aggregation=aggregation,
            window=window,
            reach=reach.of_window(aggregation, window, rows.timing),
            value=read.of(aggregation),
            condition=read.condition(aggregation),
            kind=rows.kinds.get(aggregation.column),
        )
        for name, (aggregation, window) in found.items()
        if name in features
    ]
    able = [one for one in every if not one.reach.empty]
    added = [one for one in able if _adds_up(statement, rows, one)]
    framed = [one for one in able if one not in added and _frames(statement, rows, one)]
    paired = [one for one in able if one not in added and one not in framed]
    made = dict.fromkeys(features, "")
    if added:
        made |= dict.fromkeys((one.feature for one in added), totals.summed(statement, group, rows, added))
    if framed:
        made |= dict.fromkeys((one.feature for one in framed), _framed(statement, group, rows, framed))
    if paired:
        made |= _paired(statement, group, rows, paired)
    return made


def _in_one_pass(statement: Statement, rows: Rows) -> bool:
    """Whether the order of events alone says what is visible, and questions are worth a pass over all rows."""
    wanted = statement.dialect.windows == "pass" and not statement.once
    return wanted and rows.timing.visibility == "event"


def _adds_up(statement: Statement, rows: Rows, one: Windowed) -> bool:
    return statement.dialect.running_totals is not None and _in_one_pass(statement, rows) and totals.adds_up(one)


def _frames(statement: Statement, rows: Rows, one: Windowed) -> bool:
    if not _in_one_pass(statement, rows) or one.aggregation.include_nulls or one.aggregation.by:
        return False
    return statement.dialect.frames(one.function, one.kind)


def _framed(statement: Statement, group: Group, rows: Rows, every: Sequence[Windowed]) -> str:
    names, dialect = statement.names, statement.dialect
    ordered = any(one.aggregation.function in ("first", "last") for one in every)
    carried = dict.fromkeys([*(one.value for one in every), *((names.event, *rows.ties) if ordered else ())])
    line = statement.ctes.add(
        f"{group.role}_timeline",
        timeline.at_instants(statement, group, rows, reach.widest([one.reach for one in every]), carried),
        "rows and questions on one time line, each at its own instant",
    )
    frames = {one.window_name: one.reach for one in every}
    values = [
        tree.named(functions.over_frame(dialect, one, rows, names.event, tree.identifier(one.window_name)), one.feature)
        for one in every
    ]
    inner = tree.select([tree.column("", names.row), *values], tree.cte(line))
    inner.set("windows", [timeline.window(statement, rows, name, frame) for name, frame in frames.items()])
    kept = [tree.column("", name) for name in (names.row, *(one.feature for one in every))]
    query = tree.where(tree.select(kept, tree.derived(inner, "framed")), [tree.present(tree.column("", names.row))])
    return statement.ctes.add(f"{group.role}_windows", query, "every window ends before the instant it is asked at")


def _paired(statement: Statement, group: Group, rows: Rows, every: Sequence[Windowed]) -> dict[str, str]:
    """Feature -> its common table expression, for windows that each pick their own among joined rows."""
    pairs = Pairs(dialect=statement.dialect, names=statement.names, ties=rows.ties, within=(statement.names.row,))
    table = _joined(statement, group, rows, every)
    keyed: dict[str, list[Windowed]] = {}
    for one in every:
        keyed.setdefault(one.aggregation.by, []).append(one)
    values = {
        by: [tree.named(functions.over_pairs(pairs.keyed_by(by) if by else pairs, one), one.feature) for one in some]
        for by, some in keyed.items()
    }
    for name, comment, step in pairs.steps():
        columns = [tree.named(value, column) for column, value in step.items()]
        made = tree.select([exp.Star(), *columns], tree.cte(table))
        table = statement.ctes.add(f"{group.role}_{name}", made, comment)
    homes: dict[str, str] = {}
    for by, some in keyed.items():
        within = [statement.names.row, *([by] if by else [])]
        query = tree.select([*(tree.column("", name) for name in within), *values[by]], tree.cte(table))
        query.set("group", exp.Group(expressions=[tree.column("", name) for name in within]))
        wanted, why = (f"{group.role}_by_{by}", f"each window, by {by}") if by else (f"{group.role}_exact", _PICKS)
        home = statement.ctes.add(wanted, query, why)
        homes |= dict.fromkeys((one.feature for one in some), _folded(statement, group, rows, home, by, some))
    return homes


_PICKS = "every window picks its own rows"


def _folded(statement: Statement, group: Group, rows: Rows, table: str, by: str, every: Sequence[Windowed]) -> str:
    """One line a question again: its lines by key become entries of maps. As it was, where there is no key."""
    if not by:
        return table
    dialect, row = statement.dialect, statement.names.row
    values = [tree.named(functions.as_map(dialect, one, by, rows.kinds.get(by)), one.feature) for one in every]
    query = tree.select([tree.column("", row), *values], tree.cte(table))
    query.set("group", exp.Group(expressions=[tree.column("", row)]))
    return statement.ctes.add(f"{group.role}_maps", query, "the maps: an entry for each key with something to say")


def _joined(statement: Statement, group: Group, rows: Rows, every: Sequence[Windowed]) -> str:
    """The common table expression of (row, at, event, what aggregations read), a line without a row for no rows."""
    names = statement.names
    span = reach.widest([one.reach for one in every])
    asked = statement.asked(group, span)
    read = [name for one in every for name in (one.value, one.condition, one.aggregation.by) if name]
    carried = dict.fromkeys([names.event, *read, *rows.ties])
    event = tree.column(rows.table, names.event)
    pairs = tree.select(
        [
            tree.column(asked, names.row),
            tree.column(asked, names.at),
            *(tree.column(rows.table, name) for name in carried),
        ],
        tree.cte(asked),
    )
    on = tree.equal(asked, rows.table, rows.keys)
    on.append(exp.LTE(this=event, expression=tree.column(asked, names.until)))
    if span.since is not None:
        on.append(exp.GTE(this=event.copy(), expression=tree.column(asked, names.since)))
    if rows.timing.visibility == "created":
        on.append(reach.visible(rows.table, asked, names.created, names.at))
        pairs.append("expressions", tree.column(rows.table, names.created)) if names.created not in carried else None
    tree.join(pairs, tree.cte(rows.table), on, side="LEFT")
    return statement.ctes.add(
        f"{group.role}_pairs", pairs, "each question with the rows that its widest window can hold"
    )
