"""Fixes put into the text: edits at their places, comments and everything around them untouched."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from asof.compiler.diagnostics import Diagnostic, Fix
    from asof.compiler.source import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Repaired:
    """A file with its safe fixes put in, in the order of the text."""

    path: str
    before: str
    after: str
    fixes: tuple[tuple[Diagnostic, Fix], ...]


def repaired(found: Iterable[Diagnostic], sources: Mapping[str, str]) -> tuple[Repaired, ...]:
    """Each file that a safe fix changes. Of fixes that touch the same text the first is put in: check and ask again."""
    chosen: dict[str, list[tuple[Diagnostic, Fix]]] = {}
    for item in found:
        fix = next((fix for fix in item.fixes if fix.safe and fix.span.path in sources), None)
        if fix is not None:
            chosen.setdefault(fix.span.path, []).append((item, fix))
    made = []
    for path, fixes in sorted(chosen.items()):
        text = sources[path]
        lines = _Lines(text)
        parts, applied, end = [], [], 0
        for item, fix in sorted(fixes, key=lambda one: (lines.extent(one[1].span), one[1].text)):
            start, stop = lines.extent(fix.span)
            if start >= end and text[start:stop] != fix.text:
                parts += [text[end:start], fix.text]
                applied.append((item, fix))
                end = stop
        after = "".join([*parts, text[end:]])
        if applied:
            made.append(Repaired(path=path, before=text, after=after, fixes=tuple(applied)))
    return tuple(made)


class _Lines:
    """Offsets of lines and columns, which count from 1 in code points."""

    def __init__(self, text: str) -> None:
        self.starts = [0]
        for line in text.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))
        self.length = len(text)

    def extent(self, span: Span) -> tuple[int, int]:
        return self._offset(span.line, span.column), self._offset(span.end_line, span.end_column)

    def _offset(self, line: int, column: int) -> int:
        return min(self.starts[min(line, len(self.starts)) - 1] + column - 1, self.length)

    def place(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self.starts, offset)
        return line, offset - self.starts[line - 1] + 1
