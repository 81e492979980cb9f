"""Where a feature repo lies inside of the git checkout around it."""

from __future__ import annotations

import re
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


def main_branch(top: Path) -> str:
    """The branch that pull requests go into, as the remote had it when it was cloned; else ``main``."""
    head = top / ".git" / "refs" / "remotes" / "origin" / "HEAD"
    name = head.read_text(encoding="utf-8").strip() if head.is_file() else ""
    found = re.fullmatch(r"ref: refs/remotes/origin/([\w./-]+)", name)
    return found[1] if found else "main"
