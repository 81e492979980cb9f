"""Carry out a plan: verify, claim, settle what others left, expand, commit, contract, release."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from time import monotonic, sleep
from typing import TYPE_CHECKING

import msgspec

from asof.compiler.diagnostics import DiagnosticError, rule
from asof.compiler.infrastructure import Phase, Step
from asof.compiler.plan import Plan, settings_token, state_after
from asof.compiler.policies import FROZEN, frozen
from asof.compiler.source import NOWHERE
from asof.ops.lanes import Lanes, StepError
from asof.ops.observe import matters
from asof.ops.recovery import begin, inherited, prove_readable, settle
from asof.registry.claim import Claimed, ClaimError, runs
from asof.registry.records import Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from asof.compiler.diagnostics import Diagnostic
    from asof.compiler.state import State
    from asof.ops.infrastructure import Infrastructure
    from asof.ops.observe import Drifted
    from asof.registry.records import Head
    from asof.registry.store import Registry

STALE = rule("AS605", "the registry has moved since the plan was made")
BLOCKED = rule("AS608", "the plan has blocked actions")
PARTIAL = rule("AS609", "apply did not finish")
POSTCONDITION = rule("AS613", "stores do not hold what was applied")
STOPPED = rule("AS611", "apply was interrupted")

BATCH = 64
"""Steps between two entries of the journal: what a crash leaves in doubt is at most that many."""

_TICK_SECONDS = 0.2
_MEND = "asof drift shows it; asof drift --repair makes anew what is missing"
_GO_ON = "asof apply --resume finishes it; asof apply --abort undoes what readers have not seen"


class StalePlanError(DiagnosticError):
    """Something that the plan read is no longer as it was; nothing was written."""


class BlockedPlanError(DiagnosticError):
    """The plan holds an action that a protection or a missing permission forbids; nothing was written."""


class PartialApplyError(DiagnosticError):
    """A step failed. What was done stands in the journal; the same plan applied again goes on from there."""


class PostconditionError(DiagnosticError):
    """The generation is committed, and a store does not show what its steps have done."""


class InterruptedApplyError(DiagnosticError):
    """Somebody asked to stop: the step in flight was finished and no other begun."""


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
    resumed: tuple[Step, ...] = ()
    """All steps of the plan that had stopped on its way, those that were done before it stopped too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What became of an apply that had stopped: ``committed`` says whether readers see its work.

    ``finished`` are all steps of its plan then, those that were done before it stopped too.
    """

    serial: int
    generation: str
    steps: tuple[str, ...]
    committed: bool
    finished: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One step, before (``done`` is False) and after it."""

    step: Step
    done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    """Who applies, to what, under whose eyes: ``stop`` says whether somebody asked to stop.

    ``grace`` is how many seconds readers of the generation before have to notice the new one before anything of
    theirs is dropped.
    """

    infrastructure: Infrastructure
    actor: Actor
    progress: Callable[[Progress], None] = lambda _: None
    stop: Callable[[], bool] = lambda: False
    grace: float = 0.0


def apply(plan: Plan, registry: Registry, hands: Hands) -> Applied:
    """Do exactly what ``plan`` says, once: applying a plan again finishes what is left of it, or does nothing.

    Raises BlockedPlanError, StalePlanError and ClaimError before anything is written, PartialApplyError where a step
    fails, InterruptedApplyError, and DiagnosticError where the registry cannot be read.
    """
    if plan.blocked:
        notes = tuple(f"{b.message}; {b.remedy}" for b in plan.blocked)
        raise BlockedPlanError(BLOCKED.at(NOWHERE, f"{len(notes)} actions of this plan are blocked", notes=notes))
    held = frozen(plan.freezes, registry.clock())
    if held is not None and held.severity == "error" and not plan.empty:
        note = "plan again when it is over, or change `freeze` in asof.yaml in a change of its own"
        raise BlockedPlanError(FROZEN.at(NOWHERE, f"{plan.project} in {plan.target} is {held.text}", notes=(note,)))
    found = registry.head()
    head = found[0] if found else None
    if not _committed(plan, head):
        verify(plan, registry)
    elif head is not None and head.claim is None:
        return Applied(serial=head.serial, generation=head.generation, steps=())
    if plan.empty:
        return Applied(serial=plan.base.serial, generation=plan.base.generation, steps=())
    claim = Claimed.take(registry, owner=hands.actor.by, project=plan.project, target=plan.target)
    return _Run(claim, hands).all(plan)


def resume(registry: Registry, hands: Hands) -> Applied | None:
    """Finish the apply that stopped last, with its own plan; None where none did.

    Raises as ``apply`` does.
    """
    claim = _take_over(registry, hands)
    if claim is None:
        return None
    run = _Run(claim, hands)
    last = next((left for left in reversed(inherited(claim)) if left.plan is not None), None)
    steps = last.plan.steps if last is not None and last.plan is not None else ()
    if last is not None and last.plan is not None and not last.committed:
        return replace(run.all(last.plan), resumed=steps)
    run.only_settle()
    head = claim.head
    return Applied(serial=head.serial, generation=head.generation, steps=tuple(run.done), resumed=steps)


def abort(registry: Registry, hands: Hands) -> Recovered | None:
    """Undo the apply that stopped last, as far as readers have not seen it; what they see is finished. None: none did.

    Raises ClaimError while somebody is at work, PartialApplyError where a step fails.
    """
    claim = _take_over(registry, hands)
    if claim is None:
        return None
    seen = next((left for left in inherited(claim) if left.committed), None)
    run = _Run(claim, hands)
    run.only_settle()
    return Recovered(
        serial=claim.head.serial,
        generation=claim.head.generation,
        steps=tuple(run.done),
        committed=seen is not None,
        finished=seen.plan.steps if seen is not None and seen.plan is not None else (),
    )


def _take_over(registry: Registry, hands: Hands) -> Claimed | None:
    found = registry.head()
    if found is None or found[0].claim is None:
        return None
    head = found[0]
    if head.claim is not None and not runs(head.claim, registry.clock()):
        prove_readable(registry, head)
    claim = Claimed.take(registry, owner=hands.actor.by, project=head.project, target=head.target)
    if not claim.unfinished:
        claim.release()
        return None
    return claim


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
    later = registry.since(since)
    return "; ".join(f"generation {e.serial} by {e.by}" + (f" ({e.commit})" if e.commit else "") for e in later)


def _token(state: State, address: str) -> str:
    found = state.objects.get(address)
    return found.token if found else ""


def _committed(plan: Plan, head: Head | None) -> bool:
    """Whether the current generation is this plan's own work."""
    last = head.last if head else None
    return last is not None and last.plan == plan.effect and last.base == plan.base.generation


@dataclass
class _Run:
    """One apply that holds the claim; follows its own steps."""

    claim: Claimed
    hands: Hands
    done: list[str] = field(default_factory=list)
    in_flight: dict[str, Step] = field(default_factory=dict)

    def all(self, plan: Plan) -> Applied:
        registry, claim = self.claim.registry, self.claim
        with self._guarded():
            committed = _committed(plan, claim.head)
            state = registry.generation_of(claim.head) if committed else verify(plan, registry)
            if committed:  # before the journal has this apply: it only ends another's, which is not to be undone
                self._settle(None)
            else:
                begin(claim, plan)
                self._settle(plan)
                with Lanes(self.hands.infrastructure) as lanes:
                    self._steps(plan, Phase.EXPAND, lanes)
                    self._commit(plan, state)
                    self._wait(plan)
                    self._steps(plan, Phase.CONTRACT, lanes)
            drifted = () if committed else self._observe(plan)
            claim.release()
        if drifted:
            notes = tuple(f"{d.id}: {d.said}" for d in drifted)
            message = f"every step was done, and yet the stores hold something else than generation {claim.head.serial}"
            raise PostconditionError(POSTCONDITION.at(NOWHERE, message, notes=(*notes, _MEND)))
        rebased = None if committed or state.serial == plan.base.serial else plan.base.serial
        head = claim.head
        return Applied(serial=head.serial, generation=head.generation, steps=tuple(self.done), rebased_from=rebased)

    def only_settle(self) -> None:
        """Finish or undo what others left, and let the next one in."""
        with self._guarded():
            self._settle(None)
            self.claim.release()

    def begins(self, step: Step) -> None:
        if self.hands.stop():
            raise InterruptedApplyError(self._stopped())
        self.claim.guard()
        self.hands.progress(Progress(step=step, done=False))
        self.in_flight[step.id] = step

    def ended(self, step: Step) -> None:
        del self.in_flight[step.id]
        self.done.append(step.id)
        self.hands.progress(Progress(step=step, done=True))

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Keep the lease while the block runs, and leave the claim for the next one where it does not end well."""
        try:
            with self.claim.beating():
                yield
        except StalePlanError:
            self.claim.withdraw()
            raise
        except InterruptedApplyError:
            self._leave("interrupted")
            raise
        except KeyboardInterrupt:
            self._leave("interrupted")
            raise InterruptedApplyError(self._stopped()) from None
        except (ClaimError, PartialApplyError):
            self._leave("")
            raise
        except DiagnosticError as error:
            self._leave("")
            if not self.done:
                raise
            message = f"stopped after {len(self.done)} steps; readers see generation {self.claim.head.serial}"
            raise PartialApplyError(PARTIAL.at(NOWHERE, message, notes=(_GO_ON,)), *error.diagnostics) from error
        except BaseException:
            self._leave("")
            raise

    def _settle(self, goes_on: Plan | None) -> None:
        try:
            self.done += [step.id for step in settle(self.claim, self.hands.infrastructure, goes_on=goes_on)]
        except ClaimError:
            raise
        except DiagnosticError as error:
            message = "what an earlier apply left could not be settled"
            raise PartialApplyError(PARTIAL.at(NOWHERE, message, notes=(_GO_ON,)), *error.diagnostics) from error

    def _steps(self, plan: Plan, phase: Phase, lanes: Lanes) -> None:
        ours = [step for step in plan.steps if step.phase is phase]
        for start in range(0, len(ours), BATCH):
            self._batch(ours[start : start + BATCH], lanes)

    def _batch(self, steps: list[Step], lanes: Lanes) -> None:
        ids = tuple(step.id for step in steps)
        self.claim.guard()
        self.claim.record("intent", ids)
        try:
            lanes.run(steps, self)
        except StepError as failure:
            error, step = failure.error, failure.step
            if not isinstance(error, DiagnosticError):
                raise error from None
            self.claim.record("failed", (step.id,), detail=str(error))
            message = (
                f"step {step.id} failed ({step.action} {step.resource.id}); "
                f"readers see generation {self.claim.head.serial}"
            )
            raise PartialApplyError(PARTIAL.at(NOWHERE, message, notes=(_GO_ON,)), *error.diagnostics) from error
        self.claim.record("done", ids)

    def _commit(self, plan: Plan, state: State) -> None:
        after = state_after(plan, msgspec.structs.replace(state, lineage=self.claim.head.lineage))
        step = next(s for s in plan.steps if s.phase is Phase.COMMIT)
        self.claim.record("intent", (step.id,))
        self.begins(step)
        entry = Entry(
            serial=after.serial,
            generation="",
            parent=after.parent,
            apply_id=self.claim.apply_id,
            plan=plan.effect,
            base=plan.base.generation,
            by=self.hands.actor.by,
            at=self.claim.registry.clock().isoformat(),
            commit=self.hands.actor.commit,
            summary={str(cls): count for cls, count in plan.counts.items()},
            addresses=tuple(change.address for change in plan.changes),
        )
        self.claim.commit(after, entry)
        self.claim.record("done", (step.id,))
        self.ended(step)

    def _wait(self, plan: Plan) -> None:
        """Readers may still use what goes next."""
        over = monotonic() + self.hands.grace
        if not any(step.phase is Phase.CONTRACT for step in plan.steps):
            return
        while (left := over - monotonic()) > 0:
            if self.hands.stop():
                raise InterruptedApplyError(self._stopped())
            sleep(min(left, _TICK_SECONDS))

    def _observe(self, plan: Plan) -> tuple[Drifted, ...]:
        """What the steps should have left, read again from the stores."""
        touched = {step.after.id for step in plan.steps if step.after is not None}
        gone = {step.before.id for step in plan.steps if step.before is not None} - {r.id for r in plan.resources}
        places = {r.store for r in plan.resources if r.id in touched}
        ours = tuple(r for r in plan.resources if r.store in places)
        found = self.hands.infrastructure.observe(ours, definitions=False)
        return matters(found, touched | gone)

    def _leave(self, phase: str) -> None:
        """Let the next apply find the claim as it is and settle what this one began."""
        try:
            if phase:
                self.claim.record(phase, tuple(self.in_flight) or ("none",))
            self.claim.abandon()
        except DiagnosticError:
            # The failure that brought us here is the one to report; the lease runs out by itself.
            return

    def _stopped(self) -> Diagnostic:
        count, serial = len(self.done), self.claim.head.serial
        doubt = f", in doubt: {', '.join(self.in_flight)}" if self.in_flight else ""
        message = f"stopped after {count} steps{doubt}; readers see generation {serial}"
        return STOPPED.at(NOWHERE, message, notes=(_GO_ON,))
