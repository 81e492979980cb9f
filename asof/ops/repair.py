"""The last door of a registry: journal, stores and registry side by side, and what puts them right.

It works with a damaged journal, a damaged watermark, and a head or a current generation that cannot be read. No
committed generation is ever removed: where the current one is damaged, the last whole one is made current again, as a
generation of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from asof.compiler.diagnostics import DiagnosticError
from asof.compiler.formats import NEWER_STATE
from asof.compiler.plan import NEWER_PLAN
from asof.compiler.state import encode
from asof.ops.drift import repair
from asof.ops.materialize import BAD_WATERMARK, WATERMARKS, watermark
from asof.ops.observe import BROKEN, DIFFERS, FOREIGN, MISSING, ORPHAN, OWED, STRANGER, owed_drift
from asof.ops.recovery import places, unfinished, unrecorded
from asof.registry.claim import runs
from asof.registry.restore import Restorable, damaged_lines, restorable, restore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asof.compiler.state import State
    from asof.ops.apply import Hands
    from asof.ops.infrastructure import Infrastructure
    from asof.ops.observe import Drifted
    from asof.registry.records import Head
    from asof.registry.store import Registry

SHORT = 12
"""Characters of a lineage that are shown, and that name it."""


class Situation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is not as it should be, and what a repair does about it ("" where somebody has to decide).

    ``what`` is head, generation, apply, watermark, or what ``Drifted.found`` says of a resource.
    """

    what: str
    id: str
    said: str
    action: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """All that is not as it should be; ``restorable`` where the registry has no current generation to read."""

    situations: tuple[Situation, ...]
    restorable: Restorable | None = None

    @property
    def wants(self) -> bool:
        """Whether a repair would do anything."""
        return any(situation.action for situation in self.situations)


def examine(registry: Registry, infrastructure: Infrastructure, *, drop_of: str = "") -> Examination:
    """Look at everything, take no lock, change nothing. Raises DiagnosticError (AS702, AS607) for what is newer."""
    broken = restorable(registry)
    if broken is not None:
        situation = Situation(what=broken.what, id=broken.id, said=broken.said, action=broken.action, hint=broken.hint)
        return Examination(situations=(situation, *_watermarks(registry)), restorable=broken)
    current = registry.seen(registry.generation_of)
    if current is None:
        return Examination(situations=())
    head, state = current
    infrastructure.lineage = state.lineage
    situations = (
        *_applies(registry, head),
        *_watermarks(registry),
        *_lines(registry),
        *(_of_store(d, drop_of) for d in owed_drift(state.owed)),
        *_stores(state, infrastructure, drop_of),
    )
    return Examination(situations=situations)


def carry_out(registry: Registry, hands: Hands, *, drop_of: str = "") -> Examination:
    """Do what ``examine`` proposes, under the lock, and look again. Raises ClaimError while somebody is at work.

    What no generation knows is dropped only where the current generation was there to say so.
    """
    broken = restorable(registry)
    if broken is not None:
        restore(registry, broken, by=hands.actor.by, commit=hands.actor.commit)
    for key in _damaged_watermarks(registry):
        registry.blobs.delete(key)
    for key, tag, line in damaged_lines(registry):
        if line is not None:
            registry.blobs.put(key, encode(line), replaces=tag)
    repair(registry, hands, orphans=broken is None, drop_of=drop_of)
    return examine(registry, hands.infrastructure, drop_of=drop_of)


def _applies(registry: Registry, head: Head) -> Iterator[Situation]:
    if head.claim is None:
        return
    if runs(head.claim, registry.clock()):
        said = f"{head.claim.owner} is at work, until {head.claim.until:%Y-%m-%dT%H:%M:%SZ} at the latest"
        hint = "if that apply is surely dead: asof registry unlock --reason WHY"
        yield Situation(what="apply", id=head.claim.apply_id, said=said, hint=hint)
        return
    for apply_id in (*head.claim.unfinished, head.claim.apply_id):
        try:
            left = unfinished(registry, head, apply_id)
        except DiagnosticError as error:
            if error.code in (NEWER_PLAN.code, NEWER_STATE.code):
                raise
            yield Situation(what="apply", id=apply_id, said=str(error))
            continue
        if left.damaged:
            said = f"it stopped on its way, and its journal cannot be read: {left.damaged}"
            yield Situation(what="apply", id=apply_id, said=said, action="look at the stores for what it left")
        elif left.plan is None:
            yield Situation(what="apply", id=apply_id, said="it stopped before it began", action="end it")
        elif left.committed:
            yield Situation(what="apply", id=apply_id, said="it stopped after its commit", action="finish it")
        else:
            said = "it stopped on its way and readers have seen nothing of it"
            yield Situation(what="apply", id=apply_id, said=said, action="undo it", hint="or asof apply --resume")


def _watermarks(registry: Registry) -> Iterator[Situation]:
    for key in _damaged_watermarks(registry):
        view = key.removeprefix(WATERMARKS).removesuffix(".json")
        hint = f"asof materialize --views {view} writes it anew"
        yield Situation(what="watermark", id=key, said="it cannot be read", action="remove it", hint=hint)


def _lines(registry: Registry) -> Iterator[Situation]:
    for key, _, line in damaged_lines(registry):
        action = "write it anew: what its generation tells" if line is not None else ""
        hint = "" if line is not None else "its generation is gone too: restore it from a backup, or remove it"
        yield Situation(what="trail", id=key, said="it cannot be read", action=action, hint=hint)


def _damaged_watermarks(registry: Registry) -> tuple[str, ...]:
    damaged = []
    for key in registry.blobs.list(WATERMARKS):
        try:
            watermark(registry.blobs, key.removeprefix(WATERMARKS).removesuffix(".json"))
        except DiagnosticError as error:
            if error.code != BAD_WATERMARK.code:
                raise
            damaged.append(key)
    return tuple(damaged)


def _stores(state: State, infrastructure: Infrastructure, drop_of: str) -> Iterator[Situation]:
    """What each store of the target, and each that the generation names, holds otherwise than recorded."""
    everywhere = dict.fromkeys([*((r.kind, r.store) for r in state.resources), *places(infrastructure)])
    for kind, store in everywhere:
        ours = tuple(r for r in state.resources if (r.kind, r.store) == (kind, store))
        try:
            drift = infrastructure.observe(ours, definitions=True, beside=((kind, store),))
        except DiagnosticError as error:
            hint = "once it answers, run asof registry repair again"
            yield Situation(what="store", id=f"{kind} in {store.type}", said=str(error), hint=hint)
            continue
        yield from (_of_store(drifted, drop_of) for drifted in unrecorded(drift, state, strangers=True))


_ACTIONS = {
    MISSING: "make it anew, empty",
    ORPHAN: "drop it",
    OWED: "try again",
    DIFFERS: "make it anew",
    FOREIGN: "make another under a new name, empty",
}
_HINTS = {
    BROKEN: "mend what the query reads, or the definition, and apply",
    OWED: "asof registry forgive ADDRESS --reason WHY gives it up",
}


def _of_store(drifted: Drifted, drop_of: str) -> Situation:
    resource = drifted.resource
    action, hint = _ACTIONS.get(drifted.found, ""), _HINTS.get(drifted.found, "")
    is_view = resource is not None and bool(resource.sql)
    if drifted.found == FOREIGN and is_view:
        action, hint = "", "rename or remove what has its name, then run this again"
    elif drifted.found == DIFFERS and not is_view:
        action = "make another under a new name, empty, and drop this one"
    elif drifted.found == STRANGER and resource is not None:
        lineage = resource.mark.partition("/")[0][:SHORT]
        dropped = bool(drop_of) and resource.mark.startswith(drop_of)
        action = "drop it" if dropped else ""
        hint = "" if dropped else f"if that registry is gone for good: asof registry repair --drop-of {lineage}"
    return Situation(what=drifted.found, id=drifted.id, said=drifted.said, action=action, hint=hint)
