"""Each scenario shows its reviewer what its file says; together they show every class, kind and action."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from asof.compiler.classify import ChangeClass
from asof.compiler.diff import Action
from asof.compiler.model import SLUGS
from tests.golden import check_golden
from tests.scenarios.scenario import FILES, read, written

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.golden
@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_a_reviewer_is_shown(path: Path) -> None:
    check_golden(path, written(read(path)))


def test_there_are_sixty_of_them() -> None:
    assert len(FILES) >= 60


def test_every_class_kind_and_action_is_among_them() -> None:
    changes = [
        (address.partition("/")[0], *what.split())
        for path in FILES
        for address, what in json.loads(read(path).sections["effect.json"]).get("changes", {}).items()
    ]
    assert {kind for kind, _, _ in changes} == set(SLUGS.values())
    assert {action for _, action, _ in changes} == set(Action)
    assert {cls for _, _, cls in changes} == set(ChangeClass)
