"""Feast's value types as types of asof, and what is lost on the way."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from asof.compiler.types import TypeSyntaxError, parse_type

if TYPE_CHECKING:
    from asof.feast.model import Field

STRUCT_TAG, NESTED_TAG = "feast:struct_schema", "feast:nested_inner_type"
"""Feast keeps the shape of nested types in tags of these names."""
INTERNAL_TAGS = frozenset({STRUCT_TAG, NESTED_TAG})

SCALARS = {
    "BYTES": "bytes",
    "STRING": "string",
    "INT32": "int32",
    "INT64": "int64",
    "DOUBLE": "float64",
    "FLOAT": "float32",
    "BOOL": "bool",
    "UNIX_TIMESTAMP": "timestamp",
    "JSON": "json",
    "UUID": "uuid",
    "TIME_UUID": "uuid",
    "PDF_BYTES": "bytes",
    "IMAGE_BYTES": "bytes",
    "ZONED_TIMESTAMP": "timestamp",
    "DECIMAL": "decimal(38,9)",
    "MAP": "json",
    "SCALAR_MAP": "json",
    "STRUCT": "json",
    "NULL": "string",
}
"""Feast's ValueType -> the type of asof."""

REMARKS = {
    "ZONED_TIMESTAMP": "asof's timestamps are UTC and keep no zone",
    "DECIMAL": "Feast does not say how many digits: correct decimal(38,9) to what is stored",
    "MAP": "Feast does not say what the values are: json takes any; map<string,T> is exact where they have one type",
    "SCALAR_MAP": "Feast does not say what the keys and values are: json takes any; map<K,V> is exact",
    "STRUCT": "the registry does not say which fields it has: json takes any; struct<name:T,...> is exact",
    "NULL": "Feast has no type for it: string is a guess",
    "VALUE_LIST": "the registry does not say what is in it: correct the type to what is stored",
    "VALUE_SET": "the registry does not say what is in it: correct the type to what is stored",
}

_NAMES = {
    "Bytes": "BYTES",
    "String": "STRING",
    "Int32": "INT32",
    "Int64": "INT64",
    "Float32": "FLOAT",
    "Float64": "DOUBLE",
    "Bool": "BOOL",
    "UnixTimestamp": "UNIX_TIMESTAMP",
    "ZonedTimestamp": "ZONED_TIMESTAMP",
    "Json": "JSON",
    "Map": "MAP",
    "ScalarMap": "SCALAR_MAP",
    "Uuid": "UUID",
    "TimeUuid": "TIME_UUID",
    "Decimal": "DECIMAL",
    "PdfBytes": "PDF_BYTES",
    "ImageBytes": "IMAGE_BYTES",
}
"""The class of Feast's type language -> its ValueType."""

VALUE_TYPE_NAMES = _NAMES

_COLLECTION = re.compile(r"(Array|Set)\((.*)\)")


def type_of(field: Field) -> tuple[str, str]:
    """The type of asof for a field, and a remark where it says less or was guessed ("" where it is the same)."""
    tags = dict(field.tags)
    kind = field.value_type
    if field.vector_length and kind in ("FLOAT_LIST", "DOUBLE_LIST") and field.vector_length <= 65_536:
        return f"vector<{SCALARS[kind.removesuffix('_LIST')]},{field.vector_length}>", ""
    base = kind.removesuffix("_LIST").removesuffix("_SET")
    found, remark = SCALARS.get(base, ""), REMARKS.get(kind, REMARKS.get(base, ""))
    if base == "STRUCT" and (shape := _struct(tags.get(STRUCT_TAG, ""))):
        found, remark = shape, ""
    if kind in ("VALUE_LIST", "VALUE_SET"):
        nested = _nested(tags.get(NESTED_TAG, ""))
        return (nested, "") if nested else ("array<json>", REMARKS[kind])
    if not found:
        return "string", f"Feast's type {kind.lower()} has no counterpart: string is a guess"
    if kind.endswith(("_LIST", "_SET")):
        found = f"array<{found}>"
        remark = remark or ("asof has no sets: an array keeps order and repetitions" if kind.endswith("_SET") else "")
    return found, remark


def key_type(value_type: str) -> str:
    """The type of a join key; "" where Feast's cannot be one, or was not given."""
    made = SCALARS.get(value_type, "")
    return made if made in ("bool", "int32", "int64", "string", "bytes", "timestamp", "uuid") else ""


def _struct(tag: str) -> str:
    """``{"name": "STRING"}`` as a struct, or nothing where it cannot be told."""
    try:
        fields = json.loads(tag) if tag else None
    except (ValueError, RecursionError):
        return ""
    if not isinstance(fields, dict) or not fields:
        return ""
    parts = [f"{name}:{_part(kind)}" for name, kind in fields.items()]
    return _sound(f"struct<{','.join(parts)}>")


def _part(kind: object) -> str:
    """A type inside of another, as tags write it: ``STRING``, ``Int64``, ``Array(Int64)`` or a nested object."""
    if isinstance(kind, dict):
        return _struct(json.dumps(kind)) or "?"
    text = str(kind)
    match = _COLLECTION.fullmatch(text)
    if match:
        return f"array<{_part(match[2])}>"
    name = _NAMES.get(text, text.upper())
    base = name.removesuffix("_LIST").removesuffix("_SET")
    found = SCALARS.get(base, "?")
    return f"array<{found}>" if base != name else found


def _nested(tag: str) -> str:
    return _sound(_part(tag)) if tag else ""


def _sound(text: str) -> str:
    """``text`` where it is a type, else nothing: names in a registry may be anything."""
    try:
        return parse_type(text).text
    except (TypeSyntaxError, RecursionError):
        return ""
