"""Parquet files where they stand equal the oracle, on the engines that read them; types are the declared ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace as changed

from asof.compiler.artifacts import dataset_request
from asof.compiler.dialects import DIALECTS
from asof.compiler.materialize import materialize_query
from asof.compiler.model import (
    Column,
    DataSource,
    FeatureService,
    FeatureView,
    Location,
    SavedDataset,
    ServiceItem,
    Spine,
    Timing,
)
from asof.compiler.pit import training_query
from asof.compiler.types import BOOL, DATE, FLOAT64, INT64, STRING, TIMESTAMP, Decimal, Type
from tests.oracle.cases import Case, agree, check, named_rows, repo, table
from tests.oracle.files import NO_PARQUET, filed, folder, parquet, put_below
from tests.oracle.test_partitions import NOON, ONE, case

if TYPE_CHECKING:
    from pathlib import Path

    from tests.engines import Runner

READERS = ("duckdb", "clickhouse", "spark")
ODD = "we ird ü'q`"
"""A name of a folder."""


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.xdist_group(f"engine-{name}")) for name in READERS])
def reader(request: pytest.FixtureRequest) -> Runner:
    """Each engine that reads files, in turn."""
    runner: Runner = request.getfixturevalue(f"{request.param}_runner")
    return runner


def day(row: dict[str, object]) -> str:
    return folder("ds", row["ds"])


def unpartitioned(made: Case) -> Case:
    """The same, but for the promise that lets days out of reach go unread."""
    definitions = [
        changed(one, date_partition_column="") if isinstance(one, DataSource) else one for one in made.definitions
    ]
    return replace(made, definitions=definitions)


def number(row: dict[str, object]) -> int:
    return int(row["v"])  # type: ignore[call-overload]


def kinds_of(made: Case) -> Case:
    """``made`` with a value of every kind in each row: what stands in a file has the type that is declared."""
    columns = (
        Column(name="na'me \"x` ü", type=STRING),
        Column(name="flag", type=BOOL),
        Column(name="day", type=DATE),
        Column(name="at", type=TIMESTAMP),
        Column(name="many", type=INT64),
        Column(name="money", type=Decimal(12, 3)),
    )
    rows = [
        (*row, None, None, None, None, None, None)
        if n % 5 == 0
        else (*row, f"té\\xt' {n}", n % 2 == 0, date(1969, 12, 31), NOON - timedelta(microseconds=n), 2**53 + n, None)
        for n, row in enumerate(made.rows_of["days"])
    ]
    definitions = [
        changed(one, columns=one.columns + columns)
        if isinstance(one, DataSource)
        else changed(one, schema=one.schema + columns)
        if isinstance(one, FeatureView)
        else one
        for one in made.definitions
    ]
    return replace(made, definitions=definitions, rows_of={"days": rows})


def test_a_single_file(reader: Runner, tmp_path: Path) -> None:
    made = kinds_of(case(DATE, ttl="10d"))
    root = tmp_path / ODD
    check(reader, filed(made, put_below(root), str(root), f"{ODD}.parquet", lambda row: f"{ODD}.parquet"))


def test_a_wildcard_takes_the_files_that_it_names(reader: Runner, tmp_path: Path) -> None:
    put = put_below(tmp_path)
    for name in ("days/other.parquet", "days/part-1.txt", "days/below/part-1.parquet"):
        put(name, NO_PARQUET)
    made = case(DATE, ttl="10d")
    check(reader, filed(made, put, str(tmp_path), "part-*.parquet", lambda row: f"part-{number(row) % 7}.parquet"))


def test_two_stars_take_files_at_any_depth(reader: Runner, tmp_path: Path) -> None:
    put = put_below(tmp_path)
    put("days/a/part-1.txt", NO_PARQUET)
    made = case(DATE, ttl="10d")
    depths = ("", "a/", "a/b b/")
    check(reader, filed(made, put, str(tmp_path), "**/*.parquet", lambda row: f"{depths[number(row) % 3]}part.parquet"))


@pytest.mark.parametrize("kind", [DATE, STRING], ids=str)
@pytest.mark.parametrize("known", [True, False], ids=["known days", "days of the spine"])
@pytest.mark.parametrize("pattern", ["ds=*/*.parquet", "ds=*/**/*.parquet", "ds=*/**.parquet"])
def test_folders_that_name_dates_out_of_reach_are_not_opened(
    reader: Runner, tmp_path: Path, kind: Type, known: bool, pattern: str
) -> None:
    """Files of other days are no Parquet at all: whoever opens one fails. Rows without a date are read as well."""
    root = tmp_path / ODD
    put = put_below(root)
    made = case(kind, ttl="2d", window="2d", extent_known=known)
    made = filed(made, put, str(root), pattern, lambda row: f"{day(row)}/part.parquet")
    for date_out in ("2024-05-01", "2024-05-02", "2024-05-10", "2024-05-19", "2024-05-31"):
        file = root / f"days/ds={date_out}/part.parquet"
        assert file.exists()
        if date_out != "2024-05-01":  # the first tells Spark what columns there are
            file.write_bytes(NO_PARQUET)
    check(reader, made)
    with pytest.raises(Exception, match=r"(?i)parquet"):
        unpartitioned(made).rows(reader)


def test_a_single_file_of_a_folder_that_names_a_date(reader: Runner, tmp_path: Path) -> None:
    made = case(DATE, ttl="10d")
    made = replace(made, rows_of={"days": [row for row in made.rows_of["days"] if row[2] == date(2024, 5, 14)]})
    pattern = "ds=2024-05-14/part.parquet"
    check(reader, filed(made, put_below(tmp_path), str(tmp_path), pattern, lambda row: pattern))


def test_the_spine_of_a_dataset_can_stand_in_files(reader: Runner, tmp_path: Path) -> None:
    """Among its columns one that folders name: a label of text that looks like a number."""
    made = case(DATE, ttl="2d")
    labels = [f"{n % 3:03}" for n in range(len(made.spine))]
    kinds = [*made.spine_columns, ("label", STRING)]
    put = put_below(tmp_path)
    for label in sorted(set(labels)):
        rows = [row for row, one in zip(made.spine, labels, strict=True) if one == label]
        put(f"{folder('label', label)}/part.parquet", parquet(made.spine_columns, rows))
    columns = tuple(Column(name=name, type=kind) for name, kind in kinds if isinstance(kind, Type))
    spine = Spine(path=f"{tmp_path}/label=*/*.parquet", columns=columns)
    service = FeatureService(name="all", features=tuple(made.items))
    dataset = SavedDataset(name="given", spine=spine, service="all")
    world = repo(*made.definitions, service, dataset)
    asked = dataset_request(world, dataset, dialect=reader.dialect)
    compiled = training_query(world, asked, target=reader.dialect, dialect=reader.dialect).query
    assert compiled is not None
    with reader.scratch():
        made.load(reader)
        got = named_rows(reader, compiled, kinds)
    wanted = [
        {name: row[name] for name, _ in made.spine_columns} | {"label": label} | row
        for row, label in zip(made.expected(), labels, strict=True)
    ]
    given = [name for name, _ in made.spine_columns]
    inorder = lambda rows: sorted(rows, key=lambda row: [row[name] for name in given])  # noqa: E731
    agree(inorder(got), inorder([{name: row[name] for name in got[0]} for row in wanted]))


@pytest.mark.xdist_group("engine-clickhouse")
def test_stages_over_files_say_what_they_need(
    clickhouse_runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A prologue holds what its stages read, not the last statement alone, which joins them."""
    made = case(DATE, ttl="2d")
    made = filed(made, put_below(tmp_path), str(tmp_path), "ds=*/*.parquet", lambda row: f"{day(row)}/part.parquet")
    whole = made.compiled("clickhouse")
    monkeypatch.setattr(DIALECTS["clickhouse"], "max_statement_bytes", len(whole.sql) - 1)
    staged = made.compiled("clickhouse")
    assert staged.stages
    assert staged.prologue == whole.prologue
    check(clickhouse_runner, made)


TEXTS = ("007", "a b/c", "100%", "é'`\"\\", "2024-05-01", "true", None)


def test_what_folders_say_has_the_declared_type(reader: Runner, tmp_path: Path) -> None:
    """Text stays text, whatever it looks like; numbers and times are read as such, and nothing is NULL."""
    source = DataSource(
        name="labels",
        location=table("labels"),
        columns=(
            *ONE.join_keys,
            Column(name="happened", type=TIMESTAMP),
            Column(name="text", type=STRING),
            Column(name="count", type=INT64),
            Column(name="share", type=FLOAT64),
        ),
        timing=Timing(timestamp_field="happened"),
    )
    view = FeatureView(name="label", entities=("one",), source="labels", schema=source.columns[2:])
    made = Case(
        definitions=[ONE, source, view],
        rows_of={
            "labels": [(n, NOON, text, None if n == 2 else n, n / 2) for n, text in enumerate(TEXTS)],
        },
        spine_columns=[("id", INT64), ("event_timestamp", TIMESTAMP)],
        spine=[(n, NOON) for n in range(len(TEXTS))],
        items=[ServiceItem(view="label")],
    )

    def place(row: dict[str, object]) -> str:
        return "/".join([*(folder(name, row[name]) for name in ("text", "count", "share")), "part.parquet"])

    pattern = "text=*/count=*/share=*/*.parquet"
    check(reader, filed(made, put_below(tmp_path), str(tmp_path), pattern, place))


def test_a_time_can_stand_in_the_name_of_a_folder(reader: Runner, tmp_path: Path) -> None:
    source = DataSource(
        name="hours",
        location=table("hours"),
        columns=(*ONE.join_keys, Column(name="happened", type=TIMESTAMP), Column(name="v", type=FLOAT64)),
        timing=Timing(timestamp_field="happened"),
    )
    view = FeatureView(name="hour", entities=("one",), source="hours", schema=source.columns[2:])
    moments = [datetime(2024, 5, 1, tzinfo=UTC) + timedelta(hours=n) for n in range(6)]
    made = Case(
        definitions=[ONE, source, view],
        rows_of={"hours": [(n % 2, at, float(n)) for n, at in enumerate(moments)]},
        spine_columns=[("id", INT64), ("event_timestamp", TIMESTAMP)],
        spine=[(n % 2, at) for n, at in enumerate(moments)],
        items=[ServiceItem(view="hour")],
    )

    def place(row: dict[str, object]) -> str:
        at = row["happened"]
        assert isinstance(at, datetime)
        return f"{folder('happened', f'{at:%Y-%m-%d %H:%M:%S}')}/part.parquet"

    check(reader, filed(made, put_below(tmp_path), str(tmp_path), "happened=*/*.parquet", place))


def test_what_is_not_there_is_an_error(reader: Runner, tmp_path: Path) -> None:
    """Neither a file nor a column is read as nothing; but ClickHouse takes a wildcard without a match for no rows."""
    made = case(DATE, ttl="10d")
    for pattern in ("one.parquet", *(() if reader.dialect == "clickhouse" else ("*.parquet",))):
        nowhere = filed(replace(made, rows_of={"days": []}), put_below(tmp_path), str(tmp_path / "x"), pattern, day)
        with pytest.raises(Exception, match=r"(?i)exist|no files"):
            nowhere.rows(reader)
    source = next(one for one in made.definitions if isinstance(one, DataSource))
    columns = [(column.name, column.type) for column in source.columns if column.name != "v"]
    lacking = parquet(columns, [row[:-1] for row in made.rows_of["days"]])
    (tmp_path / "one.parquet").write_bytes(lacking)
    definitions = [
        changed(one, location=Location(path=f"{tmp_path}/one.parquet")) if one is source else one
        for one in made.definitions
    ]
    with pytest.raises(
        Exception, match=r"(?i)not found|cannot be resolved|doesn't exist|missing|no column|cannot be referenced"
    ):
        replace(made, definitions=definitions).rows(reader)


@pytest.mark.xdist_group("engine-spark")
@pytest.mark.parametrize("kind", [DATE, STRING], ids=str)
def test_databricks_statements_run_on_spark_where_a_function_stands_in_for_read_files(
    spark_runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Type
) -> None:
    """The stand-in has the documented parameters, and gives columns of folders the types that the hints say."""
    made = case(kind, ttl="2d")
    made = filed(made, put_below(tmp_path), str(tmp_path), "ds=*/*.parquet", lambda row: f"{day(row)}/part.parquet")
    spark_runner.run("SET spark.sql.sources.partitionColumnTypeInference.enabled = false")
    hinted = "DATE" if kind == DATE else "STRING"
    spark_runner.run(f"""CREATE OR REPLACE TEMPORARY FUNCTION read_files(
        path STRING, `format` STRING, partitionColumns STRING, schemaHints STRING
    ) RETURNS TABLE (id BIGINT, happened TIMESTAMP, ds {hinted}, v DOUBLE, _metadata STRUCT<file_path: STRING>)
    RETURN SELECT id, happened, CAST(ds AS {hinted}), v, NAMED_STRUCT('file_path', 'x')
    FROM parquet.`{tmp_path}/days`
    WHERE path = '{tmp_path}/days/ds=*/*.parquet' AND `format` = 'parquet'
    AND partitionColumns = 'ds' AND schemaHints = '`ds` {hinted}'""")
    monkeypatch.setattr(spark_runner, "dialect", "databricks")
    try:
        check(spark_runner, made)
    finally:
        spark_runner.run("DROP TEMPORARY FUNCTION read_files")


UNREAD = {
    ("clickhouse", "data/days.csv"): "reads Parquet files here",
    ("clickhouse", "https://example.com/days.parquet"): "s3:// and gs://",
    ("clickhouse", "data/[ab].parquet"): "in the place of",
    ("spark", "data/days.csv.gz"): "reads Parquet files here",
    ("spark", "data/**/a/*.parquet"): "right before the names of files",
    ("databricks", "data/*/ds=*/*.parquet"): "before the first folder",
}


@pytest.mark.parametrize(("dialect", "path"), UNREAD)
def test_what_an_engine_does_not_read_is_refused(dialect: str, path: str) -> None:
    made = case(DATE, ttl="2d")
    definitions = [
        changed(one, location=Location(path=path)) if isinstance(one, DataSource) else one for one in made.definitions
    ]
    view = next(one for one in definitions if isinstance(one, FeatureView))
    made = replace(made, definitions=definitions)
    (found,) = materialize_query(made.repo, view, target=dialect, dialect=dialect, as_of=NOON).diagnostics
    assert found.code == "AS503"
    assert path in found.message
    assert UNREAD[dialect, path] in found.notes[0]
