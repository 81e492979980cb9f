"""A plan as its reviewer reads it: worst changes first, then the steps, then one line that sums it up."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING

import msgspec

from asof.compiler.classify import ChangeClass
from asof.compiler.diff import Action
from asof.compiler.plan import plan_bytes
from asof.views.terminal import BOLD, CYAN, DIM, GREEN, RED, YELLOW, paint

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from asof.compiler.classify import Reason
    from asof.compiler.diff import Change, Reached
    from asof.compiler.guards import Blocked
    from asof.compiler.infrastructure import Step
    from asof.compiler.plan import Plan
    from asof.ops.apply import Applied, Progress, Recovered
    from asof.ops.recovery import Standstill
    from asof.views.terminal import Terminal

_SIGNS = {
    Action.CREATE: ("+", GREEN),
    Action.UPDATE: ("~", YELLOW),
    Action.DELETE: ("-", RED),
    Action.MOVE: (">", CYAN),
}
_TITLES = {
    ChangeClass.DESTRUCTIVE: "Destructive: something is deleted",
    ChangeClass.INTERFACE_BREAK: "Interface break: readers must follow",
    ChangeClass.VALUE_CHANGE: "Value change: features can come out differently",
    ChangeClass.IDENTITY: "Identity: another name, the same values",
    ChangeClass.ADDITIVE: "Additive: nothing that exists changes",
    ChangeClass.EQUIVALENT: "Equivalent: written otherwise, the same values",
    ChangeClass.METADATA: "Metadata: no value depends on it",
}
_DONE = {"create": "create", "update": "change", "delete": "delete", "move": "move"}
_DIFF_COLOURS = {"+": GREEN, "-": RED, "@": CYAN}


def human(made: Plan, *, colour: bool = False, width: int = 100) -> str:
    """The whole plan as text that ends in a line break. An empty plan is one line."""
    if made.empty and not made.blocked:
        return f"No changes: {made.project} in {made.target} is up to date ({_base(made)}).\n"
    page = _Page(colour=colour, width=width)
    blocks = [
        [page.bold(f"Plan for {made.project} in {made.target}, from {_base(made)}")],
        list(page.blocked(made.blocked)),
        list(page.settings(made.settings_changes)),
        *(list(page.group(made, cls)) for cls in made.counts),
        list(page.steps(made.steps)),
        list(page.others(made)),
        [page.bold(verdict(made))],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def difference(made: Plan, before: int, after: int, *, colour: bool = False, width: int = 100) -> str:
    """The changes from one generation to another, without steps."""
    if not (made.changes or made.settings_changes):
        return f"Generations {before} and {after} hold the same definitions.\n"
    page = _Page(colour=colour, width=width)
    blocks = [
        [page.bold(f"From generation {before} to {after} of {made.project} in {made.target}")],
        list(page.settings(made.settings_changes)),
        *(list(page.group(made, cls)) for cls in made.counts),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def verdict(made: Plan) -> str:
    """``Plan: 3 to create, 1 to change; worst class value_change; 2 steps.``"""
    actions = [change.action for change in made.changes]
    parts = [f"{actions.count(action)} to {_DONE[action]}" for action in Action if action in actions]
    if made.settings_changes:
        parts.append(f"{len(made.settings_changes)} of the target's settings")
    worst = next(iter(made.counts), None)
    said = ", ".join(parts) or "stores and registry only"
    text = f"Plan: {said}{f'; worst class {worst}' if worst else ''}."
    return f"{text} BLOCKED: {len(made.blocked)} of its actions may not be carried out." if made.blocked else text


def as_json(made: Plan) -> dict[str, object]:
    """The plan as it stands in a plan file."""
    document: dict[str, object] = json.loads(plan_bytes(made))
    return document


def _base(made: Plan) -> str:
    return f"registry serial {made.base.serial}" if made.base.serial else "an empty registry"


class _Page(msgspec.Struct, frozen=True, kw_only=True):
    """How wide and how colourful; each method yields the lines of one part."""

    colour: bool
    width: int

    def bold(self, text: str) -> str:
        return paint(text, BOLD, colour=self.colour)

    def blocked(self, blocked: Sequence[Blocked]) -> Iterator[str]:
        if blocked:
            yield paint("Blocked: this plan cannot be applied as it is", BOLD, RED, colour=self.colour)
        for block in blocked:
            yield from self.wrapped(f"  ! [{block.code}] ", block.message, RED)
            yield from self.wrapped("      ", f"to lift it: {block.remedy}")

    def settings(self, reasons: Sequence[Reason]) -> Iterator[str]:
        if reasons:
            yield self.bold("Settings of the target")
        for reason in reasons:
            yield from self.wrapped("  ~ ", f"{reason.pointer.strip('/')}: {reason.text}", YELLOW)

    def group(self, made: Plan, cls: ChangeClass) -> Iterator[str]:
        yield self.bold(_TITLES[cls])
        for change in made.changes:
            if change.change_class is cls:
                yield from self.change(change)

    def change(self, change: Change) -> Iterator[str]:
        sign, code = _SIGNS[change.action]
        head = f"  {sign} {change.address}"
        room = max(self.width - len(head) - len(change.owner), 2)
        owner = f"{' ' * room}{paint(change.owner, DIM, colour=self.colour)}" if change.owner else ""
        yield paint(head, code, colour=self.colour) + owner
        if change.action is not Action.CREATE:
            for reason in change.reasons:
                yield from self.reason(reason)
        if change.cost and change.action is not Action.CREATE:
            yield from self.wrapped("      cost: ", change.cost)
        if change.reach:
            yield from self.wrapped("      reaches: ", _reached(change.reach))

    def reason(self, reason: Reason) -> Iterator[str]:
        field = reason.pointer.strip("/").replace("/", ".")
        if reason.diff:
            yield from self.wrapped("      ", f"{field}: {reason.text}")
            for line in reason.diff[2:]:
                yield "        " + paint(line, _DIFF_COLOURS.get(line[:1], DIM), colour=self.colour)
            return
        said = f"{field}{_values(reason)}: {reason.text}" if field and not reason.upstream else reason.text
        yield from self.wrapped("      ", said)

    def others(self, made: Plan) -> Iterator[str]:
        if made.others:
            yield f"{made.others} objects of other repos in this registry stay as they are."

    def steps(self, steps: Sequence[Step]) -> Iterator[str]:
        if steps:
            yield self.bold("Steps")
        for number, step in enumerate(steps, 1):
            undone = "" if step.inverse else paint("  (cannot be undone)", RED, colour=self.colour)
            yield f"  {number:>3}  {step.phase:<9} {_what(step)}{undone}"
            yield from self.wrapped("                 ", step.reason, DIM)

    def wrapped(self, lead: str, text: str, *codes: str) -> Iterator[str]:
        """``text`` behind ``lead``, continued under itself."""
        lines = textwrap.wrap(text, max(self.width - len(lead), 30), break_long_words=False, break_on_hyphens=False)
        for number, line in enumerate(lines or [""]):
            yield paint((lead if number == 0 else " " * len(lead)) + line, *codes, colour=self.colour and bool(codes))


def _what(step: Step) -> str:
    return "commit the registry" if step.before is None and step.after is None else f"{step.action} {step.resource.id}"


def _reached(reach: Sequence[Reached]) -> str:
    return ", ".join(f"{r.address} ({r.owner})" if r.owner else r.address for r in reach)


def _values(reason: Reason) -> str:
    if reason.old is None:
        return "" if reason.new is None else f" + {_value(reason.new)}"
    return f" - {_value(reason.old)}" if reason.new is None else f" {_value(reason.old)} -> {_value(reason.new)}"


def _value(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."


class StepLines:
    """Progress of an apply: one line for each step that is done."""

    def __init__(self, terminal: Terminal, *, total: int | None = None) -> None:
        self.terminal = terminal
        self.total = total
        self.done = 0

    def __call__(self, progress: Progress) -> None:
        if progress.done:
            self.done += 1
            count = f"{self.done}/{self.total}" if self.total is not None else f"{self.done}"
            self.terminal.note(f"  [{count}] {_what(progress.step)}")


def applied(made: Plan, done: Applied) -> str:
    """``Applied: flights in local is at serial 3.``"""
    if not done.steps:
        return f"Applied before: {made.project} in {made.target} is at serial {done.serial}.\n"
    rebased = f", rebased from {done.rebased_from}" if done.rebased_from is not None else ""
    return f"Applied: {made.project} in {made.target} is at serial {done.serial}{rebased}.\n"


def kept(out: object, digest: str) -> str:
    """Where a plan was kept, and how to apply exactly that."""
    return f"Kept in {out}. To apply exactly this: asof apply {out} --expect-sha256 {digest}"


def stopped(found: Standstill) -> str:
    """What ``asof plan`` says of an apply that did not finish."""
    said = f"note: apply {found.apply_id} of {found.owner} stopped on its way."
    return f"{said} asof apply --resume finishes it, --abort undoes it; another apply settles it first."


def resumed(done: Applied | None) -> str:
    """What ``asof apply --resume`` came to."""
    if done is None:
        return "Nothing to resume: no apply stopped on its way.\n"
    return f"Resumed: the registry is at serial {done.serial}, {_steps_done(done.steps)}.\n"


def aborted(done: Recovered | None) -> str:
    """What ``asof apply --abort`` came to."""
    if done is None:
        return "Nothing to abort: no apply stopped on its way.\n"
    if not done.committed:
        return f"Aborted: the registry stays at serial {done.serial}, {_steps_done(done.steps)}.\n"
    said = f"Too late to undo: readers see generation {done.serial}, whose last steps were finished"
    return f"{said}, {_steps_done(done.steps)}. asof rollback SERIAL goes back.\n"


def _steps_done(steps: Sequence[str]) -> str:
    return f"{len(steps)} step{'' if len(steps) == 1 else 's'} done"
