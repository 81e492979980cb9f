"""Dialects without an engine here: their statements, transpiled by sqlglot and run on DuckDB, which is not the engine.

They mean what the oracle says. That the real engine takes them as they stand, grammars must say, and documentation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from asof.compiler.dialects import DIALECTS
from tests.engines.transpiled import Transpiled
from tests.oracle.cases import Case, agree, check
from tests.oracle.prove import prove

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.engines import Runner

pytestmark = pytest.mark.proof

_TRINO = (
    "CREATE MACRO to_unixtime(t) AS epoch_us(t) / 1e6",
    "CREATE MACRO from_unixtime_nanos(n) AS make_timestamptz(n // 1000)",
)
MACROS = {
    "trino": _TRINO,
    "athena": _TRINO,
    "snowflake": ("CREATE MACRO to_timestamp_ltz(n, scale) AS make_timestamptz(n)",),
}


@pytest.fixture(scope="module", params=sorted(MACROS))
def transpiled(request: pytest.FixtureRequest) -> Iterator[Transpiled]:
    made = Transpiled(request.param, MACROS[request.param])
    yield made
    made.connection.close()


def test_statements_transpiled_to_duckdb_which_is_not_the_engine_equal_the_oracle(transpiled: Transpiled) -> None:
    prove(transpiled, lambda runner, case, _: check(runner, case))


def test_other_strategies_transpiled_to_duckdb_which_is_not_the_engine(transpiled: Transpiled) -> None:
    dialect = DIALECTS[transpiled.dialect]
    others = [strategy for strategy in dialect.strategies if strategy != dialect.latest]

    def body(runner: Runner, case: Case, seed: int) -> None:
        agree(case.rows(runner, latest=others[seed % len(others)]), case.expected())

    prove(transpiled, body, 0.3)
