"""The registry's own time: what a machine stamps on rows must not run ahead of it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from asof.compiler.diagnostics import DiagnosticError
from asof.compiler.source import NOWHERE
from asof.registry.base import WRONG_CLOCK, Clocked, Conflict, Missing

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from asof.registry.base import Blobs

CLOCK = "runs/clock.json"
MOST_AHEAD = timedelta(minutes=5)
"""How far a machine may be ahead of the registry. Cloud stores themselves refuse requests at 15 minutes."""
_ATTEMPTS = 20


def time_of(blobs: Blobs, clock: Callable[[], datetime]) -> datetime:
    """The present: the later of the machine's time and the registry's, which a small write asks for.

    Only the machine's where the place has no clock. Raises DiagnosticError: AS783 if the machine is more than
    five minutes ahead; AS703, AS780 to AS786 if the registry cannot be written.
    """
    # Taken before the write: one that takes long makes the machine look behind, never ahead.
    ours = clock()
    _touch(blobs, ours)
    theirs = blobs.clock() if isinstance(blobs, Clocked) else None
    if theirs is None:
        return ours
    if ours - theirs > MOST_AHEAD:
        raise _ahead(ours, theirs)
    return max(ours, theirs)


def _touch(blobs: Blobs, ours: datetime) -> None:
    """Write a blob for the sake of the time at which the place receives it."""
    body = f'{{"clock":"{ours.isoformat()}"}}'.encode()
    for _ in range(_ATTEMPTS):
        standing = blobs.get(CLOCK)
        try:
            blobs.put(CLOCK, body, replaces=standing[1] if standing is not None else None)
        except (Conflict, Missing):
            continue
        return


def _ahead(ours: datetime, theirs: datetime) -> DiagnosticError:
    message = (
        f"this machine's clock ({ours:%Y-%m-%d %H:%M:%S} UTC) is {_length(ours - theirs)} ahead of the registry's"
        f" ({theirs:%Y-%m-%d %H:%M:%S} UTC): rows loaded now would count as the newest until then"
    )
    notes = (
        "set this machine's clock (timedatectl set-ntp true) and run asof materialize again; if it is right, set the"
        " clock of the machine that holds the registry",
    )
    return DiagnosticError(WRONG_CLOCK.at(NOWHERE, message, notes=notes))


def _length(apart: timedelta) -> str:
    """A span in its largest unit, such as "11 days"."""
    seconds = apart.total_seconds()
    for size, unit in ((86_400, "days"), (3_600, "hours")):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds / 60:.0f} minutes"
