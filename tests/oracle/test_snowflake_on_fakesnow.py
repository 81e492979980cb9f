"""Snowflake's statements on fakesnow, which is not Snowflake but has its types, names and functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.engines.snowflake import CANNOT, Snowflake
from tests.oracle.cases import Case, agree, check
from tests.oracle.prove import prove

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.proof, pytest.mark.xdist_group("engine-snowflake")]


@pytest.fixture(scope="module")
def runner() -> Iterator[Snowflake]:
    made = Snowflake()
    yield made
    made.close()


def test_snowflakes_statements_equal_the_oracle_on_fakesnow(runner: Snowflake) -> None:
    prove(runner, lambda engine, case, _: check(engine, case), 0.4)


def test_snowflakes_plain_form_equals_the_oracle_on_fakesnow(runner: Snowflake) -> None:
    def body(engine: Snowflake, case: Case, _: int) -> None:
        agree(case.rows(engine, latest="pairs"), case.expected())

    prove(runner, body, 0.2)


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER SESSION SET TIMEZONE = 'UTC'",
        "SELECT 1 AS x FROM (SELECT 1 AS a) AS l ASOF JOIN (SELECT 1 AS b) AS r MATCH_CONDITION (l.a >= r.b)",
    ],
)
def test_what_fakesnow_cannot_do_it_still_cannot(runner: Snowflake, statement: str) -> None:
    assert any(part in statement for part in CANNOT)
    with pytest.raises(AssertionError, match="ProgrammingError"):
        runner.execute(statement)
