"""SQL dialects as data: facts, strategies, leaf rewrites, and what each cannot do."""

from __future__ import annotations

from asof.compiler.dialects.athena import Athena
from asof.compiler.dialects.base import WINDOW_STRATEGIES, Dialect, LatestStrategy, WindowStrategy
from asof.compiler.dialects.bigquery import BigQuery
from asof.compiler.dialects.clickhouse import ClickHouse
from asof.compiler.dialects.databricks import Databricks
from asof.compiler.dialects.duckdb import DuckDB
from asof.compiler.dialects.postgres import Postgres
from asof.compiler.dialects.redshift import Redshift
from asof.compiler.dialects.snowflake import Snowflake
from asof.compiler.dialects.spark import Spark
from asof.compiler.dialects.sqlite import SQLite
from asof.compiler.dialects.trino import Trino
from asof.compiler.dialects.tsql import TSQL

DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        Athena(), BigQuery(), ClickHouse(), Databricks(), DuckDB(), Postgres(),
        Redshift(), Snowflake(), Spark(), SQLite(), Trino(), TSQL(),
    )
}  # fmt: skip
"""The dialects that can be emitted, by name."""

STORES: dict[str, str] = {**{name: name for name in DIALECTS if name != "tsql"}, "synapse": "tsql"}
"""Type of an offline store -> the name of its dialect."""


def of_store(store: str) -> Dialect | None:
    """The dialect that an offline store of this type speaks; None where no SQL is made for it."""
    return DIALECTS.get(STORES.get(store, ""))


def spoken(name: str, *, latest: LatestStrategy | None = None, windows: WindowStrategy | None = None) -> Dialect | None:
    """The dialect of that name; a copy with another of its strategies where one is asked for."""
    found = DIALECTS.get(name)
    return found.choosing(latest=latest, windows=windows) if found and (latest or windows) else found


__all__ = [
    "DIALECTS", "STORES", "WINDOW_STRATEGIES", "Dialect", "LatestStrategy", "WindowStrategy", "of_store", "spoken",
]  # fmt: skip
