"""A plan as one HTML page that holds all it shows: no network, no other file, no script but its own.

The page's policy names the hashes of its style and its script, so that a browser refuses whatever else got in.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, NamedTuple

from asof import templates
from asof.compiler.diff import Action
from asof.views import evidence as words
from asof.views import wording
from asof.views.frames import masked
from asof.views.listings import figures
from asof.views.pictures import picture
from asof.views.plan_markdown import apply_commands, digest, without_plan
from asof.views.side_by_side import side_by_side

if TYPE_CHECKING:
    from asof.compiler.classify import ChangeClass, Reason
    from asof.compiler.diagnostics import Diagnostic
    from asof.compiler.diff import Change, Reached
    from asof.compiler.plan import Plan
    from asof.ops.evidence import Evidence, Example, Preview, Shift, Side
    from asof.views.pictures import Picture
    from asof.views.report import Report
    from asof.views.side_by_side import Line

_REACHED = 40
_OPEN = 30
"""So many changes show their SQL at once; of more, each is opened by a click."""


class Sql(NamedTuple):
    """A changed piece of SQL."""

    lines: tuple[Line, ...]
    edits: tuple[tuple[str, str, str, str], ...]
    example: Example | None
    said: str


class Why(NamedTuple):
    """One reason of a change."""

    head: str
    text: str
    cls: str
    sql: Sql | None


class Card(NamedTuple):
    """One change."""

    sign: str
    address: str
    previous: str
    owner: str
    cls: str
    whys: tuple[Why, ...]
    cost: str
    reach: tuple[str, ...]
    more: int
    search: str


class Group(NamedTuple):
    """The changes of one class."""

    cls: str
    title: str
    cards: tuple[Card, ...]


class ShiftCard(NamedTuple):
    """One feature of a preview."""

    name: str
    size: str
    psi: str
    changed: str
    figures: tuple[tuple[str, str, str], ...]
    picture: Picture
    keys: tuple[str, ...]
    differing: tuple[tuple[str, ...], ...]


def page(report: Report) -> str:
    """The page of a plan, or of a repo that has errors and therefore no plan."""
    style, script = (templates.report_part(name) for name in ("report.css", "report.js"))
    made = report.plan
    found = report.evidence
    return templates.report_page(
        plain=wording.plain,
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
        project=report.project,
        target=report.target,
        title="" if made is not None else _sentence(without_plan(report)),
        findings=[_finding(d) for d in report.diagnostics],
        plan=None if made is None else _plan(report, made, found),
        preview=None if found is None or found.preview is None else _preview(found.preview),
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _finding(found: Diagnostic) -> dict[str, str]:
    where = f"{found.span.path}:{found.span.line}" if found.span.path else ""
    return {"level": str(found.level), "code": found.code, "message": masked(found.message), "where": where}


def _plan(report: Report, made: Plan, found: Evidence | None) -> dict[str, object]:
    return {
        "empty": made.empty and not made.blocked,
        "up_to_date": wording.up_to_date(made),
        "verdict": wording.verdict(made),
        "advice": wording.advice(made),
        "worst": "blocked" if made.blocked else str(next(iter(made.counts), "none")),
        "base": wording.base(made),
        "counts": [(str(cls), wording.short_class(cls), count) for cls, count in made.counts.items()],
        "blocked": [(wording.breach(b), b.message, b.remedy) for b in made.blocked],
        "warnings": [(wording.breach(w), w.message, w.remedy) for w in made.warnings],
        "approvals": wording.approvals(made),
        "frozen": wording.frozen(report.frozen) if report.frozen is not None else "",
        "costs": [(c.address, c.work, *figures(c), c.by) for c in report.costs.views] if report.costs else [],
        "settings": [str(why) for why in wording.settings(made)],
        "groups": [_group(made, cls, found) for cls in made.counts],
        "steps": [(str(s.phase), wording.what(s), s.reason, bool(s.inverse)) for s in made.steps],
        "others": wording.left_alone(made),
        "open": len(made.changes) <= _OPEN,
        "sha": digest(made),
        "commands": apply_commands(report, made) if not made.blocked else [],
        "asof": made.tool.asof,
    }


def _group(made: Plan, cls: ChangeClass, found: Evidence | None) -> Group:
    cards = tuple(_card(made, change, found) for change in wording.group(made, cls))
    return Group(cls=str(cls), title=wording.TITLES[cls], cards=cards)


def _card(made: Plan, change: Change, found: Evidence | None) -> Card:
    whys = tuple(
        Why(head=why.head, text=why.text, cls=str(reason.change_class), sql=_sql(change, reason, found))
        for reason, why in zip(wording.reasons(change), wording.whys(made, change), strict=True)
    )
    reach = [_who(reached) for reached in wording.readers(change.reach)]
    owner = change.owner
    said = " ".join((change.address, change.previous, change.owner, *(w.head + " " + w.text for w in whys), *reach))
    return Card(
        sign=wording.SIGNS[change.action],
        address=change.address,
        previous=change.previous,
        owner=owner,
        cls=str(change.change_class),
        whys=whys,
        cost=change.cost if change.action is not Action.CREATE else "",
        reach=tuple(reach[:_REACHED]),
        more=max(len(reach) - _REACHED, 0),
        search=said.lower(),
    )


def _who(reached: Reached) -> str:
    name = wording.named(reached)
    return f"{name} ({reached.owner})" if reached.owner else name


def _sql(change: Change, reason: Reason, found: Evidence | None) -> Sql | None:
    if not reason.diff:
        return None
    example = found.example(change.address, reason.pointer) if found is not None else None
    return Sql(
        lines=side_by_side(str(reason.old or ""), str(reason.new or "")),
        edits=tuple((str(e.group), e.text, e.old, e.new) for e in reason.edits),
        example=example if example is not None and example.rows else None,
        said="" if example is None else words.left_out(example) if example.rows else words.example_said(example),
    )


def _preview(found: Preview) -> dict[str, object]:
    return {
        "title": words.previewed(found),
        "shifts": [_shift(shift) for shift in words.ordered(found) if shift.changed],
        "same": [f"{s.view}:{s.feature}" for s in words.ordered(found) if not s.changed],
        "skipped": [(s.view, s.why) for s in found.skipped],
        "hint": words.PSI_HINT,
    }


def _shift(shift: Shift) -> ShiftCard:
    old, new, rows = shift.old, shift.new, max(shift.rows, 1)
    figures = [
        ("NULL", words.percent(old.nulls / rows), words.percent(new.nulls / rows)),
        ("distinct", f"{old.distinct:,}", f"{new.distinct:,}"),
    ]
    if old.quantiles or new.quantiles:
        figures.append(("mean", words.figure(old.mean), words.figure(new.mean)))
        figures += [
            (name, _quantile(old, at), _quantile(new, at))
            for name, at in (("5 %", 0), ("25 %", 1), ("median", 2), ("75 %", 3), ("95 %", 4))
        ]
    return ShiftCard(
        name=f"{shift.view}:{shift.feature}",
        size=words.size_of_shift(shift.psi),
        psi=f"{shift.psi:.3f}",
        changed=f"{shift.changed:,} of {shift.rows:,} rows ({words.percent(shift.share)})",
        figures=tuple(figures),
        picture=picture(shift),
        keys=tuple(name for name, _ in shift.differing[0].keys) if shift.differing else (),
        differing=tuple((*(v for _, v in row.keys), row.old, row.new) for row in shift.differing),
    )


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _quantile(side: Side, at: int) -> str:
    return words.figure(side.quantiles[at]) if side.quantiles else ""
