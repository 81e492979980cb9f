"""The command line as one table: which commands there are, in the order of their help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import asof
from asof.cli import changes, ci, data, definitions, editor, explore, importing, review, tidy, upkeep
from asof.cli import registry as registry_commands
from asof.cli.session import ExitCode, Session
from asof.views.terminal import terminal


def _start(
    context: typer.Context,
    repo: Annotated[
        Path,
        typer.Option("-C", "--repo", metavar="DIR", help="The feature repo; by default the one around this folder."),
    ] = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")] = False,
    no_color: Annotated[bool, typer.Option("--no-color", help="No colour. NO_COLOR=1 does the same.")] = False,
    show_version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Compile feature definitions: YAML in git, a plan on the pull request, point-in-time SQL that cannot leak."""
    context.obj = Session(folder=repo, terminal=terminal(as_json=as_json, no_color=no_color))
    if show_version:
        print_version(context.obj)
        raise typer.Exit


def print_version(session: Session) -> ExitCode:
    """The version, for people or as JSON."""
    session.terminal.say(f"asof {asof.__version__}")
    return session.end(ExitCode.OK, version=asof.__version__)


def version(context: typer.Context) -> int:
    """Print the version."""
    return print_version(context.obj)


app = typer.Typer(
    name="asof",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog="-C, --json and --no-color may stand before or after the command; -h is --help. Exit codes: docs/cli.md.",
)
import_ = typer.Typer(no_args_is_help=True, help="Bring definitions over from elsewhere.")
ci_ = typer.Typer(no_args_is_help=True, help="What jobs of a CI system ask the forge they run on.")
online = typer.Typer(no_args_is_help=True, help="Read what the online store serves.")
registry = typer.Typer(no_args_is_help=True, help="Look into the registry, and after it.")

app.callback(invoke_without_command=True)(_start)
app.command()(version)
app.command()(definitions.init)
app.command()(definitions.validate)
app.command()(changes.plan)
app.command()(review.render)
app.command()(review.report)
app.command()(changes.apply)
app.command()(changes.rollback)
app.command()(changes.promote)
app.command()(changes.drift)
app.command("compile")(definitions.compile_)
app.command("schema")(definitions.schema_)
app.command("dialects")(definitions.dialects_)
app.command()(data.history)
app.command()(data.materialize)
app.command("test")(definitions.feature_tests)
app.command("fmt")(tidy.fmt)
app.command()(tidy.lint)
app.command()(editor.lsp)
app.command()(explore.show)
app.command("list")(explore.list_)
app.command()(explore.search)
app.command()(explore.graph)
app.command()(explore.impact)
app.command()(explore.explain)
app.command()(explore.completion)
import_.command("feast")(importing.feast)
ci_.command()(ci.comment)
ci_.command("pull-request")(ci.pull_request)
ci_.command()(ci.reviewed)
online.command("get")(data.online_get)
registry.command("history")(registry_commands.registry_history)
registry.command("show")(registry_commands.registry_show)
registry.command("export")(registry_commands.registry_export)
registry.command("diff")(upkeep.registry_diff)
registry.command("verify")(upkeep.registry_verify)
registry.command("gc")(upkeep.registry_gc)
registry.command("import")(upkeep.registry_import)
registry.command("unlock")(upkeep.registry_unlock)
registry.command("forgive")(upkeep.registry_forgive)
registry.command("repair")(upkeep.registry_repair)
registry.command("check")(registry_commands.check)
app.add_typer(ci_, name="ci")
app.add_typer(import_, name="import")
app.add_typer(online, name="online")
app.add_typer(registry, name="registry")
