"""Who reads whom: the references between the objects of a repo, both ways."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

from asof.compiler.model import (
    SLUGS,
    VIEW_KINDS,
    DataSource,
    FeatureService,
    FeatureTest,
    FeatureView,
    OnDemandFeatureView,
    Repo,
    SavedDataset,
    StreamFeatureView,
)
from asof.compiler.query import SqlSyntaxError, outline

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from asof.compiler.model import AnyDefinition


@dataclass(frozen=True)
class Graph:
    """``upstream`` holds what each address reads directly, sorted; only addresses that are defined."""

    upstream: Mapping[str, tuple[str, ...]]

    @cached_property
    def downstream(self) -> Mapping[str, tuple[str, ...]]:
        """Who reads each address directly, sorted."""
        readers: dict[str, list[str]] = {address: [] for address in self.upstream}
        for address in sorted(self.upstream):
            for read in self.upstream[address]:
                readers[read].append(address)
        return {address: tuple(found) for address, found in readers.items()}

    def in_order(self) -> tuple[str, ...]:
        """Every address after all that it reads. Raises graphlib.CycleError, which a checked repo cannot."""
        return tuple(TopologicalSorter(self.upstream).static_order())

    def below(self, *addresses: str) -> tuple[str, ...]:
        """Everything that reads one of ``addresses``, directly or through others, sorted."""
        return _closure(self.downstream, addresses)

    def above(self, *addresses: str) -> tuple[str, ...]:
        """Everything that ``addresses`` read, directly or through others, sorted."""
        return _closure(self.upstream, addresses)


def _closure(edges: Mapping[str, tuple[str, ...]], starts: tuple[str, ...]) -> tuple[str, ...]:
    seen: set[str] = set()
    waiting = [edge for start in starts for edge in edges.get(start, ())]
    while waiting:
        address = waiting.pop()
        if address not in seen:
            seen.add(address)
            waiting.extend(edges.get(address, ()))
    return tuple(sorted(seen))


def graph_of(repo: Repo) -> Graph:
    """The references of ``repo``; a name that nothing defines is left out."""
    found = {}
    for address, definition in repo.definitions.items():
        reads = {read for read in references(definition, repo) if read in repo.definitions}
        found[address] = tuple(sorted(reads - {address}))
    return Graph(found)


def references(definition: AnyDefinition, repo: Repo) -> Iterator[str]:
    """The addresses that ``definition`` names, as far as ``repo`` tells what kind a name is of."""
    match definition:
        case DataSource():
            yield from _named(repo, "DataSource", definition.batch_source)
        case FeatureView():
            for entity in definition.entities:
                yield f"entity/{entity}"
            yield from _rows(repo, definition.source)
            if definition.query:
                for name in _tables(definition.query, repo.project.sql_dialect):
                    yield from _rows(repo, name)
            if isinstance(definition, StreamFeatureView):
                yield from _named(repo, "DataSource", definition.stream)
        case OnDemandFeatureView():
            for name in definition.sources:
                yield from _rows(repo, name)
        case FeatureService():
            for item in definition.features:
                yield from _view(repo, item.view)
        case SavedDataset():
            yield from _named(repo, "FeatureService", definition.service)
            yield from _rows(repo, definition.spine.source)
            if definition.spine.query:
                for name in _tables(definition.spine.query, repo.project.sql_dialect):
                    yield from _rows(repo, name)
        case FeatureTest():
            yield from _named(repo, "FeatureService", definition.service)
            yield from _view(repo, definition.view)
            for name, _ in definition.given:
                yield from _rows(repo, name)


def _named(repo: Repo, kind: str, name: str) -> Iterator[str]:
    address = f"{SLUGS[kind]}/{name}"
    if address in repo.definitions:
        yield address


def _view(repo: Repo, name: str) -> Iterator[str]:
    for kind in VIEW_KINDS:
        yield from _named(repo, kind, name)


def _rows(repo: Repo, name: str) -> Iterator[str]:
    """Where the rows called ``name`` come from: a data source, or a view."""
    yield from _named(repo, "DataSource", name)
    yield from _view(repo, name)


def _tables(text: str, dialect: str) -> tuple[str, ...]:
    try:
        return outline(text, dialect).tables
    except SqlSyntaxError:
        return ()
