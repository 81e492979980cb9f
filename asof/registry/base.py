"""The port of a place where a registry lives: named bytes, and writes that never overwrite unseen."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NewType, Protocol, runtime_checkable

from asof.compiler.diagnostics import DiagnosticError, rule
from asof.compiler.source import NOWHERE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

UNAVAILABLE = rule("AS703", "registry is out of reach")
UNKNOWN_LOCATION = rule("AS704", "registry location is not supported")
NO_BUCKET = rule("AS780", "registry's bucket does not exist")
DENIED = rule("AS781", "registry refuses access")
NO_CREDENTIALS = rule("AS782", "no credentials for the registry")
WRONG_CLOCK = rule("AS783", "clock differs from the registry's")
UNSAFE_STORE = rule("AS784", "store does not keep a registry's promises")
NO_CLIENT = rule("AS785", "client of the registry's store is not installed")
UNKNOWN_OUTCOME = rule("AS786", "outcome of a write is unknown")
BAD_LOCATION_OPTION = rule("AS787", "option of the registry's location is not understood")

Tag = NewType("Tag", str)
"""What a blob was when it was read: an ETag, a generation number or a hash. Opaque; compare only."""

_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")


class Conflict(Exception):  # noqa: N818 - a lost race is an outcome, not a failure
    """A conditional write found something else than it was told to replace; nothing was written."""


class Missing(Conflict):
    """A blob that was to be replaced is gone altogether, which no asof ever does to it."""


class Blobs(Protocol):
    """Named immutable blobs and the few that are replaced by compare-and-swap.

    A blob is seen whole or not at all, and whoever reads after a write returned sees it. Every method
    raises DiagnosticError where the place cannot be read or written (AS703, AS780 to AS784), never pretending
    that it is empty.
    """

    def get(self, key: str) -> tuple[bytes, Tag] | None:
        """The bytes under ``key`` and their tag, or None where there are none."""

    def put(self, key: str, body: bytes, *, replaces: Tag | None) -> Tag:
        """Write ``body`` durably: in place of what bore the tag ``replaces``, or (None) where nothing is yet.

        Raises Conflict where that does not hold, Missing where the blob to replace is gone. Where the outcome is
        unknown (a timeout) it finds out before it returns; DiagnosticError AS786 where that cannot be found out.
        """

    def list(self, prefix: str) -> Iterator[str]:
        """The keys that start with ``prefix``, in order."""

    def delete(self, key: str) -> None:
        """Remove a blob that nothing refers to any more; nothing happens where it is gone.

        Collecting garbage is all that uses it: HEAD.json is never removed.
        """


@runtime_checkable
class Clocked(Protocol):
    """Blobs that know the time of their place. Optional: without it the machine's clock is not compared."""

    def clock(self) -> datetime | None:
        """The place's time (UTC) at the last write of this object, or None if that write did not tell it."""


def checked(key: str) -> str:
    """``key``, which must not lead anywhere else. Raises ValueError."""
    if not _KEY.fullmatch(key):
        raise ValueError(f"{key!r} is not a key")
    return key


def unavailable(place: str, error: Exception) -> DiagnosticError:
    """The error for a place that does not answer."""
    return DiagnosticError(UNAVAILABLE.at(NOWHERE, f"{place}: {error}"))
