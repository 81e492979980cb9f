"""What a file holds, for an editor's outline: definitions with their columns and features, however broken it is."""

from __future__ import annotations

from dataclasses import dataclass

from asof.compiler.model import SLUGS
from asof.lsp.outline import Outline, outlines

_PARTS = ("columns", "schema", "join_keys", "features", "aggregations")
_NAMES = ("name", "column", "view", "function")
"""What an item of these lists is called by, the first that is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbol:
    """A definition or a part of it. ``extent`` is all of it, ``name_at`` where its name stands; code points."""

    name: str
    kind: str
    detail: str
    extent: tuple[int, int]
    name_at: tuple[int, int]
    children: tuple[Symbol, ...] = ()


def symbols(text: str) -> tuple[Symbol, ...]:
    """The definitions of a file in order; those without a name yet are left out."""
    return tuple(made for document in outlines(text) if (made := _symbol(document)) is not None)


def _symbol(document: Outline) -> Symbol | None:
    named = document.entry("name") or document.entry("project")
    kind = document.kind or ("project" if document.entry("project") else "")
    if named is None or not kind:
        return None
    name = document.text[slice(*named.value)]
    if not name:
        return None
    start = min(entry.key[0] for entry in document.entries)
    end = max(max(entry.value[1], entry.key[1]) for entry in document.entries)
    return Symbol(
        name=name,
        kind=kind,
        detail=SLUGS.get(kind, kind).replace("_", " "),
        extent=(start, end),
        name_at=named.value,
        children=tuple(_parts(document)),
    )


def _parts(document: Outline) -> list[Symbol]:
    items = dict.fromkeys(e.pointer[:2] for e in document.entries if len(e.pointer) > 1 and e.pointer[0] in _PARTS)
    found = []
    for item in items:
        key, at = item
        if not isinstance(at, int):
            continue
        named = next((e for word in _NAMES if (e := document.entry(key, at, word)) is not None), None)
        plain = document.entry(key, at)
        if named is None and plain is not None and plain.style not in ("{", "["):
            named = plain
        if named is not None and named.value[0] < named.value[1]:
            found.append(_part(document, str(key), at, named.value))
    return found


def _part(document: Outline, key: str, at: int, place: tuple[int, int]) -> Symbol:
    inside = [e for e in document.entries if e.pointer[:2] == (key, at)]
    start = min((*(e.key[0] for e in inside if e.key[0] < e.key[1]), place[0]))
    end = max((*(e.value[1] for e in inside), place[1]))
    return Symbol(
        name=document.text[slice(*place)],
        kind="column",
        detail=document.scalar(key, at, "type") or document.scalar(key, at, "function"),
        extent=(start, end),
        name_at=place,
    )
