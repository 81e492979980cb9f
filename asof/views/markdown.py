"""Any text inside of Markdown: it shows as what it is, ends no code block, links nowhere and calls nobody.

GitHub and GitLab find mentions, references and addresses in whatever is not code, backslash or not. So a word that
is more than a word becomes code.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, NamedTuple

from asof.views.wording import plain

if TYPE_CHECKING:
    from collections.abc import Iterable

_BACKTICKS = re.compile(r"`+")
_EDGES = re.compile(r"""^([("']*)(.*?)([)"',.;:?]*)$""", re.DOTALL)
_WORD = re.compile(r"[^\W_]+(?:['.,:-][^\W_]+)*%?")
_STOPS = (",", ".", ";", ":")
_ACTIVE = re.compile(r"(?i)^(?:www\.|gh-\d|https?:|ftp:|mailto:)|\.[a-z]{2,}(?:[/:]|$)|^[0-9a-f]{7,}$")
"""Words that a forge makes a link of: addresses, issues and commits."""


def code(text: str) -> str:
    """``text`` as a code span."""
    shown = plain(text)
    if not shown.strip():
        return ""
    fence = "`" * (max((len(run) for run in _BACKTICKS.findall(shown)), default=0) + 1)
    room = " " if shown[0] in "` " or shown[-1] in "` " else ""
    return f"{fence}{room}{shown}{room}{fence}"


def prose(text: str) -> str:
    """``text`` as running text; names, signs and whatever could be markup as code, neighbours in one span."""
    words: list[_Word] = []
    for part in plain(text).split():
        word = _word(part)
        last = words[-1] if words else None
        if last is not None and last.code and word.code and not last.after and not word.before:
            words[-1] = last._replace(core=f"{last.core} {word.core}", after=word.after)
        else:
            words.append(word)
    return " ".join(f"{w.before}{code(w.core) if w.code else w.core}{w.after}" for w in words)


def summary(text: str) -> str:
    """``text`` as code inside of an HTML tag."""
    return f"<code>{html.escape(plain(text))}</code>"


def block(lines: Iterable[str], language: str = "") -> str:
    """``lines`` as a fenced block that none of them ends."""
    shown = [plain(line.expandtabs(4)) for line in lines]
    longest = max((len(run) for line in shown for run in _BACKTICKS.findall(line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([f"{fence}{language}", *shown, fence])


def folded(head: str, body: str) -> str:
    """``body`` behind a click on ``head``, which is HTML."""
    return f"<details><summary>{head}</summary>\n\n{body}\n\n</details>"


def clipped(text: str, most: int) -> str:
    """``text`` in at most that many characters."""
    return text if len(text) <= most else f"{text[: most - 3]}..."


class _Word(NamedTuple):
    """A word between the brackets, quotes and stops around it."""

    before: str
    core: str
    after: str
    code: bool


def _word(text: str) -> _Word:
    match = _EDGES.match(text)
    before, core, after = match.groups() if match is not None else ("", text, "")
    if not core:
        return _Word("", text, "", code=text not in _STOPS)
    return _Word(before, core, after, code=not _WORD.fullmatch(core) or bool(_ACTIVE.search(core)))
