"""The frozen model: what a feature repo says, without where or in which order it was written.

Every value here is immutable and equal by content. Shorthands (``features: [weather]``, ``windows:
[7d]``) are spelt out before a document becomes a model, so each thing has one form only. The same
structs are the registry's documents: ``codec`` turns them into plain JSON and back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from asof.compiler.duration import Duration
from asof.compiler.owners import Owners
from asof.compiler.policy_files import SqlPolicy
from asof.compiler.source import Origin
from asof.compiler.types import Type

Visibility = Literal["event", "created"]
Bounds = Literal["[)", "(]"]
Protection = Literal["delete", "recreate", "value_change"]
Severity = Literal["error", "warn", "off"]
Json = object
"""A plain JSON value: what YAML scalars, lists and maps become."""


class Value(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The base of every struct of the language: immutable, keyword-only, defaults left unwritten."""


class Column(Value, frozen=True, kw_only=True):
    """A named, typed column of a source, join key of an entity, or feature of a view."""

    name: str
    type: Type
    description: str = ""
    tags: tuple[tuple[str, str], ...] = ()


class Deprecation(Value, frozen=True, kw_only=True):
    """Since when not to use it, what to use instead (an address), and when it goes."""

    since: str
    use: str = ""
    remove_after: str = ""


class Definition(Value, frozen=True, kw_only=True, tag_field="kind"):
    """What every object of a repo has."""

    name: str
    description: str = ""
    owner: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    protect: tuple[Protection, ...] = ()
    deprecated: Deprecation | None = None
    moved_from: str = ""
    allow: tuple[tuple[str, str], ...] = ()
    """Findings accepted on this object: diagnostic code -> reason."""

    @property
    def kind(self) -> str:
        return type(self).__name__

    @property
    def address(self) -> str:
        """``feature_view/origin_weather``: unique in a project, stable for ever."""
        return f"{SLUGS[self.kind]}/{self.name}"


class Entity(Definition, frozen=True, kw_only=True, tag="Entity"):
    """Something features are about, named by one or several typed join keys."""

    join_keys: tuple[Column, ...]


class Timing(Value, frozen=True, kw_only=True):
    """When a row happened, when it became known, and which of two rows is the later one.

    ``delay`` after its event time a row may be seen; with ``visibility="created"`` only once its
    created time has come as well. ``timezone`` is the IANA zone of naive timestamps ("" is UTC).
    ``timestamp_unit`` says what an integer timestamp counts since 1970.
    """

    timestamp_field: str = ""
    created_timestamp_column: str = ""
    unique: tuple[str, ...] = ()
    delay: Duration = Duration(0)
    visibility: Visibility = "event"
    timezone: str = ""
    timestamp_unit: Literal["", "seconds", "milliseconds", "microseconds"] = ""
    valid_to: str = ""
    """SCD2 sources: the column that says until when a row holds (``timestamp_field`` says since when)."""


class Location(Value, frozen=True, kw_only=True):
    """Where rows are read from: exactly one of the three is written."""

    path: str = ""
    table: str = ""
    query: str = ""


class Stream(Value, frozen=True, kw_only=True):
    """A stream's connection: kafka {bootstrap_servers, topic, format} or kinesis {stream, region, format}."""

    bootstrap_servers: str = ""
    topic: str = ""
    stream: str = ""
    region: str = ""
    format: str = "json"
    watermark_delay: Duration = Duration(0)


class DataSource(Definition, frozen=True, kw_only=True, tag="DataSource"):
    """Rows from outside. A batch source has a location; request and push sources only have columns."""

    type: Literal["batch", "kafka", "kinesis", "push", "request"] = "batch"
    location: Location = Location()
    targets: tuple[tuple[str, Location], ...] = ()
    """Another location for a target, by the target's name."""
    columns: tuple[Column, ...] = ()
    timing: Timing = Timing()
    field_mapping: tuple[tuple[str, str], ...] = ()
    """(column as stored, name as used by views). ``columns`` declares the stored names."""
    date_partition_column: str = ""
    stream: Stream = Stream()
    batch_source: str = ""
    """Kafka, kinesis and push: the batch source that keeps their history."""

    def location_in(self, target: str) -> Location:
        """Where the rows are for ``target``."""
        return dict(self.targets).get(target, self.location)


class Window(Value, frozen=True, kw_only=True):
    """``[t - offset - length, t - offset)``; no length is the lifetime of the source."""

    length: Duration | None = None
    offset: Duration = Duration(0)
    name: str = ""
    """The feature's whole name; by default the aggregation's name, ``_`` and the window."""

    @property
    def suffix(self) -> str:
        head = "lifetime" if self.length is None else str(self.length)
        return f"{head}_offset_{self.offset}" if self.offset.microseconds else head


class Aggregation(Value, frozen=True, kw_only=True):
    """One function of one column over several windows; one feature for each window."""

    function: str
    column: str = ""
    """Empty only for ``count``: count rows."""
    windows: tuple[Window, ...]
    name: str = ""
    where: str = ""
    by: str = ""
    bounds: Bounds = "[)"
    n: int = 0
    percentiles: tuple[float, ...] = ()
    order: Literal["asc", "desc"] = "asc"
    include_nulls: bool = False
    description: str = ""
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def base_name(self) -> str:
        return self.name or (f"{self.column}_{self.function}" if self.column else self.function)

    def feature_name(self, window: Window) -> str:
        return window.name or f"{self.base_name}_{window.suffix}"


class FeatureView(Definition, frozen=True, kw_only=True, tag="FeatureView"):
    """Features keyed by entities: latest values (``schema``) and windowed ``aggregations``.

    Rows come from ``source`` (a DataSource or another view) or from ``query`` (SQL over sources and
    views, which then needs a ``timing`` of its own). ``ttl`` is the greatest age a latest value may
    have when read; None means any age. ``max_age`` is how long ago a value may have been computed when it is served
    online; None is the length of the shortest window.
    """

    entities: tuple[str, ...] = ()
    source: str = ""
    query: str = ""
    timing: Timing = Timing()
    schema: tuple[Column, ...] = ()
    ttl: Duration | None = None
    max_age: Duration | None = None
    online: bool = True
    aggregations: tuple[Aggregation, ...] = ()


class StreamFeatureView(FeatureView, frozen=True, kw_only=True, tag="StreamFeatureView"):
    """A feature view that a stream keeps fresh; offline it reads the stream's batch source."""

    stream: str = ""


class Expression(Value, frozen=True, kw_only=True):
    """One on-demand feature: a SQL expression over the view's inputs, in the repo's dialect."""

    name: str
    type: Type
    expression: str
    description: str = ""
    tags: tuple[tuple[str, str], ...] = ()


class OnDemandFeatureView(Definition, frozen=True, kw_only=True, tag="OnDemandFeatureView"):
    """Features computed when they are asked for, from other views' features and request fields."""

    sources: tuple[str, ...]
    features: tuple[Expression, ...]


class FeatureRef(Value, frozen=True, kw_only=True):
    """One feature of a view and the name it goes by in the service ("" keeps its own)."""

    name: str
    alias: str = ""


class ServiceItem(Value, frozen=True, kw_only=True):
    """A view in a service: all its features (no ``features``) or some, under another name or keys.

    ``join_key_map`` maps a join key to the spine's column, so that one entity plays two roles.
    """

    view: str
    features: tuple[FeatureRef, ...] = ()
    alias: str = ""
    join_key_map: tuple[tuple[str, str], ...] = ()


class FeatureService(Definition, frozen=True, kw_only=True, tag="FeatureService"):
    """The features that one model reads."""

    features: tuple[ServiceItem, ...]
    full_feature_names: bool = False


class Spine(Value, frozen=True, kw_only=True):
    """The rows to be enriched: exactly one of source, table, path, query. ``columns`` types the last three."""

    source: str = ""
    table: str = ""
    path: str = ""
    query: str = ""
    columns: tuple[Column, ...] = ()


class SavedDataset(Definition, frozen=True, kw_only=True, tag="SavedDataset"):
    """A named training set: a spine with its labels, and the service whose features it gets."""

    spine: Spine
    timestamp_field: str = "event_timestamp"
    labels: tuple[str, ...] = ()
    service: str


class FeatureTest(Definition, frozen=True, kw_only=True, tag="FeatureTest"):
    """Given rows of sources, a spine, and the rows a view or service must then yield."""

    view: str = ""
    service: str = ""
    given: tuple[tuple[str, tuple[Mapping[str, Json], ...]], ...] = ()
    spine: tuple[Mapping[str, Json], ...] = ()
    expect: tuple[Mapping[str, Json], ...] = ()


AnyDefinition = (
    Entity
    | DataSource
    | FeatureView
    | StreamFeatureView
    | OnDemandFeatureView
    | FeatureService
    | SavedDataset
    | FeatureTest
)

SLUGS = {
    "Entity": "entity",
    "DataSource": "data_source",
    "FeatureView": "feature_view",
    "StreamFeatureView": "stream_feature_view",
    "OnDemandFeatureView": "on_demand_feature_view",
    "FeatureService": "feature_service",
    "SavedDataset": "saved_dataset",
    "FeatureTest": "feature_test",
}
"""Kind -> the first half of an address and the name of its JSON Schema."""

VIEW_KINDS = ("FeatureView", "StreamFeatureView", "OnDemandFeatureView")


class Store(Value, frozen=True, kw_only=True):
    """An offline or online store of a target. Values may hold ``${env:NAME}``, never a secret."""

    type: str
    options: tuple[tuple[str, Json], ...] = ()

    def __hash__(self) -> int:
        # Values may be lists, which have no hash of their own.
        return hash((self.type, tuple(name for name, _ in self.options)))


class Target(Value, frozen=True, kw_only=True):
    """Where one environment lives: its registry and its stores."""

    name: str
    registry: str
    offline: Store
    online: Store | None = None


class Policy(Value, frozen=True, kw_only=True):
    """A house rule and how severe a breach is, in some targets otherwise; ``options`` belong to the rule."""

    rule: str
    severity: Severity
    targets: tuple[tuple[str, Severity], ...] = ()
    options: tuple[tuple[str, Json], ...] = ()

    def severity_in(self, target: str) -> Severity:
        """How severe a breach is in the target of that name."""
        return dict(self.targets).get(target, self.severity)


class Approvals(Value, frozen=True, kw_only=True):
    """Whose approval a plan needs: from which class of change on, and by target (no ``targets`` are all of them).

    ``changed`` asks the owners of what changes, ``reached`` those of what a change reaches; "" asks nobody. ``also``
    holds class -> whom else to ask for changes of that class or worse.
    """

    changed: str = ""
    reached: str = ""
    also: tuple[tuple[str, tuple[str, ...]], ...] = ()
    targets: tuple[str, ...] = ()


class Ownership(Value, frozen=True, kw_only=True):
    """Which objects of a shared registry this repo may change: by name prefix or by tag."""

    prefixes: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()


class Project(Value, frozen=True, kw_only=True):
    """asof.yaml. The first target is the default."""

    version: int
    project: str
    sql_dialect: str = "duckdb"
    targets: tuple[Target, ...]
    policies: tuple[Policy, ...] = ()
    ownership: Ownership = Ownership()
    approvals: Approvals | None = None

    def target(self, name: str) -> Target | None:
        """The target of that name; "" is the default."""
        if not name:
            return self.targets[0]
        return next((t for t in self.targets if t.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repo:
    """A project and its definitions by address, sorted. ``origins`` never takes part in equality."""

    project: Project
    definitions: Mapping[str, AnyDefinition]
    origins: Mapping[str, Origin] = field(default_factory=dict, compare=False, repr=False)
    broken: frozenset[str] = field(default=frozenset(), compare=False, repr=False)
    """Addresses that were written but could not be built: whoever refers to them is not to blame."""
    others: frozenset[str] = field(default=frozenset(), compare=False, repr=False)
    """Addresses of definitions that other repos of the same registry own, here as they are recorded."""
    owners: Owners = field(default=Owners(), repr=False)
    """Who answers for what, by the CODEOWNERS style file of the repo."""
    sql_policies: tuple[SqlPolicy, ...] = field(default=(), repr=False)
    """House rules that the repo writes itself."""

    def entity(self, name: str) -> Entity | None:
        found = self.definitions.get(f"entity/{name}")
        return found if isinstance(found, Entity) else None

    def source(self, name: str) -> DataSource | None:
        found = self.definitions.get(f"data_source/{name}")
        return found if isinstance(found, DataSource) else None

    def view(self, name: str) -> FeatureView | OnDemandFeatureView | None:
        """The view of that name, of any kind: view names are unique across the three kinds."""
        for kind in VIEW_KINDS:
            found = self.definitions.get(f"{SLUGS[kind]}/{name}")
            if isinstance(found, FeatureView | OnDemandFeatureView):
                return found
        return None

    def service(self, name: str) -> FeatureService | None:
        found = self.definitions.get(f"feature_service/{name}")
        return found if isinstance(found, FeatureService) else None

    def dataset(self, name: str) -> SavedDataset | None:
        found = self.definitions.get(f"saved_dataset/{name}")
        return found if isinstance(found, SavedDataset) else None
