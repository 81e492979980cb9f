"""Small repos for the tests of generated SQL: one view of each shape."""

from __future__ import annotations

from msgspec.structs import replace

from asof.compiler.dialects import DIALECTS
from asof.compiler.duration import Duration
from asof.compiler.model import (
    Aggregation,
    AnyDefinition,
    Column,
    DataSource,
    Entity,
    Expression,
    FeatureView,
    Location,
    OnDemandFeatureView,
    Project,
    Repo,
    ServiceItem,
    Store,
    Target,
    Timing,
    Window,
)
from asof.compiler.pit import SpineSpec, TrainingRequest
from asof.compiler.types import DATE, FLOAT64, INT64, STRING, TIMESTAMP

RIDES = DataSource(
    name="rides",
    location=Location(table="rides"),
    columns=(
        Column(name="driver", type=INT64),
        Column(name="ended_at", type=TIMESTAMP),
        Column(name="loaded_at", type=TIMESTAMP),
        Column(name="ride", type=INT64),
        Column(name="fare", type=FLOAT64),
        Column(name="rating", type=INT64),
    ),
    timing=Timing(
        timestamp_field="ended_at",
        created_timestamp_column="loaded_at",
        unique=("ride",),
        delay=Duration.parse("10m"),
    ),
)
DRIVER = Entity(name="driver", join_keys=(Column(name="driver", type=INT64),))
_WEEK = Window(length=Duration.parse("7d"))
LAST_RIDE = FeatureView(
    name="last_ride",
    entities=("driver",),
    source="rides",
    schema=(Column(name="fare", type=FLOAT64), Column(name="rating", type=INT64)),
    ttl=Duration.parse("7d"),
)
EARNINGS = FeatureView(
    name="earnings",
    entities=("driver",),
    source="rides",
    aggregations=(
        Aggregation(function="count", name="rides", windows=(Window(length=Duration.parse("1d")), Window())),
        Aggregation(function="sum", column="rating", windows=(Window(length=Duration.parse("1d")),), where="fare > 1"),
        Aggregation(function="stddev_samp", column="fare", windows=(Window(length=Duration.parse("7d")),)),
        Aggregation(function="last", column="rating", windows=(Window(length=Duration.parse("7d")),)),
    ),
)
HABITS = FeatureView(
    name="habits",
    entities=("driver",),
    source="rides",
    aggregations=(
        Aggregation(function="last_n", column="fare", n=3, windows=(_WEEK,)),
        Aggregation(function="last_distinct_n", column="rating", n=2, order="desc", windows=(_WEEK,)),
        Aggregation(function="top_n", column="fare", n=3, windows=(_WEEK, Window())),
        Aggregation(function="histogram", column="rating", windows=(_WEEK,)),
        Aggregation(function="mode", column="rating", windows=(_WEEK,)),
        Aggregation(function="percentile", column="fare", percentiles=(0.5, 0.95), windows=(_WEEK,)),
        Aggregation(function="skew", column="fare", windows=(_WEEK,)),
        Aggregation(function="sum", column="fare", by="rating", windows=(_WEEK,)),
        Aggregation(function="approx_count_distinct", column="ride", windows=(_WEEK,)),
    ),
)
"""What takes more than a count, a sum or an extreme."""
DAYS = DataSource(
    name="days",
    location=Location(table="days"),
    columns=(*RIDES.columns, Column(name="ds", type=DATE)),
    timing=RIDES.timing,
    date_partition_column="ds",
)
NIGHTS = DataSource(
    name="nights",
    location=Location(table="nights"),
    columns=(*RIDES.columns, Column(name="ds", type=STRING)),
    timing=RIDES.timing,
    date_partition_column="ds",
)
BY_DAY = FeatureView(name="by_day", entities=("driver",), source="days", schema=LAST_RIDE.schema, ttl=LAST_RIDE.ttl)
BY_NIGHT = FeatureView(
    name="by_night",
    entities=("driver",),
    source="nights",
    aggregations=(Aggregation(function="count", name="rides", windows=(_WEEK,)),),
)
"""Of partitions: dated ones, and those whose dates are text."""
ODDS = OnDemandFeatureView(
    name="odds",
    sources=("last_ride", "earnings"),
    features=(Expression(name="share", type=FLOAT64, expression="fare / NULLIF(rides_1d, 0)"),),
)
SPINE = SpineSpec(relation="bookings", columns=("driver", "asked_at"), timestamp="asked_at")


def repo(*definitions: AnyDefinition) -> Repo:
    """A repo of those definitions, written in DuckDB's SQL."""
    target = Target(name="local", registry="r", offline=Store(type="duckdb"))
    project = Project(version=1, project="taxi", targets=(target,))
    return Repo(project=project, definitions={d.address: d for d in sorted(definitions, key=lambda d: d.address)})


TAXI = repo(RIDES, DRIVER, LAST_RIDE, EARNINGS, HABITS, ODDS)
PARTITIONED = repo(DRIVER, DAYS, NIGHTS, BY_DAY, BY_NIGHT)
FILED = repo(
    DRIVER,
    replace(DAYS, location=Location(path="s3://acme/the days/ds=*/*.parquet")),
    replace(NIGHTS, location=Location(path="data/nights/ds=*/**/*.parquet")),
    BY_DAY,
    BY_NIGHT,
)
"""The same in files: objects of a bucket, and files at any depth below folders that name dates."""


def able(dialect: str) -> Repo:
    """TAXI without the aggregations that the dialect refuses."""
    refused = DIALECTS[dialect].unsupported

    def carried_out(one: Aggregation) -> bool:
        needs = {one.function, "by" if one.by else "", "percentiles" if len(one.percentiles) > 1 else ""}
        return not needs & set(refused)

    habits = replace(HABITS, aggregations=tuple(filter(carried_out, HABITS.aggregations)))
    return repo(RIDES, DRIVER, LAST_RIDE, EARNINGS, habits, ODDS)


def request(*views: str) -> TrainingRequest:
    """All features of ``views`` for ``SPINE``."""
    return TrainingRequest(items=tuple(ServiceItem(view=view) for view in views), spine=SPINE, name="taxi")
