"""What definitions call for in the stores: online tables and offline views, and how to get there."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Final

import msgspec

from asof.compiler import shape
from asof.compiler.canonical import sha256_hex
from asof.compiler.model import FeatureView
from asof.compiler.state import Feature, Resource, settings_of
from asof.compiler.store_options import same_place, variables

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from asof.compiler.diff import Difference
    from asof.compiler.model import Repo, Store
    from asof.compiler.state import ResourceKey

    ViewSql = Callable[[Repo, FeatureView], str]

ONLINE_TABLE: Final = "online_table"
OFFLINE_VIEW: Final = "offline_view"


class Phase(StrEnum):
    """When a step runs: before, at or after the instant in which readers see the new generation."""

    EXPAND = "expand"
    COMMIT = "commit"
    CONTRACT = "contract"


StepId = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{1,60}\Z")]
"""It stands in the key of a journal's entry."""


class Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One effect. ``before`` and ``after`` are the resource as it was and as it is to be.

    ``action`` is create, alter, replace, drop, leave or commit; ``inverse`` undoes it ("" where nothing can). What is
    left stays in a store that cannot be opened with the target's settings, and is owed from then on.
    Each step is idempotent: done twice it leaves what it left the first time.
    """

    id: StepId
    phase: Phase
    action: str
    reason: str
    inverse: str = ""
    before: Resource | None = None
    after: Resource | None = None

    @property
    def resource(self) -> Resource:
        """What the step works on. Raises ValueError for the commit, which works on the registry."""
        found = self.after or self.before
        if found is None:
            raise ValueError(f"step {self.id} has no resource")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """All that is to stand in the stores, the steps that lead there, and the tables that start empty.

    ``before`` and ``after`` are what the registry records otherwise than it did, of each kind and view.
    """

    resources: tuple[Resource, ...]
    before: tuple[Resource, ...]
    after: tuple[Resource, ...]
    expand: tuple[Step, ...]
    contract: tuple[Step, ...]
    emptied: frozenset[str]
    """Addresses whose online table is new in place of another: their values must be materialized again."""


def lay_out(found: Difference, view_sql: ViewSql) -> Layout:
    """Compare what stands in the stores with what the definitions call for."""
    planner = _Planner(found, view_sql)
    moves = list(planner.moves())
    kept = [m.after for m in moves if m.after is not None]
    altered = [m for m in moves if m.before != m.after]
    return Layout(
        resources=tuple(sorted(kept, key=lambda r: r.id)),
        before=tuple(sorted((m.before for m in altered if m.before is not None), key=lambda r: r.id)),
        after=tuple(sorted((m.after for m in altered if m.after is not None), key=lambda r: r.id)),
        expand=_steps(Phase.EXPAND, [m for m in moves if m.action in ("create", "alter")]),
        contract=_steps(Phase.CONTRACT, [m for m in moves if m.action in ("replace", "drop", "leave")]),
        emptied=frozenset(m.after.address for m in moves if m.after is not None and m.empties),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Move:
    """One resource from one side to the other; ``action`` is "" where nothing is to be done."""

    action: str
    reason: str
    before: Resource | None = None
    after: Resource | None = None
    empties: bool = False


def fresh_name(project: str, address: str, token: str, taken: Collection[str]) -> str:
    """The name of a new online table of the view at ``address`` whose rows are told by ``token``; none of ``taken``."""
    holds = [address, token]
    while True:
        name = f"{project}__{address.partition('/')[2]}__{sha256_hex(holds)[:8]}"
        if name not in taken:
            return name
        holds = [*holds, name]


_INVERSES = {"create": "drop", "alter": "alter", "replace": "replace", "drop": "", "leave": ""}


def _steps(phase: Phase, moves: list[_Move]) -> tuple[Step, ...]:
    return tuple(
        Step(
            id=f"{phase}-{number:04}",
            phase=phase,
            action=move.action,
            reason=move.reason,
            # A view is only text; a table is gone with its rows.
            inverse="create" if move.action == "drop" and move.before and move.before.sql else _INVERSES[move.action],
            before=move.before,
            after=move.after,
        )
        for number, move in enumerate(moves, 1)
    )


class _Planner:
    def __init__(self, found: Difference, view_sql: ViewSql) -> None:
        self.found = found
        self.view_sql = view_sql
        target = found.repo.project.target(found.target)
        self.offline = target.offline if target else None
        self.online = target.online if target else None
        self.standing = {(r.kind, found.moves.get(r.address, r.address)): r for r in found.state.resources}
        self.taken = {r.name for r in (*found.state.resources, *(owed.resource for owed in found.state.owed))}

    def moves(self) -> Iterator[_Move]:
        views = {r.key: r for r in self.found.state.resources if r.kind == OFFLINE_VIEW}
        for address, definition in self.found.repo.definitions.items():
            if not isinstance(definition, FeatureView):
                continue
            if self.online is not None and definition.online:
                yield from self.table(
                    address, definition, self.online, self.standing.pop((ONLINE_TABLE, address), None)
                )
            if self.offline is not None and definition.query:
                yield self.view(address, definition, self.offline, views)
        for (kind, address), gone in sorted(self.standing.items()):
            if kind == ONLINE_TABLE or gone.key in views:
                yield self.removal(gone, self.why_gone(address, gone))

    def removal(self, gone: Resource, why: str) -> _Move:
        """The drop of what the registry no longer records; where its store cannot be opened from here it is left."""
        ours = {name for store in (self.offline, self.online) if store is not None for name in variables(store)}
        lacking = sorted(variables(gone.store) - ours)
        if not lacking:
            return _Move(action="drop", reason=why, before=gone)
        settings = ", ".join(lacking)
        left = f"{why}; it is left in its {gone.store.type}, which asks for {settings} and no store of the target does"
        return _Move(action="leave", reason=left, before=gone)

    def why_gone(self, address: str, gone: Resource) -> str:
        definition = self.found.repo.definitions.get(address)
        if definition is None:
            return f"{gone.address} is deleted"
        if gone.kind != OFFLINE_VIEW:
            return f"{address} is no longer served online"
        if isinstance(definition, FeatureView) and definition.query:
            return f"{address}: {self.why_another(gone)}"
        return f"{address} is no longer written as a query"

    def table(self, address: str, view: FeatureView, store: Store, standing: Resource | None) -> Iterator[_Move]:
        repo = self.found.repo
        keys = tuple(Feature(name=key.name, type=str(key.type)) for key in shape.join_keys(repo, view))
        wanted = tuple(Feature(name=n, type=str(kind)) for n, kind in shape.feature_types(repo, view).items())
        if standing is None:
            made = self.new_table(address, store, keys, wanted)
            yield _Move(action="create", reason=f"{address} is served online", after=made)
            return
        change = self.found.changes.get(address)
        another = not same_place(standing.store, store)
        if another or standing.keys != keys or (change is not None and change.rows):
            yield from self.another_table(address, store, keys, wanted, standing)
            return
        known = set(standing.features)
        grown = (*standing.features, *(f for f in wanted if f not in known))
        after = msgspec.structs.replace(standing, address=address, store=store, features=grown)
        action = "alter" if grown != standing.features else ""
        reason = f"{address} gains {', '.join(f.name for f in grown[len(standing.features) :])}" if action else ""
        yield _Move(action=action, reason=reason, before=standing, after=after)

    def another_table(
        self,
        address: str,
        store: Store,
        keys: tuple[Feature, ...],
        wanted: tuple[Feature, ...],
        standing: Resource,
    ) -> Iterator[_Move]:
        moved = not same_place(standing.store, store)
        why = "the online store is another one" if moved else "stored rows would hold other values"
        made = self.new_table(address, store, keys, wanted)
        yield _Move(action="create", reason=f"{address}: {why}", after=made, empties=True)
        yield self.removal(standing, f"{address} has a new table: {why}")

    def new_table(self, address: str, store: Store, keys: tuple[Feature, ...], wanted: tuple[Feature, ...]) -> Resource:
        """An empty table whose name says what its rows hold, and which no table has that stands or is owed."""
        project = self.found.repo.project.project
        name = fresh_name(project, address, self.found.recorded[address].hashes.sql, self.taken)
        self.taken.add(name)
        return Resource(
            kind=ONLINE_TABLE,
            name=name,
            address=address,
            store=store,
            keys=keys,
            features=wanted,
            mark=self.mark(address),
        )

    def mark(self, address: str) -> str:
        """The mark of what this plan makes for a view: no other generation makes one for it."""
        return f"{address}@{self.found.state.serial + 1}"

    def view(self, address: str, view: FeatureView, store: Store, views: dict[ResourceKey, Resource]) -> _Move:
        """The view under its own name, whichever view of ours goes by that name today; takes that out of ``views``."""
        name = f"{self.found.repo.project.project}__{view.name}"
        own = self.standing.get((OFFLINE_VIEW, address))
        made = Resource(kind=OFFLINE_VIEW, name=name, address=address, store=store, mark=self.mark(address))
        standing = views.pop(made.key, None)
        sql = standing.sql if standing and self.reads_the_same(address, standing) else ""
        made = msgspec.structs.replace(made, sql=sql or self.view_sql(self.found.repo, view))
        if standing is None:
            why = f": {self.why_another(own)}" if own is not None else " is written as a query"
            return _Move(action="create", reason=f"{address}{why}", after=made)
        made = msgspec.structs.replace(made, mark=standing.mark)
        if standing.sql != made.sql:
            why = f"the query of {address} reads otherwise"
            return _Move(action="replace", reason=why, before=standing, after=made)
        return _Move(action="", reason="", before=standing, after=made)

    def why_another(self, own: Resource) -> str:
        """Why a view that stands as ``own`` gets another one."""
        moved = not same_place(own.store, self.offline)
        return "the offline store is another one" if moved else "its view goes by another name"

    def reads_the_same(self, address: str, standing: Resource) -> bool:
        """Whether all that a view is compiled from is as recorded, so that its text need not be made again."""
        read = (address, *self.found.graph.above(address))
        return self.same_settings and standing.address == address and self.unchanged.issuperset(read)

    @cached_property
    def same_settings(self) -> bool:
        return self.found.state.settings == settings_of(self.found.repo, self.found.target)

    @cached_property
    def unchanged(self) -> frozenset[str]:
        """What is defined and hashed, by this very builder, as it is recorded."""
        before = self.found.state.objects
        return frozenset(address for address, now in self.found.recorded.items() if before.get(address) == now)
