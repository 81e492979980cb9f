"""Plans kept from one run to the next: planning is pure, so equal inputs have the same plan.

The key is made of everything a plan is made from: the bytes of every file, what was asked, and the code that
plans. The registry's generation is compared as well.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from asof.compiler.diagnostics import Diagnostic
from asof.compiler.plan import Plan
from asof.ops.data_files import DataFiles
from asof.ops.evidence import Example
from asof.ops.keeping import FOLDER, code, keep, kept

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from asof.compiler.source import RepoFiles

PLANS = "plans"
EXAMPLES = "examples"
KEPT = 20
"""How many of each stay; the oldest go first."""


class KeptPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A plan, the findings beside it, and the generation it starts from in ``registry`` (as asof.yaml writes it).

    Whether ``files`` are still there, or are by now, is looked up each time.
    """

    registry: str
    generation: str
    plan: Plan
    diagnostics: tuple[Diagnostic, ...]
    files: DataFiles


def key_of(files: RepoFiles, *, target: str, allow_destroy: Collection[str]) -> str:
    """The SHA-256 of what was read, what was asked and the code that answers."""
    asked = msgspec.json.encode([code(), files.project, files.folder, target, sorted(allow_destroy)])
    digest = hashlib.sha256(asked)
    for path, data in sorted({**files.texts, **files.tables, **files.beside}.items()):
        digest.update(f"\0{path}\0{len(data)}\0".encode())
        digest.update(data)
    return digest.hexdigest()


def kept_plan(root: Path, key: str) -> KeptPlan | None:
    """What was kept under ``key``; None where there is nothing or it cannot be relied on."""
    body = kept(root, f"{PLANS}/{key}")
    try:
        return msgspec.json.decode(body, type=KeptPlan) if body else None
    except msgspec.DecodeError:
        return None


def keep_plan(root: Path, key: str, fresh: KeptPlan) -> None:
    """Keep a plan; of those that are there the oldest go."""
    _keep(root, PLANS, key, msgspec.json.encode(fresh))


def kept_examples(root: Path, made: Plan) -> tuple[Example, ...] | None:
    """The counter-examples that were found for this plan by this code; None where there are none to rely on."""
    body = kept(root, f"{EXAMPLES}/{_example_key(made)}")
    try:
        return msgspec.json.decode(body, type=tuple[Example, ...]) if body else None
    except msgspec.DecodeError:
        return None


def keep_examples(root: Path, made: Plan, found: tuple[Example, ...]) -> None:
    """Keep them, as a plan is kept."""
    _keep(root, EXAMPLES, _example_key(made), msgspec.json.encode(found))


def _example_key(made: Plan) -> str:
    return hashlib.sha256(f"{made.effect}\0{made.base.generation}".encode()).hexdigest()


def _keep(root: Path, folder: str, key: str, body: bytes) -> None:
    keep(root, f"{folder}/{key}", body)
    found = [(path.stat().st_mtime_ns, path) for path in (root / FOLDER / folder).glob("[0-9a-f]*")]
    for _, old in sorted(found)[:-KEPT]:
        old.unlink(missing_ok=True)
