"""SQLite: timestamps are INTEGER microseconds, dates INTEGER days; there are no types to cast to beyond that."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlglot import exp

from asof.compiler import tree, types
from asof.compiler.dialects import syntax
from asof.compiler.dialects.base import TICKS, Dialect
from asof.compiler.instants import utc

if TYPE_CHECKING:
    from asof.compiler.model import Timing

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = 86_400_000_000
"""Microseconds."""


class SQLite(Dialect):
    """Its sliding sums of floats subtract and so drift: only integers go over a frame."""

    name = "sqlite"
    prunes = "nothing"
    clock = "microseconds"
    evaluates_once = True
    materialize_rows = False
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
    nodes = syntax.CORE | {exp.Filter, exp.BitwiseRightShift, exp.BitwiseAnd}
    builtins = frozenset({"HEX", "PRINTF", "JSON", "JSON_ARRAY", "JSON_GROUP_ARRAY", "JSON_GROUP_OBJECT"})
    lists_over_frames = True
    empty_list_is_null = False

    def list_of(self, value: exp.Expr, rank: exp.Expr, kept: exp.Expr) -> exp.Expr:
        """JSON text. The rank orders the window around it: an ORDER BY inside an aggregate is too new."""
        return exp.Anonymous(this="JSON_GROUP_ARRAY", expressions=[value])

    def map_of(self, key: exp.Expr, value: exp.Expr, kept: exp.Expr) -> exp.Expr:
        entries = exp.Anonymous(this="JSON_GROUP_OBJECT", expressions=[key, value])
        return exp.Filter(this=entries, expression=exp.Where(this=kept))

    def item(self, value: exp.Expr, kind: types.Type | None) -> exp.Expr:
        """As JSON holds it: true and false, bytes as hexadecimal text, floats with all of their digits."""
        match kind:
            case types.Array() | types.Vector() | types.Map() | types.Struct():
                return _json(value)
            case types.Scalar(name="bool"):
                no = exp.If(this=exp.Not(this=value.copy()), true=_json(exp.Literal.string("false")))
                return exp.Case(ifs=[exp.If(this=value, true=_json(exp.Literal.string("true"))), no])
            case types.Scalar(name="bytes"):
                return _printed("\\x%s", value, exp.Anonymous(this="HEX", expressions=[value.copy()]))
            case types.Scalar(name="float32" | "float64"):
                return _printed("%!.19g", value, value.copy())
        return value

    def framed(self, function: str, value: exp.Expr, kind: types.Type | None, frame: exp.Identifier) -> exp.Expr | None:
        """Its SUM over a frame overflows where what has left the frame did, and its AVG adds up floats.

        Halves of 32 bits never overflow; what they make together is an error where it is no int64.
        """
        if function not in ("sum", "mean") or (function == "sum" and kind != types.INT64):
            return None
        count = exp.Window(this=exp.Count(this=value.copy()), alias=frame.copy())
        if kind != types.INT64:
            return _ratio(self.cast(exp.Window(this=exp.Sum(this=value), alias=frame), types.FLOAT64), count)
        high = exp.Window(this=exp.Sum(this=_shifted(value)), alias=frame)
        low = exp.Window(this=exp.Sum(this=_low_bits(value.copy())), alias=frame.copy())
        if function == "mean":
            return _ratio(exp.Paren(this=_put_together(self.cast(high, types.FLOAT64), low)), count)
        carried = exp.Paren(this=exp.Add(this=high, expression=_shifted(low)))
        too_much = exp.Add(this=carried, expression=exp.Literal.number(1 << 31))
        total = _put_together(carried.copy(), _low_bits(low.copy()))
        # The absolute value of the least integer is the one error that an expression can raise here.
        least = exp.Sub(this=exp.Literal.number(-(2**63 - 1)), expression=exp.Literal.number(1))
        raised = exp.Add(this=least, expression=exp.Mul(this=exp.Literal.number(0), expression=low.copy()))
        fits = exp.If(
            this=exp.EQ(this=_shifted(exp.Paren(this=too_much)), expression=exp.Literal.number(0)), true=total
        )
        some = exp.If(this=exp.Not(this=exp.Is(this=low.copy(), expression=exp.Null())), true=exp.Abs(this=raised))
        return exp.Case(ifs=[fits, some])

    def array_of(self, values: list[exp.Expr], element: types.Type) -> exp.Expr:
        return exp.Anonymous(this="JSON_ARRAY", expressions=[self.item(value, element) for value in values])

    def data_type(self, kind: types.Type) -> exp.DataType | None:
        return super().data_type(kind) if isinstance(kind, types.Scalar) else None

    def timestamp(self, value: exp.Expr, kind: types.Type | None, timing: Timing) -> exp.Expr:
        if kind == types.DATE:
            return _times(value, _DAY)
        if kind in types.INTEGERS or (kind is None and timing.timestamp_unit):
            return _times(value, TICKS[timing.timestamp_unit])
        return value

    def instant_text(self, text: str) -> exp.Expr:
        return exp.Literal.number(_microseconds(text))

    def tick(self, instant: exp.Expr) -> exp.Expr:
        return instant

    def untick(self, time: exp.Expr) -> exp.Expr:
        return time


def _json(text: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this="JSON", expressions=[text])


def _printed(layout: str, value: exp.Expr, shown: exp.Expr) -> exp.Expr:
    """Text of what is there: PRINTF takes NULL for nothing, or 0."""
    return tree.case(tree.present(value), exp.Anonymous(this="PRINTF", expressions=[exp.Literal.string(layout), shown]))


def _shifted(value: exp.Expr) -> exp.Expr:
    """The upper 32 bits, rounded down."""
    return exp.Paren(this=exp.BitwiseRightShift(this=value, expression=exp.Literal.number(32)))


def _low_bits(value: exp.Expr) -> exp.Expr:
    return exp.Paren(this=exp.BitwiseAnd(this=value, expression=exp.Literal.number((1 << 32) - 1)))


def _put_together(high: exp.Expr, low: exp.Expr) -> exp.Expr:
    return exp.Add(this=exp.Mul(this=high, expression=exp.Literal.number(1 << 32)), expression=low)


def _ratio(total: exp.Expr, count: exp.Expr) -> exp.Expr:
    """NULL of no values."""
    return exp.Div(this=total, expression=count, typed=True, safe=True)


def _times(value: exp.Expr, factor: int) -> exp.Expr:
    return value if factor == 1 else exp.Mul(this=value, expression=exp.Literal.number(factor))


def _microseconds(text: str) -> int:
    delta = utc(datetime.fromisoformat(text)) - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
