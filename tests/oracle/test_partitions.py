"""Partitions of dates: what cannot be reached is not read, and what can is, whatever clock they go by."""

from __future__ import annotations

import json
import re
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from msgspec.structs import replace as changed

import asof
from asof.compiler.duration import Duration
from asof.compiler.materialize import checks_query, materialize_query
from asof.compiler.model import Aggregation, Column, DataSource, Entity, FeatureView, ServiceItem, Timing, Window
from asof.compiler.types import DATE, FLOAT64, INT64, STRING, TIMESTAMP, Type
from tests.oracle.cases import SPINE, Case, check, named_rows, table
from tests.sdk.shop import PROJECT, apply

if TYPE_CHECKING:
    from pathlib import Path

    from tests.engines import Runner
    from tests.engines.postgres import Postgres

NOON = datetime(2024, 5, 15, 12, tzinfo=UTC)
ONE = Entity(name="one", join_keys=(Column(name="id", type=INT64),))
INSTANT = pa.timestamp("us", "UTC")


def case(
    kind: Type,
    *,
    ttl: str | None,
    delay: str = "0s",
    zone: int = 0,
    window: str = "7d",
    first: datetime = NOON,
    step: int = 1,
    **given: object,
) -> Case:
    """A row each six hours of May, in partitions dated by the clock of UTC+``zone``; some without a date."""
    moments = [datetime(2024, 5, 1, tzinfo=UTC) + timedelta(hours=6 * n) for n in range(124)]

    def partition(number: int, at: datetime) -> object:
        day = at.astimezone(timezone(timedelta(hours=zone))).date()
        return None if number % 7 == 0 else day.isoformat() if kind == STRING else day

    source = DataSource(
        name="days",
        location=table("days"),
        columns=(
            *ONE.join_keys,
            Column(name="happened", type=TIMESTAMP),
            Column(name="ds", type=kind),
            Column(name="v", type=FLOAT64),
        ),
        timing=Timing(timestamp_field="happened", delay=Duration.parse(delay)),
        date_partition_column="ds",
    )
    view = FeatureView(
        name="latest",
        entities=("one",),
        source="days",
        schema=(Column(name="v", type=FLOAT64),),
        ttl=None if ttl is None else Duration.parse(ttl),
        aggregations=(
            Aggregation(
                function="count",
                name="week",
                windows=tuple(Window(length=Duration.parse(length)) for length in ("1h", window)),
            ),
        ),
    )
    return Case(
        definitions=[ONE, source, view],
        rows_of={"days": [(n % 3, at, partition(n, at), float(n)) for n, at in enumerate(moments)]},
        spine_columns=[("id", INT64), ("event_timestamp", TIMESTAMP)],
        spine=[(number, first + timedelta(hours=step * n)) for n in range(12) for number in range(3)],
        items=[ServiceItem(view="latest")],
        **given,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("kind", [DATE, STRING], ids=str)
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("zone", [-12, 0, 14])
def test_no_row_is_lost_at_the_edges_of_days(engine: Runner, kind: Type, known: bool, zone: int) -> None:
    """Ten days back, with a delay of one; asked about at hours whose date depends on the clock."""
    first = NOON - timedelta(hours=8)
    made = case(kind, ttl="10d", delay="1d", zone=zone, window="10d", first=first, step=6, extent_known=known)
    check(engine, made)


@pytest.mark.parametrize("kind", [DATE, STRING], ids=str)
def test_a_reach_beyond_what_calendars_have_prunes_nothing(engine: Runner, kind: Type) -> None:
    """The first day that counts lies before the year 1, or before what the engine's dates begin with."""
    check(engine, case(kind, ttl="80000d"))


@pytest.mark.parametrize("kind", [DATE, STRING], ids=str)
@pytest.mark.parametrize("as_of", [NOON, None], ids=["a known instant", "a parameter"])
def test_materialization_reads_up_to_its_instant(engine: Runner, kind: Type, as_of: datetime | None) -> None:
    made = case(kind, ttl="1d", zone=14)
    view = next(d for d in made.definitions if isinstance(d, FeatureView))
    compiled = materialize_query(made.repo, view, target=engine.dialect, dialect=engine.dialect, as_of=as_of).query
    plain = _without_partitions(made)
    wanted = materialize_query(plain.repo, view, target=engine.dialect, dialect=engine.dialect, as_of=NOON).query
    assert compiled is not None
    assert wanted is not None
    assert compiled.sql != wanted.sql or engine.dialect == "sqlite"
    with engine.scratch():
        made.load(engine)
        if as_of is None:
            literal = {"sqlite": str(int(NOON.timestamp()) * 1_000_000), "clickhouse": "'2024-05-15 12:00:00'"}
            text = compiled.sql.replace(_marker(compiled.sql), literal.get(engine.dialect, "'2024-05-15 12:00:00+00'"))
            compiled = _with_text(compiled, text)
        got, expected = named_rows(engine, compiled), named_rows(engine, wanted)
    assert sorted(map(str, got)) == sorted(map(str, expected))
    assert len(got) == 3


def _marker(sql: str) -> str:
    """How the parameter is written."""
    found = re.search(r"[:@$]as_of\b|\{as_of[^}]*\}|%\(as_of\)s", sql)
    assert found is not None, sql
    return found[0]


def _with_text(compiled: object, sql: str) -> object:
    return replace(compiled, sql=sql)  # type: ignore[type-var]


def _without_partitions(made: Case) -> Case:
    definitions = [
        changed(one, date_partition_column="") if isinstance(one, DataSource) else one for one in made.definitions
    ]
    return replace(made, definitions=definitions)


@pytest.mark.parametrize("kind", [DATE, STRING], ids=str)
def test_the_checks_count_rows_in_the_partition_of_another_day(engine: Runner, kind: Type) -> None:
    made = case(kind, ttl=None, zone=-12)
    astray: list[object] = [date(2024, 5, 3), date(2024, 4, 29), date(2024, 5, 2), None]
    rows = [
        (1, datetime(2024, 5, 1, 12, tzinfo=UTC), d.isoformat() if kind == STRING and isinstance(d, date) else d, 0.0)
        for d in astray
    ]
    made = replace(made, rows_of={"days": [*made.rows_of["days"], *rows]})
    view = next(d for d in made.definitions if isinstance(d, FeatureView))
    compiled = checks_query(made.repo, view, target=engine.dialect, dialect=engine.dialect).query
    assert compiled is not None
    with engine.scratch():
        made.load(engine)
        counts = {row["check"]: row["rows"] for row in named_rows(engine, compiled)}
    assert counts.get("ds is no date of its happened") == (None if engine.dialect == "sqlite" else 2)


def test_what_a_query_reads_is_not_pruned() -> None:
    """It may look at rows far from those it yields, and so may the query of a spine."""
    made = case(DATE, ttl="1d")
    view = FeatureView(
        name="before",
        entities=("one",),
        query="SELECT id, happened, LAG(v) OVER (PARTITION BY id ORDER BY happened) AS v FROM days",
        timing=Timing(timestamp_field="happened"),
        schema=(Column(name="v", type=FLOAT64),),
        ttl=Duration.parse("1d"),
    )
    both = replace(made, definitions=[*made.definitions, view], items=[*made.items, ServiceItem(view="before")])
    both = replace(both, full_feature_names=True)
    assert '"ds" <=' in made.compiled("duckdb").sql
    assert '"ds" <=' not in both.compiled("duckdb").sql


# --- what engines read of it ----------------------------------------------------------------------------------------

REPO = """
kind: Entity
name: one
join_keys: [{name: id, type: int64}]
---
kind: DataSource
name: days
path: "data/ds=*/*.parquet"
timestamp_field: happened
date_partition_column: ds
columns:
  - {name: id, type: int64}
  - {name: happened, type: timestamp}
  - {name: ds, type: %s}
  - {name: v, type: float64}
---
kind: FeatureView
name: latest
entities: [one]
source: days
schema: [{name: v, type: float64}]
ttl: 2d
"""


@pytest.mark.parametrize("kind", ["date", "string"])
def test_duckdb_opens_no_file_of_a_day_out_of_reach(tmp_path: Path, kind: str) -> None:
    """Files of other days are no Parquet at all: whoever opens one fails."""
    for number in range(31):
        day = datetime(2024, 5, 1 + number, 12, tzinfo=UTC)
        folder = tmp_path / f"data/ds={day.date()}"
        folder.mkdir(parents=True)
        if number == 0 or 11 <= number <= 16:  # the first tells what columns there are
            row = {"id": pa.array([1]), "happened": pa.array([day], INSTANT), "v": [float(number)]}
            pq.write_table(pa.table(row), folder / "part.parquet")
        else:
            (folder / "part.parquet").write_bytes(b"not to be opened")
    (tmp_path / "asof.yaml").write_text(PROJECT)
    (tmp_path / "definitions.yaml").write_text(REPO % kind)
    apply(tmp_path)
    times = pa.array([NOON, NOON + timedelta(days=1, microseconds=-1)], INSTANT)
    with closing(asof.Store(tmp_path)) as store:
        got = store.historical(pa.table({"id": [1, 1], "event_timestamp": times}), features=["latest"])
    assert got.column("v").to_pylist() == [14.0, 14.0]


def test_duckdb_skips_files_by_the_instants_of_a_table(tmp_path: Path) -> None:
    """Here the bounds are only known as the statement runs; files without a date are read as well."""
    made = case(STRING, ttl="2d")
    source = next(d for d in made.definitions if isinstance(d, DataSource))
    names = [column.name for column in source.columns]
    columns = [[row[at] for row in made.rows_of["days"]] for at in range(len(names))]
    schema = pa.schema([("id", pa.int64()), ("happened", INSTANT), ("ds", pa.string()), ("v", pa.float64())])
    with closing(duckdb.connect()) as connection:
        connection.register("rows", pa.table(columns, schema=schema))
        connection.execute(f"COPY (FROM rows) TO '{tmp_path}' (FORMAT parquet, PARTITION_BY (ds))")
        spine = [[row[at] for row in made.spine] for at in range(2)]
        connection.register(
            "given", pa.table(spine, schema=pa.schema([("id", pa.int64()), ("event_timestamp", INSTANT)]))
        )
        connection.execute(f'CREATE TABLE {SPINE} AS SELECT ROW_NUMBER() OVER () - 1 AS "spine row", * FROM given')
        query = made.compiled("duckdb")
        scan = f"READ_PARQUET('{tmp_path}/ds=*/*.parquet', hive_types = {{'ds': 'VARCHAR'}})"
        connection.execute(query.prologue[0])
        sql = query.sql.replace('"stored_days"', scan)
        shown = connection.execute(f"EXPLAIN (ANALYZE, FORMAT json) {sql}").fetchone()
    assert shown is not None
    read = [int(scan["Total Files Read"]) for scan in _scans(json.loads(shown[1]))]
    assert sorted(read) == [1, 10], "the files without a date; and a week, a day on either side, and the day itself"


def _scans(node: object) -> list[dict[str, str]]:
    """The ``extra_info`` of every scan of files."""
    if isinstance(node, list):
        return [found for one in node for found in _scans(one)]
    if not isinstance(node, dict):
        return []
    own = node.get("extra_info")
    found = [own] if isinstance(own, dict) and "Total Files Read" in own else []
    return found + _scans(node.get("children") or node.get("operator") or [])


@pytest.mark.xdist_group("engine-postgres")
@pytest.mark.parametrize("known", [True, False])
def test_postgres_scans_no_partition_out_of_reach(postgres_runner: Postgres, known: bool) -> None:
    made = case(DATE, ttl="2d", extent_known=known)
    query = made.compiled("postgres")
    with postgres_runner.scratch():
        run = postgres_runner.connection.execute
        made.load(postgres_runner)
        run('ALTER TABLE "stored_days" RENAME TO plain')
        run('CREATE TABLE "stored_days" (LIKE plain) PARTITION BY LIST (ds)')
        for number in range(32):
            run(f"CREATE TABLE part{number} PARTITION OF \"stored_days\" FOR VALUES IN (DATE '2024-05-01' + {number})")
        run('CREATE TABLE undated PARTITION OF "stored_days" FOR VALUES IN (NULL)')
        run('INSERT INTO "stored_days" SELECT * FROM plain')
        for statement in query.prologue:
            run(statement)
        lines = [line for (line,) in run(f"EXPLAIN (ANALYZE, COSTS off) {query.sql}").fetchall()]
    touched = [line for line in lines if " on part" in line and "never executed" not in line]
    scanned = {line.split(" on ")[1].split()[0] for line in touched}
    numbers = sorted(int(name.removeprefix("part")) for name in scanned)
    assert numbers == list(range(6, 16)), "a week and a day before noon of the 15th, the day itself, and one after"
