"""asof: the compiler for feature definitions."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from asof.version import __version__

if TYPE_CHECKING:
    from asof.sdk import Store

__all__ = ["Store", "__version__"]


def __getattr__(name: str) -> object:
    # The SDK brings engines and Arrow along; `asof --version` must not wait for them.
    if name == "Store":
        return import_module("asof.sdk").Store
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
