"""Ctrl-C on real engines: before a statement begins, while it runs, between two, while a result streams in."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg
import pyarrow as pa
import pytest

from asof.compiler.model import Column, Location, Store
from asof.compiler.types import INT64
from asof.engines import connect
from asof.engines.sandbox import sandbox
from tests.engines.visits import ENGINES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from asof.engines.base import Engine

GUARD = 60.0
NUMBER = (Column(name="i", type=INT64),)
SLOW = {
    "duckdb": "SELECT CAST(sum(a.range * b.range % 7) AS BIGINT) AS i FROM range(10000000) a, range(1000000) b",
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1e12) "
    "SELECT count(*) AS i FROM n",
    "postgres": "SELECT count(*) AS i FROM generate_series(1, 1000000) AS a, generate_series(1, 1000000) AS b",
}
"""Queries that take hours."""
STREAM = {
    "duckdb": "SELECT range AS i FROM range(1000000000000) WHERE range < 150000 OR range % 7 = 8",
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1e12) "
    "SELECT i FROM n WHERE i < 150000 OR i % 7 = 8",
    "postgres": "SELECT i, repeat('x', 2000) AS wide FROM (SELECT generate_series(1, 1000000000000) AS i) AS n "
    "WHERE i < 20000 OR i % 7 = 8",
}
"""Some batches at once, and no more for hours."""


def ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


class Intruded:
    """A connection that does something just before its first statement."""

    def __init__(self, connection: Any, intrusion: Callable[[], None]) -> None:
        self._connection = connection
        self._intrusions = [intrusion]

    def __getattr__(self, name: str) -> Any:
        if name in ("execute", "sql", "cursor", "register") and self._intrusions:
            self._intrusions.pop()()
        return getattr(self._connection, name)


@pytest.fixture(params=ENGINES)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def engine(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Engine]:
    options = (("url", request.getfixturevalue("postgres_dsn")),) if kind == "postgres" else ()
    with closing(connect(Store(type=kind, options=options), root=tmp_path)) as engine:
        yield engine
        # It was interrupted, and can be used.
        assert engine.query("SELECT 1 AS i", NUMBER).read_all().to_pydict() == {"i": [1]}
        engine.execute(["CREATE TABLE after_interrupt (i INTEGER)", "DROP TABLE after_interrupt"])


def query(engine: Engine, kind: str) -> None:
    engine.query(SLOW[kind], NUMBER).read_all()


def execute(engine: Engine, kind: str) -> None:
    engine.execute([f"CREATE TEMP TABLE slow AS {SLOW[kind]}"])


def columns(engine: Engine, kind: str) -> None:
    engine.columns(f"({SLOW[kind]}) AS q")
    query(engine, kind)


def estimate(engine: Engine, kind: str) -> None:
    if kind != "sqlite":
        engine.estimate(Location(query=SLOW[kind]))  # type: ignore[attr-defined]
    query(engine, kind)


def load(engine: Engine, kind: str) -> None:
    engine.load("many", pa.table({"i": range(3)}).to_reader())
    query(engine, kind)


@pytest.mark.parametrize("call", [query, execute, columns, estimate, load])
def test_before_the_statement_begins(engine: Any, kind: str, call: Callable[[Engine, str], None]) -> None:
    # The statement begins once the interrupt has been passed on, which the engine then forgets.
    told = threading.Event()
    stop, connection = engine._worker._stop, engine._connection

    def intrude() -> None:
        ctrl_c()
        assert told.wait(GUARD)

    def stopping(seconds: float) -> None:
        stop(seconds)
        told.set()

    engine._worker._stop = stopping
    engine._connection = Intruded(connection, intrude)
    with pytest.raises(KeyboardInterrupt):
        call(engine, kind)
    engine._connection = connection


def test_while_it_runs(engine: Any, kind: str) -> None:
    steps = iter([ctrl_c])
    sql = SLOW[kind]
    if kind == "duckdb":
        engine._connection.create_function("step", lambda _: next(steps, int)() or 0, ["BIGINT"], "BIGINT")
        sql = "SELECT count(*) AS i FROM range(1000000000000) WHERE step(range) = 1"
    elif kind == "sqlite":
        engine._connection.set_progress_handler(lambda: next(steps, int)() or 0, 1000)
    else:
        threading.Thread(target=interrupt_when_active, args=(engine,)).start()
    with pytest.raises(KeyboardInterrupt):
        engine.query(sql, NUMBER).read_all()
    assert next(steps, None) is None or kind == "postgres"


def interrupt_when_active(engine: Any) -> None:
    """Send Ctrl-C once the server is seen to work on the slow query."""
    end = time.monotonic() + GUARD
    try:
        while time.monotonic() < end and not _active(engine):
            time.sleep(0.01)
    finally:
        ctrl_c()


def _active(engine: Any) -> bool:
    asked = "SELECT state = 'active' AND strpos(query, 'generate_series') > 0 FROM pg_stat_activity WHERE pid = %s"
    with psycopg.connect(engine._connection.info.dsn) as other:
        row = other.execute(asked, [engine._connection.info.backend_pid]).fetchone()
    return row is not None and bool(row[0])


def test_between_two_statements(engine: Any, kind: str) -> None:
    told = threading.Event()
    stop = engine._worker._stop

    def stopping(seconds: float) -> None:
        stop(seconds)
        told.set()

    def statements() -> Iterator[str]:
        yield "CREATE TEMP TABLE first_of_two (i INTEGER)"
        ctrl_c()
        assert told.wait(GUARD)
        yield "CREATE TEMP TABLE second_of_two (i INTEGER)"

    engine._worker._stop = stopping
    with pytest.raises(KeyboardInterrupt):
        engine.execute(statements())
    engine.execute(["CREATE TEMP TABLE second_of_two (i INTEGER)", "DROP TABLE first_of_two"])


def test_while_batches_stream_in(engine: Any, kind: str) -> None:
    batches = engine.query(STREAM[kind])
    rows = batches.read_next_batch().num_rows
    threading.Timer(0.1, ctrl_c).start()
    with pytest.raises(KeyboardInterrupt):
        batches.read_all()
    assert rows > 0


def test_between_two_batches(engine: Any, kind: str) -> None:
    batches = engine.query(STREAM[kind])
    assert batches.read_next_batch().num_rows > 0
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_while_rows_are_loaded(engine: Any, kind: str) -> None:
    begun = threading.Event()

    def rows() -> Iterator[pa.RecordBatch]:
        batch = pa.record_batch({"i": pa.array(range(1000))})
        end = time.monotonic() + GUARD
        while time.monotonic() < end:
            yield batch
            if not begun.is_set():
                begun.set()
                ctrl_c()

    with pytest.raises(KeyboardInterrupt):
        engine.load("many", pa.RecordBatchReader.from_batches(pa.schema({"i": pa.int64()}), rows()))
    engine.load("many", pa.table({"i": [7]}).to_reader())
    assert engine.query("SELECT i FROM many", NUMBER).read_all().to_pydict() == {"i": [7]}


def test_sqlite_waits_for_a_lock_and_can_be_interrupted(tmp_path: Path) -> None:
    store = Store(type="sqlite", options=(("path", "offline.db"),))
    with closing(connect(store, root=tmp_path)) as holder, closing(connect(store, root=tmp_path)) as waiter:
        holder.execute(["CREATE TABLE t (i INTEGER)", "BEGIN EXCLUSIVE"])
        threading.Timer(0.3, ctrl_c).start()
        start = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            waiter.execute(["INSERT INTO t VALUES (1)"])
        assert time.monotonic() - start < 15, "it waited as long as for a lock"
        threading.Timer(0.5, lambda: holder.execute(["COMMIT"])).start()
        waiter.execute(["INSERT INTO t VALUES (2)"])
        assert waiter.query("SELECT i FROM t", NUMBER).read_all().to_pydict() == {"i": [2]}


def test_postgres_ends_a_statement_that_waits_for_a_lock(postgres_dsn: str, tmp_path: Path) -> None:
    store = Store(type="postgres", options=(("url", postgres_dsn),))
    with closing(connect(store, root=tmp_path)) as engine, psycopg.connect(postgres_dsn) as holder:
        engine.execute(["DROP TABLE IF EXISTS locked", "CREATE TABLE locked (i int)"])
        holder.execute("LOCK TABLE locked")

        def watch() -> None:
            end = time.monotonic() + GUARD
            waits = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            while time.monotonic() < end and holder.execute(waits).fetchone() == (0,):
                time.sleep(0.01)
            ctrl_c()

        watcher = threading.Thread(target=watch)
        watcher.start()
        with pytest.raises(KeyboardInterrupt):
            engine.execute(["INSERT INTO locked VALUES (1)"])
        watcher.join()
        holder.rollback()
        assert engine.query("SELECT i FROM locked", NUMBER).read_all().num_rows == 0
        engine.execute(["DROP TABLE locked"])


def test_a_server_that_does_not_answer_a_cancel_is_left(
    postgres_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(type="postgres", options=(("url", postgres_dsn),))
    engine: Any = connect(store, root=tmp_path)
    monkeypatch.setattr(psycopg.Connection, "cancel_safe", lambda self, timeout: None)
    threading.Thread(target=interrupt_when_active, args=(engine,)).start()
    server = engine._connection.info.backend_pid
    try:
        with pytest.raises(KeyboardInterrupt):
            query(engine, "postgres")
        monkeypatch.undo()
        engine.close()
    finally:
        with psycopg.connect(postgres_dsn) as other:
            other.execute("SELECT pg_terminate_backend(%s)", [server])


def test_sql_of_others_in_the_sandbox() -> None:
    with sandbox() as box:
        threading.Timer(0.3, ctrl_c).start()
        with pytest.raises(KeyboardInterrupt):
            box.answer(SLOW["duckdb"], seconds=GUARD)
        with pytest.raises(TimeoutError):
            box.answer(SLOW["duckdb"], seconds=0.05)
        assert box.answer("SELECT 1 AS i", seconds=GUARD) == (["i"], [(1,)])
