"""Whether what a source stores can be read as it is declared: the table of types, for files and for stores."""

from __future__ import annotations

from asof.compiler import types
from asof.compiler.types import Array, Decimal, Map, Struct, Type, Vector

_TEXTS = frozenset({types.STRING, types.JSON, types.UUID})
_ALSO: dict[Type, frozenset[Type]] = {
    types.INT32: types.INTEGERS,
    types.INT64: types.INTEGERS,
    types.FLOAT32: types.INTEGERS,
    types.FLOAT64: types.INTEGERS | {types.FLOAT32},
    types.STRING: _TEXTS,
    types.JSON: _TEXTS,
    types.UUID: _TEXTS,
    types.BYTES: frozenset({types.STRING}),
}
"""Declared -> what may be stored instead: every value is the same, or reading it fails."""


def reads_as(stored: Type, declared: Type) -> bool:
    """Whether no value of ``stored`` becomes another one where it is read as ``declared``."""
    if stored == declared or stored in _ALSO.get(declared, ()):
        return True
    match declared:
        case Decimal():
            return stored in types.INTEGERS or (isinstance(stored, Decimal) and stored.scale <= declared.scale)
        case Array():
            return isinstance(stored, Array | Vector) and reads_as(stored.element, declared.element)
        case Vector():
            return isinstance(stored, Array | Vector) and reads_as(stored.element, declared.element)
        case Map():
            return isinstance(stored, Map) and all(
                reads_as(*pair) for pair in ((stored.key, declared.key), (stored.value, declared.value))
            )
        case Struct():
            fields = dict(stored.fields) if isinstance(stored, Struct) else {}
            return all(name in fields and reads_as(fields[name], kind) for name, kind in declared.fields)
    return declared == types.FLOAT64 and isinstance(stored, Decimal)


def remedy(stored: Type, declared: Type) -> str:
    """What to write instead, or what would be lost."""
    if types.is_numeric(stored) and types.is_numeric(declared):
        return f"digits would be lost: declare it as {stored}"
    return f"declare it as {stored}, or store it as {declared}"
