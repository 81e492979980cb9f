"""Spines that are queries, by the command line: over sources that are called like their tables, with their types."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from asof.compiler.model import Aggregation, Column, DataSource, Entity, FeatureView, Location, Store, Timing, Window
from asof.compiler.types import INT64, TIMESTAMP
from tests.door import typed
from tests.door.door import ROOT
from tests.door.test_types import ENGINES, options_of, write

if TYPE_CHECKING:
    from pathlib import Path

QUERIES = (
    "SELECT k, ts AS event_timestamp FROM s",
    "SELECT k, MAX(ts) AS event_timestamp, COUNT(*) AS seen FROM s GROUP BY k",
    "WITH spine AS (SELECT k, ts FROM s) SELECT k, ts AS event_timestamp FROM spine",
    "SELECT s.k, s.ts AS event_timestamp FROM s JOIN other ON other.k = s.k",
)


@pytest.mark.parametrize("engine", [pytest.param(e, marks=pytest.mark.xdist_group(f"engine-{e}")) for e in ENGINES])
def test_a_spine_is_a_query_over_sources(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    options = options_of(engine, request, "spines")
    columns = {"k": (INT64, [1, 2]), "ts": (TIMESTAMP, [typed.START, typed.START]), "n": (INT64, [5, 6])}
    typed.make_table(tmp_path, Store(type=engine, options=tuple(options.items())), columns)
    # Another source of the same table, under a name of its own.
    tables = [
        DataSource(
            name=name,
            location=Location(table="s"),
            columns=tuple(Column(name=column, type=kind) for column, (kind, _) in columns.items()),
            timing=Timing(timestamp_field="ts"),
        )
        for name in ("s", "other")
    ]
    total = Aggregation(function="sum", column="n", windows=(Window(),), name="total")
    view = FeatureView(name="v", entities=("e",), source="other", schema=(Column(name="n", type=INT64),))
    sums = FeatureView(name="sums", entities=("e",), source="s", aggregations=(total,))
    entity = Entity(name="e", join_keys=(Column(name="k", type=INT64),))
    write(tmp_path, engine, options, [entity, *tables, view, sums])
    for query in QUERIES:
        features = ("--features", "v", "--features", "sums", "--spine", query, "--out", "out.parquet")
        command = [sys.executable, str(ROOT / "cli.py"), "--no-color", "history", *features]
        ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        made = pq.read_table(tmp_path / "out.parquet").sort_by("k")
        assert made.column("event_timestamp").to_pylist() == [typed.START] * 2
        assert made.column("n").to_pylist() == [5, 6]
        assert made.column("total_lifetime").to_pylist() == [None, None], "a window ends before its instant"
