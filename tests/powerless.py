"""Commands that run without the right to write where permissions forbid it, also when the tests run as root."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Permissions do not bind root while it has CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH. Another user could not
# run this interpreter where it is installed in root's home.
_BOUND = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
for capability in (1, 2):
    if libc.prctl(24, capability, 0, 0, 0):
        sys.exit(f"PR_CAPBSET_DROP: {os.strerror(ctypes.get_errno())}")
os.execv(sys.argv[1], sys.argv[1:])
"""


def python(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run Python as a user whom permissions bind."""
    command = [sys.executable, *arguments]
    if os.geteuid() == 0:
        command = [sys.executable, "-c", _BOUND, *command]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"}
    ended = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=120)
    if "PR_CAPBSET_DROP" in ended.stderr:
        pytest.skip(f"root may not give up its power here: {ended.stderr.strip()}")
    return ended


def asof(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The command line as a process without write permission."""
    return python("-c", "import sys; from asof.cli import main; sys.exit(main(sys.argv[1:]))", *arguments, cwd=cwd)


@contextmanager
def unwritable(root: Path) -> Iterator[None]:
    """No file and no folder at or below ``root`` may be written."""
    below = [root, *root.rglob("*")]
    modes = {path: path.stat().st_mode & 0o777 for path in below}
    for path, mode in modes.items():
        path.chmod(mode & 0o555)
    try:
        yield
    finally:
        for path, mode in modes.items():
            if path.exists():
                path.chmod(mode)


@contextmanager
def read_only_mount(root: Path) -> Iterator[None]:
    """``root`` mounted over itself read-only. Skips the test where this process may not mount."""
    steps = (["mount", "--bind", str(root), str(root)], ["mount", "-o", "remount,bind,ro", str(root)])
    mounted = False
    try:
        for step in steps:
            try:
                ended = subprocess.run(step, capture_output=True, text=True, check=False)
            except OSError as error:
                pytest.skip(f"a read-only mount cannot be made here: {error}")
            if ended.returncode:
                pytest.skip(f"a read-only mount cannot be made here: {ended.stderr.strip()}")
            mounted = True
        yield
    finally:
        if mounted:
            subprocess.run(["umount", str(root)], check=True, capture_output=True)
