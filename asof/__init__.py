"""asof: the compiler for feature definitions."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from asof.version import __version__

if TYPE_CHECKING:
    from asof.compiler.diagnostics import Error
    from asof.sdk import Store

__all__ = ["Error", "Store", "__version__"]

_HOMES = {"Error": "asof.compiler.diagnostics", "Store": "asof.sdk"}


def __getattr__(name: str) -> object:
    # The SDK brings engines and Arrow along; `asof --version` must not wait for them.
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
