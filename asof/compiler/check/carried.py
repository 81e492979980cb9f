"""Whether a target carries out what is defined: all that compile, apply, materialize or history would refuse later.

What the definitions and the target tell is said while they are checked. Only what can be refused is compiled: users'
SQL, locations that the store may not read, and names and counts near the limits of an engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from asof.compiler import shape, support
from asof.compiler.artifacts import artifacts
from asof.compiler.check import rules
from asof.compiler.diagnostics import DiagnosticError, in_order
from asof.compiler.dialects import DIALECTS, of_store
from asof.compiler.dialects.paths import parsed
from asof.compiler.model import FeatureService, FeatureView, OnDemandFeatureView, SavedDataset
from asof.compiler.query import parse_expression
from asof.compiler.source import NOWHERE
from asof.compiler.translate import translated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asof.compiler.diagnostics import Diagnostic
    from asof.compiler.dialects import Dialect
    from asof.compiler.model import AnyDefinition, DataSource, Repo, Target

_MANY = 50
"""Features of a service from which on its statement may be larger than an engine allows."""
_ONLINE = DIALECTS["duckdb"]
"""Computes on-demand features when they are served."""
_LASTING = {"duckdb": ":memory:"}
"""Offline stores that forget everything at the end of a session where no path is given, and the word for that."""


def check_carried(repo: Repo, target: Target) -> tuple[Diagnostic, ...]:
    """Errors for what ``target`` cannot carry out. ``repo`` has no other errors."""
    dialect = of_store(target.offline.type)
    found = list(_forgotten(repo, target))
    if dialect is None:
        return in_order(found)
    for address, definition in repo.definitions.items():
        if address in repo.others:
            continue
        if isinstance(definition, FeatureView | OnDemandFeatureView):
            found += _cut(repo, definition, dialect)
        if isinstance(definition, OnDemandFeatureView):
            found += _untranslated(repo, definition, dialect)
            if target.online is not None and dialect is not _ONLINE:
                found += _untranslated(repo, definition, _ONLINE)
        elif isinstance(definition, FeatureView) and not _needs_compiling(repo, definition, target, dialect):
            found += support.unsupported(repo, definition, dialect)
        elif isinstance(definition, FeatureView) or _may_be_refused(repo, definition, dialect):
            found += artifacts(repo, target=target.name, serial=0, only=address).diagnostics
    return in_order(dict.fromkeys(found))


def _forgotten(repo: Repo, target: Target) -> Iterator[Diagnostic]:
    """Views over queries are made in the offline store, and the next session has to find them there."""
    word = _LASTING.get(target.offline.type)
    path = str(dict(target.offline.options).get("path", word))
    asking = [d for d in repo.definitions.values() if isinstance(d, FeatureView) and d.query]
    if word is None or path not in (word, "") or not asking or target.online is None:
        return
    origin = repo.origins.get("")
    span = origin.value("targets", target.name, "offline") if origin else NOWHERE
    message = f"target {target.name!r} keeps its database in memory, and the view of `{asking[0].name}` has to last"
    hint = "give the offline store a path, such as `path: .asof/offline.duckdb`"
    yield rules.FORGOTTEN.at(span, message, notes=(hint,))


def _cut(repo: Repo, view: FeatureView | OnDemandFeatureView, dialect: Dialect) -> Iterator[Diagnostic]:
    """Features whose own names no query of the engine can give back."""
    for name in shape.features(view):
        if _too_long([name], dialect):
            message = f"{name!r} is longer than the {dialect.identifier_length} bytes that {dialect.name} keeps"
            yield support.TOO_LONG.at(support.span_of(repo, view.address, "name"), message, address=view.address)


def _needs_compiling(repo: Repo, view: FeatureView, target: Target, dialect: Dialect) -> bool:
    base = shape.upstream(repo, view)
    if base.query or any(aggregation.where for aggregation in view.aggregations):
        return True
    features = shape.features(view)
    return _may_be_unreadable(shape.source_of(repo, base), target, dialect) or len(features) > _MANY


def _may_be_refused(repo: Repo, definition: AnyDefinition, dialect: Dialect) -> bool:
    if isinstance(definition, SavedDataset):
        return True
    if not isinstance(definition, FeatureService):
        return False
    names: list[str] = []
    for item in definition.features:
        view = repo.view(item.view)
        if isinstance(view, OnDemandFeatureView):
            return True
        if view is not None:
            full = definition.full_feature_names
            names += [shown for _, shown in shape.named_features(view, item, full_feature_names=full)]
    return len(names) > _MANY or len(definition.features) > _MANY // 10 or _too_long(names, dialect)


def _too_long(names: list[str], dialect: Dialect) -> bool:
    most = dialect.identifier_length
    return most is not None and any(len(name.encode()) > most for name in names)


def _may_be_unreadable(source: DataSource, target: Target, dialect: Dialect) -> bool:
    location = source.location_in(target.name)
    if location.path:
        return not dialect.reads_files or bool(dialect.unread(parsed(location.path)))
    return bool(location.query) or not location.table


def _untranslated(repo: Repo, view: OnDemandFeatureView, dialect: Dialect) -> Iterator[Diagnostic]:
    for feature in view.features:
        try:
            translated(parse_expression(feature.expression, repo.project.sql_dialect), repo, dialect, view.address)
        except DiagnosticError as error:
            yield from error.diagnostics
