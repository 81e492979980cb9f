"""Every engine keeps the promises of the port, on real engines; and what is particular to one of them."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from asof.compiler.diagnostics import DiagnosticError
from asof.compiler.model import Column, Location, Store
from asof.compiler.types import TIMESTAMP
from asof.engines import connect
from asof.engines.estimates import Estimates
from asof.engines.postgres_rows import inline
from asof.testing.engines import EngineSuite
from asof.testing.online_stores import refused

if TYPE_CHECKING:
    from pathlib import Path

    from asof.engines.base import Engine


class InFolder:
    store: Store

    @pytest.fixture(autouse=True)
    def root(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def connect(self) -> Engine:
        return connect(self.store, root=self.folder)


class TestDuckDB(InFolder, EngineSuite):
    store = Store(type="duckdb", options=(("path", "deep/offline.duckdb"), ("threads", 2)))


class TestSQLite(InFolder, EngineSuite):
    store = Store(type="sqlite", options=(("path", "deep/offline.db"),))


class TestPostgres(InFolder, EngineSuite):
    @pytest.fixture(autouse=True)
    def server(self, postgres_dsn: str) -> None:
        self.store = Store(type="postgres", options=(("url", postgres_dsn),))


class TestPostgresWithoutTemporaryTables(InFolder):
    """Rows that stand in the statements instead: the same values come back."""

    types = EngineSuite.types

    @pytest.fixture(autouse=True)
    def server(self, postgres_dsn: str) -> None:
        with psycopg.connect(postgres_dsn, autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = 'reads_only'").fetchall():
                connection.execute("CREATE ROLE reads_only LOGIN")
                connection.execute("CREATE DATABASE nothing_temporary")
                connection.execute("REVOKE TEMPORARY ON DATABASE nothing_temporary FROM PUBLIC")
        url = postgres_dsn.replace("user=test", "user=reads_only").replace(
            "dbname=postgres", "dbname=nothing_temporary"
        )
        self.store = Store(type="postgres", options=(("url", url),))

    def connect(self) -> Engine:
        return connect(self.store, root=self.folder, read_only=True)

    test_every_type_comes_back_as_it_was_loaded = EngineSuite.test_every_type_comes_back_as_it_was_loaded
    test_names_are_quoted = EngineSuite.test_names_are_quoted_and_a_loaded_table_is_replaced
    test_an_empty_table_keeps_its_columns = EngineSuite.test_an_empty_table_keeps_its_columns
    test_rows_arrive_in_batches_and_in_order = EngineSuite.test_rows_arrive_in_batches_and_in_order

    def test_rows_that_are_too_many_are_refused_with_a_way_out(self) -> None:
        rows = pa.table({"a": ["x" * 100] * 10})
        with pytest.raises(DiagnosticError, match="may make no temporary table") as error:
            inline("given", rows.to_reader(), most=500)
        assert "GRANT TEMPORARY" in error.value.diagnostics[0].notes[0]


@pytest.mark.parametrize("kind", ["duckdb", "postgres"])
def test_a_session_reads_clocks_in_utc(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    options = (("url", request.getfixturevalue("postgres_dsn")),) if kind == "postgres" else ()
    sql = "SELECT CAST(CAST('2024-01-01 12:00:00' AS TIMESTAMP) AS TIMESTAMPTZ) AS t"
    with closing(connect(Store(type=kind, options=options), root=tmp_path)) as engine:
        found = engine.query(sql, [Column(name="t", type=TIMESTAMP)]).read_all()
    assert found.column("t").to_pylist() == [datetime(2024, 1, 1, 12, tzinfo=UTC)]


def test_relative_paths_in_sql_start_at_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "repo/data").mkdir(parents=True)
    pq.write_table(pa.table({"a": [1]}), tmp_path / "repo/data/x.parquet")
    monkeypatch.chdir(tmp_path)
    store = Store(type="duckdb", options=(("path", "offline.duckdb"),))
    with closing(connect(store, root=tmp_path / "repo")) as writer:
        writer.execute(["CREATE VIEW v AS SELECT * FROM 'data/x.parquet'"])
    readers = [connect(store, root=tmp_path / "repo", read_only=True) for _ in range(2)]
    for reader in readers:
        assert reader.query("SELECT a FROM v").read_all().to_pydict() == {"a": [1]}
        with refused("AS724"):
            reader.execute(["CREATE TABLE t (x INTEGER)"])
        reader.load("own_rows", pa.table({"a": [2]}).to_reader())
    for reader in readers:
        reader.close()


def test_reading_a_file_that_is_not_there_creates_nothing(tmp_path: Path) -> None:
    for kind in ("duckdb", "sqlite"):
        store = Store(type=kind, options=(("path", "deep/offline.db"),))
        with closing(connect(store, root=tmp_path, read_only=True)) as engine:
            assert engine.query("SELECT 1 AS one").read_all().num_rows == 1
    assert list(tmp_path.iterdir()) == []


def test_a_name_in_sql_is_never_a_python_variable(tmp_path: Path) -> None:
    table = pa.table({"a": [1]})
    with closing(connect(Store(type="duckdb"), root=tmp_path)) as engine, refused("AS724"):
        engine.query("SELECT * FROM table").read_all()
    assert table.num_rows == 1


def test_secrets_reach_the_driver_and_no_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(type="postgres", options=(("url", "${env:FEATURES_URL}"),))
    with refused("AS720"):
        connect(store, root=tmp_path)
    for secret in ("host=/nowhere password=hunter2 user=me", "hunter2 is no url", "postgresql://me:hunter2@[::1/x"):
        monkeypatch.setenv("FEATURES_URL", secret)
        with pytest.raises(DiagnosticError) as error:
            connect(store, root=tmp_path)
        assert "hunter2" not in repr(error.value.diagnostics)
        assert error.value.__cause__ is None


def test_what_is_not_supported_is_said_with_what_is(tmp_path: Path) -> None:
    with pytest.raises(DiagnosticError) as error:
        connect(Store(type="duckdbb"), root=tmp_path)
    (found,) = error.value.diagnostics
    assert (found.code, found.notes) == ("AS721", ("did you mean 'duckdb'?",))
    assert "duckdb, postgres, sqlite" in found.message
    with refused("AS722"):
        connect(Store(type="duckdb", options=(("pth", "x"),)), root=tmp_path)


def test_duckdb_tells_sizes_from_footers_catalog_and_optimizer(tmp_path: Path) -> None:
    for part in range(3):
        pq.write_table(pa.table({"k": range(100)}), tmp_path / f"part{part}.parquet")
    size = sum(path.stat().st_size for path in tmp_path.glob("*.parquet"))
    with closing(connect(Store(type="duckdb"), root=tmp_path)) as engine:
        assert isinstance(engine, Estimates)
        found = engine.estimate(Location(path="part*.parquet"))
        assert (found.rows, found.bytes, found.partitions) == (300, size, 3)
        engine.execute(["CREATE TABLE t AS SELECT * FROM range(50)"])
        assert engine.estimate(Location(table="t")).rows == 50
        assert engine.estimate(Location(query="SELECT * FROM t")).rows == 50
        with pytest.raises(DiagnosticError, match="nothing"):
            engine.estimate(Location(path="nothing.parquet"))


def test_postgres_tells_rows_pages_and_partitions_by_a_dry_run(postgres_dsn: str, tmp_path: Path) -> None:
    store = Store(type="postgres", options=(("url", postgres_dsn),))
    with closing(connect(store, root=tmp_path)) as engine:
        assert isinstance(engine, Estimates)
        engine.execute(
            [
                "DROP TABLE IF EXISTS cost_days",
                "CREATE TABLE cost_days (day date, k int) PARTITION BY RANGE (day)",
                "CREATE TABLE cost_days_1 PARTITION OF cost_days FOR VALUES FROM ('2026-01-01') TO ('2026-01-02')",
                "CREATE TABLE cost_days_2 PARTITION OF cost_days FOR VALUES FROM ('2026-01-02') TO ('2026-01-03')",
                "INSERT INTO cost_days SELECT '2026-01-01'::date + i % 2, i FROM generate_series(1, 10000) AS i",
                "ANALYZE cost_days",
            ]
        )
        whole = engine.estimate(Location(table="cost_days"))
        one = engine.estimate(Location(query="SELECT * FROM cost_days WHERE day = '2026-01-01'"))
        engine.execute(["DROP TABLE cost_days"])
        assert (whole.rows, whole.partitions) == (10000, 2)
        assert one.partitions == 1
        assert whole.bytes is not None
        assert one.bytes is not None
        assert 0 < one.bytes < whole.bytes
