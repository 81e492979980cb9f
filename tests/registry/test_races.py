"""Appliers that race on every kind of registry; `make soak` lets 16 of them do it a thousand times.

ASOF_SOAK=1 asks for that; ASOF_SOAK_MINUTES ends each race after so long.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.registry.test_cycle import LOCATIONS
from tests.registry.test_drills import drill

if TYPE_CHECKING:
    from pathlib import Path

SHORT = ("--appliers", "6", "--rounds", "2")
LONG = ("--appliers", "16", "--rounds", "1000", "--minutes", os.environ.get("ASOF_SOAK_MINUTES", "1000000"))


@pytest.mark.parametrize("kind", ["folder", "s3", "gs", "az"])
def test_of_racing_appliers_one_wins_each_conflict(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    place = str(tmp_path / "registry")
    if kind != "folder":
        fixture, template = LOCATIONS[kind]
        place = template.format(name=f"race-{kind}", endpoint=request.getfixturevalue(fixture))
    asked = LONG if os.environ.get("ASOF_SOAK") else SHORT
    said = drill("race", *asked, "--registry", place)
    print(said)
    assert "one winner for each conflict" in said
