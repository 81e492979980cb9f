"""Feature values where people and programs read them: what JSON has no word for is text, in one spelling."""

from __future__ import annotations

import base64
import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FOREVER = 2**63 - 1
_LAST_DAY = 2**31 - 1


def json_value(value: pa.Scalar) -> object:
    """An Arrow value as strict JSON has it.

    NaN and the infinities are ``"NaN"``, ``"Infinity"`` and ``"-Infinity"``; bytes are base64; decimals are text;
    times are ISO 8601 in UTC, infinite ones ``"infinity"`` and ``"-infinity"``; maps are objects.
    """
    import pyarrow as pa  # `asof --help` reaches this module, and must not wait for it

    kind = value.type
    if not value.is_valid:
        return None
    if pa.types.is_timestamp(kind):
        return instant_text(value.cast(pa.int64()).as_py())
    if pa.types.is_date(kind):
        return _day_text(value.cast(pa.int32()).as_py())
    if pa.types.is_map(kind):
        keys, items = value.values.field(0), value.values.field(1)
        return {str(json_value(key)): json_value(item) for key, item in zip(keys, items, strict=True)}
    if pa.types.is_struct(kind):
        return {name: json_value(part) for name, part in value.items()}
    if pa.types.is_nested(kind):
        return [json_value(item) for item in value.values]
    return strict(value.as_py())


def strict(value: Any) -> object:
    """A Python value that the strictest JSON reader takes; times and whatever else has no form of its own are text."""
    match value:
        case float() if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        case bytes():
            return base64.b64encode(value).decode()
        case dict():
            return {key if isinstance(key, str) else str(key): strict(item) for key, item in value.items()}
        case list() | tuple():
            return [strict(item) for item in value]
        case Decimal():
            return str(value)
        case _:
            return value


def instant_text(microseconds: int) -> str:
    """Microseconds since 1970 as ISO 8601 in UTC; as words where no calendar of four digits has the instant."""
    if abs(microseconds) >= _FOREVER:
        return "infinity" if microseconds > 0 else "-infinity"
    try:
        return (_EPOCH + timedelta(microseconds=microseconds)).isoformat()
    except OverflowError:
        return f"{microseconds} microseconds after 1970-01-01"


def _day_text(days: int) -> str:
    if abs(days) >= _LAST_DAY:
        return "infinity" if days > 0 else "-infinity"
    try:
        return (_EPOCH.date() + timedelta(days=days)).isoformat()
    except OverflowError:
        return f"{days} days after 1970-01-01"


def as_python(values: pa.Array) -> list[object]:
    """A column as Python values: infinite times are the last and the first that Python has."""
    import pyarrow as pa

    if not (pa.types.is_timestamp(values.type) or pa.types.is_date(values.type)):
        found: list[object] = values.to_pylist()
        return found
    return [None if not one.is_valid else _python_time(one) for one in values]


def _python_time(value: pa.Scalar) -> object:
    try:
        return value.as_py()
    except (OverflowError, ValueError):
        import pyarrow as pa

        whole = pa.int64() if pa.types.is_timestamp(value.type) else pa.int32()
        least, most = (
            (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
            if pa.types.is_timestamp(value.type)
            else (date.min, date.max)
        )
        return most if value.cast(whole).as_py() > 0 else least
