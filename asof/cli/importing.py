"""Commands that bring definitions over from elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from asof import api_import
from asof.cli.session import ExitCode, Session, folder_to_write
from asof.compiler.diagnostics import has_errors
from asof.views import frames, imports, listings


def feast(
    context: typer.Context,
    place: Annotated[
        str,
        typer.Argument(
            metavar="PLACE",
            show_default=False,
            help="A Feast repo, its registry (a file, s3://, gs://, az://, sqlite:// or postgresql://), or the JSON of"
            " `feast registry-dump`.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", callback=folder_to_write, metavar="DIR", help="Where the files go; here by default."),
    ] = None,
    project: Annotated[
        str, typer.Option("--project", metavar="NAME", help="Which project of a registry that several share.")
    ] = "",
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that are there.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be written.")] = False,
) -> int:
    """Turn the definitions of a Feast project into YAML. Its Python is not run, and Feast need not be installed.

    What could not be carried over stands as a comment in the files, with what to write in its place.
    """
    session: Session = context.obj
    folder = out or session.folder
    made = api_import.from_feast(place, folder, project=project, force=force, dry_run=dry_run)
    if has_errors(made.diagnostics):
        session.terminal.note(frames.render(made.diagnostics, made.files, colour=session.terminal.colour))
    session.terminal.say(imports.summary(made, folder, dry_run=dry_run, terminal=session.terminal))
    code = ExitCode.INVALID if has_errors(made.diagnostics) else ExitCode.OK
    return session.end(
        code,
        folder=str(folder),
        **imports.as_json(made, dry_run=dry_run),
        diagnostics=listings.diagnostics_json(made.diagnostics),
    )
