"""SQLite: timestamps are INTEGER microseconds, dates INTEGER days; there are no types to cast to beyond that."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlglot import exp

from asof.compiler import types
from asof.compiler.dialects import syntax
from asof.compiler.dialects.base import TICKS, Dialect
from asof.compiler.dialects.calls import COMMON

if TYPE_CHECKING:
    from asof.compiler.model import Timing

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INTERVALS = {"WEEK": 604_800_000_000, "DAY": 86_400_000_000, "HOUR": 3_600_000_000, "MINUTE": 60_000_000}
_INTERVALS |= {"SECOND": 1_000_000, "MILLISECOND": 1_000, "MICROSECOND": 1}


class SQLite(Dialect):
    """Its sliding sums of floats subtract and so drift: only integers go over a frame."""

    name = "sqlite"
    prunes = "nothing"
    clock = "microseconds"
    evaluates_once = True
    materialize_rows = False
    intervals = False
    max_statement_bytes = 1_000_000
    max_columns = 2_000
    max_table_columns = 2_000
    max_joins = 64
    temporary_schema = "temp"
    type_names = {  # noqa: RUF012 - a constant table
        "bool": "INTEGER",
        "int32": "INTEGER",
        "int64": "INTEGER",
        "float32": "REAL",
        "float64": "REAL",
        "string": "TEXT",
        "bytes": "BLOB",
        "date": "INTEGER",
        "timestamp": "INTEGER",
        "json": "TEXT",
        "uuid": "TEXT",
    }
    frame_functions = frozenset({"count", "min", "max", "any", "all"})
    exact_frame_functions = frozenset({"sum", "mean"})
    unsupported = {  # noqa: RUF012 - a constant table
        "time zones": "store timestamps in UTC",
        "files": "load the file into a table",
    }
    native_variance = False
    ascending_nulls_first = True
    calls = COMMON
    nodes = syntax.CORE | {exp.Filter}
    builtins = frozenset({"JSON", "JSON_ARRAY", "JSON_GROUP_ARRAY", "JSON_GROUP_OBJECT"})
    lists_over_frames = True
    empty_list_is_null = False

    def list_of(self, value: exp.Expr, rank: exp.Expr, kept: exp.Expr) -> exp.Expr:
        """JSON text. The rank orders the window around it: an ORDER BY inside an aggregate is too new."""
        return exp.Anonymous(this="JSON_GROUP_ARRAY", expressions=[value])

    def map_of(self, key: exp.Expr, value: exp.Expr, kept: exp.Expr) -> exp.Expr:
        entries = exp.Anonymous(this="JSON_GROUP_OBJECT", expressions=[key, value])
        return exp.Filter(this=entries, expression=exp.Where(this=kept))

    def nested(self, value: exp.Expr) -> exp.Expr:
        return exp.Anonymous(this="JSON", expressions=[value])

    def array_of(self, values: list[exp.Expr], element: types.Type) -> exp.Expr:
        return exp.Anonymous(this="JSON_ARRAY", expressions=values)

    def data_type(self, kind: types.Type) -> exp.DataType | None:
        return super().data_type(kind) if isinstance(kind, types.Scalar) else None

    def timestamp(self, value: exp.Expr, kind: types.Type | None, timing: Timing) -> exp.Expr:
        if kind == types.DATE:
            return _times(value, _INTERVALS["DAY"])
        if kind in types.INTEGERS or (kind is None and timing.timestamp_unit):
            return _times(value, TICKS[timing.timestamp_unit])
        return value

    def instant_text(self, text: str) -> exp.Expr:
        return exp.Literal.number(_microseconds(text))

    def tick(self, instant: exp.Expr) -> exp.Expr:
        return instant

    def untick(self, time: exp.Expr) -> exp.Expr:
        return time

    def leaf(self, node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Cast) and node.to.this in exp.DataType.TEMPORAL_TYPES:
            if isinstance(node.this, exp.Literal) and node.this.is_string:
                return self.instant_text(node.this.this)
            inner: exp.Expr = node.this
            return inner
        if isinstance(node, exp.Interval) and isinstance(node.this, exp.Literal) and node.unit is not None:
            ticks = _INTERVALS.get(node.unit.name.upper().removesuffix("S"))
            if ticks and node.this.name.isdigit():
                return exp.Literal.number(int(node.this.name) * ticks)
        return node


def _times(value: exp.Expr, factor: int) -> exp.Expr:
    return value if factor == 1 else exp.Mul(this=value, expression=exp.Literal.number(factor))


def _microseconds(text: str) -> int:
    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
