"""Diagnostics and the changes of a plan as findings of one kind: what SARIF, JUnit and annotations are made of."""

from __future__ import annotations

import hashlib
import posixpath
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from asof.compiler.classify import ChangeClass
from asof.compiler.diagnostics import RULES, Level
from asof.compiler.diff import Action
from asof.compiler.source import NOWHERE, Span
from asof.views import wording
from asof.views.frames import masked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from asof.compiler.diagnostics import Diagnostic
    from asof.compiler.diff import Change
    from asof.compiler.plan import Plan
    from asof.views.report import Report

_LEVELS = {
    ChangeClass.DESTRUCTIVE: Level.WARNING,
    ChangeClass.INTERFACE_BREAK: Level.WARNING,
    ChangeClass.VALUE_CHANGE: Level.WARNING,
    ChangeClass.IDENTITY: Level.NOTE,
    ChangeClass.ADDITIVE: Level.NOTE,
    ChangeClass.EQUIVALENT: Level.NOTE,
    ChangeClass.METADATA: Level.NOTE,
}
CLASS_RULE = "plan/{}"
REACHED = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something to be looked at.

    ``rule`` is a diagnostic's code or ``plan/<class>``; ``span.path`` starts at the top of the checkout, and is ""
    where nothing is known. ``fingerprint`` stays while lines move.
    """

    rule: str
    level: Level
    title: str
    message: str
    address: str = ""
    hint: str = ""
    span: Span = NOWHERE
    fingerprint: str = ""

    @property
    def text(self) -> str:
        """Message and hint together."""
        return f"{self.message}\n{self.hint}" if self.hint else self.message


def rules() -> Mapping[str, str]:
    """Every rule by its id, with its summary."""
    return {code: rule.summary for code, rule in RULES.items()} | {
        CLASS_RULE.format(cls): title for cls, title in wording.TITLES.items()
    }


def findings(report: Report, *, least: ChangeClass = ChangeClass.ADDITIVE) -> tuple[Finding, ...]:
    """All there is to see, worst first: errors, warnings, then notes, each in the order of files and lines.

    Of changes, those that an author made: what follows from one is said with it. ``least`` is the most harmless
    class that counts.
    """
    made = [_of_diagnostic(report, found) for found in report.diagnostics]
    if report.plan is not None:
        made += [*_breaches(report, report.plan), *_changes(report, report.plan, least)]
    made.sort(key=lambda f: (tuple(Level).index(f.level), f.span.path, f.span.line, f.span.column, f.rule, f.message))
    return tuple(_fingerprinted(made))


def _of_diagnostic(report: Report, found: Diagnostic) -> Finding:
    hints = [*found.notes, *(fix.title for fix in found.fixes)]
    return Finding(
        rule=found.code,
        level=found.level,
        title=found.summary,
        message=wording.plain(masked(found.message)),
        address=found.address,
        hint=wording.plain("; ".join(hints)),
        span=_placed(report, found.span),
    )


def _breaches(report: Report, made: Plan) -> Iterator[Finding]:
    """What blocks the plan, and what it warns of."""
    levels = [(block, Level.ERROR, "lift") for block in made.blocked]
    levels += [(warned, Level.WARNING, "mend") for warned in made.warnings]
    for found, level, verb in levels:
        yield Finding(
            rule=found.code,
            level=level,
            title=RULES[found.code].summary if found.code in RULES else "blocked",
            message=wording.plain(f"{found.policy}: {found.message}" if found.policy else found.message),
            address=found.address,
            hint=wording.plain(f"to {verb} it: {found.remedy}"),
            span=_placed(report, report.places.get(found.address, NOWHERE)),
        )


def _changes(report: Report, made: Plan, least: ChangeClass) -> Iterator[Finding]:
    for why in wording.settings(made):
        span = _placed(report, report.places.get("", NOWHERE))
        rule, title = CLASS_RULE.format(ChangeClass.VALUE_CHANGE), "Settings of the target"
        yield Finding(rule=rule, level=Level.WARNING, title=title, message=str(why), span=span)
    for change in made.changes:
        if change.change_class.rank >= least.rank and (change.direct or change.action is Action.DELETE):
            yield _of_change(report, made, change)


def _of_change(report: Report, made: Plan, change: Change) -> Finding:
    cls = change.change_class
    reached = wording.reached(change.reach, REACHED)
    return Finding(
        rule=CLASS_RULE.format(cls),
        level=_LEVELS[cls],
        title=wording.TITLES[cls],
        message=wording.plain(f"{wording.title(change)}: {'; '.join(said(made, change))}"),
        address=change.address,
        hint=f"reaches: {reached}" if reached else "",
        span=_placed(report, report.places.get(change.address, NOWHERE)),
    )


def said(made: Plan, change: Change) -> tuple[str, ...]:
    """Why, and what it costs."""
    whys = tuple(str(why) for why in wording.whys(made, change)) or tuple(reason.text for reason in change.reasons)
    return (*whys, f"cost: {change.cost}") if change.cost and change.action is not Action.CREATE else whys


def _placed(report: Report, span: Span) -> Span:
    """The span from the top of the checkout; nothing that says which machine this is."""
    if not span.path:
        return NOWHERE
    path = span.path.replace("\\", "/")
    path = posixpath.normpath(f"{report.folder}/{path}") if report.folder else path
    end = (span.end_line, span.end_column) if span.end_line == span.line else (span.line, 0)
    return Span(
        path=path, line=max(span.line, 1), column=max(span.column, 1), end_line=max(end[0], 1), end_column=end[1]
    )


def _fingerprinted(made: Iterable[Finding]) -> Iterator[Finding]:
    """Rule, object (or file) and message: what stays while lines move. Equal ones are counted."""
    seen: Counter[str] = Counter()
    for found in made:
        key = "\0".join((found.rule, found.address or found.span.path, found.message))
        seen[key] += 1
        digest = hashlib.sha256(f"{key}\0{seen[key]}".encode("utf-8", "replace")).hexdigest()
        yield replace(found, fingerprint=digest)
