"""Servers of tests: started, waited for, stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def daemon(
    command: list[str], ready: Callable[[], bool], environment: dict[str, str], options: dict[str, Any]
) -> Iterator[None]:
    """Run ``command`` until the context ends; its process group is stopped and nothing else."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True, **options)
        try:
            end = time.monotonic() + 30
            while not ready():
                if process.poll() is not None or time.monotonic() > end:
                    log.seek(0)
                    raise RuntimeError(f"{command} did not start:\n{log.read().decode(errors='replace')[-2000:]}")
                time.sleep(0.02)
            yield
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
                try:
                    process.wait(15)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
