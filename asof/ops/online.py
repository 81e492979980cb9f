"""Online reads: the features of entities as of now, in one round trip, with the meaning they have offline."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import pyarrow as pa

from asof.compiler import shape
from asof.compiler.diagnostics import DiagnosticError, rule
from asof.compiler.infrastructure import ONLINE_TABLE
from asof.compiler.pit.resolve import Computed, Input, groups, needed, outputs
from asof.compiler.source import NOWHERE
from asof.compiler.types import parse_type
from asof.engines.arrow import arrow_type
from asof.engines.json_values import from_json
from asof.online.base import BAD_ROW, OnlineTable
from asof.online.rows import KeyCodec, Row, RowCodec
from asof.ops.on_demand import OnDemand
from asof.ops.online_values import from_wire, key_value, microseconds
from asof.ops.selection import bad_request, request_fields

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from asof.compiler.diagnostics import Diagnostic
    from asof.compiler.model import FeatureView, Repo
    from asof.compiler.pit.resolve import Group, Output
    from asof.compiler.state import State
    from asof.compiler.types import Type
    from asof.online.base import OnlineStore
    from asof.ops.selection import Selection

NOT_ONLINE = rule("AS764", "view is not served online")
_COUNTS = ("count", "count_distinct", "approx_count_distinct")


class Status(StrEnum):
    """Why a value is what it is, in Feast's words."""

    PRESENT = "PRESENT"
    NULL_VALUE = "NULL_VALUE"
    NOT_FOUND = "NOT_FOUND"
    OUTSIDE_MAX_AGE = "OUTSIDE_MAX_AGE"


@dataclass(frozen=True, slots=True, kw_only=True)
class OnlineFeature:
    """One feature for all the entities asked about, in their order.

    ``event_times`` are microseconds since 1970, None where no row was found or the feature was computed.
    ``computed_at`` are the instants that the values were computed for; of a feature on demand it is the earliest of
    those that it was computed from.
    """

    name: str
    values: pa.Array
    statuses: tuple[Status, ...]
    event_times: tuple[int | None, ...]
    computed_at: tuple[int | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """For each entity the row, if there is one, and whether its key was whole."""

    rows: tuple[Row | None, ...]
    askable: tuple[bool, ...]


def tables_of(state: State) -> Mapping[str, OnlineTable]:
    """The online tables of a generation, by view."""
    made = (
        OnlineTable.of(r, project=state.project, lineage=state.lineage)
        for r in state.resources
        if r.kind == ONLINE_TABLE
    )
    return {table.view: table for table in made}


class OnlineReader:
    """A selection, ready to be asked for. Not shared between threads.

    Raises DiagnosticError when made: AS506 for features that do not exist, AS764 for views without a table.
    """

    def __init__(
        self, repo: Repo, selection: Selection, *, store: OnlineStore, tables: Mapping[str, OnlineTable]
    ) -> None:
        self._store = store
        self._outputs = outputs(repo, selection.request())
        inputs = tuple(dict.fromkeys(one for output in self._outputs for one in needed(repo, output.value)))
        found = groups(repo, selection.request(), inputs)
        missing = [group.view for group in found if group.view.name not in tables]
        if missing:
            raise DiagnosticError(*(not_online(view) for view in missing))
        self._groups = tuple(_Served(repo, group, tables[group.view.name]) for group in found)
        self._computed = tuple(output for output in self._outputs if isinstance(output.value, Computed))
        self._inputs = tuple(dict.fromkeys(one for output in self._computed for one in needed(repo, output.value)))
        self._on_demand = OnDemand(repo, self._computed, self._inputs) if self._computed else None
        self._request: dict[str, Type] = {}
        for output in self._computed:
            if isinstance(output.value, Computed):
                self._request |= dict(request_fields(repo, output.value.view))

    def get(self, entities: Sequence[Mapping[str, object]], *, now: datetime) -> tuple[OnlineFeature, ...]:
        """The features of each entity as of ``now``, in the order of the selection, in one round trip.

        An entity maps join keys and request fields to values (JSON or Python ones). A NULL key finds nothing.
        Raises DiagnosticError: AS760 for keys that are missing or of the wrong type, AS74x from the store.
        """
        at = microseconds(now)
        keys = [group.keys(entities) for group in self._groups]
        asked = [
            (group.table.name, [k for k in own if k is not None]) for group, own in zip(self._groups, keys, strict=True)
        ]
        answers = self._store.read(asked)
        found = {
            group.group.identity: (group, group.found(own, rows, at))
            for group, own, rows in zip(self._groups, keys, answers, strict=True)
        }
        stored = {
            one: found[one.group][0].feature(one.feature, found[one.group][1], at)
            for one in dict.fromkeys([*self._inputs, *(o.value for o in self._outputs if isinstance(o.value, Input))])
        }
        computed = self._compute(entities, stored, at)
        return tuple(
            computed[output.column.name]
            if isinstance(output.value, Computed)
            else _renamed(stored[output.value], output)
            for output in self._outputs
        )

    def close(self) -> None:
        """Free what on-demand features hold; the store stays open."""
        if self._on_demand is not None:
            self._on_demand.close()

    def _compute(
        self, entities: Sequence[Mapping[str, object]], stored: Mapping[Input, OnlineFeature], now: int
    ) -> Mapping[str, OnlineFeature]:
        if self._on_demand is None:
            return {}
        request = {
            name: pa.array([_given(entity, name, made) for entity in entities], arrow_type(made))
            for name, made in self._request.items()
        }
        stamps = zip(*(stored[one].computed_at for one in self._inputs), strict=True)
        computed_at = tuple(map(_earliest, stamps)) if self._inputs else (now,) * len(entities)
        columns = self._on_demand.compute([stored[one].values for one in self._inputs], request, len(entities))
        return {
            output.column.name: OnlineFeature(
                name=output.column.name,
                values=column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column,
                statuses=tuple(
                    Status.PRESENT if valid else Status.NULL_VALUE for valid in column.is_valid().to_pylist()
                ),
                event_times=(None,) * len(entities),
                computed_at=computed_at,
            )
            for output, column in zip(self._computed, columns, strict=True)
        }


class _Served:
    """A group of features and the table that holds them."""

    def __init__(self, repo: Repo, group: Group, table: OnlineTable) -> None:
        self.group = group
        self.table = table
        self._keys = tuple(parse_type(key.type) for key in table.keys)
        self._key_codec = KeyCodec(self._keys)
        self._rows = RowCodec([parse_type(feature.type) for feature in table.features])
        self._places = {feature.name: place for place, feature in enumerate(table.features)}
        self._types = shape.feature_types(repo, group.view)
        self._windows = shape.windows(group.view)
        timing = shape.timing_of(repo, group.view)
        self._delay = timing.delay.microseconds
        self._wait_for_created = timing.visibility == "created"
        self._ttl = group.view.ttl.microseconds if group.view.ttl is not None else None
        self._max_age = shape.max_age(group.view)

    def keys(self, entities: Sequence[Mapping[str, object]]) -> list[bytes | None]:
        """The key of each entity; None where a part of it is NULL."""
        columns = [column for _, column in self.group.keys]
        made: list[bytes | None] = []
        for entity in entities:
            values = [_given(entity, column, kind) for column, kind in zip(columns, self._keys, strict=True)]
            whole = all(value is not None for value in values)
            made.append(self._key_codec.encode([key_value(value) for value in values]) if whole else None)
        return made

    def found(self, keys: Sequence[bytes | None], rows: Mapping[bytes, bytes], now: int) -> _Found:
        """The rows visible at ``now``, one for each key."""
        try:
            decoded = {key: self._rows.decode(row) for key, row in rows.items()}
        except ValueError as error:
            raise DiagnosticError(BAD_ROW.at(NOWHERE, f"table {self.table.name!r}: {error}")) from error
        visible = tuple(self._visible(decoded.get(key) if key is not None else None, now) for key in keys)
        return _Found(rows=visible, askable=tuple(key is not None for key in keys))

    def feature(self, name: str, found: _Found, now: int) -> OnlineFeature:
        """One feature of the rows found; what is too old, as ``_outdated`` has it, is not served."""
        windowed = name in self._windows
        place = self._places.get(name)
        nothing = (
            0 if windowed and self._windows[name][0].function in _COUNTS and not self._windows[name][0].by else None
        )
        values: list[object] = []
        statuses: list[Status] = []
        for row, askable in zip(found.rows, found.askable, strict=True):
            if row is None:
                values.append(nothing if askable else None)
                statuses.append(Status.NOT_FOUND)
            elif self._outdated(row, now, windowed=windowed):
                values.append(None)
                statuses.append(Status.OUTSIDE_MAX_AGE)
            else:
                value = row.values[place] if place is not None else None
                values.append(value)
                statuses.append(_status(value is not None))
        return OnlineFeature(
            name=name,
            values=from_wire(values, self._types[name]),
            statuses=tuple(statuses),
            event_times=tuple(None if row is None else row.event for row in found.rows),
            computed_at=tuple(None if row is None else self._computed_at(row) for row in found.rows),
        )

    def _outdated(self, row: Row, now: int, *, windowed: bool) -> bool:
        """Whether a value is past its ttl, its version has ended, or it was computed longer ago than ``max_age``.

        A latest value's age is that of the version that holds, where the row knows it: its stamp is the last change.
        """
        computed = self._computed_at(row)
        if self._max_age is not None and computed is not None and now - computed > self._max_age:
            return True
        if windowed:
            return False
        if row.kept.until is not None and now >= row.kept.until:
            return True
        since = row.event if row.kept.since is None else row.kept.since
        return self._ttl is not None and now - since > self._ttl

    def _computed_at(self, row: Row) -> int | None:
        """Rows of format 1 say it only where windows, which move on, made it their second stamp."""
        return row.created if row.kept.computed is None and self._windows else row.kept.computed

    def _visible(self, row: Row | None, now: int) -> Row | None:
        if row is None or row.event + self._delay > now:
            return None
        return None if self._wait_for_created and (row.created is None or row.created > now) else row


def _earliest(times: Sequence[int | None]) -> int | None:
    return min((time for time in times if time is not None), default=None)


def _status(present: bool) -> Status:
    return Status.PRESENT if present else Status.NULL_VALUE


def _given(entity: Mapping[str, object], name: str, kind: Type) -> object:
    if name not in entity:
        raise bad_request(f"an entity has no {name!r} ({kind}); it has {', '.join(entity) or 'nothing'}")
    try:
        return from_json(entity[name], kind)
    except ValueError as error:
        raise bad_request(f"{name!r}: {error}") from None


def _renamed(feature: OnlineFeature, output: Output) -> OnlineFeature:
    return OnlineFeature(
        name=output.column.name,
        values=feature.values,
        statuses=feature.statuses,
        event_times=feature.event_times,
        computed_at=feature.computed_at,
    )


def not_online(view: FeatureView) -> Diagnostic:
    """The refusal to serve or fill what has no table."""
    why = "online is false" if not view.online else "it has not been applied to a target with an online store"
    return NOT_ONLINE.at(NOWHERE, f"view {view.name!r} is not served online: {why}", address=view.address)


def online_get(
    repo: Repo,
    selection: Selection,
    entities: Sequence[Mapping[str, object]],
    *,
    store: OnlineStore,
    tables: Mapping[str, OnlineTable],
    now: datetime,
) -> tuple[OnlineFeature, ...]:
    """Ask once: see ``OnlineReader``, which answers again and again at less cost."""
    reader = OnlineReader(repo, selection, store=store, tables=tables)
    try:
        return reader.get(entities, now=now)
    finally:
        reader.close()
