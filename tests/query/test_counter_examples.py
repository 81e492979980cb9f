"""Counter-examples: found where versions differ, never where compare has proven that they do not."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest

from asof.compiler.diagnostics import DiagnosticError
from asof.compiler.query import compare
from asof.compiler.trials import OUT_OF_TIME, Trial, Versions
from asof.compiler.types import FLOAT64, INT64, STRING, TIMESTAMP, parse_type
from asof.ops.counter_examples import SHOWN, Budget, Search, counter_examples
from asof.ops.sample_rows import Values, as_table
from tests.query.random_queries import SCHEMA, edited, query
from tests.scenarios.scenario import Scenario

if TYPE_CHECKING:
    from asof.ops.evidence import Example

CASES = int(os.environ.get("ASOF_FUZZ", "500")) // 8
SEED = int(os.environ.get("ASOF_FUZZ_SEED", "1"))
TRIPS = {"driver_id": INT64, "fare": FLOAT64, "city": STRING, "ended_at": TIMESTAMP}


def example(old: str, new: str, *, numbers: tuple[float, ...] = (), texts: tuple[str, ...] = ()) -> Example:
    versions = Versions(tables={"trips": TRIPS}, old=old, new=new, numbers=numbers, texts=texts)
    (found,) = counter_examples([Trial(address="feature_view/v", pointer="/query", versions=versions)], Budget(None))
    return found


def test_what_is_proven_has_no_counter_example_and_much_of_the_rest_has() -> None:
    proven = differing = unproven = 0
    for case in range(CASES):
        rng = random.Random(SEED * 7_000_003 + case)
        old = query(rng)
        new = edited(old, rng)
        kind = compare(old, new, SCHEMA.get, "duckdb").kind
        if kind == "unproven" and unproven >= CASES // 5:
            continue
        versions = Versions(tables=SCHEMA, old=old, new=new, numbers=(0.0, 1.0, 2.0), texts=("x", "y"))
        (found,) = counter_examples([Trial(address="a", pointer="/query", versions=versions)], Budget(None))
        if kind == "unproven":
            unproven += 1
            differing += bool(found.rows)
        else:
            proven += 1
            assert not found.rows, f"compare says {kind}:\n  {old}\n  {new}\n  {found}"
    print({"proven": proven, "unproven": unproven, "differing": differing})
    assert proven >= CASES // 10
    assert differing >= unproven // 5


@pytest.mark.parametrize(
    ("old", "new", "more"),
    [
        ("fare > 10000.25", "fare >= 10000.25", {"numbers": (10000.25,)}),
        ("city LIKE 'Zürich%'", "city = 'Zürich'", {"texts": ("Zürich%", "Zürich")}),
        ("ended_at > '1999-03-01'::TIMESTAMPTZ", "ended_at >= '1999-03-01'::TIMESTAMPTZ", {"texts": ("1999-03-01",)}),
        ("fare <> 1", "fare IS DISTINCT FROM 1", {"numbers": (1.0,)}),
        ("true", "driver_id IN (SELECT driver_id FROM trips GROUP BY 1 HAVING count(*) > 1)", {}),
    ],
)
def test_conditions_are_told_apart_at_their_edge(old: str, new: str, more: dict[str, tuple]) -> None:
    head = "SELECT driver_id, fare FROM trips WHERE "
    found = example(head + old, head + new, **more)
    assert found.rows
    assert not found.more
    assert sum(row.side == "trips" for row in found.rows) == 1
    assert [row for row in found.rows if row.said == "no such row"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("SELECT a.driver_id, b.fare FROM trips a JOIN trips b USING (driver_id)", "SELECT driver_id, fare FROM trips"),
        ("SELECT driver_id, sum(fare) s FROM trips GROUP BY 1", "SELECT driver_id, max(fare) s FROM trips GROUP BY 1"),
        ("SELECT DISTINCT city FROM trips", "SELECT city FROM trips"),
        ("SELECT count(fare) n FROM trips", "SELECT count(*) n FROM trips"),
    ],
)
def test_an_example_is_small_and_the_same_each_time(old: str, new: str) -> None:
    found = example(old, new)
    assert 1 < len(found.rows) <= SHOWN
    assert not found.more
    assert found == example(old, new)
    assert all(len(row.cells) == len(found.columns) for row in found.rows if not row.said)


def test_of_many_columns_those_that_tell_are_shown() -> None:
    columns = {f"c{n}": INT64 for n in range(20)}
    listed = ", ".join(columns)
    old, new = f"SELECT {listed} FROM t", f"SELECT {listed.replace('c17', 'c17 + 1 AS c17')} FROM t"
    versions = Versions(tables={"t": columns}, old=old, new=new)
    found = Search(versions, Budget(None)).example("a", "/query")
    assert (len(found.columns), found.hidden) == (8, 12)
    assert found.columns[0] == "c0"
    assert found.columns[-1] == "c17"
    assert [row.cells[-1] for row in found.rows] == ["1", "1", "2"]


def test_a_query_that_fails_on_a_value_is_told_from_one_that_does_not() -> None:
    found = example("SELECT CAST(city AS INT) n FROM trips", "SELECT TRY_CAST(city AS INT) n FROM trips")
    assert [(row.side, row.said) for row in found.rows if row.said] == [("old", "fails on this")]


def test_an_order_that_nothing_decides_makes_no_difference() -> None:
    head = "SELECT driver_id, row_number() OVER (PARTITION BY driver_id) AS n, fare FROM trips"
    found = example(head, f"SELECT * FROM ({head}) AS q ORDER BY 1")
    assert not found.rows
    assert found.tried > 50


@pytest.mark.parametrize("reach", ["read_csv('/etc/passwd')", "'/etc/passwd'", "read_text('/etc/hostname')"])
def test_a_query_reaches_nothing_outside(reach: str) -> None:
    found = example("SELECT 1 AS one FROM trips", f"SELECT 1 AS one FROM {reach}")
    assert not found.rows
    assert found.why


def test_a_query_without_end_is_given_up() -> None:
    found = example("SELECT count(*) n FROM trips", "SELECT count(*) n FROM trips, range(1000000000000)")
    assert "too long" in found.why


def test_time_that_is_up_is_said() -> None:
    ticks = iter(range(1000))
    versions = Versions(tables={"trips": TRIPS}, old="SELECT fare FROM trips", new="SELECT fare FROM trips")
    trial = Trial(address="a", pointer="/query", versions=versions)
    found = counter_examples([trial] * 3, Budget(4, clock=lambda: float(next(ticks))))
    assert found[-1].why == OUT_OF_TIME


@pytest.mark.parametrize("ticks", [2, 3, 4])
def test_an_example_is_small_even_where_the_time_ends_early(ticks: int) -> None:
    read = iter([0.0] * ticks)
    old, new = (f"SELECT driver_id FROM trips WHERE fare > {n}" for n in (0, 5))
    versions = Versions(tables={"trips": TRIPS}, old=old, new=new, numbers=(0.0, 5.0))
    trial = Trial(address="a", pointer="/query", versions=versions)
    (found,) = counter_examples([trial], Budget(1, clock=lambda: next(read, 9.0)))
    assert found.why == OUT_OF_TIME or (1 < len(found.rows) <= SHOWN and not found.more)


PLAIN = ("bool", "int32", "int64", "float32", "float64", "string", "bytes", "date", "timestamp", "json", "uuid")
MADE = ("decimal(3,2)", "decimal(38,0)", "array<int64>", "map<string,float64>", "vector<float32,3>")
KINDS = (*PLAIN, *MADE, "struct<a:int64,b:string>")


@pytest.mark.parametrize("kind", KINDS)
def test_there_are_values_of_every_type(kind: str) -> None:
    columns = {"c": parse_type(kind)}
    versions = Versions(tables={"t": columns}, old="SELECT c FROM t", new="SELECT c FROM t WHERE c IS NOT NULL")
    rows = Values(versions).rows(versions.tables, 40, random.Random(1))["t"]
    assert as_table(columns, rows).num_rows == 40
    assert len({repr(row["c"]) for row in rows}) > 2
    assert Search(versions, Budget(None)).example("a", "/query").rows


STRANGE = (1e308, -1e308, 5e-324, -0.0, 0.1, 2.0**63, 10.0**38, 9.995)


@pytest.mark.parametrize("kind", KINDS)
def test_strange_constants_are_no_trouble(kind: str) -> None:
    columns = {"c": parse_type(kind)}
    texts = ("9999-12-31", "0001-01-01", "\0", "'", "%", "é" * 300, "2026-01-01T00:00:00+14:00", "")
    versions = Versions(
        tables={"t": columns}, old="SELECT c FROM t", new="SELECT c FROM t", numbers=STRANGE, texts=texts
    )
    found = Search(versions, Budget(None)).example("a", "/query")
    assert (found.rows, found.why) == ((), "")


def tried(edit: str, before: str = "") -> Example:
    found = Scenario(title="", sections={"edit": edit, "before": before}).report.evidence
    assert found is not None
    (example,) = found.examples
    return example


WORTH = "features.yaml\n-   SELECT driver_id, ended_at, fare + tip AS worth\n"
DIALECT = "asof.yaml\n- sql_dialect: duckdb\n+ sql_dialect: {}"


def test_a_clock_is_not_tried() -> None:
    found = tried(WORTH + "+   SELECT driver_id, ended_at, fare + tip + extract(year FROM now()) AS worth")
    assert "is not the same each time" in found.why


def test_another_dialect_is_translated() -> None:
    found = tried(WORTH + "+   SELECT driver_id, ended_at, IF(fare > 2, tip, fare) AS worth", DIALECT.format("spark"))
    assert found.rows, found


def test_what_has_no_translation_is_not_planned() -> None:
    edit = WORTH + "+   SELECT driver_id, ended_at, fare + LENGTH(SOUNDEX(city)) AS worth"
    with pytest.raises(DiagnosticError, match="no translation"):
        tried(edit, DIALECT.format("spark"))


SOURCE = "features.yaml\n- path: data/trips.parquet\n+ query: SELECT * FROM lake.trips WHERE tip {} 0"


def test_the_query_of_a_source_is_tried_on_the_columns_it_declares() -> None:
    head = "query: SELECT * FROM lake.trips WHERE tip"
    found = tried(f"features.yaml\n- {head} >= 0\n+ {head} > 0", SOURCE.format(">="))
    assert [row.side for row in found.rows] == ["lake.trips", "old", "new"]
    assert found.rows[-1].said == "no such row"
