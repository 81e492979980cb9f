"""What a plan may not do: actions blocked by a protection or for want of a permission."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import msgspec

from asof.compiler import codec
from asof.compiler.classify import ChangeClass
from asof.compiler.diagnostics import rule
from asof.compiler.diff import Action
from asof.compiler.graph import references
from asof.compiler.model import SLUGS, VIEW_KINDS, Repo
from asof.compiler.moves import impossible_moves
from asof.compiler.ownership import seized
from asof.compiler.state import settings_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from asof.compiler.diff import Change, Difference
    from asof.compiler.fingerprint import Document
    from asof.compiler.infrastructure import Layout
    from asof.compiler.model import AnyDefinition

PROTECTED = rule("AS601", "a protection in the registry forbids it")
NOT_ALLOWED = rule("AS602", "a destructive change needs permission")
SEIZED = rule("AS614", "an object belongs to another repo of the registry")
SHARED_SETTINGS = rule("AS615", "settings of a registry that several repos share")
STILL_USED = rule("AS603", "an object that others use cannot be deleted")


class Blocked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An action that stands in the plan and must not be carried out; ``remedy`` says what lifts it.

    ``policy`` names the house rule that speaks, if it is one: a key of ``policies`` in asof.yaml, or a file's name.
    """

    address: str
    code: str
    message: str
    remedy: str
    policy: str = ""


def permitted(address: str, allowed: Collection[str]) -> bool:
    """Whether ``--allow-destroy`` covers an address: by itself, or by a pattern such as ``feature_view/*``."""
    return address in allowed or any(fnmatchcase(address, pattern) for pattern in allowed)


def guarded(found: Difference, layout: Layout, allowed: frozenset[str]) -> tuple[Blocked, ...]:
    """Every blocked action, by address."""
    moves = (
        Blocked(address=d.address, code=d.code, message=d.message, remedy="correct or remove moved_from")
        for d in impossible_moves(found.repo, found.state)
    )
    blocked = [
        *_of_others(found),
        *(b for change in found.changes.values() for b in _blocked(found, change, layout, allowed)),
    ]
    return tuple(sorted((*moves, *blocked), key=lambda b: (b.address, b.code, b.message)))


def _of_others(found: Difference) -> Iterator[Blocked]:
    """What a repo with ``ownership`` may not do to its neighbours."""
    for address in seized(found.repo, found.state):
        yield Blocked(
            address=address,
            code=SEIZED.code,
            message=f"{address} is defined here, and another repo of this registry owns it",
            remedy="give it another name, or let the other repo delete it first",
        )
    settings = found.state.settings
    if found.repo.others and settings is not None and settings != settings_of(found.repo, found.target):
        yield Blocked(
            address="",
            code=SHARED_SETTINGS.code,
            message=f"the stores of target {found.target}, or sql_dialect, change under objects of other repos",
            remedy="agree on one asof.yaml for all repos of this registry",
        )


def _blocked(found: Difference, change: Change, layout: Layout, allowed: frozenset[str]) -> Iterator[Blocked]:
    was = found.state.objects.get(change.previous or change.address)
    if was is None:
        return
    for protection in was.protect:
        does = _breaches(protection, change, layout)
        if does:
            yield Blocked(
                address=change.address,
                code=PROTECTED.code,
                message=f"{change.address} is protected against {protection}, and this plan would {does}",
                remedy=f"take {protection!r} out of its protect in a change of its own, apply that, then plan again",
            )
    if change.action is Action.DELETE:
        users = _users(found, change.address)
        if users:
            yield Blocked(
                address=change.address,
                code=STILL_USED.code,
                message=f"{change.address} is deleted while {', '.join(users)} still {_verb(users)} it",
                remedy="edit or delete those first",
            )
        if not permitted(change.address, allowed):
            yield Blocked(
                address=change.address,
                code=NOT_ALLOWED.code,
                message=f"{change.address} would be deleted, with what is stored for it",
                remedy=_permission(found, change.address),
            )
    elif _breaks(change) and not permitted(change.address, allowed):
        yield Blocked(
            address=change.address,
            code=NOT_ALLOWED.code,
            message=f"{change.address} would break whoever reads it: {_broken(change)}",
            remedy=f"--allow-destroy {change.address}",
        )


def _breaks(change: Change) -> bool:
    """Whether its own author breaks an interface; what follows for those who read it is part of that."""
    return any(r.change_class is ChangeClass.INTERFACE_BREAK and not r.upstream for r in change.reasons)


def _broken(change: Change) -> str:
    """The first of its own reasons that breaks an interface."""
    return next(r.text for r in change.reasons if r.change_class is ChangeClass.INTERFACE_BREAK and not r.upstream)


def _permission(found: Difference, address: str) -> str:
    """The option that permits a deletion; where it looks like a rename, the way to say so."""
    kind = address.partition("/")[0]
    was = _unnamed(found.state.objects[address].definition)
    for new, now in found.recorded.items():
        if new.startswith(f"{kind}/") and new not in found.state.objects and _unnamed(now.definition) == was:
            name = address.partition("/")[2]
            return (
                f"write moved_from: {name} in {new}, which is the same but for its name; or --allow-destroy {address}"
            )
    return f"--allow-destroy {address}"


def _unnamed(document: Document) -> Document:
    return {key: value for key, value in document.items() if key not in ("name", "moved_from")}


def _breaches(protection: str, change: Change, layout: Layout) -> str:
    if protection == "delete" and change.action is Action.DELETE:
        return "delete it"
    if protection == "recreate" and change.address in layout.emptied:
        return "replace its online table by an empty one"
    alters = change.change_class in (ChangeClass.VALUE_CHANGE, ChangeClass.INTERFACE_BREAK)
    if protection == "value_change" and alters:
        return "change its values"
    return ""


def _users(found: Difference, address: str) -> list[str]:
    """Objects of the new side that still name the deleted one, which nothing of that name replaces."""
    gone = codec.definition_from_json(found.state.objects[address].definition)
    with_it = Repo(project=found.repo.project, definitions={**found.repo.definitions, address: gone})
    readers = [a for a in found.old_graph.downstream.get(address, ()) if a in found.repo.definitions]
    return [a for a in readers if _dangles(found.repo.definitions[a], address, found.repo, with_it)]


def _dangles(reader: AnyDefinition, address: str, repo: Repo, with_it: Repo) -> bool:
    if address not in references(reader, with_it):
        return False
    kinds = VIEW_SLUGS if address.startswith(VIEW_SLUGS) else (address.partition("/")[0],)
    name = address.partition("/")[2]
    return not any(f"{kind.rstrip('/')}/{name}" in repo.definitions for kind in kinds)


VIEW_SLUGS = tuple(f"{SLUGS[kind]}/" for kind in VIEW_KINDS)


def _verb(users: list[str]) -> str:
    return "reads" if len(users) == 1 else "read"
