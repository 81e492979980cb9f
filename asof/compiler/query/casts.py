"""The CAST that a finding tells its reader to write: SQL of the dialect, in the reader's own words where it can be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from asof.compiler.query.sql_types import name_in

if TYPE_CHECKING:
    from asof.compiler.query.findings import Findings
    from asof.compiler.types import Type


def cast_of(findings: Findings, node: exp.Expr, wanted: Type, dialect: str) -> str:
    """``CAST(price * 2 AS DECIMAL(10, 2))`` for ``node``, and its name where it is a projection that has one."""
    inner = node.unalias()
    written = findings.written(inner)
    if not _is(written, inner, dialect):  # the text of CASE, of ::, of a window ends where no token of its tree does
        written = inner.sql(dialect)
    cast = f"CAST({written} AS {name_in(wanted, dialect)})"
    name = node.args.get("alias") if isinstance(node, exp.Alias) else None
    if name is None and isinstance(node, exp.Column):
        name = node.this
    return cast if name is None else f"{cast} AS {name.sql(dialect)}"


def _is(text: str, node: exp.Expr, dialect: str) -> bool:
    try:
        read = sqlglot.parse_one(f"SELECT {text}", dialect=dialect)
    except SqlglotError:
        return False
    alone = isinstance(read, exp.Select) and len(read.expressions) == 1
    return alone and _bare(read.expressions[0], dialect) == _bare(node, dialect)


def _bare(node: exp.Expr, dialect: str) -> str:
    """The SQL of ``node`` without what analysis adds to names: tables and quotes."""
    copied = node.copy()
    for column in copied.find_all(exp.Column):
        column.set("table", None)
    for name in copied.find_all(exp.Identifier):
        name.set("quoted", False)
    return copied.sql(dialect).lower()
