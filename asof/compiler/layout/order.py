"""The order of keys: that in which the JSON Schemas list them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asof.compiler.layout.written import Alias, Collection, Scalar
from asof.compiler.model import SLUGS
from asof.schema.parts import below, parts_of

if TYPE_CHECKING:
    from asof.compiler.layout.written import Entry, Node
    from asof.schema.parts import Parts


def put_in_order(root: Node | None, *, project: bool) -> None:
    """Sort the keys of every map whose keys the language knows, in place.

    Maps whose keys are the user's own stay as written. So does a document in which an alias would come before its
    anchor.
    """
    kind = "project" if project else _kind(root)
    if not isinstance(root, Collection) or not kind:
        return
    before: list[tuple[Collection, list[Entry]]] = []
    _sort(root, kind, parts_of(kind), before)
    if not _anchors_first(root):
        for collection, entries in before:
            collection.entries = entries


def _kind(root: Node | None) -> str:
    entries = root.entries if isinstance(root, Collection) and root.mapping else ()
    for entry in entries:
        if entry.key and entry.key.text == "kind" and isinstance(entry.value, Scalar) and entry.value.text in SLUGS:
            return entry.value.text
    return ""


def _sort(node: Collection, kind: str, parts: Parts, before: list[tuple[Collection, list[Entry]]]) -> None:
    if node.mapping:
        before.append((node, node.entries))
        written = {entry.key.text for entry in node.entries if entry.key}
        lists = [list(part["properties"]) for part in parts if "properties" in part]
        known = max(lists, key=lambda names: len(written & set(names)), default=[])
        places = {"<<": -1} | {key: place for place, key in enumerate(known)}
        if known:
            node.entries = sorted(node.entries, key=lambda e: places.get(e.key.text if e.key else "", len(known)))
    for entry in node.entries:
        if isinstance(entry.value, Collection):
            _sort(entry.value, kind, below(kind, parts, entry.key.text if entry.key else 0), before)


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
