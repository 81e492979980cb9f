"""Materialization: what the offline query says as of an instant, streamed into the online store.

Every row carries its event and created time and never replaces a newer one, so a run may be cut off and
repeated, two runs may overlap, and a run for an earlier instant changes nothing that a later one wrote.

Stamps are bounded by the registry's time: a machine whose clock is ahead of it loads nothing (AS783). Rows and
watermarks that are in the future nevertheless do not count as newer, so the next run replaces them.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING

import msgspec

from asof.compiler import shape
from asof.compiler.diagnostics import DiagnosticError, rule
from asof.compiler.instants import utc
from asof.compiler.materialize import CREATED, EVENT, HELD, materialize_query
from asof.compiler.model import Column, FeatureView
from asof.compiler.source import NOWHERE
from asof.compiler.types import TIMESTAMP, parse_type
from asof.online.rows import Kept, KeyCodec, RowCodec
from asof.ops.online import not_online
from asof.ops.online_values import microseconds, to_wire
from asof.ops.selection import bad_request
from asof.registry.base import Conflict, Missing
from asof.registry.clock import time_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from asof.compiler.model import Repo
    from asof.engines.base import Engine
    from asof.online.base import OnlineStore, OnlineTable
    from asof.registry.base import Blobs

    Progress = Callable[[str, int], None]
    """Called with a view and the rows written of it so far."""

BAD_WATERMARK = rule("AS768", "watermark cannot be read")

TOLERANCE = timedelta(minutes=2)
"""How far clocks of machines may differ: what is further in the future was written under a wrong clock."""


WATERMARKS = "runs/watermarks/"


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What was loaded of one view: the values as of ``as_of`` in ``table``. Times are ISO 8601, UTC.

    ``rows`` were stored; as many as ``newer`` were not, since the table has newer ones. ``removed`` rows were
    deleted by a full run. ``seconds`` is how long query and writing took, 0 if an older asof wrote the record.
    """

    view: str
    table: str
    as_of: str
    rows: int
    newer: int = 0
    removed: int = 0
    seconds: float = 0.0
    finished: str


def materialize(
    repo: Repo,
    views: Sequence[str] = (),
    *,
    as_of: datetime,
    target: str = "",
    engine: Engine,
    store: OnlineStore,
    tables: Mapping[str, OnlineTable],
    blobs: Blobs,
    clock: Callable[[], datetime],
    full: bool = False,
    progress: Progress | None = None,
) -> tuple[Run, ...]:
    """Load views (all that have a table, unless named) with their values as of ``as_of``; return what was done.

    A naive ``as_of`` is UTC. ``full`` resets each table: it holds exactly the rows of the query afterwards, whatever
    is in it. Memory holds a batch at a time. Each view that is done is recorded under ``runs/watermarks/`` of the
    registry. Raises DiagnosticError: AS760 for an unknown view or a future ``as_of``, AS764 for a view without a
    table, AS783 if the clock is ahead of the registry's, AS50x where no query can be compiled, AS724 and AS743 from
    the stores; the views done before stay done.
    """
    chosen = chosen_views(repo, views, tables, as_of=as_of, clock=clock)
    if not chosen:
        return ()
    latest = time_of(blobs, clock) + TOLERANCE
    runs = []
    for view in chosen:
        table, began = tables[view.name], monotonic()
        given = _given(repo, view, table, as_of, target, engine, progress)
        if full:
            removed = store.reset(table.name, given)
            stored = given.count
        else:
            removed = 0
            stored = store.write(table.name, given, until=microseconds(latest))
        run = Run(
            view=view.name,
            table=table.name,
            as_of=utc(as_of).isoformat(),
            rows=stored,
            newer=given.count - stored,
            removed=removed,
            seconds=round(monotonic() - began, 3),
            finished=utc(clock()).isoformat(),
        )
        _record(blobs, run, latest=latest, back=full)
        runs.append(run)
    return tuple(runs)


def chosen_views(
    repo: Repo,
    views: Sequence[str],
    tables: Mapping[str, OnlineTable],
    *,
    as_of: datetime,
    clock: Callable[[], datetime],
) -> list[FeatureView]:
    """The views to load, checked without a store. Raises DiagnosticError: AS760, AS764."""
    if microseconds(as_of) > microseconds(clock()):
        raise bad_request("as_of lies in the future: what it would serve is not known yet")
    return [_view(repo, name, tables) for name in views or sorted(tables)]


def watermark(blobs: Blobs, view: str) -> Run | None:
    """The latest instant that a view was loaded for, if it ever was. Raises DiagnosticError AS768 if damaged."""
    standing = blobs.get(_key(view))
    if standing is None:
        return None
    try:
        return _decoded(standing[0])[0]
    except ValueError as error:
        note = f"asof materialize --views {view} writes it again"
        raise DiagnosticError(BAD_WATERMARK.at(NOWHERE, f"{_key(view)}: {error}", notes=(note,))) from error


def _view(repo: Repo, name: str, tables: Mapping[str, OnlineTable]) -> FeatureView:
    view = repo.view(name)
    if not isinstance(view, FeatureView):
        what = "is computed when it is asked for" if view is not None else "does not exist"
        raise bad_request(f"view {name!r} {what}: there is nothing to materialize")
    if name not in tables:
        raise DiagnosticError(not_online(view))
    return view


def _given(
    repo: Repo,
    view: FeatureView,
    table: OnlineTable,
    as_of: datetime,
    target: str,
    engine: Engine,
    progress: Progress | None,
) -> _Given:
    """The query's rows as keys and rows of the table; it runs as they are asked for."""
    compiled = materialize_query(repo, view, target=target, dialect=engine.dialect, as_of=as_of)
    if compiled.query is None:
        raise DiagnosticError(*compiled.diagnostics)
    engine.execute(compiled.query.prologue)
    columns = _columns(repo, view)
    if [column.name for column in columns] != [column.name for column in compiled.query.columns]:
        raise AssertionError(f"the query of {view.name} has other columns than its table")
    encoder = _Encoder(view, columns, table, as_of)
    return _Given(view.name, engine.query(compiled.query.sql, columns), encoder, progress)


class _Given:
    """Keys and rows for a table, to be read once; ``count`` is how many were read so far."""

    def __init__(
        self, view: str, batches: Iterable[pa.RecordBatch], encoder: _Encoder, progress: Progress | None
    ) -> None:
        self.count = 0
        self._view = view
        self._batches = batches
        self._encoder = encoder
        self._progress = progress

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        for batch in self._batches:
            yield from self._encoder.rows(batch)
            self.count += batch.num_rows
            if self._progress is not None:
                self._progress(self._view, self.count)


def _columns(repo: Repo, view: FeatureView) -> tuple[Column, ...]:
    """What the materialization query yields: join keys, the times, the features."""
    types = shape.feature_types(repo, view)
    held = HELD if shape.timing_of(repo, view).valid_to else ()
    times = tuple(Column(name=name, type=TIMESTAMP) for name in (EVENT, CREATED, *held))
    features = tuple(Column(name=name, type=types[name]) for name in shape.features(view))
    return (*shape.join_keys(repo, view), *times, *features)


class _Encoder:
    """Batches of the query as keys and rows of the table."""

    def __init__(self, view: FeatureView, columns: Sequence[Column], table: OnlineTable, as_of: datetime) -> None:
        count = len(table.keys)
        self._columns = columns
        self._count = count
        times = len(columns) - count - len(shape.features(view))
        self._ends = times > 2
        places = {column.name: place for place, column in enumerate(columns[count + times :], start=count + times)}
        # A feature that the view has dropped stays in the table's layout, empty.
        self._places = [places.get(feature.name) for feature in table.features]
        self._keys = KeyCodec([parse_type(key.type) for key in table.keys])
        self._rows = RowCodec([parse_type(feature.type) for feature in table.features])
        # Windows move on and versions end while no event happens: of two rows with the same events, the later
        # instant's is the newer.
        self._computed = microseconds(as_of)
        self._made = self._computed if view.aggregations or self._ends else None

    def rows(self, batch: pa.RecordBatch) -> Iterator[tuple[bytes, bytes]]:
        """One (key, row) for each row of the batch."""
        wire = [to_wire(values, made.type) for values, made in zip(batch.columns, self._columns, strict=True)]
        nothing: list[object] = [None] * batch.num_rows
        keys = zip(*wire[: self._count], strict=True) if self._count else [()] * batch.num_rows
        features = [wire[place] if place is not None else nothing for place in self._places]
        values = zip(*features, strict=True) if features else [()] * batch.num_rows
        held = wire[self._count + 2 : self._count + 4] if self._ends else [nothing, nothing]
        times = zip(wire[self._count], wire[self._count + 1], *held, strict=True)
        for key, (event, created, since, until), row in zip(keys, times, values, strict=True):
            made = created if self._made is None else self._made
            if isinstance(event, int) and isinstance(made, int | None):
                kept = Kept(computed=self._computed, since=_instant(since), until=_instant(until))
                yield self._keys.encode(key), self._rows.encode(event, made, row, kept)


def _instant(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _record(blobs: Blobs, run: Run, *, latest: datetime, back: bool) -> None:
    """Write the view's watermark. It moves back within one table only where it is later than ``latest``, or ``back``.

    A standing one that cannot be read is replaced.
    """
    while True:
        standing = blobs.get(_key(run.view))
        if standing is not None and not back and _stays(standing[0], run, latest):
            return
        try:
            blobs.put(_key(run.view), msgspec.json.encode(run), replaces=standing[1] if standing is not None else None)
        except (Conflict, Missing):
            continue
        return


def _stays(body: bytes, run: Run, latest: datetime) -> bool:
    """Whether the standing watermark is of the same table, later than ``run``, and not in the future."""
    try:
        standing, instant = _decoded(body)
    except ValueError:
        return False
    return standing.table == run.table and datetime.fromisoformat(run.as_of) < instant <= latest


def _decoded(body: bytes) -> tuple[Run, datetime]:
    """A watermark and its instant. Raises ValueError for bytes that are none."""
    try:
        run = msgspec.json.decode(body, type=Run)
        return run, utc(datetime.fromisoformat(run.as_of))
    except (msgspec.MsgspecError, OverflowError, RecursionError) as error:
        raise ValueError(str(error)) from error


def _key(view: str) -> str:
    return f"{WATERMARKS}{view}.json"
