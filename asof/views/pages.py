"""A page on a diagnostic code at the terminal: the Markdown as it is, headings in bold, code set apart."""

from __future__ import annotations

from asof.views.terminal import BOLD, CYAN, paint


def title(page: str) -> str:
    """What follows the code in the first line."""
    return page.partition("\n")[0].partition(": ")[2]


def explained(page: str, *, colour: bool) -> str:
    """The page to read."""
    lines = []
    for line in page.strip().split("\n"):
        if line.startswith("#"):
            lines.append(paint(line.lstrip("# "), BOLD, colour=colour))
        else:
            lines.append(paint(line, CYAN, colour=colour) if line.startswith("    ") else line)
    return "\n".join(lines)
