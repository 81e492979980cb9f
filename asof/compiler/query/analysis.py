"""What a query means: its tree with every name resolved, its typed output, and where each column comes from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.normalize_identifiers import normalize_identifiers
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope
from sqlglot.schema import MappingSchema

from asof.compiler.query.sql_types import of_sql, to_sql

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from asof.compiler.types import Type

TableColumn = tuple[str, str]
"""(source or view, column), in the spelling of the dialect's case rules."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One output column; ``type`` is None where it cannot be inferred, ``lineage`` what its value is made from."""

    name: str
    type: Type | None
    lineage: frozenset[TableColumn]
    copied: bool = False
    """A column of what is read, as it stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """A query that was understood. ``query`` is the qualified tree: use a copy of it, never change it."""

    query: exp.Query
    outputs: tuple[Output, ...]
    inputs: tuple[str, ...]
    volatile: tuple[str, ...] = ()

    def output(self, name: str) -> Output | None:
        """The output column of that name."""
        return next((o for o in self.outputs if o.name == name), None)


class NotUnderstoodError(ValueError):
    """sqlglot could not resolve the query; the message says why."""


def normalised(query: exp.Query, dialect: str) -> exp.Query:
    """A copy with identifiers in the case that ``dialect`` gives them; positions are kept."""
    return normalize_identifiers(query.copy(), dialect=dialect)


def qualified(
    query: exp.Query, schema: Mapping[str, Mapping[str, Type | None]], dialect: str, *, copy: bool = True
) -> exp.Query:
    """A copy of a (normalised) query: stars and ordinals spelt out, columns with their tables, types annotated.

    Without ``copy`` it is the query itself, which the caller then has no other use for.

    Raises NotUnderstoodError.
    """
    tables: dict[str, object] = {
        name: {c: _sql_type(t) for c, t in columns.items()} for name, columns in schema.items()
    }
    mapping = MappingSchema(tables, dialect=dialect, normalize=False) if tables else MappingSchema(dialect=dialect)
    try:
        resolved = qualify(
            query.copy() if copy else query,
            schema=mapping,
            dialect=dialect,
            quote_identifiers=False,
            validate_qualify_columns=False,
        )
        annotated = annotate_types(resolved, schema=mapping, dialect=dialect)
    except (SqlglotError, KeyError, AssertionError) as error:
        # sqlglot asserts what only a query it cannot resolve breaks, such as an ordinal that points at a star.
        raise NotUnderstoodError(str(error).partition("\n")[0]) from error
    if not isinstance(annotated, exp.Query):
        raise NotUnderstoodError("it is not a query any more once its names are resolved")
    return annotated


@lru_cache(maxsize=256)
def _sql_type(value: Type | None) -> exp.DataType:
    return to_sql(value)


def outputs(query: exp.Query, schema: Mapping[str, Mapping[str, Type | None]]) -> tuple[Output, ...]:
    """The output columns of a qualified query over the tables of ``schema``."""
    scope = build_scope(query)
    if scope is None:
        return ()
    lineage = Tracer(schema)
    return tuple(
        Output(
            name=item.alias_or_name,
            type=of_sql(item.type),
            lineage=lineage.at(scope, index),
            copied=isinstance(item.unalias(), exp.Column),
        )
        for index, item in enumerate(query.selects)
    )


class Tracer:
    """Which columns of tables each output of each scope is computed from.

    What cannot be told is everything: a row as one value, COLUMNS(...), and whatever names no column.
    """

    def __init__(self, schema: Mapping[str, Mapping[str, Type | None]]) -> None:
        self.schema = schema
        self.known: dict[tuple[int, int], frozenset[TableColumn]] = {}

    def at(self, scope: Scope, index: int) -> frozenset[TableColumn]:
        key = (id(scope), index)
        if key not in self.known:
            self.known[key] = frozenset()
            self.known[key] = self.traced(scope, index)
        return self.known[key]

    def traced(self, scope: Scope, index: int) -> frozenset[TableColumn]:
        query = scope.expression
        if isinstance(query, exp.SetOperation):
            return frozenset().union(*(self.at(half, index) for half in scope.set_operation_scopes))
        if not isinstance(query, exp.Query) or index >= len(query.selects):
            return frozenset()
        item = query.selects[index]
        return self.within(item, scope)

    def within(self, part: exp.Expr, scope: Scope) -> frozenset[TableColumn]:
        """The columns that a part of a clause is computed from."""
        found = frozenset[TableColumn]().union(*(self.column(c, scope) for c in part.find_all(exp.Column)))
        for node in part.find_all(exp.TableColumn):
            found |= self.row(node.name, scope)
        if any(_names_no_column(node) for node in part.walk()):
            found |= frozenset[TableColumn]().union(*(self.row(name, scope) for name in scope.sources))
        return found

    def row(self, table: str, scope: Scope) -> frozenset[TableColumn]:
        """All columns of something in FROM."""
        source = self.source(table, scope)
        if isinstance(source, exp.Table):
            return frozenset((source.name, name) for name in self.schema.get(source.name, {}))
        if isinstance(source, Scope) and isinstance(source.expression, exp.Query):
            count = len(source.expression.selects)
            return frozenset[TableColumn]().union(*(self.at(source, index) for index in range(count)))
        return self.inputs_of(source.expression, source) if isinstance(source, Scope) else frozenset()

    def column(self, column: exp.Column, scope: Scope) -> frozenset[TableColumn]:
        if not column.table:
            named = self.row(column.name, scope)
            every = (self.row(name, scope) for name in scope.sources)
            return named or frozenset[TableColumn]().union(*every)
        source = self.source(column.table, scope)
        if isinstance(source, exp.Table):
            return frozenset({(source.name, column.name)})
        if isinstance(source, Scope):
            return self.of_name(source, column.name)
        return frozenset()

    def source(self, table: str, scope: Scope) -> exp.Expr | Scope | None:
        at: Scope | None = scope
        while at is not None:
            if table in at.sources:
                return at.sources[table]
            inner = next((s.sources[table] for s in at.subquery_scopes if table in s.sources), None)
            if inner is not None:
                return inner
            at = at.parent
        return None

    def of_name(self, scope: Scope, name: str) -> frozenset[TableColumn]:
        query = scope.expression
        if not isinstance(query, exp.Query):
            return self.inputs_of(query, scope)
        names = _renamed(query)
        return self.at(scope, names.index(name)) if name in names else frozenset()

    def inputs_of(self, udtf: exp.Expr, scope: Scope) -> frozenset[TableColumn]:
        return frozenset().union(*(self.column(c, scope) for c in udtf.find_all(exp.Column)))


def _names_no_column(node: exp.Expr) -> bool:
    """COLUMNS('...') and stars that are left: columns that only the engine names. COUNT(*) reads none."""
    if isinstance(node, exp.Star):
        return not isinstance(node.parent, exp.Count)
    return isinstance(node, exp.Columns) or (isinstance(node, exp.Anonymous) and node.name.lower() == "columns")


def _renamed(query: exp.Query) -> list[str]:
    holder = query.parent
    names = list(query.named_selects)
    aliases: Iterable[str] = holder.alias_column_names if isinstance(holder, exp.CTE | exp.Subquery) else ()
    new = list(aliases)
    return new + names[len(new) :]
