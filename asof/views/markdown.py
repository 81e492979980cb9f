"""Any text inside of Markdown: it shows as what it is, ends no code block, links nowhere and calls nobody.

GitHub and GitLab find mentions, references and addresses in whatever is not code, backslash or not. So a word that
is more than a word becomes code.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from asof.views.wording import plain

if TYPE_CHECKING:
    from collections.abc import Iterable

_BACKTICKS = re.compile(r"`+")
_EDGES = re.compile(r"""^([("']*)(.*?)([)"',.;:?]*)$""", re.DOTALL)
_WORD = re.compile(r"[^\W_]+(?:['/.,:-][^\W_]+)*%?")
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
    """``text`` as running text; names, signs and whatever could be markup as code."""
    return " ".join(_word(word) for word in plain(text).split())


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


def _word(word: str) -> str:
    match = _EDGES.match(word)
    if match is None or not match[2]:
        return word if word.isalnum() or word in (",", ".", ";", ":", "-") else code(word)
    before, core, after = match.groups()
    safe = _WORD.fullmatch(core) and not _ACTIVE.search(core)
    return f"{before}{core if safe else code(core)}{after}"
