"""Walking down a schema beside a document: what judges a value, whatever references and choices lead there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asof.schema import document

if TYPE_CHECKING:
    from collections.abc import Iterator

Parts = tuple[dict[str, Any], ...]
"""The schemas that one value may be judged by."""


def parts_of(kind: str) -> Parts:
    """What judges a whole document of a kind."""
    return tuple(_expanded(document(kind), document(kind)["$defs"]))


def below(kind: str, parts: Parts, step: str | int) -> Parts:
    """What judges the value under a key, or an item of a list."""
    defs = document(kind)["$defs"]
    found: list[dict[str, Any]] = []
    for part in parts:
        inner = part.get("items") if isinstance(step, int) else _property(part, step)
        if isinstance(inner, dict):
            found += _expanded(inner, defs)
    return tuple(found)


def _property(part: dict[str, Any], key: str) -> object:
    return part.get("properties", {}).get(key) or part.get("additionalProperties")


def _expanded(part: dict[str, Any], defs: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A schema and those it is made of, references followed."""
    yield part
    if "$ref" in part:
        yield from _expanded(defs[part["$ref"].removeprefix("#/$defs/")], defs)
    for word in ("allOf", "anyOf", "oneOf"):
        for inner in part.get(word, ()):
            yield from _expanded(inner, defs)
    for word in ("then", "else"):
        if word in part:
            yield from _expanded(part[word], defs)
