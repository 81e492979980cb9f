"""Places in a text, counted three ways: code points of the text, an editor's lines and units, the compiler's spans.

An editor ends lines at \\n, \\r\\n and \\r and counts columns from 0 in units of an encoding, UTF-16 unless agreed
otherwise. The compiler ends them where YAML does and counts from 1 in code points.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from asof.compiler.source import Span

_EDITOR_BREAK = re.compile(r"\r\n|[\n\r]")
_YAML_BREAK = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")
_BOM = "\ufeff"


class Place(NamedTuple):
    """A place as an editor counts it: both from 0."""

    line: int
    character: int


class Positions:
    """One text and the ways to count in it. ``units`` is utf-8, utf-16 or utf-32."""

    def __init__(self, text: str, units: str = "utf-16") -> None:
        self.text = text
        self.units = units

    def offset(self, place: Place) -> int:
        """Code points before ``place``; past the end of a line or of the text is its end."""
        if place.line >= len(self._lines):
            return len(self.text)
        start = self._lines[place.line]
        end = self._end(place.line)
        left = place.character
        for at in range(start, end):
            left -= self._width(self.text[at])
            if left < 0:
                return at
        return min(start + place.character, end) if self.units == "utf-32" else end if left >= 0 else start

    def place(self, offset: int) -> Place:
        """The editor's place after ``offset`` code points."""
        line = bisect_right(self._lines, offset) - 1
        before = self.text[self._lines[line] : offset]
        return Place(line, len(before) if self.units == "utf-32" else sum(map(self._width, before)))

    def extent(self, span: Span) -> tuple[int, int]:
        """A compiler's span as code points: first, and one past the last."""
        start = self._offset(span.line, span.column)
        return start, max(start, self._offset(span.end_line, span.end_column))

    def line_start(self, offset: int) -> int:
        """Where the line of ``offset`` begins."""
        return self._lines[bisect_right(self._lines, offset) - 1]

    def line_end(self, offset: int) -> int:
        """Where the line of ``offset`` ends, its line break left out."""
        return self._end(bisect_right(self._lines, offset) - 1)

    @property
    def newline(self) -> str:
        """How this text ends lines."""
        return "\r\n" if "\r\n" in self.text else "\n"

    @cached_property
    def _lines(self) -> list[int]:
        return [0, *(found.end() for found in _EDITOR_BREAK.finditer(self.text))]

    @cached_property
    def _yaml_lines(self) -> list[int]:
        return [0, *(found.end() for found in _YAML_BREAK.finditer(self.text))]

    def _end(self, line: int) -> int:
        if line + 1 == len(self._lines):
            return len(self.text)
        end = self._lines[line + 1] - 1
        return end - 1 if self.text[end - 1 : end + 1] == "\r\n" else end

    def _offset(self, line: int, column: int) -> int:
        if line < 1:
            return 0
        if line > len(self._yaml_lines):
            return len(self.text)
        mark = 1 if line == 1 and self.text.startswith(_BOM) else 0
        return min(self._yaml_lines[line - 1] + column - 1 + mark, len(self.text))

    def _width(self, char: str) -> int:
        if self.units == "utf-32":
            return 1
        if self.units == "utf-8":
            return len(char.encode("utf-8", "surrogatepass"))
        return 2 if ord(char) > 0xFFFF else 1
