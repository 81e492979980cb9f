"""What people type -> what they mean: an object by its address or name, a column of it, or words to search for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from asof.compiler import shape
from asof.compiler.model import SLUGS, DataSource, Entity, FeatureView, OnDemandFeatureView

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from asof.compiler.model import AnyDefinition, Repo

_NAMED = re.compile(r"(?P<object>[A-Za-z_]+/?[A-Za-z0-9_]+)(?:[.:](?P<column>.+))?")


class NotFoundError(LookupError):
    """Nothing, or more than one thing, is called that; the message says what may be meant."""


def address_of(repo: Repo, text: str) -> str:
    """The address of the object called ``text``: an address, or a name that only one object has.

    Raises NotFoundError.
    """
    if text in repo.definitions:
        return text
    named = [address for address, definition in repo.definitions.items() if definition.name == text]
    if len(named) == 1:
        return named[0]
    if named:
        raise NotFoundError(f"{len(named)} objects are called {text!r}: {', '.join(named)}")
    names = [] if "/" in text else [definition.name for definition in repo.definitions.values()]
    raise NotFoundError(f"there is no object {text!r}{_meant(text, (*repo.definitions, *names))}")


def column_of(repo: Repo, text: str) -> tuple[str, str]:
    """(address, column) of ``source.column``, ``view:feature`` or either with an address; no column for an object.

    Of a name that several objects have, those that have the column are meant. Raises NotFoundError.
    """
    found = _NAMED.fullmatch(text)
    if found is None:
        raise NotFoundError(f"{text!r} is neither SOURCE.COLUMN nor VIEW:FEATURE nor an address")
    name, column = found["object"], found["column"] or ""
    if not column:
        return address_of(repo, name), ""
    candidates = [a for a, d in repo.definitions.items() if name in (a, d.name) and column in columns_of(repo, d)]
    if candidates:
        return min(candidates, key=lambda address: list(SLUGS.values()).index(address.split("/")[0])), column
    address = address_of(repo, name)
    known = columns_of(repo, repo.definitions[address])
    if not known and isinstance(repo.definitions[address], DataSource):
        return address, column
    raise NotFoundError(f"{address} has no column {column!r}{_meant(column, known)}")


def columns_of(repo: Repo, definition: AnyDefinition) -> tuple[str, ...]:
    """What may be named of an object: columns of a source, features and join keys of a view, keys of an entity."""
    if isinstance(definition, DataSource):
        stored = dict(definition.field_mapping)
        return tuple(dict.fromkeys([*(stored.get(c.name, c.name) for c in definition.columns), *stored]))
    if isinstance(definition, FeatureView):
        return (*shape.features(definition), *(key.name for key in shape.join_keys(repo, definition)))
    if isinstance(definition, OnDemandFeatureView):
        return shape.features(definition)
    if isinstance(definition, Entity):
        return tuple(key.name for key in definition.join_keys)
    return ()


def _meant(word: str, known: Iterable[str]) -> str:
    """``; did you mean 'a' or 'b'?`` with the names most like ``word``, of whole addresses by their last part too."""
    near: dict[str, float] = {}
    for name in set(known):
        alike = SequenceMatcher(None, word, name).ratio()
        if "/" in name:
            alike = max(alike, SequenceMatcher(None, word.split("/")[-1], name.split("/")[-1]).ratio())
        near[name] = alike
    best = max(near.values(), default=0.0)
    close = sorted(name for name, alike in near.items() if alike >= max(best - _AS_NEAR, _NEAR))[:3]
    return f"; did you mean {' or '.join(repr(one) for one in close)}?" if close else ""


_NEAR, _AS_NEAR = 0.6, 0.04


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """An object that a search found: where the words were, best first, and how well they fit."""

    address: str
    score: int
    where: tuple[str, ...]


_WEIGHTS = {"name": 8, "column": 4, "tag": 3, "owner": 3, "description": 2}


def search(repo: Repo, text: str) -> tuple[Hit, ...]:
    """Objects in which every word of ``text`` occurs: in name, columns, tags, owner or descriptions; best first.

    A whole name counts more than its beginning, and that more than a part of it. Case counts for nothing.
    """
    words = text.lower().split()
    hits = [hit for address, d in repo.definitions.items() if words and (hit := _hit(repo, address, d, words))]
    return tuple(sorted(hits, key=lambda hit: (-hit.score, hit.address)))


def _hit(repo: Repo, address: str, definition: AnyDefinition, words: Sequence[str]) -> Hit | None:
    texts = list(_texts(repo, definition))
    total, where = 0, []
    for word in words:
        best, place = max(
            ((_fit(word, text) * _WEIGHTS[kind], f"{kind} {text}") for kind, text in texts), default=(0, "")
        )
        if not best:
            return None
        total += best
        where.append(place)
    return Hit(address=address, score=total, where=tuple(dict.fromkeys(where)))


def _fit(word: str, text: str) -> int:
    lower = text.lower()
    if word not in lower:
        return 0
    parts = re.split(r"[^a-z0-9]+", lower)
    return 8 if word == lower else 4 if word in parts else 2 if any(p.startswith(word) for p in parts) else 1


def _texts(repo: Repo, definition: AnyDefinition) -> Iterator[tuple[str, str]]:
    yield "name", definition.name
    yield "description", definition.description
    yield "owner", definition.owner
    for key, value in definition.tags:
        yield "tag", f"{key}: {value}"
    for column in columns_of(repo, definition):
        yield "column", column
    parts: tuple[object, ...] = ()
    if isinstance(definition, Entity):
        parts = definition.join_keys
    elif isinstance(definition, DataSource):
        parts = definition.columns
    elif isinstance(definition, FeatureView):
        parts = (*definition.schema, *definition.aggregations)
    elif isinstance(definition, OnDemandFeatureView):
        parts = definition.features
    for part in parts:
        yield "description", getattr(part, "description", "")
        for key, value in getattr(part, "tags", ()):
            yield "tag", f"{key}: {value}"
