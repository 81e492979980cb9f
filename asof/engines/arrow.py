"""The language's types in Arrow, both ways, and columns made to fit them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from asof.compiler.types import (
    BOOL,
    BYTES,
    DATE,
    FLOAT32,
    FLOAT64,
    INT32,
    INT64,
    STRING,
    TIMESTAMP,
    UUID,
    Array,
    Decimal,
    Map,
    Struct,
    Type,
    Vector,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asof.compiler.model import Column

INSTANT = pa.timestamp("us", tz="UTC")
"""The only timestamp there is: an instant, in whole microseconds."""

_SCALARS: dict[str, pa.DataType] = {
    "bool": pa.bool_(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float32": pa.float32(),
    "float64": pa.float64(),
    "string": pa.string(),
    "bytes": pa.binary(),
    "date": pa.date32(),
    "timestamp": INSTANT,
    "json": pa.string(),
    "uuid": pa.string(),
}


def arrow_type(value: Type) -> pa.DataType:
    """The Arrow type that holds values of ``value``."""
    match value:
        case Decimal():
            return pa.decimal128(value.precision, value.scale)
        case Array():
            return pa.list_(arrow_type(value.element))
        case Vector():
            return pa.list_(arrow_type(value.element), value.length)
        case Map():
            return pa.map_(arrow_type(value.key), arrow_type(value.value))
        case Struct():
            return pa.struct([pa.field(name, arrow_type(part)) for name, part in value.fields])
        case _:
            return _SCALARS[value.text]


def arrow_schema(columns: Sequence[Column]) -> pa.Schema:
    """The Arrow schema of ``columns``; every field may be null."""
    return pa.schema([pa.field(column.name, arrow_type(column.type)) for column in columns])


def type_of(found: pa.DataType) -> Type | None:
    """The narrowest type of the language that holds every value of an Arrow type, or None."""
    scalar = _scalar_of(found)
    if scalar is not None:
        return scalar
    if pa.types.is_dictionary(found):
        return type_of(found.value_type)
    if pa.types.is_decimal(found) and 0 <= found.scale <= found.precision <= 38:
        return Decimal(found.precision, found.scale)
    if pa.types.is_map(found):
        key, item = type_of(found.key_type), type_of(found.item_type)
        return Map(key, item) if key and item else None
    if pa.types.is_fixed_size_list(found) and type_of(found.value_type) in (FLOAT32, FLOAT64):
        return Vector(_certain(type_of(found.value_type)), found.list_size)
    if pa.types.is_list(found) or pa.types.is_large_list(found) or pa.types.is_fixed_size_list(found):
        element = type_of(found.value_type)
        return Array(element) if element else None
    if pa.types.is_struct(found):
        parts = tuple((field.name, type_of(field.type)) for field in found)
        return Struct(tuple((name, part) for name, part in parts if part)) if all(p for _, p in parts) else None
    return None


def _scalar_of(found: pa.DataType) -> Type | None:
    tests = (
        (pa.types.is_boolean, BOOL),
        (lambda t: t == pa.int32() or (pa.types.is_integer(t) and t.bit_width < 32), INT32),
        (lambda t: t in (pa.int64(), pa.uint32()), INT64),
        (lambda t: t in (pa.float32(), pa.float16()), FLOAT32),
        (pa.types.is_float64, FLOAT64),
        (lambda t: pa.types.is_string(t) or pa.types.is_large_string(t) or t == pa.string_view(), STRING),
        (lambda t: pa.types.is_binary(t) or pa.types.is_large_binary(t) or t == pa.binary_view(), BYTES),
        (pa.types.is_date, DATE),
        (pa.types.is_timestamp, TIMESTAMP),
        (lambda t: t == pa.uuid(), UUID),
    )
    return next((made for test, made in tests if test(found)), None)


def _certain(value: Type | None) -> Type:
    if value is None:
        raise ValueError("a type was expected")
    return value


def instants(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """A timestamp or date column as instants: naive values are UTC, finer units are rounded down.

    Rounding down keeps ``event <= t`` true for exactly the same events, which have whole microseconds.
    """
    if pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("s"))
    if column.type.unit == "ns":
        column = pc.floor_temporal(column, unit="microsecond")
    # Casting between zones keeps the instant; a naive value is read as UTC.
    return column.cast(pa.timestamp("us", tz=column.type.tz or "UTC"), safe=False).cast(INSTANT)


def conform(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """``batch`` with the names and types of ``schema``, by position.

    Raises pyarrow.ArrowInvalid where a value does not fit its type.
    """
    if batch.schema.equals(schema):
        return batch
    return pa.RecordBatch.from_arrays(
        [_fit(column, field.type) for column, field in zip(batch.columns, schema, strict=True)], schema=schema
    )


def _fit(column: pa.Array, wanted: pa.DataType) -> pa.Array:
    if column.type == wanted:
        return column
    if wanted == INSTANT and (pa.types.is_timestamp(column.type) or pa.types.is_date(column.type)):
        return instants(column)
    if wanted == pa.float32():
        return column.cast(wanted, safe=False)
    return column.cast(wanted)
