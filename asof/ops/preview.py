"""A preview of a plan: the features that it changes, as they come out now and as they will, over a sample of rows.

Both sides run the training query that users get, on the target's own offline store, which is only read.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from asof import engines
from asof.compiler import shape
from asof.compiler.diagnostics import DiagnosticError
from asof.compiler.diff import Action
from asof.compiler.model import SLUGS, VIEW_KINDS, ServiceItem
from asof.compiler.pit.resolve import outputs
from asof.compiler.source import NOWHERE
from asof.engines.sandbox import sandbox
from asof.ops.evidence import Preview, Shift, Skipped
from asof.ops.historical import historical
from asof.ops.python_rows import UNREADABLE_SPINE
from asof.ops.selection import Selection, spine_types
from asof.ops.shifts import shift
from asof.ops.spine import is_sql, read_table
from asof.ops.spine_query import query_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from asof.compiler.model import Repo, Store
    from asof.compiler.plan import Plan
    from asof.compiler.types import Type
    from asof.engines.base import Engine

    Progress = Callable[[int, int, str], None]
    """Called with rows done, rows in all, and what is at work."""

_TIMESTAMP = "event_timestamp"
_SLUGS = tuple(f"{SLUGS[kind]}/" for kind in VIEW_KINDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Definitions:
    """One side: definitions, and the target whose store they read."""

    repo: Repo
    target: str

    @property
    def store(self) -> Store:
        """The offline store."""
        found = self.repo.project.target(self.target) or self.repo.project.targets[0]
        return found.offline

    def selection(self, view: str) -> Selection:
        """All features of a view under full names."""
        return Selection(items=(ServiceItem(view=view),), full_feature_names=True, name="preview")


@dataclass(frozen=True, slots=True)
class _Work:
    """How far the preview has got: ``start`` rows of ``total`` were done before this part of it."""

    progress: Progress
    total: int
    start: int

    def of(self, view: str, before: int) -> Callable[[int, int], None]:
        """What a training query reports to, ``before`` rows of this part being done."""

        def report(done: int, _: int) -> None:
            self.progress(self.start + before + done, self.total, view)

        return report


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A view whose values can change: its names before and after, and the features that both have."""

    before: str
    after: str
    features: tuple[str, ...]


def preview(
    made: Plan,
    before: Definitions,
    after: Definitions,
    spine: str,
    *,
    rows: int,
    root: Path,
    progress: Progress,
) -> Preview:
    """Compare the features that ``made`` changes over ``rows`` rows of a spine, a file or a query.

    A view that cannot be compared is skipped, and why is said. Raises DiagnosticError: AS761 for the spine,
    AS72x where a store cannot be opened.
    """
    changed = _changed_views(made, before, after)
    kinds = {name: kind for view in changed for name, kind in _needed(view, before, after).items()}
    with closing(engines.connect(after.store, root=root, read_only=True)) as engine:
        given = (
            query_rows(after.repo, spine, engine=engine, target=after.target)
            if is_sql(spine)
            else read_table(spine, root=Path(), kinds=kinds)
        )
    timestamp = _timestamp(given)
    views, skipped = _fitting(changed, before, after, given)
    wanted = sorted({name for view in views for name in _needed(view, before, after)})
    sample = _sample(given.select([timestamp, *(name for name in wanted if name != timestamp)]), rows, timestamp)
    total = 2 * sample.num_rows * len(views)
    sides = []
    for at, (side, names) in enumerate(((before, [v.before for v in views]), (after, [v.after for v in views]))):
        start = at * sample.num_rows * len(views)
        found, failed = _side(side, names, sample, root, timestamp, _Work(progress, total, start))
        sides.append(found)
        skipped += failed
    shifts: list[Shift] = []
    for view in views:
        old, new = sides[0].get(view.before), sides[1].get(view.after)
        if old is None or new is None:
            continue
        rows_of = sample.select([timestamp, *(n for n in _needed(view, before, after) if n != timestamp)])
        for name in view.features:
            shifts.append(shift(view.after, name, old[f"{view.before}__{name}"], new[f"{view.after}__{name}"], rows_of))
    return Preview(spine=spine, rows=sample.num_rows, of=given.num_rows, shifts=tuple(shifts), skipped=tuple(skipped))


def _changed_views(made: Plan, before: Definitions, after: Definitions) -> list[Changed]:
    found = []
    for change in made.changes:
        if not (change.values and change.action in (Action.UPDATE, Action.MOVE) and change.address.startswith(_SLUGS)):
            continue
        names = [address.partition("/")[2] for address in (change.previous or change.address, change.address)]
        old, new = before.repo.view(names[0]), after.repo.view(names[1])
        if old is not None and new is not None:
            both = set(shape.features(old))
            features = tuple(name for name in shape.features(new) if name in both)
            found.append(Changed(before=names[0], after=names[1], features=features))
    return found


def _needed(view: Changed, before: Definitions, after: Definitions) -> dict[str, Type]:
    """The columns of the spine that either side needs, in order, with their types."""
    sides = ((before, view.before), (after, view.after))
    return {
        column: kind for side, name in sides for column, kind in spine_types(side.repo, side.selection(name)).items()
    }


def _fitting(
    views: Sequence[Changed], before: Definitions, after: Definitions, given: pa.Table
) -> tuple[list[Changed], list[Skipped]]:
    fitting, skipped = [], []
    for view in views:
        missing = [name for name in _needed(view, before, after) if name not in given.column_names]
        if missing:
            skipped.append(Skipped(view=view.after, why=f"the spine has no {', '.join(missing)}"))
        elif not view.features:
            skipped.append(Skipped(view=view.after, why="no feature is there both before and after"))
        else:
            fitting.append(view)
    return fitting, skipped


def _side(
    side: Definitions,
    views: Sequence[str],
    sample: pa.Table,
    root: Path,
    timestamp: str,
    work: _Work,
) -> tuple[dict[str, pa.Table], list[Skipped]]:
    """The features of each view over the sample, under full names; and the views that give none."""
    found: dict[str, pa.Table] = {}
    failed: list[Skipped] = []
    with closing(engines.connect(side.store, root=root, read_only=True)) as engine:
        for at, view in enumerate(views):
            try:
                found[view] = _values(side, view, sample, engine, timestamp, work.of(view, at * sample.num_rows))
            except DiagnosticError as error:
                failed.append(Skipped(view=view, why=error.diagnostics[0].message))
    return found, failed


def _values(
    side: Definitions,
    view: str,
    sample: pa.Table,
    engine: Engine,
    timestamp: str,
    progress: Callable[[int, int], None],
) -> pa.Table:
    chosen = side.selection(view)
    names = [output.column.name for output in outputs(side.repo, chosen.request())]
    answer = historical(
        side.repo, chosen, sample, engine=engine, target=side.target, timestamp=timestamp, progress=progress
    )
    return answer.read_all().select(names)


def _timestamp(given: pa.Table) -> str:
    """The spine's timestamp: its usual name, else the only column that is one."""
    moments: list[str] = [field.name for field in given.schema if pa.types.is_timestamp(field.type)]
    if _TIMESTAMP in given.column_names:
        return _TIMESTAMP
    if len(moments) != 1:
        has = ", ".join(given.column_names) or "no columns"
        message = f"the spine has no column {_TIMESTAMP!r}, nor exactly one of type timestamp; it has {has}"
        raise DiagnosticError(UNREADABLE_SPINE.at(NOWHERE, message))
    return moments[0]


def _sample(given: pa.Table, rows: int, timestamp: str) -> pa.Table:
    """``rows`` rows chosen by the hash of their content, whatever order they come in; then in order of time."""
    if given.num_rows > rows:
        sql = f"FROM given ORDER BY md5(CAST(given AS VARCHAR)) LIMIT {rows:d}"
        with sandbox() as box:
            box.connection.register("given", given)
            chosen = box.run(lambda: box.connection.sql(sql).to_arrow_table())
        given = chosen.cast(given.schema)
    return given.sort_by([(timestamp, "ascending"), *((n, "ascending") for n in given.column_names if n != timestamp)])
