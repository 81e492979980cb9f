"""The short form of the random walks of `make soak`: sixty sequences, the same each time, in parts for both workers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.registry.walk.worlds import WORLDS

ROOT = Path(__file__).resolve().parents[2]
SEQUENCES = {"local": 24, "two-targets": 20, "s3pg": 16}
LENGTH = 4
"""Sequences of a part."""
PARTS = [(world, first) for world in WORLDS for first in range(0, SEQUENCES[world], LENGTH)]


@pytest.mark.parametrize(("world", "first"), PARTS)
def test_random_walks_meet_no_breach(world: str, first: int) -> None:
    options = ["--world", world, "--seed", "13", "--first", str(first), "--sequences", str(LENGTH)]
    # A process of its own: it forks for every command.
    ran = subprocess.run(
        [sys.executable, "-m", "tests.registry.walk", *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout


def test_the_short_form_walks_sixty_sequences() -> None:
    assert len(PARTS) * LENGTH == 60
