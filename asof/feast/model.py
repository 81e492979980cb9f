"""What a Feast project says, as values: its objects in Feast's own words, whatever they were read from.

Names, tags and text are as written. Times are microseconds. An empty text means that nothing was said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Tags = tuple[tuple[str, str], ...]
Pairs = tuple[tuple[str, str], ...]

ViewKind = Literal["feature view", "stream feature view", "label view"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """What every object of Feast has."""

    name: str
    description: str = ""
    owner: str = ""
    tags: Tags = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Field(Common):
    """A feature, a join key or a value of a request; ``value_type`` is the name of a Feast ValueType."""

    value_type: str
    vector_length: int = 0
    """Of a field with a vector index; 0 for all others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity(Common):
    """An entity has one join key. ``value_type`` is INVALID where the definition leaves it out."""

    join_key: str
    value_type: str = "INVALID"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where rows are: a path, a table or a query. ``engine`` is the kind of source that knows it."""

    engine: str = ""
    path: str = ""
    table: str = ""
    query: str = ""
    delta: bool = False
    endpoint: str = ""
    partition_format: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source(Common):
    """A data source: batch, kafka, kinesis, push or request."""

    kind: Literal["batch", "kafka", "kinesis", "push", "request"] = "batch"
    class_name: str = ""
    place: Place = Place()
    timestamp_field: str = ""
    created_timestamp_column: str = ""
    timestamp_is_date: bool = False
    date_partition_column: str = ""
    field_mapping: Pairs = ()
    """(stored column, name in views)."""
    batch: Source | None = None
    columns: tuple[Field, ...] = ()
    """Of a request source."""
    bootstrap_servers: str = ""
    topic: str = ""
    stream: str = ""
    region: str = ""
    message_format: str = "json"
    watermark_delay: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """Python, or a plan in Substrait, that computes something: ``text`` is its source, where Feast kept it."""

    mode: str = ""
    text: str = ""
    substrait: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregation:
    """``window`` 0 is all of history; ``slide`` is how often Feast computes it anew."""

    column: str
    function: str
    window: int = 0
    slide: int = 0
    name: str = ""

    @property
    def feature_name(self) -> str:
        """What Feast calls the feature."""
        base = f"{self.function}_{self.column}"
        return self.name or (f"{base}_{self.window // 1_000_000}s" if self.window else base)


@dataclass(frozen=True, slots=True, kw_only=True)
class View(Common):
    """A feature view, batch feature view or stream feature view. ``ttl`` 0 is any age."""

    kind: ViewKind = "feature view"
    entities: tuple[str, ...] = ()
    keys: tuple[Field, ...] = ()
    """The entities' columns with the types that Feast found for them."""
    features: tuple[Field, ...] = ()
    ttl: int = 0
    online: bool = True
    batch: Source | None = None
    stream: Source | None = None
    reads: tuple[str, ...] = ()
    """Views that it is derived from."""
    aggregations: tuple[Aggregation, ...] = ()
    code: Code | None = None
    disabled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """A view as a service or an on-demand view uses it: ``features`` by name, perhaps under other names."""

    view: str
    features: tuple[str, ...] = ()
    alias: str = ""
    join_key_map: Pairs = ()
    version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OnDemandView(Common):
    """Features that Python computes from other features and from what comes with a request."""

    features: tuple[Field, ...] = ()
    views: tuple[Projection, ...] = ()
    requests: tuple[Source, ...] = ()
    code: Code = Code()
    written_online: bool = False
    disabled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Service(Common):
    """A feature service."""

    items: tuple[Projection, ...] = ()
    logged: bool = False
    precomputed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset(Common):
    """A saved dataset: the stored result of a retrieval."""

    join_keys: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    service: str = ""
    place: Place = Place()


@dataclass(frozen=True, slots=True, kw_only=True)
class Project(Common):
    """All that one project holds, by name: a registry's order is another one after each apply."""

    entities: tuple[Entity, ...] = ()
    sources: tuple[Source, ...] = ()
    views: tuple[View, ...] = ()
    on_demand: tuple[OnDemandView, ...] = ()
    services: tuple[Service, ...] = ()
    datasets: tuple[Dataset, ...] = ()
    labels: tuple[View, ...] = ()
    """Label views: what people said about entities, and when."""
    left: tuple[tuple[str, str], ...] = ()
    """(kind, name) of objects that asof has no counterpart for: validation references, permissions."""
    unread: tuple[tuple[str, str], ...] = ()
    """(file:line, what) of Python that could not be read without running it."""
