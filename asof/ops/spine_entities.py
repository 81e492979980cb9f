"""Spines made of time alone: every entity that the features' views have seen, at one instant or along a grid."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from asof.compiler.diagnostics import DiagnosticError, rule
from asof.compiler.instants import utc
from asof.compiler.model import Column
from asof.compiler.pit.entities import entities_query
from asof.compiler.pit.resolve import outputs
from asof.compiler.source import NOWHERE
from asof.compiler.types import TIMESTAMP
from asof.ops.selection import spine_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from asof.compiler.duration import Duration
    from asof.compiler.model import Repo
    from asof.engines.base import Engine
    from asof.ops.selection import Selection

NO_ENTITIES = rule("AS767", "a spine cannot be made of time alone")

MOST_INSTANTS = 10_000
MOST_ROWS = 20_000_000
"""A spine is held in memory."""

_WAY_OUT = "take a longer step or a shorter span, or bring a spine of your own"


def grid(start: datetime, end: datetime, every: Duration) -> tuple[datetime, ...]:
    """``start``, and every step from there as long as it is not after ``end``. Naive times are UTC.

    Raises DiagnosticError (AS767) for a span that ends before it starts, no step, or more than MOST_INSTANTS.
    """
    start, end = utc(start), utc(end)
    if end < start:
        raise _refused(f"the span ends at {end.isoformat()}, before it starts at {start.isoformat()}")
    if not every.microseconds:
        raise _refused("a grid needs a step, such as 1d")
    steps = (end - start) // timedelta(microseconds=1) // every.microseconds
    if steps >= MOST_INSTANTS:
        raise _refused(f"a step of {every} gives {steps + 1:,} instants; {MOST_INSTANTS:,} are the most", _WAY_OUT)
    return tuple(start + timedelta(microseconds=step * every.microseconds) for step in range(steps + 1))


def entity_rows(
    repo: Repo,
    selection: Selection,
    instants: Sequence[datetime],
    *,
    engine: Engine,
    target: str = "",
    timestamp: str = "event_timestamp",
) -> pa.Table:
    """One row for each instant and each entity seen by then, in that order: join keys and ``timestamp``.

    Raises DiagnosticError: AS767 where features need what no view holds (request fields), or there would be more
    than MOST_ROWS rows; AS50x for what cannot be compiled, AS724 from the engine.
    """
    request = selection.request()
    compiled = entities_query(
        repo,
        request,
        [utc(moment) for moment in instants],
        target=target,
        dialect=engine.dialect,
        timestamp=timestamp,
        most=MOST_ROWS + 1,
    )
    if compiled.query is None:
        raise DiagnosticError(*compiled.diagnostics)
    columns = [Column(name=column.name, type=column.type or TIMESTAMP) for column in compiled.query.columns]
    held = {column.name for column in columns}
    asked = [name for name in spine_columns(repo, outputs(repo, request)) if name not in held]
    if asked:
        message = f"no view holds {', '.join(map(repr, asked))}: values that come with a request"
        raise _refused(message, "bring a spine with these columns, or leave the on-demand features out")
    engine.execute(compiled.query.prologue)
    rows = engine.query(compiled.query.sql, columns).read_all()
    if rows.num_rows > MOST_ROWS:
        raise _refused(f"the entities and instants make more than {MOST_ROWS:,} rows", _WAY_OUT)
    return rows


def _refused(message: str, *notes: str) -> DiagnosticError:
    return DiagnosticError(NO_ENTITIES.at(NOWHERE, message, notes=notes))
