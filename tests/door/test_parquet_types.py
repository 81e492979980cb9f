"""Parquet files with a column of every type: read by the command line, and compiled for all engines that read files."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import permutations
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from msgspec.structs import replace

from asof.compiler.dialects import DIALECTS
from asof.compiler.materialize import materialize_query
from asof.compiler.model import (
    Aggregation,
    Column,
    DataSource,
    Entity,
    FeatureView,
    Location,
    Project,
    Repo,
    Store,
    Target,
    Timing,
    Window,
)
from asof.compiler.types import DATE, INT64, TIMESTAMP, parse_type
from asof.engines.arrow import arrow_type
from asof.ops.source_types import reads_as
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


def asked_at_the_door(root: Path, known: list[Entity | DataSource | FeatureView]) -> list[dict[str, object]]:
    """The rows of two entities, from a repo of these definitions that the command line validates and applies."""
    target = {"registry": ".asof/registry", "offline": {"type": "duckdb", "path": ".asof/offline.duckdb"}}
    (root / "asof.yaml").write_text(json.dumps({"version": 1, "project": "typed", "targets": {"it": target}}))
    (root / "features.yaml").write_text(text_of(known))
    spine = {"k": [1, 2], "event_timestamp": pa.array([typed.ASKED] * 2, pa.timestamp("us", "UTC"))}
    pq.write_table(pa.table(spine), root / "spine.parquet")
    asked = ("history", "--features", "view", "--spine", "spine.parquet", "--out", "out.parquet")
    for arguments in (("validate",), ("apply", "--yes"), asked):
        command = [sys.executable, str(ROOT / "cli.py"), "--no-color", *arguments]
        ran = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr
    return rows_of(pq.read_table(root / "out.parquet"))


def test_a_training_set_holds_what_the_files_hold(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for number, place in enumerate((0, -1)):
        columns = {"k": pa.array([1]), "ts": pa.array([typed.START + number * typed.HOUR], pa.timestamp("us", "UTC"))}
        for label, (kind, values) in typed.COLUMNS.items():
            columns[typed.column_of(label)] = pa.array(typed.arrow_values([values[place]], kind), arrow_type(kind))
        pq.write_table(pa.table(columns), tmp_path / "data" / f"{number}.parquet")
    known, unknown = asked_at_the_door(tmp_path, definitions(typed.COLUMNS, "data/*.parquet"))
    for label, (kind, values) in typed.COLUMNS.items():
        name = typed.column_of(label)
        assert typed.plain(known[name], kind) == typed.plain(values[-1], kind), label
        assert unknown[name] is None


SINCE = date(2024, 1, 1)
STORED: dict[str, object] = {
    "int32": 7,
    "int64": 8,
    "float32": 2.75,
    "float64": 2.7,
    "decimal(12,3)": Decimal("1.005"),
    "string": "007",
    "bool": True,
    "date": SINCE,
    "timestamp": typed.START,
}
"""Stored type -> a value."""
WIDER = [
    (declared, first, second)
    for declared in STORED
    for first, second in permutations(STORED, 2)
    if all(reads_as(parse_type(stored), parse_type(declared)) for stored in (first, second))
]
"""A declared type, and those of two files that validate lets pass."""
ROUNDED = {"float32", "decimal(12,3)"}
"""DuckDB's union of these two is FLOAT: digits of the decimals are lost before anything can guard them."""


@pytest.mark.parametrize("pattern", ["data/*.parquet", "data/day=*/*.parquet"])
def test_files_of_two_types_are_read_with_the_declared_one(pattern: str, tmp_path: Path) -> None:
    days = "day" in pattern
    for number in (0, 1):
        made = {"k": pa.array([1]), "ts": pa.array([typed.START + number * typed.HOUR], pa.timestamp("us", "UTC"))}
        for place, pair in enumerate(WIDER):
            made[f"c{place}"] = pa.array([STORED[pair[1 + number]]], arrow_type(parse_type(pair[1 + number])))
        folder = tmp_path / "data" / (f"day=2024-01-0{1 + number}" if days else "")
        folder.mkdir(parents=True, exist_ok=True)
        # Columns in another order: files are read by name.
        pq.write_table(pa.table(dict(reversed(made.items()) if number else made.items())), folder / f"{number}.parquet")
    features = tuple(Column(name=f"c{place}", type=parse_type(one)) for place, (one, _, _) in enumerate(WIDER))
    first = Aggregation(function="first_n", n=2, column="", windows=(Window(),))
    lists = tuple(replace(first, column=feature.name, name=f"{feature.name}_both") for feature in features)
    source = DataSource(
        name="s",
        location=Location(path=pattern),
        columns=(KEY, TIME, *((Column(name="day", type=DATE),) if days else ()), *features),
        timing=Timing(timestamp_field="ts"),
        date_partition_column="day" if days else "",
    )
    view = FeatureView(name="view", entities=("e",), source="s", schema=features, aggregations=lists)
    answer = asked_at_the_door(tmp_path, [Entity(name="e", join_keys=(KEY,)), source, view])[0]
    wrong = []
    for place, (declared, *stored) in enumerate(WIDER):
        if not days and set(stored) == ROUNDED:
            continue
        wanted = [read_as(STORED[one], declared) for one in stored]
        if (answer[f"c{place}_both_lifetime"], answer[f"c{place}"]) != (wanted, wanted[1]):
            wrong.append(f"{declared} of {stored}: {answer[f'c{place}_both_lifetime']}, expected {wanted}")
    assert not wrong, "\n".join(wrong)


def read_as(value: object, declared: str) -> object:
    """The stored value as the declared type has it."""
    match declared:
        case "float32" | "float64":
            return float(value)  # type: ignore[arg-type]
        case "decimal(12,3)":
            return Decimal(value)  # type: ignore[arg-type]
        case "timestamp" if not isinstance(value, datetime):
            return datetime.combine(value, datetime.min.time(), UTC)  # type: ignore[arg-type]
    return value


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
