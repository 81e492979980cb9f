"""A target's offline store says how its latest values are found, and how its windows are computed."""

from __future__ import annotations

import re

import pytest

from asof.compiler.dialects import DIALECTS
from asof.compiler.support import spoken_for
from asof.compiler.types import INT64
from bench.sql.work import WORK, compiled
from tests.oracle.cases import repo


def test_postgres_without_an_index_can_be_asked_for_one_time_line() -> None:
    _, probed = compiled(WORK[0], "postgres", {})
    _, timeline = compiled(WORK[0], "postgres", {"latest": "timeline"})
    assert "LATERAL" in probed
    assert "LATERAL" not in timeline
    assert "NTH_VALUE" in timeline


def test_a_time_line_with_the_values_on_it_reads_the_rows_once() -> None:
    for dialect in ("postgres", "spark", "databricks"):
        _, sql = compiled(WORK[0], dialect, {"latest": "timeline"})
        assert len(re.findall(r"(?:FROM|JOIN) .view0_rows.", sql)) == 1


@pytest.mark.parametrize("dialect", ["postgres", "spark", "databricks", "duckdb"])
def test_windows_read_the_stretches_of_time_that_are_asked_about(dialect: str) -> None:
    _, sql = compiled(WORK[-1], dialect, {})
    assert "k_buckets" in sql


def test_a_spine_that_needs_no_numbers_is_shared_by_the_processes_of_postgres() -> None:
    _, sql = compiled(WORK[0], "postgres", {"latest": "pairs"})
    assert '"spine_2" AS NOT MATERIALIZED' in sql


def test_redshift_which_has_no_date_bin_does_not_call_it() -> None:
    for strategy in DIALECTS["redshift"].strategies:
        assert "DATE_BIN" not in compiled(WORK[-1], "redshift", {"latest": strategy})[1]


def test_a_strategy_the_dialect_does_not_have_is_refused() -> None:
    with pytest.raises(RuntimeError, match="sqlite knows frame, pairs for 'latest', not 'lateral'"):
        compiled(WORK[0], "sqlite", {"latest": "lateral"})
    with pytest.raises(RuntimeError, match="sqlite knows pass, pairs for 'windows', not 'tiles'"):
        compiled(WORK[-1], "sqlite", {"windows": "tiles"})


@pytest.mark.parametrize("dialect", sorted(DIALECTS.keys() - {"tsql"}))
def test_pairs_join_each_question_with_its_rows_and_sort_nothing(dialect: str) -> None:
    has_frames = DIALECTS[dialect].running_totals is not None or DIALECTS[dialect].frames("count", INT64)
    for work, option, has_another in ((WORK[0], "latest", True), (WORK[-1], "windows", has_frames)):
        _, sql = compiled(work, dialect, {option: "pairs"})
        assert "UNION ALL" not in sql
        assert (sql != compiled(work, dialect, {})[1]) is has_another


def test_another_dialect_than_the_targets_own_keeps_its_default() -> None:
    found = spoken_for(repo(), "duckdb", "postgres")
    assert found is not None
    assert found.latest == "lateral"
