"""What a registry keeps beside its generations: the head, the audit trail and the journal of an apply."""

from __future__ import annotations

import msgspec

HEAD_FORMAT = 1
JOURNAL_FORMAT = 1


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """Who is applying, and until when (RFC 3339, UTC) nobody else may."""

    apply_id: str
    owner: str
    until: str


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One generation's line in the audit trail: who made it, when, from what, and what it changed.

    ``plan`` is the plan's effect; ``commit`` the revision of the feature repo; ``summary`` counts changes by class.
    """

    serial: int
    generation: str
    parent: str = ""
    apply_id: str
    plan: str
    by: str
    at: str
    commit: str = ""
    summary: dict[str, int] = {}
    addresses: tuple[str, ...] = ()


class Head(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The only blob that is ever replaced.

    ``epoch`` rises with every claim, so that an applier whose claim was taken over can no longer write;
    ``nonce`` differs in every version, so that no two versions have one tag. ``last`` is the audit line of
    the current generation, kept here until audit/ surely has it.
    """

    format: int = HEAD_FORMAT
    project: str
    target: str
    lineage: str
    serial: int = 0
    generation: str = ""
    parent: str = ""
    epoch: int = 0
    claim: Claim | None = None
    last: Entry | None = None
    nonce: str


class JournalEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an apply was about to do (``intent``), or what came of it (``done``, ``failed``).

    ``steps`` are the ids of a batch of steps that run between the two entries.
    """

    format: int = JOURNAL_FORMAT
    apply_id: str
    epoch: int
    phase: str
    steps: tuple[str, ...]
    at: str
    detail: str = ""
