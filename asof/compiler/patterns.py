"""Patterns of paths and names as people know them from .gitignore."""

from __future__ import annotations

import re
from functools import cache


@cache
def path_pattern(pattern: str) -> re.Pattern[str]:
    """A pattern as in .gitignore: with a slash it starts at the root, without one it matches at any depth."""
    anchored = "/" in pattern
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern.removeprefix("/"))
    special = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    body = "".join(special.get(part, re.escape(part)) for part in parts)
    return re.compile(body if anchored else f"(?:.*/)?{body}")


@cache
def name_pattern(pattern: str) -> re.Pattern[str]:
    """A pattern of whole names or values: ``*`` is anything, ``?`` one character."""
    parts = re.split(r"(\*|\?)", pattern)
    return re.compile("".join({"*": ".*", "?": "."}.get(part) or re.escape(part) for part in parts), re.DOTALL)
