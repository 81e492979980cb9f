"""Whose approval a plan needs: of those who answer for what changes and for what it reaches."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

from asof.compiler.classify import ChangeClass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from asof.compiler.diff import Change, Difference
    from asof.compiler.model import Repo


class Approval(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody to be asked: for what of theirs changes, for what of theirs is reached, for classes they look after."""

    by: str
    changed: tuple[str, ...] = ()
    reached: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()


def approvals(found: Difference, *, settings_change: bool) -> tuple[tuple[Approval, ...], tuple[str, ...]]:
    """Whom to ask, by name, and the addresses of what nobody answers for. Nobody where asof.yaml asks for nothing.

    A change of the target's settings counts as a change of values.
    """
    wanted = found.repo.project.approvals
    if wanted is None or (wanted.targets and found.target not in wanted.targets):
        return (), ()
    changes = tuple(found.changes.values())
    asked: dict[str, dict[str, set[str]]] = {"changed": defaultdict(set), "reached": defaultdict(set)}
    alone: set[str] = set()
    for role, addresses in _addresses(changes, wanted.changed, wanted.reached).items():
        for address in addresses:
            owners = owners_of(found, address)
            for owner in owners:
                asked[role][owner].add(address)
            if not owners:
                alone.add(address)
    worst = [change.change_class for change in changes] + [ChangeClass.VALUE_CHANGE] * settings_change
    classes: dict[str, set[str]] = defaultdict(set)
    for cls, people in wanted.also:
        if any(one.rank >= ChangeClass(cls).rank for one in worst):
            for person in people:
                classes[person].add(cls)
    names = sorted({*asked["changed"], *asked["reached"], *classes})
    made = tuple(
        Approval(
            by=name,
            changed=_sorted(asked["changed"], name),
            reached=tuple(a for a in _sorted(asked["reached"], name) if a not in asked["changed"].get(name, ())),
            classes=tuple(str(cls) for cls in ChangeClass if cls in classes.get(name, ())),
        )
        for name in names
    )
    return made, tuple(sorted(alone))


def owners_of(found: Difference, address: str) -> tuple[str, ...]:
    """Who answers for an object, or did; of one that changes hands, both sides."""
    change = found.changes.get(address)
    previous = found.state.objects.get(change.previous or address if change is not None else address)
    before = previous.owner if previous is not None else ""
    if address not in found.repo.definitions:
        tags = previous.definition.get("tags", ()) if previous is not None else ()
        return found.repo.owners.of(address, "", [(key, value) for key, value in tags]) or ((before,) if before else ())
    handed = (before,) if before and before != found.repo.definitions[address].owner else ()
    return tuple(dict.fromkeys((*answerable(found.repo, address), *handed)))


def answerable(repo: Repo, address: str) -> tuple[str, ...]:
    """Who answers for a definition: by the owners file, else its ``owner``."""
    definition, origin = repo.definitions[address], repo.origins.get(address)
    by_file = repo.owners.of(address, origin.path if origin is not None else "", definition.tags)
    return by_file or ((definition.owner,) if definition.owner else ())


def _addresses(changes: Sequence[Change], changed: str, reached: str) -> Mapping[str, set[str]]:
    """What changes and what is reached, from the classes on from which somebody is to be asked."""
    made: dict[str, set[str]] = {"changed": set(), "reached": set()}
    for change in changes:
        if changed and change.change_class.rank >= ChangeClass(changed).rank:
            made["changed"].add(change.address)
        if reached and change.change_class.rank >= ChangeClass(reached).rank:
            made["reached"].update(r.address for r in change.reach if not r.address.startswith("feature_test/"))
    return made


def _sorted(asked: Mapping[str, set[str]], name: str) -> tuple[str, ...]:
    return tuple(sorted(asked.get(name, ())))
