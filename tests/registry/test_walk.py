"""The short form of the random walks of `make soak`: sixty sequences, the same each time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.registry.walk.worlds import WORLDS

ROOT = Path(__file__).resolve().parents[2]
SEQUENCES = {"local": 24, "two-targets": 20, "s3pg": 16}


@pytest.mark.parametrize("world", WORLDS)
def test_random_walks_meet_no_breach(world: str) -> None:
    options = ["--world", world, "--sequences", str(SEQUENCES[world]), "--seed", "13"]
    # A process of its own: it forks for every command.
    ran = subprocess.run(
        [sys.executable, "-m", "tests.registry.walk", *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
