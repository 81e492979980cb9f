"""Expressions mean on each target what they mean in their own dialect; the long form is in expressions.py."""

from __future__ import annotations

import pytest

from asof.compiler.dialects import DIALECTS
from asof.compiler.meaning.rows import CASTS, ROWS
from asof.compiler.meaning.ways import WAYS
from tests.engines.duckdb import DuckDB
from tests.engines.sqlite import SQLite
from tests.oracle.expressions import differences, translated


def test_expressions_of_duckdb_give_the_same_values_on_sqlite() -> None:
    found, passed = differences(DuckDB(), SQLite(), count=1_500, seed=11)
    assert not found, found[0]
    assert passed > 1_000


def test_every_way_belongs_to_a_row() -> None:
    known = {row.operation for row in ROWS} | {operation for operation, _ in CASTS.values()}
    used = {operation for ways in WAYS.values() for operation in ways}
    variants = (", safe", ", int32", ", literal")
    stray = {one for one in used if one not in known and not one.endswith(variants)}
    assert stray == set()
    assert set(WAYS) == set(DIALECTS)


@pytest.mark.parametrize(
    ("own", "target", "text"),
    [
        ("duckdb", "sqlite", "UPPER(s)"),
        ("duckdb", "sqlite", "TRY_CAST(s AS BIGINT)"),
        ("duckdb", "sqlite", "CAST(x AS VARCHAR)"),
        ("duckdb", "postgres", "ROUND(x, 1)"),
        ("duckdb", "sqlite", "CAST(s AS DOUBLE)"),
        ("postgres", "duckdb", "LOWER(s)"),
        ("postgres", "duckdb", "REGEXP_REPLACE(s, 'a', 'b')"),
        ("duckdb", "sqlite", "s ILIKE 'a%'"),
        ("duckdb", "sqlite", "d > 'January'"),
    ],
)
def test_an_expression_without_an_equal_is_refused(own: str, target: str, text: str) -> None:
    assert translated(text, own, target) is None


def test_integer_division_of_postgres_stays_one() -> None:
    assert translated("a / b", "postgres", "duckdb") is not None
    made = translated("a / b", "postgres", "duckdb")
    assert made is not None
    assert made[0] == '"a" // "b"'
