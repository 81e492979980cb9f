"""Commands for CI jobs: they ask the forge that the job runs on, with the job's own token."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from asof import api_ci
from asof.cli.session import ExitCode, Session, Usage, file_to_write

_LONGEST_LOG = 50_000


def comment(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", show_default=False, help="What --render markdown=FILE wrote, or a log."),
    ],
    title: Annotated[
        str, typer.Option("--title", metavar="TEXT", help="Show the file as the log of that, in a comment of its own.")
    ] = "",
) -> int:
    """Put a comment on the pull request, in the place of the one that was there before.

    GitHub: GITHUB_TOKEN. GitLab: GITLAB_TOKEN. Azure: SYSTEM_ACCESSTOKEN. Jenkins: one of the first two.
    """
    from asof.views.log_comment import is_comment, log_comment

    session: Session = context.obj
    text = file.read_text(encoding="utf-8", errors="replace")
    if title:
        text = log_comment(title, text, most=_LONGEST_LOG)
    elif not is_comment(text):
        raise Usage(f"{file} is no comment that asof wrote; --title shows it as a log")
    what = api_ci.put_comment(text, os.environ)
    session.terminal.say(f"Comment {what}.")
    return session.end(ExitCode.OK, comment=what)


def pull_request(context: typer.Context) -> int:
    """Print the number of the pull request that this job runs for, or that its commit was merged from."""
    session: Session = context.obj
    number = api_ci.pull_request(os.environ)
    session.terminal.say(str(number))
    return session.end(ExitCode.OK, pull_request=number)


def reviewed(
    context: typer.Context,
    out: Annotated[
        Path, typer.Option("--out", callback=file_to_write, metavar="FILE", help="Where to keep it.")
    ] = Path("plan.json"),
    artifact: Annotated[
        str, typer.Option("--artifact", metavar="NAME", help="As what the job of the pull request kept it.")
    ] = "asof-plan",
) -> int:
    """Bring the plan that was reviewed on the pull request which this commit was merged from (GitHub, GitLab)."""
    session: Session = context.obj
    digest = api_ci.reviewed_plan(out, artifact, os.environ)
    session.terminal.say(f"Kept in {out}. To apply exactly this: asof apply {out} --replan")
    return session.end(ExitCode.OK, file=str(out), sha256=digest)
