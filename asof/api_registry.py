"""The verbs that look after a registry and its stores; as in asof/api.py, one function each."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

from asof import api

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from asof.compiler.model import Project
    from asof.compiler.plan import Plan
    from asof.compiler.state import Owed, State
    from asof.ops.cost import Costs
    from asof.ops.drift import Repaired
    from asof.ops.observe import Drifted
    from asof.ops.repair import Examination
    from asof.registry.records import Forgiven, Unlock
    from asof.registry.upkeep import Verified


def unlock(root: Path, project: Project, *, target: str, reason: str) -> Unlock | None:
    """Break the claim of an apply that is surely dead, with a line in the audit trail; None where there is no claim."""
    from asof.ops.actor import current_actor
    from asof.registry.claim import unlock as break_claim

    actor = current_actor(root, os.environ)
    return break_claim(api.registry_of(root, project, target), by=actor.by, reason=reason)


def drift(root: Path, project: Project, *, target: str) -> tuple[Drifted, ...]:
    """What the stores of a target hold otherwise than its registry says. Changes nothing."""
    from asof.ops.drift import drift as compare
    from asof.ops.infrastructure import StoreInfrastructure

    registry = api.registry_of(root, project, target)
    with StoreInfrastructure(
        project.project, root=root, read_only=True, target=api.target_of(project, target)
    ) as stores:
        return compare(registry, stores)


def drift_of(root: Path, project: Project, made: Plan) -> tuple[Drifted, ...]:
    """The drift of what ``made`` changes, removes or builds on."""
    from asof.ops.observe import matters

    touched = {s.resource.id for s in made.steps if s.before is not None or s.after is not None}
    recorded = api.registry_of(root, project, made.target).state().resources
    touched.update(r.id for r in recorded if r.address in made.read_set)
    return matters(drift(root, project, target=made.target), touched)


def cost_of(root: Path, project: Project, made: Plan, progress: Callable[[int, int], None] = lambda *_: None) -> Costs:
    """What filling the tables of ``made`` costs, by the offline store's own statistics. Raises DiagnosticError."""
    from asof import engines
    from asof.compiler.plan import state_after
    from asof.compiler.state import repo_of
    from asof.ops.cost import costs_of

    registry = api.registry_of(root, project, made.target)
    repo = repo_of(state_after(made, registry.state()))
    with closing(engines.connect(made.settings.offline, root=root, read_only=True)) as engine:
        return costs_of(made, repo, engine, progress=progress)


def repair(root: Path, project: Project, *, target: str, orphans: bool = False) -> Repaired:
    """Put right what the stores hold otherwise than the registry says; returns what was put right."""
    from asof.ops.drift import repair as mend

    with api.hands_in(root, project, target, lambda _: None, lambda: False) as hands:
        return mend(api.registry_of(root, project, target), hands, orphans=orphans)


def forgive(root: Path, project: Project, address: str, *, target: str, reason: str) -> tuple[Owed, ...]:
    """Give up what stores owe of an object, with a line in the audit trail; nothing where they owe nothing of it."""
    from asof.ops.actor import current_actor
    from asof.registry.claim import forgive as give_up

    actor = current_actor(root, os.environ)
    return give_up(api.registry_of(root, project, target), address, by=actor.by, reason=reason)


def owed(root: Path, project: Project, *, target: str) -> tuple[Owed, ...]:
    """What stores still owe."""
    current = api.registry_of(root, project, target).head()
    return current[0].owed if current else ()


def forgiven(root: Path, project: Project, *, target: str) -> tuple[Forgiven, ...]:
    """Everything owed that was given up by hand, oldest first."""
    return api.registry_of(root, project, target).forgiven()


def examine(root: Path, project: Project, *, target: str, drop_of: str = "") -> Examination:
    """Journal, stores and registry side by side: what is not as it should be. Changes nothing."""
    from asof.ops.infrastructure import StoreInfrastructure
    from asof.ops.repair import examine as look

    registry, chosen = api.registry_of(root, project, target), api.target_of(project, target)
    with StoreInfrastructure(project.project, root=root, read_only=True, target=chosen) as stores:
        return look(registry, stores, drop_of=drop_of)


def repair_all(root: Path, project: Project, *, target: str, drop_of: str = "") -> Examination:
    """Carry out what ``examine`` proposes; returns what is left."""
    from asof.ops.repair import carry_out

    with api.hands_in(root, project, target, lambda _: None, lambda: False) as hands:
        return carry_out(api.registry_of(root, project, target), hands, drop_of=drop_of)


def unlocks(root: Path, project: Project, *, target: str) -> tuple[Unlock, ...]:
    """Every claim on the registry that was broken by hand, oldest first."""
    return api.registry_of(root, project, target).unlocks()


def diff(root: Path, project: Project, before: int, after: int, *, target: str) -> Plan:
    """What turns generation ``before`` into ``after``; 0 is the empty registry. Nothing that could be applied."""
    from asof.ops.rollback import between

    registry = api.registry_of(root, project, target)
    return between(registry, before, after)


def verify(root: Path, project: Project, *, target: str) -> tuple[Verified, ...]:
    """Every generation compared with its hash, oldest first."""
    from asof.registry.upkeep import verify as compare

    return compare(api.registry_of(root, project, target))


def garbage(root: Path, project: Project, *, target: str, keep: int) -> tuple[str, ...]:
    """What ``collect`` would remove."""
    from asof.registry.upkeep import garbage as unneeded

    return unneeded(api.registry_of(root, project, target), keep)


def collect(root: Path, project: Project, *, target: str, keep: int) -> tuple[str, ...]:
    """Remove all generations but the last ``keep`` and the journals of what has ended; returns the keys."""
    from asof.ops.actor import current_actor
    from asof.registry.upkeep import collect as remove

    actor = current_actor(root, os.environ)
    return remove(api.registry_of(root, project, target), owner=actor.by, keep=keep)


def import_(root: Path, project: Project, body: bytes, *, target: str) -> State:
    """Make an empty registry what an export holds."""
    from asof.ops.actor import current_actor
    from asof.registry.upkeep import import_ as take_in

    name, actor = api.target_of(project, target).name, current_actor(root, os.environ)
    registry = api.registry_of(root, project, target)
    return take_in(registry, body, owner=actor.by, project=project.project, target=name)
