"""docs/pull_requests.md says what the commands say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from asof.cli import ExitCode
from tests.ci.shown import EDITS, PAGE, ask, block, page, scratch
from tests.golden import check_golden

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.golden
@pytest.mark.xdist_group("ci-jobs")
def test_the_page_shows_three_pull_requests_as_they_are_answered(tmp_path: Path) -> None:
    repo = scratch(tmp_path)
    said = {edit.name: ask(repo, edit) for edit in EDITS}
    assert [(s.validate, s.plan) for s in said.values()] == [(0, 0), (0, 0), (0, ExitCode.BLOCKED)]
    heads = [s.comment.splitlines()[2] for s in said.values()]
    assert heads == [
        "### asof: 1 rewrite without effect",
        "### asof: 1 addition",
        "### asof: 1 blocked, 1 interface break",
    ]
    text = PAGE.read_text(encoding="utf-8")
    check_golden(PAGE, page(text, {name: block(one) for name, one in said.items()}))


def test_every_picture_of_the_page_is_there() -> None:
    wanted = re.findall(r"!\[.*?\]\((.*?)\)", PAGE.read_text(encoding="utf-8"))
    assert len(wanted) == 6
    assert [path for path in wanted if not (PAGE.parent / path).read_bytes().startswith(b"\x89PNG")] == []
