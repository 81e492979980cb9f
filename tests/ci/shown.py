"""Three pull requests against the flights repo, and what the two commands of a CI job say of each.

`python -m tests.ci.shown` rewrites docs/pull_requests.md; `--pictures` takes its pictures in a browser as well.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import sys
import tempfile
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from asof.cli import main
from tests.ci.workflow import Checkout, checkout
from tests.golden import ROOT
from tests.scenarios.scenario import masked

if TYPE_CHECKING:
    from collections.abc import Iterator

FLIGHTS = ROOT.parent / "repos" / "flights"
PAGE = ROOT.parent / "docs" / "pull_requests.md"
PICTURES = ROOT.parent / "docs" / "pictures"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A pull request: one edit of one file."""

    name: str
    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What the commands of a job said."""

    edit: Edit
    diff: str
    validate: int
    plan: int
    log: str
    comment: str


EDITS = (
    Edit(
        name="refactor",
        file="views/aircraft.yaml",
        old="""  SELECT
    tailnum,
    flight_id,
    landed_at,
    landed_at AS last_landed_at,
    dest AS last_airport,
    arrival_delay_minutes AS last_arrival_delay_minutes
  FROM landings
""",
        new="""  -- one row a landing
  SELECT
    l.tailnum,
    l.flight_id,
    l.landed_at,
    l.landed_at AS last_landed_at,
    l.dest AS last_airport,
    (l.arrival_delay_minutes) AS last_arrival_delay_minutes
  FROM landings AS l
""",
    ),
    Edit(
        name="window",
        file="views/delays.yaml",
        old="name: carrier_delay_max, windows: [1d, 7d]}",
        new="name: carrier_delay_max, windows: [1d, 7d, 30d]}",
    ),
    Edit(
        name="dropped",
        file="views/aircraft.yaml",
        old="  - {name: engines, type: int32}\n",
        new="",
    ),
)


def scratch(folder: Path) -> Checkout:
    """The flights repo in a git repository, committed and applied."""
    repo = checkout(folder)
    shutil.copytree(FLIGHTS, repo.top, dirs_exist_ok=True, ignore=shutil.ignore_patterns("demo.py", ".asof"))
    (repo.top / ".gitignore").write_text(".asof/\ndata/\nplan.json\ncomment.md\nreport.html\ncomment.html\n")
    repo.commit("Flights")
    with _in(repo.top):
        code, log = _run("apply", "--yes")
    assert code == 0, log
    return repo


def ask(repo: Checkout, edit: Edit) -> Said:
    """Open the pull request, and do what its job does."""
    repo.git("checkout", "-q", "-B", edit.name, "main")
    repo.edit(edit.file, edit.old, edit.new)
    repo.commit(edit.name)
    diff = repo.git("diff", "--unified=0", "--no-prefix", "main", edit.name)
    with _in(repo.top):
        checked, _ = _run("validate", "--format", "github")
        planned, log = _run("plan", "--out", "plan.json", "--format", "github", "--render", "markdown=comment.md")
    comment = (repo.top / "comment.md").read_text()
    changed = "\n".join(line for line in diff.splitlines() if not re.match(r"diff |index |\+\+\+ |--- |@@ ", line))
    return Said(edit=edit, diff=changed, validate=checked, plan=planned, log=log, comment=comment)


def block(said: Said) -> str:
    """The part of the page on one pull request."""
    found = [line for line in said.log.splitlines() if re.match(r"::(error|warning|notice) ", line)]
    annotations = "\n".join(found) or "none"
    return masked(
        f"```diff\n# {said.edit.file}\n{said.diff}\n```\n\n"
        f"| command | exit code |\n|---|---|\n| `asof validate --format github` | {said.validate} |\n"
        f"| `asof plan --out plan.json --format github --render markdown=comment.md` | {said.plan} |\n\n"
        f"Annotations:\n\n```text\n{annotations}\n```\n\nThe comment:\n\n````markdown\n{said.comment}````\n"
    )


def page(text: str, blocks: dict[str, str]) -> str:
    """``text`` with each block between its marks."""
    return re.sub(
        r"<!-- shown (\w+) -->\n.*?<!-- /shown -->",
        lambda found: f"<!-- shown {found[1]} -->\n{blocks[found[1]]}<!-- /shown -->",
        text,
        flags=re.DOTALL,
    )


def _run(*arguments: str) -> tuple[int, str]:
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(io.StringIO()):
        code = main(arguments)
    return int(code), said.getvalue()


@contextmanager
def _in(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def rewrite(*, pictures: bool) -> None:
    """Run all of them; write the page, and the pictures."""
    with tempfile.TemporaryDirectory() as folder:
        repo = scratch(Path(folder))
        blocks = {}
        for edit in EDITS:
            said = ask(repo, edit)
            blocks[edit.name] = block(said)
            if pictures:
                from tests.ci.pictures import take

                with _in(repo.top):
                    code, log = _run("report", "plan.json", "--out", "report.html")
                assert code == 0, log
                take(said.comment, repo.top / "report.html", PICTURES, edit.name)
        PAGE.write_text(page(PAGE.read_text(), blocks))


if __name__ == "__main__":
    rewrite(pictures="--pictures" in sys.argv)
