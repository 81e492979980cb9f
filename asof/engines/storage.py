"""Values as SQLite keeps them: timestamps INTEGER microseconds, dates INTEGER days, nested values JSON text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pyarrow as pa

from asof.compiler.types import Array, Decimal, Map, Struct, Type, Vector
from asof.engines.arrow import INSTANT, arrow_type, instants
from asof.engines.json_values import from_json, to_json

if TYPE_CHECKING:
    from collections.abc import Sequence


def to_storage(column: pa.Array) -> list[object]:
    """The values of an Arrow column as ``sqlite3`` binds them."""
    found = column.type
    if pa.types.is_timestamp(found):
        return _list(instants(column).cast(pa.int64()))
    if pa.types.is_date(found):
        return _list(column.cast(pa.date32()).cast(pa.int32()))
    if pa.types.is_boolean(found):
        return _list(column.cast(pa.int64()))
    if pa.types.is_decimal(found):
        return [None if value is None else str(value) for value in column.to_pylist()]
    if pa.types.is_nested(found):
        return [None if value is None else json.dumps(to_json(value)) for value in column.to_pylist()]
    return _list(column)


def from_storage(values: Sequence[object], wanted: Type) -> pa.Array:
    """Stored values as the Arrow type of ``wanted``. Raises ArrowException or ValueError for others."""
    made = arrow_type(wanted)
    if made == INSTANT:
        return pa.array(values, pa.int64()).cast(INSTANT)
    if made == pa.date32():
        return pa.array(values, pa.int32()).cast(made)
    if made == pa.bool_():
        return pa.array([None if value is None else bool(value) for value in values], made)
    if isinstance(wanted, Array | Map | Struct | Vector):
        return pa.array([None if v is None else from_json(json.loads(str(v)), wanted) for v in values], made)
    if isinstance(wanted, Decimal):
        return pa.array([from_json(value, wanted) for value in values], made)
    return pa.array(values, made)


def _list(column: pa.Array) -> list[object]:
    values: list[object] = column.to_pylist()
    return values
