"""Databricks' statements on Spark 4, which is not Databricks but the engine it grew from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.oracle.cases import check
from tests.oracle.prove import prove

if TYPE_CHECKING:
    from tests.engines.spark import Spark

pytestmark = pytest.mark.proof


@pytest.mark.xdist_group("engine-spark")
def test_databricks_statements_run_on_spark_equal_the_oracle(
    spark_runner: Spark, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spark_runner, "dialect", "databricks")
    prove(spark_runner, lambda runner, case, _: check(runner, case))
