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
from asof.compiler.pit import functions, reach, totals

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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
    taken |= {aggregation.column for aggregation in group.view.aggregations}

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
        made |= dict.fromkeys((one.feature for one in paired), _paired(statement, group, rows, paired))
    return made


def _by_event(statement: Statement, rows: Rows) -> bool:
    """Whether the order of events alone says what is visible, and questions are worth a pass over all rows."""
    return not statement.once and rows.timing.visibility == "event"


def _adds_up(statement: Statement, rows: Rows, one: Windowed) -> bool:
    return "ASOF" in statement.dialect.join_methods and _by_event(statement, rows) and totals.adds_up(one)


def _frames(statement: Statement, rows: Rows, one: Windowed) -> bool:
    if not _by_event(statement, rows) or one.aggregation.include_nulls:
        return False
    return statement.dialect.frames(one.function, one.kind)


def _framed(statement: Statement, group: Group, rows: Rows, every: Sequence[Windowed]) -> str:
    names, dialect = statement.names, statement.dialect
    ordered = any(one.aggregation.function in ("first", "last") for one in every)
    carried = dict.fromkeys([*(one.value for one in every), *((names.event, *rows.ties) if ordered else ())])
    line = statement.ctes.add(
        f"{group.role}_timeline",
        _timeline(statement, group, rows, carried, reach.widest([one.reach for one in every])),
        "rows and questions on one time line, each at its own instant",
    )
    frames = {one.window_name: one.reach for one in every}
    values = [
        tree.named(functions.over_frame(dialect, one, rows, names.event, tree.identifier(one.window_name)), one.feature)
        for one in every
    ]
    inner = tree.select([tree.column("", names.row), *values], tree.cte(line))
    inner.set("windows", [_window(statement, rows, name, frame) for name, frame in frames.items()])
    kept = [tree.column("", name) for name in (names.row, *(one.feature for one in every))]
    query = tree.where(tree.select(kept, tree.derived(inner, "framed")), [tree.present(tree.column("", names.row))])
    return statement.ctes.add(f"{group.role}_windows", query, "every window ends before the instant it is asked at")


def _window(statement: Statement, rows: Rows, name: str, frame: reach.Reach) -> exp.Window:
    at = tree.column("", statement.names.at)
    first = exp.Ordered(this=at, desc=False, nulls_first=statement.dialect.ascending_nulls_first)
    return exp.Window(
        this=tree.identifier(name),
        partition_by=[tree.column("", key) for key in rows.keys],
        order=exp.Order(expressions=[first]),
        spec=frame.frame(statement.dialect),
    )


def _timeline(statement: Statement, group: Group, rows: Rows, carried: Iterable[str], span: reach.Reach) -> exp.Union:
    names = statement.names
    carried = list(carried)
    events = tree.select(
        [
            tree.named(exp.Null(), names.row),
            *(tree.column("", key) for key in rows.keys),
            tree.named(tree.column("", names.event), names.at),
            *(tree.column("", name) for name in carried),
        ],
        tree.cte(rows.table),
    )
    tree.where(events, statement.within_span(span, tree.column("", names.event)))
    questions = tree.select(
        [
            tree.column(statement.spine, names.row),
            *statement.key_columns(group),
            tree.column(statement.spine, names.at),
            *(tree.named(exp.Null(), name) for name in carried),
        ],
        tree.cte(statement.spine),
    )
    tree.where(questions, statement.askable(group))
    return exp.Union(this=events, expression=questions, distinct=False)


def _paired(statement: Statement, group: Group, rows: Rows, every: Sequence[Windowed]) -> str:
    names = statement.names
    asked = statement.asked(group, reach.widest([one.reach for one in every]), f"{group.role}_window_asked")
    read = [name for one in every for name in (one.value, one.condition) if name]
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
    if reach.widest([one.reach for one in every]).since is not None:
        on.append(exp.GTE(this=event.copy(), expression=tree.column(asked, names.since)))
    if rows.timing.visibility == "created":
        on.append(reach.visible(rows.table, asked, names.created, names.at))
        pairs.append("expressions", tree.column(rows.table, names.created)) if names.created not in carried else None
    tree.join(pairs, tree.cte(rows.table), on, side="LEFT")
    found = statement.ctes.add(
        f"{group.role}_pairs", pairs, "each question with the rows that its widest window can hold"
    )
    found = _prepared(statement, group, rows, every, found)
    values = [tree.named(functions.over_pairs(statement.dialect, names, one), one.feature) for one in every]
    query = tree.select([tree.column("", names.row), *values], tree.cte(found))
    query.set("group", exp.Group(expressions=[tree.column("", names.row)]))
    return statement.ctes.add(f"{group.role}_exact", query, "every window picks its own rows")


def _prepared(statement: Statement, group: Group, rows: Rows, every: Sequence[Windowed], pairs: str) -> str:
    """Ranks for first and last, means for variances: what needs a look at a question's other rows first."""
    extra = [
        prepared
        for one in every
        if (prepared := functions.prepared(statement.dialect, statement.names, rows, one)) is not None
    ]
    if not extra:
        return pairs
    query = tree.select([exp.Star(), *extra], tree.cte(pairs))
    return statement.ctes.add(f"{group.role}_ranked", query, "ranks and means among the rows of one question")
