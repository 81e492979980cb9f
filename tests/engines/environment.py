"""Environments of their own for what cannot live in ours: made once, in .engines/, by the first test that asks."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ENGINES = Path(__file__).parents[2] / ".engines"


def environment(name: str, packages: tuple[str, ...]) -> Path:
    """The Python of an environment that holds just ``packages``, pinned by their hash."""
    place = ENGINES / f"{name}-{hashlib.sha256(' '.join(packages).encode()).hexdigest()[:12]}"
    ENGINES.mkdir(exist_ok=True)
    with (ENGINES / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ready = place / "ready"
        if not ready.exists():
            shutil.rmtree(place, ignore_errors=True)
            python = place / "bin" / "python"
            for command in (
                [sys.executable, "-m", "venv", place],
                [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "uv"],
                [python, "-m", "uv", "pip", "install", "--quiet", "--python", python, *packages],
            ):
                done = subprocess.run(command, capture_output=True, text=True, timeout=600)
                assert done.returncode == 0, done.stderr
            ready.touch()
    return place / "bin" / "python"
