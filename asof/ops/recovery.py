"""After an apply that did not finish: what it left, and how that is finished or undone."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from typing import TYPE_CHECKING

from asof.compiler.infrastructure import Phase, Step
from asof.compiler.plan import Plan, plan_from_bytes
from asof.compiler.state import encode
from asof.ops.lanes import perform
from asof.registry.claim import runs
from asof.registry.store import JOURNAL, inflated

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from asof.compiler.state import Resource
    from asof.ops.infrastructure import Infrastructure
    from asof.registry.claim import Claimed
    from asof.registry.records import Head
    from asof.registry.store import Registry


_LEVEL = 3
"""Of compression: a journal is read after a crash, if ever, and every apply waits for it to be written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """An apply that stopped on its way. ``plan`` is None where it had not begun; readers see what was committed."""

    apply_id: str
    plan: Plan | None
    committed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Standstill:
    """A claim that nobody works under any more: ``asof plan`` says so."""

    apply_id: str
    owner: str
    since: str


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
    return tuple(_unfinished(claim.registry, claim.head, apply_id) for apply_id in claim.unfinished)


def prove_readable(registry: Registry, head: Head) -> None:
    """Raise DiagnosticError where the generation or the plan of an apply that stopped cannot be read (AS702, AS607).

    Asked before a claim is taken over: what a newer asof has left is not to be touched.
    """
    registry.generation_of(head)
    for apply_id in (*head.claim.unfinished, head.claim.apply_id) if head.claim else ():
        _unfinished(registry, head, apply_id)


def _unfinished(registry: Registry, head: Head, apply_id: str) -> Unfinished:
    key = _plan_key(apply_id)
    found = registry.blobs.get(key)
    plan = plan_from_bytes(inflated(found[0], key)) if found else None
    return Unfinished(apply_id=apply_id, plan=plan, committed=head.last is not None and head.last.apply_id == apply_id)


def _plan_key(apply_id: str) -> str:
    return f"{JOURNAL}{apply_id}/0000-plan-begin.json.gz"


def settle(claim: Claimed, infrastructure: Infrastructure, *, goes_on: Plan | None = None) -> tuple[Step, ...]:
    """Finish what was committed and undo what was not; returns the steps that were carried out for that.

    Only the steps of ``goes_on`` stay: the plan whose steps are done next, those that are done already
    without effect. Every step is idempotent, so a crash in here is settled by doing it once more.
    """
    done = []
    state = claim.registry.generation_of(claim.head)
    recorded = {resource.id: resource for resource in state.resources}
    for left in inherited(claim):
        if left.plan is None or (goes_on is not None and not left.committed and left.plan.effect == goes_on.effect):
            continue
        for step in _contraction(left.plan) if left.committed else _inverses(left.plan, recorded):
            if step.action == "drop" and step.resource.id in recorded:
                continue
            claim.guard()
            perform(step, infrastructure)
            done.append(step)
    claim.settled()
    return tuple(done)


def _contraction(plan: Plan) -> Iterator[Step]:
    return (step for step in plan.steps if step.phase is Phase.CONTRACT)


def _inverses(plan: Plan, recorded: Mapping[str, Resource]) -> Iterator[Step]:
    """What undoes the first half of a plan that nobody has seen: a new table goes, a grown one is as recorded."""
    for step in reversed([s for s in plan.steps if s.phase is Phase.EXPAND]):
        yield Step(
            id=f"undo-{step.id}",
            phase=Phase.EXPAND,
            action="drop" if step.action == "create" else "alter",
            reason=f"{step.id} was never committed",
            before=step.after,
            after=recorded.get(step.resource.id, step.before) if step.action != "create" else None,
        )
