"""Commands that show a plan which was made before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from asof import api, api_review
from asof.cli.output import Formatted, Rendered, Verbose, output, plan_report
from asof.cli.session import ExitCode
from asof.views.format import Format


def render(
    context: typer.Context,
    plan_file: Annotated[
        Path, typer.Argument(metavar="PLAN", show_default=False, help="A file that `asof plan --out` wrote.")
    ],
    form: Formatted = Format.TEXT,
    files: Rendered = None,
    verbose: Verbose = False,
) -> int:
    """Show a plan file again, in any format. Reads no registry; a repo only to say where changes were written."""
    from asof.views import plans

    out = output(context.obj, form, files, verbose=verbose)
    made = api.read_plan(plan_file)
    report = plan_report(out, made, plan_file, command="plan")
    if out.placed:
        report = replace(report, places=api_review.places(out.session.root, made))
    terminal = out.session.terminal
    out.show(report, plans.human(made, colour=terminal.colour, width=terminal.width, verbose=verbose))
    return out.end(report, ExitCode.OK, plan=plans.as_json(made))
