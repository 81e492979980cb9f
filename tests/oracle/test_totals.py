"""Running totals by a frame for each end of a window, as Spark takes them, on an engine that is quick to answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from asof.compiler.dialects import DIALECTS
from tests.oracle.cases import Case, agree
from tests.oracle.crowded import crowded
from tests.oracle.prove import prove

if TYPE_CHECKING:
    from tests.engines.duckdb import DuckDB

pytestmark = pytest.mark.xdist_group("engine-duckdb")


def test_totals_by_frames_equal_the_oracles(duckdb_runner: DuckDB, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(DIALECTS["duckdb"]), "running_totals", "frames")

    def body(runner: DuckDB, case: Case, _: int) -> None:
        agree(case.rows(runner), case.expected())

    prove(duckdb_runner, body)  # type: ignore[arg-type]
    prove(duckdb_runner, body, drawn=crowded)  # type: ignore[arg-type]
