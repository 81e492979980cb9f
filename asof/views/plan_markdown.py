"""A plan as a comment on a pull request: what a reviewer decides on first, and never longer than a comment may be.

The same plan gives the same text. The first line is a mark by which CI finds its comment again, to replace it.
"""

from __future__ import annotations

import hashlib
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from asof.compiler.classify import ChangeClass
from asof.compiler.diagnostics import Level
from asof.compiler.diff import Action, Reached
from asof.compiler.plan import plan_bytes
from asof.views import frames, wording
from asof.views.evidence import PSI_HINT, edited, example_said, example_table, preview_lines
from asof.views.listings import figures
from asof.views.markdown import block, clipped, code, folded, prose, summary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from asof.compiler.classify import Reason
    from asof.compiler.diagnostics import Diagnostic
    from asof.compiler.diff import Change
    from asof.compiler.guards import Blocked
    from asof.compiler.plan import Plan
    from asof.views.report import Report

LONGEST = 60_000
"""Bytes, and so characters: GitHub takes 65,536 characters."""
_KEPT_FREE = 4_000
"""Bytes for the last lines and for what cut sections say of the rest."""
_TEXT = 600
_DIFF_LINES = 80
_REACHED = 6
_REASONS = 6
_PREVIEW_LINES = 120
_MISFITS = 20
"""After so many diffs that have no room, no other is tried."""
_FRAMES = 12
_LISTED = {ChangeClass.IDENTITY: 60, ChangeClass.ADDITIVE: 60}
_COUNTED_ONLY = (ChangeClass.EQUIVALENT, ChangeClass.METADATA)
_ARTIFACT = "in the plan file: `asof render {} --verbose`"


def comment(report: Report) -> str:
    """The comment on a plan, or on a repo that has errors and therefore no plan."""
    page = _Page(report)
    made = report.plan
    page.add(f"<!-- asof {report.command} {_mark(report)} -->")
    if made is None:
        page.refused()
    elif made.empty and not made.blocked:
        page.add(f"### asof: no changes\n\n{prose(wording.up_to_date(made))}")
        page.warnings(made)
        page.findings()
    else:
        page.plan(made)
    return page.text()


def digest(made: Plan) -> str:
    """The SHA-256 of the plan's file, kept or not."""
    return hashlib.sha256(plan_bytes(made)).hexdigest()


class _Row(NamedTuple):
    """A line of a section, and how many changes it tells of."""

    text: str
    stands_for: int = 1


@dataclass(slots=True)
class _Page:
    report: Report
    parts: list[str] = field(default_factory=list)
    size: int = 0

    def plan(self, made: Plan) -> None:
        where = f"{code(made.project)} in {code(made.target)}"
        self.add(f"### asof: {', '.join(wording.counts(made)) or 'stores only'}")
        self.add(f"Plan for {where}, from {wording.base(made)}. **{wording.advice(made)}**")
        blocked = (
            _Row(
                f"- **[{found.code}]**{_policy(found)} {prose(clipped(found.message, _TEXT))}. *To lift it:* "
                f"{prose(clipped(found.remedy, _TEXT))}"
            )
            for found in made.blocked
        )
        self.section("Blocked: it cannot be applied like this", blocked, len(made.blocked))
        self.asked(made)
        self.warnings(made)
        self.findings()
        changed = (_Row(f"- `~` {_said(why)}") for why in wording.settings(made))
        self.section("Settings of the target", changed, len(made.settings_changes))
        drift = (
            _Row(f"- {code(d.id)} in {code(d.store)}: {prose(d.found)}. {prose(clipped(d.said, _TEXT))}")
            for d in self.report.drift
        )
        self.section(wording.DRIFT, drift, len(self.report.drift))
        self.costs()
        for cls in made.counts:
            if cls not in _COUNTED_ONLY:
                entries = wording.entries(made, cls)
                listed = entries[: _LISTED.get(cls, len(entries))]
                rows = (_Row(_line(made, entry), len(entry)) for entry in listed)
                self.section(wording.TITLES[cls], rows, made.counts[cls])
        rest = [cls for cls in _COUNTED_ONLY if cls in made.counts]
        if rest:
            said = (f"**{wording.TITLES[cls]}** ({made.counts[cls]:,})" for cls in rest)
            self.add("\n\n".join(said), always=True)
        if made.others:
            self.add(wording.left_alone(made), always=True)
        self.diffs(made)
        self.preview()
        self.steps(made)
        self.add(_last(self.report, made), always=True)

    def asked(self, made: Plan) -> None:
        """Who has to approve, and that it is no time to apply."""
        held = self.report.frozen
        if held is not None:
            self.add(f"**{prose(wording.frozen(held))}**", always=True)
        rows = (_Row(f"- {code(clipped(who, 80))}: {prose(clipped(why, _TEXT))}") for who, why in _approvals(made))
        self.section(wording.APPROVAL, rows, len(made.approvals))

    def costs(self) -> None:
        """How much is read to fill the tables, the most first."""
        found = self.report.costs
        if found is None:
            return
        views = sorted(found.views, key=lambda cost: (-(cost.bytes or 0), -(cost.rows or 0), cost.address))
        rows = []
        for cost in views:
            told = zip(("rows", "", "partitions"), figures(cost), strict=True)
            said = ", ".join(f"{figure} {unit}".strip() for unit, figure in told if figure != "-")
            rows.append(
                _Row(f"- {code(cost.address)}: {cost.work}, reads {said or 'nobody knows how much'} ({prose(cost.by)})")
            )
        self.section("Cost of filling the tables", rows, len(rows))
        if found.kept:
            kept = [Reached(address=address) for address in found.kept]
            self.add(f"Kept as they are: the stored rows of {_owned(kept)}.")

    def warnings(self, made: Plan) -> None:
        rows = (
            _Row(
                f"- [{found.code}]{_policy(found)} {prose(clipped(found.message, _TEXT))}. *To mend it:* "
                f"{prose(clipped(found.remedy, _TEXT))}"
            )
            for found in made.warnings
        )
        self.section(wording.WARNINGS, rows, len(made.warnings))

    def refused(self) -> None:
        self.add(f"### asof: {without_plan(self.report)}")
        self.findings()

    def findings(self) -> None:
        """Errors first, each as a code frame; a few of them open, warnings folded away."""
        found = sorted(self.report.diagnostics, key=lambda d: tuple(Level).index(d.level))
        errors = [d for d in found if d.level is Level.ERROR]
        for diagnostics, fold in ((errors, False), (found[len(errors) :], True)):
            if not diagnostics:
                continue
            shown = diagnostics[:_FRAMES]
            body = block(_frames(shown, self.report), "text")
            left = len(diagnostics) - len(shown)
            if left:
                body += f"\n\n{left:,} more: `asof validate`"
            title = wording.number(len(diagnostics), "warning", "warnings")
            if not self.add(folded(title, body) if fold else body):
                self.add(f"{wording.number(len(diagnostics), 'finding', 'findings')}: `asof validate` shows them.")

    def section(self, title: str, rows: Iterable[_Row], count: int) -> None:
        """A list under its title, as far as there is room; then how many more there are, and where."""
        if not count:
            return
        lines = [f"**{title}** ({count:,})\n"]
        room = LONGEST - _KEPT_FREE - self.size - len(lines[0].encode()) - 2
        left = count
        for row in rows:
            room -= len(row.text.encode()) + 1
            if room < 0:
                break
            lines.append(row.text)
            left -= row.stands_for
        if left:
            lines.append(f"- ... and {left:,} more {self.artifact}")
        self.add("\n".join(lines), always=True)

    def diffs(self, made: Plan) -> None:
        """The SQL that changes, folded, worst class first; how many there is no room for is said at the end."""
        without = 0
        for cls in made.counts:
            for change in wording.group(made, cls):
                for reason, why in zip(wording.reasons(change), wording.whys(made, change), strict=True):
                    if reason.diff and (without >= _MISFITS or not self.diff(change, reason, why)):
                        without += 1
        if without:
            self.add(f"{wording.number(without, 'SQL diff', 'SQL diffs')} more {self.artifact}", always=True)

    def diff(self, change: Change, reason: Reason, why: wording.Why) -> bool:
        lines = wording.sql_diff(reason)
        body = block([clipped(line, _TEXT) for line in lines[:_DIFF_LINES]], "diff")
        if len(lines) > _DIFF_LINES:
            body += f"\n\n... and {len(lines) - _DIFF_LINES:,} more lines {self.artifact}"
        parts = [f"- {code(edited(edit))}" for edit in reason.edits[:_REASONS]]
        if len(reason.edits) > len(parts):
            parts.append(f"- {wording.number(len(reason.edits) - len(parts), 'more edit', 'more edits')}")
        body = "\n\n".join((*(("\n".join(parts),) if parts else ()), body, *self.example(change, reason)))
        head = f"SQL of {summary(f'{change.address} {why.field}')}: {wording.short_class(change.change_class)}"
        return self.add(folded(head, body))

    def example(self, change: Change, reason: Reason) -> Iterator[str]:
        """Rows on which the two versions differ, or what became of the search for them."""
        evidence = self.report.evidence
        found = evidence.example(change.address, reason.pointer) if evidence is not None else None
        if found is not None:
            lines = example_table(found)
            yield (
                "The old and the new version differ on these rows:" if lines else prose(_sentence(example_said(found)))
            )
            if lines:
                yield block(lines, "text")

    def preview(self) -> None:
        """Old and new values of the changed features, folded."""
        found = self.report.evidence.preview if self.report.evidence is not None else None
        if found is None:
            return
        lines = preview_lines(found)
        body = block([clipped(line, _TEXT) for line in lines[:_PREVIEW_LINES]], "text")
        if len(lines) > _PREVIEW_LINES:
            body += f"\n\n... and {len(lines) - _PREVIEW_LINES:,} more lines {self.artifact}"
        head = f"{prose(wording.number(len(found.shifts), 'feature', 'features'))} compared over {found.rows:,} rows"
        if not self.add(folded(f"Preview: {head}", f"{body}\n\n{PSI_HINT}")):
            self.add(f"A preview of {head}: in the HTML report.", always=True)

    def steps(self, made: Plan) -> None:
        rows = []
        for at, step in enumerate(made.steps[: _LISTED[ChangeClass.ADDITIVE]], 1):
            undone = "" if step.inverse else " **cannot be undone**"
            rows.append(f"{at}. {step.phase}: {prose(wording.what(step))}{undone} ({prose(step.reason)})")
        if len(made.steps) > len(rows):
            rows.append(f"\n... and {len(made.steps) - len(rows):,} more {self.artifact}")
        if rows:
            self.add(folded(f"What apply will do: {wording.number(len(made.steps), 'step', 'steps')}", "\n".join(rows)))

    @property
    def artifact(self) -> str:
        return _ARTIFACT.format(clipped(wording.plain(self.report.plan_file).replace("`", "'"), 200))

    def add(self, text: str, *, always: bool = False) -> bool:
        """Take ``text`` in if there is room for it; ``always`` takes from what is kept free for that."""
        size = len(text.encode()) + 2
        if self.size + size > LONGEST - (0 if always else _KEPT_FREE):
            return False
        self.parts.append(text)
        self.size += size
        return True

    def text(self) -> str:
        return "\n\n".join(self.parts) + "\n"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _mark(report: Report) -> str:
    """Project and target, as far as they are plain names."""
    kept = "".join(c for c in f"{report.project} {report.target}" if c.isalnum() or c in "_ -")
    return " ".join(clipped(kept, 200).replace("--", "-").split())


def _line(made: Plan, entry: Sequence[Change]) -> str:
    """``- ~ address (owner): why. Cost: what. Reaches: whom``, of one change or of many that follow from one thing."""
    change = entry[0]
    whys = wording.whys(made, change)
    parts = [_said(why) for why in whys[:_REASONS]]
    if len(whys) > len(parts):
        parts.append(wording.number(len(whys) - len(parts), "more reason", "more reasons"))
    said = f": {'.<br>'.join(parts)}." if parts else ""
    if change.cost and change.action is not Action.CREATE:
        said += f" *Cost:* {prose(change.cost)}."
    reach = wording.readers(wording.together(entry) if len(entry) > 1 else change.reach)
    if reach:
        said += f" *Reaches:* {_owned(reach)}."
    if len(entry) > 1:
        who = f"{len(entry):,} that follow ({_owned([Reached(address=c.address, owner=c.owner) for c in entry])})"
    else:
        owner = f" ({code(clipped(change.owner, 80))})" if change.owner else ""
        was = f" (was {code(change.previous)})" if change.previous else ""
        who = f"**{code(change.address)}**{was}{owner}"
    return f"- `{wording.SIGNS[change.action]}` {who}{said}"


def _policy(found: Blocked) -> str:
    return f" {code(clipped(found.policy, 80))}:" if found.policy else ""


def _approvals(made: Plan) -> Sequence[tuple[str, str]]:
    return wording.approvals(made, _REACHED)


def _said(why: wording.Why) -> str:
    head = code(why.head)
    text = prose(clipped(why.text, _TEXT))
    return f"{head}: {text}" if head else text


def _owned(reach: Sequence[Reached]) -> str:
    shown = [
        code(clipped(wording.named(r), 160)) + (f" ({code(clipped(r.owner, 80))})" if r.owner else "")
        for r in reach[:_REACHED]
    ]
    left = len(reach) - len(shown)
    return ", ".join(shown) + (f" and {left:,} more" if left else "")


def _frames(found: Sequence[Diagnostic], report: Report) -> list[str]:
    text = frames.render(found, report.sources)
    return [clipped(line, 300) for line in text.splitlines()][:200]


def without_plan(report: Report) -> str:
    """What there is to say where there is no plan: that there are errors, or how tests went."""
    wrong = sum(d.level is Level.ERROR for d in report.diagnostics)
    errors = wording.number(wrong, "error", "errors")
    if report.command == "plan":
        return f"no plan, {errors} in the definitions"
    if report.command == "test":
        failed = wording.number(sum(not t.passed for t in report.tests), "failure", "failures")
        return f"{wording.number(len(report.tests), 'feature test', 'feature tests')}, {failed}"
    return errors if wrong else "the definitions are valid"


def apply_commands(report: Report, made: Plan) -> tuple[str, ...]:
    """What carries out exactly this plan, after keeping it where it is not kept yet."""
    allowed = (word for address in made.allowed for word in ("--allow-destroy", address))
    keep = shlex.join(["asof", "plan", "--target", made.target, "--out", report.plan_file, *allowed])
    return (
        *(() if report.kept else (clipped(keep, _TEXT),)),
        f"asof apply {clipped(shlex.quote(report.plan_file), _TEXT)} --expect-sha256 {digest(made)}",
    )


def _last(report: Report, made: Plan) -> str:
    """Which plan this is, and the command that carries out exactly this one."""
    sha = digest(made)
    told = f"Plan {code(sha[:12])}, from {wording.base(made)}"
    generation = f" (generation {code(made.base.generation[:12])})" if made.base.generation else ""
    head = f"{told}{generation}, by asof {made.tool.asof}."
    if made.blocked:
        return f"<sub>{head} Nothing to apply while an action is blocked.</sub>"
    return f"<sub>{head} To apply exactly this:</sub>\n\n{block(apply_commands(report, made), 'sh')}"
