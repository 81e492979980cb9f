"""Where each node of a picture stands: in layers from left to right, with few crossings, always the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from asof.compiler.picture import Node, Picture

HEAD, LINE = 46, 20
"""Pixels: a node without columns, and each column."""
NARROWEST, WIDEST, CHARACTER = 150, 340, 8.4
BETWEEN_LAYERS, BETWEEN_NODES = 90, 18
_SWEEPS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The upper left corner of a node and its size, in pixels."""

    x: float
    y: float
    width: float
    height: float


def layout(picture: Picture) -> Mapping[str, Place]:
    """A place for each address: readers stand to the right of what they read."""
    nodes = {node.address: node for node in picture.nodes}
    above: dict[str, list[str]] = {address: [] for address in nodes}
    below: dict[str, list[str]] = {address: [] for address in nodes}
    for start, end in picture.edges:
        above[end].append(start)
        below[start].append(end)
    layers = _ordered(_layers(nodes, above, below), above, below)
    return _placed(layers, nodes, above)


def _layers(
    nodes: Mapping[str, Node], above: Mapping[str, Sequence[str]], below: Mapping[str, Sequence[str]]
) -> list[list[str]]:
    """Longest way from a node that reads nothing; such nodes move right, next to their first reader."""
    depth: dict[str, int] = {}
    waiting = {address: len(above[address]) for address in nodes}
    ready = sorted(address for address, count in waiting.items() if not count)
    for address in ready:
        depth[address] = max((depth[read] + 1 for read in above[address]), default=0)
        for reader in below[address]:
            waiting[reader] -= 1
            if not waiting[reader]:
                ready.append(reader)
    for address in nodes:
        depth.setdefault(address, 0)  # on a circle, which a sound repo does not have
        if not above[address] and below[address]:
            depth[address] = max(0, min(depth[reader] for reader in below[address] if reader in depth) - 1)
    layers: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for address in sorted(nodes, key=lambda a: (nodes[a].kind, a)):
        layers[depth[address]].append(address)
    return layers


def _ordered(
    layers: list[list[str]], above: Mapping[str, Sequence[str]], below: Mapping[str, Sequence[str]]
) -> list[list[str]]:
    """Sort each layer by the middle of its neighbours, forth and back."""
    at: dict[str, float] = {
        address: place / max(len(layer), 1) for layer in layers for place, address in enumerate(layer)
    }
    for sweep in range(_SWEEPS):
        neighbours = above if sweep % 2 == 0 else below
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            middles = {a: _middle([at[n] for n in neighbours[a]], at[a]) for a in layer}
            layer.sort(key=lambda a: (middles[a], a))
            at.update({address: place / len(layer) for place, address in enumerate(layer)})
    return layers


def _middle(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _placed(
    layers: list[list[str]], nodes: Mapping[str, Node], above: Mapping[str, Sequence[str]]
) -> Mapping[str, Place]:
    """Layers side by side; each node as near to the middle of what it reads as those over it allow."""
    places: dict[str, Place] = {}
    x = 0.0
    for layer in layers:
        sizes = {address: _size(nodes[address]) for address in layer}
        wanted = {a: _middle([places[r].y + places[r].height / 2 for r in above[a] if r in places], 0.0) for a in layer}
        total = sum(height + BETWEEN_NODES for _, height in sizes.values())
        centre = _middle(list(wanted.values()), 0.0)
        y = centre - total / 2
        for address in layer:
            width, height = sizes[address]
            places[address] = Place(x=x, y=round(y, 1), width=width, height=height)
            y += height + BETWEEN_NODES
        x += max((width for width, _ in sizes.values()), default=0) + BETWEEN_LAYERS
    return places


def _size(node: Node) -> tuple[float, float]:
    longest = max(len(text) for text in (node.name, *node.columns))
    width = min(max(NARROWEST, longest * CHARACTER + 32), WIDEST)
    return round(width, 1), HEAD + LINE * len(node.columns) + (8 if node.columns else 0)
