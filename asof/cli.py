"""argv -> api -> views -> exit code; nothing else."""

from __future__ import annotations

import os
import sys
import traceback
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import asof
from asof import api
from asof.compiler.diagnostics import Diagnostic, DiagnosticError, Level, has_errors
from asof.views import frames, listings
from asof.views.progress import ProgressBar
from asof.views.terminal import Terminal, terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asof.compiler.model import Project, Repo
    from asof.compiler.plan import Plan
    from asof.ops.apply import Applied


class ExitCode(IntEnum):
    """What a shell and a CI job learn; the JSON answer holds the number and the name in lower case."""

    OK = 0
    INTERNAL_ERROR = 1
    CHANGES = 2
    STALE_PLAN = 4
    CLAIMED = 5
    PARTIAL_APPLY = 6
    BLOCKED = 7
    INVALID = 9
    UNAVAILABLE = 10
    USAGE = 64
    INTERRUPTED = 130


_OF_DIAGNOSTIC = {
    "AS190": ExitCode.USAGE,
    "AS191": ExitCode.USAGE,
    "AS193": ExitCode.USAGE,
    "AS605": ExitCode.STALE_PLAN,
    "AS608": ExitCode.BLOCKED,
    "AS609": ExitCode.PARTIAL_APPLY,
    "AS705": ExitCode.CLAIMED,
    "AS706": ExitCode.CLAIMED,
    "AS709": ExitCode.USAGE,
}
_GLOBAL_FLAGS = ("--json", "--no-color")
_GLOBAL_VALUES = ("-C", "--repo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What every command needs: where the repo is, and the terminal."""

    folder: Path
    terminal: Terminal

    @property
    def root(self) -> Path:
        """The nearest folder upwards that holds asof.yaml; the folder itself where there is none."""
        here = self.folder.resolve()
        return next((f for f in (here, *here.parents) if (f / "asof.yaml").is_file()), here)

    def end(self, code: ExitCode, **fields: object) -> ExitCode:
        """A command's last word: the JSON answer and the exit code."""
        self.terminal.answer(code, code.name.lower(), fields)
        return code

    def check(self) -> api.Checked:
        """The repo, with what was found in it shown."""
        found = api.check(self.root)
        if found.repo is not None and found.diagnostics:
            self.terminal.note(frames.render(found.diagnostics, found.sources, colour=self.terminal.colour))
        return found

    def project(self) -> Project:
        """asof.yaml alone matters: what runs is what was applied."""
        found = api.check(self.root)
        if found.repo is None:
            raise InvalidRepo(found)
        return found.repo.project

    def repo(self) -> Repo:
        """The repo, or the end of the command: InvalidRepo."""
        found = self.check()
        if found.sound is None:
            raise InvalidRepo(found)
        return found.sound


class InvalidRepo(Exception):  # noqa: N818 - an outcome, already shown
    """The repo has errors."""

    def __init__(self, found: api.Checked) -> None:
        super().__init__("the repo has errors")
        self.found = found


class Usage(Exception):  # noqa: N818 - an outcome
    """The command line asks for what cannot be, in a way that only the command can tell."""


app = typer.Typer(
    name="asof",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog="-C, --json and --no-color may stand before or after the command. Exit codes: docs/cli.md.",
)
online = typer.Typer(no_args_is_help=True, help="Read what the online store serves.")
registry = typer.Typer(no_args_is_help=True, help="Look into the registry.")
app.add_typer(online, name="online", rich_help_panel=None)
app.add_typer(registry, name="registry", rich_help_panel=None)

Target = Annotated[
    str, typer.Option("--target", metavar="NAME", help="A target of asof.yaml; its first one by default.")
]
Allow = Annotated[
    list[str] | None,
    typer.Option("--allow-destroy", metavar="ADDRESS", help="Permit the deletion of this object. Repeatable."),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@app.callback(invoke_without_command=True)
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
        _version(context.obj)
        raise typer.Exit


def _version(session: Session) -> ExitCode:
    session.terminal.say(f"asof {asof.__version__}")
    return session.end(ExitCode.OK, version=asof.__version__)


@app.command()
def version(context: typer.Context) -> int:
    """Print the version."""
    return _version(context.obj)


@app.command()
def init(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", show_default=False, help="Where; here by default.")
    ] = Path(),
) -> int:
    """Make a small feature repo that works at once, or renew the schemas of one that is there."""
    session: Session = context.obj
    place = session.folder / folder
    written = api.init(place)
    session.terminal.say(listings.initialised(place, written))
    return session.end(ExitCode.OK, folder=str(place), files=written)


@app.command()
def validate(context: typer.Context) -> int:
    """Check every definition, reference and query, without any connection."""
    session: Session = context.obj
    found = session.check()
    if found.sound is None:
        raise InvalidRepo(found)
    session.terminal.say(listings.validated(found.sound, found.diagnostics))
    return session.end(
        ExitCode.OK, definitions=len(found.sound.definitions), diagnostics=listings.diagnostics_json(found.diagnostics)
    )


@app.command()
def plan(
    context: typer.Context,
    target: Target = "",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Keep the plan for `asof apply FILE`.")
    ] = None,
    allow_destroy: Allow = None,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit with 2 where there are changes.")
    ] = False,
) -> int:
    """Show what would change, why, and whom it reaches. Takes no lock and writes nothing."""
    session: Session = context.obj
    made = api.plan(session.root, session.repo(), target=target, allow_destroy=allow_destroy or ())
    if out is not None:
        api.write_plan(made, out)
    _show_plan(session, made)
    code = ExitCode.CHANGES if detailed_exitcode and not made.empty else ExitCode.OK
    code = ExitCode.BLOCKED if made.blocked else code
    return session.end(code, plan=_plan_json(made))


@app.command()
def apply(
    context: typer.Context,
    plan_file: Annotated[
        Path | None,
        typer.Argument(metavar="[PLAN]", help="A file that `asof plan --out` wrote; else a fresh plan is made."),
    ] = None,
    target: Target = "",
    allow_destroy: Allow = None,
    yes: Yes = False,
) -> int:
    """Carry out a plan: make the stores and the registry what the definitions say."""
    session: Session = context.obj
    if plan_file is not None:
        if target or allow_destroy:
            raise Usage("a plan file says itself what its target is and what may be deleted; make a new plan instead")
        return _carry_out(session, session.project(), api.read_plan(plan_file), ask=False)
    repo = session.repo()
    allowed = tuple(allow_destroy or ())
    made = api.plan(session.root, repo, target=target, allow_destroy=allowed)
    named = _ask_for_names(session, made, yes)
    if named:
        made = api.plan(session.root, repo, target=target, allow_destroy=(*allowed, *named))
    return _carry_out(session, repo.project, made, ask=not yes)


@app.command()
def rollback(
    context: typer.Context,
    serial: Annotated[int, typer.Argument(metavar="SERIAL", help="A generation that `asof registry history` lists.")],
    target: Target = "",
    allow_destroy: Allow = None,
    yes: Yes = False,
) -> int:
    """Apply the definitions of an earlier generation, as a new one."""
    session: Session = context.obj
    project = session.project()
    made = api.rollback(session.root, project, serial, target=target, allow_destroy=tuple(allow_destroy or ()))
    return _carry_out(session, project, made, ask=not yes)


def _show_plan(session: Session, made: Plan) -> None:
    from asof.views import plans

    session.terminal.say(plans.human(made, colour=session.terminal.colour, width=session.terminal.width))


def _plan_json(made: Plan) -> dict[str, object]:
    from asof.views import plans

    return plans.as_json(made)


def _ask_for_names(session: Session, made: Plan, yes: bool) -> tuple[str, ...]:
    """On a terminal, deletions that only lack permission are permitted by typing their addresses."""
    wanting = [b.address for b in made.blocked if b.code == "AS602"]
    if yes or not _is_terminal() or not wanting or len(wanting) < len(made.blocked):
        return ()
    _show_plan(session, made)
    given = [typer.prompt(f"To delete {address}, type its name", default="", show_default=False) for address in wanting]
    if given != wanting:
        raise typer.Abort
    return tuple(wanting)


def _carry_out(session: Session, project: Project, made: Plan, *, ask: bool) -> ExitCode:
    from asof.views import plans

    _show_plan(session, made)
    if made.blocked:
        return session.end(ExitCode.BLOCKED, plan=_plan_json(made))
    if made.empty:
        return session.end(ExitCode.OK, plan=_plan_json(made), applied=None)
    if ask:
        if session.terminal.json or not _is_terminal():
            raise Usage("nobody can be asked here; pass --yes, or apply a reviewed plan file")
        if typer.prompt("Apply this plan? Only yes is taken for yes", default="no", show_default=False) != "yes":
            raise typer.Abort
    lines = plans.StepLines(session.terminal, total=len(made.steps))
    done: Applied = api.apply(session.root, project, made, progress=lines)
    session.terminal.say(plans.applied(made, done))
    return session.end(
        ExitCode.OK,
        plan=_plan_json(made),
        applied={"serial": done.serial, "generation": done.generation, "steps": done.steps},
    )


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


@app.command("compile")
def compile_(
    context: typer.Context,
    target: Target = "",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where; build/ in the repo by default.")
    ] = None,
) -> int:
    """Write the SQL of training sets, materializations, views and checks for people to run and review."""
    session: Session = context.obj
    repo = session.repo()
    place = out or session.root / "build"
    made = api.compile_sql(session.root, repo, place, target=target)
    if made.diagnostics:
        session.terminal.note(frames.render(made.diagnostics, {}, colour=session.terminal.colour))
    code = ExitCode.INVALID if has_errors(made.diagnostics) else ExitCode.OK
    session.terminal.say(listings.compiled(place, made.files))
    return session.end(
        code, folder=str(place), files=made.files, diagnostics=listings.diagnostics_json(made.diagnostics)
    )


@app.command("schema")
def schema_(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(metavar="[KIND]", show_default=False, help="Such as FeatureView.")] = "",
) -> int:
    """Print the JSON Schema of a kind; without one, list the kinds."""
    session: Session = context.obj
    kinds = api.schema_kinds()
    if kind and kind not in kinds:
        raise Usage(listings.unknown("kind", kind, kinds))
    if kind:
        session.terminal.raw(api.schema_text(kind))
        return ExitCode.OK
    session.terminal.say("\n".join(kinds))
    return session.end(ExitCode.OK, kinds=kinds)


@app.command()
def history(
    context: typer.Context,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to: a .parquet or .csv file.")],
    dataset: Annotated[
        str, typer.Option("--dataset", metavar="NAME", help="A SavedDataset: its spine and service.")
    ] = "",
    spine: Annotated[str, typer.Option("--spine", metavar="SPINE", help="A .parquet or .csv file, or a SELECT.")] = "",
    service: Annotated[str, typer.Option("--service", metavar="NAME", help="A FeatureService.")] = "",
    features: Annotated[
        list[str] | None, typer.Option("--features", metavar="VIEW[:FEATURE]", help="Instead of a service. Repeatable.")
    ] = None,
    timestamp: Annotated[
        str, typer.Option("--timestamp", metavar="COLUMN", help="The spine's instant of prediction.")
    ] = "event_timestamp",
    full_feature_names: Annotated[
        bool, typer.Option("--full-feature-names", help="Call features view__feature.")
    ] = False,
    target: Target = "",
) -> int:
    """Build a training set: every row of a spine with its features as they were known at that row's time."""
    session: Session = context.obj
    if bool(dataset) == bool(spine):
        raise Usage("name a --dataset, or a --spine with a --service or --features")
    wanted = api.Wanted(
        dataset=dataset,
        spine=spine,
        service=service,
        features=tuple(features or ()),
        timestamp=timestamp,
        full_feature_names=full_feature_names,
    )
    bar = ProgressBar(stream=session.terminal.err, width=session.terminal.width)
    try:
        rows = api.history(
            session.root,
            session.project(),
            wanted,
            out,
            target=target,
            progress=lambda done, total: bar(done, total, "training set"),
        )
    finally:
        bar.close()
    session.terminal.say(f"{out}: {rows:,} rows")
    return session.end(ExitCode.OK, file=str(out), rows=rows)


@app.command()
def materialize(
    context: typer.Context,
    views: Annotated[
        list[str] | None, typer.Option("--views", metavar="VIEW", help="Repeatable; all that are online by default.")
    ] = None,
    as_of: Annotated[str, typer.Option("--as-of", metavar="TIME", help="ISO 8601; now by default.")] = "",
    target: Target = "",
) -> int:
    """Load the online store with the values that the offline query gives as of an instant."""
    session: Session = context.obj
    bar = ProgressBar(stream=session.terminal.err, width=session.terminal.width)
    try:
        runs = api.materialize(
            session.root,
            session.project(),
            tuple(views or ()),
            as_of=_instant(as_of),
            target=target,
            progress=lambda view, rows: bar(rows, 0, view),
        )
    finally:
        bar.close()
    session.terminal.say(listings.materialized(runs))
    return session.end(ExitCode.OK, runs=[{"view": r.view, "rows": r.rows, "as_of": r.as_of} for r in runs])


@online.command("get")
def online_get(
    context: typer.Context,
    entity: Annotated[
        list[str], typer.Option("-e", "--entity", metavar="KEY=VALUE", help="A join key or request field. Repeatable.")
    ],
    service: Annotated[str, typer.Option("--service", metavar="NAME", help="A FeatureService.")] = "",
    features: Annotated[
        list[str] | None, typer.Option("--features", metavar="VIEW[:FEATURE]", help="Instead of a service. Repeatable.")
    ] = None,
    as_of: Annotated[
        str, typer.Option("--as-of", metavar="TIME", help="Serve as at this instant; now by default.")
    ] = "",
    target: Target = "",
) -> int:
    """Read one entity's features from the online store."""
    session: Session = context.obj
    found = api.online_get(
        session.root,
        session.project(),
        listings.key_values(entity),
        service=service,
        features=tuple(features or ()),
        as_of=_instant(as_of),
        target=target,
    )
    session.terminal.say(listings.served(found))
    return session.end(ExitCode.OK, features=listings.served_json(found))


@app.command("test")
def feature_tests(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Some tests; all by default.")] = None,
) -> int:
    """Run the repo's FeatureTests: given rows, a spine, and what must come out."""
    session: Session = context.obj
    checked = session.check()
    if checked.sound is None:
        raise InvalidRepo(checked)
    results = api.feature_tests(checked.sound, tuple(names or ()))
    failed = [found for result in results for found in result.diagnostics]
    if failed:
        session.terminal.note(frames.render(tuple(failed), checked.sources, colour=session.terminal.colour))
    session.terminal.say(listings.tested(results))
    return session.end(
        ExitCode.INVALID if failed else ExitCode.OK,
        tests=[{"name": r.test.name, "passed": r.passed} for r in results],
        diagnostics=listings.diagnostics_json(failed),
    )


def _instant(text: str) -> datetime | None:
    """An ISO 8601 instant; one without a zone is UTC."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Usage(f"{text!r} is not an instant: write it as 2026-01-31T12:00:00Z") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@registry.command("history")
def registry_history(context: typer.Context, target: Target = "") -> int:
    """Every generation: who made it, when, from which commit, and what it changed."""
    session: Session = context.obj
    entries = api.registry_history(session.root, session.project(), target=target)
    session.terminal.say(listings.history(entries))
    return session.end(ExitCode.OK, generations=listings.history_json(entries))


@registry.command("show")
def registry_show(
    context: typer.Context,
    address: Annotated[
        str, typer.Argument(metavar="[ADDRESS]", show_default=False, help="Such as entity/driver.")
    ] = "",
    target: Target = "",
) -> int:
    """What is registered: the list, or one definition as JSON."""
    session: Session = context.obj
    state = api.registry_of(session.root, session.project(), target).state()
    if address and address not in state.objects:
        raise Usage(listings.unknown("object", address, tuple(state.objects)))
    if address:
        session.terminal.say(listings.definition(state.objects[address]))
        return session.end(ExitCode.OK, address=address, definition=state.objects[address].definition)
    session.terminal.say(listings.registered(state))
    return session.end(ExitCode.OK, serial=state.serial, objects=sorted(state.objects))


@registry.command("export")
def registry_export(
    context: typer.Context,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Instead of the terminal.")] = None,
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code. This is the only frame that catches everything."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    session = Session(folder=Path(), terminal=terminal(as_json="--json" in given, no_color="--no-color" in given))
    if given == ["--version"]:  # parsing options would import pydantic, half of the time this may take
        return _version(session)
    try:
        code = app(global_first(given), prog_name="asof", standalone_mode=False)
    except typer.TyperException as error:
        return _usage(session, error.format_message())
    except Usage as error:
        return _usage(session, str(error))
    except InvalidRepo as error:
        return _invalid(session, error.found)
    except DiagnosticError as error:
        return _stopped(session, error.diagnostics)
    except (typer.Abort, KeyboardInterrupt):
        session.terminal.note("Nothing more was done.")
        return session.end(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK
    except OSError as error:
        session.terminal.note(f"error: {error}")
        return session.end(ExitCode.UNAVAILABLE, message=str(error))
    except Exception as error:  # noqa: BLE001 - the outermost frame: a user never sees a traceback
        return _internal(session, error)
    return int(code or 0)


def global_first(arguments: Sequence[str]) -> list[str]:
    """The options that every command takes, moved in front of the command; what follows ``--`` stays."""
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
            rest.append(argument)
    return front + rest


def _usage(session: Session, message: str) -> ExitCode:
    if message:
        session.terminal.note(f"error: {message}\nasof --help says what there is.")
    return session.end(ExitCode.USAGE, message=message)


def _invalid(session: Session, found: api.Checked) -> ExitCode:
    if found.repo is None:
        session.terminal.note(frames.render(found.diagnostics, found.sources, colour=session.terminal.colour))
    session.terminal.note(listings.counted(found.diagnostics))
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
