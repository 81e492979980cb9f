"""Where a value was written: files, spans and the YAML node tree behind a definition."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import yaml

Pointer = tuple["str | int", ...]


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Span:
    """A stretch of one file. Lines and columns count from 1, in code points; the end is exclusive."""

    path: str
    line: int
    column: int
    end_line: int
    end_column: int


NOWHERE = Span(path="", line=0, column=0, end_line=0, end_column=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RepoFiles:
    """The texts of a feature repo, read once, before anything is compiled.

    ``project`` is the path of asof.yaml; ``texts`` maps each path, relative to the repo and with
    forward slashes, to its bytes as found on disk. ``beside`` are files that are no definitions: policies
    and at most one owners file, whose patterns start ``folder`` above the repo.
    """

    project: str
    texts: Mapping[str, bytes]
    tables: Mapping[str, bytes] = field(default_factory=dict)
    """CSV files that definitions name as ``csv_file``, likewise."""
    beside: Mapping[str, bytes] = field(default_factory=dict)
    folder: str = ""

    def decoded(self) -> dict[str, str]:
        """The same as text, for code frames; what is not UTF-8 shows as replacement characters."""
        return {path: data.decode("utf-8-sig", "replace") for path, data in (*self.texts.items(), *self.beside.items())}


@dataclass(frozen=True, slots=True)
class Origin:
    """The YAML node a definition was read from; it turns a JSON pointer into a span on demand.

    Kept beside the model, never inside it: moving a definition is not a change.
    """

    path: str
    written: yaml.Node | Callable[[], yaml.Node]
    """The node, or where to get it from: most definitions are never asked where they stand."""
    text: str = ""
    """The file's whole text, decoded: what places inside a scalar are counted in."""

    @property
    def node(self) -> yaml.Node:
        return self.written() if callable(self.written) else self.written

    def value(self, *pointer: str | int) -> Span:
        """The span of the value at ``pointer``, or of its nearest ancestor that was written."""
        return self._span(self._walk(pointer)[1])

    def key(self, *pointer: str | int) -> Span:
        """The span of the key at ``pointer`` (of the item itself inside a list)."""
        key, value = self._walk(pointer)
        return self._span(key if key is not None else value)

    def node_at(self, *pointer: str | int) -> yaml.Node:
        """The YAML node at ``pointer``, or its nearest ancestor."""
        return self._walk(pointer)[1]

    def _walk(self, pointer: Pointer) -> tuple[yaml.Node | None, yaml.Node]:
        key: yaml.Node | None = None
        node = self.node
        for step in pointer:
            found = _child(node, step)
            if found is None:
                break
            key, node = found
        return key, node

    def _span(self, node: yaml.Node) -> Span:
        start, end = node.start_mark, node.end_mark
        return Span(
            path=self.path,
            line=start.line + 1,
            column=start.column + 1,
            end_line=end.line + 1,
            end_column=end.column + 1,
        )


def _child(node: yaml.Node, step: str | int) -> tuple[yaml.Node | None, yaml.Node] | None:
    from yaml import MappingNode, SequenceNode  # at the top every command would wait for it, and few read YAML

    if isinstance(node, MappingNode):
        return next(((key, value) for key, value in node.value if key.value == step), None)
    if isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
        return None, node.value[step]
    return None
