"""The engines that are measured: each loads the same rows from Parquet and says how to run and how to spend a query."""

from __future__ import annotations

import os
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Protocol

import duckdb
import psycopg

from tests.engines.postgres import postgres_server
from tests.engines.spark import java_home

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from pyspark.sql import SparkSession

Rows = list[tuple[object, ...]]

COLUMNS = {
    "spine": "rid BIGINT, k BIGINT, t TIMESTAMPTZ",
    "e": "k BIGINT, at TIMESTAMPTZ, id BIGINT, v DOUBLE PRECISION, n BIGINT",
}


LIMIT = 300
"""Seconds that a statement may take."""


class Stopped(Exception):  # noqa: N818 - an answer, not a failure
    """A statement that did not end: it took too long, or more memory than there is."""


class Engine(Protocol):
    """``load`` replaces the tables; ``rows`` fetches a query, ``spend`` runs it to the end and keeps its rows there.

    Both raise Stopped.
    """

    label: str
    dialect: str
    options: Mapping[str, str]

    def load(self, tables: Mapping[str, Path]) -> None: ...
    def rows(self, sql: str) -> Rows: ...
    def spend(self, sql: str) -> None: ...
    def set(self, statement: str) -> None: ...


@contextmanager
def stopped_by(
    stop: Callable[[], None] | None, errors: tuple[type[Exception], ...], words: tuple[str, ...] = ("",)
) -> Iterator[None]:
    """Call ``stop`` after LIMIT seconds; ``errors`` with one of ``words`` in them become Stopped."""
    timer = threading.Timer(LIMIT, stop) if stop else None
    if timer:
        timer.daemon = True
        timer.start()
    began = perf_counter()
    try:
        yield
    except errors as error:
        if not any(word in str(error) for word in words):
            raise
        late = perf_counter() - began >= LIMIT
        raise Stopped(f"over {LIMIT} s" if late else "out of memory") from error
    finally:
        if timer:
            timer.cancel()


class OnDuckDB:
    """In this process, held to 4 GB."""

    label = dialect = "duckdb"
    options: Mapping[str, str] = {}

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        connection.execute("SET TimeZone = 'UTC'; SET memory_limit = '4GB'")

    def load(self, tables: Mapping[str, Path]) -> None:
        for name, file in tables.items():
            self.connection.execute(f"CREATE OR REPLACE TABLE {name} AS FROM '{file}'")

    def rows(self, sql: str) -> Rows:
        with stopped_by(self.connection.interrupt, (duckdb.InterruptException, duckdb.OutOfMemoryException)):
            return self.connection.execute(sql).fetchall()

    def spend(self, sql: str) -> None:
        with stopped_by(self.connection.interrupt, (duckdb.InterruptException, duckdb.OutOfMemoryException)):
            self.connection.execute(f"CREATE OR REPLACE TABLE answer AS {sql}")

    def set(self, statement: str) -> None:
        self.connection.execute(statement)


class OnPostgres:
    """A server of its own, with an index on key and time or without."""

    dialect = "postgres"

    def __init__(self, connection: psycopg.Connection, *, index: bool) -> None:
        self.connection, self.index = connection, index
        self.label = "postgres, indexed" if index else "postgres, no index"
        self.options = {} if index else {"latest": "timeline"}
        connection.execute("SET TimeZone = 'UTC'; SET work_mem = '256MB'")
        connection.execute(f"SET statement_timeout = '{LIMIT}s'".encode())

    def load(self, tables: Mapping[str, Path]) -> None:
        for name, file in tables.items():
            columns = COLUMNS["spine" if name == "spine" else "e"]
            self.set(f"DROP TABLE IF EXISTS {name}; CREATE TABLE {name} ({columns})")
            csv = file.with_suffix(".csv")
            duckdb.execute(f"COPY (FROM '{file}') TO '{csv}' (HEADER false)")
            into = f"COPY {name} FROM STDIN (FORMAT csv)".encode()
            with self.connection.cursor().copy(into) as copy, csv.open("rb") as lines:
                while block := lines.read(1 << 20):
                    copy.write(block)
            csv.unlink()
            if self.index and name != "spine":
                self.set(f"CREATE INDEX ON {name} (k, at)")
            self.set(f"ANALYZE {name}")

    def rows(self, sql: str) -> Rows:
        with stopped_by(None, (psycopg.errors.QueryCanceled, psycopg.errors.OutOfMemory)):
            return self.connection.execute(sql.encode()).fetchall()

    def spend(self, sql: str) -> None:
        with stopped_by(None, (psycopg.errors.QueryCanceled, psycopg.errors.OutOfMemory)):
            self.set(f"DROP TABLE IF EXISTS answer; CREATE TABLE answer AS {sql}")

    def set(self, statement: str) -> None:
        self.connection.execute(statement.encode())


class OnClickHouse:
    """In this process (chdb); the events are sorted by key and time, as one would store them."""

    label = dialect = "clickhouse"
    options: Mapping[str, str] = {}

    def __init__(self, folder: Path) -> None:
        from chdb import session

        self.session = session.Session(str(folder))
        for statement in ("CREATE DATABASE bench ENGINE = Atomic", "USE bench", "SET session_timezone = 'UTC'"):
            self.set(statement)
        self.set(f"SET max_execution_time = {LIMIT}")

    def load(self, tables: Mapping[str, Path]) -> None:
        for name, file in tables.items():
            order = "rid" if name == "spine" else "(k, at)"
            wanted = (
                "* REPLACE (assumeNotNull(k) AS k, assumeNotNull(rid) AS rid)"
                if name == "spine"
                else ("* REPLACE (assumeNotNull(k) AS k, assumeNotNull(at) AS at)")
            )
            self.set(f"DROP TABLE IF EXISTS {name} SYNC")
            self.set(f"CREATE TABLE {name} ENGINE = MergeTree ORDER BY {order} AS SELECT {wanted} FROM file('{file}')")

    def rows(self, sql: str) -> Rows:
        with stopped_by(None, (RuntimeError,), ("TIMEOUT_EXCEEDED", "MEMORY_LIMIT_EXCEEDED")):
            found = self.session.query(sql, "ArrowTable")
        return list(zip(*(column.to_pylist() for column in found.columns), strict=True))

    def spend(self, sql: str) -> None:
        self.set("DROP TABLE IF EXISTS answer SYNC")
        with stopped_by(None, (RuntimeError,), ("TIMEOUT_EXCEEDED", "MEMORY_LIMIT_EXCEEDED")):
            self.set(f"CREATE TABLE answer ENGINE = MergeTree ORDER BY tuple() AS {sql}")

    def set(self, statement: str) -> None:
        self.session.query(statement)


class OnSpark:
    """A local JVM with both cores and Spark's own defaults, but for as many shuffle partitions as such data needs.

    Both sides read Parquet: ten million cached rows would leave too little of the heap to either.
    """

    label = dialect = "spark"
    options: Mapping[str, str] = {}

    def __init__(self, session: SparkSession) -> None:
        self.session = session

    def load(self, tables: Mapping[str, Path]) -> None:
        for name, file in tables.items():
            self.session.read.parquet(str(file)).createOrReplaceTempView(name)

    def rows(self, sql: str) -> Rows:
        with self._limited():
            found = self.session.sql(sql).toArrow()
        return list(zip(*(column.to_pylist() for column in found.columns), strict=True))

    def spend(self, sql: str) -> None:
        with self._limited():
            self.session.sql(sql).write.format("noop").mode("overwrite").save()

    def _limited(self) -> AbstractContextManager[None]:
        from py4j.protocol import Py4JJavaError
        from pyspark.errors import PySparkException

        words = ("cancelled", "OutOfMemory", "UNABLE_TO_ACQUIRE_MEMORY")
        return stopped_by(self.session.sparkContext.cancelAllJobs, (Py4JJavaError, PySparkException), words)

    def set(self, statement: str) -> None:
        self.session.sql(statement)


@contextmanager
def on_duckdb() -> Iterator[Engine]:
    with duckdb.connect() as connection:
        yield OnDuckDB(connection)


@contextmanager
def on_postgres(*, index: bool) -> Iterator[Engine]:
    with postgres_server() as dsn, psycopg.connect(dsn, autocommit=True) as connection:
        yield OnPostgres(connection, index=index)


@contextmanager
def on_clickhouse() -> Iterator[Engine]:
    with tempfile.TemporaryDirectory(prefix="clickhouse") as folder:
        engine = OnClickHouse(Path(folder))
        yield engine
        engine.session.close()


@contextmanager
def on_spark() -> Iterator[Engine]:
    if home := java_home():
        os.environ["JAVA_HOME"] = home
    from pyspark.sql import SparkSession

    settings = {
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": "6g",
        "spark.sql.shuffle.partitions": "4",
        "spark.sql.session.timeZone": "UTC",
        "spark.ui.showConsoleProgress": "false",
    }
    builder = SparkSession.builder.master("local[2]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    yield OnSpark(session)
    session.stop()


def engines() -> dict[str, AbstractContextManager[Engine]]:
    """By the name that the command line takes."""
    return {
        "duckdb": on_duckdb(),
        "postgres": on_postgres(index=True),
        "postgres-no-index": on_postgres(index=False),
        "clickhouse": on_clickhouse(),
        "spark": on_spark(),
    }
