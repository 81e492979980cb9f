"""Not an engine: SQL of a dialect whose engine does not run here, transpiled by sqlglot and run on DuckDB.

It shows that the statement means what the oracle says, as sqlglot reads it; whether the real engine
accepts and reads it so, grammars and documentation must say. Tests that use it say so in their names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp

from asof.compiler import tree
from tests.engines.duckdb import DuckDB

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asof.compiler.types import Type
    from tests.engines.base import Row


class Transpiled(DuckDB):
    """DuckDB under the name of another dialect."""

    def __init__(self, dialect: str, macros: Sequence[str] = ()) -> None:
        """``macros``: CREATE MACRO statements for functions of the dialect that DuckDB lacks."""
        super().__init__()
        self.dialect = dialect
        for macro in macros:
            self.connection.execute(macro)

    def run(self, sql: str, prologue: Sequence[str] = (), types: Sequence[Type] | None = None) -> list[Row]:
        made = sqlglot.parse_one(sql, read=self.dialect).transform(_as_duckdbs)
        return super().run(made.sql(dialect="duckdb"), ("SET TimeZone = 'UTC'",), types)


def _as_duckdbs(node: exp.Expr) -> exp.Expr:
    """Maps as DuckDB makes them, for the aggregates of other dialects that make objects or take no FILTER there."""
    if isinstance(node, exp.Filter) and node.this.name.upper() == "MAP_AGG":
        return _entries(list(node.this.expressions), node.expression)
    if isinstance(node, exp.ObjectAgg):
        value = node.expression.transform(_as_duckdbs)
        some = exp.Not(this=exp.Is(this=node.this.copy(), expression=exp.Null()))
        return _entries([node.this, value], exp.Where(this=some))
    if isinstance(node, exp.Join) and node.args.get("match_condition"):
        matched = [*([node.args["on"]] if node.args.get("on") else []), node.args["match_condition"]]
        return exp.Join(this=node.this, method="ASOF", side="LEFT", on=tree.all_of(matched))  # it keeps what has none
    if isinstance(node, exp.ToVariant):
        return node.this
    return node


def _entries(entry: list[exp.Expr], kept: exp.Expr) -> exp.Expr:
    row = exp.Anonymous(this="ROW", expressions=entry)
    entries = exp.Filter(this=exp.Anonymous(this="LIST", expressions=[row]), expression=kept)
    return exp.Anonymous(this="MAP_FROM_ENTRIES", expressions=[entries])
