"""The right to write to a registry: a lease in its head, a journal, and the commit."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from secrets import token_hex
from threading import Event, RLock, Thread
from time import monotonic
from typing import TYPE_CHECKING, Self

import msgspec

from asof.compiler.diagnostics import DiagnosticError, rule
from asof.compiler.plan import OTHER_REGISTRY
from asof.compiler.source import NOWHERE
from asof.compiler.state import encode
from asof.registry.base import Conflict, Tag
from asof.registry.records import Claim, Entry, Forgiven, Head, JournalEntry, Unlock
from asof.registry.store import FORGIVEN, JOURNAL, UNLOCKS, audit_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from asof.compiler.state import Owed, State
    from asof.registry.store import Registry

LEASE = timedelta(minutes=2)
HEARTBEAT_SECONDS = LEASE.total_seconds() / 4

CLAIMED = rule("AS705", "another apply is at work on this registry")
CLAIM_LOST = rule("AS706", "another apply took this one's place")

LOOK_SECONDS = 1.0
"""How old the last sight of the head may be when a step begins."""

_ATTEMPTS = 20


class ClaimError(DiagnosticError):
    """Somebody else may write now: nothing more was written by this apply."""


class Claimed:
    """A claim that is held: the head as this apply last wrote it, and all writes that need it.

    Threads may share it. Whoever takes the claim over changes the head, and with it the tag that every
    later swap of this one names: the swap is refused, whatever this apply believes of its lease.
    """

    def __init__(self, registry: Registry, apply_id: str, head: Head, tag: Tag, before: Claim | None) -> None:
        self.registry = registry
        self.apply_id = apply_id
        self.head = head
        self._before = before
        self._tag = tag
        self._seen = monotonic()
        self._entries = 0
        self._lost: ClaimError | None = None
        self._lock = RLock()

    @property
    def unfinished(self) -> tuple[str, ...]:
        """The apply ids of those who stopped on their way and whose work nobody has settled yet, oldest first."""
        return self.head.claim.unfinished if self.head.claim else ()

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
            before = head.claim
            if before is not None and runs(before, registry.clock()):
                raise claimed(before)
            claim = Claim(
                apply_id=apply_id,
                owner=owner,
                until=_until(registry.clock()),
                unfinished=(*before.unfinished, before.apply_id) if before else (),
            )
            wanted = msgspec.structs.replace(head, epoch=head.epoch + 1, claim=claim)
            try:
                made, tag = registry.swap(wanted, found[1] if found else None)
            except Conflict:
                continue
            _write_audit(registry, head.last)
            return cls(registry, apply_id, made, tag, before)
        raise ClaimError(CLAIMED.at(NOWHERE, "too many applies want this registry at once: try again"))

    def record(self, phase: str, steps: tuple[str, ...], detail: str = "") -> None:
        """Write the next entry of the journal; ``phase`` is intent, done, failed or interrupted."""
        entry = JournalEntry(
            apply_id=self.apply_id,
            epoch=self.head.epoch,
            phase=phase,
            steps=steps,
            at=self.registry.clock().isoformat(),
            detail=detail,
        )
        self._entries += 1
        key = f"{JOURNAL}{self.apply_id}/{self._entries:04}-{steps[0]}-{phase}.json"
        self.registry.write_once(key, encode(entry))

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Renew the lease from a thread as long as the block runs, however long a step takes."""
        over = Event()

        def beat() -> None:
            while not over.wait(HEARTBEAT_SECONDS):
                try:
                    self.renew()
                except ClaimError as error:
                    self._lost = error
                    return
                except DiagnosticError:
                    # The place may answer again before the lease runs out; the next step finds out (guard).
                    continue

        thread = Thread(target=beat, name="asof-heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def guard(self) -> None:
        """Make sure that nobody else may be at work before the next effect. Raises ClaimError (AS706)."""
        if self._lost is not None:
            raise self._lost
        if monotonic() - self._seen >= LOOK_SECONDS:
            self._look()
        self.renew()

    def renew(self) -> None:
        """Extend the lease once half of it has gone. Raises ClaimError (AS706) where the claim was taken over."""
        with self._lock:
            claim = self.head.claim
            if claim is not None and claim.until - self.registry.clock() < LEASE / 2:
                self._swap(claim=msgspec.structs.replace(claim, until=_until(self.registry.clock())))

    def settled(self, owed: tuple[Owed, ...]) -> None:
        """Nothing is left of those who stopped before this apply but what is ``owed``. Raises ClaimError (AS706)."""
        with self._lock:
            claim = self.head.claim
            if claim is not None and (claim.unfinished or owed != self.head.owed):
                self._swap(claim=msgspec.structs.replace(claim, unfinished=()), owed=owed)

    def commit(self, state: State, entry: Entry) -> Entry:
        """Make ``state`` the current generation in one swap of the head. Raises ClaimError (AS706)."""
        generation = self.registry.write_generation(state)
        entry = msgspec.structs.replace(entry, generation=generation)
        last = msgspec.structs.replace(entry, addresses=())
        self._swap(serial=state.serial, generation=generation, parent=state.parent, last=last)
        _write_audit(self.registry, entry)
        return entry

    def become(self, head: Head) -> None:
        """Make the registry what ``head`` of an export says and let the next one in. Raises ClaimError (AS706)."""
        fields = {name: getattr(head, name) for name in head.__struct_fields__}
        self._swap(**{**fields, "epoch": max(head.epoch, self.head.epoch)})

    def release(self, owed: tuple[Owed, ...] | None = None) -> None:
        """Let the next one in; ``owed`` is what stores owe then, by default as before. Raises ClaimError (AS706)."""
        self._swap(claim=None, owed=self.head.owed if owed is None else owed)

    def withdraw(self) -> None:
        """Give the claim back as if it had never been taken: nothing was done under it. Raises ClaimError (AS706)."""
        self._swap(claim=self._before)

    def abandon(self) -> None:
        """End the lease but leave the claim, so that the next apply sees that this one did not finish."""
        with self._lock:
            claim = self.head.claim
            if claim is not None:
                self._swap(claim=msgspec.structs.replace(claim, until=self.registry.clock()))

    def _look(self) -> None:
        """A claim may end before its lease does: by ``unlock``."""
        with self._lock:
            found = self.registry.head()
            if found is None or found[1] != self._tag:
                raise _taken_over(found[0] if found else None, self.apply_id)
            self._seen = monotonic()

    def _swap(self, **fields: object) -> None:
        with self._lock:
            try:
                self.head, self._tag = self.registry.swap(msgspec.structs.replace(self.head, **fields), self._tag)
                self._seen = monotonic()
            except Conflict as error:
                found = self.registry.head()
                raise _taken_over(found[0] if found else None, self.apply_id) from error


def unlock(registry: Registry, *, by: str, reason: str) -> Unlock | None:
    """Break the claim of an apply that is surely dead: its lease ends and its epoch is over.

    What it left stays for the next apply, or ``asof apply --resume`` or ``--abort``. None where no lease runs.
    The audit line comes first: a claim is never broken without a trace.
    """
    for _ in range(_ATTEMPTS):
        found = registry.head()
        claim = found[0].claim if found else None
        at = registry.clock()
        if found is None or claim is None or not runs(claim, at):
            return None
        head, tag = found
        made = Unlock(
            apply_id=claim.apply_id, owner=claim.owner, epoch=head.epoch, by=by, at=at.isoformat(), reason=reason
        )
        registry.write_once(f"{UNLOCKS}{head.epoch}-{token_hex(4)}.json", encode(made))
        ended = msgspec.structs.replace(claim, until=at)
        try:
            registry.swap(msgspec.structs.replace(head, epoch=head.epoch + 1, claim=ended), tag)
        except Conflict:
            continue
        return made
    raise ClaimError(CLAIMED.at(NOWHERE, "the head of this registry keeps moving: somebody is alive; try again"))


def forgive(registry: Registry, address: str, *, by: str, reason: str) -> tuple[Owed, ...]:
    """Give up what the stores owe of the object at ``address``, or the resource of that id; returns what that was.

    The audit line comes first. Nothing is done to any store. Raises ClaimError (AS705) while an apply is at work.
    """
    for _ in range(_ATTEMPTS):
        current = registry.head()
        if current is None:
            return ()
        head, tag = current
        if head.claim is not None and runs(head.claim, registry.clock()):
            raise claimed(head.claim)
        given_up = tuple(owed for owed in head.owed if address in (owed.resource.address, owed.resource.id))
        if not given_up:
            return ()
        entry = Forgiven(owed=given_up, by=by, at=registry.clock().isoformat(), reason=reason)
        registry.write_once(f"{FORGIVEN}{head.epoch}-{token_hex(4)}.json", encode(entry))
        left = tuple(owed for owed in head.owed if owed not in given_up)
        try:
            registry.swap(msgspec.structs.replace(head, epoch=head.epoch + 1, owed=left), tag)
        except Conflict:
            continue
        return given_up
    raise ClaimError(CLAIMED.at(NOWHERE, "the head of this registry keeps moving: somebody is alive; try again"))


def runs(claim: Claim, at: datetime) -> bool:
    """Whether the lease still keeps others out."""
    return claim.until > at


def _taken_over(head: Head | None, apply_id: str) -> ClaimError:
    claim = head.claim if head else None
    if claim is not None and claim.apply_id == apply_id:
        message = "somebody broke the claim of this apply (asof registry history says who and why)"
    else:
        message = f"{claim.owner if claim else 'somebody'} took over after the lease of this apply had run out"
    return ClaimError(CLAIM_LOST.at(NOWHERE, message))


def claimed(claim: Claim) -> ClaimError:
    """The refusal while another apply is at work."""
    message = f"{claim.owner} is at work, until {claim.until:%Y-%m-%dT%H:%M:%SZ} at the latest"
    notes = (
        f"apply {claim.apply_id}",
        "an apply that is alive renews its lease; if this one is surely dead and you cannot wait: "
        "asof registry unlock --reason WHY",
    )
    return ClaimError(CLAIMED.at(NOWHERE, message, notes=notes))


def _write_audit(registry: Registry, entry: Entry | None) -> None:
    """Put a generation's line into audit/, unless it is there. A claim repairs what a crash left out."""
    if entry is not None:
        registry.write_once(audit_key(entry.serial), encode(entry))


def _until(at: datetime) -> datetime:
    return at + LEASE


def _other(head: Head, project: str, target: str) -> DiagnosticError:
    message = f"it holds {head.project}, target {head.target}; this is {project}, target {target}"
    return DiagnosticError(OTHER_REGISTRY.at(NOWHERE, message))
