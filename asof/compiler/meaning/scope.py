"""The types of the columns that a piece of SQL names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

from asof.compiler import shape, stored
from asof.compiler.meaning.kinds import common
from asof.compiler.meaning.reader import Reader
from asof.compiler.model import DataSource, FeatureView, OnDemandFeatureView
from asof.compiler.query.analysis import NotUnderstoodError, normalised, qualified
from asof.compiler.query.catalog import Catalog
from asof.compiler.query.fields import with_fields
from asof.compiler.query.syntax import inputs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asof.compiler.meaning.reader import Columns
    from asof.compiler.model import Repo
    from asof.compiler.types import Type

_MARK = "asof_column"


_LAST: dict[str, tuple[Repo, Catalog]] = {}
"""The catalog of the repo that was asked about last: SQL of one repo is translated in runs."""


def _catalog(repo: Repo) -> Catalog:
    found = _LAST.get("")
    if found is None or found[0] is not repo:
        found = _LAST[""] = (repo, Catalog(repo))
    return found[1]


def columns_of(written: exp.Expr, repo: Repo, address: str) -> Columns:
    """Says the type of each column that ``written``, SQL of the definition at ``address``, names."""
    if isinstance(written, exp.Query):
        return _of_query(written, repo)
    fold = _catalog(repo).fold
    known = {fold(name): kind for name, kind in _of_row(repo, address).items()}
    return lambda column: known.get(fold(column.name))


def with_struct_fields(written: exp.Expr, repo: Repo, address: str) -> exp.Expr:
    """A scalar expression with ``st.a`` as the field of a column; a query is told so where its names are resolved."""
    if isinstance(written, exp.Query) or not any(column.table for column in written.find_all(exp.Column)):
        return written
    fold = _catalog(repo).fold
    names = {fold(name) for name in _of_row(repo, address)}
    definition = repo.definitions.get(address)
    tables = {fold(name) for name in getattr(definition, "sources", ())}
    return with_fields(written, lambda table, name: fold(name) in names and (not table or fold(table) in tables))


def _of_row(repo: Repo, address: str) -> Mapping[str, Type]:
    """What ``where`` and on-demand expressions name, each by its own name alone: no two inputs share one."""
    definition = repo.definitions.get(address)
    if isinstance(definition, OnDemandFeatureView):
        found: dict[str, Type] = {}
        for name in definition.sources:
            source, view = repo.source(name), repo.view(name)
            if view is not None:
                found |= shape.feature_types(repo, view)
            elif source is not None:
                found |= {column.name: column.type for column in source.columns}
        return found
    if isinstance(definition, FeatureView):
        base = shape.upstream(repo, definition)
        known = dict(shape.column_types(repo, definition))
        return known if base.query else {**stored.view_columns(shape.source_of(repo, base)), **known}
    return stored.view_columns(definition) if isinstance(definition, DataSource) else {}


def _of_query(written: exp.Query, repo: Repo) -> Columns:
    """Columns are marked, and found again where names are resolved."""
    catalog = _catalog(repo)
    for mark, column in enumerate(written.find_all(exp.Column), 1):
        column.meta[_MARK] = mark
    tree = normalised(written, catalog.dialect)
    schema = catalog.schema(inputs(tree))
    try:
        tree = qualified(tree, schema, catalog.dialect, copy=False)
    except NotUnderstoodError:
        return lambda _: None
    found: dict[int, Type | None] = {}
    outputs: dict[int, Mapping[str, Type | None]] = {}
    for scope in traverse_scope(tree):
        reader = Reader(catalog.dialect, lambda column, scope=scope: _column(column, scope, schema, outputs))  # type: ignore[misc]
        outputs[id(scope)] = _renamed(_outputs(scope, reader, outputs), scope.expression.parent)
        for column in scope.columns:
            if _MARK in column.meta:
                found[column.meta[_MARK]] = _column(column, scope, schema, outputs)
    return lambda column: found.get(column.meta.get(_MARK, 0))


def _column(
    column: exp.Column,
    scope: Scope,
    schema: Mapping[str, Mapping[str, Type | None]],
    outputs: Mapping[int, Mapping[str, Type | None]],
) -> Type | None:
    at: Scope | None = scope
    while at is not None:
        source = at.sources.get(column.table)
        if isinstance(source, exp.Table):
            return schema.get(source.name, {}).get(column.name)
        if isinstance(source, Scope):
            return outputs.get(id(source), {}).get(column.name)
        at = at.parent
    return None


def _outputs(
    scope: Scope, reader: Reader, outputs: Mapping[int, Mapping[str, Type | None]]
) -> Mapping[str, Type | None]:
    query = scope.expression
    if isinstance(query, exp.SetOperation):
        halves = [tuple(outputs.get(id(half), {}).values()) for half in scope.set_operation_scopes]
        kinds = [common(pair) for pair in zip(*halves, strict=False)]
        return dict(zip(query.named_selects, kinds, strict=False))
    if not isinstance(query, exp.Select):
        return {}
    return {item.alias_or_name: reader.kind(item.unalias()) for item in query.selects}


def _renamed(found: Mapping[str, Type | None], holder: exp.Expr | None) -> Mapping[str, Type | None]:
    names = holder.alias_column_names if isinstance(holder, exp.CTE | exp.Subquery) else ()
    kinds = list(found.values())
    shown = [*names, *list(found)[len(names) :]]
    return dict(zip(shown, kinds, strict=False))
