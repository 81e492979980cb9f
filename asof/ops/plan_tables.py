"""The tables in which policies see a plan: what changes, what there is, who reads whom and who answers for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pyarrow as pa

from asof.compiler import codec, shape
from asof.compiler.approvals import answerable
from asof.compiler.infrastructure import Phase
from asof.compiler.lineage import Lineage
from asof.compiler.model import DataSource, FeatureView, OnDemandFeatureView

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    import duckdb

    from asof.compiler.model import Repo
    from asof.compiler.plan import Plan

TABLES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "plan": (("project", "VARCHAR"), ("target", "VARCHAR"), ("serial", "BIGINT"), ("worst", "VARCHAR")),
    "changes": (
        ("address", "VARCHAR"),
        ("kind", "VARCHAR"),
        ("name", "VARCHAR"),
        ("action", "VARCHAR"),
        ("class", "VARCHAR"),
        ("rank", "BIGINT"),
        ("owner", "VARCHAR"),
        ("previous", "VARCHAR"),
        ("cost", "VARCHAR"),
        ("direct", "BOOLEAN"),
        ("before", "VARCHAR"),
        ("after", "VARCHAR"),
    ),
    "reasons": (
        ("address", "VARCHAR"),
        ("pointer", "VARCHAR"),
        ("class", "VARCHAR"),
        ("text", "VARCHAR"),
        ("old", "VARCHAR"),
        ("new", "VARCHAR"),
        ("upstream", "VARCHAR"),
    ),
    "reach": (("address", "VARCHAR"), ("reached", "VARCHAR"), ("owner", "VARCHAR"), ("features", "VARCHAR[]")),
    "steps": (
        ("position", "BIGINT"),
        ("phase", "VARCHAR"),
        ("action", "VARCHAR"),
        ("resource", "VARCHAR"),
        ("address", "VARCHAR"),
        ("reason", "VARCHAR"),
        ("reversible", "BOOLEAN"),
    ),
    "objects": (
        ("address", "VARCHAR"),
        ("kind", "VARCHAR"),
        ("name", "VARCHAR"),
        ("description", "VARCHAR"),
        ("owner", "VARCHAR"),
        ("file", "VARCHAR"),
        ("deprecated", "BOOLEAN"),
        ("definition", "VARCHAR"),
    ),
    "features": (
        ("address", "VARCHAR"),
        ("name", "VARCHAR"),
        ("position", "BIGINT"),
        ("type", "VARCHAR"),
        ("aggregated", "BOOLEAN"),
    ),
    "lineage": (
        ("address", "VARCHAR"),
        ("name", "VARCHAR"),
        ("from_address", "VARCHAR"),
        ("from_name", "VARCHAR"),
        ("use", "VARCHAR"),
    ),
    "owners": (("address", "VARCHAR"), ("owner", "VARCHAR")),
    "tags": (("address", "VARCHAR"), ("feature", "VARCHAR"), ("key", "VARCHAR"), ("value", "VARCHAR")),
}
"""Table -> its columns and their types. ``tags.feature`` is "" for the object's own. old, new, before, after and
definition are JSON."""

_ARROW = {"VARCHAR": pa.string(), "BIGINT": pa.int64(), "BOOLEAN": pa.bool_(), "VARCHAR[]": pa.list_(pa.string())}
Row = tuple[object, ...]


def fill(connection: duckdb.DuckDBPyConnection, wanted: Collection[str], made: Plan, repo: Repo) -> None:
    """Fill those of the (empty) tables in ``connection`` that are ``wanted``."""
    for name, columns in TABLES.items():
        if name not in wanted:
            continue
        schema = pa.schema([pa.field(column, _ARROW[kind]) for column, kind in columns])
        rows = sorted(_ROWS[name](made, repo), key=repr) if name != "steps" else list(_ROWS[name](made, repo))
        values = [pa.array([row[at] for row in rows], field.type) for at, field in enumerate(schema)]
        connection.register("incoming", pa.Table.from_arrays(values, schema=schema))
        connection.execute(f'INSERT INTO "{name}" SELECT * FROM incoming')  # noqa: S608 - a name of ours
        connection.unregister("incoming")


def _plan(made: Plan, _: Repo) -> Iterator[Row]:
    yield made.project, made.target, made.base.serial, str(next(iter(made.counts), ""))


def _changes(made: Plan, _: Repo) -> Iterator[Row]:
    for change in made.changes:
        kind, name = change.address.split("/", 1)
        after = made.objects.get(change.address)
        yield (
            change.address,
            kind,
            name,
            str(change.action),
            str(change.change_class),
            change.change_class.rank,
            change.owner,
            change.previous,
            change.cost,
            change.direct,
            _json(change.before),
            _json(after.definition if after is not None else None),
        )


def _reasons(made: Plan, _: Repo) -> Iterator[Row]:
    for change in made.changes:
        for r in change.reasons:
            cls = str(r.change_class)
            yield change.address, r.pointer, cls, r.text, _json(r.old), _json(r.new), r.upstream


def _reach(made: Plan, _: Repo) -> Iterator[Row]:
    for change in made.changes:
        for reached in change.reach:
            yield change.address, reached.address, reached.owner, list(reached.features)


def _steps(made: Plan, _: Repo) -> Iterator[Row]:
    for at, step in enumerate(made.steps, 1):
        commit = step.phase is Phase.COMMIT
        resource, address = ("", "") if commit else (step.resource.id, step.resource.address)
        yield at, str(step.phase), step.action, resource, address, step.reason, bool(step.inverse)


def _objects(_: Plan, repo: Repo) -> Iterator[Row]:
    for address, definition in repo.definitions.items():
        origin = repo.origins.get(address)
        yield (
            address,
            address.partition("/")[0],
            definition.name,
            definition.description,
            definition.owner,
            origin.path if origin is not None else "",
            definition.deprecated is not None,
            _json(codec.to_json(definition)),
        )


def _features(_: Plan, repo: Repo) -> Iterator[Row]:
    for address, definition in repo.definitions.items():
        if isinstance(definition, FeatureView | OnDemandFeatureView):
            windowed = shape.windows(definition) if isinstance(definition, FeatureView) else {}
            for at, (name, kind) in enumerate(shape.feature_types(repo, definition).items(), 1):
                yield address, name, at, str(kind), name in windowed
        elif isinstance(definition, DataSource):
            for at, column in enumerate(definition.columns, 1):
                yield address, column.name, at, str(column.type), False


def _lineage(_: Plan, repo: Repo) -> Iterator[Row]:
    lineage = Lineage(repo)
    for address in repo.definitions:
        for name, origins in lineage.columns(address).items():
            for origin, use in origins.items():
                yield address, name, origin.address, origin.name, str(use)


def _owners(_: Plan, repo: Repo) -> Iterator[Row]:
    for address in repo.definitions:
        yield from ((address, owner) for owner in answerable(repo, address))


def _tags(_: Plan, repo: Repo) -> Iterator[Row]:
    for address, definition in repo.definitions.items():
        yield from ((address, "", key, value) for key, value in definition.tags)
        for name, tags in shape.column_tags(definition).items():
            yield from ((address, name, key, value) for key, value in tags.items())


def _json(value: object) -> str | None:
    return None if value is None else json.dumps(value, sort_keys=True, ensure_ascii=False)


_ROWS = {
    "plan": _plan,
    "changes": _changes,
    "reasons": _reasons,
    "reach": _reach,
    "steps": _steps,
    "objects": _objects,
    "features": _features,
    "lineage": _lineage,
    "owners": _owners,
    "tags": _tags,
}
