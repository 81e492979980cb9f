"""The port through which apply touches stores, and the one over asof's own engines and online stores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self
from zlib import crc32

from asof import engines, online
from asof.compiler.infrastructure import ONLINE_TABLE
from asof.online.base import OnlineTable

if TYPE_CHECKING:
    from pathlib import Path

    from asof.compiler.model import Store
    from asof.compiler.state import Resource
    from asof.engines.base import Engine
    from asof.online.base import OnlineStore


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
    """Opens each store once, when first needed. Use as a context manager: leaving closes them."""

    def __init__(self, project: str, *, root: Path) -> None:
        self.project = project
        self.root = root
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

    def another(self) -> StoreInfrastructure:
        return StoreInfrastructure(self.project, root=self.root)

    def close(self) -> None:
        for engine in self._engines.values():
            engine.close()
        for store in self._online.values():
            store.close()
        self._engines.clear()
        self._online.clear()

    def create(self, resource: Resource) -> None:
        if resource.kind == ONLINE_TABLE:
            self._online_store(resource).create(self._table(resource))
        else:
            self._put_view(resource)

    def alter(self, resource: Resource) -> None:
        if resource.kind == ONLINE_TABLE:
            self._online_store(resource).alter(self._table(resource))
        else:
            self._put_view(resource)

    def drop(self, resource: Resource) -> None:
        if resource.kind == ONLINE_TABLE:
            self._online_store(resource).drop(self._table(resource))
        else:
            self._engine(resource).execute([f"DROP VIEW IF EXISTS {_quoted(resource.name)}"])

    def _put_view(self, resource: Resource) -> None:
        # CREATE OR REPLACE is not in every dialect, and where it is may refuse other columns.
        name = _quoted(resource.name)
        self._engine(resource).execute(
            ["BEGIN", f"DROP VIEW IF EXISTS {name}", f"CREATE VIEW {name} AS\n{resource.sql}", "COMMIT"]
        )

    def _table(self, resource: Resource) -> OnlineTable:
        # A moved view keeps its table, which goes on saying what the view was called when it was made.
        project, view, _ = resource.name.split("__")
        return OnlineTable(
            name=resource.name, project=project, view=view, keys=resource.keys, features=resource.features
        )

    def _engine(self, resource: Resource) -> Engine:
        if resource.store not in self._engines:
            self._engines[resource.store] = engines.connect(resource.store, root=self.root)
        return self._engines[resource.store]

    def _online_store(self, resource: Resource) -> OnlineStore:
        if resource.store not in self._online:
            self._online[resource.store] = online.connect(resource.store, root=self.root)
        return self._online[resource.store]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
