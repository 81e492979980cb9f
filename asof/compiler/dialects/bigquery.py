"""BigQuery: GoogleSQL, whose times are compared as microseconds because frames take numbers alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sqlglot import exp

from asof.compiler import types
from asof.compiler.dialects import syntax
from asof.compiler.dialects.base import TICKS, Dialect
from asof.compiler.dialects.calls import COMMON

if TYPE_CHECKING:
    from asof.compiler.model import Timing


class BigQuery(Dialect):
    """A running maximum over the union for the latest row; windows join each question with its rows."""

    name = "bigquery"
    prologue = ("SET @@time_zone = 'UTC'",)
    clock = "microseconds"
    columns_hide_tables = True
    intervals = False
    ascending_nulls_first = True
    nodes = syntax.CORE | syntax.MOMENTS | {exp.ApproxDistinct, exp.Array}
    builtins = frozenset({"UNIX_MICROS", "TIMESTAMP_MICROS", "TIMESTAMP"})
    max_statement_bytes = 1_000_000
    max_columns = 10_000
    max_table_columns = 10_000
    type_names: ClassVar = {
        "bool": "BOOL",
        "int32": "INT64",
        "int64": "INT64",
        "float32": "FLOAT64",
        "float64": "FLOAT64",
        "string": "STRING",
        "bytes": "BYTES",
        "date": "DATE",
        "timestamp": "TIMESTAMP",
        "json": "JSON",
        "uuid": "STRING",
    }
    unsupported: ClassVar = {
        "time zones": "store timestamps in UTC: the hour that a zone shows twice would be read as the earlier one",
        **dict.fromkeys(
            ("first_n", "last_n", "first_distinct_n", "last_distinct_n", "top_n", "bottom_n", "NULLs in lists"),
            "ask for single values, such as last or max",
        ),
        **dict.fromkeys(("by", "histogram"), "there is no map; write one aggregation with a condition for each value"),
        "percentiles": "write one aggregation for each percentile",
        "dots in names": "no column can have such a name here: map it to another with field_mapping",
        "files": "give the source a table, such as an external one",
    }
    approximations: ClassVar = {"approx_count_distinct": 0.05}
    calls = COMMON

    def data_type(self, kind: types.Type) -> exp.DataType | None:
        """No name has parameters in a CAST here but those of decimals."""
        if isinstance(kind, types.Decimal):
            wide = kind.scale > 9 or kind.precision - kind.scale > 29
            return exp.DataType.build("BIGNUMERIC" if wide else "NUMERIC", dialect=self.name)
        return super().data_type(kind)

    def timestamp(self, value: exp.Expr, kind: types.Type | None, timing: Timing) -> exp.Expr:
        if kind in types.INTEGERS or (kind is None and timing.timestamp_unit):
            return self.since_epoch(self.cast(value, types.INT64), TICKS[timing.timestamp_unit])
        if kind == types.DATE:
            return exp.Anonymous(this="TIMESTAMP", expressions=[value, exp.Literal.string("UTC")])
        return self.cast(value, types.TIMESTAMP)

    def since_epoch(self, count: exp.Expr, ticks: int) -> exp.Expr:
        whole = exp.Mul(this=count, expression=exp.Literal.number(ticks)) if ticks > 1 else count
        return exp.Anonymous(this="TIMESTAMP_MICROS", expressions=[whole])

    def tick(self, instant: exp.Expr) -> exp.Expr:
        return exp.Anonymous(this="UNIX_MICROS", expressions=[instant])

    def grouping(self, value: exp.Expr, kind: types.Type | None) -> exp.Expr:
        """Floats cannot stand in PARTITION BY here; their texts are equal where they are."""
        return self.cast(value, types.STRING) if kind in types.FLOATS or kind is None else value

    def approximate(self, function: str, value: exp.Expr, percentile: float | None) -> exp.Expr:
        return exp.ApproxDistinct(this=value)
