"""Features from Python: training sets and online reads, from what a registry says, never from YAML."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from asof import engines, online
from asof.compiler.diagnostics import DiagnosticError, has_errors, rule
from asof.compiler.duration import Duration
from asof.compiler.load import load
from asof.compiler.model import FeatureService, FeatureView, OnDemandFeatureView
from asof.compiler.shape import features as feature_names
from asof.compiler.source import NOWHERE, RepoFiles
from asof.compiler.state import repo_of
from asof.compiler.store_options import resolve
from asof.online.base import NO_TABLE
from asof.ops.entities import entity_rows_of, refuse_entities
from asof.ops.historical import historical, refuse_spine
from asof.ops.online import OnlineReader, tables_of
from asof.ops.selection import bad_request, select, spine_types
from asof.ops.spine import is_sql, read_table
from asof.ops.spine_entities import entity_rows, grid
from asof.ops.spine_query import dataset_rows, query_rows, saved_dataset
from asof.registry import open_registry
from asof.version import installed_by
from asof.views.feature_values import as_python

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    import pyarrow as pa

    from asof.compiler.types import Type
    from asof.online.base import OnlineStore
    from asof.ops.online import OnlineFeature
    from asof.ops.selection import Selection
    from asof.registry.store import Registry

    _Asked = tuple[tuple[str, ...], str, bool]  # features, service, full names
    As = Literal["arrow", "pandas", "polars"]

PROJECT_FILE = "asof.yaml"
NO_REPO = rule("AS788", "there is no feature repo and no registry at this place")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class OnlineAnswer:
    """Features of some entities as of one instant, in the order in which they were asked for."""

    features: tuple[OnlineFeature, ...]

    def to_dict(self) -> dict[str, list[object]]:
        """Feature name -> one value for each entity; timestamps are aware datetimes in UTC.

        An infinite time is the last or the first one that Python has.
        """
        return {feature.name: as_python(feature.values) for feature in self.features}

    def to_rows(self) -> list[dict[str, object]]:
        """One dict of features for each entity."""
        columns = self.to_dict()
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def statuses(self) -> dict[str, list[str]]:
        """Feature name -> PRESENT, NULL_VALUE, NOT_FOUND or OUTSIDE_MAX_AGE for each entity."""
        return {feature.name: [str(status) for status in feature.statuses] for feature in self.features}

    def computed_at(self) -> dict[str, list[datetime | None]]:
        """Feature name -> the instant, in UTC, that each entity's value was computed for; None where there is no row.

        Windows move on while stored values stand still: this says how far they may be behind.
        """
        return {
            feature.name: [None if at is None else _EPOCH + timedelta(microseconds=at) for at in feature.computed_at]
            for feature in self.features
        }


class Store:
    """What one registry has to offer. Open it once and ask often; not shared between threads.

        store = asof.Store("path/to/repo")
        train = store.historical("spine.parquet", service="arrival_delay").to_pandas()
        now = store.online([{"origin": "JFK"}], features=["weather"]).to_dict()

    ``location`` is a feature repo (its asof.yaml says where the registry of ``target`` is, and nothing else is
    read of it), or the path or URL of a registry. ``root`` is the folder at which relative paths of sources and
    stores start: the repo, or by default the working directory. Definitions are those that were applied last when
    the store was opened; ``refresh`` reads them again.

    Every method raises ``asof.Error`` with the codes and words that the CLI shows: for mistakes in what is asked,
    and where a store or the registry refuses. ``error.code`` is the code, ``error.diagnostics`` has all of them.
    """

    def __init__(self, location: str | Path, target: str = "", *, root: str | Path | None = None) -> None:
        self._registry, self._root = _registry(location, target, Path(root) if root is not None else None)
        self._online: OnlineStore | None = None
        self._selected: dict[_Asked, tuple[Selection, Mapping[str, Type]]] = {}
        self._readers: dict[_Asked, OnlineReader] = {}
        self.refresh()

    def refresh(self) -> None:
        """Read the registry's current generation."""
        self._state = self._registry.state()
        self._repo = repo_of(self._state)
        self._tables = tables_of(self._state)
        self._selected.clear()
        self.close()  # readers know the tables of the generation before, perhaps in another store

    @property
    def serial(self) -> int:
        """The number of the generation in use."""
        return self._state.serial

    def services(self) -> tuple[str, ...]:
        """The names of the feature services."""
        return tuple(d.name for d in self._repo.definitions.values() if isinstance(d, FeatureService))

    def features(self) -> tuple[str, ...]:
        """Every feature as ``view:feature``, as ``historical`` and ``online`` take it."""
        views = (d for d in self._repo.definitions.values() if isinstance(d, FeatureView | OnDemandFeatureView))
        return tuple(f"{view.name}:{feature}" for view in views for feature in feature_names(view))

    def historical(
        self,
        spine: object = None,
        *,
        features: Sequence[str] = (),
        service: str = "",
        as_of: datetime | None = None,
        between: tuple[datetime, datetime] | None = None,
        every: str = "1d",
        timestamp: str = "event_timestamp",
        full_feature_names: bool = False,
        as_: As = "arrow",
        progress: Callable[[int, int], None] | None = None,
    ) -> pa.Table:
        """``spine`` with features as they could have been known at each row's ``timestamp``.

        ``spine`` is a pyarrow Table, a pandas or polars frame, a dict of lists, a list of dicts, the path of a
        .parquet, .csv, .json or .jsonl file, or a SELECT over data sources. It holds the join keys, the request fields
        of on-demand features and the timestamp (naive values are UTC); other columns are welcome. The result has the
        same rows in the same order, its columns first. ``features`` are ``view`` or ``view:feature``; ``service``
        names a feature service instead. ``as_`` chooses pyarrow ("arrow"), "pandas" or "polars".

        Instead of a spine: ``as_of`` gives every entity that the features' views had seen by that instant;
        ``between=(start, end)`` gives those of ``start`` and of each step ``every`` ("1d", "6h") up to ``end``.

            store.historical(service="churn", between=(datetime(2024, 1, 1), datetime(2024, 7, 1)), every="7d")
        """
        _refuse_kind(as_)
        instants = _instants(spine, as_of, between, every)
        selection = select(self._repo, features=features, service=service, full_feature_names=full_feature_names)
        given = None
        if not instants and not (isinstance(spine, str) and is_sql(spine)):
            given = read_table(spine, root=Path(), kinds=spine_types(self._repo, selection))
            refuse_spine(self._repo, selection, given, timestamp=timestamp)
        engine = engines.connect(self._repo.project.targets[0].offline, root=self._root, read_only=True)
        try:
            if given is not None:
                rows = given
            elif instants:
                rows = entity_rows(
                    self._repo, selection, instants, engine=engine, target=self._state.target, timestamp=timestamp
                )
            else:
                rows = query_rows(self._repo, str(spine), engine=engine, target=self._state.target)
            found = historical(
                self._repo,
                selection,
                rows,
                engine=engine,
                target=self._state.target,
                timestamp=timestamp,
                progress=progress,
            )
            return _converted(found.read_all(), as_)
        finally:
            engine.close()

    def dataset(self, name: str, *, as_: As = "arrow") -> pa.Table:
        """The training set that a saved dataset defines: its spine, its labels and its service's features."""
        _refuse_kind(as_)
        dataset = saved_dataset(self._repo, name)
        selection = select(self._repo, service=dataset.service)
        engine = engines.connect(self._repo.project.targets[0].offline, root=self._root, read_only=True)
        target = self._state.target
        try:
            kinds = spine_types(self._repo, selection)
            rows = dataset_rows(self._repo, name, engine=engine, root=self._root, target=target, kinds=kinds)
            timestamp = dataset.timestamp_field
            found = historical(self._repo, selection, rows, engine=engine, target=target, timestamp=timestamp)
            return _converted(found.read_all(), as_)
        finally:
            engine.close()

    def online(
        self,
        entities: object,
        *,
        features: Sequence[str] = (),
        service: str = "",
        full_feature_names: bool = False,
        now: datetime | None = None,
    ) -> OnlineAnswer:
        """The features of each entity as of ``now`` (by default the clock), in one round trip to the online store.

        An entity maps join keys and request fields to values, such as ``{"origin": "JFK", "carrier": "UA"}``;
        ``entities`` is a list of these, a dict of lists, a pyarrow Table, or a pandas or polars frame.
        Values older than the view's ttl are not served; ``statuses`` says why a value is missing. Where an apply
        has dropped a table since the store was opened, the new generation is read and asked once more.
        """

        def asked() -> OnlineAnswer:
            wanted = (tuple(features), service, full_feature_names)
            kinds = self._select(wanted)[1]
            rows = entity_rows_of(entities, kinds)
            refuse_entities(rows, kinds)
            reader = self._reader(wanted)
            return OnlineAnswer(reader.get(rows, now=_instant("now", now) if now else datetime.now(UTC)))

        try:
            return asked()
        except DiagnosticError as error:
            before = self.serial
            if NO_TABLE.code not in {found.code for found in error.diagnostics}:
                raise
            self.refresh()
            if self.serial == before:
                raise
            return asked()

    def close(self) -> None:
        """Close the connections; the store may be used again."""
        self._forget_readers()
        if self._online is not None:
            self._online.close()
            self._online = None

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _select(self, asked: _Asked) -> tuple[Selection, Mapping[str, Type]]:
        """What is asked for and the types of its keys and request fields, found out once a generation."""
        if asked not in self._selected:
            features, service, full = asked
            selection = select(self._repo, features=features, service=service, full_feature_names=full)
            self._selected[asked] = (selection, spine_types(self._repo, selection))
        return self._selected[asked]

    def _reader(self, asked: _Asked) -> OnlineReader:
        if asked not in self._readers:
            selection, _ = self._select(asked)
            settings = self._repo.project.targets[0].online
            if settings is None:
                raise bad_request(f"target {self._state.target!r} has no online store")
            if self._online is None:
                self._online = online.connect(settings, root=self._root, read_only=True)
            self._readers[asked] = OnlineReader(self._repo, selection, store=self._online, tables=self._tables)
        return self._readers[asked]

    def _forget_readers(self) -> None:
        for reader in self._readers.values():
            reader.close()
        self._readers.clear()


def _registry(location: str | Path, target: str, root: Path | None) -> tuple[Registry, Path]:
    """The registry of a feature repo, or the registry itself, and where relative paths start."""
    folder = Path(location)
    project_file = folder / PROJECT_FILE
    if "://" in str(location) or not project_file.is_file():
        return _bare_registry(location), root or Path()
    # Of the repo's files only asof.yaml is read: what is served is what was applied.
    loaded = load(RepoFiles(project=PROJECT_FILE, texts={PROJECT_FILE: project_file.read_bytes()}))
    if loaded.repo is None or has_errors(loaded.diagnostics):
        raise DiagnosticError(*loaded.diagnostics)
    chosen = loaded.repo.project.target(target)
    if chosen is None:
        known = ", ".join(t.name for t in loaded.repo.project.targets)
        raise bad_request(f"there is no target {target!r}; there is {known}")
    root = root or folder
    return open_registry(resolve(chosen.registry, os.environ), root=folder), root


def _bare_registry(location: str | Path) -> Registry:
    """The registry at a path or URL that is no feature repo. Raises DiagnosticError (AS788) where none is there."""
    where = str(location)
    wanted = f"it takes a folder that holds {PROJECT_FILE}, or the path or URL of a registry that was applied to"
    if "://" not in where:
        path = Path(where)
        if not path.exists():
            raise DiagnosticError(NO_REPO.at(NOWHERE, f"there is no {path.absolute()}", notes=(wanted,)))
        if not path.is_dir():
            notes = (f"give the folder: {path.parent}",) if path.name == PROJECT_FILE else (wanted,)
            raise DiagnosticError(NO_REPO.at(NOWHERE, f"{path.absolute()} is a file", notes=notes))
        if not any(path.iterdir()):
            raise DiagnosticError(NO_REPO.at(NOWHERE, f"{path.absolute()} is an empty folder", notes=(wanted,)))
    registry = open_registry(resolve(where, os.environ), root=Path())
    if registry.head() is None:
        place = where if "://" in where else str(Path(where).absolute())
        message = f"{place} holds neither {PROJECT_FILE} nor a registry that was applied to"
        raise DiagnosticError(NO_REPO.at(NOWHERE, message, notes=_nearby(Path(where)) or (wanted,)))
    return registry


def _nearby(folder: Path) -> tuple[str, ...]:
    """Where a feature repo is, if it is around ``folder`` or right in it."""
    around = [one for one in folder.absolute().parents if (one / PROJECT_FILE).is_file()]
    inside = sorted(one.parent for one in folder.glob(f"*/{PROJECT_FILE}"))
    return (f"a feature repo is at {(around or inside)[0]}",) if around or inside else ()


def _instants(
    spine: object, as_of: datetime | None, between: tuple[datetime, datetime] | None, every: str
) -> tuple[datetime, ...]:
    """The instants of a spine made of time alone; none where there is a spine."""
    if sum(one is not None for one in (spine, as_of, between)) != 1:
        raise bad_request("give a spine, as_of=instant, or between=(start, end): one of the three")
    if as_of is not None:
        return (_instant("as_of", as_of),)
    if between is None:
        return ()
    if not isinstance(between, tuple | list) or len(between) != 2:
        raise bad_request(f"between is a pair of datetimes, (start, end), not {between!r}")
    try:
        step = Duration.parse(every)
    except (TypeError, ValueError) as error:
        raise bad_request(f"every: {error}") from None
    return grid(_instant("between", between[0]), _instant("between", between[1]), step)


def _converted(table: pa.Table, as_: As) -> pa.Table:
    if as_ == "pandas":
        return table.to_pandas()
    if as_ == "polars":
        import polars

        return polars.from_arrow(table)
    return table


def _refuse_kind(as_: str) -> None:
    """Refuse an unknown form of result, or one whose package is not installed, before anything is read."""
    if as_ not in ("arrow", "pandas", "polars"):
        raise bad_request(f"as_ is 'arrow', 'pandas' or 'polars', not {as_!r}")
    if as_ != "arrow" and find_spec(as_) is None:
        raise bad_request(f"as_={as_!r} needs a package that is not installed: {installed_by(as_)}")


def _instant(name: str, value: object) -> datetime:
    if not isinstance(value, datetime):
        raise bad_request(f"{name} is a datetime, not {value!r}")
    return value
