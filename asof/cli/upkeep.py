"""Commands that look after a registry: compare, verify, clean up, carry to another place, break glass."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from asof import api_registry
from asof.cli.session import ExitCode, Session, Target, Usage, Yes, is_terminal
from asof.views import listings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asof.ops.repair import Situation

Serial = Annotated[int, typer.Argument(show_default=False, min=0, help="A generation; 0 is the empty registry.")]


def registry_diff(context: typer.Context, before: Serial, after: Serial, target: Target = "") -> int:
    """What changed from one generation to another, and whom it reached."""
    from asof.views import plans

    session: Session = context.obj
    made = api_registry.diff(session.root, session.project(), before, after, target=target)
    session.terminal.say(
        plans.difference(made, before, after, colour=session.terminal.colour, width=session.terminal.width)
    )
    changes = plans.as_json(made)
    return session.end(
        ExitCode.OK,
        before=before,
        after=after,
        changes=changes.get("changes", []),
        settings_changes=changes.get("settings_changes", []),
    )


def registry_verify(context: typer.Context, target: Target = "") -> int:
    """Read every generation and compare it with its hash."""
    session: Session = context.obj
    found = api_registry.verify(session.root, session.project(), target=target)
    session.terminal.say(listings.verified(found))
    damaged = any(v.found == "damaged" for v in found)
    code = ExitCode.UNAVAILABLE if damaged else ExitCode.OK
    return session.end(code, generations=[msgspec.to_builtins(v) for v in found])


def registry_gc(
    context: typer.Context,
    keep: Annotated[
        int, typer.Option("--keep", min=1, metavar="N", help="Generations that stay, so that rollback can reach them.")
    ] = 50,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would go.")] = False,
    target: Target = "",
    yes: Yes = False,
) -> int:
    """Remove old generations, and the journals of applies that have ended. The audit trail stays."""
    session: Session = context.obj
    project = session.project()
    keys = api_registry.garbage(session.root, project, target=target, keep=keep)
    if dry_run or not keys:
        session.terminal.say(listings.collected(keys, "would be removed"))
        return session.end(ExitCode.OK, removed=[], garbage=list(keys))
    if not yes:
        if session.terminal.json or not is_terminal():
            raise Usage("nobody can be asked here; pass --yes, or --dry-run")
        session.terminal.say(listings.collected(keys, "would be removed"))
        if typer.prompt("Remove them for ever? Only yes is taken for yes", default="no", show_default=False) != "yes":
            raise typer.Abort
    removed = api_registry.collect(session.root, project, target=target, keep=keep)
    session.terminal.say(listings.collected(removed, "removed"))
    return session.end(ExitCode.OK, removed=list(removed), garbage=[])


def registry_import(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", show_default=False, help="What `registry export` wrote.")],
    target: Target = "",
) -> int:
    """Make an empty registry what an export holds: the last generation and the trail, under the same lineage."""
    session: Session = context.obj
    made = api_registry.import_(session.root, session.project(), file.read_bytes(), target=target)
    session.terminal.say(f"Imported: {made.project} in {made.target} is at serial {made.serial}.")
    return session.end(ExitCode.OK, serial=made.serial, generation=made.generation)


def registry_unlock(
    context: typer.Context,
    reason: Annotated[
        str, typer.Option("--reason", metavar="WHY", show_default=False, help="Kept in the audit trail for ever.")
    ],
    target: Target = "",
) -> int:
    """Break glass: end the claim of an apply that is surely dead, before its lease does."""
    session: Session = context.obj
    if not reason.strip():
        raise Usage("--reason says why, for those who read the audit trail later")
    made = api_registry.unlock(session.root, session.project(), target=target, reason=reason.strip())
    session.terminal.say(listings.unlocked(made))
    return session.end(ExitCode.OK, unlocked=msgspec.to_builtins(made) if made else None)


def registry_forgive(
    context: typer.Context,
    address: Annotated[
        str,
        typer.Argument(metavar="ADDRESS", show_default=False, help="Such as feature_view/orders, as plans list it."),
    ],
    reason: Annotated[
        str, typer.Option("--reason", metavar="WHY", show_default=False, help="Kept in the audit trail for ever.")
    ],
    target: Target = "",
) -> int:
    """Give up a step that a store refuses for good: it is owed no longer, and nothing is done to the store.

    What it should have dropped stays where it is. For example: asof registry forgive feature_view/orders
    --reason "the old cluster is gone".
    """
    session: Session = context.obj
    if not reason.strip():
        raise Usage("--reason says why, for those who read the audit trail later")
    project = session.project()
    given_up = api_registry.forgive(session.root, project, address, target=target, reason=reason.strip())
    if not given_up and (owed := api_registry.owed(session.root, project, target=target)):
        known = ", ".join(sorted({debt.resource.address for debt in owed}))
        raise Usage(f"no store owes anything of {address}; stores owe steps of {known}")
    session.terminal.say(listings.forgiven(address, given_up))
    return session.end(ExitCode.OK, forgiven=[msgspec.to_builtins(debt) for debt in given_up])


def registry_repair(
    context: typer.Context,
    drop_of: Annotated[
        str,
        typer.Option(
            "--drop-of",
            metavar="REGISTRY",
            help="Also drop what that registry, which is gone for good, has made in these stores.",
        ),
    ] = "",
    target: Target = "",
    yes: Yes = False,
) -> int:
    """The last door: show journal, stores and registry side by side, and put right what can be put right.

    What an apply left is finished or undone, what is owed is tried again, missing tables and views are made anew,
    tables that are not as recorded are replaced, leftovers are dropped; a registry without a readable generation goes
    back to its last whole one. Exit code 0 where nothing is left, 8 where something is. For example:
    asof registry repair, then asof registry repair --yes.
    """
    session: Session = context.obj
    if drop_of and len(drop_of) < _SHORTEST:
        raise Usage(f"--drop-of takes the {_SHORTEST} characters or more that asof registry repair shows")
    project = session.project()
    before = api_registry.examine(session.root, project, target=target, drop_of=drop_of)
    session.terminal.say(listings.situations(before.situations))
    if not before.wants or not _agreed(session, yes=yes):
        code = ExitCode.DRIFT if before.situations else ExitCode.OK
        return session.end(code, situations=_situations_json(before.situations), repaired=False)
    left = api_registry.repair_all(session.root, project, target=target, drop_of=drop_of)
    session.terminal.say("\n" + listings.repaired(left.situations))
    code = ExitCode.DRIFT if left.situations else ExitCode.OK
    return session.end(
        code,
        situations=_situations_json(left.situations),
        before=_situations_json(before.situations),
        repaired=True,
    )


_SHORTEST = 12


def _situations_json(situations: Sequence[Situation]) -> list[object]:
    return [msgspec.to_builtins(situation) for situation in situations]


def _agreed(session: Session, *, yes: bool) -> bool:
    """Whether to go on; where nobody can be asked, the list is all there is."""
    if yes:
        return True
    if session.terminal.json or not is_terminal():
        session.terminal.note("Nothing was changed: --yes carries it out.")
        return False
    if typer.prompt("\nCarry that out? Only yes is taken for yes", default="no", show_default=False) != "yes":
        raise typer.Abort
    return True
