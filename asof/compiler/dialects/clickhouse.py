"""ClickHouse: ASOF joins of its own, columns that hold NULL only where their type says so, sums that wrap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from asof.compiler import types
from asof.compiler.dialects import syntax
from asof.compiler.dialects.base import TICKS, Dialect
from asof.compiler.dialects.calls import COMMON

if TYPE_CHECKING:
    from asof.compiler.model import Timing

_INSTANT = "Nullable(DateTime64(6, 'UTC'))"


class ClickHouse(Dialect):
    """An ASOF join of keys and times, then a fetch; running totals for counts and sums of integers."""

    name = "clickhouse"
    prologue = ("SET join_use_nulls = 1", "SET prefer_column_name_to_alias = 1")
    latest = "asof"
    strategies = ("asof", "frame", "pairs")
    native_variance = False
    clock = "microseconds"
    intervals = False
    join_methods = frozenset({"", "ASOF"})
    nodes = syntax.CORE | {exp.ParameterizedAgg}
    builtins = frozenset(
        {
            "TOUNIXTIMESTAMP64MICRO", "FROMUNIXTIMESTAMP64MICRO", "GROUPARRAYIF", "ARRAYSORT", "TUPLEELEMENT", "TUPLE",
            "ARRAYMAP", "MAPFROMARRAYS", "UNIQ", "QUANTILETDIGEST",
        }
    )  # fmt: skip
    max_statement_bytes = 262_144
    ascending_nulls_first = False
    type_names = {  # noqa: RUF012 - a constant table
        "bool": "Nullable(Bool)",
        "int32": "Nullable(Int32)",
        "int64": "Nullable(Int64)",
        "float32": "Nullable(Float32)",
        "float64": "Nullable(Float64)",
        "string": "Nullable(String)",
        "bytes": "Nullable(String)",
        "date": "Nullable(Date32)",
        "timestamp": _INSTANT,
        "json": "Nullable(String)",
        "uuid": "Nullable(UUID)",
    }
    unsupported = {  # noqa: RUF012 - a constant table
        "views without entities": "a join asks for an equality here: give the view an entity with a constant key",
        "time zones": "give the column its zone, DateTime64(6, 'Europe/Berlin'): ClickHouse keeps the instant",
        "by": "write one aggregation with a condition for each value",
        "histogram": "count with a condition for each value",
        **dict.fromkeys(
            ("first_n", "last_n", "first_distinct_n", "last_distinct_n", "top_n", "bottom_n", "NULLs in lists"),
            "an array cannot be NULL here; ask for single values, such as last or max",
        ),
        "percentiles": "an array cannot be NULL here; write one aggregation for each percentile",
        "files": "give the source a table, such as one with the engine File or S3",
    }
    approximations = {"approx_count_distinct": 0.05, "approx_percentile": 0.02}  # noqa: RUF012 - a constant table
    calls = COMMON

    def data_type(self, kind: types.Type) -> exp.DataType | None:
        if isinstance(kind, types.Decimal):
            text = f"Nullable(Decimal({kind.precision}, {kind.scale}))"
            return exp.DataType.build(text, dialect=self.name)
        return super().data_type(kind)

    def timestamp(self, value: exp.Expr, kind: types.Type | None, timing: Timing) -> exp.Expr:
        if kind in types.INTEGERS or (kind is None and timing.timestamp_unit):
            return self.since_epoch(self.cast(value, types.INT64), TICKS[timing.timestamp_unit])
        return self.cast(value, types.TIMESTAMP)

    def since_epoch(self, count: exp.Expr, ticks: int) -> exp.Expr:
        whole = exp.Mul(this=count, expression=exp.Literal.number(ticks)) if ticks > 1 else count
        return exp.Anonymous(this="fromUnixTimestamp64Micro", expressions=[whole, exp.Literal.string("UTC")])

    def tick(self, instant: exp.Expr) -> exp.Expr:
        return exp.Anonymous(this="toUnixTimestamp64Micro", expressions=[instant])

    def instant_text(self, text: str) -> exp.Expr:
        return super().instant_text(text.removesuffix("+00"))

    def approximate(self, function: str, value: exp.Expr, percentile: float | None) -> exp.Expr:
        if percentile is None:
            return exp.Anonymous(this="uniq", expressions=[value])
        quantile = exp.Literal.number(percentile)
        return exp.ParameterizedAgg(this="quantileTDigest", expressions=[quantile], params=[value])

    def written(self, node: exp.Expr) -> exp.Expr:
        """Sums of integers wrap here without a word: they are made wide, and fit again or fail."""
        if isinstance(node, exp.Cast) and isinstance(node.this, exp.Sum) and node.to == self.data_type(types.INT64):
            wide = exp.Cast(this=node.this.this, to=exp.DataType.build("Nullable(Int128)", dialect=self.name))
            narrow = exp.Literal.string("Nullable(Int64)")
            return exp.Anonymous(this="accurateCast", expressions=[exp.Sum(this=wide), narrow])
        if isinstance(node, exp.Placeholder):
            return exp.Placeholder(this=node.name, kind="DateTime64(6, 'UTC')")
        return node
