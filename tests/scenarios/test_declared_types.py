"""What a file holds is read with the types that are declared, or refused: at the terminal, on DuckDB."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from asof.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable
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


def value(
    root: Path, write: Callable[[], object], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str]:
    """The exit code, and the value of the one row or what was complained of; data comes after the definitions."""
    monkeypatch.chdir(root)
    assert main(["apply", "--yes"]) == 0, capsys.readouterr().err
    write()
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
    file, rows = tmp_path / "data" / "s.csv", f"ts,v,k\n2024-01-01T00:00:00Z,{text},007\n"
    assert value(tmp_path, lambda: file.write_text(rows), monkeypatch, capsys) == (0, read)
    assert main(["validate"]) == 0


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
    file, rows = tmp_path / "data" / "s.csv", f"ts,v,k\n{rows}2024-01-01T00:00:00Z,{text},007\n"
    code, said = value(tmp_path, lambda: file.write_text(rows), monkeypatch, capsys)
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
    ("date", pa.array([datetime(2024, 1, 5, 10, tzinfo=UTC)]).cast(pa.timestamp("us")), "2024-01-05 10:00:00"),
    ("bool", pa.array([2]), "2"),
    ("decimal(10,2)", pa.array([Decimal("2.755")]), "2.755"),
]


@pytest.mark.parametrize(("kind", "stored", "read"), STORED, ids=str)
def test_a_value_of_a_parquet_file_is_read_as_declared_where_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    kind: str, stored: pa.Array, read: str,
) -> None:  # fmt: skip
    repo(tmp_path, kind, "data/s.parquet")
    file, rows = tmp_path / "data" / "s.parquet", pa.table({"k": ["007"], "ts": [AT], "v": stored})
    assert value(tmp_path, lambda: pq.write_table(rows, file), monkeypatch, capsys) == (0, read)


@pytest.mark.parametrize(("kind", "stored", "text"), UNFIT, ids=str)
def test_a_value_that_would_become_another_one_is_named_with_its_file_and_column(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    kind: str, stored: pa.Array, text: str,
) -> None:  # fmt: skip
    repo(tmp_path, kind, "data/*.parquet")
    rows = pa.table({"v": stored, "ts": [AT], "k": ["007"]})
    code, said = value(tmp_path, lambda: pq.write_table(rows, tmp_path / "data" / "a.parquet"), monkeypatch, capsys)
    assert code != 0
    assert f"data/a.parquet: column v holds {text}, not {kind}" in said
    assert main(["validate"]) != 0
    said = capsys.readouterr().err
    assert "error[AS519]: data/a.parquet: column v is " in said
    assert f"declared {kind}" in said


FILES = [
    ("data/s.csv", b"k,ts,v\n007,2024-01-01,2.7\n", "AS519", "data/s.csv: column v holds 2.7, not int64"),
    ("data/s.csv", b"k,ts,w\n007,2024-01-01,2\n", "AS518", "data/s.csv has no column v"),
    ("data/s.csv", b"\xff\xfe\x00", "AS520", "data/s.csv: "),
    ("data/s.parquet", b"x", "AS520", "data/s.parquet: "),
    ("data/*.parquet", b"", "AS517", "nothing is there: data/*.parquet"),
]


@pytest.mark.parametrize(("path", "body", "code", "text"), FILES)
def test_what_is_there_is_compared_with_the_source_before_anything_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    path: str, body: bytes, code: str, text: str,
) -> None:  # fmt: skip
    repo(tmp_path, "int64", path)
    if body:
        (tmp_path / path).write_bytes(body)
    monkeypatch.chdir(tmp_path)
    for command in (["validate"], ["plan"], ["validate", "--sources"]):
        ended = main(command)
        assert f"[{code}]: {text}" in capsys.readouterr().err
        assert (ended != 0) == (code != "AS517" or "--sources" in command)


def test_a_store_is_compared_with_the_source_where_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    repo(tmp_path, "int64", "x")
    text = (tmp_path / "f.yaml").read_text()
    (tmp_path / "f.yaml").write_text(text.replace("path: x", "table: raw"))
    (tmp_path / "asof.yaml").write_text(
        "version: 1\nproject: p\ntargets:\n  local: {registry: .asof/r, offline: {type: duckdb, path: o.duckdb}}\n"
    )
    monkeypatch.chdir(tmp_path)
    said = {}
    for name, columns in (
        ("none", ""),
        ("other", "k text, ts timestamptz, v double"),
        ("right", "k text, ts timestamptz, v int"),
    ):
        with duckdb.connect("o.duckdb") as store:
            store.execute(f"CREATE OR REPLACE TABLE raw ({columns})" if columns else "SELECT 1")
        assert main(["validate"]) == 0
        capsys.readouterr()
        said[name] = main(["validate", "--sources"]), capsys.readouterr().err
    assert said["none"][0] != 0
    assert "error[AS520]" in said["none"][1]
    assert said["other"][0] != 0
    assert "error[AS519]: raw: column v is float64, and declared int64" in said["other"][1]
    assert said["right"] == (0, "")
