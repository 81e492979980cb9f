"""What every command shares: the repo, the terminal, the exit codes, and options of the same meaning."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from asof import api, api_checks
from asof.cli import completion
from asof.compiler.instants import instant as read_instant
from asof.ops.file_errors import refuse_folder, refuse_unwritable
from asof.views import frames
from asof.views.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from asof.compiler.model import Project, Repo

Target = Annotated[
    str,
    typer.Option(
        "--target",
        metavar="NAME",
        help="A target of asof.yaml; its first one by default.",
        autocompletion=completion.targets,
    ),
]
Sources = Annotated[
    bool,
    typer.Option("--sources", help="Compare sources with the tables of the offline store too; no file may be missing."),
]
Allow = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-destroy",
        metavar="ADDRESS",
        help="Permit the deletion of this object. Repeatable.",
        autocompletion=completion.addresses,
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def file_to_write(path: Path | None) -> Path | None:
    """The callback of options that name a file to write: what cannot be written is refused before the command works."""
    if path is not None:
        refuse_unwritable(path)
    return path


def file_in_folders(path: Path | None) -> Path | None:
    """The same where folders that are missing are made."""
    if path is not None:
        refuse_unwritable(path, folders=True)
    return path


Printed = Annotated[
    Path | None, typer.Option("--out", callback=file_to_write, metavar="FILE", help="Instead of the terminal.")
]


def folder_to_write(path: Path | None) -> Path | None:
    """The callback of options that name a folder to write files into."""
    if path is not None:
        refuse_folder(path)
    return path


class ExitCode(IntEnum):
    """What a shell and a CI job learn; the JSON answer holds the number and the name in lower case."""

    OK = 0
    INTERNAL_ERROR = 1
    CHANGES = 2
    UNFORMATTED = 3
    STALE_PLAN = 4
    CLAIMED = 5
    PARTIAL_APPLY = 6
    BLOCKED = 7
    DRIFT = 8
    INVALID = 9
    UNAVAILABLE = 10
    USAGE = 64
    INTERRUPTED = 130


MEANING = {
    ExitCode.OK: "done",
    ExitCode.INTERNAL_ERROR: "a bug in asof",
    ExitCode.CHANGES: "there are changes (`asof plan --detailed-exitcode`)",
    ExitCode.UNFORMATTED: "`asof fmt --check` would change files",
    ExitCode.STALE_PLAN: "what the plan read has moved: make a new one",
    ExitCode.CLAIMED: "another apply holds the registry",
    ExitCode.PARTIAL_APPLY: "an apply stopped on its way",
    ExitCode.BLOCKED: "a protection or a policy forbids an action of the plan",
    ExitCode.DRIFT: "stores hold something else than the registry says",
    ExitCode.INVALID: "the definitions have errors, or a feature test failed, or `asof test` found none",
    ExitCode.UNAVAILABLE: "a store or the registry cannot be reached",
    ExitCode.USAGE: "the command line asks for what cannot be",
    ExitCode.INTERRUPTED: "interrupted, or the answer to a question was no",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What every command needs: where the repo is, and the terminal."""

    folder: Path
    terminal: Terminal

    @property
    def root(self) -> Path:
        """The nearest folder upwards that holds asof.yaml; the folder itself where there is none. Raises Usage."""
        here = self.folder.resolve()
        if not here.is_dir():
            raise Usage(f"{here} is no folder" if here.exists() else f"there is no folder {here}")
        return next((f for f in (here, *here.parents) if (f / "asof.yaml").is_file()), here)

    def end(self, code: ExitCode, **fields: object) -> ExitCode:
        """A command's last word: the JSON answer and the exit code."""
        self.terminal.answer(code, code.name.lower(), fields)
        return code

    def check(
        self, target: str = "", *, quiet: bool = False, sources: Literal["", "files", "stores"] = ""
    ) -> api_checks.Checked:
        """The repo, with what was found in it shown; ``quiet`` shows it only where there are errors.

        ``sources``: whether the target carries it out, and what is there, in files of this machine or in stores too.
        """
        found = api.check(self.root, target=target)
        if sources:
            found = api_checks.with_sources(
                self.root, api_checks.with_target(found, target), target=target, stores=sources == "stores"
            )
        if found.repo is not None and not (quiet and found.sound is not None):
            self._show(found)
        return found

    def review(
        self, target: str, allow_destroy: Collection[str], against: int | None = None, *, stores: bool = False
    ) -> api.Review:
        """The repo and its plan, with what was found in the repo shown; ``stores`` as for ``api.review``."""
        made = api.review(self.root, target=target, allow_destroy=allow_destroy, against=against, stores=stores)
        if made.plan is not None or made.checked.repo is not None:
            self._show(made.checked)
        return made

    def _show(self, found: api_checks.Checked) -> None:
        if found.diagnostics:
            self.terminal.note(frames.render(found.diagnostics, found.sources, colour=self.terminal.colour))

    def project(self) -> Project:
        """asof.yaml alone matters: what runs is what was applied."""
        found = api.project_at(self.root)
        if found.repo is None:
            raise InvalidRepo(found)
        return found.repo.project

    def repo(self, target: str = "", *, quiet: bool = False) -> Repo:
        """The repo, or the end of the command: InvalidRepo."""
        found = self.check(target, quiet=quiet)
        if found.sound is None:
            raise InvalidRepo(found)
        return found.sound


class InvalidRepo(Exception):  # noqa: N818 - an outcome, already shown
    """The repo has errors."""

    def __init__(self, found: api_checks.Checked) -> None:
        super().__init__("the repo has errors")
        self.found = found


class Usage(Exception):  # noqa: N818 - an outcome
    """The command line asks for what cannot be, in a way that only the command can tell."""


def is_terminal() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def instant(text: str) -> datetime | None:
    """An ISO 8601 instant; one without a zone is UTC."""
    if not text:
        return None
    found = read_instant(text)
    if found is None:
        raise Usage(f"{text!r} is not an instant: write it as 2026-01-31T12:00:00Z")
    return found
