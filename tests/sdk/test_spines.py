"""Spines made of time alone: every entity seen by then, on every engine that data is read from."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import asof
from asof import api, api_features, engines
from asof.cli import ExitCode, main
from asof.compiler.dialects import DIALECTS
from asof.compiler.duration import Duration
from asof.compiler.model import (
    Column,
    DataSource,
    Entity,
    FeatureView,
    Location,
    Repo,
    ServiceItem,
    Store,
    Timing,
)
from asof.compiler.types import INT64, STRING, TIMESTAMP
from asof.ops import spine_entities
from asof.ops.selection import Selection
from asof.ops.spine_entities import entity_rows, grid
from asof.testing.online_stores import refused
from tests.oracle.cases import PROJECT
from tests.oracle.oracle import World, instant, join_keys, timing_of, view_events, visible
from tests.sdk.shop import HOUR, T0

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from asof.engines.base import Engine

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
HOURS = timedelta(hours=1)
KINDS = ("duckdb", "postgres", "sqlite")


@pytest.fixture(params=KINDS)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    url = (("url", request.getfixturevalue("postgres_dsn")),) if request.param == "postgres" else ()
    with closing(engines.connect(Store(type=request.param, options=url), root=tmp_path)) as opened:
        yield opened


def at(microseconds: int) -> datetime:
    return datetime.fromtimestamp(microseconds // 1_000_000, UTC)


# --- the grid ---------------------------------------------------------------------------------------------------------


def test_a_grid_holds_both_ends_where_a_step_falls_on_them() -> None:
    day = Duration.parse("1d")
    assert grid(NOON, NOON, day) == (NOON,)
    assert grid(NOON, NOON + 48 * HOURS, day) == (NOON, NOON + 24 * HOURS, NOON + 48 * HOURS)
    assert grid(NOON, NOON + 47 * HOURS, day)[-1] == NOON + 24 * HOURS
    assert grid(NOON.replace(tzinfo=None), NOON, day) == (NOON,)


def test_a_grid_that_cannot_be_is_refused() -> None:
    with refused("AS767"):
        grid(NOON, NOON - HOURS, Duration.parse("1h"))
    with refused("AS767"):
        grid(NOON, NOON + HOURS, Duration(0))
    with refused("AS767"):
        grid(NOON, NOON + 10_000 * HOURS, Duration.parse("1h"))
    assert len(grid(NOON, NOON + 9_999 * HOURS, Duration.parse("1h"))) == 10_000


# --- who is asked about -------------------------------------------------------------------------------------------

RIDER = Entity(name="rider", join_keys=(Column(name="rider", type=INT64),))
TRIP = Entity(name="trip", join_keys=(Column(name="rider", type=INT64), Column(name="city", type=STRING)))
PLACE = Entity(name="place", join_keys=(Column(name="city", type=STRING),))
EVERYTHING = (RIDER, TRIP, PLACE)
COLUMNS = (
    Column(name="rider", type=INT64),
    Column(name="city", type=STRING),
    Column(name="ts", type=TIMESTAMP),
    Column(name="written", type=TIMESTAMP),
    Column(name="f", type=INT64),
)


def source(name: str, **timing: object) -> DataSource:
    made = Timing(timestamp_field="ts", created_timestamp_column="written", **timing)  # type: ignore[arg-type]
    return DataSource(name=name, location=Location(table=f"t_{name}"), columns=COLUMNS, timing=made)


def view(name: str, entity: str, reads: str) -> FeatureView:
    entities = (entity,) if entity else ()
    return FeatureView(name=name, entities=entities, source=reads, schema=(Column(name="f", type=INT64),))


def small(*definitions: object) -> Repo:
    every = (*EVERYTHING, *definitions)
    return Repo(project=PROJECT, definitions={d.address: d for d in every})  # type: ignore[attr-defined]


def load(engine: Engine, name: str, rows: list[tuple[object, ...]]) -> None:
    columns = list(zip(*rows, strict=True)) or [()] * len(COLUMNS)
    types = (pa.int64(), pa.string(), pa.timestamp("us", "UTC"), pa.timestamp("us", "UTC"), pa.int64())
    arrays = [pa.array(values, kind) for values, kind in zip(columns, types, strict=True)]
    engine.load(f"t_{name}", pa.table(dict(zip([c.name for c in COLUMNS], arrays, strict=True))).to_reader())


def wanted(*items: ServiceItem | str) -> Selection:
    made = [ServiceItem(view=item) if isinstance(item, str) else item for item in items]
    return Selection(items=tuple(made), full_feature_names=True)


def test_entities_come_once_each_ordered_and_only_once_they_were_seen(engine: Engine) -> None:
    repo = small(source("s", delay=Duration.parse("1h")), view("v", "trip", "s"))
    rows = [
        (2, "b", NOON),
        (1, "b", NOON + HOURS),
        (1, "a", NOON),
        (2, "b", NOON - HOURS),
        (None, "a", NOON),
        (1, "a", None),
    ]
    load(engine, "s", [(*row, None, 0) for row in rows])
    moments_ = (NOON, NOON + HOURS, NOON + 2 * HOURS)
    found = entity_rows(repo, wanted("v"), moments_, engine=engine, timestamp="when")
    assert found.column_names == ["rider", "city", "when"]
    assert [tuple(row.values()) for row in found.to_pylist()] == [
        (2, "b", NOON),
        (1, "a", NOON + HOURS),
        (2, "b", NOON + HOURS),
        (1, "a", NOON + 2 * HOURS),
        (1, "b", NOON + 2 * HOURS),
        (2, "b", NOON + 2 * HOURS),
    ]


def test_views_with_fewer_keys_follow_the_one_that_has_them_all(engine: Engine) -> None:
    repo = small(
        source("s"), source("t"), source("u"), view("v", "trip", "s"), view("w", "rider", "t"), view("x", "", "u")
    )
    load(engine, "s", [(1, "a", NOON, None, 0)])
    load(engine, "t", [(2, "z", NOON, None, 0)])
    load(engine, "u", [(3, "q", NOON, None, 0)])
    found = entity_rows(repo, wanted("w", "v", "x"), (NOON,), engine=engine)
    assert found.to_pylist() == [{"rider": 1, "city": "a", "event_timestamp": NOON}]


def test_keys_that_no_view_holds_together_are_combined_on_what_they_share(engine: Engine) -> None:
    repo = small(source("s"), source("t"), view("v", "trip", "s"), view("w", "rider", "t"))
    load(engine, "s", [(1, "a", NOON, None, 0), (1, "b", NOON, None, 0), (2, "c", NOON + HOURS, None, 0)])
    load(engine, "t", [])
    other = ServiceItem(view="v", alias="other", join_key_map=(("city", "to"),))
    found = entity_rows(repo, wanted("v", other), (NOON, NOON + HOURS), engine=engine)
    assert [tuple(row.values())[:3] for row in found.to_pylist()] == [
        *((1, city, to) for city in "ab" for to in "ab"),
        *((1, city, to) for city in "ab" for to in "ab"),
        (2, "c", "c"),
    ]


def test_views_without_keys_give_one_row_an_instant_and_no_rows_give_none(engine: Engine) -> None:
    repo = small(source("s"), view("v", "", "s"), view("w", "rider", "s"))
    load(engine, "s", [])
    assert entity_rows(repo, wanted("v"), (NOON,), engine=engine).to_pylist() == [{"event_timestamp": NOON}]
    empty = entity_rows(repo, wanted("w"), (NOON,), engine=engine)
    assert (empty.num_rows, empty.column_names) == (0, ["rider", "event_timestamp"])


def test_hundreds_of_instants_are_no_trouble(engine: Engine) -> None:
    repo = small(source("s"), view("v", "rider", "s"))
    load(engine, "s", [(1, "a", NOON, None, 0)])
    steps = grid(NOON - 100 * HOURS, NOON + 900 * HOURS, Duration.parse("1h"))
    found = entity_rows(repo, wanted("v"), steps, engine=engine)
    assert found.column("event_timestamp").to_pylist() == list(steps[100:])


def test_too_many_rows_are_refused(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spine_entities, "MOST_ROWS", 2)
    repo = small(source("s"), view("v", "rider", "s"))
    load(engine, "s", [(1, "a", NOON, None, 0), (2, "a", NOON, None, 0)])
    assert entity_rows(repo, wanted("v"), (NOON,), engine=engine).num_rows == 2
    with refused("AS767"):
        entity_rows(repo, wanted("v"), (NOON, NOON + HOURS), engine=engine)


TIMES = st.sampled_from([None, *(NOON + step * HOURS for step in range(-1, 3)), NOON + timedelta(microseconds=1)])
ROWS = st.lists(st.tuples(st.sampled_from((None, 1, 2)), st.sampled_from((None, "a", "")), TIMES, TIMES), max_size=8)


@pytest.mark.parametrize("visibility", ["event", "created"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_entities_are_those_that_the_oracle_sees(
    kind: str, visibility: str, request: pytest.FixtureRequest
) -> None:
    """Two views of the same keys over two sources: the rows that are visible, as the oracle says."""
    delays = ("0s", "1h")
    sources = [source(n, delay=Duration.parse(d), visibility=visibility) for n, d in zip("st", delays, strict=True)]
    repo = small(*sources, view("v", "trip", "s"), view("w", "trip", "t"))
    instants = [NOON, NOON + HOURS, NOON + 3 * HOURS]
    options = (("url", request.getfixturevalue("postgres_dsn")),) if kind == "postgres" else ()

    with closing(engines.connect(Store(type=kind, options=options), root=request.path.parent)) as engine:

        @settings(max_examples=40, derandomize=True, deadline=None, database=None)
        @given(first=ROWS, second=ROWS)
        def over(first: list[tuple[object, ...]], second: list[tuple[object, ...]]) -> None:
            tables = {"s": [(*row, 0) for row in first], "t": [(*row, 0) for row in second]}
            names = [column.name for column in COLUMNS]
            world = World(
                repo, {name: [dict(zip(names, row, strict=True)) for row in rows] for name, rows in tables.items()}, {}
            )
            for name, rows in tables.items():
                load(engine, name, rows)
            found = entity_rows(repo, wanted("v", "w"), instants, engine=engine)
            assert [tuple(row.values()) for row in found.to_pylist()] == seen(world, instants)

        over()


def seen(world: World, instants: list[datetime]) -> list[tuple[object, ...]]:
    made = []
    for moment in instants:
        keys = set()
        for name in ("v", "w"):
            one = world.repo.view(name)
            assert isinstance(one, FeatureView)
            t = instant(moment, "", "")
            assert t is not None
            rows = [e.row for e in view_events(world, one) if visible(e, timing_of(world.repo, one), t)]
            keys |= {tuple(row[key] for key in join_keys(world.repo, one)) for row in rows}
        made += [(*key, moment) for key in sorted(k for k in keys if None not in k)]
    return made


def test_the_statement_is_one_that_every_dialect_allows() -> None:
    """Nothing strange to any dialect; where a grammar or an engine is at hand, others tests run it."""
    from asof.compiler.pit.entities import entities_query

    repo = small(source("s", delay=Duration.parse("1h"), visibility="created"), view("v", "trip", "s"))
    for name in DIALECTS:
        made = entities_query(
            repo, wanted("v").request(), [NOON], target="duckdb", dialect=name, timestamp="event_timestamp", most=10
        )
        assert made.query is not None, (name, made.diagnostics)


# --- through the doors ----------------------------------------------------------------------------------------------


def test_a_store_takes_times_instead_of_a_spine(shop: Path) -> None:
    store = asof.Store(shop)
    start, end = at(T0 - 48 * HOUR), at(T0 + 2 * HOUR)
    found = store.historical(features=["last_order:amount", "order_stats"], between=(start, end), every="25h")
    assert found.to_pydict() == {
        "customer_id": [3, 3, 1, 2, 3],
        "event_timestamp": [start, start + 25 * HOURS, *[start + 50 * HOURS] * 3],
        "amount": [5.0, None, 21.0, None, None],
        "orders_1h": [0, 0, 2, 1, 0],
        "orders_7d": [0, 1, 3, 1, 1],
        "spent_7d": [None, 5.0, 51.0, None, 5.0],
    }
    now = store.historical(features=["order_stats:orders_7d"], as_of=end)
    assert now.to_pydict() == {
        "customer_id": [1, 2, 3],
        "event_timestamp": [end] * 3,
        "orders_7d": [3, 1, 1],
    }
    none = store.historical(features=["order_stats:orders_7d"], as_of=start - HOURS)
    assert (none.num_rows, none.column_names) == (0, ["customer_id", "event_timestamp", "orders_7d"])
    wrong: list[dict[str, object]] = [
        {},
        {"as_of": end, "between": (start, end)},
        {"between": (start, end), "every": "1x"},
    ]
    for options in wrong:
        with refused("AS760"):
            store.historical(features=["order_stats"], **options)  # type: ignore[arg-type]
    with refused("AS767"):
        store.historical(service="checkout", as_of=end)


def test_the_command_line_takes_times_instead_of_a_spine(shop: Path) -> None:
    out = shop / "train.parquet"
    project = api.check(shop).repo
    assert project is not None
    instants = api_features.grid(at(T0), at(T0 + 24 * HOUR), Duration.parse("1d"))
    wanted_ = api_features.Wanted(instants=instants, features=("last_order:amount",))
    assert api_features.history(shop, project.project, wanted_, out, target="", progress=lambda *_: None) == 5
    assert pq.read_table(out).column("amount").to_pylist() == [10.0, None, 21.0, None, None]
    asked = ("history", "--features", "last_order:amount", "--out", str(out), "-C", str(shop))
    first, last = at(T0).isoformat(), at(T0 + 24 * HOUR).isoformat()
    assert main([*asked, "--from", first, "--to", last]) == ExitCode.OK
    assert pq.read_table(out).num_rows == 5
    assert main([*asked, "--from", first, "--to", last, "--every", "12h"]) == ExitCode.OK
    assert pq.read_table(out).num_rows == 8
    assert main([*asked, "--as-of", first]) == ExitCode.OK
    assert pq.read_table(out).num_rows == 2
    wrong = (["--from", first], ["--as-of", first, "--every", "1d"], ["--as-of", first, "--from", first, "--to", last])
    for options in (
        *wrong,
        [],
        ["--from", first, "--to", last, "--every", "often"],
        ["--spine", "s", "--as-of", first],
    ):
        assert main([*asked, *options]) == ExitCode.USAGE, options
