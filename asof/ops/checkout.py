"""Where a feature repo lies inside of the git checkout around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def folder_in_checkout(root: Path) -> str:
    """``features/rides``: the way from the top of the checkout to ``root``; "" at the top, or outside of any."""
    here = root.resolve()
    for folder in (here, *here.parents):
        if (folder / ".git").exists():
            return "" if folder == here else here.relative_to(folder).as_posix()
    return ""
