"""Rows and questions on one time line; where values travel along, in the order that decides every tie.

Then the last row before a question is the latest one: one sort, and no second look at the rows. It is told by the
place it stands at, or, where the engine ignores NULLs and makes records, it is the last record that is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from asof.compiler import tree, types

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from asof.compiler.pit.reach import Reach
    from asof.compiler.pit.resolve import Group
    from asof.compiler.pit.statement import Statement
    from asof.compiler.relation import Rows

_SO_FAR = "so_far"
_NUMBERED = "the place of each row on the time line"
_PLACED = "the place of the latest row so far; the order of the line decides every tie"


def line(
    statement: Statement, group: Group, asked: str, rows: Rows, span: Reach, carried: Sequence[str] = ()
) -> exp.Union:
    """Events, then questions: (row, keys, at, event, since where there is a ttl, ``carried``)."""
    names = statement.names
    until = tree.named(tree.column(asked, names.until), names.at)
    since = span.since is not None
    events = tree.select(
        [tree.named(exp.Null(), names.row), *_of(rows.table, rows.keys),
         tree.named(tree.column(rows.table, names.event), names.at), tree.column(rows.table, names.event),
         *([tree.named(exp.Null(), names.since)] if since else []), *_of(rows.table, carried)],
        tree.cte(rows.table),
    )  # fmt: skip
    questions = tree.select(
        [tree.column(asked, names.row), *_of(asked, rows.keys), until, tree.named(exp.Null(), names.event),
         *([tree.column(asked, names.since)] if since else []),
         *(tree.named(exp.Null(), name) for name in carried)],
        tree.cte(asked),
    )  # fmt: skip
    statement.among_asked(events, group, rows, asked, span)
    return exp.Union(this=events, expression=questions, distinct=False)


def at_instants(
    statement: Statement,
    group: Group,
    rows: Rows,
    span: Reach,
    carried: Iterable[str],
    *,
    asked: str = "",
    labels: Sequence[str] = (),
) -> exp.Union:
    """Events that ``span`` reaches, then ``asked``, each at its instant: (row, ``labels``, keys, at, ``carried``).

    ``labels`` are columns that only ``asked`` has; the questions are asked where nothing else is.
    """
    names, carried = statement.names, list(carried)
    questions = statement.questions(group)
    event = tree.column(rows.table, names.event)
    events = tree.select(
        [*(tree.named(exp.Null(), name) for name in (names.row, *labels)), *_of(rows.table, rows.keys),
         tree.named(event, names.at), *_of(rows.table, carried)],
        tree.cte(rows.table),
    )  # fmt: skip
    statement.among_asked(events, group, rows, questions, span)
    tree.where(events, statement.within_span(span, event.copy()))
    instants = tree.select(
        [*_of("", (names.row, *labels, *rows.keys, names.at)), *(tree.named(exp.Null(), name) for name in carried)],
        tree.cte(asked or questions),
    )
    return exp.Union(this=events, expression=instants, distinct=False)


def window(statement: Statement, rows: Rows, name: str, frame: Reach) -> exp.Window:
    """A window by that name over instants of one key: the rows that ``frame`` reaches."""
    at = tree.column("", statement.names.at)
    first = exp.Ordered(this=at, desc=False, nulls_first=statement.dialect.ascending_nulls_first)
    return exp.Window(
        this=tree.identifier(name),
        partition_by=_of("", rows.keys),
        order=exp.Order(expressions=[first]),
        spec=frame.frame(statement.dialect),
    )


def last_before(
    statement: Statement, group: Group, asked: str, rows: Rows, span: Reach, features: tuple[str, ...]
) -> exp.Select:
    """(row, ``features``) of the last row that stands before each question, no older than ``since``."""
    names = statement.names
    order = tuple(name for name in dict.fromkeys((*rows.ties, *rows.values)) if name not in rows.keys)
    table = statement.ctes.add(
        f"{group.role}_timeline",
        line(statement, group, asked, rows, span, order),
        "rows with their values and questions on one time line",
    )
    window = _so_far(statement, rows, order)
    picked = _records if statement.dialect.records else _places
    framed, values = picked(statement, group, table, window, features)
    if span.since is not None:
        newest = exp.Window(this=exp.Max(this=tree.column("", names.event)), alias=tree.identifier(_SO_FAR))
        framed.append("expressions", tree.column("", names.since))
        framed.append("expressions", tree.named(newest, names.event))
    query = tree.select([tree.column("", names.row), *values], tree.derived(framed, "framed"))
    conditions = [tree.present(tree.column("", names.row))]
    if span.since is not None:
        conditions.append(exp.GTE(this=tree.column("", names.event), expression=tree.column("", names.since)))
    return tree.where(query, conditions)


def _so_far(statement: Statement, rows: Rows, ties: Sequence[str]) -> exp.Window:
    """All that stands before a row: rows of an instant before the questions asked at it, the least of a tie first."""
    first = statement.dialect.ascending_nulls_first
    at = exp.Ordered(this=tree.column("", statement.names.at), desc=False, nulls_first=first)
    return exp.Window(
        this=tree.identifier(_SO_FAR),
        partition_by=_of("", rows.keys),
        order=exp.Order(expressions=[at, *map(tree.earliest_first, _of("", (statement.names.row, *ties)))]),
        spec=exp.WindowSpec(kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", end="CURRENT ROW"),
    )


def _records(
    statement: Statement, _: Group, table: str, window: exp.Window, features: tuple[str, ...]
) -> tuple[exp.Select, list[exp.Expr]]:
    """The values of each row as one record: no NULL among them hides the row."""
    names, dialect = statement.names, statement.dialect
    record = tree.case(_absent(tree.column("", names.row)), dialect.record([(f, tree.column("", f)) for f in features]))
    last = exp.Window(this=exp.IgnoreNulls(this=exp.LastValue(this=record)), alias=tree.identifier(_SO_FAR))
    framed = tree.select([tree.column("", names.row), tree.named(last, names.newest)], tree.cte(table))
    framed.set("windows", [window])
    values: list[exp.Expr] = [tree.named(dialect.field(tree.column("", names.newest), f), f) for f in features]
    return framed, values


def _places(
    statement: Statement, group: Group, table: str, window: exp.Window, features: tuple[str, ...]
) -> tuple[exp.Select, list[exp.Expr]]:
    """Rows are numbered, the greatest number so far names the latest one, and questions alone look up its values."""
    names = statement.names
    number = exp.Window(this=exp.RowNumber(), alias=tree.identifier(_SO_FAR))
    steps: tuple[tuple[str, str, str, exp.Expr], ...] = (
        ("numbered", _NUMBERED, names.place, tree.case(_absent(tree.column("", names.row)), number)),
        ("placed", _PLACED, names.newest,
         exp.Window(this=exp.Max(this=tree.column("", names.place)), alias=tree.identifier(_SO_FAR))),
    )  # fmt: skip
    for name, comment, column, value in steps:
        step = tree.select([exp.Star(), tree.named(value, column)], tree.cte(table))
        step.set("windows", [window.copy()])
        table = statement.ctes.add(f"{group.role}_{name}", step, comment)
    asks = tree.present(tree.column("", names.row))
    place = statement.dialect.cast(tree.column("", names.newest), types.INT32)
    values = [
        tree.named(
            exp.Window(
                this=exp.NthValue(this=tree.column("", feature), offset=tree.case(asks.copy(), place.copy())),
                alias=tree.identifier(_SO_FAR),
            ),
            feature,
        )
        for feature in features
    ]
    framed = tree.select([tree.column("", names.row), *values], tree.cte(table))
    framed.set("windows", [window])
    return framed, _of("", features)


def _absent(value: exp.Expr) -> exp.Expr:
    return exp.Is(this=value, expression=exp.Null())


def _of(table: str, columns: Iterable[str]) -> list[exp.Expr]:
    return [tree.column(table, name) for name in columns]
