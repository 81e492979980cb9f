"""Materialization: what the offline query says as of an instant, streamed into the online store.

Every row carries its event and created time and never replaces a newer one, so a run may be cut off and
repeated, two runs may overlap, and a run for an earlier instant changes nothing that a later one wrote.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from asof.compiler import shape
from asof.compiler.diagnostics import DiagnosticError
from asof.compiler.materialize import CREATED, EVENT, HELD, materialize_query
from asof.compiler.model import Column, FeatureView
from asof.compiler.types import TIMESTAMP, parse_type
from asof.online.rows import Kept, KeyCodec, RowCodec
from asof.ops.online import not_online
from asof.ops.online_values import microseconds, to_wire
from asof.ops.selection import bad_request
from asof.registry.base import Conflict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    import pyarrow as pa

    from asof.compiler.model import Repo
    from asof.engines.base import Engine
    from asof.online.base import OnlineStore, OnlineTable
    from asof.registry.base import Blobs

    Progress = Callable[[str, int], None]
    """Called with a view and the rows written of it so far."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What was loaded of one view: the values as of ``as_of`` in ``table``. Times are ISO 8601, UTC.

    ``rows`` were stored; as many as ``newer`` were not, since the table has newer ones.
    """

    view: str
    table: str
    as_of: str
    rows: int
    newer: int = 0
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
    progress: Progress | None = None,
) -> tuple[Run, ...]:
    """Load views (all that have a table, unless named) with their values as of ``as_of``; return what was done.

    Memory holds a batch at a time. Each view that is done is recorded under ``runs/watermarks/`` of the registry.
    Raises DiagnosticError: AS760 for an unknown view, AS764 for one without a table, AS50x where no query can be
    compiled, AS724 and AS743 from the stores; the views done before stay done.
    """
    if microseconds(as_of) > microseconds(clock()):
        raise bad_request("as_of lies in the future: what it would serve is not known yet")
    chosen = [_view(repo, name, tables) for name in views or sorted(tables)]
    runs = []
    for view in chosen:
        table = tables[view.name]
        rows, newer = _load(repo, view, table, as_of, target, engine, store, progress)
        run = Run(
            view=view.name,
            table=table.name,
            as_of=as_of.isoformat(),
            rows=rows,
            newer=newer,
            finished=clock().isoformat(),
        )
        _record(blobs, run)
        runs.append(run)
    return tuple(runs)


def watermark(blobs: Blobs, view: str) -> Run | None:
    """The latest instant that a view was loaded for, if it ever was."""
    found = blobs.get(_key(view))
    return msgspec.json.decode(found[0], type=Run) if found is not None else None


def _view(repo: Repo, name: str, tables: Mapping[str, OnlineTable]) -> FeatureView:
    view = repo.view(name)
    if not isinstance(view, FeatureView):
        what = "is computed when it is asked for" if view is not None else "does not exist"
        raise bad_request(f"view {name!r} {what}: there is nothing to materialize")
    if name not in tables:
        raise DiagnosticError(not_online(view))
    return view


def _load(
    repo: Repo,
    view: FeatureView,
    table: OnlineTable,
    as_of: datetime,
    target: str,
    engine: Engine,
    store: OnlineStore,
    progress: Progress | None,
) -> tuple[int, int]:
    """How many rows were stored, and how many were not because newer ones stay."""
    compiled = materialize_query(repo, view, target=target, dialect=engine.dialect, as_of=as_of)
    if compiled.query is None:
        raise DiagnosticError(*compiled.diagnostics)
    engine.execute(compiled.query.prologue)
    columns = _columns(repo, view)
    if [column.name for column in columns] != [column.name for column in compiled.query.columns]:
        raise AssertionError(f"the query of {view.name} has other columns than its table")
    batches = engine.query(compiled.query.sql, columns)
    encoder = _Encoder(view, columns, table, as_of)

    given = 0

    def rows() -> Iterator[tuple[bytes, bytes]]:
        nonlocal given
        for batch in batches:
            yield from encoder.rows(batch)
            given += batch.num_rows
            if progress is not None:
                progress(view.name, given)

    stored = store.write(table.name, rows())
    return stored, given - stored


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


def _record(blobs: Blobs, run: Run) -> None:
    """Move the view's watermark to ``run``, never backwards within one table."""
    while True:
        found = blobs.get(_key(run.view))
        if found is not None:
            standing = msgspec.json.decode(found[0], type=Run)
            if standing.table == run.table and standing.as_of > run.as_of:
                return
        try:
            blobs.put(_key(run.view), msgspec.json.encode(run), replaces=found[1] if found is not None else None)
        except Conflict:
            continue
        return


def _key(view: str) -> str:
    return f"runs/watermarks/{view}.json"
