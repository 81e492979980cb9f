"""The port through which apply touches stores, and the one over asof's own engines and online stores."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, Self
from zlib import crc32

import msgspec

from asof import engines
from asof.compiler.diagnostics import DiagnosticError, rule
from asof.compiler.infrastructure import ONLINE_TABLE
from asof.compiler.source import NOWHERE
from asof.compiler.store_options import same_place, variables
from asof.online import connect as connect_online
from asof.online.base import NOT_OWNED, OnlineTable
from asof.ops import offline_views
from asof.ops.observe import offline_drift, online_drift
from asof.ops.rehearsal import filled, rehearse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from asof.compiler.infrastructure import Step
    from asof.compiler.model import Store, Target
    from asof.compiler.state import Resource
    from asof.engines.base import Engine
    from asof.online.base import OnlineStore
    from asof.ops.observe import Drifted


FOREIGN_STORE = rule("AS640", "a plan or a registry names a store that is not the target's")

LANES = 4
"""Connections to one store that is a server."""

_EMBEDDED = frozenset({"duckdb", "sqlite"})
"""Stores in a file, which one writer at a time may change."""


class Infrastructure(Protocol):
    """What a plan's steps do to the stores. Each call may be repeated and then changes nothing more.

    ``lineage`` is the registry's, once that is known: with a resource's mark it says whose a table is. Methods raise
    DiagnosticError with the store's own words, and where a resource belongs to somebody else. It is used by one
    thread; ``another`` is for the next one.
    """

    lineage: str
    target: Target | None

    def lane(self, resource: Resource) -> str:
        """Steps on resources of different lanes may run at the same time."""

    def observe(
        self, resources: Sequence[Resource], *, definitions: bool, beside: Sequence[tuple[str, Store]] = ()
    ) -> tuple[Drifted, ...]:
        """What stands otherwise than ``resources`` say in their stores.

        ``definitions``: the queries of views are compared too. ``beside`` are kinds and stores that are looked into
        even if none of ``resources`` is there.
        """

    def rehearse(self, steps: Sequence[Step]) -> tuple[str, ...]:
        """Find out whether each of ``steps`` can be carried out, changing nothing; notes on what is otherwise than a
        plan takes for granted and no obstacle. Raises DiagnosticError (AS620, AS621) with every obstacle.
        """

    def filled(self, tables: Sequence[Resource]) -> tuple[Resource, ...]:
        """Those of this registry's online ``tables`` that stand in their stores and hold rows."""

    def another(self) -> Infrastructure:
        """The same stores over connections of their own."""

    def close(self) -> None:
        """End the connections."""

    def create(self, resource: Resource) -> None:
        """Make ``resource``, empty."""

    def alter(self, resource: Resource) -> None:
        """Bring what stands under the name of ``resource`` to its present form; make it where nothing stands."""

    def drop(self, resource: Resource) -> None:
        """Remove ``resource`` with all it holds. What is not this registry's is left alone, and nothing is said."""


class StoreInfrastructure:
    """Opens each store once, when first needed. Use as a context manager: leaving closes them.

    Plans and registries may have been written by somebody else. With ``target`` nothing is made outside of its stores,
    and no other store is given a value of the environment that they are not given (AS640).
    """

    def __init__(
        self, project: str, *, root: Path, read_only: bool = False, target: Target | None = None, lineage: str = ""
    ) -> None:
        self.project = project
        self.read_only = read_only
        self.root = root
        self.target = target
        self.lineage = lineage
        self._engines: dict[Store, Engine] = {}
        self._online: dict[Store, OnlineStore] = {}
        self._refused: dict[tuple[str, Store], DiagnosticError] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def lane(self, resource: Resource) -> str:
        store = resource.store.type
        if store in _EMBEDDED:
            place = "".join(str(value) for _, value in resource.store.options)
            return f"{store}-{place}"
        return f"{store}-{crc32(resource.id.encode()) % LANES}"

    def observe(
        self, resources: Sequence[Resource], *, definitions: bool, beside: Sequence[tuple[str, Store]] = ()
    ) -> tuple[Drifted, ...]:
        places = {*((r.kind, r.store) for r in resources), *beside}
        drift: list[Drifted] = []
        for kind, store in sorted(places, key=str):
            ours = [r for r in resources if (r.kind, r.store) == (kind, store)]
            if kind == ONLINE_TABLE:
                drift += online_drift(self.online_store(store), self.project, ours, store, self.lineage)
            else:
                engine = self.engine(store)
                drift += offline_drift(engine, self.project, ours, store, self.lineage, definitions=definitions)
        return tuple(drift)

    def rehearse(self, steps: Sequence[Step]) -> tuple[str, ...]:
        return rehearse(steps, self)

    def filled(self, tables: Sequence[Resource]) -> tuple[Resource, ...]:
        return filled(tables, self)

    def another(self) -> StoreInfrastructure:
        return StoreInfrastructure(
            self.project, root=self.root, read_only=self.read_only, target=self.target, lineage=self.lineage
        )

    def close(self) -> None:
        for engine in self._engines.values():
            engine.close()
        for store in self._online.values():
            store.close()
        self._engines.clear()
        self._online.clear()
        self._refused.clear()

    def create(self, resource: Resource) -> None:
        self.must_be_ours(resource)
        if resource.kind == ONLINE_TABLE:
            self.online_store(resource.store).create(self.table(resource))
        else:
            self._put_view(resource)

    def alter(self, resource: Resource) -> None:
        self.must_be_ours(resource)
        if resource.kind == ONLINE_TABLE:
            self.online_store(resource.store).alter(self.table(resource))
        else:
            self._put_view(resource)

    def drop(self, resource: Resource) -> None:
        if resource.kind == ONLINE_TABLE:
            store = self.online_store(resource.store)
            try:
                store.drop(self.table(resource))
            except DiagnosticError as error:
                if error.code != NOT_OWNED.code:
                    raise
            return
        relation = self.relation(resource)
        if relation is None or offline_views.ours(relation, resource, self.lineage):
            offline_views.remove(self.engine(resource.store), resource)

    def relation(self, resource: Resource) -> offline_views.Relation | None:
        """What bears the name of an offline view; None where nothing does or the catalogue is not read."""
        engine = self.engine(resource.store)
        if not offline_views.catalogued(engine):
            return None
        return offline_views.relation(engine, resource.name)

    def must_be_ours(self, resource: Resource) -> None:
        if self.target is not None and not any(same_place(resource.store, one) for one in self._stores(self.target)):
            where = f"a {resource.store.type} that target {self.target.name} does not name"
            message = f"{resource.id} is to stand in {where}"
            note = "a plan is for the stores that asof.yaml names: make a new one"
            raise DiagnosticError(FOREIGN_STORE.at(NOWHERE, message, notes=(note,)))

    @staticmethod
    def _stores(target: Target) -> list[Store]:
        return [store for store in (target.offline, target.online) if store is not None]

    def _may_open(self, store: Store) -> None:
        if self.target is None:
            return
        ours = self._stores(self.target)
        strange = variables(store) - {name for s in ours for name in variables(s)}
        if store not in ours and strange:
            names = ", ".join(sorted(strange))
            message = f"the registry or the plan names a {store.type} that asks for {names}, which no store of"
            note = "whoever wrote that would be sent the value; if it was yours, name it in asof.yaml once more"
            raise DiagnosticError(FOREIGN_STORE.at(NOWHERE, f"{message} {self.target.name} does", notes=(note,)))

    def _put_view(self, resource: Resource) -> None:
        offline_views.must_be_one_query(resource)
        relation = self.relation(resource)
        if relation is not None and not offline_views.ours(relation, resource, self.lineage):
            raise offline_views.taken(resource, relation)
        offline_views.put(self.engine(resource.store), resource, self.lineage)

    def table(self, resource: Resource) -> OnlineTable:
        """The table of a resource. One that moved goes on saying what its view was called when it was made."""
        table = OnlineTable.of(resource, project=self.project, lineage=self.lineage)
        return msgspec.structs.replace(table, view=resource.name.split("__")[1])

    def engine(self, store: Store) -> Engine:
        """A session of an offline store. What cannot be opened is not tried twice."""
        if store not in self._engines:
            with self._opening("offline", store):
                self._engines[store] = engines.connect(store, root=self.root, read_only=self.read_only)
        return self._engines[store]

    def online_store(self, store: Store) -> OnlineStore:
        """A connection to an online store, like ``engine``."""
        if store not in self._online:
            with self._opening("online", store):
                self._online[store] = connect_online(store, root=self.root, read_only=self.read_only)
        return self._online[store]

    @contextmanager
    def _opening(self, role: str, store: Store) -> Iterator[None]:
        refused = self._refused.get((role, store))
        if refused is not None:
            raise refused
        self._may_open(store)
        try:
            yield
        except DiagnosticError as error:
            self._refused[role, store] = error
            raise
