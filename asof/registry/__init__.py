"""Registries: where they live and how to open one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asof.compiler.diagnostics import DiagnosticError
from asof.compiler.source import NOWHERE
from asof.registry.base import UNKNOWN_LOCATION
from asof.registry.local import LocalBlobs
from asof.registry.store import Registry

if TYPE_CHECKING:
    from pathlib import Path


def open_registry(location: str, *, root: Path) -> Registry:
    """The registry at ``location``, a path (relative ones start at ``root``, the feature repo).

    Opening touches nothing. Raises DiagnosticError (AS704) for a kind of place that is not supported yet.
    """
    scheme, separator, _ = location.partition("://")
    if separator and scheme != "file":
        message = f"{scheme}:// is not supported yet: a registry lives in a folder for now"
        raise DiagnosticError(UNKNOWN_LOCATION.at(NOWHERE, message))
    return Registry(LocalBlobs(root / location.removeprefix("file://")))
