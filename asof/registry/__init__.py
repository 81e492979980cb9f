"""Registries: where they live and how to open one."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from asof.compiler.diagnostics import DiagnosticError
from asof.compiler.source import NOWHERE
from asof.registry.base import NO_CLIENT, UNKNOWN_LOCATION
from asof.registry.local import LocalBlobs
from asof.registry.location import parse_location
from asof.registry.patience import Patience
from asof.registry.store import Registry
from asof.version import installed_by

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from asof.registry.base import Blobs
    from asof.registry.objects import ObjectBlobs

OBJECT_STORES = {
    "s3": "asof.registry.s3:open_s3",
    "gs": "asof.registry.gcs:open_gcs",
    "az": "asof.registry.azure:open_azure",
    "abfss": "asof.registry.azure:open_azure",
}
"""URL scheme -> where its ``open(location, patience)`` lives; a client is imported only when asked for."""

_EXTRAS = {"asof.registry.azure": "azure"}


def open_registry(location: str, *, root: Path) -> Registry:
    """The registry at ``location``, a URL or a path (relative ones start at ``root``, the feature repo).

    Opening asks nothing of the place. Raises DiagnosticError: AS704, AS785 and AS787 for a location that nobody
    can open, AS782 where the client finds no credentials.
    """
    return Registry(open_blobs(location, root=root))


def open_blobs(location: str, *, root: Path) -> Blobs:
    """The blobs at ``location``; like ``open_registry``."""
    folder = folder_of(location, root=root)
    return LocalBlobs(folder) if folder is not None else open_objects(location)


def folder_of(location: str, *, root: Path) -> Path | None:
    """The folder that ``location`` names, or None where it is a URL of something else."""
    scheme, separator, _ = location.partition("://")
    return None if separator and scheme != "file" else root / location.removeprefix("file://")


def open_objects(location: str, *, start: str = "", patience: Patience | None = None) -> ObjectBlobs:
    """The blobs of an object store at the URL ``location`` whose keys begin with ``start``."""
    parsed = parse_location(location)
    place = OBJECT_STORES.get(parsed.scheme)
    if place is None:
        known = ", ".join(f"{scheme}://" for scheme in OBJECT_STORES)
        message = f"{parsed.scheme}:// is not supported: a registry lives in a folder or at {known}"
        raise DiagnosticError(UNKNOWN_LOCATION.at(NOWHERE, message))
    module, _, name = place.partition(":")
    try:
        opener: Callable[..., ObjectBlobs] = getattr(import_module(module), name)
    except ImportError as error:
        extra = _EXTRAS.get(module)
        note = (f"install it: {installed_by(extra)}",) if extra else ()
        raise DiagnosticError(NO_CLIENT.at(NOWHERE, f"{parsed.place}: {error}", notes=note)) from error
    return opener(parsed.under(start), patience or Patience())
