"""Spark's own ASOF JOIN, where its switch is on: for latest values, next to the plain forms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from asof.compiler.dialects import DIALECTS, spoken
from tests.oracle.cases import Case, agree
from tests.oracle.prove import prove

if TYPE_CHECKING:
    from tests.engines.spark import Spark

pytestmark = pytest.mark.xdist_group("engine-spark")
SWITCH = "SET spark.sql.join.asofJoin.enabled = true"


def test_sparks_asof_join_equals_the_oracle(spark_runner: Spark) -> None:
    def body(runner: Spark, case: Case, _: int) -> None:
        agree(case.rows(runner, latest="asof"), case.expected())

    prove(spark_runner, body, 4)


def test_only_the_statement_that_needs_the_switch_sets_it() -> None:
    chosen = spoken("spark", latest="asof")
    assert chosen is not None
    assert SWITCH in chosen.prologue
    assert SWITCH not in DIALECTS["spark"].prologue
    assert "asof" not in DIALECTS["databricks"].strategies
