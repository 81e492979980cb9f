"""Which tables and columns a SQL text names, where, and what each of them is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import Scope, traverse_scope

from asof.compiler.query import SqlSyntaxError, parse, parse_expression
from asof.compiler.query.analysis import normalised
from asof.compiler.query.syntax import extent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asof.compiler.query.catalog import Catalog


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlName:
    """A name at ``start`` to ``end`` of the text: of a table (no ``column``), or of a column of it.

    ``local`` is where a column of a subquery or CTE is made, if it is one; ``table`` is "" then, and where the table
    is not known.
    """

    start: int
    end: int
    table: str
    column: str = ""
    local: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlNames:
    """All names of a text. ``local`` are the names that it gives to things itself: CTEs and aliases, folded."""

    names: tuple[SqlName, ...]
    local: frozenset[str] = frozenset()

    def at(self, offset: int) -> SqlName | None:
        """The name at an offset; just behind it counts."""
        return next((name for name in self.names if name.start <= offset <= name.end), None)


def names_in_query(text: str, catalog: Catalog) -> SqlNames:
    """The names of a query; none where it cannot be read."""
    try:
        tree = normalised(parse(text, catalog.dialect), catalog.dialect)
        scopes = traverse_scope(tree)
        found = _Found(catalog)
        for scope in scopes:
            found.scope(scope)
    except (SqlSyntaxError, SqlglotError):
        return SqlNames(names=())
    return SqlNames(names=tuple(dict.fromkeys(found.names)), local=frozenset(found.local))


def names_in_expression(text: str, catalog: Catalog) -> SqlNames:
    """The columns that a scalar expression names, with their qualifiers as tables of their own."""
    try:
        tree = normalised(exp.Select(expressions=[parse_expression(text, catalog.dialect)]), catalog.dialect)
    except (SqlSyntaxError, SqlglotError):
        return SqlNames(names=())
    return SqlNames(names=tuple(_expression(tree)))


def _expression(tree: exp.Query) -> Iterator[SqlName]:
    for column in tree.find_all(exp.Column):
        qualifier = column.args.get("table")
        if qualifier is not None:
            start, end = extent(qualifier)
            yield SqlName(start=start, end=end, table=qualifier.name)
        start, end = extent(column.this)
        yield SqlName(start=start, end=end, table=column.table, column=column.name)


class _Found:
    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.names: list[SqlName] = []
        self.local: set[str] = set()

    def scope(self, scope: Scope) -> None:
        self.local.update(cte.alias for cte in scope.ctes)
        for name, source in scope.sources.items():
            if not isinstance(source, exp.Table):
                self.local.add(name)
            elif not source.db:
                start, end = extent(source.this)
                self.names.append(SqlName(start=start, end=end, table=source.name))
                if source.alias:
                    self.local.add(source.alias)
        for column in scope.find_all(exp.Column):
            self.column(column, scope)

    def column(self, column: exp.Column, scope: Scope) -> None:
        qualifier = column.args.get("table")
        source = self.source(column, scope)
        if qualifier is not None and isinstance(source, exp.Table) and not source.alias:
            start, end = extent(qualifier)
            self.names.append(SqlName(start=start, end=end, table=source.name))
        if isinstance(column.this, exp.Star):
            return
        start, end = extent(column.this)
        table = source.name if isinstance(source, exp.Table) else ""
        local = _made_at(source, column.name) if isinstance(source, Scope) else None
        self.names.append(SqlName(start=start, end=end, table=table, column=column.name, local=local))

    def source(self, column: exp.Column, scope: Scope) -> exp.Table | Scope | None:
        """What the column is of: by its qualifier, or the one thing in reach that has such a column."""
        at: Scope | None = scope
        while at is not None:
            if column.table:
                named = at.sources.get(column.table)
                if isinstance(named, exp.Table | Scope):
                    return named
            else:
                owners = [s for s in at.sources.values() if self.has(s, column.name)]
                if owners:
                    return owners[0]
            at = at.parent
        only = list(scope.sources.values())
        return only[0] if len(only) == 1 and isinstance(only[0], exp.Table) else None

    def has(self, source: exp.Expr | Scope, name: str) -> bool:
        if isinstance(source, Scope):
            query = source.expression
            return isinstance(query, exp.Query) and name in query.named_selects
        table = self.catalog.table(source.name)
        return table is not None and table.columns is not None and name in table.columns


def _made_at(scope: Scope, name: str) -> tuple[int, int] | None:
    query = scope.expression
    if not isinstance(query, exp.Query):
        return None
    for item in query.selects:
        if item.alias_or_name == name:
            alias = item.args.get("alias") if isinstance(item, exp.Alias) else item.this
            found = extent(alias) if isinstance(alias, exp.Expr) else (0, 0)
            return found if found != (0, 0) else extent(item)
    return None


def output_at(text: str, name: str, catalog: Catalog) -> tuple[int, int] | None:
    """Where a query makes its output column ``name``."""
    try:
        tree = normalised(parse(text, catalog.dialect), catalog.dialect)
        scopes = traverse_scope(tree)
    except (SqlSyntaxError, SqlglotError):
        return None
    return _made_at(scopes[-1], catalog.fold(name)) if scopes else None
