"""From a code point of a YAML scalar's value to the line and column where it stands in the file."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING

import yaml

from asof.compiler.source import Span

if TYPE_CHECKING:
    from asof.compiler.source import Origin

_BREAK = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")
_BLANK = " \t\n\r\x85\u2028\u2029"
_ESCAPE_LENGTH = {"x": 4, "u": 6, "U": 10}


class SourceMap:
    """Where each code point of one scalar was written.

    YAML keeps no such record, so the raw text is read again beside the value: what both share in order
    is matched code point by code point, and indentation, folding, quotes and escapes fall between.
    """

    def __init__(self, origin: Origin, pointer: tuple[str | int, ...]) -> None:
        self._path = origin.path
        self._whole = origin.value(*pointer)
        node = origin.node_at(*pointer)
        self._offsets: tuple[int, ...] = ()
        self._starts: tuple[int, ...] = ()
        if origin.text and isinstance(node, yaml.ScalarNode):
            self._starts = (0, *(m.end() for m in _BREAK.finditer(origin.text)))
            self._offsets = self._matched(origin.text, node)

    def span(self, start: int, end: int) -> Span:
        """The span of ``value[start:end]``; the whole scalar where the file's text is not known."""
        if not self._offsets:
            return self._whole
        last = len(self._offsets) - 1
        line, column = self._place(self._offsets[min(start, last)])
        end_line, end_column = self._place(self._offsets[min(max(end - 1, start), last)] + 1)
        return Span(path=self._path, line=line, column=column, end_line=end_line, end_column=end_column)

    def _place(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def _matched(self, text: str, node: yaml.ScalarNode) -> tuple[int, ...]:
        start = self._starts[node.start_mark.line] + node.start_mark.column
        end = self._starts[node.end_mark.line] + node.end_mark.column
        style = node.style or ""
        if style in ("|", ">"):
            head = _BREAK.search(text, start)
            start = head.end() if head else end
        elif style in ("'", '"'):
            start += 1
        offsets: list[int] = []
        at = start
        for char in node.value:
            if char in _BLANK:
                offsets.append(min(at, end))
                escaped = style == '"' and text[at : at + 1] == "\\" and text[at + 1 : at + 2] not in "\n\r"
                at += _width(text, at, style) if escaped else text[at : at + 1] == char
                continue
            at = _past_filler(text, at, end, style)
            offsets.append(min(at, end))
            at += _width(text, at, style)
        return tuple(offsets)


def _past_filler(text: str, at: int, end: int, style: str) -> int:
    """Past white space, and past the backslashes that join two lines of a double-quoted scalar."""
    while at < end and (text[at] in _BLANK or (style == '"' and text[at] == "\\" and text[at + 1 : at + 2] in "\n\r")):
        at += 1
    return at


def _width(text: str, at: int, style: str) -> int:
    """How many raw code points stand for the one value code point at ``at``."""
    if style == "'" and text[at : at + 2] == "''":
        return 2
    if style == '"' and text[at : at + 1] == "\\":
        return _ESCAPE_LENGTH.get(text[at + 1 : at + 2], 2)
    return 1
