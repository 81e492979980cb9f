"""Whether a fresh plan does what a reviewed one said, and where it departs from it.

The hash of a plan covers whatever stands in it, also what moves with its neighbours: the serial it leads to and the
resources that it leaves alone. Two plans do the same where they change the same objects for the same reasons,
record the same and carry out the same steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from asof.compiler.diagnostics import rule
from asof.compiler.infrastructure import Phase

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from asof.compiler.diff import Change
    from asof.compiler.infrastructure import Step
    from asof.compiler.plan import Plan
    from asof.compiler.state import State

NOT_REVIEWED = rule("AS617", "a fresh plan does something else than the reviewed one")


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """What a fresh plan does otherwise with one object; address "" is the target itself."""

    address: str
    reviewed: Change | None = None
    fresh: Change | None = None
    why: str


def departures(reviewed: Plan, fresh: Plan) -> tuple[Departure, ...]:
    """Where ``fresh`` departs from ``reviewed``, by address; nothing where they do the same.

    What they start from is no part of it, unless it is another registry altogether.
    """
    if reviewed.effect == fresh.effect and _same_registry(reviewed, fresh):
        return ()
    found = list(_around(reviewed, fresh))
    before, now = _changes(reviewed), _changes(fresh)
    for address in sorted(before.keys() | now.keys()):
        old, new = before.get(address), now.get(address)
        if old != new:
            found.append(Departure(address=address, reviewed=old, fresh=new, why=_why(old, new)))
    told = {departure.address for departure in found}
    for address in _differing(reviewed.objects, fresh.objects):
        if address not in told:
            found.append(Departure(address=address, why="it would be recorded otherwise"))
            told.add(address)
    steps_before, steps_now = _steps(reviewed.steps), _steps(fresh.steps)
    for resource in _differing(steps_before, steps_now):
        step = (steps_now.get(resource) or steps_before[resource])[0]
        if step.resource.address not in told:
            found.append(Departure(address=step.resource.address, why=f"other steps for {resource}"))
    return tuple(found)


def carried_out(reviewed: Plan, state: State) -> bool:
    """Whether ``state`` holds already what ``reviewed`` leads to."""
    recorded = all(state.objects.get(address) == wanted for address, wanted in reviewed.objects.items())
    return recorded and state.settings == reviewed.settings


def _same_registry(reviewed: Plan, fresh: Plan) -> bool:
    return reviewed.base.lineage in ("", fresh.base.lineage)


def _around(reviewed: Plan, fresh: Plan) -> Iterable[Departure]:
    """What is not about one object."""
    if (reviewed.project, reviewed.target) != (fresh.project, fresh.target):
        why = f"the reviewed plan is for {reviewed.project} in {reviewed.target}"
        yield Departure(address="", why=f"{why}, this repo is {fresh.project} in {fresh.target}")
    if not _same_registry(reviewed, fresh):
        yield Departure(address="", why="it is another registry than the one that the reviewed plan was made against")
    if reviewed.settings != fresh.settings or reviewed.settings_changes != fresh.settings_changes:
        yield Departure(address="", why="settings of asof.yaml differ from those of the reviewed plan")
    if reviewed.blocked != fresh.blocked:
        said = {b.address or b.code for b in (*reviewed.blocked, *fresh.blocked)}
        yield Departure(address="", why=f"what is blocked differs: {', '.join(sorted(said))}")
    if reviewed.tool != fresh.tool:
        written = f"the reviewed plan was made by asof {reviewed.tool.asof}, this is asof {fresh.tool.asof}"
        if _differing(reviewed.objects, fresh.objects):
            yield Departure(address="", why=written)


def _changes(made: Plan) -> Mapping[str, Change]:
    return {change.address: change for change in made.changes}


def _steps(steps: Iterable[Step]) -> Mapping[str, tuple[Step, ...]]:
    """Steps by the resource they touch, without numbers and marks, and without the commit: both name a serial."""
    made: dict[str, tuple[Step, ...]] = {}
    for step in steps:
        if step.phase is not Phase.COMMIT:
            made[step.resource.id] = (*made.get(step.resource.id, ()), _unmarked(step))
    return made


def _unmarked(step: Step) -> Step:
    after = msgspec.structs.replace(step.after, mark="") if step.after is not None else None
    return msgspec.structs.replace(step, id="", after=after)


def _differing(one: Mapping[str, object], other: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(sorted(k for k in one.keys() | other.keys() if k not in one or k not in other or one[k] != other[k]))


def _why(old: Change | None, new: Change | None) -> str:
    if old is None:
        return "the reviewed plan leaves it alone"
    if new is None:
        return "only the reviewed plan changes it"
    if (old.action, old.change_class) != (new.action, new.change_class):
        return "it is another change than the reviewed one"
    if old.reasons != new.reasons:
        return "it is changed otherwise than in the reviewed plan"
    if old.reach != new.reach:
        return "it reaches others than in the reviewed plan"
    return "it starts from something else than the reviewed plan did"
