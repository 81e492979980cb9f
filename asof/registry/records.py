"""What a registry keeps beside its generations: the head, the audit trail and the journal of an apply."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import msgspec

from asof.compiler.state import Owed

if TYPE_CHECKING:
    from asof.compiler.formats import Document, Migrations

ApplyId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9-]{1,80}\Z")]
Digest = Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{64})?\Z")]
"""A SHA-256, or "" where there is no generation yet. Both stand in keys, which must not lead anywhere else."""

HEAD_FORMAT = 3
JOURNAL_FORMAT = 1


class Claim(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who is applying, and until when nobody else may.

    ``unfinished`` are the applies that stopped before this one, oldest first, as long as what they left is not
    yet settled: whoever takes a claim over answers for all of them.
    """

    apply_id: ApplyId
    owner: str
    until: Annotated[datetime, msgspec.Meta(tz=True)]
    unfinished: tuple[ApplyId, ...] = ()


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One generation's line in the audit trail: who made it, when, from what, and what it changed.

    ``plan`` is the plan's effect and ``base`` the generation it was made against; ``commit`` the revision of the
    feature repo; ``summary`` counts changes by class.
    """

    serial: int
    generation: Digest
    parent: str = ""
    apply_id: ApplyId
    plan: str
    base: str = ""
    by: str
    at: str
    commit: str = ""
    summary: dict[str, int] = {}
    addresses: tuple[str, ...] = ()


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The only blob that is ever replaced.

    ``epoch`` rises with every claim, so that an applier whose claim was taken over can no longer write;
    ``nonce`` differs in every version, so that no two versions have one tag. ``last`` is the audit line of
    the current generation, kept here until audit/ surely has it. ``owed`` are the steps after a commit that a store
    has refused and that later applies try again.
    """

    format: int = HEAD_FORMAT
    project: str
    target: str
    lineage: str
    serial: int = 0
    generation: Digest = ""
    parent: str = ""
    epoch: int = 0
    claim: Claim | None = None
    last: Entry | None = None
    owed: tuple[Owed, ...] = ()
    nonce: str


class Unlock(msgspec.Struct, frozen=True, kw_only=True):
    """A claim that somebody broke: whose it was, who did it, when and why. Kept under audit/unlocks/."""

    apply_id: str
    owner: str
    epoch: int
    by: str
    at: str
    reason: str


def _without_inheritance(head: Document) -> Document:
    """Format 1 knew of one unfinished apply only, the claim's own: nothing is to be added."""
    return head


def _without_debts(head: Document) -> Document:
    """Format 2 had no ``owed``: an apply whose last steps failed kept its claim."""
    return head


HEAD_MIGRATIONS: Migrations = {1: _without_inheritance, 2: _without_debts}


class Forgiven(msgspec.Struct, frozen=True, kw_only=True):
    """Owed steps that somebody gave up: whose, who did it, when and why. Kept under audit/forgiven/."""

    owed: tuple[Owed, ...]
    by: str
    at: str
    reason: str


class JournalEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What an apply was about to do (``intent``), or what came of it (``done``, ``failed``, ``interrupted``).

    ``steps`` are the ids of a batch of steps that run between the two entries.
    """

    format: int = JOURNAL_FORMAT
    apply_id: str
    epoch: int
    phase: str
    steps: tuple[str, ...]
    at: str
    detail: str = ""
