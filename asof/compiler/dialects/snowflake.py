"""Snowflake: instants with intervals, objects for maps, and names kept as they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sqlglot import exp

from asof.compiler import types
from asof.compiler.dialects import syntax
from asof.compiler.dialects.base import TICKS, Dialect
from asof.compiler.dialects.calls import COMMON

if TYPE_CHECKING:
    from asof.compiler.model import Timing


class Snowflake(Dialect):
    """A running maximum over the union for the latest row; windows join each question with its rows."""

    name = "snowflake"
    prologue = ("ALTER SESSION SET TIMEZONE = 'UTC'",)
    nodes = syntax.CORE | syntax.MOMENTS | syntax.INTERVALS | {exp.ApproxDistinct}
    builtins = frozenset({"TO_TIMESTAMP_LTZ", "OBJECT_AGG", "ARRAY_CONSTRUCT", "APPROX_PERCENTILE"})
    identifier_length = 255
    max_statement_bytes = 1_000_000
    type_names: ClassVar = {
        "bool": "BOOLEAN",
        "int32": "INT",
        "int64": "BIGINT",
        "float32": "FLOAT",
        "float64": "DOUBLE",
        "string": "VARCHAR",
        "bytes": "BINARY",
        "date": "DATE",
        "timestamp": "TIMESTAMPLTZ",
        "json": "VARIANT",
        "uuid": "VARCHAR",
    }
    unsupported: ClassVar = {
        "time zones": "store timestamps with their zone, or in UTC",
        **dict.fromkeys(
            ("first_n", "last_n", "first_distinct_n", "last_distinct_n", "top_n", "bottom_n", "NULLs in lists"),
            "ask for single values, such as last or max",
        ),
        **dict.fromkeys(("by", "histogram"), "write one aggregation with a condition for each value"),
        "percentiles": "write one aggregation for each percentile",
        "files": "give the source a table, such as an external one over a stage",
    }
    approximations: ClassVar = {"approx_count_distinct": 0.05, "approx_percentile": 0.02}
    calls = COMMON

    def timestamp(self, value: exp.Expr, kind: types.Type | None, timing: Timing) -> exp.Expr:
        if kind in types.INTEGERS or (kind is None and timing.timestamp_unit):
            return self.since_epoch(self.cast(value, types.INT64), TICKS[timing.timestamp_unit])
        return self.cast(value, types.TIMESTAMP)

    def since_epoch(self, count: exp.Expr, ticks: int) -> exp.Expr:
        whole = exp.Mul(this=count, expression=exp.Literal.number(ticks)) if ticks > 1 else count
        return exp.Anonymous(this="TO_TIMESTAMP_LTZ", expressions=[whole, exp.Literal.number(6)])

    def approximate(self, function: str, value: exp.Expr, percentile: float | None) -> exp.Expr:
        if percentile is None:
            return exp.ApproxDistinct(this=value)
        return exp.Anonymous(this="APPROX_PERCENTILE", expressions=[value, exp.Literal.number(percentile)])
