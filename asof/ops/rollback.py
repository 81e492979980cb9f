"""Plans between generations: back to an earlier one, and what differs between two."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from asof.compiler.model import Repo
from asof.compiler.ownership import owned
from asof.compiler.plan import plan
from asof.compiler.state import EMPTY, repo_of, settings_of
from asof.ops.promote import must_fit

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from asof.compiler.model import Project
    from asof.compiler.plan import Plan
    from asof.compiler.state import State
    from asof.registry.store import Registry


def rollback_plan(
    registry: Registry, serial: int, project: Project, *, target: str, allow_destroy: Collection[str] = ()
) -> Plan:
    """The plan that makes the definitions of generation ``serial`` current again, as a new generation.

    Stores are those of ``target`` in asof.yaml (``project``), wherever they were then. What was renamed since is
    renamed back and keeps its rows. Where several repos share the registry, what others own stays as it is. Raises
    DiagnosticError AS709 where there is no such generation, and where its definitions do not fit the stores of today.
    """
    earlier, current = registry.at(serial), registry.state()
    before = repo_of(earlier)
    chosen = next(one for one in project.targets if one.name == target)
    adapted = msgspec.structs.replace(before.project, targets=(chosen,))
    repo = owned(Repo(project=adapted, definitions=before.definitions), project.ownership)
    if settings_of(repo, target) != earlier.settings:
        must_fit(repo, current, target)
    moves = _renamed_back(repo, earlier, current)
    return plan(repo, current, target=target, allow_destroy=allow_destroy, moves=moves)


def _renamed_back(repo: Repo, earlier: State, current: State) -> Mapping[str, str]:
    """Address of today -> address of then, of each view whose table or view in the stores is the same one."""
    then = {(r.kind, r.mark): r.address for r in earlier.resources if r.mark}
    moves = {}
    for resource in current.resources:
        address = then.get((resource.kind, resource.mark), "")
        back = address in repo.definitions and address not in current.objects
        if back and resource.address not in repo.definitions:
            moves[resource.address] = address
    return moves


def between(registry: Registry, before: int, after: int) -> Plan:
    """What turns generation ``before`` into ``after``; 0 is the empty registry. It is for reading: nothing asks for
    permission to delete. Raises DiagnosticError AS709 where there is no such generation.
    """
    older, newer = (registry.at(serial) if serial else EMPTY for serial in (before, after))
    if newer.serial:
        repo = repo_of(newer)
    elif older.serial:
        repo = Repo(project=repo_of(older).project, definitions={})
    else:
        repo = Repo(project=repo_of(registry.state()).project, definitions={})
    found = plan(repo, older, target=(newer if newer.serial else older).target, allow_destroy=tuple(older.objects))
    return msgspec.structs.replace(found, blocked=())
