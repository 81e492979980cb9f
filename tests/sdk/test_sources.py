"""Sources of every shape through the doors that people use: a repo in YAML, an apply, training sets, serving."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import asof
from asof import api, api_features
from asof.compiler.diagnostics import DiagnosticError
from tests.sdk.shop import PROJECT, apply

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def make(root: Path, definitions: str, project: str = PROJECT, **tables: pa.Table) -> Path:
    """A repo whose sources are the Parquet files of ``tables``, applied."""
    (root / "data").mkdir(parents=True, exist_ok=True)
    (root / "asof.yaml").write_text(project)
    (root / "definitions.yaml").write_text(definitions)
    for name, table in tables.items():
        pq.write_table(table, root / f"data/{name}.parquet")
    apply(root)
    return root


def load_online(root: Path, when: datetime) -> None:
    checked = api.check(root)
    assert checked.repo is not None
    api_features.materialize(root, checked.repo.project, (), as_of=when, target="", progress=lambda *_: None)


# --- versions that end --------------------------------------------------------------------------------------------

PRICES = """
kind: Entity
name: item
join_keys: [{name: sku, type: int64}]
---
kind: DataSource
name: prices
path: data/prices.parquet
timestamp_field: valid_from
valid_to: until
%s
columns:
  - {name: sku, type: int64}
  - {name: valid_from, type: timestamp}
  - {name: until, type: timestamp}
  - {name: price, type: float64}
---
kind: FeatureView
name: price
entities: [item]
source: prices
schema: [{name: price, type: float64}]
aggregations: [{function: count, name: changes, windows: [3h]}]
"""


def prices(*rows: tuple[int, float, float | None, float]) -> pa.Table:
    """(sku, from, until, price), times in hours from noon."""
    times = [[None if t is None else NOON + t * HOUR for t in column] for column in list(zip(*rows, strict=True))[1:3]]
    instant = pa.timestamp("us", "UTC")
    return pa.table(
        {
            "sku": pa.array([row[0] for row in rows], pa.int64()),
            "valid_from": pa.array(times[0], instant),
            "until": pa.array(times[1], instant),
            "price": [row[3] for row in rows],
        }
    )


VERSIONS = {
    "one after another": [(1, 0, 2, 10.0), (1, 2, 4, 20.0), (1, 4, None, 30.0)],
    "with a gap, then an end": [(1, 0, 1, 10.0), (1, 3, 4, 20.0)],
    "one within another": [(1, 0, None, 10.0), (1, 1, 3, 20.0)],
    "of several": [(1, 0, 2, 10.0), (2, 1, None, 5.0), (3, 9, None, 1.0)],
}


@pytest.mark.parametrize("delay", ["", "delay: 30m"])
@pytest.mark.parametrize("name", VERSIONS)
def test_what_is_served_equals_the_training_set_as_versions_come_and_go(tmp_path: Path, name: str, delay: str) -> None:
    """Each run loads what holds then: an ended version gives way, to NULL or to another, even to an older one."""
    root = make(tmp_path, PRICES % delay, prices=prices(*VERSIONS[name]))
    asked = [{"sku": sku} for sku in (1, 2, 3)]
    seen = set()
    for quarters in (-1, 0, 2, 4, 6, 8, 9, 12, 14, 16, 18, 30):
        now = NOON + quarters * HOUR / 4
        load_online(root, now)
        with closing(asof.Store(root)) as store:
            spine = pa.table({"sku": [1, 2, 3], "event_timestamp": pa.array([now] * 3, pa.timestamp("us", "UTC"))})
            offline = store.historical(spine, features=["price"]).drop_columns(spine.column_names).to_pylist()
            assert store.online(asked, features=["price"], now=now).to_rows() == offline, now
            seen |= {row["price"] for row in offline}
    assert seen >= {price for _, start, _, price in VERSIONS[name] if start < 7} | {None}


# --- files in many places, columns under other names, days ----------------------------------------------------------

VISITS = """
kind: Entity
name: guest
join_keys: [{name: guest, type: int64}]
---
kind: DataSource
name: visits
path: "%s"
timestamp_field: day
delay: 1d
%s
field_mapping: {GuestNo: guest}
columns:
  - {name: GuestNo, type: int64}
  - {name: day, type: date}
  - {name: spent, type: float64}
---
kind: FeatureView
name: visit
entities: [guest]
source: visits
schema: [{name: spent, type: float64}]
"""


@pytest.mark.parametrize("path", ["data/*.parquet", "data/**/*.parquet", "data/year=*/month=*/*.parquet"])
@pytest.mark.parametrize(("timezone", "midnight"), [("", 0), ("timezone: America/New_York", 4)])
def test_days_in_many_files_are_midnights_where_the_source_lives(
    tmp_path: Path, path: str, timezone: str, midnight: int
) -> None:
    days = [datetime(2024, 4, 30, tzinfo=UTC), datetime(2024, 5, 1, tzinfo=UTC)]
    for i, day in enumerate(days):
        folder = tmp_path / "data" / ("" if path.count("/") == 1 else f"year=2024/month={day.month}")
        folder.mkdir(parents=True, exist_ok=True)
        row = {"GuestNo": pa.array([1]), "day": pa.array([day.date()]), "spent": [float(i)]}
        pq.write_table(pa.table(row), folder / f"part{i}.parquet")
    root = make(tmp_path, VISITS % (path, timezone))
    seen = days[1] + timedelta(days=1, hours=midnight)
    times = [seen - timedelta(microseconds=1), seen]
    spine = pa.table({"guest": [1, 1], "event_timestamp": pa.array(times, pa.timestamp("us", "UTC"))})
    with closing(asof.Store(root)) as store:
        assert store.historical(spine, features=["visit"]).column("spent").to_pylist() == [0.0, 1.0]


@pytest.mark.parametrize(
    ("url", "extension"),
    [("s3://bucket/v/*.parquet", "httpfs"), ("gs://bucket/v.parquet", "httpfs"), ("az://c/v.parquet", "azure")],
)
def test_a_url_without_its_extension_says_which_is_missing_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, extension: str
) -> None:
    """An empty home has no extensions."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    root = make(tmp_path, VISITS % (url, ""))
    spine = pa.table({"guest": [1], "event_timestamp": pa.array([NOON], pa.timestamp("us", "UTC"))})
    with closing(asof.Store(root)) as store, pytest.raises(DiagnosticError) as raised:
        store.historical(spine, features=["visit"])
    (said,) = raised.value.diagnostics
    assert said.code == "AS724"
    assert f"the extension '{extension}'" in said.message
    assert f"INSTALL {extension}" in said.notes[0]


@pytest.mark.parametrize("kind", ["string", "int64"])
def test_columns_that_a_path_names_have_the_types_they_are_declared_with(tmp_path: Path, kind: str) -> None:
    """`month=05` looks like a number; whoever declares text gets the text, its zero included."""
    folder = tmp_path / "data/month=05"
    folder.mkdir(parents=True)
    happened = pa.array([NOON - HOUR], pa.timestamp("us", "UTC"))
    pq.write_table(pa.table({"guest": [1], "at": happened}), folder / "part.parquet")
    definitions = f"""
kind: Entity
name: guest
join_keys: [{{name: guest, type: int64}}]
---
kind: DataSource
name: visits
path: data/month=*/*.parquet
timestamp_field: at
columns: [{{name: guest, type: int64}}, {{name: at, type: timestamp}}, {{name: month, type: {kind}}}]
---
kind: FeatureView
name: visit
entities: [guest]
source: visits
schema: [{{name: month, type: {kind}}}]
"""
    root = make(tmp_path, definitions)
    spine = pa.table({"guest": [1], "event_timestamp": pa.array([NOON], pa.timestamp("us", "UTC"))})
    with closing(asof.Store(root)) as store:
        found = store.historical(spine, features=["visit"]).column("month").to_pylist()
    assert found == ["05" if kind == "string" else 5]
