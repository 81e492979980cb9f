"""The rows that are measured, the same for every engine: written once, by arithmetic on the row's number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from bench.sql.work import KEYS

if TYPE_CHECKING:
    from pathlib import Path

    from bench.sql.work import Work

YEAR = 31_536_000
_KEY = f"CASE WHEN i % 50 = 0 THEN i % 7 ELSE (i * 7919) % {KEYS} END"
_CROWDED = f"CASE WHEN i % 2 = 0 THEN 1 ELSE (i * 7919) % {KEYS} END"
_AT = "TIMESTAMPTZ '2024-01-01 00:00:00+00' + to_seconds(CAST({seconds} AS BIGINT))"


def write(work: Work, folder: Path) -> dict[str, Path]:
    """Table -> Parquet file: ``spine`` (rid, k, t) and ``e0``, ``e1``, ... (k, at, id, v, n).

    Keys are spread evenly, but that every fiftieth row falls on one of seven hot ones, or, where the work is crowded,
    every second one on a single key; times lie within one year.
    """
    made = {}
    key = _CROWDED if work.crowded else _KEY
    for number in range(work.views):
        at = _AT.format(seconds=f"(i * 104729 + {number}) % {YEAR}")
        columns = f"{key} AS k, {at} AS at, i AS id, CAST(i % 1000 AS DOUBLE) / 8 AS v, i % 97 AS n"
        made[f"e{number}"] = _written(folder / f"e{number}.parquet", columns, work.rows)
    columns = f"i AS rid, {key} AS k, {_AT.format(seconds=f'(i * 15485863) % {YEAR}')} AS t"
    made["spine"] = _written(folder / "spine.parquet", columns, work.spine)
    return made


def _written(file: Path, columns: str, rows: int) -> Path:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"COPY (SELECT {columns} FROM range({rows}) AS g(i)) TO '{file}' (FORMAT parquet)")
    return file
