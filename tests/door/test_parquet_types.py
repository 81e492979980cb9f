"""Parquet files with a column of every type: read by the command line, and compiled for all engines that read files."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from asof.compiler.dialects import DIALECTS
from asof.compiler.materialize import materialize_query
from asof.compiler.model import Column, DataSource, Entity, FeatureView, Location, Project, Repo, Store, Target, Timing
from asof.compiler.types import INT64, TIMESTAMP
from asof.engines.arrow import arrow_type
from tests.door import typed
from tests.door.door import ROOT, rows_of
from tests.door.written import text_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

READERS = sorted(name for name, dialect in DIALECTS.items() if dialect.reads_files)
KEY, TIME = Column(name="k", type=INT64), Column(name="ts", type=TIMESTAMP)


def definitions(labels: Iterable[str], path: str) -> list[Entity | DataSource | FeatureView]:
    features = tuple(Column(name=typed.column_of(label), type=typed.COLUMNS[label][0]) for label in labels)
    source = DataSource(
        name="s",
        location=Location(path=path),
        columns=(KEY, TIME, *features),
        timing=Timing(timestamp_field="ts"),
    )
    view = FeatureView(name="view", entities=("e",), source="s", schema=features)
    return [Entity(name="e", join_keys=(KEY,)), source, view]


def test_a_training_set_holds_what_the_files_hold(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for number, place in enumerate((0, -1)):
        columns = {"k": pa.array([1]), "ts": pa.array([typed.START + number * typed.HOUR], pa.timestamp("us", "UTC"))}
        for label, (kind, values) in typed.COLUMNS.items():
            columns[typed.column_of(label)] = pa.array(typed.arrow_values([values[place]], kind), arrow_type(kind))
        pq.write_table(pa.table(columns), tmp_path / "data" / f"{number}.parquet")
    target = {"registry": ".asof/registry", "offline": {"type": "duckdb", "path": ".asof/offline.duckdb"}}
    (tmp_path / "asof.yaml").write_text(json.dumps({"version": 1, "project": "typed", "targets": {"it": target}}))
    (tmp_path / "features.yaml").write_text(text_of(definitions(typed.COLUMNS, "data/*.parquet")))
    spine = {"k": [1, 2], "event_timestamp": pa.array([typed.ASKED] * 2, pa.timestamp("us", "UTC"))}
    pq.write_table(pa.table(spine), tmp_path / "spine.parquet")
    asked = ("history", "--features", "view", "--spine", "spine.parquet", "--out", "out.parquet")
    for arguments in (("validate",), ("apply", "--yes"), asked):
        command = [sys.executable, str(ROOT / "cli.py"), "--no-color", *arguments]
        ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr
    known, unknown = rows_of(pq.read_table(tmp_path / "out.parquet"))
    for label, (kind, values) in typed.COLUMNS.items():
        name = typed.column_of(label)
        assert typed.plain(known[name], kind) == typed.plain(values[-1], kind), label
        assert unknown[name] is None


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("path", ["data/*.parquet", "data/*.csv"])
def test_a_type_in_files_is_compiled_or_refused_with_a_way_out(reader: str, path: str) -> None:
    # What only `emit` refuses has no note: syntax of the builder's own that the dialect does not list.
    target = Target(name="it", registry="r", offline=Store(type=reader))
    project = Project(version=1, project="typed", targets=(target,))
    wrong = []
    for label in typed.COLUMNS:
        known = definitions([label], path)
        repo = Repo(project=project, definitions={one.address: one for one in known})
        made = materialize_query(repo, known[-1], target="it", dialect=reader, as_of=None)
        wrong += [f"{label}: {one.message}" for one in made.diagnostics if not one.notes]
    assert not wrong, "\n".join(wrong)
