"""The graph of a repo as a value to draw: nodes, edges, and columns where they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from asof.compiler.lineage import Column, Lineage

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from asof.compiler.lineage import Use
    from asof.compiler.model import Repo


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One object. ``change`` is the class of its change in a plan, ``deleted`` where it is gone from the files."""

    address: str
    kind: str
    name: str
    owner: str = ""
    description: str = ""
    columns: tuple[str, ...] = ()
    change: str = ""
    deleted: bool = False
    focus: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnEdge:
    """``target`` is made from ``source``."""

    source: Column
    target: Column
    use: Use


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What is drawn. ``edges`` are (from, to) by address, in the direction in which data flows; all is sorted."""

    project: str
    nodes: tuple[Node, ...]
    edges: tuple[tuple[str, str], ...]
    columns: tuple[ColumnEdge, ...] = ()
    with_columns: bool = False
    with_changes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a plan does to one object, as far as a picture tells."""

    change: str
    kind: str
    deleted: bool = False


def picture(
    repo: Repo,
    *,
    columns: bool = False,
    focus: Collection[str] = (),
    up: int | None = None,
    down: int | None = None,
    changes: Mapping[str, Change] | None = None,
) -> Picture:
    """The graph of ``repo``, or of ``focus`` and what lies up to so many steps up and down; None is any number."""
    lineage = Lineage(repo)
    graph = lineage.graph
    shown = set(graph.upstream)
    if focus:
        shown = {*focus, *_steps(graph.upstream, focus, up), *_steps(graph.downstream, focus, down)}
    changed = changes or {}
    nodes = [
        Node(
            address=address,
            kind=definition.kind,
            name=definition.name,
            owner=definition.owner,
            description=definition.description,
            columns=tuple(lineage.columns(address)) if columns else (),
            change=changed[address].change if address in changed else "",
            focus=address in focus,
        )
        for address, definition in repo.definitions.items()
        if address in shown
    ]
    if not focus:
        nodes += [
            Node(address=a, kind=c.kind, name=a.split("/")[1], change=c.change, deleted=True)
            for a, c in changed.items()
            if c.deleted and a not in repo.definitions
        ]
    edges = {(read, reader) for reader in shown for read in graph.upstream[reader] if read in shown}
    made = [
        ColumnEdge(source=origin, target=Column(address, name), use=use)
        for address in (sorted(shown) if columns else ())
        for name, origins in lineage.columns(address).items()
        for origin, use in origins.items()
        if origin.address in shown
    ]
    return Picture(
        project=repo.project.project,
        nodes=tuple(sorted(nodes, key=lambda node: node.address)),
        edges=tuple(sorted(edges)),
        columns=tuple(made),
        with_columns=columns,
        with_changes=changes is not None,
    )


def _steps(edges: Mapping[str, tuple[str, ...]], starts: Collection[str], most: int | None) -> set[str]:
    found: set[str] = set()
    here, step = set(starts), 0
    while here and (most is None or step < most):
        here = {there for address in here for there in edges.get(address, ())} - found
        found |= here
        step += 1
    return found
