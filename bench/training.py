"""The training set of repos/flights: compiled SQL against the best hand-written query, on the same rows."""

from __future__ import annotations

import shutil
from contextlib import chdir
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import duckdb

from bench.process import CHECKOUT, asof
from bench.verdict import verdict

DATASET = "arrivals_2013"
KEY = "flight_id"
BY_HAND = Path(__file__).with_name("flights_by_hand.sql")
RUNS = 5
BUDGET = 1.3
RELATIVE_ERROR = 1e-9


def training() -> None:
    """Run both in turn into tables, compare every value, print the ratio of medians."""
    with TemporaryDirectory(prefix="asof-bench-") as folder:
        repo = Path(folder) / "flights"
        shutil.copytree(CHECKOUT / "repos" / "flights", repo, ignore=shutil.ignore_patterns(".asof", "build"))
        asof("compile", "-C", str(repo))
        compiled = (repo / "build" / "local" / "training" / f"{DATASET}.sql").read_text(encoding="utf-8")
        with chdir(repo), duckdb.connect() as connection:
            _report(connection, compiled, BY_HAND.read_text(encoding="utf-8"))


def _report(connection: duckdb.DuckDBPyConnection, compiled: str, by_hand: str) -> None:
    print(f"Training set {DATASET} on DuckDB, compiled and by hand in turn, {RUNS} runs each into a table")
    queries = {name: _prepared(connection, text) for name, text in (("compiled", compiled), ("by_hand", by_hand))}
    seconds: dict[str, list[float]] = {name: [] for name in queries}
    for _ in range(RUNS):
        for name, query in queries.items():
            began = perf_counter()
            connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {query}")
            seconds[name].append(perf_counter() - began)
    rows, columns = _require_equal(connection)
    for name, values in seconds.items():
        print(f"  {name:<10} median {median(values):.2f} s  (min {min(values):.2f}, max {max(values):.2f})")
    ratio = median(seconds["compiled"]) / median(seconds["by_hand"])
    print(f"  equal: {rows:,} rows, {columns} columns, floats to {RELATIVE_ERROR:g}")
    print(f"  ratio of medians: {ratio:.2f}  {verdict(ratio, BUDGET)}")


def _prepared(connection: duckdb.DuckDBPyConnection, text: str) -> str:
    """The last statement of ``text`` without its semicolon; those before it set the session and are run now."""
    *settings, query = connection.extract_statements(text)
    for setting in settings:
        connection.execute(setting)
    return query.query.strip().rstrip(";")


def _require_equal(connection: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    """Rows and columns of both tables. Raises SystemExit where they differ in names, types, rows or values."""
    (compiled, by_hand) = (
        connection.execute(f"SELECT column_name, column_type FROM (DESCRIBE {table})").fetchall()
        for table in ("compiled", "by_hand")
    )
    if compiled != by_hand:
        raise SystemExit(f"the columns differ: {sorted(set(compiled) ^ set(by_hand))}")
    rows = _one(connection, "SELECT count(*) FROM compiled")
    for count in (
        _one(connection, "SELECT count(*) FROM by_hand"),
        _one(connection, f"SELECT count(*) FROM compiled JOIN by_hand USING ({KEY})"),
        _one(connection, f"SELECT count(DISTINCT {KEY}) FROM compiled"),
    ):
        if count != rows:
            raise SystemExit(f"the rows differ: {count:,} of {rows:,}")
    for name, type_ in compiled:
        different = _one(
            connection,
            f"SELECT count(*) FROM compiled AS a JOIN by_hand AS b USING ({KEY}) WHERE {_differs(name, type_)}",
        )
        if different:
            raise SystemExit(f"{name} differs in {different:,} rows")
    return rows, len(compiled)


def _differs(name: str, type_: str) -> str:
    exact = f'a."{name}" IS DISTINCT FROM b."{name}"'
    if type_ not in {"DOUBLE", "FLOAT"}:
        return exact
    size = f'greatest(abs(a."{name}"), abs(b."{name}"))'
    return f'{exact} AND coalesce(abs(a."{name}" - b."{name}") > {RELATIVE_ERROR} * {size}, true)'


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    found = connection.execute(query).fetchone()
    assert found is not None
    return int(found[0])
