"""Two texts line by line, one beside the other, the words that differ marked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import TYPE_CHECKING

from asof.views.wording import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_CONTEXT = 3
_WORDS = re.compile(r"\w+|\s+|.")

Parts = tuple[tuple[str, bool], ...]
"""A line in pieces: text, and whether it differs from the other side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of both texts: number (0 where one has none) and pieces. ``kind`` is same, changed or skipped."""

    kind: str
    old_number: int = 0
    new_number: int = 0
    old: Parts = ()
    new: Parts = ()


def side_by_side(old: str, new: str) -> tuple[Line, ...]:
    """All lines that differ with three around them; a longer stretch of equal ones is one ``skipped`` line."""
    before, after = ([plain(line.expandtabs(4)) for line in text.splitlines()] for text in (old, new))
    made: list[Line] = []
    blocks = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    for at, (kind, i, i_end, j, j_end) in enumerate(blocks):
        if kind == "equal":
            made += _equal(before[i:i_end], i, j, first=at == 0, last=at == len(blocks) - 1)
        else:
            made += _changed(before[i:i_end], after[j:j_end], i, j)
    return tuple(made)


def _equal(lines: Sequence[str], i: int, j: int, *, first: bool, last: bool) -> Iterator[Line]:
    head, tail = (0 if first else _CONTEXT), (0 if last else _CONTEXT)
    for at, text in enumerate(lines):
        if head <= at < len(lines) - tail and len(lines) - head - tail > 1:
            if at == head:
                yield Line(kind="skipped")
            continue
        parts = ((text, False),)
        yield Line(kind="same", old_number=i + at + 1, new_number=j + at + 1, old=parts, new=parts)


def _changed(old: Sequence[str], new: Sequence[str], i: int, j: int) -> Iterator[Line]:
    for at, (was, now) in enumerate(zip_longest(old, new)):
        parts = _words(was, now) if was is not None and now is not None else (_whole(was), _whole(now))
        yield Line(
            kind="changed",
            old_number=i + at + 1 if was is not None else 0,
            new_number=j + at + 1 if now is not None else 0,
            old=parts[0],
            new=parts[1],
        )


def _whole(text: str | None) -> Parts:
    return () if text is None else ((text, False),)


def _words(old: str, new: str) -> tuple[Parts, Parts]:
    was, now = _WORDS.findall(old), _WORDS.findall(new)
    matcher = SequenceMatcher(None, was, now, autojunk=False)
    if matcher.ratio() < 0.3:  # nothing in common: marks on every word say less than none
        return _whole(old), _whole(new)
    sides: tuple[list[tuple[str, bool]], list[tuple[str, bool]]] = ([], [])
    for kind, i, i_end, j, j_end in matcher.get_opcodes():
        for side, text in zip(sides, ("".join(was[i:i_end]), "".join(now[j:j_end])), strict=True):
            if text:
                side.append((text, kind != "equal"))
    return tuple(sides[0]), tuple(sides[1])
