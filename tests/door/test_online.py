"""Online answers at the terminal and from Python: what is too old, has no end, or has no word in JSON."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import psycopg
import pyarrow as pa
import pytest

import asof
import asof.engines
from asof.cli import main
from asof.compiler.model import Store

if TYPE_CHECKING:
    from pathlib import Path

HEAD = """
kind: Entity
name: e
join_keys: [{name: k, type: int64}]
---
kind: DataSource
name: s
table: s
timestamp_field: ts
"""


def repo(root: Path, definitions: str, offline: dict[str, str]) -> None:
    target = {"registry": ".asof/registry", "offline": offline, "online": {"type": "sqlite", "path": "online.db"}}
    (root / "asof.yaml").write_text(json.dumps({"version": 1, "project": "door", "targets": {"it": target}}))
    (root / "features.yaml").write_text(HEAD + definitions)
    assert main(["apply", "--yes", "-C", str(root)]) == 0


def on_duckdb(root: Path, definitions: str, table: str) -> None:
    store = Store(type="duckdb", options=(("path", "offline.duckdb"),))
    with closing(asof.engines.connect(store, root=root)) as engine:
        engine.execute([table])
    repo(root, definitions, {"type": "duckdb", "path": "offline.duckdb"})


def loaded(root: Path, when: str) -> None:
    assert main(["materialize", "--as-of", when, "-C", str(root)]) == 0


def never(text: str) -> None:
    raise AssertionError(f"{text} is not JSON")


def asked(root: Path, capsys: pytest.CaptureFixture[str], when: str, key: int = 1) -> dict[str, dict[str, object]]:
    """What the command line answers, read strictly."""
    capsys.readouterr()
    code = main(["online", "get", "--features", "v", "-e", f"k={key}", "--as-of", when, "--json", "-C", str(root)])
    answer = capsys.readouterr().out
    assert code == 0, answer
    made: dict[str, dict[str, object]] = json.loads(answer, parse_constant=never)["features"]
    return made


VERSIONS = """
valid_to: until
columns: [{name: k, type: int64}, {name: ts, type: timestamp}, {name: until, type: timestamp}, {name: x, type: string}]
---
kind: FeatureView
name: v
entities: [e]
source: s
ttl: 1h
schema: [{name: x, type: string}]
"""


def test_the_age_of_a_version_is_its_own_and_what_has_ended_is_not_served(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    on_duckdb(
        tmp_path,
        VERSIONS,
        """CREATE TABLE s AS SELECT * FROM (VALUES
            (1, TIMESTAMPTZ '2024-01-01 10:45Z', NULL, 'old'),
            (1, TIMESTAMPTZ '2024-01-01 11:30Z', TIMESTAMPTZ '2024-01-01 11:45Z', 'ended'),
            (2, TIMESTAMPTZ '2024-01-01 11:15Z', TIMESTAMPTZ '2024-01-01 11:50Z', 'ends')) AS t (k, ts, until, x)""",
    )
    loaded(tmp_path, "2024-01-01T11:45:00Z")
    served = asked(tmp_path, capsys, "2024-01-01T11:45:00Z")["x"]
    assert (served["value"], served["status"]) == ("old", "PRESENT")
    assert served["computed_at"] == "2024-01-01T11:45:00+00:00"
    assert asked(tmp_path, capsys, "2024-01-01T11:46:00Z")["x"]["status"] == "OUTSIDE_MAX_AGE"
    assert asked(tmp_path, capsys, "2024-01-01T11:49:59Z", 2)["x"]["value"] == "ends"
    assert asked(tmp_path, capsys, "2024-01-01T11:50:00Z", 2)["x"]["status"] == "OUTSIDE_MAX_AGE"
    loaded(tmp_path, "2024-01-01T12:00:00Z")
    assert asked(tmp_path, capsys, "2024-01-01T12:00:00Z")["x"]["value"] is None


COUNTS = """
columns: [{name: k, type: int64}, {name: ts, type: timestamp}, {name: c, type: string}]
---
kind: FeatureView
name: v
entities: [e]
source: s
aggregations:
  - {function: count, name: n, windows: [1h, 7d]}
  - {function: count, name: by_c, by: c, windows: [7d]}
"""


@pytest.mark.parametrize("spelt", ["2024-01-01T12:00:00Z", "2024-01-01T12:00:00", "2024-01-01T05:00:00-07:00"])
def test_values_are_as_of_the_instant_however_it_is_spelt(
    spelt: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    on_duckdb(tmp_path, COUNTS, "CREATE TABLE s AS SELECT 1 AS k, TIMESTAMPTZ '2024-01-01 11:30Z' AS ts, 'x' AS c")
    loaded(tmp_path, spelt)
    assert asked(tmp_path, capsys, spelt)["n_1h"]["value"] == 1
    assert asked(tmp_path, capsys, "2024-01-01T12:00:00Z")["n_1h"]["value"] == 1
    history = ["history", "-C", str(tmp_path), "--features", "v", "--as-of", spelt, "--out", str(tmp_path / "out.csv")]
    assert main(history) == 0
    assert (tmp_path / "out.csv").read_text().splitlines()[1].startswith("1,2024-01-01 12:00:00.000000Z,1,")


def test_windows_are_served_no_longer_than_the_shortest_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    on_duckdb(tmp_path, COUNTS, "CREATE TABLE s AS SELECT 1 AS k, TIMESTAMPTZ '2024-01-01 11:30Z' AS ts, 'x' AS c")
    loaded(tmp_path, "2024-01-01T12:00:00Z")
    served = asked(tmp_path, capsys, "2024-01-01T13:00:00Z")
    assert {name: found["value"] for name, found in served.items()} == {"n_1h": 1, "n_7d": 1, "by_c_7d": {"x": 1}}
    assert {found["computed_at"] for found in served.values()} == {"2024-01-01T12:00:00+00:00"}
    late = asked(tmp_path, capsys, "2024-01-01T13:00:00.000001Z")
    assert {found["status"] for found in late.values()} == {"OUTSIDE_MAX_AGE"}
    assert {found["value"] for found in late.values()} == {None}
    with asof.Store(tmp_path) as store:
        answer = store.online([{"k": 1}, {"k": 2}], features=["v"], now=datetime(2024, 1, 1, 12, 30, tzinfo=UTC))
    assert answer.computed_at()["n_1h"] == [datetime(2024, 1, 1, 12, tzinfo=UTC), None]


def test_an_unknown_entity_has_counts_of_nothing_and_no_map(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    on_duckdb(tmp_path, COUNTS, "CREATE TABLE s AS SELECT 1 AS k, TIMESTAMPTZ '2024-01-01 11:30Z' AS ts, 'x' AS c")
    loaded(tmp_path, "2024-01-01T12:00:00Z")
    served = asked(tmp_path, capsys, "2024-01-01T12:00:00Z", 99)
    assert {name: found["value"] for name, found in served.items()} == {"n_1h": 0, "n_7d": 0, "by_c_7d": None}
    assert {found["status"] for found in served.values()} == {"NOT_FOUND"}


def test_max_age_says_otherwise_and_holds_without_windows_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    latest = VERSIONS.replace("valid_to: until\n", "").replace("ttl: 1h", "max_age: 10m")
    columns = "1 AS k, TIMESTAMPTZ '2020-01-01 00:00Z' AS ts, NULL::TIMESTAMPTZ AS until, 'x' AS x"
    on_duckdb(tmp_path, latest, f"CREATE TABLE s AS SELECT {columns}")
    loaded(tmp_path, "2024-01-01T12:00:00Z")
    assert asked(tmp_path, capsys, "2024-01-01T12:10:00Z")["x"]["value"] == "x"
    assert asked(tmp_path, capsys, "2024-01-01T12:10:00.000001Z")["x"]["status"] == "OUTSIDE_MAX_AGE"
    features = tmp_path / "features.yaml"
    features.write_text(features.read_text().replace("max_age: 10m", "max_age: 0s"))
    assert main(["validate", "-C", str(tmp_path)]) != 0
    features.write_text(features.read_text().replace("max_age: 0s", "max_age: 1d"))
    capsys.readouterr()
    assert main(["plan", "-C", str(tmp_path)]) == 0
    assert "stored rows stay" in capsys.readouterr().out
    assert main(["apply", "--yes", "-C", str(tmp_path)]) == 0
    assert asked(tmp_path, capsys, "2024-01-01T13:00:00Z")["x"]["value"] == "x"


ENDLESS = """
columns:
  - {name: k, type: int64}
  - {name: ts, type: timestamp}
  - {name: t, type: timestamp}
  - {name: d, type: date}
  - {name: f, type: float64}
  - {name: y, type: bytes}
  - {name: l, type: "array<float64>"}
---
kind: FeatureView
name: v
entities: [e]
source: s
schema:
  - {name: t, type: timestamp}
  - {name: d, type: date}
  - {name: f, type: float64}
  - {name: y, type: bytes}
  - {name: l, type: "array<float64>"}
"""
ROWS = {
    "duckdb": """CREATE TABLE s AS SELECT 1 AS k, TIMESTAMPTZ '-infinity' AS ts, TIMESTAMPTZ 'infinity' AS t,
        DATE '-infinity' AS d, 'NaN'::DOUBLE AS f, '\\x00\\xFF'::BLOB AS y, ['-Infinity'::DOUBLE, 0.5] AS l""",
    "postgres": """CREATE TABLE s AS SELECT 1 AS k, timestamptz '-infinity' AS ts, timestamptz 'infinity' AS t,
        date '-infinity' AS d, float8 'NaN' AS f, '\\x00ff'::bytea AS y, array[float8 '-Infinity', 0.5] AS l""",
}


@pytest.mark.parametrize(
    "engine", ["duckdb", pytest.param("postgres", marks=pytest.mark.xdist_group("engine-postgres"))]
)
def test_infinite_times_nan_and_bytes_are_served(
    engine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    if engine == "duckdb":
        on_duckdb(tmp_path, ENDLESS, ROWS[engine])
    else:
        url = request.getfixturevalue("postgres_dsn")
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in (
                "DROP SCHEMA IF EXISTS endless CASCADE",
                "CREATE SCHEMA endless",
                "SET search_path = endless",
            ):
                connection.execute(statement.encode())
            connection.execute(ROWS[engine].encode())
        repo(tmp_path, ENDLESS, {"type": "postgres", "url": url, "schema": "endless"})
    loaded(tmp_path, "2024-01-01T12:00:00Z")
    served = asked(tmp_path, capsys, "2024-01-01T12:00:00Z")
    assert {found["event_time"] for found in served.values()} == {"-infinity"}
    values = {name: found["value"] for name, found in served.items()}
    assert values == {"t": "infinity", "d": "-infinity", "f": "NaN", "y": "AP8=", "l": ["-Infinity", 0.5]}
    assert main(["online", "get", "--features", "v", "-e", "k=1", "-C", str(tmp_path)]) == 0
    with asof.Store(tmp_path) as store:
        now = datetime(2024, 1, 1, 12, tzinfo=UTC)
        answer = store.online([{"k": 1}], features=["v:t", "v:d"], now=now).to_dict()
        assert answer == {"t": [datetime.max.replace(tzinfo=UTC)], "d": [date.min]}
        spine = pa.table({"k": [1], "event_timestamp": pa.array([now], pa.timestamp("us", "UTC"))})
        trained = store.historical(spine, features=["v"])
    assert trained.column("t").cast(pa.int64()).to_pylist() == [2**63 - 1]
    assert trained.column("d").cast(pa.int32()).to_pylist() == [-(2**31 - 1)]
