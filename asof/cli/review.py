"""Commands that show a plan which was made before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from asof import api, api_review
from asof.cli.evidence import EvidenceIn, evidence_json, with_evidence
from asof.cli.output import Formatted, Rendered, Verbose, output, plan_report, plan_text
from asof.cli.session import ExitCode, Session, file_in_folders
from asof.views.format import Format

PlanFile = Annotated[
    Path, typer.Argument(metavar="PLAN", show_default=False, help="A file that `asof plan --out` wrote.")
]


def render(
    context: typer.Context,
    plan_file: PlanFile,
    evidence: EvidenceIn = None,
    form: Formatted = Format.TEXT,
    files: Rendered = None,
    verbose: Verbose = False,
) -> int:
    """Show a plan file again, in any format. Reads no registry; a repo only to say where changes were written."""
    from asof.views import plans

    out = output(context.obj, form, files, verbose=verbose)
    made = api.read_plan(plan_file)
    report = with_evidence(plan_report(out, made, plan_file, command="plan"), evidence)
    if out.placed:
        report = replace(report, places=api_review.places(out.session.root, made))
    out.show(report, plan_text(out, report))
    return out.end(report, ExitCode.OK, plan=plans.as_json(made), **evidence_json(report.evidence))


def report(
    context: typer.Context,
    plan_file: PlanFile,
    evidence: EvidenceIn = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", callback=file_in_folders, metavar="FILE", help="Where to; by default beside the plan, as .html."
        ),
    ] = None,
) -> int:
    """Write a plan as one HTML page to read and to search. It holds all that it shows: no network, no other file."""
    from asof.views.plan_html import page

    session: Session = context.obj
    shown = output(session, Format.TEXT, None)
    found = with_evidence(plan_report(shown, api.read_plan(plan_file), plan_file, command="plan"), evidence)
    place = out or plan_file.with_suffix(".html")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(page(found), encoding="utf-8", newline="\n")
    session.terminal.say(f"{place}: open it in a browser")
    return session.end(ExitCode.OK, file=str(place))
