"""The short form of `make soak`: a few deaths, a signal. Each drill is a process of its own that may fork."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def drill(module: str, *arguments: str) -> str:
    command = [sys.executable, "-m", f"tests.registry.{module}", *arguments]
    ran = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert ran.returncode == 0, ran.stdout
    return ran.stdout


def test_a_death_at_any_instant_is_recovered_from() -> None:
    assert "all recovered" in drill("drill", "--every", "29", "--twice")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_apply_between_two_steps_and_the_next_command_finishes_it(
    tmp_path: Path, number: signal.Signals
) -> None:
    said = f"""
import os, sys
from asof.cli import main
from asof.ops.infrastructure import StoreInfrastructure
assert main(["init", "."]) == 0
real = StoreInfrastructure.create
def create(self, resource):
    real(self, resource)
    os.kill(os.getpid(), {int(number)})
StoreInfrastructure.create = create
assert main(["apply", "--yes"]) == 130
assert main(["plan"]) == 0
StoreInfrastructure.create = real
assert main(["apply", "--resume"]) == 0
assert main(["plan", "--detailed-exitcode"]) == 0
assert main(["apply", "--abort"]) == 0
"""
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run([sys.executable, "-c", said], cwd=tmp_path, capture_output=True, text=True, env=environ)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Stopping after the step in flight" in ran.stderr
    assert "AS611" in ran.stderr
    assert "asof apply --resume" in ran.stderr
    assert "stopped on its way. asof apply --resume" in ran.stderr
    assert "Next: asof materialize (customer_orders is empty)" in ran.stdout
    assert "Nothing to abort" in ran.stdout
