"""Whatever compare calls harmless is harmless when DuckDB runs both queries."""

from __future__ import annotations

import os
import random
from collections import Counter

import duckdb
import pytest

from asof.compiler.query import compare
from tests.query.random_queries import SCHEMA, edited, load, query

EDITS = int(os.environ.get("ASOF_FUZZ", "500"))
SEED = int(os.environ.get("ASOF_FUZZ_SEED", "1"))


def answer(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[list[str], list[tuple]] | str:
    """(columns, rows), or the class of the error. Which of two failing columns fails first is the engine's choice."""
    try:
        cursor = connection.execute(sql)
        return [d[0].lower() for d in cursor.description], cursor.fetchall()
    except (duckdb.ConversionException, duckdb.InvalidInputException, duckdb.OutOfRangeException):
        return "fails on these rows"
    except duckdb.Error as error:
        return type(error).__name__


def rows(found: tuple[list[str], list[tuple]], columns: list[str]) -> Counter:
    names, values = found
    places = [names.index(c) for c in columns]
    return Counter(tuple(repr(row[i]) for i in places) for row in values)


def check(connection: duckdb.DuckDBPyConnection, old: str, new: str, kind: str) -> None:
    before, after = answer(connection, old), answer(connection, new)
    told = f"{kind}\n  {old}\n  {new}\n  {before}\n  {after}"
    if isinstance(before, str) or isinstance(after, str):
        assert before == after, told
        return
    assert rows(before, before[0]) == rows(after, before[0]), told
    if kind == "equivalent":
        assert sorted(before[0]) == sorted(after[0]), told


@pytest.fixture
def connection():
    made = duckdb.connect(config={"threads": 1})
    made.execute("SET TimeZone = 'UTC'")
    yield made
    made.close()


def test_what_is_called_equivalent_or_additive_keeps_columns_and_rows(connection) -> None:
    verdicts: Counter[str] = Counter()
    for case in range(EDITS):
        rng = random.Random(SEED * 1_000_003 + case)
        if case % 20 == 0:
            load(connection, rng)
        old = query(rng)
        new = edited(old, rng)
        kind = compare(old, new, SCHEMA.get, "duckdb").kind
        valid = not isinstance(answer(connection, old), str)
        verdicts[f"{kind}{'' if valid else ' (fails)'}"] += 1
        if kind != "unproven":
            check(connection, old, new, kind)
    print(dict(verdicts))
    assert verdicts["equivalent"] >= EDITS // 20, verdicts
    assert verdicts["additive"] >= EDITS // 50, verdicts
    assert verdicts["unproven"] >= EDITS // 4, verdicts
