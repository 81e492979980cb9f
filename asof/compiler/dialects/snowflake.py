"""Snowflake: instants with intervals, objects for maps, and names kept as they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sqlglot import exp

from asof.compiler import tree, types
from asof.compiler.dialects import syntax
from asof.compiler.dialects.asof_join import with_match_condition
from asof.compiler.dialects.base import TICKS, Dialect, LatestStrategy

if TYPE_CHECKING:
    from asof.compiler.model import Timing


class Snowflake(Dialect):
    """A running maximum over the union for the latest row; windows join each question with its rows.

    Its ASOF JOIN keeps what finds no match, with NULLs; the equality join that fetches the values drops that.
    """

    name = "snowflake"
    prologue = ("ALTER SESSION SET TIMEZONE = 'UTC'",)
    strategies: tuple[LatestStrategy, ...] = ("frame", "asof", "pairs")
    join_methods = frozenset({"", "ASOF"})
    nodes = syntax.CORE | syntax.MOMENTS | syntax.INTERVALS | {exp.ApproxDistinct, exp.ArrayAgg, exp.WithinGroup}
    builtins = frozenset(
        {"TO_TIMESTAMP_LTZ", "TO_CHAR", "OBJECT_AGG", "ARRAY_CONSTRUCT", "APPROX_PERCENTILE", "TO_VARIANT"}
    )
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
        "NULLs in lists": "ARRAY_AGG leaves them out; leave include_nulls out",
        "files": "give the source a table, such as an external one over a stage",
    }
    empty_list_is_null = False
    approximations: ClassVar = {"approx_count_distinct": 0.05, "approx_percentile": 0.02}

    def timestamp(self, value: exp.Expr, kind: types.Type | None, timing: Timing) -> exp.Expr:
        if kind in types.INTEGERS or (kind is None and timing.timestamp_unit):
            return self.since_epoch(self.cast(value, types.INT64), TICKS[timing.timestamp_unit])
        return self.cast(value, types.TIMESTAMP)

    def since_epoch(self, count: exp.Expr, ticks: int) -> exp.Expr:
        whole = exp.Mul(this=count, expression=exp.Literal.number(ticks)) if ticks > 1 else count
        return exp.Anonymous(this="TO_TIMESTAMP_LTZ", expressions=[whole, exp.Literal.number(6)])

    def day_text(self, day: exp.Expr) -> exp.Expr:
        return exp.Anonymous(this="TO_CHAR", expressions=[day, exp.Literal.string("YYYY-MM-DD")])

    def written(self, node: exp.Expr) -> exp.Expr:
        return with_match_condition(node)

    def list_of(self, value: exp.Expr, rank: exp.Expr, kept: exp.Expr) -> exp.Expr:
        order = exp.Order(expressions=[exp.Ordered(this=rank, desc=False, nulls_first=False)])
        return exp.WithinGroup(this=exp.ArrayAgg(this=tree.case(kept, value)), expression=order)

    def map_of(self, key: exp.Expr, value: exp.Expr, kept: exp.Expr) -> exp.Expr:
        """A NULL key makes no entry."""
        held = exp.Anonymous(this="TO_VARIANT", expressions=[value])
        return exp.Anonymous(this="OBJECT_AGG", expressions=[tree.case(kept, key), held])

    def array_of(self, values: list[exp.Expr], element: types.Type) -> exp.Expr:
        return exp.Anonymous(this="ARRAY_CONSTRUCT", expressions=values)

    def approximate(self, function: str, value: exp.Expr, percentile: float | None) -> exp.Expr:
        if percentile is None:
            return exp.ApproxDistinct(this=value)
        return exp.Anonymous(this="APPROX_PERCENTILE", expressions=[value, exp.Literal.number(percentile)])
