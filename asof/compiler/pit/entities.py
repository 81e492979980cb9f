"""A spine made of time alone: every entity that the views of a request have seen, at each of some instants."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from sqlglot import exp

from asof.compiler import shape, support, tree, types
from asof.compiler.diagnostics import DiagnosticError, in_order
from asof.compiler.dialects import spoken
from asof.compiler.emit import Compiled, Draft, emit
from asof.compiler.pit.partitions import Extent, reached
from asof.compiler.pit.request import Names, OutputColumn
from asof.compiler.pit.resolve import groups, needed, outputs
from asof.compiler.pit.training import names_in
from asof.compiler.relation import Binder
from asof.compiler.source import NOWHERE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from asof.compiler.dialects import Dialect
    from asof.compiler.model import Repo
    from asof.compiler.pit.request import TrainingRequest
    from asof.compiler.pit.resolve import Group
    from asof.compiler.relation import Rows
    from asof.compiler.types import Type

_ARMS = 200
"""The most SELECTs of one union: SQLite takes 500, and deep trees are slow everywhere."""

Keys = tuple[str, ...]


def entities_query(
    repo: Repo,
    request: TrainingRequest,
    instants: Sequence[datetime],
    *,
    target: str,
    dialect: str,
    timestamp: str,
    most: int,
) -> Compiled:
    """One row for each instant and each entity that was seen by then: its keys and ``timestamp``, in that order.

    An entity is a combination of keys that stand together in a row of some view. Views with fewer keys than another
    follow that one; where no view holds all keys, the combinations of several are joined on the keys they share.
    At most ``most`` rows come back, so that the caller can tell that there are more.
    """
    chosen = spoken(dialect)
    if chosen is None:
        return Compiled(diagnostics=(support.NO_DIALECT.at(NOWHERE, f"no SQL is made for {dialect!r}"),))
    try:
        wanted = dict.fromkeys(one for output in outputs(repo, request) for one in needed(repo, output.value))
        found = groups(repo, request, wanted)
        problems = [problem for group in found for problem in support.unsupported(repo, group.view, chosen)]
        if problems:
            return Compiled(diagnostics=in_order(problems))
        return emit(_draft(repo, request.name, found, instants, target, chosen, timestamp, most), chosen)
    except DiagnosticError as error:
        return Compiled(diagnostics=in_order(error.diagnostics))


def key_columns(repo: Repo, found: Sequence[Group]) -> Mapping[str, Type]:
    """The spine's key columns behind the groups, in the order of first mention."""
    kinds: dict[str, Type] = {}
    for group in found:
        declared = {key.name: key.type for key in shape.join_keys(repo, group.view)}
        for key, column in group.keys:
            kinds.setdefault(column, declared[key])
    return kinds


def _draft(
    repo: Repo,
    name: str,
    found: Sequence[Group],
    instants: Sequence[datetime],
    target: str,
    dialect: Dialect,
    timestamp: str,
    most: int,
) -> Draft:
    taken = {timestamp}.union(*(names_in(repo, group) for group in found))
    hidden = set[str]().union(*(shape.physical_tables(repo, group.view, target) for group in found))
    names = Names.apart_from(taken | set(key_columns(repo, found)))
    ctes = tree.Ctes(dialect.identifier_length, hidden)
    binder = Binder(repo=repo, target=target, dialect=dialect, names=names, ctes=ctes, made={}, witnesses={})
    moments = _instants(binder, instants)
    extent = Extent(spine=moments, at=names.at, earliest=min(instants), latest=max(instants))
    binder.pruned.update(reached(repo, found, extent, any_age=True))
    tables = [(keys, _known(binder, keys, some)) for keys, some in _together(found).items()]
    kinds = key_columns(repo, found)
    at = tree.column(moments, names.at)
    query = tree.select([], tree.cte(moments))
    homes: dict[str, str] = {}
    conditions: list[exp.Expr] = []
    for keys, table in tables:
        shared: list[exp.Expr] = [
            exp.EQ(this=tree.column(homes[key], key), expression=tree.column(table, key))
            for key in keys
            if key in homes
        ]
        conditions += [*shared, exp.LTE(this=tree.column(table, names.since), expression=at.copy())]
        query.append("joins", exp.Join(this=tree.cte(table), kind="CROSS"))
        homes |= {key: table for key in keys if key not in homes}
    values: list[exp.Expr] = [tree.column(homes[key], key) for key in kinds]
    query.set("expressions", [*values, tree.named(dialect.untick(at.copy()), timestamp)])
    tree.where(query, conditions)
    first = dialect.ascending_nulls_first
    order = [exp.Ordered(this=value.copy(), desc=False, nulls_first=first) for value in (at, *values)]
    query.set("order", exp.Order(expressions=order))
    query.set("limit", exp.Limit(expression=exp.Literal.number(most)))
    columns = [OutputColumn(name=key, type=kind) for key, kind in kinds.items()]
    return Draft(
        name=name,
        query=ctes.over(query),
        columns=(*columns, OutputColumn(name=timestamp, type=types.TIMESTAMP)),
        claim=None,
    )


def _together(found: Sequence[Group]) -> dict[Keys, list[Group]]:
    """Groups by the spine's columns that hold their keys, without those whose columns another one has as well."""
    by_keys: dict[frozenset[str], list[Group]] = {}
    for group in found:
        by_keys.setdefault(frozenset(column for _, column in group.keys), []).append(group)
    widest = {keys: some for keys, some in by_keys.items() if keys and not any(keys < other for other in by_keys)}
    return {tuple(column for _, column in some[0].keys): some for some in widest.values()}


def _instants(binder: Binder, instants: Sequence[datetime]) -> str:
    """The common table expression of the instants."""
    dialect, at = binder.dialect, binder.names.at
    arms = [tree.select([tree.named(dialect.tick(dialect.instant(moment)), at)]) for moment in instants]
    parts = [_union(arms[first : first + _ARMS]) for first in range(0, len(arms), _ARMS)]
    comment = "the instants asked about"
    if len(parts) == 1:
        return binder.ctes.add("instants", parts[0], comment)
    names = [binder.ctes.add(f"instants_{number}", part, comment) for number, part in enumerate(parts, 1)]
    whole = _union([tree.select([tree.column("", at)], tree.cte(name)) for name in names])
    return binder.ctes.add("instants", whole, "all of them")


def _known(binder: Binder, keys: Keys, found: Sequence[Group]) -> str:
    """The common table expression of the combinations of ``keys``, and when each was seen for the first time."""
    names = binder.names
    # Views of one source under the same keys know the same entities.
    origins = {(_origin(binder.repo, group), group.keys): group for group in reversed(found)}
    arms = [_seen(binder, keys, group) for group in reversed(origins.values())]
    since = tree.column("", names.since)
    query = tree.select(
        [*(tree.column("", key) for key in keys), tree.named(exp.Min(this=since), names.since)],
        tree.derived(_union(arms), "seen"),
    )
    query.set("group", exp.Group(expressions=[tree.column("", key) for key in keys]))
    return binder.ctes.add(
        f"{'_and_'.join(keys)}_known", query, "whom the rows are about, and when each was seen for the first time"
    )


def _origin(repo: Repo, group: Group) -> str:
    base = shape.upstream(repo, group.view)
    return base.address if base.query else shape.source_of(repo, base).address


def _seen(binder: Binder, keys: Keys, group: Group) -> exp.Select:
    """(keys, since when the row can be seen) of each row of a view."""
    rows = binder.rows(group.view, (), {})
    spine = {column: key for key, column in group.keys}
    values: list[exp.Expr] = [tree.called(tree.column(rows.table, spine[column]), column) for column in keys]
    query = tree.select([*values, tree.named(_visible_from(binder, rows), binder.names.since)], tree.cte(rows.table))
    if rows.timing.visibility == "created":
        tree.where(query, [tree.present(tree.column(rows.table, binder.names.created))])
    return query


def _visible_from(binder: Binder, rows: Rows) -> exp.Expr:
    names, dialect, delay = binder.names, binder.dialect, rows.timing.delay
    event: exp.Expr = tree.column(rows.table, names.event)
    if delay.microseconds:
        event = exp.Add(this=event, expression=dialect.length(delay))
    if rows.timing.visibility != "created":
        return event
    created = tree.column(rows.table, names.created)
    later = exp.If(this=exp.GT(this=created, expression=event.copy()), true=created.copy())
    return exp.Case(ifs=[later], default=event)


def _union(arms: Sequence[exp.Query]) -> exp.Query:
    return reduce(lambda left, right: exp.Union(this=left, expression=right, distinct=False), arms)
