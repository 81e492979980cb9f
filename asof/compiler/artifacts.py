"""The SQL that people run and review, as files: stable to the byte, with a manifest of hashes, lineage and proof."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlglot import exp

from asof.compiler import stored, support, tree
from asof.compiler.diagnostics import Diagnostic, DiagnosticError, has_errors, in_order
from asof.compiler.dialects import DIALECTS, STORES, of_store
from asof.compiler.dialects.paths import parsed
from asof.compiler.emit import Compiled
from asof.compiler.materialize import PARAMETER, checks_query, materialize_query, view_query
from asof.compiler.model import DataSource, FeatureService, FeatureView, Location, SavedDataset
from asof.compiler.pit import SpineSpec, TrainingRequest, training_query
from asof.compiler.pit.resolve import groups, needed, outputs
from asof.compiler.pit.training import request_columns
from asof.compiler.query import parse
from asof.compiler.source import NOWHERE
from asof.compiler.translate import translated

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from asof.compiler.certificate import Certificate
    from asof.compiler.dialects import Dialect
    from asof.compiler.emit import CompiledQuery
    from asof.compiler.model import AnyDefinition, Repo, Target

SPINE = "spine"
"""The table that the query of a service expects: its keys, request fields and ``event_timestamp``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifacts:
    """Path below the build folder -> text; or what could not be compiled."""

    files: Mapping[str, str]
    diagnostics: tuple[Diagnostic, ...]


def artifacts(repo: Repo, *, target: str, serial: int, only: str = "") -> Artifacts:
    """All statements of ``repo`` for ``target``, or those of one address, ``only``.

    ``serial`` is that of the registry they were compiled against.
    """
    chosen = repo.project.target(target)
    if chosen is None:
        raise ValueError(f"no target {target!r}")
    if of_store(chosen.offline.type) is None:
        return Artifacts(files={}, diagnostics=(no_dialect(repo, chosen),))
    found: list[Diagnostic] = []
    files: dict[str, CompiledQuery] = {}
    definitions: dict[str, str] = {}
    for path, definition, compiled in _compiled(repo, chosen, serial, only):
        found += [_placed(repo, definition, diagnostic) for diagnostic in compiled.diagnostics]
        if compiled.query is not None:
            files[path] = compiled.query
            definitions[path] = definition.address
    texts = {f"{chosen.name}/{path}": query.text for path, query in files.items()}
    manifest = {
        "format": 1,
        "project": repo.project.project,
        "target": chosen.name,
        "dialect": STORES[chosen.offline.type],
        "serial": serial,
        "files": {path: _described(query, definitions[path]) for path, query in sorted(files.items())},
    }
    if not has_errors(found):
        texts[f"{chosen.name}/manifest.json"] = (
            json.dumps(manifest, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        )
    return Artifacts(files=dict(sorted(texts.items())), diagnostics=in_order(found))


def no_dialect(repo: Repo, target: Target) -> Diagnostic:
    """No SQL is made for the target's offline store yet; said once, where the store is named."""
    origin = repo.origins.get("")
    span = origin.value("targets", target.name, "offline", "type") if origin else NOWHERE
    known = ", ".join(sorted(STORES))
    store = f"target {target.name!r}: {target.offline.type} is not supported yet as an offline store"
    message = f"{store}; SQL is made for {known}"
    return support.NO_DIALECT.at(span, message)


def dataset_request(repo: Repo, dataset: SavedDataset, *, dialect: str) -> TrainingRequest:
    """What a saved dataset asks for. Raises DiagnosticError where its spine cannot be read in ``dialect``."""
    service = repo.service(dataset.service)
    if service is None:
        raise ValueError(f"no service {dataset.service!r}")
    spine, columns = dataset.spine, tuple(column.name for column in dataset.spine.columns)
    if spine.source:
        source = repo.source(spine.source)
        if source is None:
            raise ValueError(f"no source {spine.source!r}")
        columns = tuple(name for _, name, _ in stored.stored_columns(source))
        values: list[exp.Expr] = [tree.column("", name) for name in columns]
        relation: exp.Query = tree.select(values or [exp.Star()], tree.cte(spine.source))
    elif spine.query:
        written = translated(parse(spine.query, repo.project.sql_dialect), repo, DIALECTS[dialect], dataset.address)
        relation = parse(written.sql(dialect=dialect), dialect)
        columns = columns or tuple(relation.named_selects)
    elif spine.table:
        return _request(
            service, SpineSpec(relation=spine.table, columns=columns, timestamp=dataset.timestamp_field), dataset.name
        )
    else:
        relation = _spine_in_files(repo, dataset, DIALECTS[dialect])
    return _request(
        service, SpineSpec(relation=relation, columns=columns, timestamp=dataset.timestamp_field), dataset.name
    )


def _spine_in_files(repo: Repo, dataset: SavedDataset, dialect: Dialect) -> exp.Query:
    """The rows of the files that are a dataset's spine. Raises DiagnosticError where ``dialect`` cannot read them."""
    path, kinds = parsed(dataset.spine.path), {column.name: column.type for column in dataset.spine.columns}
    if not dialect.reads_files or dialect.unread(path):
        location = Location(path=dataset.spine.path)
        raise DiagnosticError(support.unreadable(repo, DataSource(name=dataset.name), location, dialect))
    values: list[exp.Expr] = []
    for name, kind in kinds.items():
        stored = tree.column("", name)
        read = dialect.from_folder(stored, kind) if name in path.columns else dialect.from_file(stored, kind, path)
        values.append(tree.called(read, name))
    return tree.select(values or [exp.Star()], dialect.scan(path, kinds))


def service_request(repo: Repo, service: FeatureService) -> TrainingRequest:
    """What a service asks for, of a table ``spine`` with just the columns that it needs."""
    bare = _request(service, SpineSpec(relation=SPINE, columns=(), timestamp="event_timestamp"), service.name)
    wanted = outputs(repo, bare)
    inputs = dict.fromkeys(one for output in wanted for one in needed(repo, output.value))
    keys = [column for group in groups(repo, bare, inputs) for _, column in group.keys]
    asked = [column for output in wanted for column in request_columns(repo, output.value)]
    columns = tuple(dict.fromkeys([*keys, *asked, "event_timestamp"]))
    return _request(service, SpineSpec(relation=SPINE, columns=columns, timestamp="event_timestamp"), service.name)


def _compiled(repo: Repo, target: Target, serial: int, only: str) -> Iterator[tuple[str, AnyDefinition, Compiled]]:
    dialect = STORES[target.offline.type]
    for definition in repo.definitions.values() if not only else (repo.definitions[only],):
        name = definition.name
        if isinstance(definition, FeatureService | SavedDataset):
            yield (
                f"training/{name}.sql",
                definition,
                _training(repo, definition, target, _header(repo, definition, target, serial)),
            )
        elif isinstance(definition, FeatureView):
            instant = _header(
                repo,
                definition,
                target,
                serial,
                f"Parameter: {PARAMETER}, the instant (UTC) as of which rows are taken.",
            )
            header = _header(repo, definition, target, serial)
            yield (
                f"materialize/{name}.sql",
                definition,
                materialize_query(repo, definition, target=target.name, dialect=dialect, as_of=None, header=instant),
            )
            if definition.query:
                yield (
                    f"views/{name}.sql",
                    definition,
                    view_query(repo, definition, target=target.name, dialect=dialect, header=header),
                )
            yield (
                f"checks/{name}.sql",
                definition,
                checks_query(repo, definition, target=target.name, dialect=dialect, header=header),
            )


def _training(
    repo: Repo, definition: FeatureService | SavedDataset, target: Target, header: tuple[str, ...]
) -> Compiled:
    dialect = STORES[target.offline.type]
    try:
        if isinstance(definition, FeatureService):
            request = service_request(repo, definition)
            header = (*header, f"Parameter: the table {SPINE} ({', '.join(request.spine.columns)}).")
        else:
            request = dataset_request(repo, definition, dialect=dialect)
    except DiagnosticError as error:
        return Compiled(diagnostics=error.diagnostics)
    return training_query(repo, request, target=target.name, dialect=dialect, header=header)


def _request(service: FeatureService, spine: SpineSpec, name: str) -> TrainingRequest:
    return TrainingRequest(
        items=service.features, full_feature_names=service.full_feature_names, spine=spine, name=name
    )


def _header(repo: Repo, definition: AnyDefinition, target: Target, serial: int, *more: str) -> tuple[str, ...]:
    applied = f"registry serial {serial}" if serial else "not applied yet"
    dialect = STORES[target.offline.type]
    return (
        f"{definition.address} of project {repo.project.project}: {dialect} for target {target.name}, {applied}.",
        *([definition.description] if definition.description else []),
        "Made by asof compile: edit the definition, not this file.",
        *more,
    )


def _described(query: CompiledQuery, definition: str) -> dict[str, object]:
    described: dict[str, object] = {
        "definition": definition,
        "sha256": hashlib.sha256(query.text.encode()).hexdigest(),
        "columns": [
            {"name": column.name, "type": str(column.type) if column.type else None, "lineage": list(column.lineage)}
            for column in query.columns
        ],
        "certificate": _paths(query.certificate),
    }
    if query.stages:
        proofs = query.stage_certificates
        described["stages"] = [{"table": table, "certificate": _paths(found)} for table, found in proofs]
    return described


def _paths(certificate: Certificate) -> list[dict[str, str]]:
    return [{"rows": rows, "bound": bound} for rows, bound in certificate.paths]


def _placed(repo: Repo, definition: AnyDefinition, diagnostic: Diagnostic) -> Diagnostic:
    """A diagnostic without a place belongs to the definition that was being compiled."""
    if diagnostic.span != NOWHERE:
        return diagnostic
    origin = repo.origins.get(definition.address)
    return replace(diagnostic, span=origin.key("name") if origin else NOWHERE, address=definition.address)
