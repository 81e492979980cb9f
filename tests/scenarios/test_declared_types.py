"""What a file holds is read with the types that are declared, or refused: at the terminal, on DuckDB."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from asof.cli import main

if TYPE_CHECKING:
    from pathlib import Path

AT = datetime(2024, 1, 1, tzinfo=UTC)


def repo(root: Path, kind: str, path: str) -> None:
    """One view that shows the column ``v`` of ``path``."""
    (root / "data").mkdir()
    (root / "asof.yaml").write_text(
        "version: 1\nproject: p\ntargets:\n  local: {registry: .asof/r, offline: {type: duckdb}}\n"
    )
    (root / "f.yaml").write_text(
        f"""kind: Entity
name: e
join_keys: [{{name: k, type: string}}]
---
kind: DataSource
name: s
path: {path}
timestamp_field: ts
columns: [{{name: k, type: string}}, {{name: ts, type: timestamp}}, {{name: v, type: "{kind}"}}]
---
kind: FeatureView
name: v
entities: [e]
source: s
schema: [{{name: v, type: "{kind}"}}]
"""
    )
    (root / "spine.csv").write_text("k,event_timestamp\n007,2024-01-02\n")


def value(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """The exit code, and the value of the one row or what was complained of."""
    monkeypatch.chdir(root)
    assert main(["apply", "--yes"]) == 0, capsys.readouterr().err
    code = main(["history", "--spine", "spine.csv", "--features", "v", "--out", "out.csv"])
    if code:
        return code, capsys.readouterr().err
    with (root / "out.csv").open(newline="") as file:
        row = next(csv.DictReader(file))
    assert row["k"] == "007", "a key that is a text keeps its text"
    return 0, row["v"]


TEXTS = [
    ("string", "007", "007"),
    ("string", "1e3", "1e3"),
    ("string", "1.50", "1.50"),
    ("string", "TRUE", "TRUE"),
    ("string", "2024-1-5", "2024-1-5"),
    ("int64", "007", "7"),
    ("int64", "9007199254740993", "9007199254740993"),
    ("int64", "2.0", "2"),
    ("int64", "", ""),
    ("float64", "1", "1"),
    ("float64", "inf", "inf"),
    ("decimal(10,2)", "2.750", "2.75"),
    ("date", "2024-1-5", "2024-01-05"),
    ("bool", "TRUE", "true"),
    ("timestamp", "2024-01-01", "2024-01-01 00:00:00.000000Z"),
    ("json", "7", "7"),
]


@pytest.mark.parametrize(("kind", "text", "read"), TEXTS)
def test_a_text_of_a_csv_file_is_read_as_declared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], kind: str, text: str, read: str
) -> None:
    repo(tmp_path, kind, "data/s.csv")
    (tmp_path / "data" / "s.csv").write_text(f"ts,v,k\n2024-01-01T00:00:00Z,{text},007\n")
    assert value(tmp_path, monkeypatch, capsys) == (0, read)


UNFIT_TEXTS = [
    ("int64", "2.7"),
    ("int32", "x"),
    ("decimal(10,2)", "2.755"),
    ("date", "2024-01-05 10:00:00"),
    ("bool", "7"),
    ("float64", "abc"),
    ("timestamp", "soon"),
]


@pytest.mark.parametrize(("kind", "text"), UNFIT_TEXTS)
def test_a_text_that_is_no_such_value_is_named_with_its_file_and_column(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], kind: str, text: str
) -> None:
    repo(tmp_path, kind, "data/*.csv")
    rows = "".join(f"2024-01-01T00:00:00Z,,{number}\n" for number in range(21_000))
    (tmp_path / "data" / "s.csv").write_text(f"ts,v,k\n{rows}2024-01-01T00:00:00Z,{text},007\n")
    code, said = value(tmp_path, monkeypatch, capsys)
    assert code != 0
    assert "data/s.csv: column v holds " + text in said


STORED = [
    ("float64", pa.array([1], pa.int64()), "1"),
    ("int64", pa.array([2.0], pa.float64()), "2"),
    ("int64", pa.array([7], pa.int16()), "7"),
    ("string", pa.array([7], pa.int64()), "7"),
    ("date", pa.array([date(2024, 1, 5)]), "2024-01-05"),
    ("decimal(10,2)", pa.array([Decimal("2.750")], pa.decimal128(12, 3)), "2.75"),
]
UNFIT = [
    ("int64", pa.array([2.7]), "2.7"),
    ("int64", pa.array([Decimal("2.7")]), "2.7"),
    ("date", pa.array([datetime(2024, 1, 5, 10)]), "2024-01-05 10:00:00"),
    ("bool", pa.array([2]), "2"),
    ("decimal(10,2)", pa.array([Decimal("2.755")]), "2.755"),
]


@pytest.mark.parametrize(("kind", "stored", "read"), STORED, ids=str)
def test_a_value_of_a_parquet_file_is_read_as_declared_where_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    kind: str, stored: pa.Array, read: str,
) -> None:  # fmt: skip
    repo(tmp_path, kind, "data/s.parquet")
    pq.write_table(pa.table({"k": ["007"], "ts": [AT], "v": stored}), tmp_path / "data" / "s.parquet")
    assert value(tmp_path, monkeypatch, capsys) == (0, read)


@pytest.mark.parametrize(("kind", "stored", "text"), UNFIT, ids=str)
@pytest.mark.parametrize("before", [True, False])
def test_a_value_that_would_become_another_one_is_named_with_its_file_and_column(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    kind: str, stored: pa.Array, text: str, before: bool,
) -> None:  # fmt: skip
    """Wherever in a glob it stands, and with a file of the right type beside it."""
    repo(tmp_path, kind, "data/*.parquet")
    rows = pa.table({"v": stored, "ts": [AT], "k": ["007"]})
    pq.write_table(rows, tmp_path / "data" / ("a.parquet" if before else "z.parquet"))
    code, said = value(tmp_path, monkeypatch, capsys)
    assert code != 0
    assert f"column v holds {text}, not {kind}" in said
