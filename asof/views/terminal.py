"""The terminal: how wide it is, whether it takes colour, and where text goes."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Mapping

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What moves the cursor, retitles the window or turns text around; line breaks and tabs do not count."""
_PAINTED = re.compile(r"\x1b\[(?:0|1|2|3[1-6])(?:;(?:1|2|3[1-6]))*m")
"""The codes that ``paint`` writes."""

BOLD, DIM, RED, GREEN, YELLOW, BLUE, CYAN = "1", "2", "31", "32", "33", "34", "36"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """Answers go to ``out``, everything about the way there to ``err``.

    With ``json`` the answer is one JSON document, with ``document`` one of another format.
    """

    json: bool = False
    document: bool = False
    colour: bool = False
    width: int = 100
    out: TextIO
    err: TextIO

    def say(self, text: str) -> None:
        """A part of the answer for people; silent where the answer is a document."""
        if not (self.json or self.document):
            _write(self.out, harmless(text, colour=self.colour))

    def note(self, text: str) -> None:
        """Something on the side."""
        if not self.json:
            _write(self.err, harmless(text, colour=self.colour))

    def raw(self, text: str) -> None:
        """The answer itself: to the byte for a program or a file, without control characters for a person."""
        self.out.write(harmless(text, colour=False) if self.out.isatty() else text)

    def answer(self, exit_code: int, status: str, fields: Mapping[str, object]) -> None:
        """The one JSON document; silent where the answer is for people."""
        if self.json:
            _write(self.out, answer(exit_code, status, fields))

    def paint(self, text: str, *codes: str) -> str:
        return paint(text, *codes, colour=self.colour)


def answer(exit_code: int, status: str, fields: Mapping[str, object]) -> str:
    """The JSON answer of a command."""
    made = {"exit_code": exit_code, "status": status, **fields}
    try:
        return json.dumps(made, indent=2, default=_text, allow_nan=False)
    except ValueError:
        from asof.views.feature_values import strict

        return json.dumps(strict(made), indent=2, default=_text, allow_nan=False)


def _text(value: object) -> object:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def paint(text: str, *codes: str, colour: bool) -> str:
    """``text`` in the given ANSI codes, or as it is."""
    return f"\x1b[{';'.join(codes)}m{text}\x1b[0m" if colour and text else text


def harmless(text: str, *, colour: bool) -> str:
    """``text`` with every control character written out (``\\x1b``): names and messages may be anybody's.

    With ``colour`` the codes of ``paint`` stay.
    """
    if not _CONTROL.search(text):
        return text
    painted = _PAINTED.findall(text) if colour else ()
    pieces = [_CONTROL.sub(_written_out, piece) for piece in (_PAINTED.split(text) if colour else (text,))]
    return "".join(code + piece for code, piece in zip(("", *painted), pieces, strict=True))


def _written_out(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode() if found[0] < "\ud800" or found[0] > "\udfff" else "\ufffd"


def terminal(*, as_json: bool, no_color: bool) -> Terminal:
    """This process's terminal. ``NO_COLOR`` (any value) and ``TERM=dumb`` switch colour off, as does a pipe."""
    plain = no_color or "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb" or not sys.stdout.isatty()
    width = min(shutil.get_terminal_size((100, 24)).columns, 120)
    return Terminal(json=as_json, colour=not plain, width=width, out=sys.stdout, err=sys.stderr)


def _write(stream: TextIO, text: str) -> None:
    stream.write(text if text.endswith("\n") else text + "\n")
    stream.flush()
