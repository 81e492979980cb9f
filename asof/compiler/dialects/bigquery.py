"""BigQuery: GoogleSQL, whose times are compared as microseconds because frames take numbers alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sqlglot import exp

from asof.compiler import tree, types
from asof.compiler.dialects import syntax
from asof.compiler.dialects.base import TICKS, Dialect

if TYPE_CHECKING:
    from asof.compiler.model import Timing


class BigQuery(Dialect):
    """A running maximum over the union for the latest row; windows join each question with its rows."""

    name = "bigquery"
    prologue = ("SET @@time_zone = 'UTC'",)
    clock = "microseconds"
    columns_hide_tables = True
    ascending_nulls_first = True
    nodes = syntax.CORE | syntax.MOMENTS | {
        exp.ApproxDistinct, exp.Array, exp.ArrayAgg, exp.IgnoreNulls, exp.Struct, exp.PropertyEQ,
        exp.ColumnDef,
    }  # fmt: skip
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
        "NULLs in lists": "no array that a query gives back can hold NULL; leave include_nulls out",
        "dots in names": "no column can have such a name here: map it to another with field_mapping",
        "files": "give the source a table, such as an external one",
    }
    approximations: ClassVar = {"approx_count_distinct": 0.05}

    def data_type(self, kind: types.Type) -> exp.DataType | None:
        """No name has parameters in a CAST here but those of decimals. A map is an array of its entries."""
        if isinstance(kind, types.Decimal):
            wide = kind.scale > 9 or kind.precision - kind.scale > 29
            return exp.DataType.build("BIGNUMERIC" if wide else "NUMERIC", dialect=self.name)
        if isinstance(kind, types.Array | types.Map):
            return exp.DataType.build(self._nested(kind), dialect=self.name)
        return super().data_type(kind)

    def _nested(self, kind: types.Type) -> str:
        if isinstance(kind, types.Array):
            return f"ARRAY<{self._nested(kind.element)}>"
        if isinstance(kind, types.Map):
            return f"ARRAY<STRUCT<`key` STRING, `value` {self._nested(kind.value)}>>"
        made = self.data_type(kind)
        return made.sql(dialect=self.name) if made is not None else "STRING"

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
        """Floats cannot stand in PARTITION BY here; their texts are equal where they are, once -0.0 is 0.0."""
        if kind in types.FLOATS:
            value = exp.Add(this=value, expression=exp.Literal.number(0))
        return self.cast(value, types.STRING) if kind in types.FLOATS or kind is None else value

    def list_of(self, value: exp.Expr, rank: exp.Expr, kept: exp.Expr) -> exp.Expr:
        return _collected(tree.case(kept, value), rank)

    def map_of(self, key: exp.Expr, value: exp.Expr, kept: exp.Expr) -> exp.Expr:
        """There are no maps: an array of entries, in the order of their keys."""
        held = {"key": key, "value": value}
        fields = [exp.PropertyEQ(this=tree.identifier(name), expression=one) for name, one in held.items()]
        return _collected(tree.case(kept, exp.Struct(expressions=fields)), key.copy())

    def array_of(self, values: list[exp.Expr], element: types.Type) -> exp.Expr:
        return exp.Array(expressions=values)

    def approximate(self, function: str, value: exp.Expr, percentile: float | None) -> exp.Expr:
        return exp.ApproxDistinct(this=value)


def _collected(value: exp.Expr, order: exp.Expr) -> exp.Expr:
    """The array of what is not NULL; NULL where nothing is left."""
    ordered = exp.Order(this=value, expressions=[exp.Ordered(this=order, desc=False, nulls_first=True)])
    return exp.IgnoreNulls(this=exp.ArrayAgg(this=ordered))
