"""What the schema says about a place: the keys that may stand there, their order and words, the values they take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from asof import schema
from asof.schema.parts import below, parts_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asof.compiler.source import Pointer
    from asof.schema.parts import Parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key that may be written."""

    name: str
    description: str
    required: bool
    example: object = None
    default: object = None
    values: tuple[str, ...] = ()
    shape: str = ""
    """array, object or "" for a plain value."""


def parts_at(kind: str, pointer: Pointer, chosen: Mapping[str, str]) -> Parts:
    """What judges the value at ``pointer``; ``chosen`` holds ``type:`` by the path of its map, to tell stores apart."""
    parts = parts_of(kind)
    for depth, step in enumerate(pointer):
        parts = below(kind, _fitting(parts, chosen.get(_path(pointer[:depth]), "")), step)
    return _fitting(parts, chosen.get(_path(pointer), ""))


def _path(pointer: Pointer) -> str:
    return "/".join(map(str, pointer))


def _fitting(parts: Parts, type_: str) -> Parts:
    """Without the branches of an ``if`` that asks for another ``type``."""
    refused: list[int] = []
    for part in parts:
        wanted = part.get("if", {}).get("properties", {}).get("type", {}).get("const") if "then" in part else None
        if wanted is not None and wanted != type_:
            refused += _identities(part["then"], parts)
    return tuple(part for part in parts if id(part) not in refused)


def _identities(part: dict[str, Any], parts: Parts) -> list[int]:
    """A branch and, where it refers to a definition, what the reference leads to."""
    found = [id(part)]
    if "$ref" in part:
        at = next((place for place, one in enumerate(parts) if one is part), None)
        if at is not None and at + 1 < len(parts):
            found.append(id(parts[at + 1]))
    return found


def keys_at(kind: str, pointer: Pointer, chosen: Mapping[str, str]) -> tuple[Key, ...]:
    """The keys of the map at ``pointer``: required ones first, then in the order of the language."""
    parts = parts_at(kind, pointer, chosen)
    required = {name for part in parts for name in part.get("required", ()) if "not" not in part}
    must = {name for part in parts if "properties" in part for name in part.get("required", ())} or required
    found: dict[str, Key] = {}
    forbidden: set[str] = set()
    for part in parts:
        for name, value in part.get("properties", {}).items():
            if "not" in value and not value["not"]:
                forbidden.add(name)
            elif name not in found and _says(value):
                found[name] = _key(kind, name, value, required=name in must)
    chosen_here = chosen.get(_path(pointer), "")
    hidden = forbidden if chosen_here else set()
    kept = [key for key in found.values() if key.name not in hidden]
    return tuple(sorted(kept, key=lambda key: not key.required))


def key_at(kind: str, pointer: Pointer, chosen: Mapping[str, str]) -> Key | None:
    """The key that ``pointer`` ends in."""
    if not pointer or isinstance(pointer[-1], int):
        return None
    return next((key for key in keys_at(kind, pointer[:-1], chosen) if key.name == pointer[-1]), None)


def values_at(kind: str, pointer: Pointer, chosen: Mapping[str, str]) -> tuple[str, ...]:
    """The values that the schema lists for a place: choices first, else its examples."""
    parts = parts_at(kind, pointer, chosen)
    choices = [_written(value) for part in parts for value in (*part.get("enum", ()), *_const(part))]
    if any(part.get("type") == "boolean" for part in parts):
        choices += ["true", "false"]
    if not choices:
        examples = [value for part in parts for value in part.get("examples", ())]
        choices = [_written(value) for value in examples if isinstance(value, str | int | float)]
    return tuple(dict.fromkeys(choices))


def titles_at(kind: str, pointer: Pointer, chosen: Mapping[str, str]) -> frozenset[str]:
    """What the schema calls the value: ``a type``, ``a duration``, ``a name``."""
    return frozenset(str(part["title"]) for part in parts_at(kind, pointer, chosen) if "title" in part)


def shape_at(kind: str, pointer: Pointer, chosen: Mapping[str, str]) -> str:
    """array, object or "": what is to be written at ``pointer``."""
    types = [part["type"] for part in parts_at(kind, pointer, chosen) if "type" in part]
    return next((kind for kind in types if kind in ("array", "object")), "")


def _key(kind: str, name: str, value: dict[str, Any], *, required: bool) -> Key:
    defs = schema.document(kind)["$defs"]
    part = value
    while "$ref" in part:
        target = defs[part["$ref"].removeprefix("#/$defs/")]
        part = {**target, **{key: one for key, one in part.items() if key != "$ref"}}
    examples = part.get("examples", ())
    return Key(
        name=name,
        description=str(part.get("description", "")),
        required=required,
        example=examples[0] if examples else None,
        default=part.get("default"),
        values=tuple(_written(one) for one in (*part.get("enum", ()), *_const(part))),
        shape=part["type"] if part.get("type") in ("array", "object") else "",
    )


def _says(value: dict[str, Any]) -> bool:
    return any(word in value for word in ("$ref", "description", "type", "enum", "examples"))


def _const(part: dict[str, Any]) -> tuple[object, ...]:
    return (part["const"],) if "const" in part else ()


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
