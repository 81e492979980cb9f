"""A repo with planted errors: each is reported once, where it stands, and nothing else is."""

import re
from pathlib import Path

from asof.compiler.check import check
from asof.compiler.diagnostics import in_order
from asof.compiler.load import load
from asof.ops.repo_files import read_repo

REPO = Path(__file__).parent / "planted"


def planted() -> list[tuple[str, int, int, str]]:
    """What the ``#!`` comments in the repo announce: (path, line, column, code)."""
    return sorted(
        (path.relative_to(REPO).as_posix(), number, int(column), code)
        for path in REPO.rglob("*.yaml")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if "#!" in line
        for code, column in re.findall(r"(AS\d{3}) (\d+)", line.partition("#!")[2])
    )


def reported() -> list[tuple[str, int, int, str]]:
    files, from_disk = read_repo(REPO)
    assert files is not None
    loaded = load(files)
    assert loaded.repo is not None
    every = [*from_disk, *loaded.diagnostics, *check(loaded.repo)]
    assert len(in_order(every)) == len(every)
    return sorted((d.span.path, d.span.line, d.span.column, d.code) for d in every)


def test_every_planted_error_is_reported_once_at_its_place_and_nothing_else_is():
    assert len(planted()) >= 30
    assert reported() == planted()
