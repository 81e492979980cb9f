"""The SQLite online store keeps what every online store must, and what only a file can break."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from asof.compiler.diagnostics import DiagnosticError
from asof.compiler.model import Store
from asof.online import connect
from asof.testing.online_stores import OnlineRowsSuite, OnlineTablesSuite, refused, row, table, value_of

if TYPE_CHECKING:
    from pathlib import Path

    from asof.online.base import OnlineStore

STORE = Store(type="sqlite", options=(("path", "deep/online.db"),))


class FileStore:
    @pytest.fixture(autouse=True)
    def root(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def connect(self) -> OnlineStore:
        return connect(STORE, root=self.folder)


class TestTables(FileStore, OnlineTablesSuite):
    pass


class TestRows(FileStore, OnlineRowsSuite):
    pass


def test_a_table_made_by_hand_is_not_taken_over(tmp_path: Path) -> None:
    with closing(connect(STORE, root=tmp_path)) as store:
        with closing(sqlite3.connect(tmp_path / "deep/online.db")) as by_hand:
            by_hand.execute("CREATE TABLE shop__stats__1 (precious TEXT)")
        for act in (store.create, store.alter, store.drop):
            with refused("AS740"):
                act(table("shop__stats__1"))


def test_a_reader_creates_nothing_and_sees_an_empty_store(tmp_path: Path) -> None:
    with closing(connect(STORE, root=tmp_path, read_only=True)) as store:
        assert store.observe("shop") == ()
        with refused("AS742"):
            store.read([("shop__stats__1", [b"k"])])
    assert list(tmp_path.iterdir()) == []


def test_hundreds_of_tables_and_tens_of_thousands_of_keys_are_read(tmp_path: Path) -> None:
    with closing(connect(STORE, root=tmp_path)) as store:
        names = [f"shop__v{i}__1" for i in range(450)]
        for name in names:
            store.create(table(name))
        store.write(names[-1], (row(key, 1) for key in range(40_000)))
        keys = [row(key, 1)[0] for key in range(40_000)]
        found = store.read([(name, keys[:1]) for name in names[:-1]] + [(names[-1], keys)])
        assert [len(part) for part in found[-2:]] == [0, 40_000]


def test_readers_go_on_while_a_writer_writes(tmp_path: Path) -> None:
    name = "shop__stats__1"
    with closing(connect(STORE, root=tmp_path)) as store:
        store.create(table(name))
        store.write(name, [row(key, 1, value=1.0) for key in range(1_000)])
    halfway, finish = threading.Event(), threading.Event()

    def rows():
        for key in range(1_000):
            if key == 500:
                halfway.set()
                finish.wait(10)
            yield row(key, 2, value=2.0)

    def write() -> None:
        with closing(connect(STORE, root=tmp_path)) as writer:
            writer.write(name, rows())

    thread = threading.Thread(target=write)
    thread.start()
    halfway.wait(10)
    with closing(connect(STORE, root=tmp_path, read_only=True)) as reader:
        assert {value_of(reader, name, key) for key in range(1_000)} == {1.0}
        finish.set()
        thread.join()
        assert {value_of(reader, name, key) for key in range(1_000)} == {2.0}


def test_one_read_sees_one_moment(tmp_path: Path) -> None:
    """Hundreds of tables take two statements; between them somebody writes, and makes a table."""
    names = [f"shop__v{i}__1" for i in range(450)]
    with closing(connect(STORE, root=tmp_path)) as store:
        for name in names:
            store.create(table(name))
            store.write(name, [row(1, 1, value=1.0)])
    key = row(1, 1)[0]
    with (
        closing(connect(STORE, root=tmp_path, read_only=True)) as reader,
        closing(connect(STORE, root=tmp_path)) as other,
    ):
        said: list[str] = []

        def between(statement: str) -> None:
            if not statement.startswith("SELECT") or said:
                return
            said.append(statement)
            other.create(table("shop__new__1"))
            for name in names:
                other.write(name, [row(1, 2, value=2.0)])

        reader._connection.set_trace_callback(between)  # type: ignore[attr-defined]
        found = reader.read([(name, [key]) for name in names])
        assert said
        assert {part[key] for part in found} == {row(1, 1, value=1.0)[1]}
        assert {part[key] for part in reader.read([(name, [key]) for name in names])} == {row(1, 2, value=2.0)[1]}


MAKING = """
import sys
from pathlib import Path
from asof.compiler.model import Store
from asof.online import connect
from asof.testing.online_stores import table
store = connect(Store(type="sqlite", options=(("path", "deep/online.db"),)), root=Path(sys.argv[1]))
for number in range(10_000_000):
    store.create(table(f"shop__more{number}__1"))
    print(number, flush=True)
"""


def test_readers_go_on_while_a_large_apply_makes_tables(tmp_path: Path) -> None:
    """To read a schema of thousands of tables takes longer than to make another one."""
    names = [f"shop__v{i}__1" for i in range(2)]
    with closing(connect(STORE, root=tmp_path)) as store:
        for name in names:
            store.create(table(name))
    with closing(sqlite3.connect(tmp_path / "deep/online.db", isolation_level=None)) as by_hand:
        by_hand.execute("BEGIN")
        for number in range(5_000):
            by_hand.execute(f"CREATE TABLE t{number} (key BLOB PRIMARY KEY, row BLOB NOT NULL) WITHOUT ROWID, STRICT")
        by_hand.execute("COMMIT")
    making = [sys.executable, "-c", MAKING, str(tmp_path)]
    with subprocess.Popen(making, stdout=subprocess.PIPE) as maker:
        assert maker.stdout is not None
        maker.stdout.readline()
        with closing(connect(STORE, root=tmp_path, read_only=True)) as reader:
            end = time.monotonic() + 2
            while time.monotonic() < end:
                assert reader.read([(name, [b"k"]) for name in names]) == ({}, {})
        maker.kill()


KILLED = """
import sys
from pathlib import Path
from asof.compiler.model import Store
from asof.online import connect
from asof.testing.online_stores import row
store = connect(Store(type="sqlite", options=(("path", "deep/online.db"),)), root=Path(sys.argv[1]))
round = 2
while True:
    store.write("shop__stats__1", [row(key, round, value=float(round)) for key in range(500)])
    print(round, flush=True)
    round += 1
"""


def test_a_writer_killed_at_any_moment_leaves_whole_chunks(tmp_path: Path) -> None:
    name = "shop__stats__1"
    with closing(connect(STORE, root=tmp_path)) as store:
        store.create(table(name))
        store.write(name, [row(key, 1, value=1.0) for key in range(500)])
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    for pause in (0.0, 0.004, 0.009):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(pause)
            writer.kill()
        with closing(connect(STORE, root=tmp_path)) as store:
            assert len({value_of(store, name, key) for key in range(500)}) == 1


def test_settings_are_checked_before_anything_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_FOLDER", "hush")
    for store, code in (
        (Store(type="redis"), "AS721"),
        (Store(type="sqlite"), "AS722"),
        (Store(type="sqlite", options=(("pth", "x"),)), "AS722"),
        (Store(type="sqlite", options=(("path", "${env:NOT_SET}/x"),)), "AS720"),
    ):
        with refused(code):
            connect(store, root=tmp_path)
    (tmp_path / "hush").write_text("a file where a folder is wanted")
    with pytest.raises(DiagnosticError) as error:
        connect(Store(type="sqlite", options=(("path", "${env:SECRET_FOLDER}/x.db"),)), root=tmp_path)
    assert error.value.diagnostics[0].code == "AS723"


def test_among_many_tables_each_is_found_by_an_index(tmp_path: Path) -> None:
    with closing(connect(STORE, root=tmp_path)) as store:
        store.create(table("p__fares__00000000"))
    statements = (
        "SELECT project, layout FROM asof_tables WHERE name = 'x' COLLATE NOCASE",
        "SELECT 1 FROM pragma_table_info('x') LIMIT 1",
    )
    with closing(sqlite3.connect(tmp_path / "deep/online.db")) as connection:
        plans = [str(connection.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall()) for sql in statements]
    assert "USING INDEX" in plans[0]
    assert "VIRTUAL TABLE INDEX" in plans[1]
