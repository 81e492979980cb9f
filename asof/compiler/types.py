"""Value types: how they are written, and what they are called in Arrow, Python and each SQL dialect."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from asof.compiler.diagnostics import nearest


class Type:
    """The base of all value types, equal by their text, which ``parse_type`` reads back.

    Not dataclasses: msgspec would then write their fields instead of asking for their text.
    """

    __slots__ = ("text",)
    text: str

    def __init__(self, text: str, **parts: object) -> None:
        object.__setattr__(self, "text", text)
        for name, value in parts.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Type) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<{self.text}>"


class Scalar(Type):
    """A type without parameters; ``name`` is a key of ``SCALARS``."""

    __slots__ = ("name",)
    name: str

    def __init__(self, name: str) -> None:
        super().__init__(name, name=name)


class Decimal(Type):
    """Exact decimal: ``precision`` digits in all (1 to 38), ``scale`` of them after the point."""

    __slots__ = ("precision", "scale")
    precision: int
    scale: int

    def __init__(self, precision: int, scale: int) -> None:
        super().__init__(f"decimal({precision},{scale})", precision=precision, scale=scale)


class Array(Type):
    """An ordered list of one type."""

    __slots__ = ("element",)
    element: Type

    def __init__(self, element: Type) -> None:
        super().__init__(f"array<{element}>", element=element)


class Map(Type):
    """Keys to values; keys are scalars."""

    __slots__ = ("key", "value")
    key: Type
    value: Type

    def __init__(self, key: Type, value: Type) -> None:
        super().__init__(f"map<{key},{value}>", key=key, value=value)


class Struct(Type):
    """Named fields in order."""

    __slots__ = ("fields",)
    fields: tuple[tuple[str, Type], ...]

    def __init__(self, fields: tuple[tuple[str, Type], ...]) -> None:
        super().__init__(f"struct<{','.join(f'{n}:{t}' for n, t in fields)}>", fields=fields)


class Vector(Type):
    """A fixed number of floats, for similarity search."""

    __slots__ = ("element", "length")
    element: Type
    length: int

    def __init__(self, element: Type, length: int) -> None:
        super().__init__(f"vector<{element},{length}>", element=element, length=length)


BOOL = Scalar("bool")
INT32 = Scalar("int32")
INT64 = Scalar("int64")
FLOAT32 = Scalar("float32")
FLOAT64 = Scalar("float64")
STRING = Scalar("string")
BYTES = Scalar("bytes")
DATE = Scalar("date")
TIMESTAMP = Scalar("timestamp")
JSON = Scalar("json")
UUID = Scalar("uuid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What one scalar type is called in Arrow and Python. Timestamps are UTC, in microseconds.

    What it is called in SQL each dialect says for itself, in ``Dialect.type_names``.
    """

    arrow: str
    python: str


SCALARS: dict[str, Names] = {
    "bool": Names(arrow="bool", python="bool"),
    "int32": Names(arrow="int32", python="int"),
    "int64": Names(arrow="int64", python="int"),
    "float32": Names(arrow="float32", python="float"),
    "float64": Names(arrow="float64", python="float"),
    "string": Names(arrow="string", python="str"),
    "bytes": Names(arrow="binary", python="bytes"),
    "date": Names(arrow="date32", python="datetime.date"),
    "timestamp": Names(arrow="timestamp[us, tz=UTC]", python="datetime.datetime"),
    "json": Names(arrow="string", python="str"),
    "uuid": Names(arrow="string", python="str"),
}

INTEGERS = frozenset({INT32, INT64})
FLOATS = frozenset({FLOAT32, FLOAT64})
KEY_TYPES = frozenset({BOOL, INT32, INT64, STRING, BYTES, DATE, TIMESTAMP, UUID})
"""What a join key may be: types whose equality is exact on every engine."""


def is_numeric(value: Type) -> bool:
    """Whether ``sum`` and ``mean`` make sense of it."""
    return value in INTEGERS or value in FLOATS or isinstance(value, Decimal)


_TOKEN = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*|\d+|[<>(),:])")


class TypeSyntaxError(ValueError):
    """The text is not a type; the message says why, fit for a user."""


@lru_cache(maxsize=4096)
def parse_type(text: str) -> Type:
    """Read ``int64``, ``decimal(10,2)``, ``array<map<string,float64>>``. Raises TypeSyntaxError."""
    parser = _Parser(text)
    made = parser.type(depth=0)
    parser.end()
    return made


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[str] = []
        at = 0
        while at < len(text.rstrip()):
            match = _TOKEN.match(text, at)
            if match is None:
                raise TypeSyntaxError(f"{text!r} is not a type: {text[at:].strip()[:1]!r} has no place in it")
            self.tokens.append(match[1])
            at = match.end()
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, *wanted: str) -> str:
        token = self.peek()
        if wanted and token not in wanted:
            found = repr(token) if token else "the end"
            raise TypeSyntaxError(f"{self.text!r} is not a type: expected {' or '.join(wanted)}, found {found}")
        self.at += 1
        return token

    def end(self) -> None:
        if self.peek():
            raise TypeSyntaxError(f"{self.text!r} is not a type: {self.peek()!r} is left over")

    def number(self, low: int, high: int, what: str) -> int:
        token = self.take()
        if not token.isdigit() or not low <= int(token) <= high:
            raise TypeSyntaxError(f"{self.text!r} is not a type: {what} is a number from {low} to {high}")
        return int(token)

    def type(self, depth: int) -> Type:
        if depth > 16:
            raise TypeSyntaxError("a type may be nested 16 deep at most")
        name = self.take()
        if name in SCALARS:
            return Scalar(name)
        if name == "decimal":
            self.take("(")
            precision = self.number(1, 38, "the precision")
            self.take(",")
            scale = self.number(0, precision, "the scale")
            self.take(")")
            return Decimal(precision, scale)
        if name in ("array", "map", "struct", "vector"):
            self.take("<")
            made = self.nested(name, depth + 1)
            self.take(">")
            return made
        hint = nearest(name, [*SCALARS, "decimal(10,2)", "array<int64>", "map<string,int64>", "vector<float32,8>"])
        raise TypeSyntaxError(f"{self.text!r} is not a type{'; ' + hint if hint else ''}")

    def nested(self, name: str, depth: int) -> Type:
        if name == "array":
            return Array(self.type(depth))
        if name == "map":
            key = self.type(depth)
            if key not in KEY_TYPES:
                raise TypeSyntaxError(f"{self.text!r} is not a type: a map's key cannot be {key}")
            self.take(",")
            return Map(key, self.type(depth))
        if name == "vector":
            element = self.type(depth)
            if element not in FLOATS:
                raise TypeSyntaxError(f"{self.text!r} is not a type: a vector holds float32 or float64")
            self.take(",")
            return Vector(element, self.number(1, 65_536, "the length"))
        fields: list[tuple[str, Type]] = []
        while True:
            field = self.take()
            self.take(":")
            fields.append((field, self.type(depth)))
            if self.peek() != ",":
                return Struct(tuple(fields))
            self.take(",")
