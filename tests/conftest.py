"""Engines for all tests: started once a session, stopped at its end. A missing engine is an error, never a skip."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.engines.bigquery import BigQuery
from tests.engines.clickhouse import ClickHouse
from tests.engines.duckdb import DuckDB
from tests.engines.postgres import Postgres, postgres_server
from tests.engines.spark import Spark
from tests.engines.sqlite import SQLite

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.engines import Runner

ENGINES = ("duckdb", "postgres", "sqlite", "clickhouse", "spark", "bigquery")
"""Dialects whose engine runs here; each has a fixture ``<dialect>_runner``."""


def pytest_configure() -> None:
    """A shell starts what runs behind its back with Ctrl-C ignored, and so would every process that a test starts."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def postgres_dsn() -> Iterator[str]:
    with postgres_server() as dsn:
        yield dsn


@pytest.fixture(scope="session")
def duckdb_runner() -> Iterator[DuckDB]:
    runner = DuckDB()
    yield runner
    runner.connection.close()


@pytest.fixture(scope="session")
def postgres_runner(postgres_dsn: str) -> Iterator[Postgres]:
    runner = Postgres(postgres_dsn)
    yield runner
    runner.connection.close()


@pytest.fixture(scope="session")
def sqlite_runner() -> Iterator[SQLite]:
    runner = SQLite()
    yield runner
    runner.connection.close()


@pytest.fixture(
    scope="session", params=[pytest.param(name, marks=pytest.mark.xdist_group(f"engine-{name}")) for name in ENGINES]
)
def engine(request: pytest.FixtureRequest) -> Runner:
    """Each engine in turn; tests of one engine share a worker, so that it starts once."""
    runner: Runner = request.getfixturevalue(f"{request.param}_runner")
    return runner


@pytest.fixture(scope="session")
def clickhouse_runner() -> Iterator[ClickHouse]:
    runner = ClickHouse()
    yield runner
    runner.close()


@pytest.fixture(scope="session")
def spark_runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spark]:
    runner = Spark(tmp_path_factory.mktemp("warehouse"))
    yield runner
    runner.close()


@pytest.fixture(scope="session")
def bigquery_runner() -> BigQuery:
    return BigQuery()
