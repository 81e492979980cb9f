"""What goes into an online store, and what shows or checks a view offline: statements about one view each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from sqlglot import exp

from asof.compiler import shape, support, tree, types
from asof.compiler.certificate import Claim
from asof.compiler.diagnostics import DiagnosticError, in_order
from asof.compiler.dialects import spoken
from asof.compiler.emit import Compiled, Draft, emit
from asof.compiler.pit import windows
from asof.compiler.pit.latest import latest
from asof.compiler.pit.partitions import Extent, another_day, reached
from asof.compiler.pit.request import Names, OutputColumn
from asof.compiler.pit.resolve import Group
from asof.compiler.pit.statement import Statement
from asof.compiler.pit.training import empty, names_in
from asof.compiler.relation import Binder
from asof.compiler.source import NOWHERE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from asof.compiler.dialects import Dialect
    from asof.compiler.model import FeatureView, Repo
    from asof.compiler.relation import Rows

PARAMETER = "as_of"
"""The parameter that stands for the instant where none is given."""

EVENT, CREATED = "event_timestamp", "created_timestamp"
HELD = ("held_from", "held_until")
"""Where versions end: since when the one that holds does, and until when."""


def materialize_query(
    repo: Repo, view: FeatureView, *, target: str, dialect: str, as_of: datetime | None, header: tuple[str, ...] = ()
) -> Compiled:
    """One row for each entity seen by ``as_of`` (UTC): join keys, ``event_timestamp``, ``created_timestamp``, features.

    Where versions end, ``event_timestamp`` is the entity's last change, and HELD come before the features.
    Values equal those of a training query at that instant, but for the ttl: a row too old to be served is
    left to its reader, who knows ``event_timestamp``. None leaves the parameter ``as_of`` in the text.
    """

    def draft(made: Dialect) -> Draft:
        instant = made.instant(as_of) if as_of else made.cast(exp.Placeholder(this=PARAMETER), types.TIMESTAMP)
        return _materialized(repo, view, target, made, Extent(instant=instant, latest=as_of), header)

    return _compiled(repo, view, dialect, draft)


def view_query(repo: Repo, view: FeatureView, *, target: str, dialect: str, header: tuple[str, ...] = ()) -> Compiled:
    """The rows of a view with a ``query``, under the names of its definition: the body of an offline view."""

    def draft(made: Dialect) -> Draft:
        binder = _binder(repo, view, target, made)
        name = binder.view(view)
        columns = _own_columns(repo, view)
        query = tree.select([tree.column("", column.name) for column in columns], tree.cte(name))
        return Draft(name=view.name, query=binder.ctes.over(query), columns=columns, claim=None, header=header)

    return _compiled(repo, view, dialect, draft)


def checks_query(repo: Repo, view: FeatureView, *, target: str, dialect: str, header: tuple[str, ...] = ()) -> Compiled:
    """One row for each built-in check of the view's rows: ``check`` and ``rows``, how many break it."""

    def draft(made: Dialect) -> Draft:
        binder = _binder(repo, view, target, made)
        columns = (OutputColumn(name="check", type=types.STRING), OutputColumn(name="rows", type=types.INT64))
        query = _checks(binder, view)
        return Draft(name=view.name, query=query, columns=columns, claim=None, header=header)

    return _compiled(repo, view, dialect, draft)


def _compiled(repo: Repo, view: FeatureView, dialect: str, make: Callable[[Dialect], Draft]) -> Compiled:
    chosen = spoken(dialect)
    if chosen is None:
        return Compiled(diagnostics=(support.NO_DIALECT.at(NOWHERE, f"no SQL is made for {dialect!r}"),))
    problems = tuple(support.unsupported(repo, view, chosen))
    if problems:
        return Compiled(diagnostics=in_order(problems))
    try:
        return emit(make(chosen), chosen)
    except DiagnosticError as error:
        return Compiled(diagnostics=in_order(error.diagnostics))


def _group(repo: Repo, view: FeatureView) -> Group:
    keys = tuple((key.name, key.name) for key in shape.join_keys(repo, view))
    return Group(view=msgspec.structs.replace(view, ttl=None), role=view.name, keys=keys, features=shape.features(view))


def _binder(repo: Repo, view: FeatureView, target: str, dialect: Dialect) -> Binder:
    names = Names.apart_from(names_in(repo, _group(repo, view)))
    ctes = tree.Ctes(dialect.identifier_length, shape.physical_tables(repo, view, target))
    return Binder(repo=repo, target=target, dialect=dialect, names=names, ctes=ctes, made={}, witnesses={})


def _own_columns(repo: Repo, view: FeatureView) -> tuple[OutputColumn, ...]:
    timing, kinds = shape.timing_of(repo, view), shape.column_types(repo, view)
    keys = [key.name for key in shape.join_keys(repo, view)]
    inputs = [name for a in view.aggregations for name in (a.column, a.by) if name]
    times = [timing.timestamp_field, timing.created_timestamp_column]
    names = dict.fromkeys([*keys, *times, *timing.unique, *(c.name for c in view.schema), *inputs])
    return tuple(OutputColumn(name=name, type=kinds.get(name), lineage=(view.address,)) for name in names if name)


def _materialized(
    repo: Repo, view: FeatureView, target: str, dialect: Dialect, extent: Extent, header: tuple[str, ...]
) -> Draft:
    group, binder = _group(repo, view), _binder(repo, view, target, dialect)
    names = binder.names
    binder.pruned.update(reached(repo, [group], extent, any_age=True))
    draft = Statement(binder=binder, spine="", once=True)
    read = windows.inputs(draft, group) if view.aggregations else windows.Inputs({}, {}, {})
    columns = [column.name for column in view.schema]
    columns += [name for a in view.aggregations for name in (a.column, a.by) if name]
    rows = binder.rows(view, columns, read.expressions)
    statement = Statement(binder=binder, spine=_entities(binder, group, rows, extent), once=True)
    times = (names.event, *((names.created,) if rows.timing.created_timestamp_column else ()))
    held = (names.event, names.ends) if rows.timing.valid_to else ()
    read_of_newest = dict.fromkeys((*times, *held, *(column.name for column in view.schema)))
    newest = latest(statement, group, rows, tuple(read_of_newest))
    homes = dict.fromkeys((column.name for column in view.schema), newest)
    if view.aggregations:
        homes |= windows.windowed(statement, group, rows, read, tuple(shape.windows(view)))
    kinds = shape.feature_types(repo, view)
    # Where versions end, the entity's last change says when, whichever version holds: what is served never goes back.
    happened = tree.column(statement.spine if rows.timing.valid_to else newest, names.event)
    created: exp.Expr = (
        dialect.untick(tree.column(newest, names.created))
        if len(times) > 1
        else dialect.cast(exp.Null(), types.TIMESTAMP)
    )
    query = tree.select(
        [
            *(tree.column(statement.spine, key) for key, _ in group.keys),
            tree.named(dialect.untick(happened), EVENT),
            tree.named(created, CREATED),
            *(tree.named(dialect.untick(tree.column(newest, n)), name) for n, name in zip(held, HELD, strict=False)),
            *(
                tree.called(
                    tree.column(homes[name], name) if homes[name] else empty(statement, group, name, kinds[name]), name
                )
                for name in group.features
            ),
        ],
        tree.cte(statement.spine),
    )
    for home in dict.fromkeys([newest, *(home for home in homes.values() if home)]):
        on: list[exp.Expr] = [
            exp.EQ(this=tree.column(home, names.row), expression=tree.column(statement.spine, names.row))
        ]
        tree.join(query, tree.cte(home), on, side="" if home == newest and not rows.timing.valid_to else "LEFT")
    return Draft(
        name=view.name,
        query=binder.ctes.over(query),
        columns=_yielded(repo, view, kinds, (EVENT, CREATED, *HELD[: len(held)])),
        claim=Claim(spine=statement.spine, row=names.row, instant=names.at, sources=binder.witnesses),
        header=header,
    )


def _yielded(
    repo: Repo, view: FeatureView, kinds: Mapping[str, types.Type], times: tuple[str, ...]
) -> tuple[OutputColumn, ...]:
    """The columns of what is materialized: join keys, ``times``, features."""
    keys = [OutputColumn(name=key.name, type=key.type, lineage=(view.address,)) for key in shape.join_keys(repo, view)]
    stamps = [OutputColumn(name=name, type=types.TIMESTAMP, lineage=(view.address,)) for name in times]
    features = [
        OutputColumn(name=name, type=kinds[name], lineage=(f"{view.address}.{name}",)) for name in shape.features(view)
    ]
    return (*keys, *stamps, *features)


def _entities(binder: Binder, group: Group, rows: Rows, extent: Extent) -> str:
    """The entities that the source has rows of, each asked about once, at the instant."""
    names, instant = binder.names, extent.asked
    keys: list[exp.Expr] = [tree.column("", key) for key, _ in group.keys]
    once = binder.dialect.evaluates_once or None
    first = binder.dialect.ascending_nulls_first
    order = [exp.Ordered(this=key.copy(), desc=False, nulls_first=first) for key in keys]
    number = exp.Window(
        this=exp.RowNumber(), order=None if binder.dialect.evaluates_once else exp.Order(expressions=order)
    )
    at = tree.named(binder.dialect.tick(instant), names.at)
    if rows.timing.valid_to:
        changed = tree.derived(_changed(binder, rows, keys, instant), "changed")
        row = number if keys else exp.Literal.number(1)
        query = tree.select([tree.named(row, names.row), *keys, at, tree.column("", names.event)], changed)
        return binder.ctes.add("entities", query, "whom something is known of, and since when", materialized=once)
    if not keys:
        query = tree.select([tree.named(exp.Literal.number(1), names.row), at])
        return binder.ctes.add("entities", query, "there is one entity: everything", materialized=once)
    inner = tree.select([key.copy() for key in keys], tree.cte(rows.table))
    inner.set("distinct", exp.Distinct())
    query = tree.select([tree.named(number, names.row), *keys, at], tree.derived(inner, "seen"))
    return binder.ctes.add("entities", query, "whom the source has rows of, each asked about once", materialized=once)


def _changed(binder: Binder, rows: Rows, keys: list[exp.Expr], instant: exp.Expr) -> exp.Select:
    """Whom something is known of at the instant, and when the last version started, whether it still holds or not."""
    dialect, names, timing = binder.dialect, binder.names, rows.timing
    event, at = tree.column("", names.event), dialect.tick(instant.copy())
    known: list[exp.Expr] = [exp.LTE(this=event, expression=dialect.minus(at, timing.delay))]
    if timing.visibility == "created":
        known.append(exp.LTE(this=tree.column("", names.created), expression=at.copy()))
    last = tree.named(exp.Max(this=event.copy()), names.event)
    query = tree.where(tree.select([*(key.copy() for key in keys), last], tree.cte(rows.table)), known)
    if keys:
        query.set("group", exp.Group(expressions=[key.copy() for key in keys]))
    else:
        query.set("having", exp.Having(this=exp.GT(this=exp.Count(this=exp.Star()), expression=exp.Literal.number(0))))
    return query


def _checks(binder: Binder, view: FeatureView) -> exp.Query:
    repo, dialect = binder.repo, binder.dialect
    timing, kinds = shape.timing_of(repo, view), shape.column_types(repo, view)
    table = binder.view(view)
    keys = [key.name for key in shape.join_keys(repo, view)]
    arms = [_count(dialect, f"{key} is null", table, _null(key)) for key in keys]
    arms.append(_count(dialect, f"{timing.timestamp_field} is null", table, _null(timing.timestamp_field)))
    created = timing.created_timestamp_column
    if created:
        event = binder.time(view, timing.timestamp_field, kinds)
        known = binder.time(view, created, kinds)
        arms.append(_count(dialect, "created before its event", table, exp.LT(this=known, expression=event)))
    day = shape.partition_of(repo, view)
    if day is not None and dialect.prunes != "nothing":
        event = dialect.tick(binder.time(view, timing.timestamp_field, kinds))
        astray = another_day(tree.column("", day.name), day.type, event, dialect)
        arms.append(_count(dialect, f"{day.name} is no date of its {timing.timestamp_field}", table, astray))
    order = [*keys, timing.timestamp_field, *([created] if created else []), *timing.unique]
    alike = tree.select([tree.named(exp.Count(this=exp.Star()), "rows")], tree.cte(table))
    tree.where(alike, [tree.present(tree.column("", name)) for name in (*keys, timing.timestamp_field)])
    alike.set("group", exp.Group(expressions=[tree.column("", name) for name in order]))
    alike.set("having", exp.Having(this=exp.GT(this=exp.Count(this=exp.Star()), expression=exp.Literal.number(1))))
    total = exp.Coalesce(this=exp.Sum(this=tree.column("", "rows")), expressions=[exp.Literal.number(0)])
    arms.append(_check(dialect, "a tie that only feature values decide", total, tree.derived(alike, "alike")))
    query: exp.Query = arms[0]
    for arm in arms[1:]:
        query = exp.Union(this=query, expression=arm, distinct=False)
    query.set("with_", binder.ctes.over(exp.Select()).args.get("with_"))
    return query


def _null(name: str) -> exp.Expr:
    return exp.Is(this=tree.column("", name), expression=exp.Null())


def _count(dialect: Dialect, check: str, table: str, broken: exp.Expr) -> exp.Select:
    return tree.where(_check(dialect, check, exp.Count(this=exp.Star()), tree.cte(table)), [broken])


def _check(dialect: Dialect, check: str, count: exp.Expr, source: exp.Expr) -> exp.Select:
    label = dialect.cast(exp.Literal.string(check), types.STRING)
    return tree.select([tree.named(label, "check"), tree.named(dialect.cast(count, types.INT64), "rows")], source)
