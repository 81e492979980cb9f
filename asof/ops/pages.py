"""The pages on diagnostics: docs/diagnostics of a checkout, and the same files as the wheel brings them."""

from __future__ import annotations

import re
from pathlib import Path

import asof

_PACKAGE = Path(asof.__file__).parent
_PLACES = (_PACKAGE / "diagnostics", _PACKAGE.parent / "docs" / "diagnostics")


def diagnostic_page(code: str) -> str | None:
    """The page of a code as Markdown; None where there is none."""
    path = _folder() / f"{code}.md"
    return path.read_text(encoding="utf-8") if re.fullmatch("AS[0-9]{3}", code) and path.is_file() else None


def diagnostic_codes() -> tuple[str, ...]:
    """Every code that has a page, in order."""
    return tuple(sorted(path.stem for path in _folder().glob("AS*.md")))


def _folder() -> Path:
    return next(place for place in _PLACES if place.is_dir())
