"""What a query reads for each column it yields, and what decides which rows there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import traverse_scope

from asof.compiler.query.analysis import NotUnderstoodError, Tracer, normalised, outputs, qualified
from asof.compiler.query.syntax import SqlSyntaxError, inputs, parse, parse_expression

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asof.compiler.query.analysis import TableColumn
    from asof.compiler.query.catalog import Catalog
    from asof.compiler.types import Type

_DECIDING = ("joins", "where", "group", "having", "qualify", "distinct", "laterals", "order", "limit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Columns in the case rules of the dialect: what each output is made of, and what rows depend on."""

    outputs: Mapping[str, frozenset[TableColumn]]
    rows: frozenset[TableColumn]


def traced(catalog: Catalog, text: str) -> Trace | None:
    """The trace of a query over the tables of ``catalog``; None where it cannot be understood."""
    try:
        tree = normalised(parse(text, catalog.dialect), catalog.dialect)
        schema = catalog.schema(inputs(tree))
        query = qualified(tree, schema, catalog.dialect)
        found = {output.name: output.lineage for output in outputs(query, schema)}
        return Trace(outputs=found, rows=_deciding(query, schema))
    except (SqlSyntaxError, SqlglotError, NotUnderstoodError):
        return None


def named_columns(text: str, dialect: str) -> tuple[TableColumn, ...]:
    """(qualifier or "", column) of every column that a scalar expression names; nothing where it is not one."""
    try:
        tree = parse_expression(text, dialect)
    except SqlSyntaxError:
        return ()
    found = exp.Select(expressions=[tree])
    return tuple(dict.fromkeys((c.table, c.name) for c in normalised(found, dialect).find_all(exp.Column)))


def _deciding(query: exp.Query, schema: Mapping[str, Mapping[str, Type | None]]) -> frozenset[TableColumn]:
    tracer = Tracer(schema)
    found: set[TableColumn] = set()
    for scope in traverse_scope(query):
        for clause in _DECIDING:
            written = scope.expression.args.get(clause)
            for part in written if isinstance(written, list) else [written]:
                if isinstance(part, exp.Expr):
                    found |= tracer.within(part, scope)
    return frozenset(found)


def split_query(text: str, dialect: str) -> tuple[str, Mapping[str, str]] | None:
    """What a query does apart from its columns, and the expression of each column, both in canonical form.

    None where the two cannot be told apart: it is no plain SELECT, or has a star.
    """
    try:
        query = normalised(parse(text, dialect), dialect)
    except SqlSyntaxError:
        return None
    if not isinstance(query, exp.Select) or any(item.is_star for item in query.selects):
        return None
    outputs = {item.alias_or_name: item.unalias().sql(dialect, comments=False) for item in query.selects}
    query.set("expressions", [])
    return query.sql(dialect, comments=False), outputs


def changed_outputs(old: str, new: str, dialect: str) -> frozenset[str] | None:
    """The columns whose expressions differ between two queries that are otherwise the same.

    None where more than that may differ: the queries are no plain SELECTs over the same rows, or a column that
    differs is named elsewhere in them, as by a filter that reads an alias.
    """
    one, two = split_query(old, dialect), split_query(new, dialect)
    if one is None or two is None or one[0] != two[0]:
        return None
    names = frozenset(name for name in one[1].keys() | two[1].keys() if one[1].get(name) != two[1].get(name))
    for text in (old, new):
        query = normalised(parse(text, dialect), dialect)
        if query.find(*_ROWS_BY_PROJECTION) or any(query.args.get(clause) for clause in _BY_PROJECTION):
            return None
        if any(column.name in names and not column.table for column in query.find_all(exp.Column)):
            return None
    return names


_BY_PROJECTION = ("distinct", "group", "order", "limit", "offset", "qualify", "having")
"""Clauses whose meaning can hang on what is selected, by an ordinal or as a whole."""
_ROWS_BY_PROJECTION = (exp.Unnest, exp.Explode, exp.UDTF, exp.Posexplode, exp.Inline, exp.AggFunc)
