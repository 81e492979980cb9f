"""Bringing definitions over from elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from asof.ops.feast_import import Imported


def from_feast(place: str, out: Path, *, project: str = "", force: bool = False, dry_run: bool = False) -> Imported:
    """``asof import feast``: definitions from a Feast repo or registry, as YAML in ``out``.

    Raises DiagnosticError: AS190 where files would be overwritten, AS901 to AS904, and those of object stores.
    """
    from asof.ops.feast_import import import_feast

    return import_feast(place, out, project=project, force=force, dry_run=dry_run)
