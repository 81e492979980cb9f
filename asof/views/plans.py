"""A plan as its reviewer reads it at a terminal: worst changes first, then the steps, then one line that sums it up."""

from __future__ import annotations

import json
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from asof.compiler.diff import Action, Reached
from asof.compiler.plan import plan_bytes
from asof.views import listings, wording
from asof.views.evidence import EXAMPLE_TITLE, edited, example_said, example_table, preview_lines, previewed
from asof.views.terminal import BOLD, CYAN, DIM, GREEN, RED, YELLOW, paint

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from asof.compiler.classify import ChangeClass, Reason
    from asof.compiler.diff import Change
    from asof.compiler.guards import Blocked
    from asof.compiler.infrastructure import Step
    from asof.compiler.plan import Plan
    from asof.ops.evidence import Evidence
    from asof.views.report import Report

T = TypeVar("T")
_COLOURS = {Action.CREATE: GREEN, Action.UPDATE: YELLOW, Action.DELETE: RED, Action.MOVE: CYAN}
_SIDE_COLOURS = {"old": RED, "new": GREEN}
_DIFF_COLOURS = {"+": GREEN, "-": RED, "@": CYAN}
WHOLE = 30
"""A list that is longer is cut short where nobody asks for all of it,"""
SHOWN = 20
"""after so many."""
REACHED = 8
APPROVED = 4
DIFF_LINES = 40


def human(
    made: Plan, *, evidence: Evidence | None = None, colour: bool = False, width: int = 100, verbose: bool = False
) -> str:
    """The plan as text that ends in a line break. An empty plan is one line; ``verbose`` cuts no list short."""
    page = _Page(colour=colour, width=width, verbose=verbose, evidence=evidence)
    if made.empty and not made.blocked:
        told = "\n".join(page.warnings(made.warnings))
        return f"{wording.up_to_date(made)}\n" + (f"\n{told}\n" if told else "")
    blocks = [
        [page.bold(wording.headline(made))],
        list(page.blocked(made.blocked)),
        list(page.warnings(made.warnings)),
        list(page.settings(made)),
        *(list(page.group(made, cls)) for cls in made.counts),
        list(page.steps(made.steps)),
        list(page.preview()),
        list(page.others(made)),
        list(page.approvals(made)),
        [page.bold(wording.verdict(made))],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def beside(report: Report) -> str:
    """What is said after a plan, each after a line that is empty: drift, cost, and a freeze that holds."""
    parts = [
        listings.drifted(report.drift, wording.DRIFT) if report.drift else "",
        f"{listings.costs(report.costs)}\n" if report.costs is not None else "",
        f"{wording.frozen(report.frozen)}\n" if report.frozen is not None else "",
    ]
    return "".join(f"\n{part}" for part in parts if part)


def difference(made: Plan, before: int, after: int, *, colour: bool = False, width: int = 100) -> str:
    """The changes from one generation to another, all of them, without steps."""
    if not (made.changes or made.settings_changes):
        return f"Generations {before} and {after} hold the same definitions.\n"
    page = _Page(colour=colour, width=width, verbose=True)
    blocks = [
        [page.bold(f"From generation {before} to {after} of {made.project} in {made.target}")],
        list(page.settings(made)),
        *(list(page.group(made, cls)) for cls in made.counts),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def as_json(made: Plan) -> dict[str, object]:
    """The plan as it stands in a plan file."""
    document: dict[str, object] = json.loads(plan_bytes(made))
    return document


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """How wide, how colourful and how long; each method yields the lines of one part."""

    colour: bool
    width: int
    verbose: bool
    evidence: Evidence | None = None

    def bold(self, text: str) -> str:
        return paint(text, BOLD, colour=self.colour)

    def blocked(self, blocked: Sequence[Blocked]) -> Iterator[str]:
        if blocked:
            yield paint("Blocked: this plan cannot be applied as it is", BOLD, RED, colour=self.colour)
        for block in self.some(blocked):
            yield from self.wrapped(f"  ! [{wording.breach(block)}] ", block.message, RED)
            yield from self.wrapped("      ", f"to lift it: {block.remedy}")
        yield from self.more(blocked)

    def warnings(self, warnings: Sequence[Blocked]) -> Iterator[str]:
        if warnings:
            yield self.bold(wording.WARNINGS)
        for found in self.some(warnings):
            yield from self.wrapped(f"  ? [{wording.breach(found)}] ", found.message, YELLOW)
            yield from self.wrapped("      ", f"to mend it: {found.remedy}")
        yield from self.more(warnings)

    def approvals(self, made: Plan) -> Iterator[str]:
        asked = wording.approvals(made, None if self.verbose else APPROVED)
        if asked:
            yield self.bold(wording.APPROVAL)
        for who, why in self.some(asked):
            yield from self.wrapped(f"  {who}: ", why)
        yield from self.more(asked)

    def settings(self, made: Plan) -> Iterator[str]:
        if made.settings_changes:
            yield self.bold("Settings of the target")
        for why in wording.settings(made):
            yield from self.wrapped("  ~ ", str(why), YELLOW)

    def group(self, made: Plan, cls: ChangeClass) -> Iterator[str]:
        yield self.bold(wording.TITLES[cls])
        changes = wording.group(made, cls)
        entries = tuple((change,) for change in changes) if self.verbose else wording.entries(made, cls)
        shown = self.some(entries)
        for entry in shown:
            yield from self.change(made, entry[0]) if len(entry) == 1 else self.together(made, entry)
        yield from self.more(changes, sum(len(entry) for entry in shown))

    def change(self, made: Plan, change: Change) -> Iterator[str]:
        head = f"  {wording.SIGNS[change.action]} {wording.title(change)}"
        owner = wording.plain(change.owner)
        room = max(self.width - len(head) - len(owner), 2)
        beside = f"{' ' * room}{paint(owner, DIM, colour=self.colour)}" if owner else ""
        yield paint(head, _COLOURS[change.action], colour=self.colour) + beside
        yield from self.because(made, change, change.reach)

    def together(self, made: Plan, changes: Sequence[Change]) -> Iterator[str]:
        """Several changes that follow from one thing."""
        head = f"  {wording.SIGNS[changes[0].action]} {len(changes):,} that follow: "
        listed = tuple(Reached(address=change.address, owner=change.owner) for change in changes)
        yield from self.wrapped(head, wording.reached(listed, REACHED), _COLOURS[changes[0].action])
        yield from self.because(made, changes[0], wording.together(changes))

    def because(self, made: Plan, change: Change, reach: Sequence[Reached]) -> Iterator[str]:
        for reason, why in zip(wording.reasons(change), wording.whys(made, change), strict=True):
            yield from self.wrapped("      ", str(why))
            for edit in reason.edits:
                yield from self.wrapped("        ", edited(edit))
            yield from self.diff(reason)
            yield from self.example(change, reason)
        if change.cost and change.action is not Action.CREATE:
            yield from self.wrapped("      cost: ", change.cost)
        reached = wording.reached(reach, None if self.verbose else REACHED)
        if reached:
            yield from self.wrapped("      reaches: ", reached)

    def diff(self, reason: Reason) -> Iterator[str]:
        lines = wording.sql_diff(reason)
        shown = lines if self.verbose else lines[:DIFF_LINES]
        for line in shown:
            text = wording.plain(line.expandtabs(4))
            yield "        " + paint(text, _DIFF_COLOURS.get(text[:1], DIM), colour=self.colour)
        yield from self.more(lines, len(shown), "        ")

    def example(self, change: Change, reason: Reason) -> Iterator[str]:
        """Rows on which the two versions of the SQL differ."""
        found = self.evidence.example(change.address, reason.pointer) if self.evidence is not None else None
        if found is None:
            return
        lines = example_table(found)
        yield from self.wrapped("      ", EXAMPLE_TITLE if lines else example_said(found), *(() if lines else (DIM,)))
        for line in lines:
            yield "        " + paint(line, _SIDE_COLOURS.get(line.partition(" ")[0], DIM), colour=self.colour)

    def preview(self) -> Iterator[str]:
        if self.evidence is not None and self.evidence.preview is not None:
            yield self.bold(previewed(self.evidence.preview))
            found = self.evidence.preview
            yield from (f"  {line}".rstrip() for line in preview_lines(found, keys=self.verbose))
            if not self.verbose and any(shift.differing for shift in found.shifts):
                yield paint("  --verbose shows the first rows that differ", DIM, colour=self.colour)

    def others(self, made: Plan) -> Iterator[str]:
        if made.others:
            yield wording.left_alone(made)

    def steps(self, steps: Sequence[Step]) -> Iterator[str]:
        if steps:
            yield self.bold("Steps")
        for number, step in enumerate(self.some(steps), 1):
            undone = "" if step.inverse else paint("  (cannot be undone)", RED, colour=self.colour)
            yield f"  {number:>3}  {step.phase:<9} {wording.what(step)}{undone}"
            yield from self.wrapped("                 ", step.reason, DIM)
        yield from self.more(steps)

    def some(self, items: Sequence[T]) -> Sequence[T]:
        return items if self.verbose or len(items) <= WHOLE else items[:SHOWN]

    def more(self, items: Sequence[object], shown: int = -1, lead: str = "  ") -> Iterator[str]:
        """What a list that was cut short says at its end."""
        left = len(items) - (len(self.some(items)) if shown < 0 else shown)
        if left:
            yield paint(f"{lead}... {left:,} more: --verbose shows all", DIM, colour=self.colour)

    def wrapped(self, lead: str, text: str, *codes: str) -> Iterator[str]:
        """``text`` behind ``lead``, continued under itself."""
        lines = textwrap.wrap(
            wording.plain(text), max(self.width - len(lead), 30), break_long_words=False, break_on_hyphens=False
        )
        for number, line in enumerate(lines or [""]):
            yield paint((lead if number == 0 else " " * len(lead)) + line, *codes, colour=self.colour and bool(codes))
