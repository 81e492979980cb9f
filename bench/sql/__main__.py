"""``python -m bench.sql [--quick]``: compiled statements against the best hand-written ones; exit 1 past a goal."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

import duckdb
import psycopg

from bench.sql.work import KEYS, WORK, Work, by_hand, compiled
from tests.engines.postgres import postgres_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GOAL = 1.3
RUNS = 3
OURS = "asof's"
Rows = list[tuple[object, ...]]


@contextmanager
def on_duckdb() -> Iterator[Callable[[str], Rows]]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'; SET memory_limit = '4GB'")
        yield lambda sql: connection.execute(sql).fetchall()


@contextmanager
def on_postgres() -> Iterator[Callable[[str], Rows]]:
    with postgres_server() as dsn, psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SET TimeZone = 'UTC'; SET work_mem = '256MB'")

        def run(sql: str) -> Rows:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

        yield run


def build(run: Callable[[str], Rows], work: Work, dialect: str, *, index: bool) -> None:
    """The same rows on every engine: keys and times are arithmetic of the row's number, a few keys are hot."""
    numbers = "range(0, {n}) AS g(i)" if dialect == "duckdb" else "generate_series(0, {n} - 1) AS g(i)"
    at = "TIMESTAMPTZ '2024-01-01 00:00:00+00' + INTERVAL '1 second' * CAST({x} AS INTEGER)"
    key = f"CASE WHEN i % 50 = 0 THEN i % 7 ELSE (CAST(i AS BIGINT) * 7919) % {KEYS} END"
    year = 31_536_000
    for number in range(work.views):
        run(f"DROP TABLE IF EXISTS e{number}")
        when = at.format(x=f"(CAST(i AS BIGINT) * 104729 + {number}) % {year}")
        columns = f"{key} AS k, {when} AS at, i AS id, CAST(i % 1000 AS DOUBLE PRECISION) / 8 AS v, i % 97 AS n"
        run(f"CREATE TABLE e{number} AS SELECT {columns} FROM {numbers.format(n=work.rows)}")
        if index:
            run(f"CREATE INDEX ON e{number} (k, at)")
        if dialect == "postgres":
            run(f"ANALYZE e{number}")
    run("DROP TABLE IF EXISTS spine")
    when = at.format(x=f"(CAST(i AS BIGINT) * 15485863) % {year}")
    run(f"CREATE TABLE spine AS SELECT i AS rid, {key} AS k, {when} AS t FROM {numbers.format(n=work.spine)}")
    if dialect == "postgres":
        run("ANALYZE spine")


def timed(run: Callable[[str], Rows], sql: str) -> float:
    began = perf_counter()
    run("DROP TABLE IF EXISTS answer")
    run(f"CREATE TABLE answer AS {sql}")
    return perf_counter() - began


def same(run: Callable[[str], Rows], ours: str, theirs: str) -> bool:
    """Row for row, in order. Times at which two events of a key tie are left to each query's own order by id."""
    return run(ours) == run(theirs)


def measure(run: Callable[[str], Rows], work: Work, dialect: str, label: str) -> bool:
    prologue, ours = compiled(work, dialect)
    for statement in prologue:
        run(statement)
    hands = by_hand(work, dialect)
    times: dict[str, list[float]] = {name: [] for name in (OURS, *hands)}
    for _ in range(RUNS):
        times[OURS].append(timed(run, ours))
        for name, sql in hands.items():
            times[name].append(timed(run, sql))
    best = min(hands, key=lambda name: median(times[name]))
    exact = next(iter(hands))
    equal = same(run, ours, hands[exact])
    ratio = median(times[OURS]) / median(times[best])
    met = ratio <= GOAL and equal
    print(
        f"{label:22} {work.name:42} {median(times[OURS]):7.2f} s  by hand {median(times[best]):7.2f} s ({best})  "
        f"ratio {ratio:5.2f}  {'rows equal' if equal else 'ROWS DIFFER'}  {'ok' if met else 'MISSED'}",
        flush=True,
    )
    return met


def main(arguments: list[str]) -> int:
    """Both engines, Postgres with an index and without."""
    work = [one.smaller(10) for one in WORK] if "--quick" in arguments else list(WORK)
    met = True
    for dialect, engine, indexes in (("duckdb", on_duckdb, (False,)), ("postgres", on_postgres, (True, False))):
        with engine() as run:
            for index in indexes:
                label = f"{dialect}{', indexed' if index else ', no index' if dialect == 'postgres' else ''}"
                for one in work:
                    build(run, one, dialect, index=index)
                    if dialect == "postgres" and not index and not one.windows:
                        # A LATERAL probe reads the whole table for each question here: minutes, for both sides.
                        continue
                    met &= measure(run, one, dialect, label)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
