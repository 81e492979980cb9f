"""Which columns a change is about, and by lineage who reads those: what reads none of them is not reached.

Nothing is taken for untouched that is not proven so: where a definition says more than its columns do, or a
query cannot be traced, everything of the object counts as changed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from asof.compiler import shape
from asof.compiler.classify import ChangeClass
from asof.compiler.lineage import Column
from asof.compiler.model import DataSource, FeatureView, OnDemandFeatureView
from asof.compiler.query.trace import changed_outputs
from asof.compiler.stored import used_name

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from asof.compiler.classify import Reason
    from asof.compiler.graph import Graph
    from asof.compiler.lineage import Lineage
    from asof.compiler.model import AnyDefinition, Repo

Columns = frozenset[str]
EVERYTHING = None
"""Columns of a change that is not about some of them: of all, of rows, of keys, of what nobody can tell."""


@dataclass(frozen=True)
class ColumnReach:
    """What is known of changed columns, object by object, filled in the order in which objects read each other.

    ``now`` is the lineage of the repo as it is to be, ``before`` makes that of the repo as it was, and ``was`` reads
    one definition of it (None: there was none); ``came_from`` holds new -> old addresses of what has moved.
    """

    now: Lineage
    before: Callable[[], Lineage]
    was: Callable[[str], AnyDefinition | None]
    came_from: Mapping[str, str]
    changed: dict[str, Columns | None] = field(default_factory=dict)

    @cached_property
    def old(self) -> Lineage:
        return self.before()

    @property
    def repo(self) -> Repo:
        return self.now.repo

    @property
    def graph(self) -> Graph:
        return self.now.graph

    def learn(self, address: str, own: Sequence[Reason], inherited: Mapping[str, Columns | None]) -> None:
        """Note what of the object at ``address`` changes: by its author, and with each thing that it reads."""
        edited = [r for r in own if r.change_class.rank >= ChangeClass.VALUE_CHANGE.rank]
        if not (edited or inherited):
            return
        found: set[str] = set()
        for columns in (self._edited(address, edited), *inherited.values()):
            if columns is EVERYTHING:
                self.changed[address] = EVERYTHING
                return
            found |= columns
        self.changed[address] = frozenset(found | self._by_ties(address, found))

    def touched(self, address: str, read: str) -> Columns | None:
        """Of the object at ``address``, the columns that change with ``read``; empty where it reads none of them."""
        changed = self.changed.get(read, EVERYTHING)
        if isinstance(self.repo.definitions[address], FeatureView) and (
            changed is EVERYTHING or self.now.is_opaque(address)
        ):
            return EVERYTHING
        return frozenset(
            name
            for name, origins in self.now.columns(address).items()
            if any(o.address == read and (changed is EVERYTHING or o.name in changed) for o in origins)
        )

    def behind(self, address: str) -> Iterator[str]:
        """What a view reads through the views that its rows come from: it sees columns that these do not show."""
        view = self.repo.definitions[address]
        above = self.repo.view(view.source) if isinstance(view, FeatureView) else None
        seen = {address}
        while isinstance(above, FeatureView) and above.address not in seen:
            seen.add(above.address)
            yield from (read for read in self.graph.upstream[above.address] if not read.startswith("entity/"))
            above = self.repo.view(above.source)

    def of(self, address: str) -> Mapping[str, Columns | None]:
        """What reads the changed columns of the object at ``address``, through others too, with what changes there."""
        changed = self.changed.get(address, EVERYTHING)
        if changed is EVERYTHING:
            return dict.fromkeys(self.graph.below(address), EVERYTHING)
        new, old = self.now, self.old
        here = set(new.columns(address))
        found: dict[str, set[str]] = {}
        previous = self.came_from.get(address, address)
        renamed = {was: now for now, was in self.came_from.items()}
        for lineage, at, names in ((new, address, changed & here), (old, previous, changed - here)):
            for reached in lineage.reach_of(Column(at, name) for name in names) if names else ():
                reader = renamed.get(reached.column.address, reached.column.address)
                if reader != address and reader in self.repo.definitions:
                    found.setdefault(reader, set()).add(reached.column.name)
        made: dict[str, Columns | None] = {reader: frozenset(names) for reader, names in found.items()}
        for reader in self.graph.below(address):
            if new.is_opaque(reader) or self._tests(reader, {address, *found}):
                made |= dict.fromkeys((reader, *self.graph.below(reader)), EVERYTHING)
        return made

    def some(self, address: str, columns: Columns | None) -> tuple[str, ...]:
        """``columns`` of an object in its own order, those that went last; none where they are all or unknown."""
        if columns is EVERYTHING:
            return ()
        known = self.now.columns(address)
        if columns >= known.keys():
            return ()
        return (*(name for name in known if name in columns), *sorted(columns - known.keys()))

    def _by_ties(self, address: str, changed: Collection[str]) -> set[str]:
        """Latest values that can change with others: of rows with one event time the one with the greatest values
        counts, in declared order, unless the source says what tells its rows apart.
        """
        view = self.repo.definitions[address]
        if not isinstance(view, FeatureView) or shape.timing_of(self.repo, view).unique:
            return set()
        found: set[str] = set()
        was = self.was(self.came_from.get(address, address))
        for side in (view, was):
            names = [column.name for column in side.schema] if isinstance(side, FeatureView) else []
            first = next((at for at, name in enumerate(names) if name in changed), len(names))
            found.update(names[first:])
        return found

    def _tests(self, reader: str, hit: set[str]) -> bool:
        return reader.startswith("feature_test/") and not hit.isdisjoint(self.graph.upstream[reader])

    def _edited(self, address: str, reasons: Sequence[Reason]) -> Columns | None:
        now = self.repo.definitions[address]
        was = self.was(self.came_from.get(address, address))
        found: set[str] = set()
        for reason in reasons:
            names = _named(reason, was, now, self.repo.project.sql_dialect) if was is not None else None
            if names is None:
                return EVERYTHING
            found.update(names)
        # Something was edited, so that no column at all only means that nobody can tell which.
        return frozenset(found) if found or not reasons else EVERYTHING


def _named(reason: Reason, was: AnyDefinition, now: AnyDefinition, dialect: str) -> Iterable[str] | None:
    """The columns that one reason is about; None where that is not only columns."""
    if reason.old == reason.new:  # the same words, now read in another dialect
        return None
    steps = reason.pointer.split("/")[1:]
    gone = reason.old is not None and reason.new is None and steps[-1:] != [] and steps[-1].isdigit()
    match now, was:
        case FeatureView(), FeatureView():
            if steps == ["ttl"]:
                return [column.name for column in now.schema]
            if steps == ["query"]:
                return _of_query(now, changed_outputs(was.query, now.query, dialect))
            side = was if gone else now
            if steps[0] == "schema" and len(steps) > 1:
                return [side.schema[int(steps[1])].name]
            if steps[0] == "aggregations" and len(steps) > 1:
                return list(_of_aggregation(was, now, steps, gone=gone))
        case OnDemandFeatureView(), OnDemandFeatureView():
            if steps[0] == "features" and len(steps) > 1:
                return [(was if gone else now).features[int(steps[1])].name]
        case DataSource(), DataSource():
            if steps[0] == "columns" and len(steps) > 1:
                source = was if gone else now
                name = source.columns[int(steps[1])].name
                return [name, used_name(source, name)]
    return None


def _of_aggregation(was: FeatureView, now: FeatureView, steps: list[str], *, gone: bool) -> Iterator[str]:
    """The features of one aggregation, or of one of its windows; under the old name and the new where that changes."""
    at = int(steps[1])
    window = int(steps[3]) if len(steps) > 3 else None
    if gone and window is None:
        yield from (was.aggregations[at].feature_name(w) for w in was.aggregations[at].windows)
        return
    aggregation = now.aggregations[at]
    earlier = next((a for a in was.aggregations if a.base_name == aggregation.base_name), aggregation)
    if gone and window is not None:
        yield earlier.feature_name(earlier.windows[window])
        return
    yield from (aggregation.feature_name(w) for w in aggregation.windows)
    yield from (earlier.feature_name(w) for w in earlier.windows)


def _of_query(view: FeatureView, outputs: frozenset[str] | None) -> Iterable[str] | None:
    """The features that come from some outputs of the view's query; None where these decide on its rows."""
    if outputs is None:
        return None
    timing = view.timing
    times = (timing.timestamp_field, timing.created_timestamp_column, timing.valid_to, *timing.unique)
    if not outputs.isdisjoint(times) or not outputs <= {column.name for column in view.schema}:
        return None
    if any(a.column in outputs or a.by in outputs or a.where for a in view.aggregations):
        return [*outputs, *shape.windows(view)]
    return outputs
