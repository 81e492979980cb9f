"""Offline views in their stores: what stands under a name, whose it is, and how a view is made, tried out and removed.

A view bears the owner mark of its resource as a comment, ``asof: <lineage>/<mark>``. A view without such a comment may
come from an asof without marks, or somebody has written another comment: it is told by its name alone.
"""

from __future__ import annotations

import re
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from asof.compiler.diagnostics import DiagnosticError, rule
from asof.compiler.dialects import STORES
from asof.compiler.query import SqlSyntaxError, parse
from asof.compiler.source import NOWHERE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from asof.compiler.state import Resource
    from asof.engines.base import Engine

    Texts = Callable[[Engine, Resource], tuple[str, str]]

NOT_A_QUERY = rule("AS641", "body of a view is not one query")
NOT_A_VIEW = rule("AS745", "offline view's name is taken by something else")

_EXPECTED = "asof_expected"
_MARK = re.compile(r"\basof: ([A-Za-z0-9_/@.-]+)")


@dataclass(frozen=True, slots=True)
class Relation:
    """What bears a name: a view or a table, and the owner mark that it bears ("" where there is none)."""

    kind: Literal["view", "table"]
    owner: str


@dataclass(frozen=True, slots=True)
class _Catalog:
    """How an engine tells of its relations (name, kind, where the mark stands), and of a view's two queries.

    ``texts`` gives the query that a view should have and the one that it has, as the engine itself writes both.
    ``marked`` says whether the mark stands in the statement that makes the view, and not in a comment of its own.
    """

    relations: str
    texts: Texts
    marked: bool = False


def catalogued(engine: Engine) -> bool:
    """Whether the catalogue of this kind of engine is read."""
    return engine.dialect in _CATALOGS


def relations(engine: Engine, project: str) -> Mapping[str, Relation]:
    """The relations whose names begin with the project's, by name; of an engine whose catalogue is read."""
    prefix = f"{project}__"
    return _relations(engine, f"substr(name, 1, {len(prefix)}) = {_literal(prefix)}")


def relation(engine: Engine, name: str) -> Relation | None:
    """What bears a name, of an engine whose catalogue is read."""
    return _relations(engine, f"name = {_literal(name)}").get(name)


def _relations(engine: Engine, condition: str) -> Mapping[str, Relation]:
    known = _CATALOGS[engine.dialect].relations
    sql = f"SELECT name, kind, said FROM ({known}) AS known WHERE {condition} ORDER BY name"  # noqa: S608
    rows = zip(*(column.to_pylist() for column in engine.query(sql).read_all().columns), strict=True)
    return {name: Relation("view" if kind == "view" else "table", _owner(said)) for name, kind, said in rows}


def texts(engine: Engine, resource: Resource) -> tuple[str, str]:
    """The query that the view should have and the one that it has. Raises DiagnosticError where the store refuses."""
    return _CATALOGS[engine.dialect].texts(engine, resource)


def ours(relation: Relation, resource: Resource, lineage: str) -> bool:
    """Whether what stands is a view that this registry may replace or drop."""
    of_registry = not relation.owner or not resource.mark or relation.owner.startswith(f"{lineage}/")
    return relation.kind == "view" and of_registry


def put(engine: Engine, resource: Resource, lineage: str) -> None:
    """Make the view, in place of one of that name. Raises DiagnosticError with the store's own words."""
    with _transaction(engine, "COMMIT"):
        engine.execute(_statements(engine, resource, lineage))


def remove(engine: Engine, resource: Resource) -> None:
    """Drop the view if it is there."""
    with _transaction(engine, "COMMIT"):
        engine.execute([f"DROP VIEW IF EXISTS {quoted(resource.name)}"])


def try_out(engine: Engine, resource: Resource, lineage: str) -> None:
    """Make the view, look at its columns, and take all of that back. Raises DiagnosticError where the store refuses."""
    with _transaction(engine, "ROLLBACK"):
        engine.execute(_statements(engine, resource, lineage))
        engine.columns(quoted(resource.name))


def try_removal(engine: Engine, resource: Resource) -> None:
    """Drop the view and take that back. Raises DiagnosticError where the store refuses: others may depend on it."""
    with _transaction(engine, "ROLLBACK"):
        engine.execute([f"DROP VIEW IF EXISTS {quoted(resource.name)}"])


def taken(resource: Resource, relation: Relation) -> DiagnosticError:
    """The refusal to touch what is not ours."""
    what = (
        "a table"
        if relation.kind == "table"
        else f"a view of {relation.owner.partition('/')[0][:12]}, another registry,"
    )
    note = "rename or remove what stands there, or give the view another name"
    return DiagnosticError(
        NOT_A_VIEW.at(NOWHERE, f"{what} has the name {resource.name!r} and is left alone", notes=(note,))
    )


def must_be_one_query(resource: Resource) -> None:
    """What is run as the body of a view only reads. Raises DiagnosticError AS641."""
    try:
        parse(resource.sql, STORES[resource.store.type])
    except SqlSyntaxError as error:
        message = f"{resource.id} is not one query: {error.message}"
        raise DiagnosticError(NOT_A_QUERY.at(NOWHERE, message)) from error


def quoted(name: str) -> str:
    """``name`` as an identifier."""
    return '"' + name.replace('"', '""') + '"'


def _statements(engine: Engine, resource: Resource, lineage: str) -> list[str]:
    # CREATE OR REPLACE is not in every dialect, and where it is may refuse other columns.
    name, owner = quoted(resource.name), resource.owner(lineage)
    catalog = _CATALOGS.get(engine.dialect)
    inside = f" /* asof: {owner} */" if owner and catalog is not None and catalog.marked else ""
    made = [f"DROP VIEW IF EXISTS {name}", f"CREATE VIEW {name}{inside} AS\n{resource.sql}"]
    if owner and catalog is not None and not catalog.marked:
        made.append(f"COMMENT ON VIEW {name} IS {_literal(f'asof: {owner}')}")
    return made


@contextmanager
def _transaction(engine: Engine, end: str) -> Iterator[None]:
    engine.execute(["BEGIN"])
    try:
        yield
        engine.execute([end])
    except BaseException:
        with suppress(DiagnosticError):
            engine.execute(["ROLLBACK"])
        raise


def _owner(text: str | None) -> str:
    mark = _MARK.search(text or "")
    return mark[1] if mark is not None else ""


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
        return expected, _only(engine, sql.format(_literal(quoted(resource.name))))
    finally:
        engine.execute(["ROLLBACK"])


def _sqlite_texts(engine: Engine, resource: Resource) -> tuple[str, str]:
    sql = f"SELECT sql FROM sqlite_master WHERE type = 'view' AND name = {_literal(resource.name)}"  # noqa: S608
    engine.columns(f"(\n{resource.sql}\n)")  # SQLite looks into a view only when it is used
    return resource.sql.strip(), _body(_only(engine, sql))


def _only(engine: Engine, sql: str) -> str:
    (text,) = engine.query(sql).read_all().column(0).to_pylist()
    return str(text)


def _body(statement: str) -> str:
    """The query of a CREATE VIEW statement; names of views hold no blanks."""
    before, word, after = statement.partition(" AS\n")
    return (after if word else before.partition(" AS ")[2]).strip().removesuffix(";").strip()


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


_CATALOGS: Mapping[str, _Catalog] = {
    "duckdb": _Catalog(
        "SELECT view_name AS name, 'view' AS kind, comment AS said FROM duckdb_views() "
        "WHERE NOT internal AND NOT temporary AND schema_name = current_schema() "
        "AND database_name = current_database() "
        "UNION ALL SELECT table_name, 'table', comment FROM duckdb_tables() "
        "WHERE NOT internal AND NOT temporary AND schema_name = current_schema() "
        "AND database_name = current_database()",
        _duckdb_texts,
    ),
    "postgres": _Catalog(
        "SELECT CAST(c.relname AS TEXT) AS name, CASE WHEN c.relkind = 'v' THEN 'view' ELSE 'table' END AS kind, "
        "CAST(obj_description(c.oid, 'pg_class') AS TEXT) AS said FROM pg_class AS c "
        "JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = current_schema() "
        "AND c.relkind IN ('r', 'v', 'm', 'f', 'p')",
        _postgres_texts,
    ),
    "sqlite": _Catalog(
        "SELECT name, type AS kind, sql AS said FROM sqlite_master WHERE type IN ('view', 'table')",
        _sqlite_texts,
        marked=True,
    ),
}
