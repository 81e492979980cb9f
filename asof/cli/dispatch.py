"""One command line from its arguments to its exit code."""

from __future__ import annotations

import gc
import os
import sys
import traceback
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from asof.cli import complaints, completion
from asof.cli.app import app, print_version
from asof.cli.session import ExitCode, InvalidRepo, Session, Usage
from asof.compiler.diagnostics import Diagnostic, DiagnosticError, Level
from asof.views import frames, listings
from asof.views.terminal import terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asof.api_checks import Checked

_OF_DIAGNOSTIC = {
    "AS190": ExitCode.USAGE,
    "AS194": ExitCode.USAGE,
    "AS902": ExitCode.USAGE,
    "AS904": ExitCode.USAGE,
    "AS191": ExitCode.USAGE,
    "AS193": ExitCode.USAGE,
    "AS605": ExitCode.STALE_PLAN,
    "AS617": ExitCode.STALE_PLAN,
    "AS791": ExitCode.USAGE,
    "AS792": ExitCode.STALE_PLAN,
    "AS616": ExitCode.USAGE,
    "AS618": ExitCode.USAGE,
    "AS619": ExitCode.USAGE,
    "AS608": ExitCode.BLOCKED,
    "AS660": ExitCode.BLOCKED,
    "AS620": ExitCode.UNAVAILABLE,
    "AS621": ExitCode.DRIFT,
    "AS609": ExitCode.PARTIAL_APPLY,
    "AS611": ExitCode.INTERRUPTED,
    "AS613": ExitCode.DRIFT,
    "AS705": ExitCode.CLAIMED,
    "AS706": ExitCode.CLAIMED,
    "AS709": ExitCode.USAGE,
    "AS711": ExitCode.USAGE,
    "AS760": ExitCode.USAGE,
    "AS761": ExitCode.USAGE,
    "AS762": ExitCode.USAGE,
    "AS763": ExitCode.USAGE,
    "AS767": ExitCode.USAGE,
}
_GLOBAL_FLAGS = ("--json", "--no-color")
_GLOBAL_VALUES = ("-C", "--repo")
# A command keeps most of what it builds until it ends; the default of 700 new objects a collection
# spends a third of `asof validate` on finding no garbage.
_COLLECT_AFTER = (400_000, 20, 100)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code. This is the only frame that catches everything."""
    gc.set_threshold(*_COLLECT_AFTER)
    given = list(sys.argv[1:] if arguments is None else arguments)
    session = Session(folder=Path(), terminal=terminal(as_json=wants_json(given), no_color="--no-color" in given))
    if "_ASOF_COMPLETE" in os.environ:
        completion.begin()
    if given == ["--version"]:  # parsing options would import pydantic, half of the time this may take
        return print_version(session)
    ordered = global_first(given)
    try:
        code = app(ordered, prog_name="asof", standalone_mode=False)
    except typer.TyperException as error:
        return _usage(session, complaints.of_parser(error), ordered)
    except Usage as error:
        return _usage(session, str(error), ordered)
    except InvalidRepo as error:
        return _invalid(session, error.found)
    except DiagnosticError as error:
        return _stopped(session, error.diagnostics)
    except (typer.Abort, KeyboardInterrupt):
        return _interrupted(session)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK
    except OSError as error:
        return _system(session, error, given)
    except Exception as error:  # noqa: BLE001 - the outermost frame: a user never sees a traceback
        return _internal(session, error)
    if code == ExitCode.INTERRUPTED and not isinstance(code, ExitCode):  # typer's own answer to Ctrl-C
        return _interrupted(session)
    return int(code or 0)


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether the answer is JSON even where the command line cannot be understood."""
    pairs = pairwise(arguments)
    return "--json" in arguments or "--format=json" in arguments or ("--format", "json") in pairs


def global_first(arguments: Sequence[str]) -> list[str]:
    """The options that every command takes, moved in front of it, and ``-h`` spelled out; what follows ``--`` stays."""
    front: list[str] = []
    rest: list[str] = []
    waiting = iter(arguments)
    for argument in waiting:
        if argument == "--":
            rest += [argument, *waiting]
        elif argument in _GLOBAL_FLAGS or argument.startswith("--repo="):
            front.append(argument)
        elif argument in _GLOBAL_VALUES:
            front += [argument, *(value for value in [next(waiting, None)] if value is not None)]
        else:
            rest.append("--help" if argument == "-h" else argument)
    return front + rest


def _usage(session: Session, message: str, arguments: Sequence[str]) -> ExitCode:
    if complaints.is_help(message):
        session.terminal.note(message)
        return session.end(ExitCode.USAGE, message="a command is missing")
    if message:
        session.terminal.note(f"error: {message}\n{complaints.command(arguments)} --help says what there is.")
    return session.end(ExitCode.USAGE, message=message)


def _interrupted(session: Session) -> ExitCode:
    session.terminal.note("Nothing more was done.")
    return session.end(ExitCode.INTERRUPTED)


def _system(session: Session, error: OSError, arguments: Sequence[str]) -> ExitCode:
    message = complaints.of_file(error)
    session.terminal.note(f"error: {message}")
    code = ExitCode.USAGE if complaints.is_named(error, arguments) else ExitCode.UNAVAILABLE
    return session.end(code, message=message)


def _invalid(session: Session, found: Checked) -> ExitCode:
    if found.repo is None:
        session.terminal.note(frames.render(found.diagnostics, found.sources, colour=session.terminal.colour))
    return session.end(ExitCode.INVALID, diagnostics=listings.diagnostics_json(found.diagnostics))


def _stopped(session: Session, found: tuple[Diagnostic, ...]) -> ExitCode:
    session.terminal.note(frames.render(found, {}, colour=session.terminal.colour))
    code = next((d.code for d in found if d.level is Level.ERROR), "")
    fallback = ExitCode.UNAVAILABLE if code.startswith("AS7") else ExitCode.INVALID
    return session.end(_OF_DIAGNOSTIC.get(code, fallback), diagnostics=listings.diagnostics_json(found))


def _internal(session: Session, error: Exception) -> ExitCode:
    if os.environ.get("ASOF_TRACEBACK"):
        traceback.print_exception(error)
    where = traceback.extract_tb(error.__traceback__)[-1]
    said = f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"
    session.terminal.note(f"internal error: {said}\nThis is a bug in asof. ASOF_TRACEBACK=1 shows where it happened.")
    return session.end(ExitCode.INTERNAL_ERROR, message=said)
