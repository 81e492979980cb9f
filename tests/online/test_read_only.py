"""Readers of SQLite files need no permission to write: stores on files, folders and mounts that are read-only."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import threading
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from asof import engines, sqlite_file
from asof.cli import ExitCode, main
from asof.compiler.model import Column, Store
from asof.compiler.types import INT64
from asof.online import connect
from asof.testing.online_stores import refused, row, table, value_of
from tests.powerless import asof, python, read_only_mount, unwritable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

PROJECT = """version: 1
project: shop
targets:
  local:
    registry: .asof/registry
    offline: {type: sqlite, path: data/offline.db}
    online: {type: sqlite, path: .asof/online.db}
"""
FEATURES = """kind: Entity
name: customer
join_keys: [{name: customer_id, type: int64}]
---
kind: DataSource
name: orders
table: orders
timestamp_field: paid_at
columns:
  - {name: customer_id, type: int64}
  - {name: paid_at, type: timestamp}
  - {name: amount, type: float64}
---
kind: FeatureView
name: latest
entities: [customer]
source: orders
schema: [{name: amount, type: float64}]
---
kind: FeatureView
name: written
entities: [customer]
timestamp_field: paid_at
query: SELECT customer_id, paid_at, amount AS paid FROM orders
schema: [{name: paid, type: float64}]
"""
GET = ("--json", "online", "get", "-e", "customer_id=5", "--features", "latest")
SDK = """
import asof
with asof.Store(".") as store:
    print(store.online([{"customer_id": 5}], features=["latest"]).to_dict())
    print(store.historical(as_of=__import__("datetime").datetime(2026, 2, 1), features=["latest"]).to_pylist())
"""


@pytest.fixture(params=["wal", "delete"])
def repo(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Applied and materialized, in a folder below ``tmp_path``; ``request.param`` is the offline file's journal."""
    root = tmp_path / "repo"
    (root / "data").mkdir(parents=True)
    (root / "asof.yaml").write_text(PROJECT)
    (root / "features.yaml").write_text(FEATURES)
    with closing(sqlite3.connect(root / "data/offline.db")) as by_hand:
        by_hand.execute(f"PRAGMA journal_mode = {request.param}")
        by_hand.execute("CREATE TABLE orders (customer_id INTEGER, paid_at TIMESTAMP, amount REAL)")
        by_hand.execute("INSERT INTO orders VALUES (5, 1767261600000000, 85.2)")
        by_hand.commit()
    assert main(["-C", str(root), "apply", "--yes"]) == ExitCode.OK
    assert main(["-C", str(root), "materialize"]) == ExitCode.OK
    return root


ALL = """
import contextlib, io, json, sys
from asof.cli import main
answers = []
for command in json.loads(sys.argv[1]):
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(out):
        code = main(command)
    answers.append((code, out.getvalue()))
print(json.dumps(answers))
"""


@pytest.mark.parametrize(("hold", "repo"), [(unwritable, "wal"), (read_only_mount, "delete")], indirect=["repo"])
def test_reading_commands_need_no_permission_to_write(
    repo: Path, tmp_path: Path, hold: Callable[[Path], AbstractContextManager[None]]
) -> None:
    before = sorted(path.name for path in repo.rglob("*"))
    train = tmp_path / "train.csv"
    reading = [
        ["drift"],
        ["history", "--out", str(train), "--as-of", "2026-02-01", "--features", "latest"],
        ["validate"],
        ["plan"],
        ["registry", "history"],
        ["registry", "verify"],
    ]
    writing = [["materialize"], ["materialize", "--full"]]
    with hold(repo):
        got = asof(*GET, cwd=repo)
        assert got.returncode == ExitCode.OK, got.stdout + got.stderr
        assert json.loads(got.stdout)["features"]["amount"]["value"] == 85.2
        sdk = python("-c", SDK, cwd=repo)
        assert sdk.stdout.count("85.2") == 2, sdk.stderr
        ended = python("-c", ALL, json.dumps(reading + writing), cwd=repo)
        assert ended.returncode == 0, ended.stderr
        answers = json.loads(ended.stdout)
        assert sorted(path.name for path in repo.rglob("*")) == before
    for command, (code, text) in zip(reading + writing, answers, strict=True):
        assert code == (ExitCode.OK if command in reading else ExitCode.UNAVAILABLE), (command, text)
        assert "Traceback" not in text
    assert "85.2" in train.read_text()


@pytest.mark.parametrize("repo", ["wal"], indirect=True)
@pytest.mark.parametrize("shm", [True, False])
def test_a_log_that_a_crashed_writer_left_is_read_or_named(repo: Path, *, shm: bool) -> None:
    file = repo / ".asof/online.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as writer:
        name = writer.execute("SELECT name FROM asof_tables WHERE name LIKE '%latest%'").fetchone()[0]
        writer.execute(f'DELETE FROM "{name}"')
        for end in ("", "-wal", "-shm") if shm else ("", "-wal"):
            shutil.copy(f"{file}{end}", repo / f"left.db{end}")
    for end in ("-wal", "-shm"):
        (repo / f".asof/online.db{end}").unlink(missing_ok=True)
    for left in repo.glob("left.db*"):
        left.replace(repo / f".asof/online.db{left.name.removeprefix('left.db')}")
    with unwritable(repo):
        got = asof(*GET, cwd=repo)
    if shm:
        assert json.loads(got.stdout)["features"]["amount"]["status"] == "NOT_FOUND", got.stdout
        return
    assert got.returncode == ExitCode.UNAVAILABLE
    for part in ("AS723", "online.db-wal", "asof materialize"):
        assert part in got.stdout + got.stderr
    assert main(["-C", str(repo), "materialize"]) == ExitCode.OK
    with unwritable(repo):
        assert asof(*GET, cwd=repo).returncode == ExitCode.OK


@pytest.mark.parametrize("repo", ["wal"], indirect=True)
def test_a_live_writer_is_read_through_its_log(repo: Path) -> None:
    with closing(sqlite3.connect(repo / ".asof/online.db", isolation_level=None)) as writer:
        name = writer.execute("SELECT name FROM asof_tables WHERE name LIKE '%latest%'").fetchone()[0]
        writer.execute(f'DELETE FROM "{name}"')
        with unwritable(repo):
            got = asof(*GET, cwd=repo)
    assert json.loads(got.stdout)["features"]["amount"]["status"] == "NOT_FOUND", got.stdout


STORE = Store(type="sqlite", options=(("path", "online.db"),))
OFFLINE = Store(type="sqlite", options=(("path", "offline.db"),))
NAMES = [f"shop__v{i}__1" for i in range(450)]
KEY = row(1, 1)[0]


@pytest.fixture
def immutable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every reader is as one without permission to write."""
    real = sqlite_file._connect

    def forbidding(uri: str) -> sqlite3.Connection:
        if uri.endswith("?mode=ro"):
            error = sqlite3.OperationalError("unable to open database file")
            error.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
            raise error
        return real(uri)

    monkeypatch.setattr(sqlite_file, "_connect", forbidding)


def fill(root: Path, value: float, store: Store = STORE) -> None:
    """Every table holds ``value``, put there in one transaction by a connection of its own."""
    key, body = row(1, int(value), value=value)
    with closing(connect(store, root=root)) as writer:
        writer.create(table(NAMES[0]))
    path = root / str(dict(store.options)["path"])
    with closing(sqlite3.connect(path, isolation_level=None)) as by_hand:
        by_hand.execute("BEGIN")
        for name in NAMES:
            by_hand.execute(f'CREATE TABLE IF NOT EXISTS "{name}" (key BLOB PRIMARY KEY, row BLOB NOT NULL)')
            by_hand.execute(f'INSERT OR REPLACE INTO "{name}" VALUES (?, ?)', (key, body))
        by_hand.execute("COMMIT")


def rewrite(root: Path) -> None:
    fill(root, 2.0)


def replace(root: Path) -> None:
    fill(root, 2.0, Store(type="sqlite", options=(("path", "other.db"),)))
    os.replace(root / "other.db", root / "online.db")


@pytest.mark.usefixtures("immutable")
@pytest.mark.parametrize("change", [rewrite, replace])
def test_a_read_is_of_one_moment_though_the_file_changes(tmp_path: Path, change: Callable[[Path], None]) -> None:
    """Hundreds of tables take two statements; the file changes between them."""
    fill(tmp_path, 1.0)
    with closing(connect(STORE, root=tmp_path, read_only=True)) as reader:
        assert value_of(reader, NAMES[0], 1) == 1.0
        asked: list[str] = []

        def between(statement: str) -> None:
            if statement.startswith("SELECT"):
                asked.append(statement)
                if len(asked) == 2:
                    change(tmp_path)

        reader._connection.set_trace_callback(between)  # type: ignore[attr-defined]
        parts = reader.read([(name, [KEY]) for name in NAMES])
        assert len(asked) == 2
        assert {part[KEY] for part in parts} == {row(1, 2, value=2.0)[1]}
        assert reader.observe("shop") == (table(NAMES[0]),)


@pytest.mark.usefixtures("immutable")
def test_a_file_that_never_rests_is_given_up(tmp_path: Path) -> None:
    with closing(connect(STORE, root=tmp_path)) as writer:
        writer.create(table(NAMES[0]))
    with closing(connect(STORE, root=tmp_path, read_only=True)) as reader:
        real = reader._file.unchanged  # type: ignore[attr-defined]

        def restless() -> bool:
            os.utime(tmp_path / "online.db", ns=(time.time_ns(), time.time_ns()))
            return bool(real())

        reader._file.unchanged = restless  # type: ignore[attr-defined]
        with refused("AS723"):
            reader.read([(NAMES[0], [KEY])])


@pytest.mark.usefixtures("immutable")
def test_a_change_at_the_tick_of_the_last_one_is_noticed(tmp_path: Path) -> None:
    """A file that was written just now is not relied on before its time stamps have moved on."""
    with closing(connect(STORE, root=tmp_path)) as writer:
        writer.create(table(NAMES[0]))
        writer.write(NAMES[0], [row(1, 1, value=1.0)])
    with closing(connect(STORE, root=tmp_path, read_only=True)) as reader:
        for value in range(2, 12):
            with closing(connect(STORE, root=tmp_path)) as writer:
                writer.write(NAMES[0], [row(1, value, value=float(value))])
            assert value_of(reader, NAMES[0], 1) == float(value)


@pytest.mark.usefixtures("immutable")
def test_a_file_that_is_removed_or_damaged_has_a_code(tmp_path: Path) -> None:
    fill(tmp_path, 1.0)
    with closing(connect(STORE, root=tmp_path, read_only=True)) as reader:
        assert value_of(reader, NAMES[0], 1) == 1.0
        (tmp_path / "online.db").unlink()
        with refused("AS742"):
            value_of(reader, NAMES[0], 1)
        (tmp_path / "online.db").write_bytes(b"no database" * 1000)
        with refused("AS743"):
            value_of(reader, NAMES[0], 1)


def test_a_file_that_comes_later_is_seen(tmp_path: Path) -> None:
    with closing(connect(STORE, root=tmp_path, read_only=True)) as reader:
        assert reader.observe("shop") == ()
        fill(tmp_path, 1.0)
        assert value_of(reader, NAMES[0], 1) == 1.0
        fill(tmp_path, 2.0)
        assert value_of(reader, NAMES[0], 1) == 2.0


def numbers(root: Path, value: int, count: int) -> None:
    with closing(sqlite3.connect(root / "offline.db")) as by_hand:
        by_hand.execute("PRAGMA journal_mode = WAL")
        by_hand.execute("CREATE TABLE IF NOT EXISTS numbers (n INTEGER)")
        by_hand.execute("DELETE FROM numbers")
        by_hand.executemany("INSERT INTO numbers VALUES (?)", ((value,) for _ in range(count)))
        by_hand.commit()


@pytest.mark.usefixtures("immutable")
@pytest.mark.parametrize("columns", [(), (Column(name="n", type=INT64),)])
def test_an_offline_result_is_of_one_moment_or_ends(
    tmp_path: Path, columns: tuple[Column, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asof.engines.sqlite.BATCH_ROWS", 1_000)
    count = 3_000
    numbers(tmp_path, 1, count)
    with closing(engines.connect(OFFLINE, root=tmp_path, read_only=True)) as engine:
        numbers(tmp_path, 2, count)
        assert engine.columns("numbers") == {"n": INT64}
        assert set(engine.query("SELECT n FROM numbers", columns).read_all()["n"].to_pylist()) == {2}
        batches = engine.query("SELECT n FROM numbers", columns)
        first = batches.read_next_batch()
        numbers(tmp_path, 3, count)
        assert set(first["n"].to_pylist()) == {2}
        with refused("AS723"):
            batches.read_next_batch()
        assert set(engine.query("SELECT n FROM numbers", columns).read_all()["n"].to_pylist()) == {3}


@pytest.mark.usefixtures("immutable")
def test_a_session_with_temporary_tables_ends_with_a_code(tmp_path: Path) -> None:
    numbers(tmp_path, 1, 10)
    with closing(engines.connect(OFFLINE, root=tmp_path, read_only=True)) as engine:
        engine.load("spine", pa.table({"n": range(10)}).to_reader())
        assert engine.query("SELECT count(*) AS c FROM spine, numbers").read_all()["c"].to_pylist() == [100]
        numbers(tmp_path, 2, 10)
        for ask in (lambda: engine.query("SELECT n FROM numbers"), lambda: engine.columns("numbers")):
            with refused("AS723"):
                ask()


READING = """
import sys, time
from contextlib import closing
from pathlib import Path
from asof.compiler.model import Store
from asof.online import connect
from asof.testing.online_stores import row
names = [f"shop__v{i}__1" for i in range(450)]
key = row(1, 1)[0]
seen = set()
end = time.monotonic() + 4
with closing(connect(Store(type="sqlite", options=(("path", "online.db"),)), root=Path("."), read_only=True)) as reader:
    while time.monotonic() < end:
        parts = {part[key] for part in reader.read([(name, [key]) for name in names])}
        assert len(parts) == 1, parts
        seen |= parts
print(len(seen))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="the writer needs the permission that the reader lacks")
def test_readers_without_permission_go_on_beside_writers_that_come_and_go(tmp_path: Path) -> None:
    fill(tmp_path, 1.0)
    with unwritable(tmp_path), writing(tmp_path):
        ended = python("-c", READING, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout) > 1


@contextmanager
def writing(root: Path) -> Iterator[None]:
    """Another thread writes all the tables again and again."""
    over = threading.Event()

    def write() -> None:
        value = 1.0
        while not over.wait(0.05):
            value += 1
            fill(root, value)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
