"""What every forge can do, and what they share."""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import TYPE_CHECKING, Any, Protocol

from asof.compiler.diagnostics import DiagnosticError, rule
from asof.compiler.source import NOWHERE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

NO_PULL_REQUEST = rule("AS791", "there is no pull request to speak of")
NO_REVIEWED_PLAN = rule("AS792", "there is no reviewed plan")

PLAN = "plan.json"
"""The name of a plan inside of what a job keeps."""
PAGE = 100
_MOST_PAGES = 100
_LARGEST_PLAN = 512 * 1024 * 1024


class Forge(Protocol):
    """One repository on a forge. Whatever asks it raises DiagnosticError AS790 where it refuses or is not there."""

    def pull_request(self) -> int:
        """The number of the pull request that this job runs for, or that its commit came from. Raises AS791."""

    def comments(self, number: int) -> Iterator[tuple[str, str]]:
        """(id, text) of the comments that this job's own user wrote, oldest first."""

    def add(self, number: int, text: str) -> None:
        """Write a comment."""

    def replace(self, number: int, comment: str, text: str) -> None:
        """Give a comment another text."""

    def reviewed_plan(self, artifact: str) -> bytes:
        """The plan file that the job ``artifact`` kept for what was merged as this commit. Raises AS791, AS792."""


def put_comment(at: Forge, text: str) -> str:
    """Put ``text`` on the pull request, in the place of the comment with the same first line.

    Returns what became of it: ``added``, ``replaced`` or ``unchanged``.
    """
    number = at.pull_request()
    for comment, found in at.comments(number):
        if _first(found) == _first(text):
            if found.replace("\r\n", "\n").strip() == text.strip():
                return "unchanged"
            at.replace(number, comment, text)
            return "replaced"
    at.add(number, text)
    return "added"


def _first(text: str) -> str:
    return text.lstrip().partition("\n")[0].strip()


def needed(environ: Mapping[str, str], *names: str) -> str:
    """The first of these variables that is set. Raises DiagnosticError AS791."""
    found = next((environ[name] for name in names if environ.get(name)), "")
    if not found:
        raise nowhere(f"{' or '.join(names)} is not set")
    return found


def nowhere(why: str) -> DiagnosticError:
    """There is no pull request, or nothing says which."""
    return DiagnosticError(NO_PULL_REQUEST.at(NOWHERE, why))


def unreviewed(why: str) -> DiagnosticError:
    """Nobody can have reviewed what is not there."""
    note = "nothing was applied; plan again on a pull request from a branch of this repository"
    return DiagnosticError(NO_REVIEWED_PLAN.at(NOWHERE, why, notes=(note,)))


def pages(ask: Callable[[int], Any]) -> Iterator[Any]:
    """The items of all pages, which count from 1."""
    for page in range(1, _MOST_PAGES + 1):
        found = ask(page)
        yield from found
        if len(found) < PAGE:
            return


def unzipped(body: bytes) -> bytes:
    """The plan inside of an archive. Raises DiagnosticError AS792."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            inside = next((i for i in archive.infolist() if i.filename.split("/")[-1] == PLAN), None)
            if inside is None or inside.file_size > _LARGEST_PLAN:
                raise unreviewed(f"what the job kept holds no {PLAN}")
            return archive.read(inside)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
        raise unreviewed(f"what the job kept cannot be read: {error}") from None
