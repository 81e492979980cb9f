"""The verbs that move feature values: training sets, materialization, online reads; one function each.

What is asked for is checked against the registry's definitions before a store is opened.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from asof.api import registry_of
from asof.compiler.diagnostics import DiagnosticError, rule
from asof.compiler.source import NOWHERE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    import pyarrow as pa

    from asof.compiler.duration import Duration
    from asof.compiler.model import Project, Repo, Store
    from asof.compiler.types import Type
    from asof.ops.materialize import Run
    from asof.ops.online import OnlineFeature
    from asof.ops.selection import Selection

NO_ONLINE_STORE = rule("AS192", "the target has no online store")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A training set: rows and features. ``dataset`` names both; else a spine, and a service or features.

    Without a spine, ``instants`` stand for one: every entity that was seen by then, at each of them.
    """

    dataset: str = ""
    spine: str = ""
    instants: tuple[datetime, ...] = ()
    service: str = ""
    features: tuple[str, ...] = ()
    timestamp: str = "event_timestamp"
    full_feature_names: bool = False


def grid(start: datetime, end: datetime, every: Duration) -> tuple[datetime, ...]:
    """The instants of a training set that has no spine. Raises DiagnosticError (AS767)."""
    from asof.ops.spine_entities import grid as steps

    return steps(start, end, every)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chosen:
    """A request for a training set that the definitions can answer: its features, and its spine where a file has it."""

    wanted: Wanted
    selection: Selection
    timestamp: str
    kinds: Mapping[str, Type]
    spine: pa.Table | None


def _chosen(root: Path, repo: Repo, wanted: Wanted) -> _Chosen:
    """What can be said of ``wanted`` without a store. Raises DiagnosticError: AS505, AS506, AS504, AS760 to AS762."""
    from pathlib import Path

    from asof.ops.historical import refuse_spine
    from asof.ops.selection import select, spine_types
    from asof.ops.spine import is_sql, read_table
    from asof.ops.spine_query import dataset_file, saved_dataset

    dataset = saved_dataset(repo, wanted.dataset) if wanted.dataset else None
    service, timestamp = (dataset.service, dataset.timestamp_field) if dataset else (wanted.service, wanted.timestamp)
    chosen = select(repo, features=wanted.features, service=service, full_feature_names=wanted.full_feature_names)
    kinds = spine_types(repo, chosen)
    spine = None
    if dataset is not None:
        spine = dataset_file(dataset, root=root, kinds=kinds)
    elif wanted.spine and not is_sql(wanted.spine):
        spine = read_table(wanted.spine, root=Path(), kinds=kinds)
    if spine is not None:
        refuse_spine(repo, chosen, spine, timestamp=timestamp)
    return _Chosen(wanted=wanted, selection=chosen, timestamp=timestamp, kinds=kinds, spine=spine)


def history(
    root: Path, project: Project, wanted: Wanted, out: Path, *, target: str, progress: Callable[[int, int], None]
) -> int:
    """Write the training set to ``out`` (.parquet or .csv), as the registry's definitions have it; returns its rows.

    A spine's path starts at the working directory. Raises DiagnosticError for whatever stands in the way.
    """
    from asof import engines
    from asof.compiler.state import repo_of
    from asof.compiler.trust import relying_on
    from asof.ops.historical import historical, refuse_path, save
    from asof.ops.spine_entities import entity_rows
    from asof.ops.spine_query import dataset_rows, query_rows

    refuse_path(out)
    state = registry_of(root, project, target).state()
    repo, name = repo_of(state), state.target
    with relying_on(state):
        asked = _chosen(root, repo, wanted)
        selection, timestamp = asked.selection, asked.timestamp
        offline = repo.project.targets[0].offline
        with closing(engines.connect(offline, root=root, read_only=True)) as engine:
            if asked.spine is not None:
                rows = asked.spine
            elif wanted.dataset:
                rows = dataset_rows(repo, wanted.dataset, engine=engine, root=root, target=name, kinds=asked.kinds)
            elif wanted.instants:
                rows = entity_rows(repo, selection, wanted.instants, engine=engine, target=name, timestamp=timestamp)
            else:
                rows = query_rows(repo, wanted.spine, engine=engine, target=name)
            found = historical(
                repo, selection, rows, engine=engine, target=name, timestamp=timestamp, progress=progress
            )
            return save(found, out)


def materialize(
    root: Path,
    project: Project,
    views: Sequence[str] = (),
    *,
    as_of: datetime | None,
    target: str,
    full: bool = False,
    progress: Callable[[str, int], None],
) -> tuple[Run, ...]:
    """Load views (all that are served online, unless named) with their values as of an instant; None is now.

    ``full`` resets the tables: they hold exactly what the offline query gives.
    """
    from asof import engines, online
    from asof.compiler.state import repo_of
    from asof.compiler.trust import relying_on
    from asof.ops.materialize import chosen_views
    from asof.ops.materialize import materialize as load_views
    from asof.ops.online import tables_of

    registry = registry_of(root, project, target)
    state = registry.state()
    repo = repo_of(state)
    stores = repo.project.targets[0]
    settings = _online_store(stores.online, state.target)
    with relying_on(state):
        tables, at = tables_of(state), as_of or registry.clock()
        chosen_views(repo, views, tables, as_of=at, clock=registry.clock)
        with (
            closing(engines.connect(stores.offline, root=root, read_only=True)) as engine,
            closing(online.connect(settings, root=root)) as store,
        ):
            return load_views(
                repo,
                views,
                as_of=at,
                target=state.target,
                engine=engine,
                store=store,
                tables=tables,
                blobs=registry.blobs,
                clock=registry.clock,
                full=full,
                progress=progress,
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Entities:
    """Whose features are asked for: ``given`` one by one, of which each name must mean something, or rows of a file."""

    given: tuple[Mapping[str, object], ...] = ()
    file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """Online answers beside the entities asked about, in their order."""

    entities: tuple[Mapping[str, object], ...]
    features: tuple[OnlineFeature, ...]


def online_get(
    root: Path,
    project: Project,
    entities: Entities,
    *,
    service: str = "",
    features: Sequence[str] = (),
    as_of: datetime | None,
    target: str,
) -> Served:
    """The features of entities as the online store serves them at an instant; None is now."""
    from asof import online
    from asof.compiler.state import repo_of
    from asof.compiler.trust import relying_on
    from asof.ops.entities import entities_in_file, refuse_entities
    from asof.ops.online import OnlineReader, tables_of
    from asof.ops.selection import select, spine_types

    registry = registry_of(root, project, target)
    state = registry.state()
    repo = repo_of(state)
    settings = _online_store(repo.project.targets[0].online, state.target)
    with relying_on(state):
        chosen = select(repo, features=features, service=service)
        kinds = spine_types(repo, chosen)
        rows = entities.given if entities.file is None else entities_in_file(entities.file, kinds)
        refuse_entities(rows, kinds, strangers=entities.file is None)
        with (
            closing(online.connect(settings, root=root, read_only=True)) as store,
            closing(OnlineReader(repo, chosen, store=store, tables=tables_of(state))) as reader,
        ):
            asked = tuple({name: row[name] for name in kinds} for row in rows)
            return Served(entities=asked, features=reader.get(asked, now=as_of or registry.clock()))


def _online_store(settings: Store | None, target: str) -> Store:
    if settings is None:
        raise DiagnosticError(NO_ONLINE_STORE.at(NOWHERE, f"target {target!r} has no online store"))
    return settings
