"""Plans between generations: back to an earlier one, and what differs between two."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from asof.compiler.model import Ownership, Repo
from asof.compiler.ownership import owned
from asof.compiler.plan import plan
from asof.compiler.state import EMPTY, repo_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from asof.compiler.plan import Plan
    from asof.registry.store import Registry


EVERYTHING = Ownership()


def rollback_plan(
    registry: Registry, serial: int, *, ownership: Ownership = EVERYTHING, allow_destroy: Collection[str] = ()
) -> Plan:
    """The plan that makes the definitions of generation ``serial`` current again, as a new generation.

    Where several repos share the registry, what others own stays as it is. Raises DiagnosticError AS709 where
    there is no such generation.
    """
    earlier = registry.at(serial)
    repo = owned(repo_of(earlier), ownership)
    return plan(repo, registry.state(), target=earlier.target, allow_destroy=allow_destroy)


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
