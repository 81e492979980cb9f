"""``moved_from`` of a name that is still in use: why it cannot be, and which plans, one after the other, get there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asof.compiler import model
from asof.compiler.check.rules import MOVED_FROM

if TYPE_CHECKING:
    from asof.compiler.check.scope import Scope
    from asof.compiler.model import AnyDefinition, Repo


def check_former_name(scope: Scope, definition: AnyDefinition) -> None:
    """AS314 where ``moved_from`` names what is still defined."""
    before = _former(definition)
    if before not in scope.repo.definitions:
        return
    message = f"`{definition.moved_from}` is still defined: one of the two would lose its data"
    scope.report(MOVED_FROM, message, "moved_from", notes=_ways_out(scope.repo, definition, before))


def _former(definition: AnyDefinition) -> str:
    """The address that the definition had before; "" for none."""
    before = definition.moved_from
    return before if not before or "/" in before else f"{model.SLUGS[definition.kind]}/{before}"


def _ways_out(repo: Repo, definition: AnyDefinition, before: str) -> tuple[str, ...]:
    """A plan makes a name free or takes it, not both; so of a ring one object steps aside, and a chain has an end."""
    ring = [definition.address]
    while (former := _former(repo.definitions[ring[-1]])) in repo.definitions and former not in ring:
        ring.append(former)
    if former == definition.address and len(ring) > 1:
        name = definition.address
        if name != min(ring):  # one of the findings says it for all
            return ()
        own, taken = _name(name), _name(before)
        return (
            f"{' and '.join(ring)} swap names, which takes plans of their own: free one first,",
            f"rename what is {taken} in the registry to {taken}_before with moved_from {taken}, and apply;",
            f"then {own} with moved_from {taken}_before comes last, when all other moves are applied, one by one",
        )
    middle = _former(repo.definitions[before])
    if not middle:
        return ()
    first, second = _name(middle), _name(before)
    return (
        f"of a chain the last move comes first: leave {first} as it was, and apply {definition.name} alone;",
        f"then rename {first} to {second} with moved_from {first}, and apply again",
    )


def _name(address: str) -> str:
    return address.partition("/")[2]
