"""Ctrl-C at the command line, as a process: exit code 130, plain words, and a statement that has ended."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg
import pytest

from asof.cli import ExitCode
from tests.engines import visits

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GUARD = 90.0
ANNOUNCED = """
import os, sys
from asof.cli import script
from asof.engines import duckdb, sqlite
from asof.ops import offline_views
writes = int(os.environ.pop("RUNS"))
def step(*_):
    global writes
    if writes is not None:
        os.close(writes)
        writes = None
    return 0
duck, lite = duckdb.DuckDBEngine.__init__, sqlite.SQLiteEngine.__init__
def on_duckdb(self, connection, **options):
    connection.create_function("step", step, ["BIGINT"], "BIGINT")
    duck(self, connection, **options)
def on_sqlite(self, file):
    file.connection.create_function("step", 1, step)
    lite(self, file)
duckdb.DuckDBEngine.__init__, sqlite.SQLiteEngine.__init__ = on_duckdb, on_sqlite
if held := os.environ.pop("HOLD", ""):
    act = getattr(offline_views, held)
    def holding(*given):
        step()
        sys.stdin.read()
        act(*given)
    setattr(offline_views, held, holding)
script()
"""
"""The command line, with a function ``step`` in SQL that closes the pipe ``RUNS`` when a query calls it.

With ``HOLD``, the name of a function of offline views, it does the same before that function, and waits there until
its input ends.
"""
SLOW = {
    "duckdb": "SELECT range AS visitor_id, TIMESTAMP '2026-01-01' AS seen_at, 1.5::DOUBLE AS amount "
    "FROM range(1000000000000) WHERE step(range) = 1",
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1e12) "
    "SELECT i AS visitor_id, 1767225600000000 AS seen_at, 1.5 AS amount FROM n WHERE step(i) = 1",
    "postgres": "SELECT a AS visitor_id, timestamp '2026-01-01' AS seen_at, 1.5::float8 AS amount "
    "FROM generate_series(1, 1000000) AS a, generate_series(1, 1000000) AS b WHERE a % 7 = 8 AND b > 0",
}
"""Visits that take hours to read."""


class Command:
    """One command line as a process, in a session of its own."""

    def __init__(self, folder: Path, *arguments: str, hold: str = "") -> None:
        self._reads, writes = os.pipe()
        self.process = subprocess.Popen(
            [sys.executable, "-c", ANNOUNCED, *arguments],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            pass_fds=(writes,),
            env={**os.environ, "RUNS": str(writes), "HOLD": hold},
        )
        os.close(writes)

    def wait_for_step(self) -> None:
        """Until a query has called ``step``, or the process has ended."""
        os.read(self._reads, 1)

    def wait_for(self, happened: Callable[[], bool]) -> None:
        end = time.monotonic() + GUARD
        while not happened():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < end
            time.sleep(0.02)

    def go_on(self) -> None:
        """Let it do what it waits with."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.stdin = None

    def interrupt_twice(self) -> None:
        """Ctrl-C, and once more when it has said what that means."""
        self.interrupt()
        assert self.process.stderr is not None
        while "Stopping after the step in flight" not in (line := self.process.stderr.readline()):
            assert line, "it ended at the first Ctrl-C"
        self.interrupt()

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def ended(self) -> tuple[int, str]:
        """Exit code, and what it says beside its answer."""
        try:
            _, text = self.process.communicate(timeout=GUARD)
        finally:
            self.process.kill()
            os.close(self._reads)
        assert "Traceback" not in text
        assert "internal error" not in text
        return self.process.returncode, text


def repo(folder: Path, engine: str, dsn: str = "", *, views: int = 0) -> None:
    schema = f"{engine}_{folder.name.replace('-', '_')}"
    visits.write_repo(folder, engine, dsn=dsn, schema=schema, views=views)
    if engine == "duckdb":
        import duckdb

        with duckdb.connect(str(folder / visits.FILE)) as database:
            database.create_function("step", lambda i: i, ["BIGINT"], "BIGINT")  # type: ignore[list-item,arg-type]
            database.execute(f"CREATE VIEW visit_log AS {SLOW[engine]}")
    else:
        visits.create_visits(folder, engine, SLOW[engine], dsn=dsn, schema=schema)


def waiting(dsn: str, count: int = 1) -> bool:
    """Whether so many statements of the server wait for a lock."""
    asked = "SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted"
    with psycopg.connect(dsn) as server:
        return server.execute(asked).fetchone() == (count,)


def reading(dsn: str) -> int:
    asked = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND strpos(query, 'COPY (') = 1"
    with psycopg.connect(dsn) as server:
        row = server.execute(asked).fetchone()
    return int(row[0]) if row is not None else 0


@pytest.mark.parametrize("engine", visits.ENGINES)
def test_a_query_that_runs_is_ended(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    dsn = request.getfixturevalue("postgres_dsn") if engine == "postgres" else ""
    folder = tmp_path / "read"
    repo(folder, engine, dsn)
    assert Command(folder, "apply", "--yes").ended()[0] == ExitCode.OK
    for arguments in (visits.history(folder / "out.parquet"), visits.MATERIALIZE):
        running = Command(folder, *arguments)
        if engine == "postgres":
            running.wait_for(lambda: reading(dsn) == 1)
        else:
            running.wait_for_step()
        running.interrupt()
        code, text = running.ended()
        assert code == ExitCode.INTERRUPTED, text
        assert text.splitlines()[-1] == "Nothing more was done."
        assert not list(folder.glob("out*"))
        if engine == "postgres":
            assert reading(dsn) == 0


@pytest.mark.parametrize(("hold", "views", "lanes"), [("try_out", 6, 1), ("put", 1, 1), ("put", 6, 4)])
def test_an_apply_ends_its_statement_at_the_second_ctrl_c(
    hold: str, views: int, lanes: int, postgres_dsn: str, tmp_path: Path
) -> None:
    # Views are tried out one after the other; when they are made, several lanes wait, each in a thread of its own.
    folder = tmp_path / f"apply_{hold}{views}"
    repo(folder, "postgres", postgres_dsn, views=views)
    apply = Command(folder, "apply", "--yes", hold=hold)
    apply.wait_for_step()
    with psycopg.connect(postgres_dsn) as holder:
        holder.execute(f"LOCK TABLE postgres_{folder.name}.visit_log IN ACCESS EXCLUSIVE MODE".encode())
        apply.go_on()
        apply.wait_for(lambda: waiting(postgres_dsn, count=lanes))
        apply.interrupt_twice()
        code, text = apply.ended()
        assert code == ExitCode.INTERRUPTED, text
        assert waiting(postgres_dsn, count=0)
    assert Command(folder, "apply", "--abort").ended()[0] == ExitCode.OK
    assert Command(folder, "apply", "--yes").ended()[0] == ExitCode.OK


@pytest.mark.parametrize("hold", ["try_out", "put"])
def test_an_apply_that_waits_for_a_locked_file(hold: str, tmp_path: Path) -> None:
    folder = tmp_path / "apply"
    repo(folder, "sqlite", views=1)
    apply = Command(folder, "apply", "--yes", hold=hold)
    apply.wait_for_step()
    with closing(sqlite3.connect(folder / visits.FILE, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        apply.go_on()
        start = time.monotonic()
        apply.interrupt_twice()
        assert apply.ended()[0] == ExitCode.INTERRUPTED
        assert time.monotonic() - start < 15, "it waited as long as for a lock"
    assert Command(folder, "apply", "--abort").ended()[0] == ExitCode.OK
    assert Command(folder, "apply", "--yes").ended()[0] == ExitCode.OK
