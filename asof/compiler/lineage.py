"""Which column is made from which: sources, views on views, queries, expressions, services, saved datasets.

Nothing is read ahead: a definition is traced when it is asked about. ``reach_of`` visits only what reads the
objects it starts at, each once, so its work grows with what is reached and not with the repo.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from asof.compiler import shape
from asof.compiler.graph import graph_of
from asof.compiler.model import (
    DataSource,
    FeatureService,
    FeatureView,
    OnDemandFeatureView,
    SavedDataset,
    StreamFeatureView,
)
from asof.compiler.query.catalog import Catalog, timing_columns
from asof.compiler.query.trace import named_columns, traced
from asof.compiler.stored import batch_source, stored_columns, times_of, used_name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from asof.compiler.graph import Graph
    from asof.compiler.model import AnyDefinition, Repo
    from asof.compiler.query.analysis import TableColumn
    from asof.compiler.query.trace import Trace


class Use(StrEnum):
    """What one column is to another that is made from it."""

    VALUE = "value"
    """Its value goes in."""
    ROWS = "rows"
    """It decides which rows there are, or which of them counts: keys, times, filters, joins."""


class Column(NamedTuple):
    """A column of a source, a feature of a view, an output of a service, a column of a saved dataset."""

    address: str
    name: str

    def __str__(self) -> str:
        return f"{self.address}.{self.name}"


Origins = dict[Column, Use]
"""What one column is made from, directly. What goes in as a value is not named a second time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """A column that another one reaches. ``use`` is ROWS where, somewhere on every way, it only decides on rows."""

    column: Column
    use: Use
    owner: str
    through: Column
    """The column by which it was reached first, one step before."""


def _both(one: Use, other: Use) -> Use:
    return Use.ROWS if Use.ROWS in (one, other) else Use.VALUE


class Lineage:
    """The column lineage of one repo that has no errors; of a broken one, as far as it can be told."""

    def __init__(self, repo: Repo, graph: Graph | None = None) -> None:
        self.repo = repo
        self.catalog = Catalog(repo)
        self._graph = graph
        self._made: dict[str, Mapping[str, Origins]] = {}
        self._spellings: dict[str, dict[str, str]] = {}
        self._open: set[str] = set()
        self._traces: dict[str, Trace | None] = {}

    @cached_property
    def graph(self) -> Graph:
        """Who reads whom."""
        return self._graph if self._graph is not None else graph_of(self.repo)

    def columns(self, address: str) -> Mapping[str, Origins]:
        """Every column that an object shows, in order, and what each is made from; nothing for other kinds.

        A source that declares no columns shows none, and yet every name may be one of its columns.
        """
        if address not in self._made:
            self._made[address] = {}  # a circle of views is reported elsewhere; here it ends
            definition = self.repo.definitions.get(address)
            self._made[address] = self._of(definition) if definition is not None else {}
        return self._made[address]

    def is_opaque(self, address: str) -> bool:
        """Whether what the object is made from cannot be told column by column: its SQL is not understood."""
        definition = self.repo.definitions.get(address)
        match definition:
            case FeatureView():
                query, needed = definition.query, [column.name for column in definition.schema]
            case SavedDataset():
                query, needed = definition.spine.query, []
            case _:
                return False
        trace = self._trace(query) if query else None
        # A star over columns that nobody declared yields outputs that no trace knows.
        return bool(query) and (trace is None or any(self.catalog.fold(name) not in trace.outputs for name in needed))

    def above(self, *columns: Column) -> Mapping[Column, Use]:
        """Everything that ``columns`` are made from, directly or through others, nearest first."""
        found: dict[Column, Use] = {}
        waiting = [(column, Use.VALUE) for column in columns]
        for column, use in waiting:
            for origin, how in self.columns(column.address).get(column.name, {}).items():
                combined = _both(use, how)
                if origin not in found or (found[origin] is Use.ROWS and combined is Use.VALUE):
                    found[origin] = combined
                    waiting.append((origin, combined))
        return found

    def reach_of(self, columns: Iterable[Column]) -> tuple[Reached, ...]:
        """Every column that is made from one of ``columns``, in an order in which each stands after its origins."""
        uses: dict[Column, Use] = dict.fromkeys(columns, Use.VALUE)
        found: list[Reached] = []
        for address in self._readers({column.address for column in uses}):
            owner = self.repo.definitions[address].owner
            for name, origins in self.columns(address).items():
                hit = [(_both(uses[o], how), o) for o, how in origins.items() if o in uses]
                if hit and (here := Column(address, name)) not in uses:
                    use, through = min(hit, key=lambda one: one[0] is Use.ROWS)
                    uses[here] = use
                    found.append(Reached(column=here, use=use, owner=owner, through=through))
        return tuple(found)

    def _readers(self, addresses: set[str]) -> list[str]:
        """What reads ``addresses``, and they themselves, each after what it reads."""
        below = {*self.graph.below(*addresses), *addresses} & self.graph.upstream.keys()
        order: list[str] = []
        seen: set[str] = set()
        for start in sorted(below):
            stack = [(start, False)]
            while stack:
                address, done = stack.pop()
                if done:
                    order.append(address)
                elif address not in seen:
                    seen.add(address)
                    stack.append((address, True))
                    stack += [(read, False) for read in self.graph.upstream[address] if read in below]
        return order

    def _of(self, definition: AnyDefinition) -> Mapping[str, Origins]:
        match definition:
            case DataSource():
                return self._of_source(definition)
            case FeatureView():
                return self._of_view(definition)
            case OnDemandFeatureView():
                return self._of_on_demand(definition)
            case FeatureService():
                return self._of_service(definition)
            case SavedDataset():
                return self._of_dataset(definition)
            case _:
                return {}

    def _trace(self, query: str) -> Trace | None:
        if query not in self._traces:
            self._traces[query] = traced(self.catalog, query)
        return self._traces[query]

    def _of_source(self, source: DataSource) -> Mapping[str, Origins]:
        history = batch_source(self.repo, source)
        names = [used for _, used, _ in stored_columns(source if source.columns else history)]
        if history is source:
            return {name: {} for name in names}
        known = {used for _, used, _ in stored_columns(history)}
        return {n: {Column(history.address, n): Use.VALUE} if n in known or not known else {} for n in names}

    def _of_view(self, view: FeatureView) -> Mapping[str, Origins]:
        read, rows = self._rows_of(view)
        keys = [key.name for key in shape.join_keys(self.repo, view)]
        times = list(timing_columns(self.repo, view)) or self._times_of(view)
        deciding = dict(rows)
        for name in (*keys, *times, *view.timing.unique, view.timing.valid_to):
            deciding |= dict.fromkeys(read(name) if name else (), Use.ROWS)
        made: dict[str, Origins] = {}
        for name in (*keys, *times):
            made[name] = rows | read(name)
        for feature in view.schema:
            made[feature.name] = deciding | read(feature.name)
        for name, (aggregation, _) in shape.windows(view).items():
            filters: Origins = {}
            for _, column in named_columns(aggregation.where, self.catalog.dialect) if aggregation.where else ():
                filters |= dict.fromkeys(read(column), Use.ROWS)
            values: Origins = {}
            for column in (aggregation.column, aggregation.by):
                values |= read(column) if column else {}
            made[name] = deciding | filters | values
        return made

    def _rows_of(self, view: FeatureView) -> tuple[_Reading, Origins]:
        """How a view's names are read from what it reads, and what decides on its rows."""
        if view.query:
            trace = self._trace(view.query)
            if trace is None:
                return _Reading({}, None, self.catalog), {}
            outputs = {name: self._spelt(origin) for name, origin in trace.outputs.items()}
            return _Reading(outputs, None, self.catalog), dict.fromkeys(self._spelt(trace.rows), Use.ROWS)
        name = view.source or (view.stream if isinstance(view, StreamFeatureView) else "")
        source = self.repo.source(name)
        if source is not None:
            source = source if view.source or source.columns else batch_source(self.repo, source)
            return _Reading({}, source.address, self.catalog), {}
        behind = self.repo.view(name)
        if not isinstance(behind, FeatureView) or behind.name in self._open:
            return _Reading({}, None, self.catalog), {}
        self._open.add(view.name)
        inner, rows = self._rows_of(behind)
        self._open.discard(view.name)
        shown = self.columns(behind.address).keys() - shape.windows(behind).keys()
        return _Reading({}, behind.address, self.catalog, shown=shown, inner=inner), rows

    def _times_of(self, view: FeatureView) -> list[str]:
        source = self.repo.source(view.stream) if isinstance(view, StreamFeatureView) else None
        return list(times_of(batch_source(self.repo, source))) if source is not None else []

    def _of_on_demand(self, view: OnDemandFeatureView) -> Mapping[str, Origins]:
        fold = self.catalog.fold
        known: dict[str, list[tuple[str, Column]]] = {}
        for name in view.sources:
            found = self.repo.view(name) or self.repo.source(name)
            if found is None:
                continue
            features = shape.features(found) if not isinstance(found, DataSource) else self.columns(found.address)
            for column in features:
                known.setdefault(fold(column), []).append((fold(name), Column(found.address, column)))
        made: dict[str, Origins] = {}
        for feature in view.features:
            named = named_columns(feature.expression, self.catalog.dialect)
            made[feature.name] = {
                origin: Use.VALUE
                for table, column in named
                for source, origin in known.get(column, ())
                if table in ("", source)
            }
        return made

    def _of_service(self, service: FeatureService) -> Mapping[str, Origins]:
        made: dict[str, Origins] = {}
        for item in service.features:
            view = self.repo.view(item.view)
            if view is not None:
                for feature, name in shape.named_features(view, item, full_feature_names=service.full_feature_names):
                    made[name] = {Column(view.address, feature): Use.VALUE}
        return made

    def _of_dataset(self, dataset: SavedDataset) -> Mapping[str, Origins]:
        made: dict[str, Origins] = {}
        rows: Origins = {}
        spine = dataset.spine
        if spine.query and (trace := self._trace(spine.query)) is not None:
            rows = dict.fromkeys(self._spelt(trace.rows), Use.ROWS)
            made = {name: rows | dict.fromkeys(self._spelt(found), Use.VALUE) for name, found in trace.outputs.items()}
        elif spine.source and (source := self.repo.source(spine.source)) is not None:
            made = {n: {Column(source.address, n): Use.VALUE} for _, n, _ in stored_columns(source)}
        else:
            made = {column.name: {} for column in spine.columns}
        service = f"feature_service/{dataset.service}"
        for name in self.columns(service):
            made[name] = rows | {Column(service, name): Use.VALUE}
        return made

    def _spelt(self, columns: Iterable[TableColumn]) -> tuple[Column, ...]:
        """Columns as traced (in the case rules of the dialect) under the names that definitions give them."""
        found = []
        for table_name, name in sorted(columns):
            table = self.catalog.table(table_name)
            if table is not None:
                found.append(Column(table.address, self.spelling(table.address, name)))
        return tuple(found)

    def spelling(self, address: str, name: str) -> str:
        """The name of a column as its object has it: case folded by the dialect, or stored names, are understood."""
        if address not in self._spellings:
            known = {self.catalog.fold(known): known for known in self.columns(address)}
            self._spellings[address] = known
        source = self.repo.definitions.get(address)
        if isinstance(source, DataSource) and name not in self._spellings[address].values():
            name = used_name(source, name)
        return self._spellings[address].get(self.catalog.fold(name), name)


class _Reading:
    """Looks up what a name of a view's rows is made from: the outputs of a query, or the columns of one object.

    A view that reads a view has all of its rows' columns, those too that it does not show (``inner``).
    """

    def __init__(
        self,
        outputs: Mapping[str, tuple[Column, ...]],
        address: str | None,
        catalog: Catalog,
        *,
        shown: Collection[str] = (),
        inner: _Reading | None = None,
    ) -> None:
        self.outputs = outputs
        self.address = address
        self.catalog = catalog
        self.shown = shown
        self.inner = inner

    def __call__(self, name: str) -> Origins:
        if self.address is None:
            return dict.fromkeys(self.outputs.get(self.catalog.fold(name), ()), Use.VALUE)
        if self.inner is not None and name not in self.shown:
            return self.inner(name)
        return {Column(self.address, name): Use.VALUE}
