"""PostgreSQL: with an index on (keys, event time) one probe per question is hard to beat."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sqlglot import exp

from asof.compiler.dialects import syntax
from asof.compiler.dialects.base import Dialect
from asof.compiler.dialects.calls import COMMON

if TYPE_CHECKING:
    from asof.compiler import types
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
    calls = COMMON
    builtins = frozenset({"JSONB_OBJECT_AGG", "DATE_BIN", "TO_CHAR"})

    def bucket(self, instant: exp.Expr, length: Duration) -> exp.Expr | None:
        """The beginning of the stretch says which one it is."""
        origin = self.instant_text("1970-01-01 00:00:00+00")
        return exp.Anonymous(this="DATE_BIN", expressions=[self.length(length), instant, origin])

    def day_text(self, day: exp.Expr) -> exp.Expr:
        return exp.Anonymous(this="TO_CHAR", expressions=[day, exp.Literal.string("YYYY-MM-DD")])

    def list_of(self, value: exp.Expr, rank: exp.Expr, kept: exp.Expr) -> exp.Expr:
        order = exp.Order(this=value, expressions=[exp.Ordered(this=rank, desc=False, nulls_first=False)])
        return exp.Filter(this=exp.ArrayAgg(this=order, nulls_excluded=False), expression=exp.Where(this=kept))

    def map_of(self, key: exp.Expr, value: exp.Expr, kept: exp.Expr) -> exp.Expr:
        entries = exp.Anonymous(this="JSONB_OBJECT_AGG", expressions=[key, value])
        return exp.Filter(this=entries, expression=exp.Where(this=kept))

    def array_of(self, values: list[exp.Expr], element: types.Type) -> exp.Expr:
        return exp.Array(expressions=values)
