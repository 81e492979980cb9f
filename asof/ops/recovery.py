"""After an apply that did not finish: what it left, and how that is finished or undone; and what stores still owe.

Whatever the stores answer, this ends: a step that cannot be carried out now is owed from then on.

| what is left | where nobody saw its work | where readers see it |
|---|---|---|
| its plan | steps before the commit are undone, last first | steps after the commit are done |
| a plan that is damaged | what bears this registry's mark and is not recorded is dropped | the same |
| no plan | it had not begun: nothing | nothing |
"""

from __future__ import annotations

import gzip
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from asof.compiler.diagnostics import DiagnosticError
from asof.compiler.infrastructure import OFFLINE_VIEW, ONLINE_TABLE, Phase, Step
from asof.compiler.plan import NEWER_PLAN, Plan, plan_from_bytes
from asof.compiler.state import Owed, encode
from asof.compiler.store_options import same_place
from asof.online.base import LAYOUT_DIFFERS, NOT_OWNED
from asof.ops.lanes import perform
from asof.ops.observe import DIFFERS, ORPHAN, STRANGER
from asof.ops.offline_views import NOT_A_VIEW
from asof.registry.claim import runs
from asof.registry.store import JOURNAL, inflated

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from asof.compiler.model import Store
    from asof.compiler.state import Resource, ResourceKey, State
    from asof.ops.infrastructure import Infrastructure
    from asof.ops.observe import Drifted
    from asof.registry.claim import Claimed
    from asof.registry.records import Head
    from asof.registry.store import Registry


_LEVEL = 3
"""Of compression: a journal is read after a crash, if ever, and every apply waits for it to be written."""
_LONGEST = 300
_NOTHING_OF_OURS = frozenset({NOT_OWNED.code, LAYOUT_DIFFERS.code, NOT_A_VIEW.code})
"""Why a step cannot be undone where there is nothing of this registry to undo."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """An apply that stopped on its way. ``plan`` is None where it had not begun, or where ``damaged`` says why the
    plan cannot be read; readers see what was ``committed``.
    """

    apply_id: str
    plan: Plan | None
    committed: bool
    damaged: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standstill:
    """A claim that nobody works under any more: ``asof plan`` says so."""

    apply_id: str
    owner: str
    since: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What was done of what others left, and what is owed now. ``kept``: something stays for the plan that goes on."""

    steps: tuple[Step, ...]
    owed: tuple[Owed, ...]
    kept: bool


def standstill(head: Head | None, at: datetime) -> Standstill | None:
    """The apply that stopped on its way, if there is one and its lease is over."""
    claim = head.claim if head else None
    if claim is None or runs(claim, at):
        return None
    return Standstill(apply_id=claim.apply_id, owner=claim.owner, since=claim.until.isoformat())


def begin(claim: Claimed, plan: Plan) -> None:
    """Put the plan into the journal, before anything is done of it."""
    claim.registry.write_once(_plan_key(claim.apply_id), gzip.compress(encode(plan), compresslevel=_LEVEL, mtime=0))


def inherited(claim: Claimed) -> tuple[Unfinished, ...]:
    """The applies whose work this claim has to settle, oldest first."""
    return tuple(unfinished(claim.registry, claim.head, apply_id) for apply_id in claim.unfinished)


def prove_readable(registry: Registry, head: Head) -> None:
    """Raise DiagnosticError where a newer asof wrote the generation or the plan of an apply that stopped (AS702,
    AS607), or where the generation is damaged (AS701).

    Asked before a claim is taken over: what a newer asof has left is not to be touched.
    """
    registry.generation_of(head)
    for apply_id in (*head.claim.unfinished, head.claim.apply_id) if head.claim else ():
        unfinished(registry, head, apply_id)


def unfinished(registry: Registry, head: Head, apply_id: str) -> Unfinished:
    """What the journal has of an apply that stopped. Raises DiagnosticError AS607 for the plan of a newer asof."""
    key = _plan_key(apply_id)
    blob = registry.blobs.get(key)
    plan, damaged = None, ""
    try:
        plan = plan_from_bytes(inflated(blob[0], key)) if blob else None
    except DiagnosticError as error:
        if error.code == NEWER_PLAN.code:
            raise
        damaged = str(error)
    committed = head.last is not None and head.last.apply_id == apply_id
    return Unfinished(apply_id=apply_id, plan=plan, committed=committed, damaged=damaged)


def _plan_key(apply_id: str) -> str:
    return f"{JOURNAL}{apply_id}/0000-plan-begin.json.gz"


def settle(claim: Claimed, infrastructure: Infrastructure, *, goes_on: Plan | None = None) -> Settled:
    """Finish what was committed, undo what was not, and try again what is owed.

    Only the steps of ``goes_on`` stay: the plan whose steps are done next, those that are done already
    without effect. Every step is idempotent, so a crash in here is settled by doing it once more; the caller
    tells the registry (``Claimed.settled``). Raises ClaimError, and DiagnosticError where the registry is out of reach.
    """
    work = _Settling(claim, infrastructure)
    lefts = inherited(claim)
    kept = False
    for left in lefts:
        if left.plan is None:
            continue
        if goes_on is not None and not left.committed and left.plan.effect == goes_on.effect:
            kept = True
        elif left.committed:
            work.finish(left.plan, left.apply_id)
        else:
            work.undo(left.plan, left.apply_id)
    if any(left.damaged for left in lefts):
        work.clear_away(claim.apply_id)
    work.retry(claim.head.owed)
    return Settled(steps=tuple(work.steps), owed=tuple(work.owed), kept=kept)


def merged(owed: Iterable[Owed], more: Iterable[Owed]) -> tuple[Owed, ...]:
    """Both, each resource and action once, the first mention of it."""
    known = {(debt.action, debt.resource.key): debt for debt in reversed([*owed, *more])}
    return tuple(reversed(known.values()))


def owed_for(step: Step, error: DiagnosticError | str, *, apply_id: str, at: datetime) -> Owed:
    """The debt of a step that a store has refused."""
    why = " ".join(str(error).split())[:_LONGEST]
    return Owed(
        action="drop" if step.action in ("drop", "leave") else "restore",
        resource=step.resource.bare(),
        apply_id=apply_id,
        since=at.isoformat(timespec="seconds"),
        why=why,
    )


class _Settling:
    """The work of one claim; what cannot be done is collected in ``owed``."""

    def __init__(self, claim: Claimed, infrastructure: Infrastructure) -> None:
        self.claim = claim
        self.infrastructure = infrastructure
        self.state = claim.registry.generation_of(claim.head)
        self.recorded: Mapping[ResourceKey, Resource] = {r.key: r for r in self.state.resources}
        self.steps: list[Step] = []
        self.owed: list[Owed] = []

    def finish(self, plan: Plan, apply_id: str) -> None:
        for step in plan.steps:
            if step.phase is Phase.CONTRACT and not (step.action == "drop" and step.resource.key in self.recorded):
                self.attempt(step, apply_id)

    def undo(self, plan: Plan, apply_id: str) -> None:
        for step in _inverses(plan, self.recorded):
            if not (step.action == "drop" and step.resource.key in self.recorded):
                self.attempt(step, apply_id, undoes=True)

    def attempt(self, step: Step, apply_id: str, *, undoes: bool = False) -> None:
        """Carry out ``step``, or owe it; where there is nothing of ours to undo there is nothing to owe either."""
        self.claim.guard()
        try:
            perform(step, self.infrastructure)
        except DiagnosticError as error:
            if not (undoes and error.code in _NOTHING_OF_OURS):
                debt = owed_for(step, error, apply_id=apply_id, at=self.claim.registry.clock())
                self.owed = list(merged(self.owed, [debt]))
            return
        self.steps.append(step)

    def clear_away(self, apply_id: str) -> None:
        """Without a journal: what bears this registry's mark and is not recorded was made by an apply that stopped."""
        for drifted in self.observed():
            resource = drifted.resource
            step_id = f"clear-{len(self.steps) + 1:04}"
            if resource is None:
                continue
            if drifted.found == ORPHAN:
                step = Step(id=step_id, phase=Phase.CONTRACT, action="drop", reason=drifted.said, before=resource)
                self.attempt(step, apply_id)
            elif drifted.found == DIFFERS and resource.kind == ONLINE_TABLE:
                step = Step(id=step_id, phase=Phase.EXPAND, action="alter", reason=drifted.said, after=resource)
                self.attempt(step, apply_id, undoes=True)

    def observed(self) -> Iterator[Drifted]:
        """What the target's stores hold otherwise than recorded; of a store that does not answer nothing is known."""
        for kind, store in places(self.infrastructure):
            ours = tuple(r for r in self.state.resources if r.kind == kind and same_place(r.store, store))
            with suppress(DiagnosticError):
                drift = self.infrastructure.observe(ours, definitions=False, beside=((kind, store),))
                yield from unrecorded(drift, self.state)

    def retry(self, owed: Iterable[Owed]) -> None:
        for debt in owed:
            step = self._owed_step(debt)
            if step is not None:
                self.claim.guard()
                try:
                    perform(step, self.infrastructure)
                except DiagnosticError:
                    self.owed = list(merged([debt], self.owed))
                else:
                    self.steps.append(step)

    def _owed_step(self, debt: Owed) -> Step | None:
        """What is to be done for a debt; None where the current generation has made it pointless."""
        standing = self.recorded.get(debt.resource.key)
        step_id = f"owed-{len(self.steps) + 1:04}"
        if debt.action == "drop":
            if standing is not None:
                return None
            return Step(id=step_id, phase=Phase.CONTRACT, action="drop", reason=debt.why, before=debt.resource)
        if standing is None:
            return None
        return Step(id=step_id, phase=Phase.CONTRACT, action="replace", reason=debt.why, after=standing)


def unrecorded(drift: Iterable[Drifted], state: State, *, strangers: bool = False) -> Iterator[Drifted]:
    """``drift`` without orphans that are none: what is recorded, or owed, in a store that is written otherwise now.

    What another registry made is none of this one's business, unless ``strangers`` are asked for.
    """
    known = {(r.id, r.mark) for r in (*state.resources, *(debt.resource for debt in state.owed))}
    for drifted in drift:
        resource = drifted.resource
        if drifted.found == STRANGER and not strangers:
            continue
        if drifted.found != ORPHAN or resource is None or (resource.id, resource.mark) not in known:
            yield drifted


def places(infrastructure: Infrastructure) -> tuple[tuple[str, Store], ...]:
    """Where the target's tables and views stand: kind and store."""
    target = infrastructure.target
    if target is None:
        return ()
    online = ((ONLINE_TABLE, target.online),) if target.online is not None else ()
    return (*online, (OFFLINE_VIEW, target.offline))


def _inverses(plan: Plan, recorded: Mapping[ResourceKey, Resource]) -> Iterator[Step]:
    """What undoes the first half of a plan that nobody has seen: a new table goes, a grown one is as recorded."""
    for step in reversed([s for s in plan.steps if s.phase is Phase.EXPAND]):
        yield Step(
            id=f"undo-{step.id}",
            phase=Phase.EXPAND,
            action="drop" if step.action == "create" else "alter",
            reason=f"{step.id} was never committed",
            before=step.after,
            after=recorded.get(step.resource.key, step.before) if step.action != "create" else None,
        )
