"""Offline stores."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

from asof.compiler.store_options import opening, unknown_type

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from asof.compiler.model import Store
    from asof.engines.base import Engine

ENGINES = {
    "duckdb": "asof.engines.duckdb:open_duckdb",
    "postgres": "asof.engines.postgres:open_postgres",
    "sqlite": "asof.engines.sqlite:open_sqlite",
}
"""Store type -> where its ``open(store, *, root, read_only)`` lives; imported only when asked for."""


def connect(store: Store, *, root: Path, read_only: bool = False) -> Engine:
    """Open a session of an offline store. Relative paths start at ``root``, the feature repo.

    ``read_only`` shares a store's file with other readers and creates nothing; temporary tables are
    still allowed. Raises DiagnosticError: AS720 to AS722 for settings, AS723 where it cannot be reached.
    """
    place = ENGINES.get(store.type)
    if place is None:
        raise unknown_type(store, role="offline", supported=ENGINES)
    module, _, name = place.partition(":")
    opener: Callable[..., Engine] = getattr(import_module(module), name)
    with opening(store, os.environ):
        return opener(store, root=root, read_only=read_only)
