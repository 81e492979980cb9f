"""Commands that look into the registry, or at the place where one lives."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from asof import api, api_registry
from asof.cli.session import ExitCode, Printed, Session, Target, Usage
from asof.views import listings


def registry_history(context: typer.Context, target: Target = "") -> int:
    """Every generation: who made it, when, from which commit, and what it changed."""
    session: Session = context.obj
    entries = api.registry_history(session.root, session.project(), target=target)
    unlocks = api_registry.unlocks(session.root, session.project(), target=target)
    given_up = api_registry.forgiven(session.root, session.project(), target=target)
    session.terminal.say(listings.history(entries) + listings.unlocks(unlocks) + listings.forgiveness(given_up))
    return session.end(
        ExitCode.OK,
        generations=listings.history_json(entries),
        unlocks=[msgspec.to_builtins(u) for u in unlocks],
        forgiven=[msgspec.to_builtins(entry) for entry in given_up],
    )


def registry_show(
    context: typer.Context,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", show_default=False, help="Such as entity/driver.")] = "",
    serial: Annotated[
        int | None, typer.Option("--serial", metavar="N", help="An earlier generation; else the current one.")
    ] = None,
    target: Target = "",
) -> int:
    """What is registered: the list, or one definition as JSON."""
    session: Session = context.obj
    registry = api.registry_of(session.root, session.project(), target)
    state = registry.state() if serial is None else registry.at(serial)
    if address and address not in state.objects:
        raise Usage(listings.unknown("object", address, tuple(state.objects)))
    if address:
        session.terminal.say(listings.definition(state.objects[address]))
        return session.end(ExitCode.OK, address=address, definition=state.objects[address].definition)
    session.terminal.say(listings.registered(state))
    return session.end(ExitCode.OK, serial=state.serial, objects=sorted(state.objects))


def registry_export(
    context: typer.Context,
    out: Printed = None,
    target: Target = "",
) -> int:
    """The whole registry as one readable JSON document."""
    session: Session = context.obj
    body = api.registry_export(session.root, session.project(), target=target)
    if out is None:
        session.terminal.raw(body.decode())
        return ExitCode.OK
    out.write_bytes(body)
    return session.end(ExitCode.OK, file=str(out))


def check(
    context: typer.Context,
    location: Annotated[
        str, typer.Argument(metavar="LOCATION", show_default=False, help="A path or URL; the target's by default.")
    ] = "",
    target: Target = "",
) -> int:
    """Try out whether a bucket or folder keeps what a registry needs; nothing of it stays behind."""
    from asof.views import registry_check

    session: Session = context.obj
    place = location or api.target_of(session.project(), target).registry
    findings = api.registry_check(session.root, place)
    session.terminal.say(registry_check.human(findings))
    code = ExitCode.OK if registry_check.passed(findings) else ExitCode.UNAVAILABLE
    return session.end(code, steps=registry_check.document(findings))
