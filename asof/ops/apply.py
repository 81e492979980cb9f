"""Carry out a plan: verify, claim, settle what others left, expand, commit, contract, release."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from time import monotonic, sleep
from typing import TYPE_CHECKING

import msgspec

from asof.compiler.diagnostics import DiagnosticError, rule
from asof.compiler.infrastructure import Phase, Step
from asof.compiler.plan import Plan, moved_resources, settings_token, state_after
from asof.compiler.policies import FROZEN, frozen
from asof.compiler.source import NOWHERE
from asof.ops.fills import asking, at_stake, fills_of
from asof.ops.lanes import Lanes, StepError
from asof.ops.observe import matters
from asof.ops.recovery import begin, inherited, merged, owed_for, prove_readable, settle
from asof.registry.claim import Claimed, ClaimError, runs
from asof.registry.records import Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from asof.compiler.diagnostics import Diagnostic
    from asof.compiler.state import Owed, Resource, State
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
    """What came of it: the generation that readers see now, and the steps that were carried out.

    ``owed`` is what stores owe now, of this apply and of earlier ones; ``notes`` what was otherwise than the plan
    took for granted, and no obstacle.
    """

    serial: int
    generation: str
    steps: tuple[str, ...]
    rebased_from: int | None = None
    """The serial that the plan was made against, where unrelated objects have moved since."""
    resumed: tuple[Step, ...] = ()
    """All steps of the plan that had stopped on its way, those that were done before it stopped too."""
    owed: tuple[Owed, ...] = ()
    notes: tuple[str, ...] = ()

    def owed_beyond(self, plan: Plan) -> tuple[Owed, ...]:
        """What is owed that ``plan`` did not announce: the apply is not complete."""
        announced = {step.resource.key for step in plan.steps if step.action == "leave"}
        return tuple(debt for debt in self.owed if debt.resource.key not in announced)


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
    owed: tuple[Owed, ...] = ()


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

    What stores owe of earlier applies is tried again, even where the plan is empty. Raises BlockedPlanError,
    StalePlanError, ClaimError and DiagnosticError (AS620, AS621: a store that cannot do it) before anything is
    written, PartialApplyError where a step before the commit fails, InterruptedApplyError, and DiagnosticError where
    the registry cannot be read. A step after the commit that fails is owed, and no error.
    """
    if plan.blocked:
        notes = tuple(f"{b.message}; {b.remedy}" for b in plan.blocked)
        raise BlockedPlanError(BLOCKED.at(NOWHERE, f"{len(notes)} actions of this plan are blocked", notes=notes))
    held = frozen(plan.freezes, registry.clock())
    if held is not None and held.severity == "error" and not plan.empty:
        note = "plan again when it is over, or change `freeze` in asof.yaml in a change of its own"
        raise BlockedPlanError(FROZEN.at(NOWHERE, f"{plan.project} in {plan.target} is {held.text}", notes=(note,)))
    current = registry.head()
    head = current[0] if current else None
    if not _committed(plan, head):
        verify(plan, registry)
    elif head is not None and head.claim is None and not head.owed:
        return Applied(serial=head.serial, generation=head.generation, steps=())
    if plan.empty and not (head is not None and head.owed):
        return Applied(serial=plan.base.serial, generation=plan.base.generation, steps=())
    claim = Claimed.take(registry, owner=hands.actor.by, project=plan.project, target=plan.target)
    run = Run(claim, hands)
    return run.settle_only() if plan.empty else run.all(plan)


def resume(registry: Registry, hands: Hands) -> Applied | None:
    """Finish the apply that stopped last, with its own plan, and try again what is owed; None where there is neither.

    Raises as ``apply`` does.
    """
    claim = _take_over(registry, hands)
    if claim is None:
        return None
    run = Run(claim, hands)
    last = next((left for left in reversed(inherited(claim)) if left.plan is not None), None)
    steps = last.plan.steps if last is not None and last.plan is not None else ()
    if last is not None and last.plan is not None and not last.committed:
        return replace(run.all(last.plan), resumed=steps)
    return replace(run.settle_only(), resumed=steps)


def abort(registry: Registry, hands: Hands) -> Recovered | None:
    """Undo the apply that stopped last, as far as readers have not seen it; what they see is finished. None: none did.

    What the stores refuse of that is owed. Raises ClaimError while somebody is at work.
    """
    claim = _take_over(registry, hands)
    if claim is None:
        return None
    seen = next((left for left in inherited(claim) if left.committed), None)
    done = Run(claim, hands).settle_only()
    return Recovered(
        serial=done.serial,
        generation=done.generation,
        steps=done.steps,
        committed=seen is not None,
        finished=seen.plan.steps if seen is not None and seen.plan is not None else (),
        owed=done.owed,
    )


def _take_over(registry: Registry, hands: Hands) -> Claimed | None:
    """The claim over what is left to do: an apply that stopped, or steps that are owed."""
    current = registry.head()
    if current is None or (current[0].claim is None and not current[0].owed):
        return None
    head = current[0]
    if head.claim is None or not runs(head.claim, registry.clock()):
        prove_readable(registry, head)
    claim = Claimed.take(registry, owner=hands.actor.by, project=head.project, target=head.target)
    if not claim.unfinished and not claim.head.owed:
        claim.release()
        return None
    return claim


def verify(plan: Plan, registry: Registry) -> State:
    """The current generation, on which ``plan`` still does what it was made to do. Raises StalePlanError otherwise."""
    state = registry.state()
    same = state.serial == plan.base.serial and state.generation == plan.base.generation
    if not same and plan.base.lineage and state.lineage != plan.base.lineage:
        raise _stale(plan, "it is another registry than the one the plan was made against", ())
    if not same:
        _not_applied_since(plan, registry)
    _not_filled_since(plan, registry)
    if same:
        return state
    moved = [a for a, token in plan.read_set.items() if _token(state, a) != token]
    moved += moved_resources(plan, state)
    if moved or settings_token(state) != plan.base.settings:
        raise _stale(plan, _who(registry, plan.base.serial), moved or ["asof.yaml's settings"])
    return state


def _not_applied_since(plan: Plan, registry: Registry) -> None:
    """Raise StalePlanError where a generation since the plan was made is the plan's own work."""
    own = own_generation(plan, registry)
    if own is not None:
        message = f"the plan is applied already: generation {own.serial} by {own.by} at {own.at} is its work"
        note = "others were applied since; `asof plan` shows what is left to do"
        raise StalePlanError(STALE.at(NOWHERE, message, notes=(note,)))


def own_generation(plan: Plan, registry: Registry) -> Entry | None:
    """The line of the generation that is the plan's own work; None where it was not applied."""
    later = registry.since(plan.base.serial)
    return next((e for e in later if e.plan == plan.effect and e.base == plan.base.generation), None)


def _not_filled_since(plan: Plan, registry: Registry) -> None:
    """Raise StalePlanError where a table that the plan drops without permission has been filled since it was made."""
    known = {fill.table for fill in plan.fills}
    later = [fill for fill in asking(plan, fills_of(plan, registry.blobs)) if fill.table not in known]
    if later:
        names = ", ".join(f"{fill.address} ({fill.rows:,} rows as of {fill.as_of})" for fill in later)
        note = "plan again: dropping what readers are served asks for --allow-destroy"
        raise StalePlanError(STALE.at(NOWHERE, f"the plan drops tables that were filled since: {names}", notes=(note,)))


def _must_be_empty(found: Sequence[Resource]) -> None:
    """Raise BlockedPlanError where tables that hold rows would be dropped, though no watermark says so."""
    if not found:
        return
    tables = ", ".join(resource.id for resource in found)
    message = f"the plan drops what readers are served: {tables} holds rows in the target's online store"
    notes = (
        *(f"--allow-destroy {address} permits it" for address in dict.fromkeys(r.address for r in found)),
        "where only the path of the store is written otherwise, write it as before: it is one store",
        "nothing was changed: registry and stores are as they were",
    )
    raise BlockedPlanError(BLOCKED.at(NOWHERE, message, notes=notes))


def _stale(plan: Plan, why: str, moved: Iterable[str]) -> StalePlanError:
    names = ", ".join(moved)
    message = f"{names} moved after generation {plan.base.serial}: {why}" if names else why
    return StalePlanError(STALE.at(NOWHERE, message, notes=("plan again and review the new plan",)))


def _who(registry: Registry, since: int) -> str:
    later = registry.since(since)
    return "; ".join(f"generation {e.serial} by {e.by}" + (f" ({e.commit})" if e.commit else "") for e in later)


def _token(state: State, address: str) -> str:
    recorded = state.objects.get(address)
    return recorded.token if recorded else ""


def _committed(plan: Plan, head: Head | None) -> bool:
    """Whether the current generation is this plan's own work."""
    last = head.last if head else None
    return last is not None and last.plan == plan.effect and last.base == plan.base.generation


@dataclass
class Run:
    """One apply that holds the claim; follows its own steps.

    ``owed`` is what stores owe as far as is known by now; it goes into the head when the claim is released.
    """

    claim: Claimed
    hands: Hands
    done: list[str] = field(default_factory=list)
    in_flight: dict[str, Step] = field(default_factory=dict)
    owed: tuple[Owed, ...] = ()

    def all(self, plan: Plan) -> Applied:
        """Settle, rehearse, expand, commit, contract, release."""
        registry, claim = self.claim.registry, self.claim
        notes: tuple[str, ...] = ()
        drifted: tuple[Drifted, ...] = ()
        with self._guarded():
            committed = _committed(plan, claim.head)
            state = registry.generation_of(claim.head) if committed else verify(plan, registry)
            if committed:  # before the journal has this apply: it only ends another's, which is not to be undone
                self._settle(None)
            else:
                notes = self._prepare(plan)
                with Lanes(self.hands.infrastructure) as lanes:
                    self._steps(plan, Phase.EXPAND, lanes)
                    self._commit(plan, state)
                    self._wait(plan)
                    self._steps(plan, Phase.CONTRACT, lanes)
                drifted = self._observe(plan)
            claim.release(self.owed)
        if drifted:
            lines = tuple(f"{d.id}: {d.said}" for d in drifted)
            message = f"every step was done, and yet the stores hold something else than generation {claim.head.serial}"
            raise PostconditionError(POSTCONDITION.at(NOWHERE, message, notes=(*lines, _MEND)))
        rebased = None if committed or state.serial == plan.base.serial else plan.base.serial
        return replace(self._applied(), rebased_from=rebased, notes=notes)

    def settle_only(self) -> Applied:
        """Finish or undo what others left, try again what is owed, and let the next one in."""
        with self.holding():
            self.claim.release(self.owed)
        return self._applied()

    @contextmanager
    def holding(self) -> Iterator[None]:
        """For work of another kind than a plan's, after what others left is settled; the block releases the claim."""
        with self._guarded():
            self._settle(None)
            yield

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

    def failed(self, step: Step, error: DiagnosticError) -> bool:
        """After the commit a step that fails is owed; before it nothing more is done."""
        if step.phase is not Phase.CONTRACT:
            return False
        del self.in_flight[step.id]
        if step.action != "leave":
            self.claim.record("failed", (step.id,), detail=str(error))
        debt = owed_for(step, error, apply_id=self.claim.apply_id, at=self.claim.registry.clock())
        self.owed = merged(self.owed, [debt])
        return True

    def _applied(self) -> Applied:
        head = self.claim.head
        return Applied(serial=head.serial, generation=head.generation, steps=tuple(self.done), owed=self.owed)

    def _prepare(self, plan: Plan) -> tuple[str, ...]:
        """Put the plan into the journal, settle what others left, find out whether the stores can do what is to come.

        What was begun of this very plan stays, and is found done. Where a store cannot do it and nothing was begun, the
        next one is let in before the error is raised.
        """
        infrastructure = self.hands.infrastructure
        infrastructure.lineage = self.claim.head.lineage
        begin(self.claim, plan)
        settled = settle(self.claim, infrastructure, goes_on=plan)
        self.done += [step.id for step in settled.steps]
        self.owed = settled.owed
        try:
            notes = infrastructure.rehearse(plan.steps)
            _must_be_empty(infrastructure.filled(at_stake(plan)))
        except DiagnosticError as error:
            if settled.kept:
                message = "what is left of the plan cannot be carried out as things stand"
                raise PartialApplyError(PARTIAL.at(NOWHERE, message, notes=(_GO_ON,)), *error.diagnostics) from error
            self.claim.release(self.owed)
            raise
        self.claim.settled(self.owed)
        return notes

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
            released = self.claim.head.claim is None
            self._leave("")
            if not self.done or released:
                raise
            message = f"stopped after {len(self.done)} steps; readers see generation {self.claim.head.serial}"
            raise PartialApplyError(PARTIAL.at(NOWHERE, message, notes=(_GO_ON,)), *error.diagnostics) from error
        except BaseException:
            self._leave("")
            raise

    def _settle(self, goes_on: Plan | None) -> None:
        infrastructure = self.hands.infrastructure
        infrastructure.lineage = self.claim.head.lineage
        settled = settle(self.claim, infrastructure, goes_on=goes_on)
        self.done += [step.id for step in settled.steps]
        self.owed = settled.owed
        self.claim.settled(self.owed)

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
        finished = tuple(step_id for step_id in ids if step_id in self.done)
        if finished:
            self.claim.record("done", finished)

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
        owed = {debt.resource.key for debt in self.owed}
        ours = tuple(r for r in plan.resources_after if r.id in touched and r.key not in owed)
        try:
            return matters(self.hands.infrastructure.observe(ours, definitions=False), touched)
        except DiagnosticError:
            return ()  # all is done; of a store that went away since, drift has to tell

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
