"""Statements that every grammar of a dialect must refuse: otherwise its silence would mean nothing."""

from __future__ import annotations

EVERYWHERE = {
    "a comma before WHERE": "SELECT a, b FROM t, WHERE a > 1",
    "an empty WHERE": "SELECT a FROM t WHERE",
    "an open bracket": "SELECT a FROM (SELECT a FROM t AS u",
    "a bracket too many": "SELECT (a + 1)) AS b FROM t",
    "two FROMs": "SELECT a FROM t FROM u",
    "a CTE without its query": "WITH a AS (SELECT 1 AS b)",
    "WHERE before FROM": "SELECT a WHERE a > 1 FROM t",
    "CASE without END": "SELECT CASE WHEN a > 1 THEN 1 AS b FROM t",
    "OVER with half a frame": "SELECT SUM(a) OVER (ORDER BY b ROWS BETWEEN UNBOUNDED PRECEDING) AS c FROM t",
}
QUALIFY = "SELECT a, b FROM t QUALIFY ROW_NUMBER() OVER (PARTITION BY a ORDER BY b) = 1"
ASOF = "SELECT s.a FROM t AS s ASOF LEFT JOIN u ON s.a = u.a AND s.b >= u.b"
MATCH = "SELECT s.a FROM t AS s ASOF JOIN u MATCH_CONDITION (s.b >= u.b) ON s.a = u.a"
APPLY = "SELECT t.a FROM t CROSS APPLY (SELECT u.b FROM u WHERE u.a = t.a) AS v"
LATERAL = "SELECT t.a FROM t CROSS JOIN LATERAL (SELECT u.b FROM u WHERE u.a = t.a LIMIT 1) AS v"
MATERIALIZED = "WITH a AS MATERIALIZED (SELECT 1 AS b) SELECT b FROM a"
TOP = "SELECT TOP 1 a FROM t"
LIMIT = "SELECT a FROM t LIMIT 1"
COLONS = "SELECT a::BIGINT AS b FROM t"

FINAL = "SELECT a FROM t FINAL SETTINGS max_threads = 1"
FILTER = "SELECT COUNT(*) FILTER (WHERE a > 1) AS b FROM t"
INTERVAL_FRAME = "SELECT SUM(a) OVER (ORDER BY b RANGE BETWEEN INTERVAL '1 DAY' PRECEDING AND CURRENT ROW) AS c FROM t"

NEIGHBOURS: dict[str, tuple[str, ...]] = {
    "duckdb": (APPLY, TOP, MATCH, FINAL),
    "sqlite": (QUALIFY, ASOF, APPLY, TOP, LATERAL, MATCH, COLONS, FINAL),
    "postgres": (QUALIFY, ASOF, APPLY, TOP, MATCH, FINAL),
    "redshift": (ASOF, APPLY, MATCH, MATERIALIZED, FINAL),
    "bigquery": (ASOF, APPLY, TOP, MATCH, LATERAL, MATERIALIZED, FINAL),
    "snowflake": (ASOF, APPLY, FINAL, MATERIALIZED),
    "databricks": (ASOF, APPLY, TOP, MATERIALIZED, FINAL),
    "spark": (APPLY, TOP, MATERIALIZED, FINAL),
    "trino": (QUALIFY, ASOF, APPLY, TOP, MATCH, MATERIALIZED, COLONS, FINAL),
    "athena": (QUALIFY, ASOF, APPLY, TOP, MATCH, MATERIALIZED, COLONS, FINAL),
    "tsql": (QUALIFY, ASOF, MATCH, LIMIT, MATERIALIZED, COLONS, FILTER, INTERVAL_FRAME, FINAL),
    "clickhouse": (APPLY, MATCH, LATERAL, MATERIALIZED),
}
"""Dialect -> syntax of other dialects that its engine does not know."""
