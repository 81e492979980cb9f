"""A checked repo, and what it is compared with: the target that is to carry it out, and the data of its sources."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from asof.compiler.diagnostics import Level, has_errors, in_order

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from asof.compiler.diagnostics import Diagnostic
    from asof.compiler.model import Repo


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A repo and all that was found in it. ``repo`` is None only where asof.yaml itself is unusable."""

    repo: Repo | None
    diagnostics: tuple[Diagnostic, ...]
    sources: Mapping[str, str]

    @property
    def sound(self) -> Repo | None:
        """The repo, if nothing stops it from being planned and compiled. A house rule blocks the plan instead."""
        from asof.compiler.check.rules import HOUSE_RULES

        return None if has_errors(d for d in self.diagnostics if d.code not in HOUSE_RULES) else self.repo

    @property
    def clean(self) -> Repo | None:
        """The repo, if there is no error of any kind."""
        return None if has_errors(self.diagnostics) else self.repo


def with_target(checked: Checked, target: str) -> Checked:
    """``checked`` with all that ``target`` ("" is the default) would refuse to carry out."""
    repo = checked.sound
    chosen = repo.project.target(target) if repo is not None else None
    if repo is None or chosen is None:
        return checked
    from asof.compiler.check.carried import check_carried

    found = check_carried(repo, chosen)
    known = {(d.code, d.span, d.message) for d in found}
    rest = (d for d in checked.diagnostics if (d.code, d.span, d.message) not in known)
    return replace(checked, diagnostics=in_order((*rest, *found)))


def with_sources(root: Path, checked: Checked, *, target: str = "", stores: bool = False) -> Checked:
    """``checked`` and where its sources differ from what is there: in files of this machine, in ``stores`` if asked.

    A file that is not there is a warning, since data may come later; with ``stores`` nothing may be missing.
    """
    repo = checked.sound
    chosen = repo.project.target(target) if repo is not None else None
    if repo is None or chosen is None:
        return checked
    from asof.ops.data_files import data_files
    from asof.ops.source_checks import check_files, check_stores

    found = [one.finding for one in data_files(root, repo, chosen.name).awaited]
    found += check_files(root, repo, chosen)
    if stores:
        found = [replace(one, level=Level.ERROR) for one in found]
        found += check_stores(root, repo, chosen)
    return replace(checked, diagnostics=in_order((*checked.diagnostics, *found)))
