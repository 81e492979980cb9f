"""What renderings of a plan need beside the plan itself; as in asof/api.py, one function each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from asof.compiler.model import Repo
    from asof.compiler.plan import Plan
    from asof.compiler.policies import Freeze
    from asof.compiler.source import Span


def places(root: Path, made: Plan, repo: Repo | None = None) -> Mapping[str, Span]:
    """Where in the files each change of ``made`` was written, by address; read from ``root`` where no repo is given.

    Empty where there is no repo that can be read: a plan file can be looked at anywhere.
    """
    from asof.compiler.places import places as found_in
    from asof.ops.loading import load_repo
    from asof.ops.repo_files import read_repo

    if repo is None:
        files, _ = read_repo(root)
        repo = load_repo(root, files).repo if files is not None else None
    return found_in(repo, made) if repo is not None else {}


def frozen(made: Plan, now: datetime) -> Freeze | None:
    """The freeze in which ``made`` would be applied at ``now``, if it is one of asof.yaml's."""
    from asof.compiler.policies import frozen as held

    return held(made.freezes, now)


def folder(root: Path) -> str:
    """The repo's place in its git checkout, with forward slashes; "" at the top."""
    from asof.ops.checkout import folder_in_checkout

    return folder_in_checkout(root)
