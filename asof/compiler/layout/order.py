"""The order of keys: that in which the JSON Schemas list them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asof import schema
from asof.compiler.layout.written import Alias, Collection, Scalar
from asof.compiler.model import SLUGS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from asof.compiler.layout.written import Entry, Node

Parts = list[dict[str, Any]]
"""The schemas that a value may be judged by."""


def put_in_order(root: Node | None, *, project: bool) -> None:
    """Sort the keys of every map whose keys the language knows, in place.

    Maps whose keys are the user's own stay as written. So does a document in which an alias would come before its
    anchor.
    """
    kind = "project" if project else _kind(root)
    if not isinstance(root, Collection) or not kind:
        return
    before: list[tuple[Collection, list[Entry]]] = []
    document = schema.document(kind)
    _sort(root, list(_expanded(document, document["$defs"])), document["$defs"], before)
    if not _anchors_first(root):
        for collection, entries in before:
            collection.entries = entries


def _kind(root: Node | None) -> str:
    entries = root.entries if isinstance(root, Collection) and root.mapping else ()
    for entry in entries:
        if entry.key and entry.key.text == "kind" and isinstance(entry.value, Scalar) and entry.value.text in SLUGS:
            return entry.value.text
    return ""


def _sort(
    node: Collection, parts: Parts, defs: dict[str, Any], before: list[tuple[Collection, list[Entry]]]
) -> None:
    if node.mapping:
        before.append((node, node.entries))
        written = [entry.key.text for entry in node.entries if entry.key]
        known = max((list(part.get("properties", ())) for part in parts), key=_shared_with(written), default=[])
        places = {"<<": -1} | {key: place for place, key in enumerate(known)}
        if known:
            node.entries = sorted(node.entries, key=lambda e: places.get(e.key.text if e.key else "", len(known)))
    for entry in node.entries:
        if isinstance(entry.value, Collection):
            inner = [p for part in _below(parts, entry.key.text if entry.key else None) for p in _expanded(part, defs)]
            _sort(entry.value, inner, defs, before)


def _shared_with(written: list[str]) -> Any:
    return lambda known: len(set(written) & set(known))


def _below(parts: Parts, key: str | None) -> Iterator[dict[str, Any]]:
    for part in parts:
        if key is None:
            found = part.get("items")
        else:
            found = part.get("properties", {}).get(key) or part.get("additionalProperties")
        if isinstance(found, dict):
            yield found


def _expanded(part: dict[str, Any], defs: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A schema and those it is made of, references followed."""
    if "$ref" in part:
        yield from _expanded(defs[part["$ref"].removeprefix("#/$defs/")], defs)
    yield part
    inner: Iterable[dict[str, Any]] = (p for word in ("allOf", "anyOf", "oneOf") for p in part.get(word, ()))
    for found in (*inner, *(part[word] for word in ("then", "else") if word in part)):
        yield from _expanded(found, defs)


def _anchors_first(root: Node) -> bool:
    seen: set[str] = set()

    def visit(node: Node) -> bool:
        if isinstance(node, Alias):
            return node.name in seen
        if node.anchor:
            seen.add(node.anchor)
        if isinstance(node, Scalar):
            return True
        return all(visit(entry.value) for entry in node.entries)

    return visit(root)
