"""DuckDB: reads files, sorts fast, and computes any aggregate over a RANGE frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from asof.compiler.dialects import syntax
from asof.compiler.dialects.base import Dialect
from asof.compiler.dialects.calls import COMMON
from asof.compiler.tree import identifier, present

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asof.compiler import types
    from asof.compiler.dialects.paths import Path
    from asof.compiler.duration import Duration


class DuckDB(Dialect):
    """An ASOF join of keys alone with a late fetch: the fastest form that no distribution of keys blows up."""

    name = "duckdb"
    prologue = ("SET TimeZone = 'UTC'",)
    latest = "asof"
    strategies = ("asof", "frame", "pairs")
    evaluates_once = True
    temporary_schema = "temp"
    max_ctes = 500
    type_names = {  # noqa: RUF012 - a constant table
        "bool": "BOOLEAN",
        "int32": "INTEGER",
        "int64": "BIGINT",
        "float32": "REAL",
        "float64": "DOUBLE",
        "string": "VARCHAR",
        "bytes": "BLOB",
        "date": "DATE",
        "timestamp": "TIMESTAMPTZ",
        "json": "JSON",
        "uuid": "UUID",
    }
    nodes = syntax.CORE | syntax.MOMENTS | syntax.INTERVALS | {
        exp.ArgMax, exp.ArgMin, exp.ArrayAgg, exp.Filter, exp.Array, exp.ApproxDistinct, exp.ApproxQuantile, exp.IntDiv,
        exp.Struct, exp.PropertyEQ,
    }  # fmt: skip
    builtins = frozenset(
        {"MAP_FROM_ENTRIES", "APPROX_QUANTILE", "ROW", "READ_PARQUET", "READ_CSV", "MAKE_TIMESTAMPTZ", "EPOCH_US"}
    )
    join_methods = frozenset({"", "ASOF"})
    running_totals = "edges"
    frame_functions = frozenset(
        {
            "count", "sum", "mean", "min", "max", "var_pop", "var_samp", "stddev_pop", "stddev_samp",
            "first", "last", "count_distinct", "any", "all",
        }
    )  # fmt: skip
    prunes = "conjunctions"
    reads_files = True
    approximations = {"approx_count_distinct": 0.07, "approx_percentile": 0.005}  # noqa: RUF012 - a constant table
    calls = COMMON

    def since_epoch(self, count: exp.Expr, ticks: int) -> exp.Expr:
        """An interval takes a 32-bit factor here, so the count goes in as microseconds."""
        whole = exp.Mul(this=count, expression=exp.Literal.number(ticks)) if ticks > 1 else count
        return exp.Anonymous(this="MAKE_TIMESTAMPTZ", expressions=[whole])

    def bucket(self, instant: exp.Expr, length: Duration) -> exp.Expr:
        microseconds = exp.Anonymous(this="EPOCH_US", expressions=[instant])
        return exp.IntDiv(this=microseconds, expression=exp.Literal.number(length.microseconds))

    def order_key(self, columns: list[exp.Expr]) -> exp.Expr:
        event, *others = columns
        parts = [part for column in others for part in (present(column), column.copy())]
        return exp.Anonymous(this="ROW", expressions=[event, *parts])

    def list_of(self, value: exp.Expr, rank: exp.Expr, kept: exp.Expr) -> exp.Expr:
        order = exp.Order(this=value, expressions=[exp.Ordered(this=rank, desc=False, nulls_first=False)])
        return exp.Filter(this=exp.ArrayAgg(this=order, nulls_excluded=False), expression=exp.Where(this=kept))

    def map_of(self, key: exp.Expr, value: exp.Expr, kept: exp.Expr) -> exp.Expr:
        entry = exp.Anonymous(this="ROW", expressions=[key, value])
        return exp.Anonymous(this="MAP_FROM_ENTRIES", expressions=[self.list_of(entry, key.copy(), kept)])

    def array_of(self, values: list[exp.Expr], element: types.Type) -> exp.Expr:
        return exp.Array(expressions=values)

    def approximate(self, function: str, value: exp.Expr, percentile: float | None) -> exp.Expr:
        if percentile is None:
            return exp.ApproxDistinct(this=value)
        return exp.Anonymous(this="APPROX_QUANTILE", expressions=[value, exp.Literal.number(percentile)])

    def scan(self, path: Path, columns: Mapping[str, types.Type]) -> exp.Table:
        """Columns that the path names, as in ds=*, have the types they are declared with, not those they look like."""
        arguments: list[exp.Expr] = [exp.Literal.string(path.text)]
        named = {name: columns[name] for name in path.columns if name in columns}
        made = {name: self.data_type(kind) for name, kind in named.items()}
        entries = [
            exp.PropertyEQ(this=identifier(name), expression=exp.Literal.string(kind.sql(dialect=self.name)))
            for name, kind in made.items()
            if kind is not None
        ]
        if entries:
            arguments.append(_option("hive_partitioning", exp.true()))
            arguments.append(_option("hive_types", exp.Struct(expressions=entries)))
        reader = "READ_CSV" if path.is_csv else "READ_PARQUET"
        return exp.Table(this=exp.Anonymous(this=reader, expressions=arguments))


def _option(name: str, value: exp.Expr) -> exp.Expr:
    return exp.EQ(this=exp.Column(this=identifier(name)), expression=value)
