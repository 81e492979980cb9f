"""Several repos in one registry: each changes what it owns, and sees the rest as it was recorded."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from asof.compiler.diagnostics import rule
from asof.compiler.model import Ownership
from asof.compiler.source import NOWHERE
from asof.compiler.state import repo_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asof.compiler.diagnostics import Diagnostic
    from asof.compiler.model import AnyDefinition, Repo
    from asof.compiler.state import State

NOT_OURS = rule("AS513", "definition is outside of what this repo owns")


def owns(ownership: Ownership, definition: AnyDefinition) -> bool:
    """Whether the object may be changed from a repo with this ``ownership``: by its name, or by all of the tags."""
    if ownership == Ownership():
        return True
    tagged = bool(ownership.tags) and set(ownership.tags) <= set(definition.tags)
    return tagged or definition.name.startswith(ownership.prefixes)


def owned(repo: Repo, ownership: Ownership) -> Repo:
    """The part of ``repo`` that a repo with this ``ownership`` may change, as a repo of its own."""
    mine = {address: definition for address, definition in repo.definitions.items() if owns(ownership, definition)}
    return replace(repo, project=msgspec.structs.replace(repo.project, ownership=ownership), definitions=mine)


def outside(repo: Repo) -> Iterator[Diagnostic]:
    """AS513 for each definition that was written here and may not be changed from here."""
    ownership = repo.project.ownership
    for address, definition in repo.definitions.items():
        if address not in repo.others and not owns(ownership, definition):
            origin = repo.origins.get(address)
            span = origin.value("name") if origin else NOWHERE
            said = f"`ownership` of asof.yaml does not cover {address}: {_covered(ownership)}"
            yield NOT_OURS.at(span, said, address=address)


def with_others(repo: Repo, state: State) -> Repo:
    """``repo`` and, as recorded in ``state``, the objects that other repos of its registry own.

    What ``repo`` itself defines comes first: guards block the plan where somebody else owns an object of that address.
    """
    ownership = repo.project.ownership
    if ownership == Ownership() or state.settings is None:
        return repo
    written = {a: d for a, d in repo.definitions.items() if a not in repo.others}
    theirs = {a: d for a, d in repo_of(state).definitions.items() if a not in written and not owns(ownership, d)}
    return replace(repo, definitions=dict(sorted((written | theirs).items())), others=frozenset(theirs))


def seized(repo: Repo, state: State) -> tuple[str, ...]:
    """Addresses that ``repo`` defines and that belong to another repo."""
    ownership = repo.project.ownership
    if ownership == Ownership() or state.settings is None:
        return ()
    recorded = repo_of(state).definitions
    return tuple(
        a for a in repo.definitions if a not in repo.others and a in recorded and not owns(ownership, recorded[a])
    )


def _covered(ownership: Ownership) -> str:
    names = [f"names that start with {prefix}" for prefix in ownership.prefixes]
    tags = " and ".join(f"{key}: {value}" for key, value in ownership.tags)
    return "it owns " + " or ".join([*names, *([f"what is tagged {tags}"] if tags else [])])
