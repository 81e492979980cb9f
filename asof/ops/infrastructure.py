"""The port through which apply touches stores, and the one over asof's own engines and online stores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self
from zlib import crc32

from asof import engines
from asof.compiler.diagnostics import DiagnosticError, rule
from asof.compiler.dialects import STORES
from asof.compiler.infrastructure import ONLINE_TABLE
from asof.compiler.query import SqlSyntaxError, parse
from asof.compiler.source import NOWHERE
from asof.compiler.store_options import same_place, variables
from asof.online import connect as connect_online
from asof.online.base import OnlineTable
from asof.ops.observe import offline_drift, online_drift

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from asof.compiler.model import Store, Target
    from asof.compiler.state import Resource
    from asof.engines.base import Engine
    from asof.online.base import OnlineStore
    from asof.ops.observe import Drifted


FOREIGN_STORE = rule("AS640", "a plan or a registry names a store that is not the target's")
NOT_A_QUERY = rule("AS641", "body of a view is not one query")

LANES = 4
"""Connections to one store that is a server."""

_EMBEDDED = frozenset({"duckdb", "sqlite"})
"""Stores in a file, which one writer at a time may change."""


class Infrastructure(Protocol):
    """What a plan's steps do to the stores. Each call may be repeated and then changes nothing more.

    Raises DiagnosticError with the store's own words, and where a resource belongs to somebody else. It is
    used by one thread; ``another`` is for the next one.
    """

    def lane(self, resource: Resource) -> str:
        """Steps on resources of different lanes may run at the same time."""

    def observe(
        self, resources: Sequence[Resource], *, definitions: bool, online: Store | None = None
    ) -> tuple[Drifted, ...]:
        """What stands otherwise than ``resources`` say in their stores, and in ``online`` even if none is there.

        ``definitions``: the queries of views are compared too.
        """

    def another(self) -> Infrastructure:
        """The same stores over connections of their own."""

    def close(self) -> None:
        """End the connections."""

    def create(self, resource: Resource) -> None:
        """Make ``resource``, empty."""

    def alter(self, resource: Resource) -> None:
        """Bring what stands under the name of ``resource`` to its present form."""

    def drop(self, resource: Resource) -> None:
        """Remove ``resource`` with all it holds."""


class StoreInfrastructure:
    """Opens each store once, when first needed. Use as a context manager: leaving closes them.

    Plans and registries may have been written by somebody else. With ``target`` nothing is made outside of its stores,
    and no other store is given a value of the environment that they are not given (AS640).
    """

    def __init__(self, project: str, *, root: Path, read_only: bool = False, target: Target | None = None) -> None:
        self.project = project
        self.read_only = read_only
        self.root = root
        self.target = target
        self._engines: dict[Store, Engine] = {}
        self._online: dict[Store, OnlineStore] = {}

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
        self, resources: Sequence[Resource], *, definitions: bool, online: Store | None = None
    ) -> tuple[Drifted, ...]:
        places = {(r.kind, r.store) for r in resources} | ({(ONLINE_TABLE, online)} if online else set())
        found: list[Drifted] = []
        for kind, store in sorted(places, key=str):
            ours = [r for r in resources if (r.kind, r.store) == (kind, store)]
            if kind == ONLINE_TABLE:
                found += online_drift(self._online_store(store), self.project, ours, store.type)
            else:
                engine = self._engine(store)
                found += offline_drift(engine, self.project, ours, store.type, definitions=definitions)
        return tuple(found)

    def another(self) -> StoreInfrastructure:
        return StoreInfrastructure(self.project, root=self.root, read_only=self.read_only, target=self.target)

    def close(self) -> None:
        for engine in self._engines.values():
            engine.close()
        for store in self._online.values():
            store.close()
        self._engines.clear()
        self._online.clear()

    def create(self, resource: Resource) -> None:
        self._must_be_ours(resource)
        if resource.kind == ONLINE_TABLE:
            self._online_store(resource.store).create(self._table(resource))
        else:
            self._put_view(resource)

    def alter(self, resource: Resource) -> None:
        self._must_be_ours(resource)
        if resource.kind == ONLINE_TABLE:
            self._online_store(resource.store).alter(self._table(resource))
        else:
            self._put_view(resource)

    def drop(self, resource: Resource) -> None:
        if resource.kind == ONLINE_TABLE:
            self._online_store(resource.store).drop(self._table(resource))
        else:
            self._engine(resource.store).execute([f"DROP VIEW IF EXISTS {_quoted(resource.name)}"])

    def _must_be_ours(self, resource: Resource) -> None:
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
        _must_be_one_query(resource)
        # CREATE OR REPLACE is not in every dialect, and where it is may refuse other columns.
        name = _quoted(resource.name)
        self._engine(resource.store).execute(
            ["BEGIN", f"DROP VIEW IF EXISTS {name}", f"CREATE VIEW {name} AS\n{resource.sql}", "COMMIT"]
        )

    def _table(self, resource: Resource) -> OnlineTable:
        # A moved view keeps its table, which goes on saying what the view was called when it was made.
        project, view, _ = resource.name.split("__")
        return OnlineTable(
            name=resource.name, project=project, view=view, keys=resource.keys, features=resource.features
        )

    def _engine(self, store: Store) -> Engine:
        if store not in self._engines:
            self._may_open(store)
            self._engines[store] = engines.connect(store, root=self.root, read_only=self.read_only)
        return self._engines[store]

    def _online_store(self, store: Store) -> OnlineStore:
        if store not in self._online:
            self._may_open(store)
            self._online[store] = connect_online(store, root=self.root, read_only=self.read_only)
        return self._online[store]


def _must_be_one_query(resource: Resource) -> None:
    """What is run as the body of a view only reads. Raises DiagnosticError AS641."""
    try:
        parse(resource.sql, STORES[resource.store.type])
    except SqlSyntaxError as error:
        message = f"{resource.id} is not one query: {error.message}"
        raise DiagnosticError(NOT_A_QUERY.at(NOWHERE, message)) from error


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
