"""``asof drift``: what stores hold against what the registry says, and putting back what is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asof.ops.observe import BROKEN, MISSING, UNKNOWN, Drifted
from asof.ops.recovery import settle
from asof.registry.claim import Claimed

if TYPE_CHECKING:
    from asof.ops.infrastructure import Infrastructure
    from asof.registry.store import Registry


def drift(registry: Registry, infrastructure: Infrastructure) -> tuple[Drifted, ...]:
    """Everything that is not as the current generation records it. Takes no lock and changes nothing."""
    state = registry.state()
    online = state.settings.online if state.settings else None
    return infrastructure.observe(state.resources, definitions=True, online=online)


def repair(registry: Registry, infrastructure: Infrastructure, *, owner: str) -> tuple[Drifted, ...]:
    """Make anew what is missing (tables start empty) and views that read otherwise; returns what was put right.

    A table with another layout and what no generation knows stay: they may hold somebody's rows. Raises
    ClaimError while somebody is at work.
    """
    found = registry.seen(registry.generation_of)  # before the claim: what cannot be read is not to be touched
    if found is None:
        return ()
    claim = Claimed.take(registry, owner=owner, project=found[0].project, target=found[0].target)
    mended = []
    try:
        with claim.beating():
            settle(claim, infrastructure)
            recorded = {resource.id: resource for resource in registry.generation_of(claim.head).resources}
            for drifted in infrastructure.observe(tuple(recorded.values()), definitions=True):
                if drifted.found in (BROKEN, UNKNOWN):
                    continue
                resource = recorded[drifted.id]
                if drifted.found != MISSING and not resource.sql:
                    continue
                claim.guard()
                infrastructure.create(resource)
                mended.append(drifted)
    except BaseException:
        claim.abandon()
        raise
    claim.release()
    return tuple(mended)
