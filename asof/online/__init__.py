"""Online stores."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

from asof.compiler.store_options import opening, unknown_type

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from asof.compiler.model import Store
    from asof.online.base import OnlineStore

ONLINE_STORES = {"sqlite": "asof.online.sqlite:open_sqlite"}
"""Store type -> where its ``open(store, *, root, read_only)`` lives; imported only when asked for."""


def connect(store: Store, *, root: Path, read_only: bool = False) -> OnlineStore:
    """Open an online store. Relative paths start at ``root``, the feature repo; ``read_only`` creates nothing.

    Raises DiagnosticError: AS720 to AS722 for settings, AS723 where it cannot be reached.
    """
    place = ONLINE_STORES.get(store.type)
    if place is None:
        raise unknown_type(store, role="online", supported=ONLINE_STORES)
    module, _, name = place.partition(":")
    opener: Callable[..., OnlineStore] = getattr(import_module(module), name)
    with opening(store, os.environ):
        return opener(store, root=root, read_only=read_only)
