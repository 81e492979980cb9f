"""The words for a plan, once for every rendering: titles, verdict, why, cost and reach, as plain text.

Nothing that comes out of here holds a control character or a line break, whatever stands in the definitions.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from asof.compiler.classify import ChangeClass
from asof.compiler.diff import Action
from asof.compiler.places import spelt

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from asof.compiler.approvals import Approval
    from asof.compiler.classify import Reason
    from asof.compiler.diff import Change, Reached
    from asof.compiler.guards import Blocked
    from asof.compiler.infrastructure import Step
    from asof.compiler.plan import Plan
    from asof.compiler.policies import Freeze

SIGNS = {Action.CREATE: "+", Action.UPDATE: "~", Action.DELETE: "-", Action.MOVE: ">"}

TITLES = {
    ChangeClass.DESTRUCTIVE: "Destructive: something is deleted, or emptied while it is served",
    ChangeClass.INTERFACE_BREAK: "Interface break: readers must follow",
    ChangeClass.VALUE_CHANGE: "Value change: features can come out differently",
    ChangeClass.IDENTITY: "Identity: another name, the same values",
    ChangeClass.ADDITIVE: "Additive: nothing that exists changes",
    ChangeClass.EQUIVALENT: "Equivalent: written otherwise, the same values",
    ChangeClass.METADATA: "Metadata: no value depends on it",
}

_COUNTED = {
    ChangeClass.DESTRUCTIVE: ("destructive change", "destructive changes"),
    ChangeClass.INTERFACE_BREAK: ("interface break", "interface breaks"),
    ChangeClass.VALUE_CHANGE: ("value change", "value changes"),
    ChangeClass.IDENTITY: ("rename", "renames"),
    ChangeClass.ADDITIVE: ("addition", "additions"),
    ChangeClass.EQUIVALENT: ("rewrite without effect", "rewrites without effect"),
    ChangeClass.METADATA: ("change of metadata", "changes of metadata"),
}

WARNINGS = "Worth knowing before it is applied"
APPROVAL = "Needs approval by"
DRIFT = "Drift in what this plan touches"

_ADVICE = {
    ChangeClass.DESTRUCTIVE: "Approving it deletes objects or what is stored for them: readers find nothing there.",
    ChangeClass.INTERFACE_BREAK: "Approving it means that whoever reads these objects has to follow: a name, a "
    "type, a key or a feature is not what it was.",
    ChangeClass.VALUE_CHANGE: "Approving it means that features can come out differently: models that read them may "
    "need retraining.",
    ChangeClass.IDENTITY: "Objects get other names; no value changes.",
    ChangeClass.ADDITIVE: "Nothing that exists changes.",
    ChangeClass.EQUIVALENT: "No value changes.",
    ChangeClass.METADATA: "No value changes.",
}

_DONE = {"create": "create", "update": "change", "delete": "delete", "move": "rename"}
TOGETHER = 3
"""So many changes that follow from one thing are told together."""
_FEATURES = 2
"""So many features of a reader are named; of more, only the reader."""
_MODELS_READ = ("feature_service/", "saved_dataset/")
_VALUE_WIDTH = 80
_WORD = re.compile(r"[\w./:*-]+")
_BROKEN = str.maketrans({"\n": " ", "\r": " ", "\t": " "})


class Why(NamedTuple):
    """One reason: the field as people write it, its old and new value where they are worth a look, and what follows."""

    field: str
    old: str | None
    new: str | None
    text: str

    def __str__(self) -> str:
        return f"{self.head}: {self.text}" if self.field else self.text

    @property
    def head(self) -> str:
        """``ttl none -> 2d``: the field, and its values where they are worth a look."""
        if self.old is None and self.new is None:
            return self.field
        return f"{self.field} {self.old or 'none'} -> {self.new or 'none'}"


def plain(text: str) -> str:
    """``text`` on one line; what a terminal would obey or nobody would see shows as a replacement character."""
    flat = text.translate(_BROKEN)
    return flat if flat.isprintable() else "".join(c if c.isprintable() else "\ufffd" for c in flat)


def headline(made: Plan) -> str:
    """``Plan for shop in local, from registry serial 3``"""
    return f"Plan for {made.project} in {made.target}, from {base(made)}"


def base(made: Plan) -> str:
    """What the plan starts from."""
    return f"registry serial {made.base.serial}" if made.base.serial else "an empty registry"


def up_to_date(made: Plan) -> str:
    """What is said where there is nothing to do."""
    return f"No changes: {made.project} in {made.target} is up to date ({base(made)})."


def verdict(made: Plan) -> str:
    """``Plan: 3 to create, 1 to change; worst class value_change.``"""
    actions = [change.action for change in made.changes]
    parts = [f"{actions.count(action)} to {_DONE[action]}" for action in Action if action in actions]
    if made.settings_changes:
        parts.append(f"{number(len(made.settings_changes), 'setting', 'settings')} of the target to change")
    worst = next(iter(made.counts), None)
    said = ", ".join(parts) or "stores and registry only"
    text = f"Plan: {said}{f'; worst class {worst}' if worst else ''}."
    return f"{text} BLOCKED: {blocked_title(made)}." if made.blocked else text


def counts(made: Plan) -> tuple[str, ...]:
    """``("1 blocked", "2 value changes", "480 additions")``, worst first."""
    blocked = (f"{len(made.blocked)} blocked",) if made.blocked else ()
    settings = number(len(made.settings_changes), "setting of the target", "settings of the target")
    return (
        *blocked,
        *((settings,) if made.settings_changes else ()),
        *(number(count, *_COUNTED[cls]) for cls, count in made.counts.items()),
    )


def advice(made: Plan) -> str:
    """What approving the plan means, for somebody who has never seen one."""
    if made.blocked:
        return f"It cannot be applied as it is: {blocked_title(made)}."
    if made.settings_changes:
        return "Approving it changes the settings of the target, for everything in it."
    worst = next(iter(made.counts), None)
    return _ADVICE[worst] if worst else "Only stores and the registry are brought up to date."


def approvals(made: Plan, most: int | None = None) -> tuple[tuple[str, str], ...]:
    """Whose approval the plan needs, and for what: ``("models", "feature_service/pricing is reached")``."""
    return tuple((plain(asked.by), "; ".join(_asked(asked, most))) for asked in made.approvals)


def _asked(asked: Approval, most: int | None) -> Iterator[str]:
    for addresses, one, many in ((asked.changed, "changes", "change"), (asked.reached, "is reached", "are reached")):
        if addresses:
            shown = addresses if most is None or len(addresses) <= most else addresses[:most]
            left = f" and {len(addresses) - len(shown):,} more" if len(shown) < len(addresses) else ""
            yield f"{', '.join(shown)}{left} {one if len(addresses) == 1 else many}"
    if asked.classes:
        yield f"asked for {' and '.join(short_class(ChangeClass(cls)) for cls in asked.classes)}"


def breach(found: Blocked) -> str:
    """The code, and the policy where a house rule speaks: ``AS661 gold_needs_a_test``."""
    return plain(f"{found.code} {found.policy}" if found.policy else found.code)


def frozen(held: Freeze) -> str:
    """What is said of a freeze that holds now."""
    said = plain(held.text)
    does = "asof apply refuses this before then" if held.severity == "error" else "asof apply does not refuse it"
    return f"{said[:1].upper()}{said[1:]}; {does}."


def left_alone(made: Plan) -> str:
    """What is said of other repos in the same registry; "" where there are none."""
    return (
        f"{number(made.others, 'object', 'objects')} of other repos in this registry: left as they are."
        if made.others
        else ""
    )


def blocked_title(made: Plan) -> str:
    """``2 actions are blocked``"""
    return "1 action is blocked" if len(made.blocked) == 1 else f"{len(made.blocked):,} actions are blocked"


def group(made: Plan, cls: ChangeClass) -> tuple[Change, ...]:
    """The changes of a class: first what was edited, then what follows from it."""
    return tuple(sorted((c for c in made.changes if c.change_class is cls), key=lambda change: not change.direct))


def entries(made: Plan, cls: ChangeClass) -> tuple[tuple[Change, ...], ...]:
    """The changes of a class as a reviewer reads them: each by itself, but many that follow from one thing together."""
    alike: dict[tuple[object, ...], list[Change]] = {}
    for change in group(made, cls):
        alone = change.direct or change.action is not Action.UPDATE
        key = (change.address,) if alone else (*(reason.text for reason in change.reasons), change.cost)
        alike.setdefault(key, []).append(change)
    return tuple(
        part
        for found in alike.values()
        for part in ((tuple(found),) if len(found) >= TOGETHER else ((c,) for c in found))
    )


def together(changes: Sequence[Change]) -> tuple[Reached, ...]:
    """Whom several changes reach, each once, without themselves."""
    own = {change.address for change in changes}
    found: dict[str, Reached] = {}
    for change in changes:
        for one in change.reach:
            if one.address not in own:
                found[one.address] = merged(found.get(one.address, one), one)
    return tuple(found[address] for address in sorted(found))


def merged(one: Reached, other: Reached) -> Reached:
    """One object that is reached in two ways: by the features of both, by all where either says all."""
    both = (*one.features, *(name for name in other.features if name not in one.features))
    return msgspec.structs.replace(one, features=both if one.features and other.features else ())


def reasons(change: Change) -> tuple[Reason, ...]:
    """The reasons of a change, worst first; none for what is new, which says all by itself."""
    if change.action is Action.CREATE:
        return ()
    return tuple(sorted(change.reasons, key=lambda reason: -reason.change_class.rank))


def whys(made: Plan, change: Change) -> tuple[Why, ...]:
    """The same in words."""
    recorded = made.objects.get(change.address)
    after = recorded.definition if recorded is not None else None
    return tuple(_why(reason, "" if reason.upstream else spelt(change, reason, after)) for reason in reasons(change))


def settings(made: Plan) -> tuple[Why, ...]:
    """The target's settings that change, of a store what differs."""
    return tuple(_setting(reason) for reason in made.settings_changes)


def sql_diff(reason: Reason) -> tuple[str, ...]:
    """The lines of a diff of SQL; without the head of its hunk where there is only one."""
    lines = reason.diff[2:]
    return lines if sum(line.startswith("@@") for line in lines) > 1 else lines[1:]


def title(change: Change) -> str:
    """``feature_view/b (was feature_view/a)``"""
    return f"{change.address} (was {change.previous})" if change.previous else change.address


def readers(reach: Iterable[Reached]) -> tuple[Reached, ...]:
    """Whom a change can hurt, what models read first. Feature tests are not hurt: they speak for themselves."""
    found = [reached for reached in reach if not reached.address.startswith("feature_test/")]
    return tuple(sorted(found, key=lambda reached: (not reached.address.startswith(_MODELS_READ), reached.address)))


def reached(reach: Iterable[Reached], most: int | None = None) -> str:
    """Who reads what changes, with owners; ``most`` of them, and how many more."""
    found = readers(reach)
    shown = found if most is None or len(found) <= most else found[:most]
    listed = ", ".join(plain(f"{named(r)} ({r.owner})" if r.owner else named(r)) for r in shown)
    return f"{listed} and {len(found) - len(shown):,} more" if len(shown) < len(found) else listed


def named(reached: Reached) -> str:
    """``feature_service/pricing:tip``: who is reached, and in what, where that is known and little."""
    few = len(reached.features) <= _FEATURES
    return f"{reached.address}:{','.join(reached.features)}" if reached.features and few else reached.address


def what(step: Step) -> str:
    """What a step does, in a few words."""
    return "commit the registry" if step.before is None and step.after is None else f"{step.action} {step.resource.id}"


def number(count: int, one: str, many: str) -> str:
    """``1 step``, ``1,200 steps``"""
    return f"{count:,} {one if count == 1 else many}"


def short_class(cls: ChangeClass) -> str:
    """``value change``"""
    return _COUNTED[cls][0]


def advice_of(cls: ChangeClass) -> str:
    """What approving a change of this class means."""
    return _ADVICE[cls]


def _why(reason: Reason, field: str) -> Why:
    # A member that comes or goes is named by the text; SQL is shown as a diff.
    told = reason.upstream or reason.diff or reason.pointer.rpartition("/")[2].isdigit()
    old, new = (None if told else _value(value) for value in (reason.old, reason.new))
    return Why(field=plain(field), old=old, new=new, text=plain(reason.text))


def _setting(reason: Reason) -> Why:
    name = reason.pointer.strip("/")
    stores = [value for value in (reason.old, reason.new) if isinstance(value, dict)]
    if len(stores) == 2 and stores[0].get("type") == stores[1].get("type"):
        before, after = (dict(store.get("options", ())) for store in stores)
        keys = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
        old, new = before.get(keys[0]) if keys else None, after.get(keys[0]) if keys else None
        field = f"{name}.{keys[0]}" if len(keys) == 1 else f"{name} ({', '.join(keys)})"
        shown = (_value(old), _value(new)) if len(keys) == 1 else (None, None)
        return Why(field=plain(field), old=shown[0], new=shown[1], text=plain(reason.text))
    old, new = (value.get("type") if isinstance(value, dict) else value for value in (reason.old, reason.new))
    return Why(field=plain(name), old=_value(old), new=_value(new), text=plain(reason.text))


def _value(value: object) -> str | None:
    """A value in a few characters; None for nothing, and for what is best read in the file."""
    text = _flat(value)
    return None if not text else text if len(text) <= _VALUE_WIDTH else f"{text[: _VALUE_WIDTH - 3]}..."


def _flat(value: object) -> str:
    """``2d``, ``"two words"``, ``delete, recreate``, ``tier gold, since 2026-01-01``; "" for what has more floors."""
    if value is None or value == "" or (isinstance(value, str) and "\n" in value.strip()):
        return ""
    if isinstance(value, list):
        pairs = all(isinstance(item, list) and len(item) == 2 for item in value)
        return _flat(dict(value)) if pairs and value else _listed([_flat(item) for item in value])
    if isinstance(value, dict):
        parts = {key: _flat(item) for key, item in value.items()}
        return _listed([text and f"{plain(str(key))} {text}" for key, text in parts.items()])
    if isinstance(value, str) and _WORD.fullmatch(value):
        return value
    return plain(json.dumps(value, ensure_ascii=False))


def _listed(parts: Sequence[str]) -> str:
    return ", ".join(parts) if all(parts) else ""
