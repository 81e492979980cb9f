"""Commands that look at definitions alone: no store, no registry, no credentials."""

from __future__ import annotations

import re
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from asof import api, api_ci, api_explore
from asof.cli.output import Formatted, Rendered, checked_report, output, refused
from asof.cli.session import ExitCode, InvalidRepo, Session, Sources, Target, Usage, folder_to_write
from asof.compiler.diagnostics import has_errors
from asof.compiler.source import NOWHERE
from asof.views import frames, listings
from asof.views.format import Format

if TYPE_CHECKING:
    from asof.compiler.repairs import Repaired


_INDEX = re.compile(r"https?://[^\s'\"]+")


_ADD_A_TEST = (
    "write a document of kind FeatureTest: given rows, a spine, what must come out; `asof explain AS668` shows one"
)


class CiSystem(StrEnum):
    """What `asof init --ci` has jobs for."""

    GITHUB = "github"
    GITLAB = "gitlab"
    AZURE = "azure"
    JENKINS = "jenkins"


def init(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", show_default=False, help="Where; here by default.")] = Path(),
    ci: Annotated[
        CiSystem | None,
        typer.Option(
            "--ci", help="Write the jobs of a CI system too: plan on a pull request, apply what was reviewed."
        ),
    ] = None,
    target: Target = "",
    index: Annotated[
        str, typer.Option("--index", metavar="URL", help="The package index that the jobs install asof from.")
    ] = "",
    force: Annotated[bool, typer.Option("--force", help="Overwrite the jobs that are there.")] = False,
) -> int:
    """Make a small feature repo that works at once, or renew the schemas of one that is there."""
    session: Session = context.obj
    place = session.folder / folder
    if ci is None and (target or force or index):
        raise Usage("--target, --index and --force are for --ci")
    if index and not _INDEX.fullmatch(index):
        raise Usage(f"--index is the URL of a package index, such as https://packages.example.com/simple: {index!r}")
    written = api.init(place)
    if ci is None:
        session.terminal.say(listings.initialised(place, written))
        return session.end(ExitCode.OK, folder=str(place), files=written)
    jobs = api_ci.init_ci(place, ci.value, target=target, index=index, force=force)
    session.terminal.say(listings.initialised(place, written, jobs))
    return session.end(
        ExitCode.OK,
        folder=str(place),
        files=written,
        jobs=jobs.files,
        checkout=str(jobs.top),
        include=jobs.include,
        pin=jobs.pin,
    )


def validate(
    context: typer.Context,
    target: Target = "",
    sources: Sources = False,
    form: Formatted = Format.TEXT,
    files: Rendered = None,
) -> int:
    """Check every definition, reference and query, and the files of this machine that sources read."""
    out = output(context.obj, form, files)
    found = out.session.check(target, sources="stores" if sources else "files")
    report = checked_report(out.session, "validate", found)
    if found.clean is None:
        raise refused(out, report, found)
    out.show(report, listings.validated(found.clean, found.diagnostics))
    return out.end(
        report,
        ExitCode.OK,
        definitions=len(found.clean.definitions),
        diagnostics=listings.diagnostics_json(found.diagnostics),
    )


def compile_(
    context: typer.Context,
    target: Target = "",
    out: Annotated[
        Path | None,
        typer.Option("--out", callback=folder_to_write, metavar="DIR", help="Where; build/ in the repo by default."),
    ] = None,
) -> int:
    """Write the SQL of training sets, materializations, views and checks for people to run and review."""
    session: Session = context.obj
    found = session.check(target)
    if found.sound is None:
        raise InvalidRepo(found)
    place = out or session.root / "build"
    made = api.compile_sql(session.root, found.sound, place, target=target)
    if made.diagnostics:
        session.terminal.note(frames.render(made.diagnostics, found.sources, colour=session.terminal.colour))
    code = ExitCode.INVALID if has_errors(made.diagnostics) else ExitCode.OK
    session.terminal.say(listings.compiled(place, made.files))
    return session.end(
        code, folder=str(place), files=made.files, diagnostics=listings.diagnostics_json(made.diagnostics)
    )


def feature_tests(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Some tests; all by default.")] = None,
    update: Annotated[
        bool, typer.Option("--update", help="Write what comes out into the files, in the place of what was expected.")
    ] = False,
    form: Formatted = Format.TEXT,
    files: Rendered = None,
) -> int:
    """Run the repo's FeatureTests: given rows, a spine, and what must come out."""
    from asof.compiler.check.rules import NO_TESTS
    from asof.views.feature_tests import outcome

    out = output(context.obj, form, files)
    session = out.session
    checked = session.check()
    report = checked_report(session, "test", checked)
    if checked.sound is None:
        raise refused(out, report, checked)
    unknown = sorted(set(names or ()) - {d.name for d in checked.sound.definitions.values() if d.kind == "FeatureTest"})
    if unknown:
        raise Usage(f"there is no FeatureTest {', '.join(unknown)}")
    results = api.feature_tests(checked.sound, tuple(names or ()))
    updated: tuple[Repaired, ...] = ()
    if update:
        updated = api.with_results(results, checked.sources)
        api_explore.write(session.root, {one.path: one.after for one in updated})
        checked = session.check() if updated else checked
        if checked.sound is None:
            raise refused(out, report, checked)
        results = api.feature_tests(checked.sound, tuple(names or ())) if updated else results
    failed = [found for result in results for found in result.diagnostics]
    if not results:
        failed.append(NO_TESTS.at(NOWHERE, "the repo has no FeatureTest, so nothing was tested", notes=(_ADD_A_TEST,)))
        session.terminal.note(frames.render(failed, {}, colour=session.terminal.colour))
    broken = tuple(found for result in results if result.found is None for found in result.diagnostics)
    if broken:
        session.terminal.note(frames.render(broken, checked.sources, colour=session.terminal.colour))
    report = replace(report, tests=results, diagnostics=(*checked.diagnostics, *failed))
    out.show(report, outcome(results, updated, colour=session.terminal.colour) if results else "")
    return out.end(
        report,
        ExitCode.INVALID if failed else ExitCode.OK,
        tests=[{"name": r.test.name, "passed": r.passed} for r in results],
        updated=[one.path for one in updated],
        diagnostics=listings.diagnostics_json(failed),
    )


def schema_(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(metavar="KIND", show_default=False, help="Such as FeatureView.")] = "",
) -> int:
    """Print the JSON Schema of a kind, or of the plans that asof writes; without one, list what has a schema."""
    session: Session = context.obj
    kinds = api.schema_kinds()
    if kind and kind not in kinds:
        raise Usage(listings.unknown("kind", kind, kinds))
    if kind:
        session.terminal.raw(api.schema_text(kind))
        return ExitCode.OK
    session.terminal.say("\n".join(kinds))
    return session.end(ExitCode.OK, kinds=kinds)


def dialects_(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", show_default=False, help="One of them, in full.")] = "",
) -> int:
    """Show what each SQL dialect can do, and the way out of what it cannot."""
    from asof.compiler.dialects import DIALECTS
    from asof.views import dialects

    session: Session = context.obj
    if name and name not in DIALECTS:
        raise Usage(listings.unknown("dialect", name, tuple(DIALECTS)))
    shown = {name: DIALECTS[name]} if name else DIALECTS
    session.terminal.say(dialects.page(DIALECTS[name]) if name else dialects.overview(shown))
    return session.end(ExitCode.OK, dialects=[dialects.as_json(dialect) for dialect in shown.values()])
