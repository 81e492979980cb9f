"""What whole processes cost, as the kernel counts it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

CHECKOUT = Path(__file__).resolve().parents[1]
ASOF = Path(sys.executable).with_name("asof")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """One run: seconds by the clock, seconds of CPU (user and system), greatest resident size in MB.

    A child starts on its parent's memory, so the size is at least what this process holds when it starts one.
    """

    wall: float
    cpu: float
    peak_mb: float


def asof(*arguments: str) -> Cost:
    """Run the command line of this checkout in a process of its own. Raises SystemExit where it fails.

    Bytecode is kept from run to run, as it is where asof is installed.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPATH"] = str(CHECKOUT)
    began = perf_counter()
    process = subprocess.Popen((ASOF, *arguments), env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"asof {' '.join(arguments)}: exit code {process.returncode}\n{said.decode()[-2000:]}")
    return Cost(wall=wall, cpu=usage.ru_utime + usage.ru_stime, peak_mb=usage.ru_maxrss / 1024)


def best(runs: int, *arguments: str) -> Cost:
    """The least of each cost over ``runs`` runs: on a shared machine the least is the most repeatable."""
    costs = [asof(*arguments) for _ in range(runs)]
    return Cost(
        wall=min(cost.wall for cost in costs),
        cpu=min(cost.cpu for cost in costs),
        peak_mb=min(cost.peak_mb for cost in costs),
    )
