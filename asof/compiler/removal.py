"""Taking one key out of a YAML text: which stretch of the text goes, so that all others read as before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from asof.compiler.source import Span

if TYPE_CHECKING:
    from asof.compiler.source import Origin


def removal(origin: Origin, *pointer: str) -> Span | None:
    """What to delete so that the key at ``pointer`` is gone; a map that would be left empty goes with it.

    None where that cannot be said safely: the key comes from an anchor, or a comment stands in the way.
    """
    holder = origin.node_at(*pointer[:-1])
    if not isinstance(holder, yaml.MappingNode) or _shares(origin.node):
        return None
    pairs = holder.value
    at = next((place for place, (key, _) in enumerate(pairs) if key.value == pointer[-1]), -1)
    if at < 0:
        return None
    if len(pairs) == 1:
        return removal(origin, *pointer[:-1]) if len(pointer) > 1 else None
    key, value = pairs[at]
    if holder.flow_style:
        if at + 1 < len(pairs):
            return _span(origin, key.start_mark, pairs[at + 1][0].start_mark)
        return _span(origin, pairs[at - 1][1].end_mark, value.end_mark)
    lines = origin.text.splitlines()
    last = _last_line(value)
    if lines[key.start_mark.line][: key.start_mark.column].strip() or (
        value.start_mark.line != last and "#" in lines[last]
    ):
        return None
    return Span(path=origin.path, line=key.start_mark.line + 1, column=1, end_line=last + 2, end_column=1)


def _shares(node: yaml.Node) -> bool:
    """Whether a node is used twice in the document: an edit of it would reach further than meant."""
    seen: set[int] = set()
    waiting = [node]
    while waiting:
        here = waiting.pop()
        if id(here) in seen:
            return True
        seen.add(id(here))
        if isinstance(here, yaml.MappingNode):
            waiting += [part for pair in here.value for part in pair]
        elif isinstance(here, yaml.SequenceNode):
            waiting += here.value
    return False


def _last_line(node: yaml.Node) -> int:
    """The line (from 0) on which a node's own text ends; a block's end mark lies behind it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _last_line(last[1] if isinstance(last, tuple) else last)
    end = node.end_mark
    is_block = isinstance(node, yaml.ScalarNode) and node.style in ("|", ">")
    return int(end.line - 1 if is_block and not end.column else end.line)


def _span(origin: Origin, start: yaml.Mark, end: yaml.Mark) -> Span:
    return Span(
        path=origin.path,
        line=start.line + 1,
        column=start.column + 1,
        end_line=end.line + 1,
        end_column=end.column + 1,
    )
