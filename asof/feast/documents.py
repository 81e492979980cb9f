"""What an import yields before it is text: documents, and notes on what a person must look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something that could not be carried over as it was: a comment in the file, and a line of the summary."""

    about: str
    """What it is about, in Feast's words: ``feature view driver_stats``."""
    text: str
    """What is different, and what to write where."""
    code: str = ""
    """Source text to show below it."""
    by_hand: bool = True
    """Whether somebody must do something; otherwise it is only good to know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One YAML document of ``file``. Without a body it is a comment: the notes say what was left out, and why."""

    file: str
    body: dict[str, Any] | None
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A note, and the line of the file where it begins."""

    note: Note
    file: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Files by path, sorted, and where each note stands."""

    files: dict[str, str]
    notes: tuple[Placed, ...]
