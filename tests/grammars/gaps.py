"""Where a grammar refuses what its engine runs: each gap as data, narrow, with the reason and an example.

The grammar is shown a stand-in of the same shape, so that it still judges all the rest of the statement. A
test holds each gap to its example: refused as it stands, accepted with the stand-in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """``pattern`` is what the grammar of ``dialect`` does not know; ``stand_in`` replaces it."""

    grammar: str
    dialect: str
    pattern: str
    stand_in: str
    example: str
    reason: str


GAPS: tuple[Gap, ...] = (
    Gap(
        grammar="sqlfluff",
        dialect="duckdb",
        pattern=r"\$as_of\b",
        stand_in="NULL",
        example='SELECT CAST($as_of AS TIMESTAMPTZ) AS "_at"',
        reason="DuckDB's named parameters, which sqlfluff's lexer does not know",
    ),
    Gap(
        grammar="sqlfluff",
        dialect="snowflake",
        pattern=r"\bTIMESTAMPLTZ\b",
        stand_in="TIMESTAMP_LTZ",
        example='SELECT CAST("at" AS TIMESTAMPLTZ) AS "_at"',
        reason="the alias that Snowflake documents for TIMESTAMP_LTZ",
    ),
    Gap(
        grammar="sqlfluff",
        dialect="clickhouse",
        pattern=r"(?m)^SET \w+ = \d+(?=;?$)",
        stand_in="SELECT 1",
        example="SET join_use_nulls = 1",
        reason="a setting of the session, documented and run by ClickHouse, which sqlfluff does not know",
    ),
    Gap(
        grammar="sqlfluff",
        dialect="spark",
        pattern=r"(?m) WITH \('(basePath|pathGlobFilter|recursiveFileLookup)' = .*\)$",
        stand_in="",
        example="SELECT a FROM `parquet`.`x/ds=*/*.parquet` WITH ('basePath' = 'x')",
        reason="options of a table in FROM, which Spark 4 has and sqlfluff does not know",
    ),
    Gap(
        grammar="sqlfluff",
        dialect="clickhouse",
        pattern=r"\{as_of: [^{}]+\}",
        stand_in="NULL",
        example="SELECT CAST({as_of: DateTime64(6, 'UTC')} AS DateTime64(6, 'UTC')) AS a",
        reason="ClickHouse's query parameters, whose types sqlfluff reads as names alone",
    ),
    *(
        Gap(
            grammar=grammar,
            dialect=dialect,
            pattern=r":as_of\b",
            stand_in="NULL",
            example='SELECT CAST(:as_of AS DATE) AS "_at"',
            reason="a named parameter, which the client binds: the grammar of the engine knows question marks alone",
        )
        for dialect in ("trino", "athena")
        for grammar in ("sqlfluff", "dt-sql-parser")
    ),
    *(
        Gap(
            grammar="sqlfluff",
            dialect=dialect,
            pattern=r"%\(as_of\)s",
            stand_in="NULL",
            example='SELECT CAST(%(as_of)s AS TIMESTAMP) AS "_at"',
            reason="a parameter of the driver's, which fills it in before the engine reads the statement",
        )
        for dialect in ("postgres", "redshift")
    ),
)


def filled(grammar: str, dialect: str, sql: str) -> str:
    """``sql`` with the gaps of that grammar filled."""
    for gap in GAPS:
        if (gap.grammar, gap.dialect) == (grammar, dialect):
            sql = re.sub(gap.pattern, gap.stand_in, sql)
    return sql
