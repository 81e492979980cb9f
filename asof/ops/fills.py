"""What readers lose by a plan: online tables that were filled and that it drops. Losing them asks for permission."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from asof.compiler.classify import ChangeClass, Reason, worst
from asof.compiler.diagnostics import DiagnosticError, Level, rule
from asof.compiler.guards import NOT_ALLOWED, Blocked, permitted
from asof.compiler.infrastructure import ONLINE_TABLE
from asof.compiler.plan import Fill, Plan, effect_of, in_order
from asof.compiler.policies import Warned
from asof.compiler.store_options import same_place
from asof.ops.materialize import BAD_WATERMARK, WATERMARKS, Run, watermark

EMPTIED = rule("AS625", "a filled online table is dropped", Level.WARNING)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from asof.compiler.diff import Change
    from asof.compiler.state import Resource
    from asof.registry.base import Blobs


def fills_of(plan: Plan, blobs: Blobs) -> tuple[Fill, ...]:
    """What was loaded into the online tables that ``plan`` drops, by table; nothing of those that never were filled.

    It costs one listing where the plan drops tables, and a read for each of them that was filled.
    """
    dropped = [s.before for s in plan.steps if s.action in ("drop", "leave") and s.before is not None]
    tables = {resource.name: resource for resource in dropped if resource.kind == ONLINE_TABLE}
    if not tables:
        return ()
    filled = {key.removeprefix(WATERMARKS).removesuffix(".json") for key in blobs.list(WATERMARKS)}
    fills: list[Fill] = []
    for name, resource in sorted(tables.items()):
        # A run is recorded under the name that the view had then, which a move leaves behind.
        views = {resource.address.partition("/")[2], name.split("__")[1]} & filled
        fills += _fill(resource, [run for view in sorted(views) if (run := _run(blobs, view, name))])
    return tuple(fills)


def _run(blobs: Blobs, view: str, table: str) -> Run | None:
    """The last run of a view into a table; one of nobody knows what where its record is damaged."""
    try:
        run = watermark(blobs, view)
    except DiagnosticError as error:
        if error.code != BAD_WATERMARK.code:
            raise
        return Run(view=view, table=table, as_of="an unknown instant", rows=0, finished="")
    return run if run is not None and run.table == table else None


def _fill(resource: Resource, runs: Sequence[Run]) -> Iterator[Fill]:
    last = max(runs, key=lambda run: run.finished, default=None)
    if last is not None and (last.rows or not last.finished):
        yield Fill(
            address=resource.address,
            table=resource.name,
            as_of=last.as_of,
            rows=last.rows,
            seconds=last.seconds or None,
        )


def asking(plan: Plan, fills: Iterable[Fill]) -> tuple[Fill, ...]:
    """Those of ``fills`` that nobody has permitted to lose.

    Whoever gives the target another online store has said so in asof.yaml, and is not asked for each table that is
    made anew there. Whoever takes the store away is: nothing is served any more.
    """
    protected = {resource.name for resource in unpermitted(plan)}
    return tuple(fill for fill in fills if fill.table in protected)


def unpermitted(plan: Plan) -> tuple[Resource, ...]:
    """The online tables that ``plan`` may drop only as long as they are empty: nobody has permitted to lose rows."""
    made = {step.resource.address for step in plan.steps if step.action == "create"}
    dropped = [s.before for s in plan.steps if s.action in ("drop", "leave") and s.before is not None]
    return tuple(
        resource
        for resource in dropped
        if resource.kind == ONLINE_TABLE
        and (now := _now(plan, resource.address)) not in plan.allowed
        and (now not in made or same_place(resource.store, plan.settings.online))
    )


def at_stake(plan: Plan) -> tuple[Resource, ...]:
    """The online tables that have to be empty, where they stand, when ``plan`` is carried out.

    Watermarks say what was loaded, and they may be gone: a damaged one was removed, a registry was imported, a run was
    killed. And a table that is left in the old store must not be found in the new one, filled: the two are one
    store under two names.
    """
    protected = unpermitted(plan)
    if plan.settings.online is None:
        return protected
    moved = tuple(
        msgspec.structs.replace(step.before, store=plan.settings.online)
        for step in plan.steps
        if step.action == "drop"
        and step.before is not None
        and step.before.kind == ONLINE_TABLE
        and step.before not in protected
        and not same_place(step.before.store, plan.settings.online)
        and _now(plan, step.before.address) not in plan.allowed
    )
    return (*protected, *moved)


def with_fills(plan: Plan, blobs: Blobs, allow_destroy: Collection[str]) -> Plan:
    """``plan`` with what readers lose by it: such changes are destructive, and blocked without permission."""
    fills = fills_of(plan, blobs)
    if not fills:
        return plan
    addresses = {_now(plan, fill.address) for fill in fills}
    allowed = {*plan.allowed, *(address for address in addresses if permitted(address, allow_destroy))}
    by_address = {fill.address: fill for fill in fills}
    judged = msgspec.structs.replace(
        plan,
        fills=fills,
        allowed=tuple(sorted(allowed)),
        changes=tuple(_destructive(change, by_address) for change in plan.changes),
        settings_changes=_settings(plan, fills),
    )
    told = tuple(_told(_now(plan, fill.address), fill) for fill in fills)
    already = {block.address for block in plan.blocked if block.code == NOT_ALLOWED.code}
    blocked = [_blocked(_now(plan, fill.address), fill) for fill in asking(judged, fills)]
    judged = msgspec.structs.replace(
        judged,
        blocked=in_order((*plan.blocked, *(block for block in blocked if block.address not in already))),
        warnings=in_order((*plan.warnings, *told)),
    )
    return msgspec.structs.replace(judged, effect=effect_of(judged))


def _now(plan: Plan, address: str) -> str:
    """The address that an object has after ``plan``, which may rename it."""
    return next((change.address for change in plan.changes if change.previous == address), address)


def _blocked(address: str, fill: Fill) -> Blocked:
    return Blocked(
        address=address,
        code=NOT_ALLOWED.code,
        message=f"{address}: {_loss(fill)}",
        remedy=f"--allow-destroy {address}",
    )


LOST = (
    "its online table, which is filled, is dropped: from the commit on readers find nothing until asof materialize has "
    "filled it again"
)
"""The reason as a change gives it; how much it is, and of when, stands in ``Plan.fills`` and moves with every run."""


def _loss(fill: Fill) -> str:
    took = f"; the last run took {fill.seconds:,.0f} s" if fill.seconds else ""
    return f"{LOST} ({fill.rows:,} rows as of {fill.as_of}{took})"


def _told(address: str, fill: Fill) -> Warned:
    """What is lost and for how long, for whoever permits it."""
    remedy = "run asof materialize right after the apply"
    return Warned(address=address, code=EMPTIED.code, message=f"{address}: {_loss(fill)}", remedy=remedy)


def _destructive(change: Change, fills: dict[str, Fill]) -> Change:
    fill = fills.get(change.previous or change.address)
    if fill is None:
        return change
    reason = Reason(pointer="", change_class=ChangeClass.DESTRUCTIVE, text=LOST)
    reasons = (reason, *change.reasons)
    return msgspec.structs.replace(change, reasons=reasons, change_class=worst(reasons))


def _settings(plan: Plan, fills: Collection[Fill]) -> tuple[Reason, ...]:
    """An online store that is left with what it holds."""
    left = [fill for fill in fills if fill not in asking(msgspec.structs.replace(plan, allowed=()), fills)]
    if not left:
        return plan.settings_changes
    return tuple(
        msgspec.structs.replace(
            reason,
            change_class=ChangeClass.DESTRUCTIVE,
            text=f"{reason.text}; {len(left)} of them {'is' if len(left) == 1 else 'are'} filled",
        )
        if reason.pointer == "/online"
        else reason
        for reason in plan.settings_changes
    )
