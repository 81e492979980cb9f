"""Feature views: where rows come from, keys, features, windows; and circles among views."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asof.compiler import shape
from asof.compiler.check import rules
from asof.compiler.check.aggregations import check_aggregation, check_inputs
from asof.compiler.check.scope import columns_of, source_behind
from asof.compiler.model import DataSource, Entity, FeatureView, OnDemandFeatureView, StreamFeatureView
from asof.compiler.query import SqlSyntaxError, outline

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asof.compiler.check.scope import Pointer, Scope
    from asof.compiler.model import Repo
    from asof.compiler.types import Type


def check_view(scope: Scope, view: FeatureView) -> None:
    """Where rows come from, and that keys and features are among them."""
    _check_origin(scope, view)
    columns: Mapping[str, Type] | None = None
    source = source_behind(scope.repo, view) if not view.query else None
    if source is not None:
        columns = columns_of(source)
        if not source.timing.timestamp_field and source.type == "batch":
            hint = f"give `{source.name}` a timestamp_field"
            field = "stream" if isinstance(view, StreamFeatureView) else "source"
            scope.report(rules.NO_TIME, f"rows of `{source.name}` have no time", field, hint=hint)
    owner = source.name if source else ""
    _check_keys(scope, view, columns, owner)
    for at, feature in enumerate(view.schema):
        kind = scope.column(feature.name, columns, owner, "schema", at, "name")
        if kind is not None and kind != feature.type:
            message = f"`{feature.name}` is {kind} in `{owner}` and {feature.type} here"
            scope.report(rules.COLUMN_TYPE, message, "schema", at, "type", word=str(kind))
    for at, aggregation in enumerate(view.aggregations):
        check_aggregation(scope, aggregation, at, columns, owner)
    if view.aggregations and shape.upstream(scope.repo, view).query:
        check_inputs(scope, view)
    if view.ttl is not None and not view.ttl.microseconds:
        scope.report(rules.NO_TTL, "a ttl of nothing leaves no value", "ttl", hint="leave it out for any age")
    if view.max_age is not None and not view.max_age.microseconds:
        hint = "leave it out for the length of the shortest window"
        scope.report(rules.NO_TTL, "a max_age of nothing serves no value", "max_age", hint=hint)
    scope.repeated(_names(scope, view), "features and join keys")


def _check_origin(scope: Scope, view: FeatureView) -> None:
    if isinstance(view, StreamFeatureView):
        stream = scope.find("source", view.stream, "stream")
        if isinstance(stream, DataSource) and stream.type in ("batch", "request"):
            message = f"`{stream.name}` is a {stream.type} source; a stream is kafka, kinesis or push"
            scope.report(rules.WRONG_KIND, message, "stream")
        elif isinstance(stream, DataSource) and not stream.batch_source and not view.query:
            hint = f"name the batch_source of `{stream.name}`: training sets are made of it"
            scope.report(rules.NO_HISTORY, f"`{stream.name}` keeps no history", "stream", hint=hint)
    elif view.source:
        found = scope.find("source or view", view.source, "source")
        if isinstance(found, DataSource) and found.type == "request":
            message = f"`{found.name}` is a request source: its values come with a request and are not kept"
            scope.report(rules.WRONG_KIND, message, "source")
        elif isinstance(found, DataSource) and found.type != "batch" and not found.batch_source:
            hint = f"name the batch_source of `{found.name}`: training sets are made of it"
            scope.report(rules.NO_HISTORY, f"`{found.name}` keeps no history", "source", hint=hint)
        elif isinstance(found, OnDemandFeatureView):
            scope.report(rules.WRONG_KIND, f"`{found.name}` is computed on demand and keeps no rows", "source")


def _check_keys(scope: Scope, view: FeatureView, columns: Mapping[str, Type] | None, owner: str) -> None:
    for at, name in enumerate(view.entities):
        entity = scope.find("entity", name, "entities", at)
        for key in entity.join_keys if isinstance(entity, Entity) else ():
            if columns is not None and key.name not in columns:
                message = f"`{owner}` has no column `{key.name}`, a join key of `{name}`"
                hint = f"map one to it: field_mapping of `{owner}`"
                scope.report(rules.UNKNOWN_COLUMN, message, "entities", at, hint=hint)
            elif columns is not None and columns[key.name] != key.type:
                message = f"the join key `{key.name}` is {key.type} in `{name}` and {columns[key.name]} in `{owner}`"
                scope.report(rules.COLUMN_TYPE, message, "entities", at)


def _names(scope: Scope, view: FeatureView) -> list[tuple[str, Pointer]]:
    names: list[tuple[str, Pointer]] = []
    for at, name in enumerate(view.entities):
        entity = scope.repo.entity(name)
        names += [(key.name, ("entities", at)) for key in (entity.join_keys if entity else ())]
    names += [(c.name, ("schema", at, "name")) for at, c in enumerate(view.schema)]
    for at, aggregation in enumerate(view.aggregations):
        windows = list(dict.fromkeys(aggregation.windows))
        places = {w: aggregation.windows.index(w) for w in windows}
        names += [(aggregation.feature_name(w), ("aggregations", at, "windows", places[w])) for w in windows]
    return names


def check_on_demand(scope: Scope, view: OnDemandFeatureView) -> None:
    """An on-demand view reads views and request sources."""
    for at, name in enumerate(view.sources):
        found = scope.find("source or view", name, "sources", at)
        if isinstance(found, DataSource) and found.type != "request":
            message = f"`{name}` is a {found.type} source; an on-demand view reads views and request sources"
            scope.report(rules.WRONG_KIND, message, "sources", at)
    names: list[tuple[str, Pointer]] = [(f.name, ("features", at, "name")) for at, f in enumerate(view.features)]
    scope.repeated(names, "features")


def check_cycles(repo: Repo, scopes: Mapping[str, Scope]) -> None:
    """Report each circle of views once, at its first view by name."""
    edges = {
        d.name: _reads(repo, d) for d in repo.definitions.values() if isinstance(d, FeatureView | OnDemandFeatureView)
    }
    done: set[str] = set()
    for start in sorted(edges):
        circle = _circle(start, edges, done)
        if circle:
            name = min(circle)
            at = circle.index(name)
            ring = [*circle[at:], *circle[:at], name]
            view = repo.view(name)
            if view is not None:
                pointer = "sources" if isinstance(view, OnDemandFeatureView) else "query" if view.query else "source"
                message = f"`{name}` depends on itself: {' -> '.join(ring)}"
                scopes[view.address].report(rules.CYCLE, message, pointer, key=True)


def _circle(start: str, edges: Mapping[str, tuple[str, ...]], done: set[str]) -> list[str]:
    """The first circle reachable from ``start`` that no earlier search has seen; iterative, for long chains."""
    stack = [(start, iter(edges.get(start, ())))] if start not in done else []
    path = [name for name, _ in stack]
    on_path = set(path)
    while stack:
        for follower in stack[-1][1]:
            if follower in on_path:
                done.update(path)
                return path[path.index(follower) :]
            if follower in edges and follower not in done:
                stack.append((follower, iter(edges[follower])))
                path.append(follower)
                on_path.add(follower)
                break
        else:
            left = path.pop()
            on_path.discard(left)
            done.add(left)
            stack.pop()
    return []


def _reads(repo: Repo, view: FeatureView | OnDemandFeatureView) -> tuple[str, ...]:
    if isinstance(view, OnDemandFeatureView):
        return tuple(name for name in view.sources if repo.source(name) is None)
    if not view.query:
        return (view.source,) if view.source and repo.source(view.source) is None else ()
    try:
        names = outline(view.query, repo.project.sql_dialect).tables
    except SqlSyntaxError:
        return ()
    return tuple(name for name in names if repo.source(name) is None)
