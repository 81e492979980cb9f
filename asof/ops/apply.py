"""Carry out a plan: verify, claim, expand, commit, contract, release."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import msgspec

from asof.compiler.diagnostics import DiagnosticError, rule
from asof.compiler.infrastructure import Phase, Step
from asof.compiler.plan import Plan, plan_bytes, plan_from_bytes, settings_token, state_after
from asof.compiler.source import NOWHERE
from asof.registry.claim import Claimed
from asof.registry.records import Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from asof.compiler.state import Resource, State
    from asof.ops.infrastructure import Infrastructure
    from asof.registry.records import Head
    from asof.registry.store import Registry

STALE = rule("AS605", "the registry has moved since the plan was made")
BLOCKED = rule("AS608", "the plan has blocked actions")
PARTIAL = rule("AS609", "apply did not finish")

BATCH = 64
"""Steps between two entries of the journal: what a crash leaves in doubt is at most that many."""


class StalePlanError(DiagnosticError):
    """Something that the plan read is no longer as it was; nothing was written."""


class BlockedPlanError(DiagnosticError):
    """The plan holds an action that a protection or a missing permission forbids; nothing was written."""


class PartialApplyError(DiagnosticError):
    """A step failed. What was done stands in the journal; the same plan applied again goes on from there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who applies (a person or a CI run's URL), and from which revision of the feature repo."""

    by: str
    commit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What came of it: the generation that readers see now, and the steps that were carried out."""

    serial: int
    generation: str
    steps: tuple[str, ...]
    rebased_from: int | None = None
    """The serial that the plan was made against, where unrelated objects have moved since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One step, before (``done`` is False) and after it."""

    step: Step
    done: bool


def apply(
    plan: Plan,
    registry: Registry,
    infrastructure: Infrastructure,
    *,
    actor: Actor,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Applied:
    """Do exactly what ``plan`` says, once: applying a plan again finishes what is left of it, or does nothing.

    Raises BlockedPlanError, StalePlanError and ClaimError before anything is written, PartialApplyError where a step
    fails, and DiagnosticError where the registry cannot be read.
    """
    if plan.blocked:
        notes = tuple(f"{b.message}; {b.remedy}" for b in plan.blocked)
        raise BlockedPlanError(BLOCKED.at(NOWHERE, f"{len(notes)} actions of this plan are blocked", notes=notes))
    found = registry.head()
    head = found[0] if found else None
    if not _committed(plan, head):
        verify(plan, registry)
    elif head is not None and head.claim is None:
        return Applied(serial=head.serial, generation=head.generation, steps=())
    if plan.empty:
        return Applied(serial=plan.base.serial, generation=plan.base.generation, steps=())
    claim = Claimed.take(registry, owner=actor.by, project=plan.project, target=plan.target)
    run = _Run(plan, claim, infrastructure, actor, progress)
    try:
        return run.all()
    except StalePlanError:
        claim.release()
        raise
    except BaseException:
        run.leave()
        raise


def verify(plan: Plan, registry: Registry) -> State:
    """The current generation, on which ``plan`` still does what it was made to do. Raises StalePlanError otherwise."""
    state = registry.state()
    if state.serial == plan.base.serial and state.generation == plan.base.generation:
        return state
    if plan.base.lineage and state.lineage != plan.base.lineage:
        raise _stale(plan, "it is another registry than the one the plan was made against", ())
    moved = [a for a, token in plan.read_set.items() if _token(state, a) != token]
    if moved or settings_token(state) != plan.base.settings:
        raise _stale(plan, _who(registry, plan.base.serial), moved or ["asof.yaml's settings"])
    return state


def _stale(plan: Plan, why: str, moved: Iterable[str]) -> StalePlanError:
    names = ", ".join(moved)
    message = f"{names} moved after generation {plan.base.serial}: {why}" if names else why
    return StalePlanError(STALE.at(NOWHERE, message, notes=("plan again and review the new plan",)))


def _who(registry: Registry, since: int) -> str:
    later = [entry for entry in registry.history() if entry.serial > since]
    return "; ".join(f"generation {e.serial} by {e.by}" + (f" ({e.commit})" if e.commit else "") for e in later)


def _token(state: State, address: str) -> str:
    found = state.objects.get(address)
    return found.token if found else ""


def _committed(plan: Plan, head: Head | None) -> bool:
    """Whether the current generation is this plan's own work."""
    last = head.last if head else None
    return last is not None and last.plan == plan.effect and last.parent == plan.base.generation


class _Run:
    """One apply that holds the claim."""

    def __init__(
        self,
        plan: Plan,
        claim: Claimed,
        infrastructure: Infrastructure,
        actor: Actor,
        progress: Callable[[Progress], None],
    ) -> None:
        self.plan = plan
        self.claim = claim
        self.infrastructure = infrastructure
        self.actor = actor
        self.progress = progress
        self.done: list[str] = []

    def all(self) -> Applied:
        registry, plan = self.claim.registry, self.plan
        key = f"journal/{self.claim.apply_id}/0000-plan-begin.json.gz"
        registry.write_once(key, gzip.compress(plan_bytes(plan), mtime=0))
        committed = _committed(plan, self.claim.head)
        state = registry.generation_of(self.claim.head) if committed else verify(plan, registry)
        self.clear(state)
        if not committed:
            self.steps(Phase.EXPAND)
            self.commit(state)
        self.steps(Phase.CONTRACT)
        self.claim.release()
        rebased = None if committed or state.serial == plan.base.serial else plan.base.serial
        head = self.claim.head
        return Applied(serial=head.serial, generation=head.generation, steps=tuple(self.done), rebased_from=rebased)

    def steps(self, phase: Phase) -> None:
        ours = [step for step in self.plan.steps if step.phase is phase]
        for _, group in groupby(enumerate(ours), key=lambda pair: pair[0] // BATCH):
            self.batch([step for _, step in group])

    def batch(self, steps: list[Step]) -> None:
        ids = tuple(step.id for step in steps)
        self.claim.renew()
        self.claim.record("intent", ids)
        for step in steps:
            self.progress(Progress(step=step, done=False))
            try:
                perform(step, self.infrastructure)
            except DiagnosticError as error:
                self.claim.record("failed", (step.id,), detail=str(error))
                head = self.claim.head
                message = (
                    f"step {step.id} failed ({step.action} {step.resource.id}); readers see generation {head.serial}"
                )
                notes = ("apply the same plan again to go on",)
                raise PartialApplyError(PARTIAL.at(NOWHERE, message, notes=notes), *error.diagnostics) from error
            self.progress(Progress(step=step, done=True))
            self.done.append(step.id)
        self.claim.record("done", ids)

    def commit(self, state: State) -> None:
        after = state_after(self.plan, msgspec.structs.replace(state, lineage=self.claim.head.lineage))
        step = next(s for s in self.plan.steps if s.phase is Phase.COMMIT)
        self.claim.record("intent", (step.id,))
        self.progress(Progress(step=step, done=False))
        entry = Entry(
            serial=after.serial,
            generation="",
            parent=after.parent,
            apply_id=self.claim.apply_id,
            plan=self.plan.effect,
            by=self.actor.by,
            at=self.claim.registry.clock().isoformat(),
            commit=self.actor.commit,
            summary={str(cls): count for cls, count in self.plan.counts.items()},
            addresses=tuple(change.address for change in self.plan.changes),
        )
        self.claim.commit(after, entry)
        self.claim.record("done", (step.id,))
        self.progress(Progress(step=step, done=True))
        self.done.append(step.id)

    def clear(self, state: State) -> None:
        """Remove what an apply that never finished left behind and this one has no use for."""
        left = leftovers(self.claim, committed_by=self.claim.head.last)
        kept = {r.id for r in (*state.resources, *self.plan.resources)}
        kept.update(s.before.id for s in self.plan.steps if s.before is not None)
        for resource in left:
            if resource.id not in kept:
                self.infrastructure.drop(resource)

    def leave(self) -> None:
        """Let the next apply find the claim as it is and finish what this one began."""
        try:
            self.claim.abandon()
        except DiagnosticError:
            # The failure that brought us here is the one to report; the lease runs out by itself.
            return


def perform(step: Step, infrastructure: Infrastructure) -> None:
    """The effect of one step of expand or contract."""
    match step.action:
        case "create":
            infrastructure.create(step.resource)
        case "alter" | "replace":
            infrastructure.alter(step.resource)
        case "drop":
            infrastructure.drop(step.resource)
        case other:
            raise ValueError(f"step {step.id} has the unknown action {other!r}")


def leftovers(claim: Claimed, *, committed_by: Entry | None) -> Iterator[Resource]:
    """Resources that an abandoned apply made in vain, or was to drop once it had committed."""
    found = (
        claim.registry.blobs.get(f"journal/{claim.unfinished}/0000-plan-begin.json.gz") if claim.unfinished else None
    )
    if found is None:
        return
    plan = plan_from_bytes(gzip.decompress(found[0]))
    committed = committed_by is not None and committed_by.apply_id == claim.unfinished
    for step in plan.steps:
        if committed and step.action == "drop" and step.before is not None:
            yield step.before
        elif not committed and step.action == "create" and step.after is not None:
            yield step.after
