"""Values on their way into online rows and out: Arrow columns, whose instants and days travel as whole numbers."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa

from asof.compiler.instants import utc
from asof.compiler.types import DATE, TIMESTAMP, Array, Map, Struct, Type
from asof.engines.arrow import arrow_type

if TYPE_CHECKING:
    from collections.abc import Sequence

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(1970, 1, 1)


def wire_type(value: Type) -> pa.DataType:
    """The Arrow type of what a row stores: as ``arrow_type``, with timestamps int64 and dates int32."""
    match value:
        case Array():
            return pa.list_(wire_type(value.element))
        case Map():
            return pa.map_(wire_type(value.key), wire_type(value.value))
        case Struct():
            return pa.struct([pa.field(name, wire_type(part)) for name, part in value.fields])
        case _ if value == TIMESTAMP:
            return pa.int64()
        case _ if value == DATE:
            return pa.int32()
        case _:
            return arrow_type(value)


def to_wire(column: pa.Array, value: Type) -> list[object]:
    """The values of a column of ``arrow_type(value)`` as ``RowCodec`` and ``KeyCodec`` take them."""
    stored = wire_type(value)
    values: list[object] = (column if column.type == stored else column.cast(stored)).to_pylist()
    return values


def from_wire(values: Sequence[object], value: Type) -> pa.Array:
    """The inverse of ``to_wire``."""
    column = pa.array(values, wire_type(value))
    wanted = arrow_type(value)
    return column if column.type == wanted else column.cast(wanted)


def microseconds(moment: datetime) -> int:
    """Since 1970; a naive moment is UTC."""
    return (utc(moment) - _EPOCH) // timedelta(microseconds=1)


def key_value(value: object) -> object:
    """One join key as ``KeyCodec`` takes it."""
    if isinstance(value, datetime):
        return microseconds(value)
    return (value - _EPOCH_DAY).days if isinstance(value, date) else value
