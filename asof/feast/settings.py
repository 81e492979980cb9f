"""feature_store.yaml: which registry and project it names, and the asof.yaml that says the same."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from asof.compiler.diagnostics import DiagnosticError, Level, rule
from asof.compiler.dialects import STORES
from asof.compiler.source import Span
from asof.compiler.yaml_reader import read
from asof.feast.documents import Document, Note
from asof.feast.lower import PROJECT
from asof.feast.lower.context import renamed
from asof.feast.lower.names import valid_name
from asof.feast.stores import OFFLINE, ONLINE, Environment, store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asof.feast.model import Project

BAD_SETTINGS = rule("AS903", "feature_store.yaml cannot be read")

FILE = "feature_store.yaml"

_SILENT = frozenset(
    {
        "project", "project_description", "provider", "registry", "online_store", "offline_store", "flags",
        "entity_key_serialization_version", "coerce_tz_aware", "repo_path",
    }
)  # fmt: skip
"""Keys that need no word: read here, or about Feast's own encodings."""
_BUCKET = re.compile(r"(s3|gs)://[^/]+")
_ENGINES = {"snowflake": "snowflake.offline", "PostgreSQLSource": "postgres", "ClickhouseSource": "clickhouse"}
_NO_DIALECT = "duckdb"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What feature_store.yaml says. ``registry`` may hold a secret: it is for opening the registry alone."""

    project: str
    registry: str
    registry_type: str
    given: Mapping[str, Any]


def parse(data: bytes, path: str = FILE) -> Settings:
    """Raises DiagnosticError (AS903, or what is wrong with the YAML); no message repeats a value."""
    reading = read(path, data)
    errors = [d for d in reading.diagnostics if d.level is Level.ERROR]
    if errors:
        first = errors[0]
        why = f"line {first.span.line}: {first.summary}"
        raise DiagnosticError(BAD_SETTINGS.at(first.span, f"{path} is not YAML that asof reads: {why}"))
    value = reading.documents[0].value if len(reading.documents) == 1 else None
    if not isinstance(value, dict) or not isinstance(value.get("project"), str):
        span = Span(path=path, line=1, column=1, end_line=1, end_column=1)
        raise DiagnosticError(BAD_SETTINGS.at(span, f"{path} does not say `project: NAME`"))
    registry = value.get("registry", "data/registry.db")
    kind, place = "file", registry
    if isinstance(registry, dict):
        kind, place = str(registry.get("registry_type") or "file"), registry.get("path", "")
    return Settings(project=value["project"], registry=str(place or ""), registry_type=kind, given=value)


def document(project: Project, settings: Settings | None) -> tuple[Document, str]:
    """asof.yaml for ``project``, and the dialect of its SQL. Without settings stores are told from the sources."""
    given = settings.given if settings is not None else {}
    name = valid_name(project.name, "project")
    notes = [*renamed("project", project.name, name)]
    environment = Environment()
    offline, told = _offline(project, settings, environment)
    notes += told
    online, told = _online(given, environment)
    notes += told
    registry, told = _registry(settings)
    notes += told
    left = sorted(str(key) for key in given if key not in _SILENT)
    if left:
        notes.append(Note(about="", text=f"Without a counterpart here: {', '.join(left)}.", by_hand=False))
    if settings is None:
        text = f"made without a {FILE}: correct the target, where its stores are other ones."
        notes.append(Note(about="targets", text=text))
    dialect = STORES.get(offline["type"], _NO_DIALECT)
    target = "local" if offline["type"] == "duckdb" and not _BUCKET.match(registry) else "production"
    body: dict[str, Any] = {"version": 1, "project": name}
    if dialect != _NO_DIALECT:
        body["sql_dialect"] = dialect
    stores = {"offline": offline, **({"online": online} if online is not None else {})}
    body["targets"] = {target: {"registry": registry, **stores}}
    return Document(file=PROJECT, body=body, notes=tuple(notes)), dialect


def _store_of(given: Mapping[str, Any], key: str, default: str) -> dict[str, Any]:
    """A store's settings: a map, or only its type."""
    value = given.get(key)
    if isinstance(value, str):
        return {"type": value}
    return {"type": default, **{str(k): v for k, v in value.items()}} if isinstance(value, dict) else {"type": default}


def _offline(
    project: Project, settings: Settings | None, environment: Environment
) -> tuple[dict[str, Any], list[Note]]:
    given = settings.given if settings is not None else {}
    engines = {view.batch.place.engine for view in project.views if view.batch is not None}
    guess = next((found for e in sorted(engines) if (found := _ENGINES.get(e, e)) in OFFLINE), "dask")
    default = (
        guess if settings is None else {"gcp": "bigquery", "aws": "redshift"}.get(str(given.get("provider")), "dask")
    )
    wanted = _store_of(given, "offline_store", default)
    made, notes = store("offline", wanted, OFFLINE, environment)
    if made is None:
        made = {"type": "duckdb", "path": ".asof/offline.duckdb"}
        notes.append(Note(about="offline store", text="DuckDB stands in its place: write here what shall be used."))
    return made, notes


def _online(given: Mapping[str, Any], environment: Environment) -> tuple[dict[str, Any] | None, list[Note]]:
    if "online_store" in given and given["online_store"] is None:
        return None, []
    default = {"gcp": "datastore", "aws": "dynamodb"}.get(str(given.get("provider")), "sqlite")
    made, notes = store("online", _store_of(given, "online_store", default), ONLINE, environment)
    if made is not None:
        text = "asof keeps its own tables there: `asof materialize` fills them, Feast's are not read."
        notes.append(Note(about="online store", text=text, by_hand=False))
    return made, notes


def _registry(settings: Settings | None) -> tuple[str, list[Note]]:
    """asof's own registry: beside Feast's where that is in a bucket, else in a folder."""
    local = ".asof/registry"
    if settings is None:
        return local, []
    place = settings.registry
    if match := _BUCKET.match(place):
        folder = place.partition("?")[0].rpartition("/")[0]
        made = f"{folder if len(folder) > len(match[0]) else match[0]}/asof"
        text = "asof has one of its own, beside that of Feast; options such as ?region= follow the location."
        return made, [Note(about="registry", text=text, by_hand=False)]
    if settings.registry_type != "file" or "://" in place:
        text = (
            "Feast keeps its registry in a database; asof keeps its own in a folder or bucket. Name a shared one here."
        )
        return local, [Note(about="registry", text=text)]
    return local, []
