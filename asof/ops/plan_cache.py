"""Plans kept from one run to the next: planning is pure, so equal inputs have the same plan.

The key is made of everything a plan is made from: the bytes of every file, what was asked, and the code that
plans. The registry's generation is compared as well. A kept plan is never trusted over content, and the
folder may be deleted at any time.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

import asof.version
from asof.compiler.diagnostics import Diagnostic
from asof.compiler.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Collection

    from asof.compiler.source import RepoFiles

FOLDER = ".asof/cache/plans"
KEPT = 20
"""How many plans stay; the oldest go first."""


class KeptPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A plan, the findings beside it, and the generation it starts from in ``registry`` (as asof.yaml writes it)."""

    registry: str
    generation: str
    plan: Plan
    diagnostics: tuple[Diagnostic, ...]


def key_of(files: RepoFiles, *, target: str, allow_destroy: Collection[str]) -> str:
    """The SHA-256 of what was read, what was asked and the code that answers."""
    asked = msgspec.json.encode([asof.version.__version__, _code(), files.project, target, sorted(allow_destroy)])
    digest = hashlib.sha256(asked)
    for path, data in sorted({**files.texts, **files.tables}.items()):
        digest.update(f"\0{path}\0{len(data)}\0".encode())
        digest.update(data)
    return digest.hexdigest()


def kept_plan(root: Path, key: str) -> KeptPlan | None:
    """What was kept under ``key``; None where there is nothing or it cannot be read."""
    try:
        return msgspec.json.decode((root / FOLDER / f"{key}.json").read_bytes(), type=KeptPlan)
    except (OSError, msgspec.DecodeError):
        return None


def keep_plan(root: Path, key: str, kept: KeptPlan) -> None:
    """Keep a plan if the folder can be written; planning itself never depends on it."""
    folder = root / FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = folder / f"{key}.tmp"
        unfinished.write_bytes(msgspec.json.encode(kept))
        unfinished.replace(folder / f"{key}.json")
        for old in sorted(folder.glob("*.json"), key=lambda p: p.stat().st_mtime)[:-KEPT]:
            old.unlink(missing_ok=True)
    except OSError:
        return


@cache
def _code() -> str:
    """Which code this is: in a checkout it changes without a new version."""
    digest = hashlib.sha256()
    home = Path(asof.version.__file__).parent
    for path in sorted(home.rglob("*")):
        if path.suffix in (".py", ".json"):
            found = path.stat()
            digest.update(f"{path.relative_to(home)} {found.st_size} {found.st_mtime_ns}\n".encode())
    return digest.hexdigest()
