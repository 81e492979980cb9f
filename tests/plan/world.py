"""A small repo with every kind in it, and hands to edit it."""

from __future__ import annotations

from typing import Any

import msgspec

from asof.compiler.duration import Duration
from asof.compiler.model import (
    Aggregation,
    AnyDefinition,
    Column,
    DataSource,
    Deprecation,
    Entity,
    Expression,
    FeatureRef,
    FeatureService,
    FeatureTest,
    FeatureView,
    Location,
    OnDemandFeatureView,
    Project,
    Repo,
    SavedDataset,
    ServiceItem,
    Spine,
    Store,
    Stream,
    StreamFeatureView,
    Target,
    Timing,
    Window,
)
from asof.compiler.plan import Plan, plan, state_after
from asof.compiler.state import EMPTY, State
from asof.compiler.types import FLOAT64, INT64, STRING, TIMESTAMP


def store(kind: str, path: str) -> Store:
    return Store(type=kind, options=(("path", path),))


LOCAL = Target(
    name="local", registry="registry", offline=store("duckdb", "off.duckdb"), online=store("sqlite", "on.db")
)
PRODUCTION = msgspec.structs.replace(LOCAL, name="production", online=store("sqlite", "production.db"))
PROJECT = Project(version=1, project="rides", targets=(LOCAL, PRODUCTION))


def duration(text: str) -> Duration:
    return Duration.parse(text)


def column(name: str, kind: object = FLOAT64, **more: Any) -> Column:
    return Column(name=name, type=kind, **more)  # type: ignore[arg-type]


DEFINITIONS: tuple[AnyDefinition, ...] = (
    Entity(name="driver", join_keys=(column("driver_id", INT64),), owner="ops@rides"),
    Entity(name="city", join_keys=(column("city_id", INT64),)),
    DataSource(
        name="trips",
        location=Location(path="data/trips.parquet"),
        targets=(("production", Location(table="lake.trips")),),
        columns=(column("driver_id", INT64), column("fare"), column("tip"), column("ended_at", TIMESTAMP)),
        timing=Timing(timestamp_field="ended_at"),
    ),
    DataSource(name="shifts", location=Location(query="SELECT driver_id, hours, at FROM raw_shifts")),
    DataSource(name="asked", type="request", columns=(column("distance"),)),
    DataSource(
        name="pings",
        type="kafka",
        stream=Stream(bootstrap_servers="broker:9092", topic="pings"),
        batch_source="trips",
    ),
    FeatureView(
        name="fares",
        entities=("driver",),
        source="trips",
        schema=(column("fare"), column("tip")),
        ttl=duration("7d"),
        aggregations=(
            Aggregation(function="sum", column="fare", windows=(Window(length=duration("1d")),)),
            Aggregation(
                function="mean",
                column="tip",
                name="typical_tip",
                where="tip > 0",
                windows=(Window(length=duration("7d"), name="tip_week"), Window(length=duration("30d"))),
            ),
        ),
        owner="pricing@rides",
    ),
    FeatureView(
        name="hours",
        entities=("driver",),
        query="SELECT driver_id, fare AS worth, ended_at FROM trips WHERE fare > 0",
        timing=Timing(timestamp_field="ended_at"),
        schema=(column("worth"),),
    ),
    FeatureView(name="recent", entities=("driver",), source="fares", schema=(column("fare"),), online=False),
    StreamFeatureView(name="live", entities=("driver",), source="trips", stream="pings", schema=(column("fare"),)),
    OnDemandFeatureView(
        name="price",
        sources=("fares", "asked"),
        features=(Expression(name="per_km", type=FLOAT64, expression="fare / distance"),),
    ),
    FeatureService(
        name="pricing",
        features=(
            ServiceItem(view="fares", features=(FeatureRef(name="fare"), FeatureRef(name="tip", alias="tipped"))),
            ServiceItem(view="price"),
        ),
        owner="models@rides",
    ),
    FeatureService(name="everything", features=(ServiceItem(view="fares"), ServiceItem(view="hours", alias="worked"))),
    SavedDataset(
        name="training",
        spine=Spine(query="SELECT driver_id, event_timestamp, paid FROM trips", columns=(column("paid"),)),
        labels=("paid",),
        service="pricing",
        owner="models@rides",
    ),
    FeatureTest(name="fares_add_up", view="fares", given=(("trips", ({"fare": 1.5},)),)),
)


def repo_with(*definitions: AnyDefinition, project: Project = PROJECT) -> Repo:
    ordered = sorted(definitions, key=lambda d: d.address)
    return Repo(project=project, definitions={d.address: d for d in ordered})


WORLD = repo_with(*DEFINITIONS)


def applied(repo: Repo, state: State = EMPTY, **options: Any) -> State:
    """The state after ``repo`` was applied to ``state``, on paper."""
    made = plan(repo, state, **options)
    after = state_after(made, state) if not made.empty else state
    return msgspec.structs.replace(after, generation=f"{after.serial:064}", lineage="world")


def edited(address: str, /, repo: Repo = WORLD, **fields: Any) -> Repo:
    """``repo`` with fields of one definition replaced; ``timing__delay`` and ``schema__0__type`` reach inside."""
    definition: Any = repo.definitions[address]
    for path, value in fields.items():
        definition = _put(definition, path.split("__"), value)
    return repo_with(*({**repo.definitions, address: definition}.values()), project=repo.project)


def without(repo: Repo, *addresses: str) -> Repo:
    return repo_with(*(d for a, d in repo.definitions.items() if a not in addresses), project=repo.project)


def plan_of(repo: Repo, was: Repo = WORLD, **options: Any) -> Plan:
    """The plan that leads from ``was``, applied, to ``repo``."""
    return plan(repo, applied(was), **options)


def _put(value: Any, path: list[str], new: Any) -> Any:
    if not path:
        return new
    head, *rest = path
    if isinstance(value, tuple):
        at = int(head)
        return (*value[:at], _put(value[at], rest, new), *value[at + 1 :])
    return msgspec.structs.replace(value, **{head: _put(getattr(value, head), rest, new)})


DEPRECATED = Deprecation(since="2026-01-01", use="feature_view/recent")
NAMES = {"string": STRING}
