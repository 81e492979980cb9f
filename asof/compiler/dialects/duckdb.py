"""DuckDB: reads files, sorts fast, and computes any aggregate over a RANGE frame."""

from __future__ import annotations

from sqlglot import exp

from asof.compiler import types
from asof.compiler.dialects.base import Dialect
from asof.compiler.dialects.calls import COMMON
from asof.compiler.tree import present


class DuckDB(Dialect):
    """An ASOF join of keys alone with a late fetch: the fastest form that no distribution of keys blows up."""

    name = "duckdb"
    prologue = ("SET TimeZone = 'UTC'",)
    latest = "asof"
    type_names = {name: names.duckdb for name, names in types.SCALARS.items()}  # noqa: RUF012 - a constant table
    frame_functions = Dialect.functions
    reads_files = True
    calls = COMMON

    def since_epoch(self, count: exp.Expr, ticks: int) -> exp.Expr:
        """An interval takes a 32-bit factor here, so the count goes in as microseconds."""
        whole = exp.Mul(this=count, expression=exp.Literal.number(ticks)) if ticks > 1 else count
        return exp.Anonymous(this="MAKE_TIMESTAMPTZ", expressions=[whole])

    def order_key(self, columns: list[exp.Expr]) -> exp.Expr:
        event, *others = columns
        parts = [part for column in others for part in (present(column), column.copy())]
        return exp.Anonymous(this="ROW", expressions=[event, *parts])

    def scan(self, path: str) -> exp.Expr:
        reader = "READ_CSV" if path.endswith((".csv", ".csv.gz", ".tsv")) else "READ_PARQUET"
        return exp.Anonymous(this=reader, expressions=[exp.Literal.string(path)])
