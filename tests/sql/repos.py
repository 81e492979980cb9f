"""Small repos for the tests of generated SQL: one view of each shape."""

from __future__ import annotations

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
from asof.compiler.types import FLOAT64, INT64, TIMESTAMP

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


TAXI = repo(RIDES, DRIVER, LAST_RIDE, EARNINGS, ODDS)


def request(*views: str) -> TrainingRequest:
    """All features of ``views`` for ``SPINE``."""
    return TrainingRequest(items=tuple(ServiceItem(view=view) for view in views), spine=SPINE, name="taxi")
