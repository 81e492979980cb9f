"""``asof drift``: what stores hold against what the registry says, and putting that right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from asof.compiler.diagnostics import DiagnosticError
from asof.compiler.fingerprint import BUILDER_VERSION
from asof.compiler.infrastructure import ONLINE_TABLE, Phase, Step, fresh_name
from asof.compiler.plan import PLAN_FORMAT, Plan, Tool, base_of, effect_of
from asof.compiler.state import encode
from asof.ops.apply import Run, apply
from asof.ops.observe import DIFFERS, FOREIGN, MISSING, ORPHAN, STRANGER, Drifted, owed_drift
from asof.ops.recovery import places, unrecorded
from asof.registry.claim import Claimed
from asof.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable

    from asof.compiler.state import Resource, State
    from asof.ops.apply import Applied, Hands
    from asof.ops.infrastructure import Infrastructure
    from asof.registry.store import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Repaired:
    """What a repair put right, looked up again in the stores; ``applied`` is the apply that it took, if it took one."""

    mended: tuple[Drifted, ...] = ()
    applied: Applied | None = None


def drift(registry: Registry, infrastructure: Infrastructure) -> tuple[Drifted, ...]:
    """Everything that is not as the current generation records it, and what is owed. Takes no lock."""
    state = registry.state()
    infrastructure.lineage = state.lineage
    online = state.settings.online if state.settings else None
    beside = ((ONLINE_TABLE, online),) if online is not None else ()
    seen = infrastructure.observe(state.resources, definitions=True, beside=beside)
    return (*owed_drift(state.owed), *unrecorded(seen, state))


def repair(registry: Registry, hands: Hands, *, orphans: bool = False, drop_of: str = "") -> Repaired:
    """Make anew what is missing (tables start empty) and views that read otherwise.

    A table with another layout, or whose name somebody else has taken, is replaced by a new one under another name:
    that is a generation of its own. ``orphans``: what this registry made and no generation knows is dropped as well.
    ``drop_of``: so is what the registry made whose lineage begins like this. What nobody made stays. Raises ClaimError
    while somebody is at work.
    """
    current = registry.seen(registry.generation_of)  # before the claim: what cannot be read is not to be touched
    if current is None:
        return Repaired()
    claim = Claimed.take(registry, owner=hands.actor.by, project=current[0].project, target=current[0].target)
    run = Run(claim, hands)
    with run.holding():
        state = registry.generation_of(claim.head)
        seen = _seen(state, hands.infrastructure)
        replaced = [
            d.resource for d in seen if not _mended(d, run, orphans=orphans, drop_of=drop_of) and _replaceable(d)
        ]
        claim.release(run.owed)
    applied = None
    if replaced:
        plan = _replacement(registry.state(), [resource for resource in replaced if resource is not None])
        applied = apply(plan, registry, hands)
    # Of what was made under another name, the old name is no longer looked for.
    left = {d.id for d in _seen(registry.state(), hands.infrastructure)}
    return Repaired(mended=tuple(d for d in seen if d.id not in left), applied=applied)


def _seen(state: State, infrastructure: Infrastructure) -> tuple[Drifted, ...]:
    beside = places(infrastructure)
    drift = infrastructure.observe(state.resources, definitions=True, beside=beside)
    return tuple(unrecorded(drift, state, strangers=True))


def _mended(drifted: Drifted, run: Run, *, orphans: bool, drop_of: str) -> bool:
    """Put one thing right where it stands; False where that cannot be done."""
    resource, infrastructure = drifted.resource, run.hands.infrastructure
    if resource is None:
        return False
    run.claim.guard()
    try:
        if drifted.found == MISSING or (drifted.found == DIFFERS and resource.sql):
            infrastructure.create(resource)
        elif drifted.found == ORPHAN and orphans:
            infrastructure.drop(resource)
        elif drifted.found == STRANGER and drop_of and resource.mark.startswith(drop_of):
            _drop_stranger(resource, infrastructure)
        else:
            return False
    except DiagnosticError:
        return False
    return True


def _drop_stranger(resource: Resource, infrastructure: Infrastructure) -> None:
    """Drop what another registry made, in its name: the mark of ``resource`` is the whole owner mark."""
    lineage, _, mark = resource.mark.partition("/")
    other = infrastructure.another()
    try:
        other.lineage = lineage
        other.drop(msgspec.structs.replace(resource, mark=mark))
    finally:
        other.close()


def _replaceable(drifted: Drifted) -> bool:
    """Whether a new table under another name takes the place of what is recorded."""
    resource = drifted.resource
    return resource is not None and resource.kind == ONLINE_TABLE and drifted.found in (MISSING, DIFFERS, FOREIGN)


def _replacement(state: State, resources: Iterable[Resource]) -> Plan:
    """The plan that makes a new table for each of ``resources`` and drops the old one, if it is this registry's."""
    if state.settings is None:
        raise AssertionError("a generation with resources has settings")
    before = tuple(resources)
    taken = {r.name for r in (*state.resources, *(debt.resource for debt in state.owed))}
    after = []
    for resource in before:
        name = fresh_name(state.project, resource.address, encode(resource).hex(), taken)
        taken.add(name)
        after.append(msgspec.structs.replace(resource, name=name, mark=f"{resource.address}@{state.serial + 1}"))
    why = "its table is not as recorded"
    steps = (
        *(
            Step(id=f"expand-{n:04}", phase=Phase.EXPAND, action="create", reason=f"{r.address}: {why}", after=r)
            for n, r in enumerate(after, 1)
        ),
        Step(id="commit", phase=Phase.COMMIT, action="commit", reason=f"readers see generation {state.serial + 1}"),
        *(
            Step(id=f"contract-{n:04}", phase=Phase.CONTRACT, action="drop", reason=f"{r.address}: {why}", before=r)
            for n, r in enumerate(before, 1)
        ),
    )
    plan = Plan(
        format=PLAN_FORMAT,
        project=state.project,
        target=state.target,
        base=base_of(state),
        tool=Tool(asof=__version__, builder=BUILDER_VERSION),
        allowed=tuple(sorted({r.address for r in before})),
        steps=steps,
        resources_before=before,
        resources_after=tuple(after),
        settings=state.settings,
    )
    return msgspec.structs.replace(plan, effect=effect_of(plan))
