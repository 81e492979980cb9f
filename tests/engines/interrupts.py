"""Ctrl-C at random instants: commands on every engine end within two seconds of it, on a machine that is busy.

Run as ``python -m tests.engines.interrupts [--count 200] [--seed N]``. Each command is a process of its own; two others
keep the processors busy. Prints the seed and the slowest ends, exits 1 at the end if a command ended late or badly.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from asof.cli import ExitCode
from tests.engines import visits
from tests.engines.postgres import postgres_server

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_SECONDS = 2.0
"""From the signal to the end of the process."""
ROWS = 1_500_000
VIEWS = 12
LATEST_SECONDS = 5.0
COMMANDS = ("materialize", "history", "apply")
UNWANTED = ("Traceback", "internal error", "Exception ignored", "Fatal")
RUN = (
    "import os, sys\n"
    "try:\n"
    "    from asof.cli import script\n"
    "    os.close(int(os.environ.pop('RUNS')))\n"
    "    script()\n"
    "except KeyboardInterrupt:\n"
    "    sys.exit(130)\n"
)
"""The installed script. It closes the pipe ``RUNS`` once Python has started: a signal before that is not ours."""


@dataclass(frozen=True)
class Ended:
    """One interrupted process: ``after`` seconds of running it was interrupted, and ended ``took`` seconds later."""

    engine: str
    command: str
    after: float
    took: float
    code: int
    error: str
    left: int = 0
    """Statements that go on in the server."""

    @property
    def well(self) -> bool:
        in_time = self.took <= MOST_SECONDS
        quiet = not any(word in self.error for word in UNWANTED)
        return in_time and quiet and not self.left and self.code in (ExitCode.OK, ExitCode.INTERRUPTED)

    def __str__(self) -> str:
        return f"{self.engine} {self.command} at {self.after:.3f} s: exit {self.code} after {self.took:.2f} s"


def started(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """The command line as a process that has begun to run."""
    reads, writes = os.pipe()
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", RUN, *arguments],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            pass_fds=(writes,),
            env={**os.environ, "RUNS": str(writes)},
        )
    finally:
        os.close(writes)
    os.read(reads, 1)  # the end of the file
    os.close(reads)
    return process


class World:
    """A repo for each engine: applied and filled for reading, and one that was never applied."""

    def __init__(self, folder: Path, dsn: str) -> None:
        self.folder = folder
        self.dsn = dsn
        self.runs = 0
        for engine in visits.ENGINES:
            self._build(folder / engine, engine, "visited", views=0)
            done = started(folder / engine, "apply", "--yes")
            _, error = done.communicate(timeout=300)
            assert done.returncode == ExitCode.OK, error
            if engine != "postgres":
                self._build(folder / f"{engine}-new", engine, "", views=VIEWS)

    def interrupted(self, engine: str, command: str, after: float) -> Ended:
        """Run a command, interrupt it ``after`` seconds, and wait until it has ended."""
        self.runs += 1
        folder, arguments = self._prepared(engine, command)
        process = started(folder, *arguments)
        time.sleep(after)
        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        try:
            _, error = process.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            process.kill()
            _, error = process.communicate()
        took = time.monotonic() - start
        left = self.left_running() if engine == "postgres" else 0
        return Ended(engine, command, after, took, process.returncode, error, left)

    def _prepared(self, engine: str, command: str) -> tuple[Path, tuple[str, ...]]:
        if command == "materialize":
            return self.folder / engine, visits.MATERIALIZE
        if command == "history":
            return self.folder / engine, visits.history(self.folder / f"{engine}.parquet")
        # An apply starts anew each time.
        folder = self.folder / "apply"
        shutil.rmtree(folder, ignore_errors=True)
        if engine == "postgres":
            self._build(folder, engine, "applied", views=VIEWS)
        else:
            shutil.copytree(self.folder / f"{engine}-new", folder)
        return folder, ("apply", "--yes")

    def _build(self, folder: Path, engine: str, schema: str, *, views: int) -> None:
        visits.write_repo(folder, engine, dsn=self.dsn, schema=schema, views=views)
        visits.create_visits(folder, engine, visits.ROWS[engine].format(rows=ROWS), dsn=self.dsn, schema=schema)

    def left_running(self) -> int:
        """Statements that go on in the server though their process has ended."""
        asked = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()"
        with psycopg.connect(self.dsn) as server:
            row = server.execute(asked + " AND backend_type = 'client backend'").fetchone()
        return int(row[0]) if row is not None else 0


@contextmanager
def load(processes: int = 2) -> Iterator[None]:
    """Keep processors busy."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def soak(count: int, seed: int) -> bool:
    """Interrupt so many commands; whether all ended well."""
    rng = random.Random(seed)
    ends: list[Ended] = []
    with tempfile.TemporaryDirectory() as folder, postgres_server() as dsn:
        world = World(Path(folder), dsn)
        with load():
            for number in range(count):
                engine = visits.ENGINES[number % len(visits.ENGINES)]
                command = COMMANDS[number // len(visits.ENGINES) % len(COMMANDS)]
                end = world.interrupted(engine, command, rng.uniform(0, LATEST_SECONDS))
                ends.append(end)
                if not end.well:
                    print(f"BAD {end}; {end.left} statements left in the server\n{end.error}", flush=True)
                elif number % 10 == 9:
                    print(f"{number + 1} of {count}: {end}", flush=True)
        well = sum(end.well for end in ends)
    stopped = [end for end in ends if end.code == ExitCode.INTERRUPTED]
    took = sorted(end.took for end in ends)
    print(f"seed {seed}: {count} interrupts, {well} ended well, {len(stopped)} with exit 130")
    print(f"seconds to the end: median {took[len(took) // 2]:.2f}, slowest {took[-1]:.2f}")
    for end in sorted(ends, key=lambda end: -end.took)[:5]:
        print(f"  {end}")
    return well == count


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    return 0 if soak(options.count, options.seed) else 1


if __name__ == "__main__":
    sys.exit(main())
