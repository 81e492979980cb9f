"""A repo over one table of visits, on any engine that ships: what commands do while they are interrupted."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import duckdb
import psycopg

if TYPE_CHECKING:
    from pathlib import Path

ENGINES = ("duckdb", "sqlite", "postgres")
FILE = ".asof/offline.db"
AS_OF = "2026-03-01T00:00:00Z"
PROJECT = """\
version: 1
project: visits
targets:
  local:
    registry: .asof/registry
    offline: {offline}
    online: {{type: sqlite, path: .asof/online.db}}
"""
DEFINITIONS = """\
kind: Entity
name: visitor
join_keys:
  - {name: visitor_id, type: int64}
---
kind: DataSource
name: visits
table: visit_log
timestamp_field: seen_at
columns:
  - {name: visitor_id, type: int64}
  - {name: seen_at, type: timestamp}
  - {name: amount, type: float64}
---
kind: FeatureView
name: amounts
entities: [visitor]
source: visits
schema:
  - {name: amount, type: float64}
"""
VIEW = """\
---
kind: FeatureView
name: seen{number}
entities: [visitor]
timestamp_field: seen_at
online: false
query: SELECT visitor_id, seen_at, amount + {number} AS amount FROM visits
schema:
  - {{name: amount, type: float64}}
"""
ROWS = {
    "duckdb": "SELECT (range * 7919) % 30000 AS visitor_id, range / 7.0 AS amount, "
    "TIMESTAMP '2026-01-01' + to_seconds(range % 1000000) AS seen_at FROM range({rows})",
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) "
    "SELECT (i * 7919) % 30000 AS visitor_id, i / 7.0 AS amount, "
    "1767225600000000 + (i % 1000000) * 1000000 AS seen_at FROM n",
    "postgres": "SELECT (i * 7919) % 30000 AS visitor_id, i / 7.0::float8 AS amount, "
    "timestamp '2026-01-01' + make_interval(secs => i % 1000000) AS seen_at FROM generate_series(1, {rows}) AS i",
}
"""Visits that are computed when they are read."""


def write_repo(folder: Path, engine: str, *, dsn: str = "", schema: str = "public", views: int = 0) -> None:
    """Write ``asof.yaml`` and definitions, with so many ``views`` that are made as views of the offline store."""
    offline = {
        "duckdb": f"{{type: duckdb, path: {FILE}, threads: 2}}",
        "sqlite": f"{{type: sqlite, path: {FILE}}}",
        "postgres": f'{{type: postgres, url: "{dsn}", schema: {schema}}}',
    }[engine]
    (folder / ".asof").mkdir(parents=True)
    (folder / "asof.yaml").write_text(PROJECT.format(offline=offline))
    (folder / "features.yaml").write_text(DEFINITIONS + "".join(VIEW.format(number=n) for n in range(views)))


def create_visits(folder: Path, engine: str, sql: str, *, dsn: str = "", schema: str = "public") -> None:
    """Make ``visit_log`` a view of the offline store that is ``sql``."""
    view = f"CREATE VIEW visit_log AS {sql}"
    if engine == "duckdb":
        with duckdb.connect(str(folder / FILE)) as database:
            database.execute(view)
    elif engine == "sqlite":
        with sqlite3.connect(folder / FILE) as lite:
            lite.execute(view)
        lite.close()
    else:
        with psycopg.connect(dsn, autocommit=True) as server:
            server.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}".encode())
            server.execute(f"SET search_path = {schema}".encode())
            server.execute(view.encode())


def history(out: Path) -> tuple[str, ...]:
    """The command line that builds a training set of visits."""
    spine = "SELECT visitor_id, seen_at AS event_timestamp FROM visits WHERE visitor_id < 3000"
    return ("history", "--spine", spine, "--features", "amounts", "--out", str(out))


MATERIALIZE = ("materialize", "--as-of", AS_OF)
