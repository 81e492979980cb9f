"""What the house rules say to a difference, with what mends each breach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from asof.compiler.check.policies import house_rules
from asof.compiler.check.rules import NOT_DEPRECATED, UNSTABLE
from asof.compiler.classify import ChangeClass
from asof.compiler.diagnostics import Level
from asof.compiler.diff import Action
from asof.compiler.guards import Blocked
from asof.compiler.moves import idle_moves
from asof.compiler.patterns import name_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from asof.compiler.diff import Change, Difference
    from asof.compiler.fingerprint import Document

_REMEDIES = {
    "AS650": "add owner",
    "AS651": "add description",
    "AS652": "add ttl",
    "AS653": "add the tag",
    "AS654": "rename it; moved_from keeps its data",
    "AS656": "take the feature out of the service, or tag the feature otherwise where its values may be shown",
    "AS657": "split it",
    "AS658": "deprecate it in a change of its own, apply that, and break it later",
    "AS659": "give the new values another name, beside the old ones",
}
_OF_CODE = {
    "AS650": "require_owner",
    "AS651": "require_description",
    "AS652": "require_ttl",
    "AS653": "require_tags",
    "AS654": "naming",
    "AS656": "restricted_tags",
    "AS657": "max_features",
}


class Warned(Blocked, frozen=True, kw_only=True, omit_defaults=True):
    """Something that a reviewer should know and that keeps nobody from applying."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What must not be applied, and what is worth a word; each in the order of addresses."""

    blocked: tuple[Blocked, ...]
    warnings: tuple[Warned, ...]


def judge(found: Difference) -> Judgement:
    """What the house rules of asof.yaml say in the difference's target.

    What breaks a rule that only warns and needs no plan to be seen stays a finding of the checks.
    """
    broken: list[tuple[str, Blocked]] = []
    for seen in house_rules(found.repo, found.target):
        if seen.level is Level.ERROR:
            name = _OF_CODE[seen.code]
            broken.append(("error", worded(seen.address, seen.code, seen.message, _REMEDIES[seen.code], name)))
    for policy in found.repo.project.policies:
        severity = policy.severity_in(found.target)
        if severity != "off" and policy.rule in _OF_CHANGES:
            code, breaches = _OF_CHANGES[policy.rule]
            for address, message in breaches(found, dict(policy.options)):
                broken.append((severity, worded(address, code.code, message, _REMEDIES[code.code], policy.rule)))
    for idle in idle_moves(found.repo, found.state):
        broken.append(("warn", worded(idle.address, idle.code, idle.message, "take moved_from out")))
    return sorted_out(found, broken)


def sorted_out(found: Difference, broken: Iterable[tuple[str, Blocked]]) -> Judgement:
    """Breaches by their severity, without the warnings that an object accepts (``allow``)."""
    errors, warnings = [], []
    for severity, breach in broken:
        if severity == "error":
            errors.append(breach)
        elif breach.code not in accepted(found, breach.address):
            warnings.append(breach)
    return Judgement(
        blocked=tuple(sorted(set(errors), key=order)),
        warnings=tuple(as_warning(breach) for breach in sorted(set(warnings), key=order)),
    )


def accepted(found: Difference, address: str) -> Mapping[str, str]:
    """The findings that an object accepts, with the reasons; also of one that goes."""
    definition = found.repo.definitions.get(address)
    if definition is not None:
        return dict(definition.allow)
    was = found.state.objects.get(address)
    return dict(was.definition.get("allow", ())) if was is not None else {}


def worded(address: str, code: str, message: str, remedy: str, policy: str = "") -> Blocked:
    """A breach as a plan holds it."""
    return Blocked(address=address, code=code, message=message, remedy=remedy, policy=policy)


def as_warning(breach: Blocked) -> Warned:
    """The same, for a reviewer to know."""
    return Warned(
        address=breach.address, code=breach.code, message=breach.message, remedy=breach.remedy, policy=breach.policy
    )


def order(breach: Blocked) -> tuple[str, str, str, str]:
    """The order of breaches in a plan."""
    return (breach.address, breach.code, breach.policy, breach.message)


def _not_deprecated(found: Difference, options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is deleted or breaks by its author's hand, and was not deprecated in the generation before."""
    kinds = options.get("kinds")
    for change in found.changes.values():
        was = found.state.objects.get(change.previous or change.address)
        if was is None or not change.direct or change.change_class.rank < ChangeClass.INTERFACE_BREAK.rank:
            continue
        kind = was.definition["kind"]
        if (kind not in kinds) if kinds else kind == "FeatureTest":
            continue
        if "deprecated" not in was.definition:
            does = "deleted" if change.action is Action.DELETE else "broken for those who read it"
            yield change.address, f"{change.address} would be {does} without having been deprecated"


def _unstable(found: Difference, options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is tagged, before or now, and would get other values."""
    tags: Mapping[str, str] = options["tags"]
    said: set[str] = set()
    for change in found.changes.values():
        if change.change_class.rank < ChangeClass.VALUE_CHANGE.rank:
            continue
        for address in (change.address, *(reached.address for reached in change.reach)):
            tag = _tag(found, change, address, tags)
            if tag and address not in said and not address.startswith("feature_test/"):
                said.add(address)
                why = "" if address == change.address else f" with {change.address}"
                yield address, f"values of {address} ({tag}) would change{why}"


def _tag(found: Difference, change: Change, address: str, wanted: Mapping[str, str]) -> str:
    before = change.previous or address if address == change.address else address
    sides: list[Document] = [r.definition for r in (found.state.objects.get(before), found.recorded.get(address)) if r]
    for side in sides:
        for key, value in side.get("tags", ()):
            if key in wanted and name_pattern(wanted[key]).fullmatch(value):
                return f"{key}: {value}"
    return ""


_OF_CHANGES = {
    "deprecate_first": (NOT_DEPRECATED, _not_deprecated),
    "stable_values": (UNSTABLE, _unstable),
}
