"""A query as it reads once tables go by other names: what a declared move makes of the queries of its readers."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import traverse_scope

from asof.compiler.query.analysis import normalised
from asof.compiler.query.syntax import SqlSyntaxError, parse, parse_expression

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T", bound=exp.Expr)


def retabled(text: str, tables: Mapping[str, str], dialect: str) -> str:
    """The query ``text`` with each table under its new name, where ``tables`` (old -> new) has one for it.

    Names are in the case rules of the dialect. It is ``text`` itself where nothing is to do, it cannot be read, or
    an alias or a CTE of an old or a new name makes it unclear what is meant.
    """
    try:
        tree = normalised(parse(text, dialect), dialect)
        if not any(table.name in tables for table in tree.find_all(exp.Table)):
            return text
        read = [
            table
            for scope in traverse_scope(tree)
            for table in scope.tables
            if not table.db and table.name in tables and table.name not in scope.cte_sources
        ]
    except (SqlSyntaxError, SqlglotError):
        return text
    names = {*tables, *tables.values()}
    if any(alias.name in names for alias in tree.find_all(exp.TableAlias)):
        return text
    for table in read:
        table.set("this", exp.to_identifier(tables[table.name], quoted=table.this.quoted))
    return _requalified(tree, tables).sql(dialect)


def retabled_expression(text: str, tables: Mapping[str, str], dialect: str) -> str:
    """The same for one scalar expression, in which columns are qualified by what they come from."""
    try:
        tree = parse_expression(text, dialect)
    except SqlSyntaxError:
        return text
    if not any(column.table in tables for column in tree.find_all(exp.Column)):
        return text
    return _requalified(tree, tables).sql(dialect)


def _requalified(tree: T, tables: Mapping[str, str]) -> T:
    for column in tree.find_all(exp.Column):
        if column.table in tables:
            column.set("table", exp.to_identifier(tables[column.table], quoted=column.args["table"].quoted))
    return tree
