"""A target's offline store says how its latest values are found."""

from __future__ import annotations

import pytest

from asof.compiler.support import spoken_for
from bench.sql.work import WORK, compiled
from tests.oracle.cases import repo


def test_postgres_without_an_index_can_be_asked_for_one_time_line() -> None:
    _, probed = compiled(WORK[0], "postgres")
    _, timeline = compiled(WORK[0], "postgres", "frame")
    assert "LATERAL" in probed
    assert "LATERAL" not in timeline
    assert "timeline" in timeline


def test_a_strategy_the_dialect_does_not_have_is_refused() -> None:
    with pytest.raises(RuntimeError, match="sqlite finds latest values by frame, pairs, not by lateral"):
        compiled(WORK[0], "sqlite", "lateral")


def test_another_dialect_than_the_targets_own_keeps_its_default() -> None:
    found = spoken_for(repo(), "duckdb", "postgres")
    assert found is not None
    assert found.latest == "lateral"
