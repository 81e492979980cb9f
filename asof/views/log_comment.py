"""A log as a comment: the end of it, behind a head that says what it is of."""

from __future__ import annotations

import re

from asof.views.markdown import block, prose

_MARK = re.compile(r"<!-- asof [^\n]*-->")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def is_comment(text: str) -> bool:
    """Whether ``text`` begins with the mark by which a comment is found again."""
    return bool(_MARK.fullmatch(text.partition("\n")[0].strip()))


def log_comment(title: str, log: str, *, most: int) -> str:
    """``log`` as a comment of its own for each ``title``; its last ``most`` characters at line ends."""
    mark = "-".join(re.findall(r"[a-z0-9]+", title.lower()))
    lines = _COLOUR.sub("", log).splitlines()
    kept: list[str] = []
    size = 0
    for line in reversed(lines):
        size += len(line) + 1
        if size > most:
            break
        kept.append(line)
    left = f"\n\nThe first {len(lines) - len(kept):,} lines are in the job's log." if len(kept) < len(lines) else ""
    return f"<!-- asof log {mark} -->\n\n### {prose(title)}\n\n{block(reversed(kept), 'text')}{left}\n"
