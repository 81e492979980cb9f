"""A registry whose head or current generation cannot be read: what is the last whole generation, and back to it."""

from __future__ import annotations

from dataclasses import dataclass
from secrets import token_hex
from typing import TYPE_CHECKING

import msgspec

from asof.compiler.diagnostics import DiagnosticError
from asof.compiler.source import NOWHERE
from asof.compiler.state import UNREADABLE_STATE, encode
from asof.registry.base import Conflict
from asof.registry.claim import CLAIMED, ClaimError, claimed, runs
from asof.registry.records import Entry, Head
from asof.registry.store import AUDIT, GENERATIONS, HEAD, audit_key

if TYPE_CHECKING:
    from asof.compiler.state import State
    from asof.registry.base import Tag
    from asof.registry.store import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Restorable:
    """What cannot be read, and what a repair makes current in its place; ``state`` is None where nothing whole is left.

    ``newest`` is the greatest serial that was ever given; ``head`` is None where the head itself cannot be read.
    """

    what: str
    id: str
    said: str
    action: str
    hint: str
    head: Head | None
    tag: Tag | None
    newest: int
    state: State | None
    entry: Entry | None


def restorable(registry: Registry) -> Restorable | None:
    """What stands in the way of reading the current generation; None where it can be read, or nothing was applied.

    Raises DiagnosticError AS702 for what a newer asof wrote, AS703 where the registry is out of reach.
    """
    head: Head | None = None
    try:
        current = registry.head()
        if current is None:
            return None
        head = current[0]
        registry.generation_of(head)
    except DiagnosticError as error:
        if error.code != UNREADABLE_STATE.code:
            raise
        said = str(error)
    else:
        return None
    raw = registry.blobs.get(HEAD)
    state, entry, newest = _last_whole(registry)
    newest = max(newest, head.serial if head is not None else 0)
    what, name = ("head", HEAD) if head is None else ("generation", f"{head.serial}")
    action, hint = "", "restore it from a backup"
    if state is not None:
        again = head is None and state.serial == newest
        action = f"make generation {state.serial} current again" + ("" if again else f", as generation {newest + 1}")
        hint = "or restore it from a backup"
    return Restorable(
        what=what,
        id=name,
        said=said,
        action=action,
        hint=hint,
        head=head,
        tag=raw[1] if raw is not None else None,
        newest=newest,
        state=state,
        entry=entry,
    )


def restore(registry: Registry, broken: Restorable, *, by: str, commit: str = "") -> None:
    """Make the last whole generation current. Raises ClaimError while somebody is at work, and where the head moves;
    DiagnosticError AS701 where no generation is whole.
    """
    state, entry, at = broken.state, broken.entry, registry.clock()
    if state is None or entry is None:
        raise DiagnosticError(UNREADABLE_STATE.at(NOWHERE, f"{broken.said}; no generation is whole: {broken.hint}"))
    head = broken.head
    if head is not None and head.claim is not None and runs(head.claim, at):
        raise claimed(head.claim)
    if head is None:
        # Whoever held a claim under the head that is lost must not write any more: epochs only ever rise.
        head = Head(
            project=state.project, target=state.target, lineage=state.lineage, epoch=int(at.timestamp()), nonce=""
        )
    if broken.head is not None or state.serial != broken.newest:
        state = msgspec.structs.replace(
            state, serial=broken.newest + 1, parent=state.generation, generation="", owed=()
        )
        entry = Entry(
            serial=state.serial,
            generation=registry.write_generation(state),
            parent=state.parent,
            apply_id=f"{at:%Y%m%dT%H%M%S}-{token_hex(4)}",
            plan="",
            base=state.parent,
            by=by,
            at=at.isoformat(),
            commit=commit,
        )
    last = msgspec.structs.replace(entry, addresses=())
    # A head may speak of another registry than its generations do, which bear their own hashes: those are believed.
    head = msgspec.structs.replace(head, project=state.project, target=state.target, lineage=state.lineage)
    wanted = msgspec.structs.replace(
        head, serial=state.serial, generation=entry.generation, parent=state.parent, last=last, epoch=head.epoch + 1
    )
    try:
        registry.swap(wanted, broken.tag)
    except Conflict as error:
        raise ClaimError(CLAIMED.at(NOWHERE, "the head moved meanwhile: somebody is at work; look again")) from error
    registry.write_once(audit_key(entry.serial), encode(entry))


def damaged_lines(registry: Registry) -> tuple[tuple[str, Tag, Entry | None], ...]:
    """Lines of the trail that cannot be read: key, tag, and what can be had of it from its generation or the head."""
    readable = {audit_key(entry.serial) for entry in registry.trail()}
    bad = [key for key in registry.trail_keys() if key not in readable]
    found = [(key, blob[1]) for key in bad if (blob := registry.blobs.get(key)) is not None]
    return tuple((key, tag, _line_of(registry, key)) for key, tag in found)


def _line_of(registry: Registry, key: str) -> Entry | None:
    serial = key.removeprefix(AUDIT).removesuffix(".json")
    current = registry.head()
    if current is not None and current[0].last is not None and str(current[0].last.serial) == serial:
        return current[0].last
    at = registry.clock()
    for name in registry.blobs.list(f"{GENERATIONS}{serial}-") if serial.isdecimal() else ():
        digest = name.rpartition("-")[2].removesuffix(".json.gz")
        line = Entry(
            serial=int(serial),
            generation=digest,
            parent="",
            apply_id=f"{at:%Y%m%dT%H%M%S}-{token_hex(4)}",
            plan="",
            base="",
            by="nobody knows: the line was damaged",
            at=at.isoformat(),
        )
        state = registry.whole(line)
        if state is not None:
            return msgspec.structs.replace(line, parent=state.parent, base=state.parent)
    return None


def _last_whole(registry: Registry) -> tuple[State | None, Entry | None, int]:
    """The newest generation of the trail that is whole, its line, and the greatest serial that was ever given."""
    lines = registry.trail()
    written = [int(key.removeprefix(GENERATIONS).partition("-")[0]) for key in registry.blobs.list(GENERATIONS)]
    newest = max([0, *written, *(entry.serial for entry in lines)])
    for entry in reversed(lines):
        state = registry.whole(entry)
        if state is not None:
            return state, entry, newest
    return None, None, newest
