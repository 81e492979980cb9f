"""Plain JSON values (from YAML, a request, a JSON column) as the Python values of a declared type."""

from __future__ import annotations

import base64
import binascii
import json
import math
import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal as Number
from decimal import InvalidOperation
from typing import TYPE_CHECKING

from asof.compiler.types import Array, Decimal, Map, Struct, Type, Vector

if TYPE_CHECKING:
    from collections.abc import Callable

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def from_json(value: object, wanted: Type) -> object:
    """``value`` as Arrow takes it for ``wanted``. Raises ValueError with a sentence fit for a user.

    Timestamps are ISO 8601 (naive ones are UTC) or whole microseconds since 1970; bytes are base64, or hexadecimal
    after \\x, as SQL engines write them; a decimal is a number or its text; ``json`` takes any value; a map is an
    object or a list of pairs.
    """
    if value is None:
        return None
    made = _nested(value, wanted)
    if made is not None:
        return made
    try:
        return _SCALARS[wanted.text](value)
    except (TypeError, ValueError, OverflowError, InvalidOperation, binascii.Error):
        raise ValueError(f"{_shown(value)} is not a value of type {wanted}") from None


def _nested(value: object, wanted: Type) -> object:
    match wanted, value:
        case Array(), list() | tuple():
            return [from_json(item, wanted.element) for item in value]
        case Vector(), list() | tuple() if len(value) == wanted.length:
            return [from_json(item, wanted.element) for item in value]
        case Map(), dict() | list() | tuple():
            pairs = value.items() if isinstance(value, dict) else value
            return [(from_json(key, wanted.key), from_json(item, wanted.value)) for key, item in pairs]
        case Struct(), dict() if value.keys() <= {name for name, _ in wanted.fields}:
            return {name: from_json(value.get(name), part) for name, part in wanted.fields}
        case Decimal(), bool():
            raise ValueError(f"{_shown(value)} is not a value of type {wanted}")
        case Decimal(), int() | float() | str() | Number():
            return _decimal(value, wanted)
        case ((Array() | Vector() | Map() | Struct() | Decimal()), _):
            raise ValueError(f"{_shown(value)} is not a value of type {wanted}")
    return None


def _decimal(value: float | str | Number, wanted: Decimal) -> Number:
    try:
        number = Number(str(value)).quantize(Number(1).scaleb(-wanted.scale))
    except InvalidOperation:
        number = Number("NaN")
    if not number.is_finite() or len(number.as_tuple().digits) > wanted.precision:
        raise ValueError(f"{_shown(value)} is not a value of type {wanted}")
    return number


def _boolean(value: object) -> bool:
    if value is True or value is False:
        return value
    raise TypeError


def _integer(bits: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise TypeError
        number = int(value)
        if number != (number if isinstance(value, str) else value) or not -(2 ** (bits - 1)) <= number < 2 ** (
            bits - 1
        ):
            raise ValueError
        return number

    return read


def _float(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError
    return float(value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _bytes(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    text = _text(value)
    return bytes.fromhex(text[2:]) if text.startswith("\\x") else base64.b64decode(text, validate=True)


def _date(value: object) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    return date.fromordinal(value + 719_163) if isinstance(value, int) else date.fromisoformat(_text(value))


def _timestamp(value: object) -> datetime:
    if isinstance(value, int) and not isinstance(value, bool):
        return _EPOCH + timedelta(microseconds=value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    read = value if isinstance(value, datetime) else datetime.fromisoformat(_text(value))
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)


def _json(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _uuid(value: object) -> str:
    return str(value if isinstance(value, uuid.UUID) else uuid.UUID(_text(value)))


_SCALARS: dict[str, Callable[[object], object]] = {
    "bool": _boolean,
    "int32": _integer(32),
    "int64": _integer(64),
    "float32": _float,
    "float64": _float,
    "string": _text,
    "bytes": _bytes,
    "date": _date,
    "timestamp": _timestamp,
    "json": _json,
    "uuid": _uuid,
}


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def to_json(value: object) -> object:
    """A Python value as JSON can hold it: the inverse of ``from_json``. NaN and infinities become text."""
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case bytes():
            return base64.b64encode(value).decode()
        case Number() | uuid.UUID():
            return str(value)
        case float() if not math.isfinite(value):
            return str(value)
        case dict():
            return {str(key): to_json(item) for key, item in value.items()}
        case list() | tuple():
            return [to_json(item) for item in value]
        case _:
            return value
