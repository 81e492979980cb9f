"""Two sides of a registry compared: one Change for each object, with reasons and whom they reach."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

from asof.compiler.classify import ChangeClass, Dialects, Reason, edits, worst
from asof.compiler.column_reach import EVERYTHING, ColumnReach
from asof.compiler.fingerprint import Document, as_seen_from, documents_of, fingerprint
from asof.compiler.graph import Graph, graph_of
from asof.compiler.lineage import Lineage
from asof.compiler.model import SLUGS, VIEW_KINDS, FeatureService, FeatureView, Repo
from asof.compiler.moves import moves_of, renamed, row_names
from asof.compiler.query import analyse_view, compare, unknown_tables
from asof.compiler.query.catalog import Catalog
from asof.compiler.state import Recorded, State, definition_at, repo_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from asof.compiler.classify import QueryComparison
    from asof.compiler.column_reach import Columns
    from asof.compiler.model import AnyDefinition
    from asof.compiler.types import Type


class Action(StrEnum):
    """What happens to an object as a whole."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    MOVE = "move"


class Reached(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An object that reads a changed one, directly or through others, and who answers for it.

    ``features`` are those of its columns that can change, where these are known and not all.
    """

    address: str
    owner: str = ""
    features: tuple[str, ...] = ()


class Change(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"change_class": "class"}):
    """What happens to one object, why, what it costs and whom it reaches.

    ``before`` is the definition as it was (update, move, delete); the new one is among the plan's
    objects. ``previous`` is the address a moved object had. A change whose reasons all name an
    ``upstream`` was not made by its own author.
    """

    address: str
    action: Action
    change_class: ChangeClass
    reasons: tuple[Reason, ...]
    owner: str = ""
    previous: str = ""
    cost: str = ""
    reach: tuple[Reached, ...] = ()
    before: Document | None = None

    @property
    def direct(self) -> bool:
        """Whether the definition itself was edited."""
        return any(not reason.upstream for reason in self.reasons)

    @property
    def values(self) -> bool:
        """Whether a value that somebody reads can change."""
        return any(r.change_class.rank >= ChangeClass.VALUE_CHANGE.rank for r in self.reasons if r.pointer != "/online")

    @property
    def rows(self) -> bool:
        """Whether rows stored online would come out differently."""
        return any(reason.rows for reason in self.reasons)


@dataclass(frozen=True)
class Difference:
    """All changes by address, and what was computed on the way to them.

    ``moves`` maps old addresses to new ones; ``recorded`` is what the registry is to hold afterwards.
    """

    repo: Repo
    state: State
    target: str
    graph: Graph
    recorded: Mapping[str, Recorded]
    moves: Mapping[str, str]
    changes: Mapping[str, Change]

    @cached_property
    def old_repo(self) -> Repo:
        """The definitions as they were; an empty repo before the first apply."""
        return repo_of(self.state) if self.state.objects else Repo(project=self.repo.project, definitions={})

    @cached_property
    def old_graph(self) -> Graph:
        return graph_of(self.old_repo)

    @cached_property
    def catalog(self) -> Catalog:
        """The tables of the new side."""
        return Catalog(self.repo)

    @cached_property
    def old_catalog(self) -> Catalog:
        return Catalog(self.old_repo)

    @cached_property
    def columns(self) -> ColumnReach:
        """Changed columns and who reads them, as far as ``diff`` has got."""
        came_from = {new: old for old, new in self.moves.items()}
        return ColumnReach(Lineage(self.repo, self.graph), lambda: Lineage(self.old_repo), self.was, came_from)

    def was(self, address: str) -> AnyDefinition | None:
        """One definition as it was: most plans are about a few of thousands."""
        recorded = self.state.objects.get(address)
        return definition_at(address, recorded) if recorded is not None else None


def diff(repo: Repo, state: State, *, target: str, moves: Mapping[str, str] = MappingProxyType({})) -> Difference:
    """What turns ``state`` into ``repo``, as it is in ``target`` (a target's name).

    ``moves`` are renames beside those that the definitions say themselves. Pure. ``repo`` has passed the checks:
    references resolve and do not run in circles.
    """
    graph = graph_of(repo)
    documents = documents_of(repo)
    hashes = fingerprint(repo, target=target, graph=graph, documents=documents)
    recorded = {a: Recorded(definition=document, hashes=hashes[a]) for a, document in documents.items()}
    moves = {**moves_of(repo, state), **moves}
    found = Difference(repo, state, target, graph, recorded, moves, {})
    made = _Own(found).reasons() if state.objects else {}
    everything = {a: () for a in recorded if a not in made} | made
    reasons = dict(_with_upstream(found, everything))
    changes = {change.address: change for change in _changes(found, reasons)}
    return Difference(repo, state, target, graph, recorded, moves, dict(sorted(changes.items())))


@dataclass(frozen=True)
class _Own:
    """The edits that authors made themselves."""

    found: Difference

    @cached_property
    def dialects(self) -> Dialects:
        old = self.found.state.settings
        new = self.found.repo.project.sql_dialect
        return Dialects(old=old.sql_dialect if old else new, new=new)

    @cached_property
    def row_names(self) -> Mapping[str, str]:
        return {
            self.found.catalog.fold(old): self.found.catalog.fold(new)
            for old, new in row_names(self.found.moves).items()
        }

    def comparing(self, address: str) -> Callable[[str, str], QueryComparison]:
        """How to compare two queries of the object at ``address``, by the columns of what they read."""
        view = self.found.repo.definitions[address]

        def compared(old: str, new: str) -> QueryComparison:
            if not isinstance(view, FeatureView):
                return unknown_tables(old, new, self.dialects.new)
            keys = (
                *(key.name for name in view.entities for key in getattr(self.found.repo.entity(name), "join_keys", ())),
                *(name for name in (view.timing.timestamp_field, view.timing.created_timestamp_column) if name),
                *view.timing.unique,
            )
            return compare(old, new, self.columns_of, self.dialects.new, keys)

        return compared

    def columns_of(self, name: str) -> Mapping[str, Type | None] | None:
        table = self.found.catalog.table(name)
        return table.columns if table is not None else None

    @cached_property
    def came_from(self) -> Mapping[str, str]:
        return {new: old for old, new in self.found.moves.items()}

    def reasons(self) -> dict[str, tuple[Reason, ...]]:
        made = {}
        for address, now in self.found.recorded.items():
            was = self.found.state.objects.get(self.came_from.get(address, address))
            if was is not None:
                made[address] = self.of(address, was, now)
        return made

    def of(self, address: str, was: Recorded, now: Recorded) -> tuple[Reason, ...]:
        redialected = self.dialects.old != self.dialects.new
        if was.definition == now.definition and not redialected:
            return ()
        definition_at(self.came_from.get(address, address), was)  # others may have written the registry
        moves = self.found.moves
        before, followed = renamed(was.definition, moves)
        old, new = (as_seen_from(d, self.found.target) for d in (before, now.definition))
        own = edits(old | {"name": new["name"]}, new, self.dialects, self.comparing(address), self.row_names)
        if address in moves.values():
            own = (_moved(was.definition["name"], new["name"]), *(r for r in own if r.pointer != "/moved_from"))
        return (*own, *followed)


def _moved(old: str, new: str) -> Reason:
    text = "the object goes by another name; what is stored for it stays"
    return Reason(pointer="/name", change_class=ChangeClass.IDENTITY, text=text, old=old, new=new)


def _with_upstream(
    found: Difference, own: Mapping[str, tuple[Reason, ...]]
) -> Iterator[tuple[str, tuple[Reason, ...]]]:
    """Own reasons, and those that come from what an object reads, carried down the graph."""
    views = tuple(f"{SLUGS[kind]}/" for kind in VIEW_KINDS)
    made: dict[str, tuple[Reason, ...]] = {}
    touched: set[str] = set()
    moved = frozenset(found.moves.values())
    for address in found.graph.in_order():
        reasons = own[address]
        upstream = found.graph.upstream[address]
        existed = address in found.state.objects or address in moved
        if existed:
            reads = (*upstream, *found.columns.behind(address)) if address.startswith(views) else ()
            inherited = {r: i for r in reads if (i := _inherited(found, address, r, made[r])) is not None}
            found.columns.learn(address, reasons, {read: columns for read, (_, columns) in inherited.items()})
            reasons = (*reasons, *(reason for reason, _ in inherited.values()))
        made[address] = reasons
        if reasons or not existed or touched.intersection(upstream):
            touched.add(address)
        elif address.startswith(views) and _recompiled(found, address):
            made[address] = (Reason(pointer="", change_class=ChangeClass.EQUIVALENT, text=_ANEW),)
    for address in found.graph.upstream:
        yield address, made[address]


_ANEW = "its SQL is generated anew, by another builder or for another engine; its meaning stays"


def _recompiled(found: Difference, address: str) -> bool:
    return found.state.objects[address].hashes.sql != found.recorded[address].hashes.sql


def _inherited(
    found: Difference, address: str, read: str, reasons: tuple[Reason, ...]
) -> tuple[Reason, Columns | None] | None:
    """What a change of ``read`` means for the view at ``address``, which reads it, and for which of its columns."""
    reader = found.repo.definitions[address]
    unseen = _UNSEEN_IN_ROWS if isinstance(reader, FeatureView) else ("/online",)
    reasons = tuple(r for r in reasons if not r.pointer.startswith(unseen))
    cause = worst(reasons) if reasons else ChangeClass.METADATA
    if cause.rank >= ChangeClass.VALUE_CHANGE.rank:
        if read.startswith("entity/"):
            text = f"its key changes with {read}"
            return Reason(pointer="", change_class=cause, text=text, upstream=read, rows=True), EVERYTHING
        columns = found.columns.touched(address, read)
        if columns is EVERYTHING or columns:
            text = f"it reads {read}, whose values can change"
            value = ChangeClass.VALUE_CHANGE
            return Reason(pointer="", change_class=value, text=text, upstream=read, rows=True), columns
    elif cause is ChangeClass.ADDITIVE and not read.startswith("entity/") and _may_notice_columns(found, address):
        text = f"its query may pick up the columns that {read} gains"
        value = ChangeClass.VALUE_CHANGE
        return Reason(pointer="", change_class=value, text=text, upstream=read, rows=True), EVERYTHING
    return None


_UNSEEN_IN_ROWS = ("/online", "/ttl", "/aggregations")
"""What a view does with its rows, which a view on that view reads as they were before."""


def _may_notice_columns(found: Difference, address: str) -> bool:
    """Whether columns that its inputs gain could change what a view gives. A plain source is read by name; a
    query must mean the same, every column resolved, before and after.
    """
    view = found.repo.definitions[address]
    if not isinstance(view, FeatureView) or not view.query:
        return False
    before, _ = analyse_view(found.old_repo, view, found.old_catalog)
    after, _ = analyse_view(found.repo, view, found.catalog)
    return before is None or after is None or bool(before.volatile) or before.query != after.query


def _changes(found: Difference, reasons: Mapping[str, tuple[Reason, ...]]) -> Iterator[Change]:
    came_from = {new: old for old, new in found.moves.items()}
    for address, why in reasons.items():
        previous = came_from.get(address, "")
        was = found.state.objects.get(previous or address)
        if was is None:
            yield _created(address, found.recorded[address])
        elif why:
            cls = worst(why)
            yield Change(
                address=address,
                action=Action.MOVE if previous else Action.UPDATE,
                change_class=cls,
                reasons=why,
                owner=found.recorded[address].owner,
                previous=previous,
                reach=_reach(found, address, cls),
                before=was.definition,
            )
    for address in found.state.objects:
        if address not in found.recorded and address not in found.moves:
            yield _deleted(found, address)


def _created(address: str, now: Recorded) -> Change:
    reason = Reason(pointer="", change_class=ChangeClass.ADDITIVE, text="it is new")
    return Change(
        address=address,
        action=Action.CREATE,
        change_class=ChangeClass.ADDITIVE,
        reasons=(reason,),
        owner=now.owner,
    )


def _deleted(found: Difference, address: str) -> Change:
    was = found.state.objects[address]
    text = "no file defines it any more"
    return Change(
        address=address,
        action=Action.DELETE,
        change_class=ChangeClass.DESTRUCTIVE,
        reasons=(Reason(pointer="", change_class=ChangeClass.DESTRUCTIVE, text=text),),
        owner=was.owner,
        reach=_owned(found, found.old_graph.below(address)),
        before=was.definition,
    )


def _reach(found: Difference, address: str, cls: ChangeClass) -> tuple[Reached, ...]:
    """Who reads the object and can tell the difference."""
    if cls.rank >= ChangeClass.IDENTITY.rank:
        return _owned(found, found.columns.of(address))
    if cls is ChangeClass.ADDITIVE:
        gaining = [a for a in found.graph.downstream[address] if _takes_all(found, a, address)]
        return _owned(found, {*gaining, *found.graph.below(*gaining)})
    return ()


def _takes_all(found: Difference, service: str, address: str) -> bool:
    reader = found.repo.definitions[service]
    name = address.partition("/")[2]
    return isinstance(reader, FeatureService) and any(i.view == name and not i.features for i in reader.features)


def _owned(found: Difference, reached: Mapping[str, Columns | None] | Iterable[str]) -> tuple[Reached, ...]:
    columns = reached if isinstance(reached, dict) else dict.fromkeys(reached, EVERYTHING)
    return tuple(
        Reached(
            address=address,
            owner=(found.recorded.get(address) or found.state.objects[address]).owner,
            features=found.columns.some(address, columns[address]),
        )
        for address in sorted(columns)
    )
