"""Care for a registry: verify every generation, remove what nobody needs, carry a registry to another place."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

from asof.compiler.diagnostics import DiagnosticError, rule
from asof.compiler.formats import NEWER_STATE
from asof.compiler.plan import OTHER_REGISTRY
from asof.compiler.source import NOWHERE
from asof.compiler.state import State, encode, state_bytes, state_from_bytes
from asof.registry.claim import Claimed
from asof.registry.records import Entry, Head
from asof.registry.store import GENERATIONS, JOURNAL, NO_SUCH_SERIAL, audit_key, head_from_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asof.registry.store import Registry

UNUSABLE_EXPORT = rule("AS710", "export cannot be imported")
NOT_EMPTY = rule("AS711", "registry to import into is not empty")
UNSETTLED = rule("AS712", "an apply that stopped on its way has to be settled first")


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one generation: ``found`` is whole, collected (removed by gc) or damaged; then ``why``."""

    serial: int
    generation: str
    found: str
    why: str = ""


def verify(registry: Registry) -> tuple[Verified, ...]:
    """Read every generation of the trail and compare it with its hash, oldest first.

    Raises DiagnosticError AS702 for one that a newer asof wrote: it is not damaged, and not for this one to judge.
    """
    # In this order what others do meanwhile is no damage: what the trail has was there when the keys were listed or
    # was taken by gc, and gc takes nothing that the head names after that.
    history = registry.history()
    kept = set(registry.blobs.list(GENERATIONS))
    found = registry.head()
    if found is None:
        return ()
    return tuple(
        _verified(registry, entry, parent, kept, found[0])
        for entry, parent in zip(history, ("", *(entry.generation for entry in history)), strict=False)
    )


def _verified(registry: Registry, entry: Entry, parent: str, kept: set[str], head: Head) -> Verified:
    def said(found: str, why: str = "") -> Verified:
        return Verified(serial=entry.serial, generation=entry.generation, found=found, why=why)

    current = entry.generation == head.generation
    if entry.serial == head.serial and not current:
        return said("damaged", "the head names another generation of this number")
    if f"{GENERATIONS}{entry.serial}-{entry.generation}.json.gz" not in kept:
        # gc never takes the generation that the head names.
        missing = "missing: the head names it; restore it from a backup"
        return said("damaged", missing) if current else said("collected")
    try:
        state = registry.at(entry.serial)
    except DiagnosticError as error:
        if error.code == NEWER_STATE.code:
            raise
        gone = error.code == NO_SUCH_SERIAL.code and not current
        return said("collected") if gone else said("damaged", str(error))
    if entry.serial > 1 and parent and state.parent != parent:
        return said("damaged", "it does not follow from the generation before it")
    return said("whole")


def garbage(registry: Registry, keep: int) -> tuple[str, ...]:
    """The keys nobody needs: all but the last ``keep`` generations, attempts at one, journals of what has ended."""
    found = registry.head()
    if found is None:
        return ()
    head = found[0]
    alive = {entry.generation for entry in registry.history()[-max(keep, 1) :]} | {head.generation}
    working = {head.claim.apply_id, *head.claim.unfinished} if head.claim else set()
    return (
        *(key for key in registry.blobs.list(GENERATIONS) if _digest(key) not in alive),
        *(key for key in registry.blobs.list(JOURNAL) if key.split("/")[1] not in working),
    )


def collect(registry: Registry, *, owner: str, keep: int) -> tuple[str, ...]:
    """Remove the garbage, under a claim: an apply in between would have written what its head does not name yet.

    Raises DiagnosticError AS712 where an apply stopped on its way: its journal is needed.
    """
    found = registry.seen(registry.generation_of)  # before the claim: what cannot be read is not to be touched
    if found is None:
        return ()
    claim = Claimed.take(registry, owner=owner, project=found[0].project, target=found[0].target)
    if claim.unfinished:
        claim.withdraw()
        raise _unsettled()
    try:
        with claim.beating():
            keys = garbage(registry, keep)
            for key in keys:
                claim.guard()
                registry.blobs.delete(key)
    finally:
        claim.release()
    return keys


def export(registry: Registry) -> bytes:
    """The head, the current generation and the trail as one readable JSON document."""
    found = registry.seen(registry.generation_of)
    document = {
        "head": msgspec.to_builtins(found[0]) if found else None,
        "state": msgspec.json.decode(state_bytes(found[1])) if found else None,
        "history": [msgspec.to_builtins(entry) for entry in registry.history()],
    }
    return msgspec.json.format(msgspec.json.encode(document, order="sorted"), indent=2) + b"\n"


def import_(registry: Registry, body: bytes, *, owner: str, project: str, target: str) -> State:
    """Make an empty place what ``asof registry export`` wrote down: the current generation, its trail, its lineage.

    It works under a claim as an apply does: readers see an empty registry until all is there, and an import that
    stopped on its way may be run again.

    Raises DiagnosticError: AS710 for anything else than a whole export, AS711 where something is registered already,
    AS712 where an apply was under way when it was made or stopped in the place it is to go to, AS610 for an export of
    another project or target; ClaimError while somebody is at work there.
    """
    head, state, history = _read(body)
    if (head.project, head.target) != (project, target):
        message = f"the export is of {head.project}, target {head.target}; this is {project}, target {target}"
        raise DiagnosticError(OTHER_REGISTRY.at(NOWHERE, message))
    if head.claim is not None:
        raise _unsettled()
    found = registry.head()
    if found is not None and found[0].serial:
        raise _not_empty()
    claim = Claimed.take(registry, owner=owner, project=project, target=target)
    stopped = [key for apply_id in claim.unfinished for key in registry.blobs.list(f"{JOURNAL}{apply_id}/")]
    if claim.head.serial or stopped:
        claim.withdraw()
        raise _unsettled() if stopped else _not_empty()
    try:
        with claim.beating():
            registry.write_generation(state)
            for entry in history:
                claim.guard()
                registry.write_once(audit_key(entry.serial), encode(entry))
        claim.become(head)
    except BaseException:
        claim.abandon()
        raise
    return state


def _read(body: bytes) -> tuple[Head, State, tuple[Entry, ...]]:
    try:
        document = msgspec.json.decode(body, type=dict[str, Any])
        head = head_from_json(document["head"])
        state = state_from_bytes(msgspec.json.encode(document["state"], order="sorted"), head.generation)
        history = msgspec.convert(document.get("history", []), tuple[Entry, ...])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError, KeyError, AttributeError) as error:
        raise DiagnosticError(UNUSABLE_EXPORT.at(NOWHERE, f"this is not an export: {error}")) from error
    if (state.serial, state.lineage) != (head.serial, head.lineage) or _hash(state) != head.generation:
        message = "it was edited, or is cut short: its contents do not match their hash"
        raise DiagnosticError(UNUSABLE_EXPORT.at(NOWHERE, message))
    return head, state, tuple(_below(history, head.serial))


def _below(history: tuple[Entry, ...], serial: int) -> Iterator[Entry]:
    return (entry for entry in history if 0 < entry.serial <= serial)


def _hash(state: State) -> str:
    return hashlib.sha256(state_bytes(state)).hexdigest()


def _digest(key: str) -> str:
    return key.removeprefix(GENERATIONS).partition("-")[2].removesuffix(".json.gz")


def _unsettled() -> DiagnosticError:
    notes = ("asof apply --resume finishes it; asof apply --abort undoes what readers have not seen",)
    return DiagnosticError(UNSETTLED.at(NOWHERE, "an apply stopped on its way and left its claim", notes=notes))


def _not_empty() -> DiagnosticError:
    message = "there is a registry at that place: an import would overwrite it"
    return DiagnosticError(NOT_EMPTY.at(NOWHERE, message))
