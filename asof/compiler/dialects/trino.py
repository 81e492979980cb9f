"""Trino: exact to the microsecond where its intervals are not; arrays and maps of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from sqlglot import exp

from asof.compiler import types
from asof.compiler.dialects import syntax
from asof.compiler.dialects.base import TICKS, Dialect

if TYPE_CHECKING:
    from asof.compiler.model import Timing

_INSTANT = "TIMESTAMP(6) WITH TIME ZONE"


class Trino(Dialect):
    """A running maximum over the union for the latest row; windows join each question with its rows."""

    name = "trino"
    clock = "microseconds"
    nodes = syntax.CORE | syntax.MOMENTS | {exp.ArrayAgg, exp.Filter, exp.Array, exp.ApproxDistinct, exp.Round}
    builtins = frozenset(
        {"DATE_DIFF", "DATE_TRUNC", "TO_UNIXTIME", "FROM_UNIXTIME_NANOS", "MAP_AGG", "APPROX_PERCENTILE"}
    )
    max_statement_bytes: int | None = 1_000_000
    temporary: Literal["temp", "hash", "none"] = "none"
    type_names: ClassVar = {
        "bool": "BOOLEAN",
        "int32": "INTEGER",
        "int64": "BIGINT",
        "float32": "REAL",
        "float64": "DOUBLE",
        "string": "VARCHAR",
        "bytes": "VARBINARY",
        "date": "DATE",
        "timestamp": _INSTANT,
        "json": "JSON",
        "uuid": "UUID",
    }
    unsupported: ClassVar = {
        "time zones": "store timestamps with their zone, or in UTC",
        "files": "give the source a table, such as one of a Hive catalog over the files",
    }
    approximations: ClassVar = {"approx_count_distinct": 0.05, "approx_percentile": 0.02}

    def data_type(self, kind: types.Type) -> exp.DataType | None:
        if kind == types.TIMESTAMP:
            return exp.DataType(this=exp.DType.TIMESTAMPTZ, expressions=[exp.DataTypeParam(this=exp.Literal.number(6))])
        return super().data_type(kind)

    def timestamp(self, value: exp.Expr, kind: types.Type | None, timing: Timing) -> exp.Expr:
        if kind in types.INTEGERS or (kind is None and timing.timestamp_unit):
            return self.since_epoch(self.cast(value, types.INT64), TICKS[timing.timestamp_unit])
        return self.cast(value, types.TIMESTAMP)

    def instant_text(self, text: str) -> exp.Expr:
        """An offset has its minutes here."""
        return super().instant_text(f"{text}:00" if text.endswith("+00") else text)

    def since_epoch(self, count: exp.Expr, ticks: int) -> exp.Expr:
        nanos = exp.Mul(this=exp.Paren(this=count), expression=exp.Literal.number(ticks * 1_000))
        return self.cast(exp.Anonymous(this="FROM_UNIXTIME_NANOS", expressions=[nanos]), types.TIMESTAMP)

    def tick(self, instant: exp.Expr) -> exp.Expr:
        """Whole milliseconds are counted; what is left of one is a difference of doubles, rounded."""
        unit = exp.Literal.string("millisecond")
        epoch = self.instant_text("1970-01-01 00:00:00+00")
        millis = exp.Anonymous(this="DATE_DIFF", expressions=[unit, epoch, instant])
        cut = exp.Anonymous(this="DATE_TRUNC", expressions=[unit.copy(), instant.copy()])
        seconds = [exp.Anonymous(this="TO_UNIXTIME", expressions=[one]) for one in (instant.copy(), cut)]
        rest = exp.Paren(this=exp.Sub(this=seconds[0], expression=seconds[1]))
        micros = exp.Round(this=exp.Mul(this=rest, expression=exp.Literal.number(1_000_000)))
        return exp.Add(
            this=exp.Mul(this=millis, expression=exp.Literal.number(1_000)),
            expression=self.cast(micros, types.INT64),
        )

    def list_of(self, value: exp.Expr, rank: exp.Expr, kept: exp.Expr) -> exp.Expr:
        order = exp.Order(this=value, expressions=[exp.Ordered(this=rank, desc=False, nulls_first=False)])
        return exp.Filter(this=exp.ArrayAgg(this=order, nulls_excluded=False), expression=exp.Where(this=kept))

    def map_of(self, key: exp.Expr, value: exp.Expr, kept: exp.Expr) -> exp.Expr:
        entries = exp.Anonymous(this="MAP_AGG", expressions=[key, value])
        return exp.Filter(this=entries, expression=exp.Where(this=kept))

    def array_of(self, values: list[exp.Expr], element: types.Type) -> exp.Expr:
        return exp.Array(expressions=values)

    def approximate(self, function: str, value: exp.Expr, percentile: float | None) -> exp.Expr:
        if percentile is None:
            return exp.ApproxDistinct(this=value)
        return exp.Anonymous(this="APPROX_PERCENTILE", expressions=[value, exp.Literal.number(percentile)])
