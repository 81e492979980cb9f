"""Generated SQL as text: reviewed once, stable to the byte, and read by parsers that are not sqlglot's."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import duckdb
import pglast
import pytest

from asof.compiler.dialects import DIALECTS
from asof.compiler.materialize import checks_query, materialize_query
from asof.compiler.pit import training_query
from tests.golden import ROOT, check_golden
from tests.sql.repos import BY_DAY, BY_NIGHT, EARNINGS, FILED, LAST_RIDE, PARTITIONED, TAXI, able, request

if TYPE_CHECKING:
    from asof.compiler.emit import CompiledQuery

NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)
TABLES = {
    "duckdb": """CREATE TABLE rides (driver BIGINT, ended_at TIMESTAMPTZ, loaded_at TIMESTAMPTZ, ride BIGINT,
                 fare DOUBLE, rating BIGINT); CREATE TABLE bookings (driver BIGINT, asked_at TIMESTAMPTZ);
                 CREATE TABLE days AS SELECT *, CAST(NULL AS DATE) AS ds FROM rides;
                 CREATE TABLE nights AS SELECT *, CAST(NULL AS VARCHAR) AS ds FROM rides""",
    "sqlite": """CREATE TABLE rides (driver INTEGER, ended_at INTEGER, loaded_at INTEGER, ride INTEGER,
                 fare REAL, rating INTEGER); CREATE TABLE bookings (driver INTEGER, asked_at INTEGER);
                 CREATE TABLE days AS SELECT *, NULL AS ds FROM rides;
                 CREATE TABLE nights AS SELECT *, NULL AS ds FROM rides""",
}


def compiled(case: str, dialect: str) -> CompiledQuery:
    made = {
        "training": lambda: training_query(
            TAXI, request("last_ride", "earnings", "odds"), target="local", dialect=dialect
        ),
        "aggregations": lambda: training_query(able(dialect), request("habits"), target="local", dialect=dialect),
        "materialize_latest": lambda: materialize_query(TAXI, LAST_RIDE, target="local", dialect=dialect, as_of=NOON),
        "materialize_windows": lambda: materialize_query(TAXI, EARNINGS, target="local", dialect=dialect, as_of=NOON),
        "partitions": lambda: training_query(
            PARTITIONED, request("by_day", "by_night"), target="local", dialect=dialect
        ),
        "materialize_partitions": lambda: materialize_query(
            PARTITIONED, BY_DAY, target="local", dialect=dialect, as_of=NOON
        ),
        "checks_partitions": lambda: checks_query(PARTITIONED, BY_NIGHT, target="local", dialect=dialect),
        "checks": lambda: checks_query(TAXI, LAST_RIDE, target="local", dialect=dialect),
    }[case]()
    assert made.diagnostics == ()
    assert made.query is not None
    return made.query


def over_files(dialect: str) -> CompiledQuery:
    """A statement over objects of a bucket and files of the machine."""
    made = training_query(FILED, request("by_day", "by_night"), target="local", dialect=dialect)
    assert made.query is not None, made.diagnostics
    return made.query


PARTITIONS = ("partitions", "materialize_partitions", "checks_partitions")
CASES = ("training", "aggregations", "materialize_latest", "materialize_windows", "checks", *PARTITIONS)


@pytest.mark.golden
@pytest.mark.parametrize("dialect", sorted(DIALECTS))
@pytest.mark.parametrize("case", CASES)
def test_the_sql_is_the_sql_that_was_reviewed(case: str, dialect: str) -> None:
    check_golden(ROOT / "sql" / "golden" / f"{case}.{dialect}.sql", compiled(case, dialect).text)


@pytest.mark.golden
@pytest.mark.parametrize("dialect", sorted(name for name, dialect in DIALECTS.items() if dialect.reads_files))
def test_the_sql_over_files_is_the_sql_that_was_reviewed(dialect: str) -> None:
    check_golden(ROOT / "sql" / "golden" / f"files.{dialect}.sql", over_files(dialect).text)


@pytest.mark.parametrize("dialect", sorted(name for name, dialect in DIALECTS.items() if not dialect.reads_files))
def test_where_files_are_not_read_each_source_is_told(dialect: str) -> None:
    made = training_query(FILED, request("by_day", "by_night"), target="local", dialect=dialect)
    assert made.query is None
    assert {found.code for found in made.diagnostics} == {"AS503"}


@pytest.mark.parametrize("case", CASES)
def test_duckdb_plans_it(case: str) -> None:
    connection = duckdb.connect()
    connection.execute(TABLES["duckdb"])
    assert connection.execute(f"EXPLAIN {compiled(case, 'duckdb').sql}").fetchall()


@pytest.mark.parametrize("case", CASES)
def test_sqlite_plans_it(case: str) -> None:
    connection = sqlite3.connect(":memory:")
    connection.executescript(TABLES["sqlite"])
    assert connection.execute(f"EXPLAIN {compiled(case, 'sqlite').sql}").fetchall()
    connection.close()


@pytest.mark.parametrize("case", CASES)
def test_the_grammar_of_postgres_accepts_it(case: str) -> None:
    assert len(pglast.parse_sql(compiled(case, "postgres").sql)) == 1


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_the_same_repo_gives_the_same_bytes(dialect: str) -> None:
    assert compiled("training", dialect).text == compiled("training", dialect).text


def test_the_certificate_names_every_table_of_rows() -> None:
    rows = {table for table, _ in compiled("training", "duckdb").certificate.paths}
    assert rows == {"last_ride_rows", "earnings_rows"}
