"""Latest values: for each row of the spine the greatest visible row by event, created, unique and values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from asof.compiler import tree
from asof.compiler.pit import reach, timeline

if TYPE_CHECKING:
    from asof.compiler.pit.resolve import Group
    from asof.compiler.pit.statement import Statement
    from asof.compiler.relation import Rows


def latest(statement: Statement, group: Group, rows: Rows, features: tuple[str, ...]) -> str:
    """A common table expression of (row, ``features``), at most one line a row of the spine; returns its name."""
    strategy = statement.dialect.latest
    span = reach.of_latest(group.view, rows.timing)
    asked = statement.asked(group, span)
    if strategy == "lateral" and not statement.once:
        query = _probe(statement, group, asked, rows, features)
    elif statement.once or not _by_event(rows):
        order = _order(statement, rows)
        query = _ranked(statement, _pairs(statement, group, asked, rows, features), order, asked, features)
    elif strategy == "timeline":
        query = timeline.last_before(statement, group, asked, rows, span, features)
    else:
        found = statement.ctes.add(
            f"{group.role}_found",
            _found(statement, group, asked, rows, span),
            "when the latest visible row of each question happened",
        )
        query = _ranked(statement, _fetched(statement, found, rows, features), _ties(rows), found, features)
    return statement.ctes.add(f"{group.role}_latest", query, "the latest values; the order below decides every tie")


def _by_event(rows: Rows) -> bool:
    """Whether the event times alone say which row is the latest."""
    return rows.timing.visibility == "event" and not rows.timing.valid_to


def _bounds(statement: Statement, group: Group, asked: str, rows: Rows) -> list[exp.Expr]:
    names = statement.names
    event = tree.column(rows.table, names.event)
    made: list[exp.Expr] = [exp.LTE(this=event, expression=tree.column(asked, names.until))]
    if group.view.ttl is not None:
        made.append(exp.GTE(this=event.copy(), expression=tree.column(asked, names.since)))
    if rows.timing.visibility == "created":
        made.append(reach.visible(rows.table, asked, names.created, names.at))
    if rows.timing.valid_to:
        made.append(reach.valid(rows.table, asked, names.ends, names.at))
    return made


def _found(statement: Statement, group: Group, asked: str, rows: Rows, span: reach.Reach) -> exp.Select:
    if statement.dialect.latest == "asof":
        return _asof(statement, group, asked, rows, span)
    if statement.dialect.latest == "pairs":
        return _greatest(statement, group, asked, rows)
    return _running_maximum(statement, group, asked, rows, span)


def _asof(statement: Statement, group: Group, asked: str, rows: Rows, span: reach.Reach) -> exp.Select:
    """Keys and times alone go through the ASOF join, which sorts: a payload costs more to carry than to fetch."""
    names = statement.names
    columns = [tree.column(rows.table, name) for name in (*rows.keys, names.event)]
    events = statement.among_asked(tree.select(columns, tree.cte(rows.table)), group, rows, asked, span)
    table = statement.ctes.add(f"{group.role}_events", events, "when something happened to a key that is asked about")
    event = tree.column(table, names.event)
    query = tree.select(_keyed(statement, asked, rows, event), tree.cte(asked))
    visible: exp.Expr = exp.GTE(this=tree.column(asked, names.until), expression=event.copy())
    tree.join(query, tree.cte(table), [*tree.equal(asked, table, rows.keys), visible], method="ASOF")
    if group.view.ttl is not None:
        tree.where(query, [exp.GTE(this=event.copy(), expression=tree.column(asked, names.since))])
    return query


def _greatest(statement: Statement, group: Group, asked: str, rows: Rows) -> exp.Select:
    """Each question joined with its rows, of which it keeps a time: no sort, and engines do it in parallel."""
    event = tree.column(rows.table, statement.names.event)
    newest = tree.named(exp.Max(this=event), statement.names.event)
    query = tree.select(_keyed(statement, asked, rows, newest), tree.cte(asked))
    on = tree.equal(asked, rows.table, rows.keys) + _bounds(statement, group, asked, rows)
    tree.join(query, tree.cte(rows.table), on)
    query.set("group", exp.Group(expressions=[tree.column(asked, name) for name in (statement.names.row, *rows.keys)]))
    return query


def _running_maximum(statement: Statement, group: Group, asked: str, rows: Rows, span: reach.Reach) -> exp.Select:
    """Questions and rows on one time line; the greatest event time so far is the latest row's."""
    names = statement.names
    line = tree.derived(timeline.line(statement, group, asked, rows, span), "timeline")
    newest = exp.Window(
        this=exp.Max(this=tree.column("", names.event)),
        partition_by=[tree.column("", key) for key in rows.keys],
        order=exp.Order(expressions=_along_the_line(statement)),
        spec=exp.WindowSpec(
            kind="RANGE" if statement.dialect.range_frames else "ROWS",
            start="UNBOUNDED",
            start_side="PRECEDING",
            end="CURRENT ROW",
        ),
    )
    kept = [names.row, *rows.keys, *([names.since] if group.view.ttl is not None else [])]
    inner = tree.select([*(tree.column("", name) for name in kept), tree.named(newest, names.event)], line)
    outer = tree.select(
        [tree.column("", name) for name in (names.row, *rows.keys, names.event)], tree.derived(inner, "newest")
    )
    conditions = [tree.present(tree.column("", names.row)), tree.present(tree.column("", names.event))]
    if group.view.ttl is not None:
        conditions.append(exp.GTE(this=tree.column("", names.event), expression=tree.column("", names.since)))
    return tree.where(outer, conditions)


def _along_the_line(statement: Statement) -> list[exp.Expr]:
    """In the order of time; where frames count rows, those of an instant come before the questions asked at it."""
    first = statement.dialect.ascending_nulls_first
    order: list[exp.Expr] = [exp.Ordered(this=tree.column("", statement.names.at), desc=False, nulls_first=first)]
    if not statement.dialect.range_frames:
        order.append(exp.Ordered(this=tree.column("", statement.names.row), desc=False, nulls_first=True))
    return order


def _keyed(statement: Statement, asked: str, rows: Rows, event: exp.Expr) -> list[exp.Expr]:
    return [tree.column(asked, name) for name in (statement.names.row, *rows.keys)] + [event]


def _fetched(statement: Statement, found: str, rows: Rows, features: tuple[str, ...]) -> exp.Select:
    """The rows of the times found. Engines that do not count first build a hash table of the right: the few."""
    names = statement.names
    query = tree.select(
        [tree.column(found, names.row), *(tree.column(rows.table, f) for f in features)], tree.cte(rows.table)
    )
    on = tree.equal(found, rows.table, (*rows.keys, names.event))
    return tree.join(query, tree.cte(found), on)


def _pairs(statement: Statement, group: Group, asked: str, rows: Rows, features: tuple[str, ...]) -> exp.Select:
    names = statement.names
    query = tree.select(
        [tree.column(asked, names.row), *(tree.column(rows.table, f) for f in features)], tree.cte(asked)
    )
    on = tree.equal(asked, rows.table, rows.keys) + _bounds(statement, group, asked, rows)
    return tree.join(query, tree.cte(rows.table), on)


def _order(statement: Statement, rows: Rows) -> list[exp.Expr]:
    """Latest first. Event times are never NULL, so they sort as an index does."""
    event = exp.Ordered(
        this=tree.column(rows.table, statement.names.event),
        desc=True,
        nulls_first=statement.dialect.nulls_first_descending,
    )
    return [event, *_ties(rows)]


def _ties(rows: Rows) -> list[exp.Expr]:
    """What decides between rows of one event time; sorts by no more, as each key costs."""
    order = dict.fromkeys((*rows.ties, *rows.values))
    return [tree.latest_first(tree.column(rows.table, name)) for name in order]


def _ranked(
    statement: Statement,
    pairs: exp.Select,
    order: list[exp.Expr],
    asked: str,
    features: tuple[str, ...],
) -> exp.Select:
    names = statement.names
    rank = exp.Window(
        this=exp.RowNumber(),
        partition_by=[tree.column(asked, names.row)],
        order=exp.Order(expressions=order),
    )
    pairs.append("expressions", tree.named(rank, names.rank))
    query = tree.select([tree.column("", name) for name in (names.row, *features)], tree.derived(pairs, "ranked"))
    return tree.where(query, [exp.EQ(this=tree.column("", names.rank), expression=exp.Literal.number(1))])


def _probe(statement: Statement, group: Group, asked: str, rows: Rows, features: tuple[str, ...]) -> exp.Select:
    inner = tree.select([tree.column(rows.table, f) for f in features], tree.cte(rows.table))
    tree.where(inner, tree.equal(rows.table, asked, rows.keys) + _bounds(statement, group, asked, rows))
    inner.set("order", exp.Order(expressions=_order(statement, rows)))
    inner.set("limit", exp.Limit(expression=exp.Literal.number(1)))
    query = tree.select(
        [tree.column(asked, statement.names.row), *(tree.column("newest", f) for f in features)], tree.cte(asked)
    )
    lateral = exp.Lateral(this=exp.Subquery(this=inner), alias=exp.TableAlias(this=tree.identifier("newest")))
    return tree.join(query, lateral, [])
