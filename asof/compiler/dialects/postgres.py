"""PostgreSQL: with an index on (keys, event time) one probe per question is hard to beat."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sqlglot import exp

from asof.compiler import types
from asof.compiler.dialects import syntax
from asof.compiler.dialects.base import Dialect

if TYPE_CHECKING:
    from asof.compiler.dialects.base import LatestStrategy
    from asof.compiler.duration import Duration


class Postgres(Dialect):
    """LATERAL ... LIMIT 1 for the latest row; RANGE frames, which need no index, for windows."""

    name = "postgres"
    prologue: tuple[str, ...] = ("SET TimeZone = 'UTC'",)
    latest: LatestStrategy = "lateral"
    strategies: tuple[LatestStrategy, ...] = ("lateral", "timeline", "frame", "pairs")
    evaluates_once = True
    nodes = syntax.CORE | syntax.MOMENTS | syntax.INTERVALS | {
        exp.Lateral, exp.ArrayAgg, exp.Filter, exp.Array, exp.NthValue,
    }  # fmt: skip
    identifier_length = 63
    materialize_rows: ClassVar[bool | None] = False
    max_columns = 1_664
    max_table_columns = 700
    temporary_schema = "pg_temp"
    type_names = {  # noqa: RUF012 - a constant table
        "bool": "BOOLEAN",
        "int32": "INTEGER",
        "int64": "BIGINT",
        "float32": "REAL",
        "float64": "DOUBLE PRECISION",
        "string": "TEXT",
        "bytes": "BYTEA",
        "date": "DATE",
        "timestamp": "TIMESTAMPTZ",
        "json": "JSONB",
        "uuid": "UUID",
    }
    frame_functions = frozenset(
        {"count", "sum", "mean", "min", "max", "var_pop", "var_samp", "stddev_pop", "stddev_samp", "any", "all"}
    )
    unsupported = {"files": "load the file into a table, or make a foreign table of it"}  # noqa: RUF012 - a constant table
    nulls_first_descending = True
    carriers = {"bool": "int32", "uuid": "string", "json": "string"}  # noqa: RUF012 - a constant table
    builtins = frozenset({"JSONB_OBJECT_AGG", "DATE_BIN", "TO_CHAR", "TO_JSONB", "ENCODE", "DECODE"})

    def bucket(self, instant: exp.Expr, length: Duration) -> exp.Expr | None:
        """The beginning of the stretch says which one it is."""
        origin = self.instant_text("1970-01-01 00:00:00+00")
        return exp.Anonymous(this="DATE_BIN", expressions=[self.length(length), instant, origin])

    def day_text(self, day: exp.Expr) -> exp.Expr:
        return exp.Anonymous(this="TO_CHAR", expressions=[day, exp.Literal.string("YYYY-MM-DD")])

    def item(self, value: exp.Expr, kind: types.Type | None) -> exp.Expr:
        """Lists in a list need not be of one length, nor be there at all, as SQL's arrays of arrays must.

        JSON stays the text that it is, or a text in it could not be told from a JSON string.
        """
        if kind == types.JSON:
            return self.cast(value, types.STRING)
        return _json(value) if isinstance(kind, types.Array | types.Vector) else value

    def digit(self, value: exp.Expr) -> exp.Expr:
        return self.cast(value, types.INT32)

    def carried(self, value: exp.Expr, kind: types.Type | None) -> exp.Expr | None:
        """What has no order travels as text, and bytes do, for which MIN and MAX are new in PostgreSQL 18."""
        if kind == types.BYTES:
            return exp.Anonymous(this="ENCODE", expressions=[value, exp.Literal.string("hex")])
        return self.cast(_json(value), types.STRING) if _held_as_json(kind) else super().carried(value, kind)

    def uncarried(self, value: exp.Expr, kind: types.Type | None) -> exp.Expr:
        if kind == types.BYTES:
            return exp.Anonymous(this="DECODE", expressions=[value, exp.Literal.string("hex")])
        return self.cast(value, types.JSON if _held_as_json(kind) else kind)

    def compared(self, value: exp.Expr, kind: types.Type | None) -> exp.Expr:
        """UUIDs come as text with a spine, and text may stand in a table; of a column that is one nothing is left."""
        return self.cast(value, kind) if kind == types.UUID else super().compared(value, kind)

    def list_of(self, value: exp.Expr, rank: exp.Expr, kept: exp.Expr) -> exp.Expr:
        order = exp.Order(this=value, expressions=[exp.Ordered(this=rank, desc=False, nulls_first=False)])
        return exp.Filter(this=exp.ArrayAgg(this=order, nulls_excluded=False), expression=exp.Where(this=kept))

    def map_of(self, key: exp.Expr, value: exp.Expr, kept: exp.Expr) -> exp.Expr:
        entries = exp.Anonymous(this="JSONB_OBJECT_AGG", expressions=[key, value])
        return exp.Filter(this=entries, expression=exp.Where(this=kept))

    def array_of(self, values: list[exp.Expr], element: types.Type) -> exp.Expr:
        return exp.Array(expressions=values)


def _json(value: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this="TO_JSONB", expressions=[value])


def _held_as_json(kind: types.Type | None) -> bool:
    """Whether columns of the type are JSONB: of all that is nested only arrays of plain values are not."""
    if isinstance(kind, types.Array):
        return not isinstance(kind.element, types.Scalar | types.Decimal)
    return isinstance(kind, types.Map | types.Struct)
