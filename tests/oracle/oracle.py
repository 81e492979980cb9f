"""What a feature value is, in plain Python: a loop over rows, no SQL, no data frames.

This is section 3 of the design, to be checked by reading it. Everything that yields a feature value is compared with
it. SQL that users write (``where``, ``query``, on-demand expressions) is opaque here: ``World.meaning`` gives each
text's meaning as a Python function.

All times are whole microseconds since 1970. There is one order of rows, used for "latest", "first" and "last" alike:
event time, then created time, then the ``unique`` columns, then the values themselves; NULL is the smallest of all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from asof.compiler.model import (
    Aggregation,
    DataSource,
    FeatureView,
    OnDemandFeatureView,
    Repo,
    ServiceItem,
    Timing,
    Window,
)
from tests.oracle.functions import FUNCTIONS, text

Row = Mapping[str, object]
COUNTS = ("count", "count_distinct")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class World:
    """A repo, the rows of its data sources as stored, and what each SQL text in it means."""

    repo: Repo
    tables: Mapping[str, Sequence[Row]]
    meaning: Mapping[str, Callable[..., Any]]


@dataclass(frozen=True)
class Event:
    """One row of a source, with its times read."""

    row: Row
    event: int
    created: int | None
    unique: tuple[object, ...]
    ends: int | None = None


# --- the spine: one output row per input row, in order ---------------------------------------------------------------


def training_rows(
    world: World,
    items: Iterable[ServiceItem],
    spine: Sequence[Row],
    timestamp: str,
    *,
    full_feature_names: bool = False,
) -> list[dict[str, object]]:
    """The spine's rows, each with its features under their output names."""
    output = []
    for given in spine:
        row = dict(given)
        for item in items:
            values = view_features(world, item.view, given, instant(given[timestamp], "", ""), dict(item.join_key_map))
            chosen = {ref.name: ref.alias or ref.name for ref in item.features} or {name: name for name in values}
            prefix = f"{item.alias or item.view}__" if full_feature_names else ""
            row |= {prefix + shown: values[name] for name, shown in chosen.items()}
        output.append(row)
    return output


def view_features(world: World, name: str, given: Row, t: int | None, keys: Mapping[str, str]) -> dict[str, object]:
    """All features of one view for one spine row, in declared order. ``keys``: join key -> spine column."""
    view = world.repo.view(name)
    if isinstance(view, OnDemandFeatureView):
        inputs: dict[str, object] = {}
        for source in view.sources:
            request = world.repo.source(source)
            if request is not None:
                inputs |= {column.name: given[column.name] for column in request.columns}
            else:
                inputs |= view_features(world, source, given, t, keys)
        return {feature.name: world.meaning[feature.expression](inputs) for feature in view.features}

    assert view is not None
    wanted = {key: given[keys.get(key, key)] for key in join_keys(world.repo, view)}
    if t is None or None in wanted.values():
        names = [c.name for c in view.schema] + [a.feature_name(w) for a in view.aggregations for w in a.windows]
        return dict.fromkeys(names)
    timing = timing_of(world.repo, view)
    events = [e for e in view_events(world, view) if all(e.row[key] == value for key, value in wanted.items())]
    known = [e for e in events if visible(e, timing, t)]
    return latest(view, known, t) | {
        aggregation.feature_name(window): aggregate(world, aggregation, window, known, t)
        for aggregation in view.aggregations
        for window in aggregation.windows
    }


def join_keys(repo: Repo, view: FeatureView) -> list[str]:
    """The names of the view's keys, in order."""
    entities = [repo.entity(name) for name in view.entities]
    return [key.name for entity in entities if entity is not None for key in entity.join_keys]


# --- what was known at t, and the latest of it -----------------------------------------------------------------------


def visible(e: Event, timing: Timing, t: int) -> bool:
    """Whether the row may be seen at ``t``."""
    happened = e.event <= t - timing.delay.microseconds
    if timing.visibility == "created":
        return happened and e.created is not None and e.created <= t
    return happened


def latest(view: FeatureView, known: Sequence[Event], t: int) -> dict[str, object]:
    """The values of the greatest row that is not older than the ttl."""
    names = [column.name for column in view.schema]
    fresh = [e for e in known if view.ttl is None or t - e.event <= view.ttl.microseconds]
    fresh = [e for e in fresh if e.ends is None or t < e.ends]
    if not fresh:
        return dict.fromkeys(names)
    last = max(fresh, key=lambda e: order(e, *(e.row[name] for name in names)))
    return {name: last.row[name] for name in names}


def order(e: Event, *values: object) -> list[tuple[bool, object]]:
    """The one order of rows."""
    return [(value is not None, value) for value in (e.event, e.created, *e.unique, *values)]


# --- windows ---------------------------------------------------------------------------------------------------------


def inside(event: int, t: int, window: Window, bounds: str) -> bool:
    """Whether the event lies in ``[t - offset - length, t - offset)``, or ``(...]``."""
    end = t - window.offset.microseconds
    start = -math.inf if window.length is None else end - window.length.microseconds
    return start < event <= end if bounds == "(]" else start <= event < end


def aggregate(world: World, a: Aggregation, window: Window, known: Sequence[Event], t: int) -> object:
    """One aggregation over one window of what was known at ``t``."""
    rows = [e for e in known if inside(e.event, t, window, a.bounds)]
    if a.where:
        rows = [e for e in rows if world.meaning[a.where](e.row) is True]
    if a.by:
        return by_key(a, rows)
    return value_of(a, rows)


def by_key(a: Aggregation, rows: Sequence[Event]) -> object:
    """An entry for each key that has something to say; NULL keys have none, and a map of nothing is NULL."""
    keys = dict.fromkeys(e.row[a.by] for e in rows if e.row[a.by] is not None)
    entries = {text(key): value_of(a, [e for e in rows if e.row[a.by] == key]) for key in keys}
    said = {k: v for k, v in entries.items() if v is not None and not (v == 0 and a.function in COUNTS)}
    return said or None


def value_of(a: Aggregation, rows: list[Event]) -> object:
    """The value of one aggregation over the rows that take part."""
    if not a.column:
        return len(rows)
    rows.sort(key=lambda e: order(e, e.row[a.column]))
    if not a.include_nulls:
        rows = [e for e in rows if e.row[a.column] is not None]
    values = [e.row[a.column] for e in rows]
    if a.function in COUNTS:
        return len(values if a.function == "count" else set(values))
    return FUNCTIONS[a.function](values, a) if values else None


# --- the rows of a source, a query, or a view that another view reads ------------------------------------------------


def timing_of(repo: Repo, view: FeatureView) -> Timing:
    """The view's own timing if it is a query, else that of what it reads, in the names that views use."""
    upstream = repo.view(view.source)
    if isinstance(upstream, FeatureView):
        return timing_of(repo, upstream)
    source = repo.source(view.source)
    if source is None:
        return view.timing
    names = dict(source.field_mapping)
    return replace(
        source.timing,
        timestamp_field=names.get(source.timing.timestamp_field, source.timing.timestamp_field),
        created_timestamp_column=names.get(
            source.timing.created_timestamp_column, source.timing.created_timestamp_column
        ),
        valid_to=names.get(source.timing.valid_to, source.timing.valid_to),
        unique=tuple(names.get(name, name) for name in source.timing.unique),
    )


def view_events(world: World, view: FeatureView) -> list[Event]:
    """The rows a view reads; those without an event time do not exist."""
    timing, zone = timing_of(world.repo, view), timing_of(world.repo, view).timezone
    events = []
    for row in rows_read(world, view):
        event = instant(row[timing.timestamp_field], zone, timing.timestamp_unit)
        created = instant(row.get(timing.created_timestamp_column), zone, timing.timestamp_unit)
        if event is not None:
            ends = instant(row.get(timing.valid_to), zone, timing.timestamp_unit)
            events.append(Event(row, event, created, tuple(row[name] for name in timing.unique), ends))
    return events


def rows_read(world: World, view: FeatureView) -> list[Row]:
    """The rows behind a view, under the names that views use."""
    if view.query:
        rows: list[Row] = list(world.meaning[view.query](world))
        return rows
    upstream = world.repo.view(view.source)
    if isinstance(upstream, FeatureView):
        return rows_read(world, upstream)
    return source_rows(world, world.repo.source(view.source))


def source_rows(world: World, source: DataSource | None) -> list[Row]:
    """The rows of a data source, stored names replaced by those of ``field_mapping``."""
    assert source is not None
    names = dict(source.field_mapping)
    return [{names.get(name, name): value for name, value in row.items()} for row in world.tables[source.name]]


def instant(value: object, zone: str, unit: str) -> int | None:
    """A time in microseconds since 1970. A date is its midnight; a wall clock that a zone shows twice is the later."""
    match value:
        case None:
            return None
        case int():
            return value * {"seconds": 1_000_000, "milliseconds": 1_000, "microseconds": 1}[unit]
        case datetime(tzinfo=None):
            local = value.replace(tzinfo=ZoneInfo(zone) if zone else UTC)
            return max(instant(local.replace(fold=fold).astimezone(UTC), "", "") or 0 for fold in (0, 1))
        case datetime():
            return (value - EPOCH) // timedelta(microseconds=1)
        case date():
            return instant(datetime.combine(value, time()), zone, unit)
    raise TypeError(f"{value!r} is not a time")
