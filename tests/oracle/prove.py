"""Properties over generated cases: the same ones by default, new ones with ASOF_CASES set."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from asof.compiler.dialects import DIALECTS
from tests.oracle.generate import cases

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.engines import Runner
    from tests.oracle.cases import Case

EXPLORE = "ASOF_CASES" in os.environ
CASES = int(os.environ.get("ASOF_CASES", "150"))
"""Cases for each engine. The default run is the same every time and fails fast; with ASOF_CASES set it explores,
and shrinks what it finds (which takes minutes)."""

SHARES: dict[str, float] = {"clickhouse": 0.1, "bigquery": 0.1, "spark": 0.03, "databricks": 0.02}
"""Dialect -> its part of the cases, for engines that take a second where others take milliseconds."""


def thorough(share: float = 1) -> settings:
    return settings(
        max_examples=max(1, int(CASES * share)),
        deadline=None,
        database=None,
        derandomize=not EXPLORE,
        phases=(Phase.generate, Phase.shrink) if EXPLORE else (Phase.generate,),
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )


def prove(
    runner: Runner,
    body: Callable[[Runner, Case, int], None],
    share: float = 1,
    drawn: Callable[..., st.SearchStrategy[Case]] = cases,
) -> None:
    """``body`` over cases as ``drawn`` and a seed, as many as the engine's speed allows."""

    @thorough(share * SHARES.get(runner.dialect, 1))
    @given(case=drawn(without=DIALECTS[runner.dialect].unsupported), seed=st.integers(0, 2**32))
    def over(case: Case, seed: int) -> None:
        body(runner, case, seed)

    over()
