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
from asof.compiler.store_options import same_place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from asof.compiler.diff import Difference
    from asof.compiler.model import Repo, Store

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

    ``action`` is create, alter, replace, drop or commit; ``inverse`` undoes it ("" where nothing can).
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
    """All that is to stand in the stores, the steps that lead there, and the tables that start empty."""

    resources: tuple[Resource, ...]
    expand: tuple[Step, ...]
    contract: tuple[Step, ...]
    emptied: frozenset[str]
    """Addresses whose online table is new in place of another: their values must be materialized again."""


def lay_out(found: Difference, view_sql: ViewSql) -> Layout:
    """Compare what stands in the stores with what the definitions call for."""
    planner = _Planner(found, view_sql)
    moves = list(planner.moves())
    kept = [m.after for m in moves if m.after is not None]
    return Layout(
        resources=tuple(sorted(kept, key=lambda r: r.id)),
        expand=_steps(Phase.EXPAND, [m for m in moves if m.action in ("create", "alter")]),
        contract=_steps(Phase.CONTRACT, [m for m in moves if m.action in ("replace", "drop")]),
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


_INVERSES = {"create": "drop", "alter": "alter", "replace": "replace", "drop": ""}


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

    def moves(self) -> Iterator[_Move]:
        for address, definition in self.found.repo.definitions.items():
            if not isinstance(definition, FeatureView):
                continue
            if self.online is not None and definition.online:
                yield from self.table(
                    address, definition, self.online, self.standing.pop((ONLINE_TABLE, address), None)
                )
            if self.offline is not None and definition.query:
                yield from self.view(
                    address, definition, self.offline, self.standing.pop((OFFLINE_VIEW, address), None)
                )
        for (_, address), gone in sorted(self.standing.items()):
            yield _Move(action="drop", reason=self.why_gone(address, gone), before=gone)

    def why_gone(self, address: str, gone: Resource) -> str:
        if address not in self.found.repo.definitions:
            return f"{gone.address} is deleted"
        if gone.kind == OFFLINE_VIEW:
            return f"{address} is no longer written as a query"
        return f"{address} is no longer served online"

    def table(self, address: str, view: FeatureView, store: Store, standing: Resource | None) -> Iterator[_Move]:
        repo = self.found.repo
        keys = tuple(Feature(name=key.name, type=str(key.type)) for key in shape.join_keys(repo, view))
        wanted = tuple(Feature(name=n, type=str(kind)) for n, kind in shape.feature_types(repo, view).items())
        if standing is None:
            made = self.new_table(address, store, keys, wanted, taken="")
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
        made = self.new_table(address, store, keys, wanted, taken="" if moved else standing.name)
        yield _Move(action="create", reason=f"{address}: {why}", after=made, empties=True)
        yield _Move(action="drop", reason=f"{address} has a new table: {why}", before=standing)

    def new_table(
        self, address: str, store: Store, keys: tuple[Feature, ...], wanted: tuple[Feature, ...], *, taken: str
    ) -> Resource:
        """An empty table whose name says what its rows hold, and differs from the one it takes over from."""
        project = self.found.repo.project.project
        holds = [address, self.found.recorded[address].hashes.sql]
        while True:
            name = f"{project}__{address.partition('/')[2]}__{sha256_hex(holds)[:8]}"
            if name != taken:
                break
            holds = [*holds, taken]
        return Resource(kind=ONLINE_TABLE, name=name, address=address, store=store, keys=keys, features=wanted)

    def view(self, address: str, view: FeatureView, store: Store, standing: Resource | None) -> Iterator[_Move]:
        name = f"{self.found.repo.project.project}__{view.name}"
        sql = standing.sql if standing and self.reads_the_same(address, standing) else ""
        sql = sql or self.view_sql(self.found.repo, view)
        made = Resource(kind=OFFLINE_VIEW, name=name, address=address, store=store, sql=sql)
        if standing is None:
            yield _Move(action="create", reason=f"{address} is written as a query", after=made)
        elif (moved := not same_place(standing.store, store)) or standing.name != name:
            why = "the offline store is another one" if moved else "its view goes by another name"
            yield _Move(action="create", reason=f"{address}: {why}", after=made)
            yield _Move(action="drop", reason=f"{address}: {why}", before=standing)
        elif standing.sql != made.sql:
            yield _Move(action="replace", reason=f"the query of {address} reads otherwise", before=standing, after=made)
        else:
            yield _Move(action="", reason="", before=standing, after=made)

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
