"""What an online store keeps, byte for byte, the same in every store: entity keys and rows.

A row is ``stamp | version | count | times | nulls | values``:

- stamp, 16 bytes: event time, then created time (NULL is all zeros), big-endian and shifted so that
  comparing the bytes compares the times. A store tells the newer of two rows by these bytes alone.
- version, 1 byte; count, 2 bytes little-endian: how many features the writer knew.
- format 2 only: three times, 8 bytes each, shifted like the stamp, NULL as all zeros: the instant that the values were
  computed for, since when the version behind them holds, and until when.
- nulls: one bit for each feature.
- the values that are not NULL, in schema order. Fixed-width ones are little-endian; texts and bytes
  have their length before them; lists, maps and structs have a count and NULL bits of their own.

A schema grows at its end only, so a row written before today's schema has fewer features (the rest are
NULL) and one written after it has more (they are not read).

Values are given and returned as Arrow's ``to_pylist`` has them, except that timestamps are whole
microseconds and dates whole days since 1970: see ``asof.ops.online_values``.
"""

from __future__ import annotations

import struct
import uuid
from decimal import Decimal as Number
from typing import TYPE_CHECKING, NamedTuple, Protocol

from asof.compiler.types import BYTES, SCALARS, UUID, Array, Decimal, Map, Struct, Type, Vector

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

VERSION = 2
STAMP_BYTES = 16
INSTANT_BYTES = 8

_STAMP = struct.Struct(">QQ")
_INSTANT = struct.Struct(">Q")
_HEAD = struct.Struct("<BH")
_KEPT = struct.Struct(">QQQ")
_SHIFT = 1 << 63
_WIDTHS = {
    "bool": "?",
    "int32": "<i",
    "int64": "<q",
    "float32": "<f",
    "float64": "<d",
    "date": "<i",
    "timestamp": "<q",
}
_TAGS = {name: bytes([tag]) for tag, name in enumerate(SCALARS, start=1)}


class Kept(NamedTuple):
    """What a row of format 2 says of its values, in microseconds since 1970; None is not known, or never."""

    computed: int | None = None
    since: int | None = None
    until: int | None = None


UNKNOWN = Kept()


class Row(NamedTuple):
    """A row as read: times in microseconds since 1970, values in schema order."""

    event: int
    created: int | None
    values: tuple[object, ...]
    kept: Kept = UNKNOWN


class _Codec(Protocol):
    """How one type is written, and read from ``data`` at ``at``: the value and where it ends."""

    def write(self, value: object) -> bytes: ...

    def read(self, data: bytes, at: int) -> tuple[object, int]: ...


class RowCodec:
    """Rows of one view; ``types`` are those of its features, in schema order."""

    def __init__(self, types: Sequence[Type]) -> None:
        self._codecs = tuple(codec_of(value) for value in types)
        self._writers = tuple(codec.write for codec in self._codecs)
        self._sequence = _Sequence(self._writers)

    def encode(self, event: int, created: int | None, values: Sequence[object], kept: Kept = UNKNOWN) -> bytes:
        """One row; of format 1, which older readers know, where nothing is ``kept``.

        Raises ValueError for a value that is not of its type.
        """
        if kept is UNKNOWN:
            return stamp(event, created) + _HEAD.pack(1, len(self._writers)) + self._sequence.write(values)
        times = _KEPT.pack(*(0 if time is None else time + _SHIFT for time in kept))
        return stamp(event, created) + _HEAD.pack(2, len(self._writers)) + times + self._sequence.write(values)

    def decode(self, row: bytes) -> Row:
        """The inverse of ``encode``. Raises ValueError for bytes that no version known here has written."""
        try:
            event, created = _STAMP.unpack_from(row)
            version, count = _HEAD.unpack_from(row, STAMP_BYTES)
            if not 1 <= version <= VERSION:
                raise ValueError(f"the row has format {version}; this asof reads format {VERSION}")
            at, kept = STAMP_BYTES + _HEAD.size, UNKNOWN
            if version > 1:
                kept = Kept(*(time - _SHIFT if time else None for time in _KEPT.unpack_from(row, at)))
                at += _KEPT.size
            values = _read_present(self._codecs, count, row, at)[0]
        except (struct.error, IndexError, UnicodeDecodeError) as error:
            raise ValueError("the row is damaged") from error
        return Row(event - _SHIFT, created - _SHIFT if created else None, values, kept)


class KeyCodec:
    """Entity keys: join key values, in the order of the entity's join keys, as one byte string.

    Each value has its type before it and its length where it varies, so different keys never have equal bytes.
    """

    def __init__(self, types: Sequence[Type]) -> None:
        self._parts = tuple((_TAGS[value.text], codec_of(value)) for value in types)

    def encode(self, values: Sequence[object]) -> bytes:
        """One key. Raises ValueError for a NULL, which names no entity, or a value that is not of its type."""
        if len(values) != len(self._parts) or any(value is None for value in values):
            raise ValueError("an entity key needs a value for every join key")
        return b"".join(tag + codec.write(value) for (tag, codec), value in zip(self._parts, values, strict=True))

    def decode(self, key: bytes) -> tuple[object, ...]:
        """The inverse of ``encode``."""
        values, at = [], 0
        for tag, codec in self._parts:
            if key[at : at + 1] != tag:
                raise ValueError("the key has other types than its entity")
            value, at = codec.read(key, at + 1)
            values.append(value)
        return tuple(values)


def stamp(event: int, created: int | None) -> bytes:
    """The 16 bytes that order rows: the greater is the newer."""
    return _STAMP.pack(event + _SHIFT, 0 if created is None else created + _SHIFT)


def instant_bytes(moment: int) -> bytes:
    """One half of a stamp: 8 bytes that compare as the times do, in microseconds since 1970."""
    return _INSTANT.pack(moment + _SHIFT)


def codec_of(value: Type) -> _Codec:
    """How values of a type are written."""
    match value:
        case Decimal():
            return _Decimal(value.scale)
        case Array():
            return _List(codec_of(value.element))
        case Vector():
            return _Vector(value)
        case Map():
            return _Map(codec_of(value.key), codec_of(value.value))
        case Struct():
            return _Struct(value)
        case _ if value.text in _WIDTHS:
            return _Fixed(_WIDTHS[value.text])
        case _ if value == BYTES:
            return _Bytes()
        case _:
            return _Uuid() if value == UUID else _Text()


class _Fixed:
    def __init__(self, layout: str) -> None:
        self._packer = struct.Struct(layout)

    def write(self, value: object) -> bytes:
        try:
            packed: bytes = self._packer.pack(value)
        except (struct.error, OverflowError) as error:
            raise ValueError(f"{value!r} does not fit: {error}") from None
        return packed

    def read(self, data: bytes, at: int) -> tuple[object, int]:
        return self._packer.unpack_from(data, at)[0], at + self._packer.size


class _Bytes:
    def write(self, value: object) -> bytes:
        if not isinstance(value, bytes):
            raise ValueError(f"{value!r} is not bytes")
        return _length(len(value)) + value

    def read(self, data: bytes, at: int) -> tuple[bytes, int]:
        size, at = _read_length(data, at)
        if at + size > len(data):
            raise IndexError(size)
        return data[at : at + size], at + size


class _Text(_Bytes):
    def write(self, value: object) -> bytes:
        if not isinstance(value, str):
            raise ValueError(f"{value!r} is not a text")
        return super().write(value.encode())

    def read(self, data: bytes, at: int) -> tuple[object, int]:  # type: ignore[override]
        found, at = super().read(data, at)
        return found.decode(), at


class _Uuid:
    def write(self, value: object) -> bytes:
        return uuid.UUID(str(value)).bytes

    def read(self, data: bytes, at: int) -> tuple[object, int]:
        return str(uuid.UUID(bytes=data[at : at + 16])), at + 16


class _Decimal:
    """The number without its point, 16 bytes: as wide as the widest decimal, 38 digits."""

    def __init__(self, scale: int) -> None:
        self._scale = scale

    def write(self, value: object) -> bytes:
        if not isinstance(value, Number):
            raise ValueError(f"{value!r} is not a decimal")
        sign, digits, exponent = value.as_tuple()
        shift = int(exponent) + self._scale
        if shift < 0:
            raise ValueError(f"{value} has more than {self._scale} digits after the point")
        number: int = int("".join(map(str, digits))) * 10**shift
        return int.to_bytes(-number if sign else number, 16, "little", signed=True)

    def read(self, data: bytes, at: int) -> tuple[object, int]:
        if at + 16 > len(data):
            raise IndexError(at)
        number = int.from_bytes(data[at : at + 16], "little", signed=True)
        return Number((int(number < 0), tuple(map(int, str(abs(number)))), -self._scale)), at + 16


class _Sequence:
    """Several values, NULL bits first."""

    def __init__(self, writers: Sequence[Callable[[object], bytes]]) -> None:
        self._writers = writers

    def write(self, values: Sequence[object]) -> bytes:
        nulls, bit, pieces = 0, 1, [b""]
        for write, value in zip(self._writers, values, strict=True):
            if value is None:
                nulls |= bit
            else:
                pieces.append(write(value))
            bit <<= 1
        pieces[0] = nulls.to_bytes((len(self._writers) + 7) // 8, "little")
        return b"".join(pieces)


class _Struct:
    def __init__(self, value: Struct) -> None:
        self._names = tuple(name for name, _ in value.fields)
        self._codecs = tuple(codec_of(part) for _, part in value.fields)
        self._sequence = _Sequence(tuple(codec.write for codec in self._codecs))

    def write(self, value: object) -> bytes:
        if not isinstance(value, dict):
            raise ValueError(f"{value!r} is not a struct")
        return self._sequence.write([value.get(name) for name in self._names])

    def read(self, data: bytes, at: int) -> tuple[object, int]:
        values, at = _read_present(self._codecs, len(self._codecs), data, at)
        return dict(zip(self._names, values, strict=True)), at


class _List:
    def __init__(self, element: _Codec) -> None:
        self._element = element

    def write(self, value: object) -> bytes:
        if not isinstance(value, list | tuple):
            raise ValueError(f"{value!r} is not a list")
        return _length(len(value)) + _Sequence((self._element.write,) * len(value)).write(value)

    def read(self, data: bytes, at: int) -> tuple[object, int]:
        count, at = _read_length(data, at)
        if count > 8 * len(data):
            raise IndexError(count)
        values, at = _read_present((self._element,) * count, count, data, at)
        return list(values), at


class _Vector:
    def __init__(self, value: Vector) -> None:
        self._fixed = struct.Struct(f"<{value.length}{_WIDTHS[value.element.text][-1]}")

    def write(self, value: object) -> bytes:
        if not isinstance(value, list | tuple):
            raise ValueError(f"{value!r} is not a vector")
        try:
            return self._fixed.pack(*value)
        except (struct.error, OverflowError) as error:
            raise ValueError(f"the vector does not fit: {error}") from None

    def read(self, data: bytes, at: int) -> tuple[object, int]:
        return list(self._fixed.unpack_from(data, at)), at + self._fixed.size


class _Map:
    """Pairs in the order they came in: the keys, then the values."""

    def __init__(self, key: _Codec, value: _Codec) -> None:
        self._keys, self._values = _List(key), _List(value)

    def write(self, value: object) -> bytes:
        pairs = list(value.items()) if isinstance(value, dict) else value
        if not isinstance(pairs, list | tuple):
            raise ValueError(f"{value!r} is not a map")
        return self._keys.write([key for key, _ in pairs]) + self._values.write([item for _, item in pairs])

    def read(self, data: bytes, at: int) -> tuple[object, int]:
        keys, at = self._keys.read(data, at)
        values, at = self._values.read(data, at)
        return list(zip(keys, values, strict=True)), at  # type: ignore[call-overload]


def _read_present(codecs: Sequence[_Codec], count: int, data: bytes, at: int) -> tuple[tuple[object, ...], int]:
    """The values of ``codecs`` where ``count`` were written; what was not written is None."""
    width = (count + 7) // 8
    nulls = int.from_bytes(data[at : at + width], "little")
    at += width
    values: list[object] = []
    for i, codec in enumerate(codecs):
        value: object = None
        if i < count and not nulls >> i & 1:
            value, at = codec.read(data, at)
        values.append(value)
    return tuple(values), at


def _length(size: int) -> bytes:
    """Seven bits a byte, least first; the high bit says that more follow."""
    made = bytearray()
    while size > 0x7F:
        made.append(size & 0x7F | 0x80)
        size >>= 7
    made.append(size)
    return bytes(made)


def _read_length(data: bytes, at: int) -> tuple[int, int]:
    size = shift = 0
    while True:
        byte = data[at]
        at += 1
        size |= (byte & 0x7F) << shift
        if byte < 0x80:
            return size, at
        shift += 7
