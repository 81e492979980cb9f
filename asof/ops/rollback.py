"""Back to an earlier generation: an apply like any other, whose desired side is read from the registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asof.compiler.plan import plan
from asof.compiler.state import repo_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from asof.compiler.plan import Plan
    from asof.registry.store import Registry


def rollback_plan(registry: Registry, serial: int, *, allow_destroy: Collection[str] = ()) -> Plan:
    """The plan that makes the definitions of generation ``serial`` current again, as a new generation.

    Raises DiagnosticError AS709 where there is no such generation.
    """
    earlier = registry.at(serial)
    return plan(repo_of(earlier), registry.state(), target=earlier.target, allow_destroy=allow_destroy)
