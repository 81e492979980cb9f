"""Whom a change reaches, column by column; what cannot be told counts as reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from asof.compiler.classify import ChangeClass
from asof.compiler.model import (
    Aggregation,
    FeatureRef,
    FeatureService,
    FeatureView,
    Repo,
    ServiceItem,
    Timing,
    Window,
)
from asof.compiler.query.retabled import retabled, retabled_expression
from asof.compiler.types import FLOAT32
from tests.plan.world import WORLD, column, duration, edited, plan_of, repo_with, without

if TYPE_CHECKING:
    from asof.compiler.plan import Plan


def reached(made: Plan, address: str) -> dict[str, tuple[str, ...]]:
    change = next(change for change in made.changes if change.address == address)
    return {one.address: one.features for one in change.reach if not one.address.startswith("feature_test/")}


def service(name: str, view: str, *features: str) -> FeatureService:
    refs = tuple(FeatureRef(name=feature) for feature in features)
    return FeatureService(name=name, features=(ServiceItem(view=view, features=refs),))


def world(*more: FeatureView | FeatureService) -> Repo:
    return repo_with(*WORLD.definitions.values(), *more)


def test_a_windowed_feature_reaches_who_reads_it_and_nobody_else() -> None:
    made = plan_of(edited("feature_view/fares", aggregations__1__where="tip > 1"))
    assert reached(made, "feature_view/fares") == {"feature_service/everything": ("tip_week", "typical_tip_30d")}
    assert [change.address for change in made.changes] == ["feature_view/fares"]


def test_a_feature_that_goes_reaches_who_read_it() -> None:
    fares = WORLD.definitions["feature_view/fares"]
    assert isinstance(fares, FeatureView)
    made = plan_of(edited("feature_view/fares", aggregations=fares.aggregations[1:]))
    assert reached(made, "feature_view/fares") == {"feature_service/everything": ("fare_sum_1d",)}


def test_latest_values_change_with_those_declared_before_them_unless_rows_are_told_apart() -> None:
    both = world(service("first", "fares", "fare"), service("second", "fares", "tip"))
    last = plan_of(edited("feature_view/fares", both, schema__1__type=FLOAT32), both)
    assert "feature_service/first" not in reached(last, "feature_view/fares")
    first = plan_of(edited("feature_view/fares", both, schema__0__type=FLOAT32), both)
    assert {"feature_service/first", "feature_service/second"} <= reached(first, "feature_view/fares").keys()
    told = edited("data_source/trips", both, timing=Timing(timestamp_field="ended_at", unique=("driver_id",)))
    apart = plan_of(edited("feature_view/fares", told, schema__0__type=FLOAT32), told)
    assert "feature_service/second" not in reached(apart, "feature_view/fares")


def test_a_column_that_a_view_does_not_show_is_seen_by_the_view_behind_it() -> None:
    shows = FeatureView(name="shows", entities=("driver",), source="trips", schema=(column("fare"),))
    hidden = Aggregation(function="sum", column="tip", windows=(Window(length=duration("1d")),))
    behind = FeatureView(name="behind", entities=("driver",), source="shows", aggregations=(hidden,))
    was = world(shows, behind)
    made = plan_of(edited("data_source/trips", was, columns__2__type=FLOAT32), was)
    changed = {change.address for change in made.changes}
    assert "feature_view/behind" in changed
    assert "feature_view/shows" not in changed


def test_an_expression_of_a_query_reaches_the_readers_of_its_column() -> None:
    query = "SELECT driver_id, ended_at, fare + tip AS worth, fare - tip AS rest FROM trips"
    timing = Timing(timestamp_field="ended_at", unique=("driver_id",))
    view = FeatureView(
        name="sums", entities=("driver",), query=query, timing=timing, schema=(column("worth"), column("rest"))
    )
    was = world(view, service("of_worth", "sums", "worth"), service("of_rest", "sums", "rest"))
    one = plan_of(edited("feature_view/sums", was, query=query.replace("fare - tip", "fare - 2 * tip")), was)
    assert reached(one, "feature_view/sums").keys() == {"feature_service/of_rest"}
    rows = plan_of(edited("feature_view/sums", was, query=f"{query} WHERE fare > 0"), was)
    assert reached(rows, "feature_view/sums").keys() == {"feature_service/of_rest", "feature_service/of_worth"}


@pytest.mark.parametrize(
    "query",
    [
        "SELECT driver_id, ended_at, fare AS worth, count(*) OVER () AS rest FROM trips WHERE worth > 0",
        "SELECT DISTINCT driver_id, ended_at, fare AS worth, tip AS rest FROM trips",
        "SELECT driver_id, ended_at, fare AS worth, worth + 1 AS rest FROM trips",
    ],
)
def test_where_an_expression_can_do_more_everything_is_reached(query: str) -> None:
    timing = Timing(timestamp_field="ended_at", unique=("driver_id",))
    view = FeatureView(
        name="sums", entities=("driver",), query=query, timing=timing, schema=(column("worth"), column("rest"))
    )
    was = world(view, service("of_worth", "sums", "worth"), service("of_rest", "sums", "rest"))
    made = plan_of(edited("feature_view/sums", was, query=query.replace("fare AS worth", "fare * 2 AS worth")), was)
    assert reached(made, "feature_view/sums").keys() == {"feature_service/of_rest", "feature_service/of_worth"}


def test_a_renamed_source_is_a_rename_for_queries_and_expressions_that_read_it() -> None:
    trips = msgspec.structs.replace(WORLD.definitions["data_source/trips"], name="rides", moved_from="trips")
    renamed = repo_with(*without(WORLD, "data_source/trips").definitions.values(), trips)
    for address, fields in {
        "feature_view/fares": {"source": "rides"},
        "stream_feature_view/live": {"source": "rides"},
        "feature_view/hours": {"query": "SELECT driver_id, fare AS worth, ended_at FROM rides WHERE fare > 0"},
        "data_source/pings": {"batch_source": "rides"},
        "saved_dataset/training": {"spine__query": "SELECT driver_id, event_timestamp, paid FROM rides"},
        "feature_test/fares_add_up": {"given": (("rides", ({"fare": 1.5},)),)},
    }.items():
        renamed = edited(address, renamed, **fields)
    made = plan_of(renamed)
    assert {change.change_class for change in made.changes} == {ChangeClass.IDENTITY}
    assert not [step for step in made.steps if step.action in ("create", "drop")]
    more = edited(
        "feature_view/hours", renamed, query="SELECT driver_id, fare AS worth, ended_at FROM rides WHERE fare > 1"
    )
    classes = {change.address: change.change_class for change in plan_of(more).changes}
    assert classes["feature_view/hours"] is ChangeClass.VALUE_CHANGE


def test_tables_are_renamed_where_it_is_clear_what_is_meant() -> None:
    moves = {"trips": "rides"}
    assert retabled("SELECT trips.a FROM Trips", moves, "duckdb") == "SELECT rides.a FROM rides"
    assert retabled('SELECT x.a FROM "trips" AS x', moves, "duckdb") == 'SELECT x.a FROM "rides" AS x'
    for text in (
        "SELECT a FROM other",
        "SELECT a FROM lake.trips",
        "WITH trips AS (SELECT 1 AS a) SELECT a FROM trips",
        "SELECT rides.a FROM trips AS rides",
        "SELEC",
    ):
        assert retabled(text, moves, "duckdb") in (
            text,
            text.lower().replace("select", "SELECT").replace("from", "FROM"),
        )
    assert retabled_expression("fares.x + y", {"fares": "prices"}, "duckdb") == "prices.x + y"
    assert retabled_expression("x +", {"fares": "prices"}, "duckdb") == "x +"
