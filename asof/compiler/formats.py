"""Versions of what asof keeps: an older one is brought up to date step by step, a newer one is never touched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asof.compiler.diagnostics import DiagnosticError, rule
from asof.compiler.source import NOWHERE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Document = dict[str, Any]
    Migrations = Mapping[int, Callable[[Document], Document]]

NEWER_STATE = rule("AS702", "registry was written by a newer asof")


def upgraded(document: Document, current: int, migrations: Migrations) -> Document:
    """``document`` in format ``current``; ``migrations`` leads from each older format to the next.

    What does not say its format has the first one.

    Raises DiagnosticError AS702 for a newer format, ValueError for one that never was.
    """
    version = document.get("format", 1)
    if not isinstance(version, int) or isinstance(version, bool):
        raise ValueError(f"its format is {version!r}")
    if version > current:
        message = f"it has format {version} and needs a newer asof: this one reads up to format {current}"
        raise DiagnosticError(NEWER_STATE.at(NOWHERE, message))
    while version < current:
        if version not in migrations:
            raise ValueError(f"there never was a format {version}")
        document = migrations[version](document)
        version += 1
    return {**document, "format": current}
