"""Each field of every kind, changed in turn: its class, the pointer it is reported at, and whom it reaches."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
import pytest

from asof.compiler.model import (
    Aggregation,
    FeatureRef,
    Location,
    ServiceItem,
    Window,
)
from asof.compiler.roles import ROLES
from asof.compiler.types import INT64
from tests.plan.world import DEPRECATED, WORLD, applied, column, duration, edited, plan_of


class Case(NamedTuple):
    """``field`` is Struct.field; ``fields`` the edit of the object at ``address``."""

    field: str
    address: str
    fields: dict[str, Any]
    wanted: str
    pointer: str


ENTITY, TRIPS, SHIFTS, PINGS = "entity/driver", "data_source/trips", "data_source/shifts", "data_source/pings"
FARES, HOURS, LIVE = "feature_view/fares", "feature_view/hours", "stream_feature_view/live"
PRICE, PRICING, EVERYTHING = "on_demand_feature_view/price", "feature_service/pricing", "feature_service/everything"
TRAINING, TEST = "saved_dataset/training", "feature_test/fares_add_up"

BEFORE = applied(WORLD).objects

OBJECTS = {
    "Entity": ENTITY,
    "DataSource": TRIPS,
    "FeatureView": FARES,
    "StreamFeatureView": LIVE,
    "OnDemandFeatureView": PRICE,
    "FeatureService": PRICING,
    "SavedDataset": TRAINING,
    "FeatureTest": TEST,
}
ON_EVERY_OBJECT: dict[str, Any] = {
    "description": "another",
    "owner": "someone@rides",
    "tags": (("team", "x"),),
    "protect": ("delete",),
    "deprecated": DEPRECATED,
    "moved_from": "gone_long_ago",
    "allow": (("AS499", "known"),),
}

BREAK, VALUES, MORE, SAME, WORDS = "interface_break", "value_change", "additive", "equivalent", "metadata"

COUNT = Aggregation(function="count", windows=(Window(length=duration("1h")),))

CASES = [
    *(
        Case(f"{kind}.{field}", address, {field: value}, WORDS, f"/{field}")
        for kind, address in OBJECTS.items()
        for field, value in ON_EVERY_OBJECT.items()
    ),
    Case("Column.type", FARES, {"schema__0__type": INT64}, BREAK, "/schema/0/type"),
    Case("Column.name", FARES, {"schema__1__name": "gratuity"}, BREAK, "/schema/1"),
    Case("Column.description", FARES, {"schema__0__description": "in euro"}, WORDS, "/schema/0/description"),
    Case("Column.tags", FARES, {"schema__0__tags": (("pii", "no"),)}, WORDS, "/schema/0/tags"),
    Case("Deprecation.since", FARES, {"deprecated": DEPRECATED}, WORDS, "/deprecated"),
    Case("Deprecation.use", FARES, {"deprecated": DEPRECATED}, WORDS, "/deprecated"),
    Case("Deprecation.remove_after", FARES, {"deprecated": DEPRECATED}, WORDS, "/deprecated"),
    Case("Entity.join_keys", ENTITY, {"join_keys__0__type": column("x").type}, BREAK, "/join_keys/0/type"),
    Case(
        "Entity.join_keys",
        ENTITY,
        {"join_keys": (column("driver_id", INT64), column("region", INT64))},
        BREAK,
        "/join_keys/1",
    ),
    Case("Timing.timestamp_field", HOURS, {"timing__timestamp_field": "at"}, VALUES, "/timing/timestamp_field"),
    Case(
        "Timing.created_timestamp_column",
        TRIPS,
        {"timing__created_timestamp_column": "tip"},
        VALUES,
        "/timing/created_timestamp_column",
    ),
    Case("Timing.unique", TRIPS, {"timing__unique": ("tip",)}, VALUES, "/timing/unique"),
    Case("Timing.delay", TRIPS, {"timing__delay": duration("1h")}, VALUES, "/timing/delay"),
    Case("Timing.visibility", TRIPS, {"timing__visibility": "created"}, VALUES, "/timing/visibility"),
    Case("Timing.timezone", TRIPS, {"timing__timezone": "Europe/Paris"}, VALUES, "/timing/timezone"),
    Case("Timing.timestamp_unit", TRIPS, {"timing__timestamp_unit": "seconds"}, VALUES, "/timing/timestamp_unit"),
    Case("Timing.valid_to", TRIPS, {"timing__valid_to": "tip"}, VALUES, "/timing/valid_to"),
    Case("Location.path", TRIPS, {"location__path": "data/other.parquet"}, VALUES, "/location/path"),
    Case("Location.table", TRIPS, {"location": Location(table="trips")}, VALUES, "/location/table"),
    Case("Location.query", SHIFTS, {"location__query": "SELECT 1 AS driver_id"}, VALUES, "/location/query"),
    Case("Stream.bootstrap_servers", PINGS, {"stream__bootstrap_servers": "b:1"}, VALUES, "/stream/bootstrap_servers"),
    Case("Stream.topic", PINGS, {"stream__topic": "other"}, VALUES, "/stream/topic"),
    Case("Stream.stream", PINGS, {"stream__stream": "other"}, VALUES, "/stream/stream"),
    Case("Stream.region", PINGS, {"stream__region": "eu-west-1"}, VALUES, "/stream/region"),
    Case("Stream.format", PINGS, {"stream__format": "avro"}, VALUES, "/stream/format"),
    Case(
        "Stream.watermark_delay", PINGS, {"stream__watermark_delay": duration("1m")}, VALUES, "/stream/watermark_delay"
    ),
    Case("DataSource.type", PINGS, {"type": "push"}, VALUES, "/type"),
    Case("DataSource.location", TRIPS, {"location": Location(table="trips")}, VALUES, "/location/path"),
    Case("DataSource.targets", TRIPS, {"targets": ()}, WORDS, "/targets"),
    Case("DataSource.targets", TRIPS, {"targets": (("local", Location(table="x")),)}, VALUES, "/location/table"),
    Case("DataSource.columns", TRIPS, {"columns__1__type": INT64}, BREAK, "/columns/1/type"),
    Case("DataSource.timing", TRIPS, {"timing__delay": duration("1h")}, VALUES, "/timing/delay"),
    Case("DataSource.field_mapping", TRIPS, {"field_mapping": (("fare", "price"),)}, VALUES, "/field_mapping"),
    Case("DataSource.date_partition_column", TRIPS, {"date_partition_column": "day"}, VALUES, "/date_partition_column"),
    Case("DataSource.stream", PINGS, {"stream__topic": "other"}, VALUES, "/stream/topic"),
    Case("DataSource.batch_source", PINGS, {"batch_source": "shifts"}, VALUES, "/batch_source"),
    Case(
        "Window.length",
        FARES,
        {"aggregations__1__windows__0__length": duration("8d")},
        VALUES,
        "/aggregations/1/windows/0/length",
    ),
    Case(
        "Window.length",
        FARES,
        {"aggregations__0__windows__0__length": duration("2d")},
        BREAK,
        "/aggregations/0/windows/0",
    ),
    Case(
        "Window.offset",
        FARES,
        {"aggregations__1__windows__0__offset": duration("1d")},
        VALUES,
        "/aggregations/1/windows/0/offset",
    ),
    Case("Window.name", FARES, {"aggregations__1__windows__0__name": "tip_7"}, BREAK, "/aggregations/1/windows/0"),
    Case("Aggregation.function", FARES, {"aggregations__1__function": "max"}, VALUES, "/aggregations/1/function"),
    Case("Aggregation.function", FARES, {"aggregations__0__function": "max"}, BREAK, "/aggregations/0"),
    Case("Aggregation.column", FARES, {"aggregations__1__column": "fare"}, VALUES, "/aggregations/1/column"),
    Case(
        "Aggregation.windows",
        FARES,
        {"aggregations__1__windows": (Window(length=duration("30d")),)},
        BREAK,
        "/aggregations/1/windows/0",
    ),
    Case("Aggregation.name", FARES, {"aggregations__1__name": "tips"}, BREAK, "/aggregations/1"),
    Case("Aggregation.where", FARES, {"aggregations__1__where": "tip > 1"}, VALUES, "/aggregations/1/where"),
    Case("Aggregation.by", FARES, {"aggregations__1__by": "fare"}, VALUES, "/aggregations/1/by"),
    Case("Aggregation.bounds", FARES, {"aggregations__1__bounds": "(]"}, VALUES, "/aggregations/1/bounds"),
    Case("Aggregation.n", FARES, {"aggregations__1__n": 3}, VALUES, "/aggregations/1/n"),
    Case(
        "Aggregation.percentiles",
        FARES,
        {"aggregations__1__percentiles": (0.5,)},
        VALUES,
        "/aggregations/1/percentiles",
    ),
    Case("Aggregation.order", FARES, {"aggregations__1__order": "desc"}, VALUES, "/aggregations/1/order"),
    Case(
        "Aggregation.include_nulls",
        FARES,
        {"aggregations__1__include_nulls": True},
        VALUES,
        "/aggregations/1/include_nulls",
    ),
    Case("Aggregation.description", FARES, {"aggregations__1__description": "x"}, WORDS, "/aggregations/1/description"),
    Case("Aggregation.tags", FARES, {"aggregations__1__tags": (("a", "b"),)}, WORDS, "/aggregations/1/tags"),
    *(
        case
        for kind, address in (("FeatureView", FARES), ("StreamFeatureView", LIVE))
        for case in (
            Case(f"{kind}.entities", address, {"entities": ("city",)}, BREAK, "/entities"),
            Case(f"{kind}.source", address, {"source": "shifts"}, VALUES, "/source"),
            Case(f"{kind}.query", address, {"query": "SELECT * FROM trips"}, VALUES, "/query"),
            Case(f"{kind}.timing", address, {"timing__delay": duration("1h")}, VALUES, "/timing/delay"),
            Case(f"{kind}.schema", address, {"schema": ()}, BREAK, "/schema/0"),
            Case(f"{kind}.ttl", address, {"ttl": duration("1h")}, VALUES, "/ttl"),
            Case(f"{kind}.max_age", address, {"max_age": duration("2h")}, VALUES, "/max_age"),
            Case(f"{kind}.online", address, {"online": False}, BREAK, "/online"),
        )
    ),
    Case("FeatureView.aggregations", FARES, {"aggregations": ()}, BREAK, "/aggregations/0"),
    Case("StreamFeatureView.aggregations", LIVE, {"aggregations": (COUNT,)}, MORE, "/aggregations/0"),
    Case("StreamFeatureView.stream", LIVE, {"stream": "trips"}, VALUES, "/stream"),
    Case("Expression.name", PRICE, {"features__0__name": "unit_price"}, BREAK, "/features/0"),
    Case("Expression.type", PRICE, {"features__0__type": INT64}, BREAK, "/features/0/type"),
    Case("Expression.expression", PRICE, {"features__0__expression": "fare"}, VALUES, "/features/0/expression"),
    Case("Expression.description", PRICE, {"features__0__description": "x"}, WORDS, "/features/0/description"),
    Case("Expression.tags", PRICE, {"features__0__tags": (("a", "b"),)}, WORDS, "/features/0/tags"),
    Case("OnDemandFeatureView.sources", PRICE, {"sources": ("fares",)}, VALUES, "/sources"),
    Case("OnDemandFeatureView.features", PRICE, {"features": ()}, BREAK, "/features/0"),
    Case(
        "FeatureRef.name", PRICING, {"features__0__features__0__name": "fare_sum_1d"}, BREAK, "/features/0/features/0"
    ),
    Case("FeatureRef.alias", PRICING, {"features__0__features__1__alias": "t"}, BREAK, "/features/0/features/1/alias"),
    Case("ServiceItem.view", EVERYTHING, {"features__1__view": "recent"}, BREAK, "/features/1"),
    Case(
        "ServiceItem.features",
        EVERYTHING,
        {"features__0__features": (FeatureRef(name="tip"),)},
        BREAK,
        "/features/0/features",
    ),
    Case("ServiceItem.features", PRICING, {"features__0__features": ()}, VALUES, "/features/0/features"),
    Case("ServiceItem.alias", EVERYTHING, {"features__1__alias": "w"}, BREAK, "/features/1"),
    Case(
        "ServiceItem.join_key_map",
        PRICING,
        {"features__0__join_key_map": (("driver_id", "d"),)},
        VALUES,
        "/features/0/join_key_map",
    ),
    Case("FeatureService.features", PRICING, {"features": (ServiceItem(view="price"),)}, BREAK, "/features/0"),
    Case("FeatureService.full_feature_names", PRICING, {"full_feature_names": True}, BREAK, "/full_feature_names"),
    Case("Spine.source", TRAINING, {"spine__source": "trips"}, VALUES, "/spine/source"),
    Case("Spine.table", TRAINING, {"spine__table": "t"}, VALUES, "/spine/table"),
    Case("Spine.path", TRAINING, {"spine__path": "p"}, VALUES, "/spine/path"),
    Case("Spine.query", TRAINING, {"spine__query": "SELECT 1 AS driver_id"}, VALUES, "/spine/query"),
    Case("Spine.columns", TRAINING, {"spine__columns__0__type": INT64}, BREAK, "/spine/columns/0/type"),
    Case("SavedDataset.spine", TRAINING, {"spine__table": "t"}, VALUES, "/spine/table"),
    Case("SavedDataset.timestamp_field", TRAINING, {"timestamp_field": "t"}, VALUES, "/timestamp_field"),
    Case("SavedDataset.labels", TRAINING, {"labels": ()}, BREAK, "/labels"),
    Case("SavedDataset.labels", TRAINING, {"labels": ("paid", "late")}, MORE, "/labels"),
    Case("SavedDataset.service", TRAINING, {"service": "everything"}, VALUES, "/service"),
    Case("FeatureTest.view", TEST, {"view": "recent"}, WORDS, "/view"),
    Case("FeatureTest.service", TEST, {"service": "pricing"}, WORDS, "/service"),
    Case("FeatureTest.given", TEST, {"given": ()}, WORDS, "/given"),
    Case("FeatureTest.spine", TEST, {"spine": ({"driver_id": 1},)}, WORDS, "/spine"),
    Case("FeatureTest.expect", TEST, {"expect": ({"fare": 1.5},)}, WORDS, "/expect"),
    # Growth, which is additive where the old columns and rows are proven to stay as they are.
    Case("Column.name", FARES, {"schema": (column("fare"), column("tip"), column("toll"))}, MORE, "/schema/2"),
    Case("Column.name", FARES, {"schema": (column("toll"), column("fare"), column("tip"))}, VALUES, "/schema/0"),
    Case("Column.name", FARES, {"schema": (column("tip"), column("fare"))}, VALUES, "/schema"),
    Case("Column.name", TRIPS, {"columns": (column("toll"), *WORLD.source("trips").columns)}, MORE, "/columns/0"),  # type: ignore[union-attr]
    Case(
        "Aggregation.windows",
        FARES,
        {"aggregations__0__windows": (Window(length=duration("1d")), Window(length=duration("2d")))},
        MORE,
        "/aggregations/0/windows/1",
    ),
    Case(
        "ServiceItem.view",
        EVERYTHING,
        {"features": (*WORLD.service("everything").features, ServiceItem(view="live"))},
        MORE,
        "/features/2",
    ),  # type: ignore[union-attr]
    Case("FeatureView.online", "feature_view/recent", {"online": True}, MORE, "/online"),
    Case("Aggregation.where", FARES, {"aggregations__1__where": "tip   >   0 -- some"}, SAME, "/aggregations/1/where"),
    Case(
        "FeatureView.query",
        HOURS,
        {"query": "select driver_id, fare as worth, ended_at\nfrom trips where fare > 0"},
        SAME,
        "/query",
    ),
    Case(
        "FeatureView.query", HOURS, {"query": "SELECT driver_id, fare AS worth, ended_at FROM trips"}, VALUES, "/query"
    ),
]


def test_every_field_of_the_language_has_a_role_and_is_changed_by_some_case() -> None:
    fields = {f"{struct.__name__}.{field.name}" for struct in ROLES for field in msgspec.structs.fields(struct)}
    roles = {f"{struct.__name__}.{name}" for struct, table in ROLES.items() for name in table}
    names = {f"{kind}.name" for kind in OBJECTS}
    assert roles == fields
    assert {case.field for case in CASES} == fields - names


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.field}-{c.wanted}-{','.join(c.fields)}")
def test_an_edit_has_its_class_and_says_where_and_why(case: Case) -> None:
    repo = edited(case.address, **case.fields)
    changes = {change.address: change for change in plan_of(repo).changes}
    change = changes[case.address]
    assert change.change_class == case.wanted
    reason = next(r for r in change.reasons if r.pointer == case.pointer)
    assert reason.change_class == case.wanted
    assert len(reason.text) > 10
    assert reason.old != reason.new or case.pointer == "/schema"


def test_roles_agree_with_hashes() -> None:
    """What is called metadata leaves the semantic hash alone, what is worse does not."""
    for case in CASES:
        recorded = plan_of(edited(case.address, **case.fields)).objects[case.address]
        assert recorded is not None
        same = recorded.hashes.semantic == BEFORE[case.address].hashes.semantic
        assert same == (case.wanted in (WORDS, SAME)), case
