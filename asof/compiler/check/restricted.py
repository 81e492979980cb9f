"""Tags that must not reach a service: followed from its columns up to where they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from asof.compiler.lineage import Column, Lineage, Use
from asof.compiler.model import FeatureService
from asof.compiler.patterns import name_pattern
from asof.compiler.shape import column_tags

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from asof.compiler.model import Repo


class _Carried(NamedTuple):
    """A tag, and the column that has it."""

    tag: str
    column: Column


def restricted(repo: Repo, rules: Iterable[Mapping[str, Any]]) -> Iterator[tuple[FeatureService, str]]:
    """Each service that what is tagged reaches against one of ``rules``, and how, a message for each column of it.

    Values count, not what only decides on rows. A tag of the same key with another value ends the way.
    """
    lineage = Lineage(repo)
    tags = _Tags(repo)
    for rule in rules:
        patterns = [name_pattern(pattern) for pattern in rule["services"]]
        for definition in repo.definitions.values():
            if isinstance(definition, FeatureService) and any(p.fullmatch(definition.name) for p in patterns):
                for name in lineage.columns(definition.address):
                    carried = _carried(lineage, tags, Column(definition.address, name), rule["tags"])
                    if carried is not None:
                        said = f"`{definition.name}` must not have `{carried.tag}`, and {name!r} is made from"
                        yield definition, f"{said} {carried.column}"


def _carried(lineage: Lineage, tags: _Tags, column: Column, wanted: Mapping[str, str]) -> _Carried | None:
    """The nearest column above that has one of the tags, and from where nothing on the way has lifted it."""
    for key, value in sorted(wanted.items()):
        pattern = name_pattern(value)
        waiting, seen = [column], {column}
        for at in waiting:
            own = tags.of(at).get(key)
            if own is not None and pattern.fullmatch(own):
                return _Carried(f"{key}: {own}", at)
            if own is None:
                further = [origin for origin in _origins(lineage, at) if origin not in seen]
                seen.update(further)
                waiting += further
    return None


def _origins(lineage: Lineage, column: Column) -> Iterator[Column]:
    """What goes into a column as a value; where nobody can tell, all that its object reads."""
    if not lineage.is_opaque(column.address):
        origins = lineage.columns(column.address).get(column.name, {})
        yield from (origin for origin, use in origins.items() if use is Use.VALUE)
        return
    for read in lineage.graph.upstream.get(column.address, ()):
        yield from (Column(read, name) for name in (*lineage.columns(read), "*"))


class _Tags:
    """Tags of columns: their own, else those of the object they stand in. A service's are for what uses it."""

    def __init__(self, repo: Repo) -> None:
        self.repo = repo
        self.known: dict[str, Mapping[str, Mapping[str, str]]] = {}

    def of(self, column: Column) -> Mapping[str, str]:
        definition = self.repo.definitions.get(column.address)
        if definition is None or isinstance(definition, FeatureService):
            return {}
        if column.address not in self.known:
            self.known[column.address] = column_tags(definition)
        return {**dict(definition.tags), **self.known[column.address].get(column.name, {})}
