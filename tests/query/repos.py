"""Small repos for these tests: definitions with the YAML nodes they would have been read from."""

from __future__ import annotations

import yaml

from asof.compiler.duration import Duration
from asof.compiler.model import (
    Aggregation,
    Column,
    DataSource,
    Entity,
    Expression,
    FeatureView,
    Location,
    OnDemandFeatureView,
    Project,
    Repo,
    Store,
    Target,
    Timing,
    Window,
)
from asof.compiler.source import Origin
from asof.compiler.types import parse_type

TARGET = Target(name="local", registry=".asof", offline=Store(type="duckdb"))


def columns(**types: str) -> tuple[Column, ...]:
    return tuple(Column(name=name, type=parse_type(kind)) for name, kind in types.items())


TRIPS = DataSource(
    name="trips",
    location=Location(path="trips.parquet"),
    columns=columns(driver="int64", at="timestamp", fare="float64", city="string", stops="int32", paid="bool"),
    timing=Timing(timestamp_field="at"),
)
DRIVERS = DataSource(
    name="drivers", location=Location(path="d.parquet"), columns=columns(driver="int64", name="string", city="string")
)
REQUEST = DataSource(name="ask", type="request", columns=columns(now_at="timestamp", seats="int32"))
DRIVER = Entity(name="driver", join_keys=columns(driver="int64"))
STATS = FeatureView(
    name="stats",
    entities=("driver",),
    source="trips",
    aggregations=(Aggregation(function="sum", column="fare", windows=(Window(length=Duration.parse("7d")),)),),
)
LATEST = FeatureView(name="latest", entities=("driver",), source="trips", schema=columns(fare="float64"))
BASE = (TRIPS, DRIVERS, REQUEST, DRIVER, STATS, LATEST)


def repo(*more, dialect: str = "duckdb", origins: dict[str, Origin] | None = None) -> Repo:
    project = Project(version=1, project="p", sql_dialect=dialect, targets=(TARGET,))
    definitions = {d.address: d for d in (*BASE, *more)}
    return Repo(project=project, definitions=dict(sorted(definitions.items())), origins=origins or {})


def origin(text: str) -> Origin:
    return Origin("views.yaml", yaml.compose(text, Loader=yaml.CSafeLoader), text)


def view(query: str, schema: tuple[Column, ...] = (), stamp: str = "at", **more) -> FeatureView:
    timing = Timing(timestamp_field=stamp)
    return FeatureView(name="v", entities=("driver",), query=query, timing=timing, schema=schema, **more)


def view_repo(query: str, schema: tuple[Column, ...] = (), dialect: str = "duckdb", **more) -> Repo:
    """A repo whose view ``v`` has the query, written as a literal block from line 3, column 3 on."""
    text = "name: v\nquery: |\n" + "".join(f"  {line}\n" for line in query.split("\n"))
    made = view(query + "\n", schema, **more)
    return repo(made, dialect=dialect, origins={made.address: origin(text)})


def on_demand(expression: str, kind: str = "float64") -> Repo:
    feature = Expression(name="f", type=parse_type(kind), expression=expression)
    made = OnDemandFeatureView(name="od", sources=("latest", "ask"), features=(feature,))
    text = f"name: od\nfeatures:\n  - name: f\n    expression: {expression}\n"
    return repo(made, origins={made.address: origin(text)})


def filtered(where: str) -> Repo:
    window = Window(length=Duration.parse("7d"))
    made = FeatureView(
        name="v",
        entities=("driver",),
        source="trips",
        aggregations=(Aggregation(function="count", windows=(window,), where=where),),
    )
    return repo(made, origins={made.address: origin(f"aggregations:\n  - where: {where}\n")})
