"""What really stands in the stores, compared with what was recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from asof.compiler.diagnostics import DiagnosticError
from asof.compiler.infrastructure import OFFLINE_VIEW, ONLINE_TABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from asof.compiler.state import Resource
    from asof.engines.base import Engine
    from asof.online.base import OnlineStore

MISSING = "missing"
DIFFERS = "differs"
BROKEN = "broken"
UNKNOWN = "unknown"

_EXPECTED = "asof_expected"


class Drifted(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is not as recorded.

    ``found`` is missing, differs, broken (an offline view whose query the store refuses by now) or unknown
    (bears the project's name, and no generation knows of it: ``address`` is empty).
    """

    found: str
    id: str
    address: str
    store: str
    said: str


def online_drift(store: OnlineStore, project: str, recorded: Sequence[Resource], kind: str) -> Iterator[Drifted]:
    """The online tables of one store of type ``kind``, against those recorded there."""
    standing = {table.name: table for table in store.observe(project)}
    for resource in recorded:
        table = standing.pop(resource.name, None)
        if table is None:
            yield _drifted(MISSING, resource, "the table is gone")
        elif (table.keys, table.features) != (resource.keys, resource.features):
            has = ", ".join(f"{f.name} {f.type}" for f in (*table.keys, *table.features))
            yield _drifted(DIFFERS, resource, f"its rows hold {has}")
    for name in standing:
        yield _unknown(ONLINE_TABLE, name, kind)


def offline_drift(
    engine: Engine, project: str, recorded: Sequence[Resource], kind: str, *, definitions: bool
) -> Iterator[Drifted]:
    """The offline views of one store; ``definitions``: their queries as well, not only that they are there."""
    catalog = _CATALOGS.get(engine.dialect)
    standing = _names(engine, catalog.views) if catalog else _columns(engine, recorded)
    for resource in recorded:
        if resource.name not in standing:
            yield _drifted(MISSING, resource, "the view is gone")
        elif definitions and catalog is not None:
            yield from _query_drift(engine, resource, catalog.texts)
    ours = {resource.name for resource in recorded}
    for name in sorted(standing):
        if name.startswith(f"{project}__") and name not in ours:
            yield _unknown(OFFLINE_VIEW, name, kind)


def _query_drift(engine: Engine, resource: Resource, texts: _Texts) -> Iterator[Drifted]:
    try:
        expected, standing = texts(engine, resource)
    except DiagnosticError as error:
        yield _drifted(BROKEN, resource, f"the store refuses its query: {error}")
        return
    if expected != standing:
        yield _drifted(DIFFERS, resource, "its query is another one")


def _names(engine: Engine, sql: str) -> frozenset[str]:
    return frozenset(engine.query(sql).read_all().column(0).to_pylist())


def _columns(engine: Engine, recorded: Sequence[Resource]) -> frozenset[str]:
    """The recorded views that answer, for engines whose catalog is not read."""

    def answers(resource: Resource) -> bool:
        try:
            engine.columns(_quoted(resource.name))
        except DiagnosticError:
            return False
        return True

    return frozenset(resource.name for resource in recorded if answers(resource))


def _duckdb_texts(engine: Engine, resource: Resource) -> tuple[str, str]:
    engine.execute([f"CREATE OR REPLACE TEMP VIEW {_EXPECTED} AS\n{resource.sql}"])
    sql = "SELECT sql FROM duckdb_views() WHERE view_name = {} AND temporary = {}"
    return (
        _body(_only(engine, sql.format(_literal(_EXPECTED), "true"))),
        _body(_only(engine, sql.format(_literal(resource.name), "false"))),
    )


def _postgres_texts(engine: Engine, resource: Resource) -> tuple[str, str]:
    # What one version prints for a query another prints otherwise: both sides are printed by this server, now.
    engine.execute(["BEGIN READ WRITE"])
    try:
        engine.execute([f"CREATE TEMP VIEW {_EXPECTED} AS\n{resource.sql}"])
        sql = "SELECT pg_get_viewdef({}::regclass)"
        expected = _only(engine, sql.format(_literal(f"pg_temp.{_EXPECTED}")))
        return expected, _only(engine, sql.format(_literal(_quoted(resource.name))))
    finally:
        engine.execute(["ROLLBACK"])


def _sqlite_texts(engine: Engine, resource: Resource) -> tuple[str, str]:
    sql = f"SELECT sql FROM sqlite_master WHERE type = 'view' AND name = {_literal(resource.name)}"  # noqa: S608
    return resource.sql.strip(), _body(_only(engine, sql))


def _only(engine: Engine, sql: str) -> str:
    (text,) = engine.query(sql).read_all().column(0).to_pylist()
    return str(text)


def _body(statement: str) -> str:
    """The query of a CREATE VIEW statement; names of views hold no blanks."""
    before, word, after = statement.partition(" AS\n")
    return (after if word else before.partition(" AS ")[2]).strip().removesuffix(";").strip()


@dataclass(frozen=True, slots=True)
class _Catalog:
    """How an engine tells of its views: all their names, and of one the query it should have and the one it has."""

    views: str
    texts: _Texts


if TYPE_CHECKING:
    _Texts = Callable[[Engine, Resource], tuple[str, str]]

_CATALOGS: Mapping[str, _Catalog] = {
    "duckdb": _Catalog("SELECT view_name FROM duckdb_views() WHERE NOT internal AND NOT temporary", _duckdb_texts),
    "postgres": _Catalog("SELECT viewname FROM pg_views WHERE schemaname = current_schema()", _postgres_texts),
    "sqlite": _Catalog("SELECT name FROM sqlite_master WHERE type = 'view'", _sqlite_texts),
}


def matters(found: Collection[Drifted], ids: Collection[str]) -> tuple[Drifted, ...]:
    """The drift of what a plan reads, changes or removes."""
    return tuple(drifted for drifted in found if drifted.id in ids)


def _drifted(found: str, resource: Resource, said: str) -> Drifted:
    return Drifted(found=found, id=resource.id, address=resource.address, store=resource.store.type, said=said)


def _unknown(kind: str, name: str, store: str) -> Drifted:
    said = "no generation knows of it"
    return Drifted(found=UNKNOWN, id=f"{kind}/{name}", address="", store=store, said=said)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
