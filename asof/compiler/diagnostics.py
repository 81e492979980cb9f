"""Errors in the user's files are values: a rule with a stable code, a message and a span."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import TYPE_CHECKING

from asof.compiler.source import NOWHERE, Span

if TYPE_CHECKING:
    from collections.abc import Iterable


class Level(StrEnum):
    """How bad it is. Only an error stops a plan."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A span with a few words on what stands there."""

    span: Span
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """An edit that would solve the problem: replace ``span`` by ``text``."""

    title: str
    span: Span
    text: str
    safe: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One finding. ``summary`` is the rule's fixed words; ``message`` names the user's things."""

    code: str
    level: Level
    summary: str
    message: str
    span: Span = NOWHERE
    label: str = ""
    address: str = ""
    secondary: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    fixes: tuple[Fix, ...] = ()

    @property
    def sort_key(self) -> tuple[str, int, int, str, str]:
        """Reading order: file, line, column, then code."""
        return (self.span.path, self.span.line, self.span.column, self.code, self.message)


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of finding. ``code`` is stable and never reused; docs/diagnostics/<code>.md explains it."""

    code: str
    level: Level
    summary: str

    def at(
        self,
        span: Span,
        message: str,
        *,
        label: str = "",
        address: str = "",
        secondary: tuple[Label, ...] = (),
        notes: tuple[str, ...] = (),
        fixes: tuple[Fix, ...] = (),
        level: Level | None = None,
    ) -> Diagnostic:
        """This rule, broken at ``span``."""
        return Diagnostic(
            code=self.code,
            level=level or self.level,
            summary=self.summary,
            message=message,
            span=span,
            label=label,
            address=address,
            secondary=secondary,
            notes=notes,
            fixes=fixes,
        )


class Error(Exception):
    """The base of what asof raises on a user's mistake, or where a store or registry refuses; ``asof.Error``."""

    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def code(self) -> str:
        """The code of the first diagnostic, which names the cause."""
        return self.diagnostics[0].code if self.diagnostics else ""


class DiagnosticError(Error):
    """What stops a verb while it runs (a store, a spine, a request): diagnostics to render, never a traceback."""

    def __init__(self, *found: Diagnostic) -> None:
        super().__init__("; ".join(d.message for d in found))
        self.diagnostics = found


RULES: dict[str, Rule] = {}
"""Every rule by its code, in the order of definition: the catalogue behind docs and ``asof explain``."""


def rule(code: str, summary: str, level: Level = Level.ERROR) -> Rule:
    """Define a rule. A code that is taken already is a bug and raises ValueError."""
    if code in RULES:
        raise ValueError(f"diagnostic code {code} is defined twice")
    made = Rule(code, level, summary)
    RULES[code] = made
    return made


def with_article(word: str) -> str:
    """``a policy``, ``an entity``"""
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def nearest(word: str, known: Iterable[str]) -> str:
    """``did you mean 'driver'?`` for a misspelt name, or nothing."""
    close = get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else ""


def correction(word: str, known: Iterable[str]) -> tuple[str, bool]:
    """The known word most like ``word`` ("" for none), and whether that is safe to write without asking.

    Safe is a slip of the pen with one reading: one or two letters off (two only from six letters on), digits
    untouched, and no other known word as near.
    """
    words = sorted(set(known) - {word})
    close = get_close_matches(word, words, n=1, cutoff=0.6)
    if not close:
        return "", False
    most = 1 if len(word) < _LONG else 2
    near = [other for other in words if abs(len(other) - len(word)) <= most and _distance(word, other) <= most]
    same_digits = [c for c in word if c.isdigit()] == [c for c in close[0] if c.isdigit()]
    return close[0], near == close and same_digits


_LONG = 6


def _distance(one: str, other: str) -> int:
    """Letters inserted, left out, replaced or swapped with their neighbour."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        older, before, row = before, row, [i]
        for j, wanted in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
    return row[-1]


def in_order(found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Each finding once, in reading order."""
    return tuple(sorted(set(found), key=lambda d: d.sort_key))


def has_errors(found: Iterable[Diagnostic]) -> bool:
    """Whether anything here stops a plan."""
    return any(d.level is Level.ERROR for d in found)
