"""One answer in the formats that were asked for: one on standard output, others into files."""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from asof import api_review
from asof.cli.session import ExitCode, InvalidRepo, Session, Usage
from asof.ops.file_errors import refuse_unwritable
from asof.views.format import PLACED, Format, suited
from asof.views.terminal import answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asof.api import Review
    from asof.api_checks import Checked
    from asof.compiler.plan import Plan
    from asof.views.report import Report

Formatted = Annotated[
    Format,
    typer.Option("--format", help="How the answer is written; auto goes by where it runs: a terminal, GitHub, GitLab."),
]
Rendered = Annotated[
    list[str] | None,
    typer.Option("--render", metavar="FORMAT=FILE", help="Write the answer to a file as well. Repeatable."),
]
Verbose = Annotated[bool, typer.Option("--verbose", help="Show all of a long list.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """Where an answer goes. ``session`` is the command's, its terminal set to what is asked for."""

    session: Session
    form: Format
    files: tuple[tuple[Format, Path], ...]
    verbose: bool

    @property
    def placed(self) -> bool:
        """Whether anything here says on which lines changes were written."""
        return bool(PLACED & {self.form, *(form for form, _ in self.files)})

    @property
    def json(self) -> bool:
        """Whether any part of the answer is JSON."""
        return Format.JSON in (self.form, *(form for form, _ in self.files))

    def show(self, report: Report, text: str) -> None:
        """The answer on standard output: ``text``, or the report as a document; JSON waits for the end."""
        if self.form is Format.TEXT:
            if text:
                self.session.terminal.say(text)
        elif self.form is not Format.JSON:
            from asof.views.renderings import rendered

            self.session.terminal.raw(rendered(report, self.form, verbose=self.verbose))

    def write(self, report: Report, code: ExitCode, **fields: object) -> None:
        """The answer into its files."""
        for form, path in self.files:
            if form is Format.JSON:
                text = answer(code, code.name.lower(), fields) + "\n"
            else:
                from asof.views.renderings import rendered

                text = rendered(report, form, verbose=self.verbose)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")

    def end(self, report: Report, code: ExitCode, **fields: object) -> ExitCode:
        """A command's last word: the files, the JSON answer and the exit code."""
        self.write(report, code, **fields)
        return self.session.end(code, **fields)


def output(session: Session, form: Format, render: Sequence[str] | None, *, verbose: bool = False) -> Output:
    """Where the answer of a command goes, by its options. ``--json`` is ``--format json``. Raises Usage."""
    if session.terminal.json and form not in (Format.TEXT, Format.JSON):
        raise Usage(f"--json and --format {form} are two answers; --render {form}=FILE writes one of them to a file")
    chosen = Format.JSON if session.terminal.json else form
    if chosen is Format.AUTO:
        chosen = suited(os.environ, to_file=_to_file())
    terminal = replace(session.terminal, json=chosen is Format.JSON, document=chosen not in (Format.TEXT, Format.JSON))
    files = tuple(_file(text) for text in render or ())
    for _, path in files:
        refuse_unwritable(path, folders=True)
    return Output(session=replace(session, terminal=terminal), form=chosen, files=files, verbose=verbose)


def checked_report(session: Session, command: str, checked: Checked) -> Report:
    """What was found in a repo, to be shown."""
    from asof.views.report import Report

    project = checked.repo.project if checked.repo is not None else None
    return Report(
        command=command,
        project=project.project if project else "",
        target=project.targets[0].name if project else "",
        diagnostics=checked.diagnostics,
        sources=checked.sources,
        folder=api_review.folder(session.root),
    )


def review_report(output: Output, review: Review, target: str, out: Path | None) -> Report:
    """A plan, or what keeps it from being made, to be shown."""
    report = checked_report(output.session, "plan", review.checked)
    if review.plan is None:
        return replace(report, target=target or report.target)
    beside = plan_report(output, review.plan, out, command="plan")
    if output.placed:
        found = api_review.places(output.session.root, review.plan, review.checked.repo)
        beside = replace(beside, places=found)
    return replace(beside, diagnostics=report.diagnostics, sources=report.sources)


def plan_report(output: Output, made: Plan, out: Path | None, *, command: str) -> Report:
    """A plan by itself, kept in ``out`` or not at all."""
    from asof.views.report import Report

    return Report(
        command=command,
        project=made.project,
        target=made.target,
        plan=made,
        folder=api_review.folder(output.session.root),
        plan_file=str(out) if out is not None else "plan.json",
        kept=out is not None,
    )


def plan_text(output: Output, report: Report) -> str:
    """A plan for the terminal."""
    from asof.views import plans

    if report.plan is None:
        raise ValueError("there is no plan")
    terminal = output.session.terminal
    return plans.human(
        report.plan, evidence=report.evidence, colour=terminal.colour, width=terminal.width, verbose=output.verbose
    )


def refused(output: Output, report: Report, found: Checked) -> InvalidRepo:
    """The end of a command for a repo with errors, after these were shown and written in what was asked for."""
    from asof.views.listings import diagnostics_json

    output.show(report, "")
    output.write(report, ExitCode.INVALID, diagnostics=diagnostics_json(found.diagnostics))
    return InvalidRepo(found)


def _file(text: str) -> tuple[Format, Path]:
    name, equals, path = text.partition("=")
    known = [form.value for form in Format if form is not Format.AUTO]
    if not (equals and path) or name not in known:
        raise Usage(f"--render takes FORMAT=FILE, such as sarif=asof.sarif; formats are {', '.join(known)}: {text!r}")
    return Format(name), Path(path)


def _to_file() -> bool:
    try:
        return stat.S_ISREG(os.fstat(sys.stdout.fileno()).st_mode)
    except (OSError, ValueError):  # a stream that is no file of the system's, as in tests
        return False
