"""The right to write to a registry: a lease in its head, a journal, and the commit."""

from __future__ import annotations

from datetime import datetime, timedelta
from secrets import token_hex
from typing import TYPE_CHECKING, Self

import msgspec

from asof.compiler.diagnostics import DiagnosticError, rule
from asof.compiler.plan import OTHER_REGISTRY
from asof.compiler.source import NOWHERE
from asof.compiler.state import encode
from asof.registry.base import Conflict, Tag
from asof.registry.records import Claim, Entry, Head, JournalEntry

if TYPE_CHECKING:
    from asof.compiler.state import State
    from asof.registry.store import Registry

LEASE = timedelta(minutes=2)

CLAIMED = rule("AS705", "another apply is at work on this registry")
CLAIM_LOST = rule("AS706", "another apply took this one's place")

_ATTEMPTS = 20


class ClaimError(DiagnosticError):
    """Somebody else may write now: nothing more was written by this apply."""


class Claimed:
    """A claim that is held: the head as this apply last wrote it, and all writes that need it."""

    def __init__(self, registry: Registry, apply_id: str, head: Head, tag: Tag, unfinished: str) -> None:
        self.registry = registry
        self.apply_id = apply_id
        self.head = head
        self.unfinished = unfinished
        """The apply id of whoever left a claim behind that ran out; "" if nobody did."""
        self._tag = tag
        self._entries = 0

    @classmethod
    def take(cls, registry: Registry, *, owner: str, project: str, target: str) -> Self:
        """Claim the registry, making it where there is none.

        Raises ClaimError (AS705) while another apply's lease runs, DiagnosticError AS610 where the
        registry is not of this project and target.
        """
        apply_id = f"{registry.clock():%Y%m%dT%H%M%S}-{token_hex(4)}"
        for _ in range(_ATTEMPTS):
            found = registry.head()
            head = found[0] if found else Head(project=project, target=target, lineage=token_hex(16), nonce="")
            if (head.project, head.target) != (project, target):
                raise _other(head, project, target)
            if head.claim is not None and _runs(head.claim, registry.clock()):
                message = (
                    f"{head.claim.owner} has been at work since a moment ago, until {head.claim.until} at the latest"
                )
                raise ClaimError(CLAIMED.at(NOWHERE, message, notes=(f"apply {head.claim.apply_id}",)))
            claim = Claim(apply_id=apply_id, owner=owner, until=_until(registry.clock()))
            wanted = msgspec.structs.replace(head, epoch=head.epoch + 1, claim=claim)
            try:
                made, tag = registry.swap(wanted, found[1] if found else None)
            except Conflict:
                continue
            _write_audit(registry, head.last)
            return cls(registry, apply_id, made, tag, head.claim.apply_id if head.claim else "")
        raise ClaimError(CLAIMED.at(NOWHERE, "too many applies want this registry at once: try again"))

    def record(self, phase: str, steps: tuple[str, ...], detail: str = "") -> None:
        """Write the next entry of the journal; ``phase`` is intent, done or failed."""
        entry = JournalEntry(
            apply_id=self.apply_id,
            epoch=self.head.epoch,
            phase=phase,
            steps=steps,
            at=self.registry.clock().isoformat(),
            detail=detail,
        )
        self._entries += 1
        key = f"journal/{self.apply_id}/{self._entries:04}-{steps[0]}-{phase}.json"
        self.registry.write_once(key, encode(entry))

    def renew(self) -> None:
        """Extend the lease once half of it has gone. Raises ClaimError (AS706) where the claim was taken over."""
        claim = self.head.claim
        if claim is not None and datetime.fromisoformat(claim.until) - self.registry.clock() < LEASE / 2:
            self._swap(claim=msgspec.structs.replace(claim, until=_until(self.registry.clock())))

    def commit(self, state: State, entry: Entry) -> Entry:
        """Make ``state`` the current generation in one swap of the head. Raises ClaimError (AS706)."""
        generation = self.registry.write_generation(state)
        entry = msgspec.structs.replace(entry, generation=generation)
        last = msgspec.structs.replace(entry, addresses=())
        self._swap(serial=state.serial, generation=generation, parent=state.parent, last=last)
        _write_audit(self.registry, entry)
        return entry

    def release(self) -> None:
        """Let the next one in. Raises ClaimError (AS706)."""
        self._swap(claim=None)

    def abandon(self) -> None:
        """End the lease but leave the claim, so that the next apply sees that this one did not finish."""
        claim = self.head.claim
        if claim is not None:
            self._swap(claim=msgspec.structs.replace(claim, until=self.registry.clock().isoformat()))

    def _swap(self, **fields: object) -> None:
        try:
            self.head, self._tag = self.registry.swap(msgspec.structs.replace(self.head, **fields), self._tag)
        except Conflict as error:
            found = self.registry.head()
            owner = found[0].claim.owner if found and found[0].claim else "somebody"
            message = f"{owner} took over after the lease of this apply had run out"
            raise ClaimError(CLAIM_LOST.at(NOWHERE, message)) from error


def _write_audit(registry: Registry, entry: Entry | None) -> None:
    """Put a generation's line into audit/, unless it is there. A claim repairs what a crash left out."""
    if entry is not None:
        registry.write_once(f"audit/{entry.serial}.json", encode(entry))


def _runs(claim: Claim, at: datetime) -> bool:
    return datetime.fromisoformat(claim.until) > at


def _until(at: datetime) -> str:
    return (at + LEASE).isoformat()


def _other(head: Head, project: str, target: str) -> DiagnosticError:
    message = f"it holds {head.project}, target {head.target}; this is {project}, target {target}"
    return DiagnosticError(OTHER_REGISTRY.at(NOWHERE, message))
