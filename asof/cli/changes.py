"""Commands that change the registry and the stores, and the one that shows what would change."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from asof import api, api_ci, api_evidence, api_registry, api_review
from asof.cli.evidence import Asked, EvidenceOut, Examples, Spine, SpineRows, evidence_json, gathered
from asof.cli.output import Formatted, Rendered, Verbose, output, plan_text, refused, review_report
from asof.cli.session import Allow, ExitCode, Session, Sources, Target, Usage, Yes, file_to_write, is_terminal
from asof.cli.stopping import stopping
from asof.views import listings
from asof.views.format import Format

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asof.compiler.model import Project
    from asof.compiler.plan import Plan
    from asof.ops.apply import Applied, Recovered
    from asof.ops.observe import Drifted
    from asof.ops.recovery import Standstill
    from asof.views.report import Report

PlanOut = Annotated[
    Path | None,
    typer.Option("--out", callback=file_to_write, metavar="FILE", help="Only keep the plan, for `asof apply FILE`."),
]


def plan(
    context: typer.Context,
    target: Target = "",
    out: Annotated[
        Path | None,
        typer.Option("--out", callback=file_to_write, metavar="FILE", help="Keep the plan for `asof apply FILE`."),
    ] = None,
    allow_destroy: Allow = None,
    against: Annotated[
        int | None, typer.Option("--against", metavar="SERIAL", help="Compare with an earlier generation, to read.")
    ] = None,
    with_drift: Annotated[
        bool, typer.Option("--drift", help="Ask the stores too: what the plan touches and is not as recorded.")
    ] = False,
    with_cost: Annotated[
        bool, typer.Option("--cost", help="Ask the offline store too: how much is read to fill the tables anew.")
    ] = False,
    sources: Sources = False,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit with 2 where there are changes.")
    ] = False,
    examples: Examples = True,
    spine: Spine = "",
    preview_rows: SpineRows = 10_000,
    evidence: EvidenceOut = None,
    form: Formatted = Format.TEXT,
    files: Rendered = None,
    verbose: Verbose = False,
) -> int:
    """Show what would change, why, and whom it reaches. Takes no lock and changes nothing."""
    from asof.views import applies, plans

    shown = output(context.obj, form, files, verbose=verbose)
    session = shown.session
    asked = Asked(examples=examples, spine=spine, rows=preview_rows, target=target, against=against)
    if against is not None:
        _only_read(out, spine)
    review = session.review(target, allow_destroy or (), against=against, stores=sources)
    made = review.plan
    report = review_report(shown, review, target, out)
    if made is None:
        raise refused(shown, report, review.checked)
    if review.stopped is not None:
        session.terminal.note(applies.stopped(review.stopped))
    beside = gathered(shown, review, asked)
    digest = api.write_plan(made, out) if out is not None else None
    drifted = api_registry.drift_of(session.root, session.project(), made) if with_drift else ()
    held = api_review.frozen(made, datetime.now(UTC))
    costs = api_registry.cost_of(session.root, session.project(), made) if with_cost else None
    report = dataclasses.replace(report, drift=drifted, evidence=beside, frozen=held, costs=costs)
    if evidence is not None:
        api_evidence.write_evidence(beside, evidence)
    shown.show(report, plan_text(shown, report) + plans.beside(report))
    if digest is not None:
        session.terminal.note(applies.kept(out, digest))
    code = ExitCode.CHANGES if detailed_exitcode and not made.empty else ExitCode.OK
    code = ExitCode.BLOCKED if made.blocked else code
    found = evidence_json(beside) | _beside(review.stopped, report)
    return shown.end(report, code, plan=plans.as_json(made) if shown.json else {}, sha256=digest, **found)


def _only_read(out: Path | None, spine: str) -> None:
    """Refuse what a plan against an earlier generation is not for."""
    if out is not None:
        raise Usage("a plan against an earlier generation is for reading; asof apply needs one against the current")
    if spine:
        raise Usage("a preview compares with what is applied now; leave out --against")


def drift(
    context: typer.Context,
    repair: Annotated[
        bool, typer.Option("--repair", help="Make anew what is missing (tables start empty) and views that differ.")
    ] = False,
    target: Target = "",
) -> int:
    """Compare what the stores really hold with what the registry says."""
    from asof.compiler.infrastructure import ONLINE_TABLE
    from asof.ops.observe import ORPHAN
    from asof.views import applies

    session: Session = context.obj
    project = session.project()
    mended = api_registry.repair(session.root, project, target=target).mended if repair else ()
    if mended:
        session.terminal.say(listings.drifted(mended, "Put right") + "\n")
    found = api_registry.drift(session.root, project, target=target)
    said = listings.drifted(found, "Drift") if found else "The stores hold what the registry says."
    anew = [d.address for d in mended if d.found != ORPHAN and d.id.startswith(f"{ONLINE_TABLE}/")]
    empty = applies.unfilled(anew, (), _unless_default(project, target))
    session.terminal.say(f"{said.rstrip()}\n{empty}" if empty else said)
    return session.end(ExitCode.DRIFT if found else ExitCode.OK, drift=_drift_json(found), repaired=_drift_json(mended))


def _drift_json(found: Sequence[Drifted]) -> list[object]:
    return [msgspec.to_builtins(msgspec.structs.replace(drifted, resource=None)) for drifted in found]


def _beside(stopped: Standstill | None, report: Report) -> dict[str, object]:
    """What stands in the answer beside a plan."""
    return {
        "unfinished": None if stopped is None else dataclasses.asdict(stopped),
        "drift": _drift_json(report.drift),
        "frozen": None if report.frozen is None else msgspec.to_builtins(report.frozen),
        "cost": None if report.costs is None else msgspec.to_builtins(report.costs),
    }


def apply(
    context: typer.Context,
    plan_file: Annotated[
        Path | None,
        typer.Argument(metavar="PLAN", help="A file that `asof plan --out` wrote; else a fresh plan is made."),
    ] = None,
    target: Target = "",
    allow_destroy: Allow = None,
    resume: Annotated[bool, typer.Option("--resume", help="Finish the apply that stopped on its way.")] = False,
    abort: Annotated[
        bool, typer.Option("--abort", help="Undo what readers have not seen of the apply that stopped on its way.")
    ] = False,
    expect_sha256: Annotated[
        str, typer.Option("--expect-sha256", metavar="HEX", help="Refuse a plan file that has another digest.")
    ] = "",
    replan: Annotated[
        bool,
        typer.Option("--replan", help="Plan the files again; apply that if it does what PLAN does, else exit with 4."),
    ] = False,
    grace: Annotated[
        str, typer.Option("--grace", metavar="DURATION", help="Wait that long after the commit before dropping, as 5m.")
    ] = "",
    verbose: Verbose = False,
    yes: Yes = False,
) -> int:
    """Carry out a plan: make the stores and the registry what the definitions say.

    With --replan, what was reviewed on a pull request is applied after the merge, on top of whatever unrelated has
    moved since; what would come out otherwise is shown, and nothing is applied.
    """
    from asof.views import applies

    session: Session = context.obj
    if resume or abort:
        if (resume and abort) or plan_file is not None or allow_destroy:
            raise Usage("--resume and --abort stand alone: the plan is the one that was begun")
        return _resume(session, target) if resume else _abort(session, target)
    if plan_file is not None:
        if target or allow_destroy:
            raise Usage("a plan file says itself what its target is and what may be deleted; make a new plan instead")
        made = api.read_plan(plan_file, expect_sha256=expect_sha256)
        if replan:
            return _as_reviewed(session, made, verbose=verbose, grace=_seconds(grace))
        project = session.project()
        before = api.applied_as(session.root, project, made)
        if before is not None:
            session.terminal.say(applies.applied_already(before))
        return _carry_out(session, project, made, ask=False, verbose=verbose, grace=_seconds(grace))
    if expect_sha256 or replan:
        raise Usage(f"{'--replan' if replan else '--expect-sha256'} is for a plan file")
    repo = session.repo(target)
    allowed = tuple(allow_destroy or ())
    made = api.plan(session.root, repo, target=target, allow_destroy=allowed)
    named = _ask_for_names(session, made, yes=yes, verbose=verbose)
    if named:
        made = api.plan(session.root, repo, target=target, allow_destroy=(*allowed, *named))
    return _carry_out(session, repo.project, made, ask=not yes, verbose=verbose, grace=_seconds(grace))


def rollback(
    context: typer.Context,
    serial: Annotated[int, typer.Argument(metavar="SERIAL", help="A generation that `asof registry history` lists.")],
    target: Target = "",
    out: PlanOut = None,
    allow_destroy: Allow = None,
    verbose: Verbose = False,
    yes: Yes = False,
) -> int:
    """Apply the definitions of an earlier generation, as a new one."""
    from asof.views import applies

    session: Session = context.obj
    project = session.project()
    made = api.rollback(session.root, project, serial, target=target, allow_destroy=tuple(allow_destroy or ()))
    if out is not None:
        return _keep(session, made, out, verbose=verbose)
    return _carry_out(session, project, made, ask=not yes, verbose=verbose, closing=applies.ROLLED_BACK)


def promote(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="FROM", show_default=False, help="The target that holds it now.")],
    target: Annotated[str, typer.Argument(metavar="TO", show_default=False, help="The target that is to hold it.")],
    serial: Annotated[
        int | None, typer.Option("--serial", metavar="N", help="A generation of FROM; else its current one.")
    ] = None,
    out: PlanOut = None,
    allow_destroy: Allow = None,
    verbose: Verbose = False,
    yes: Yes = False,
) -> int:
    """Apply in one target what is applied in another, whatever the files say by now."""
    session: Session = context.obj
    project = session.project()
    allowed = tuple(allow_destroy or ())
    made = api.promote(session.root, project, source, target, serial=serial, allow_destroy=allowed)
    if out is not None:
        return _keep(session, made, out, verbose=verbose)
    return _carry_out(session, project, made, ask=not yes, verbose=verbose)


def _keep(session: Session, made: Plan, out: Path, *, verbose: bool) -> ExitCode:
    from asof.views import applies

    digest = api.write_plan(made, out)
    _show_plan(session, made, verbose=verbose)
    session.terminal.note(applies.kept(out, digest))
    return session.end(ExitCode.BLOCKED if made.blocked else ExitCode.OK, plan=_plan_json(session, made), sha256=digest)


def _show_plan(session: Session, made: Plan, *, verbose: bool) -> None:
    from asof.views import plans

    terminal = session.terminal
    terminal.say(plans.human(made, colour=terminal.colour, width=terminal.width, verbose=verbose))


def _plan_json(session: Session, made: Plan) -> dict[str, object]:
    from asof.views import plans

    return plans.as_json(made) if session.terminal.json else {}


def _ask_for_names(session: Session, made: Plan, *, yes: bool, verbose: bool) -> tuple[str, ...]:
    """On a terminal, deletions that only lack permission are permitted by typing their addresses."""
    wanting = [b.address for b in made.blocked if b.code == "AS602"]
    if yes or not is_terminal() or not wanting or len(wanting) < len(made.blocked):
        return ()
    _show_plan(session, made, verbose=verbose)
    given = [typer.prompt(f"To delete {address}, type its name", default="", show_default=False) for address in wanting]
    if given != wanting:
        raise typer.Abort
    return tuple(wanting)


def _carry_out(
    session: Session, project: Project, made: Plan, *, ask: bool, verbose: bool, grace: float = 0.0, closing: str = ""
) -> ExitCode:
    """Show a plan, ask, apply it; ``closing`` is said where something was done."""
    from asof.views import applies

    _show_plan(session, made, verbose=verbose)
    if made.blocked:
        return session.end(ExitCode.BLOCKED, plan=_plan_json(session, made))
    if made.empty and not made.owed:
        left = api.stopped(session.root, project, target=made.target)
        if left is not None:
            session.terminal.note(applies.stopped(left))
        return session.end(ExitCode.OK, plan=_plan_json(session, made), applied=None)
    if ask and not made.empty:
        if session.terminal.json or not is_terminal():
            raise Usage("nobody can be asked here; pass --yes, or apply a reviewed plan file")
        if typer.prompt("Apply this plan? Only yes is taken for yes", default="no", show_default=False) != "yes":
            raise typer.Abort
    lines = applies.StepLines(session.terminal, total=len(made.steps))
    with stopping(session.terminal) as stop:
        done = api.apply(session.root, project, made, progress=lines, stop=stop, grace=grace)
    next_steps = applies.to_fill(made.steps if done.steps else (), _unless_default(project, made.target))
    for note in done.notes:
        session.terminal.note(f"note: {note}")
    session.terminal.say(applies.applied(made, done) + applies.owed(done.owed) + next_steps + closing)
    code = ExitCode.PARTIAL_APPLY if done.owed_beyond(made) else ExitCode.OK
    return session.end(code, plan=_plan_json(session, made), applied=_done_json(done))


def _unless_default(project: Project, target: str) -> str:
    """The target as a command has to name it: not at all, if it is the default."""
    return "" if target in ("", api.target_of(project, "").name) else target


def _as_reviewed(session: Session, reviewed: Plan, *, verbose: bool, grace: float) -> ExitCode:
    """Apply a fresh plan in the place of the reviewed one, unless it does something else."""
    from asof.compiler.replan import NOT_REVIEWED
    from asof.compiler.source import NOWHERE
    from asof.views import applies, replanned

    repo = session.repo(reviewed.target, quiet=True)
    made = api_ci.replan(session.root, repo, reviewed)
    if made.departures:
        terminal = session.terminal
        terminal.say(replanned.departed(reviewed, made.fresh, made.departures, colour=terminal.colour))
        said = NOT_REVIEWED.at(NOWHERE, f"it departs in {len(made.departures)} places")
        return session.end(
            ExitCode.STALE_PLAN,
            departures=replanned.departures_json(made.departures),
            plan=_plan_json(session, made.fresh),
            diagnostics=listings.diagnostics_json((said,)),
        )
    if not made.done:
        session.terminal.note(replanned.as_reviewed(reviewed, made.fresh))
        return _carry_out(session, repo.project, made.fresh, ask=False, verbose=verbose, grace=grace)
    session.terminal.say(replanned.done(reviewed, made.fresh))
    left = api.stopped(session.root, repo.project, target=reviewed.target)
    if left is not None:
        session.terminal.note(applies.stopped(left))
    return session.end(ExitCode.OK, plan=_plan_json(session, made.fresh), applied=None)


def _seconds(text: str) -> float:
    from asof.compiler.duration import Duration

    try:
        return Duration.parse(text).microseconds / 1_000_000 if text else 0.0
    except ValueError as error:
        raise Usage(f"--grace: {error}") from None


def _resume(session: Session, target: str) -> ExitCode:
    from asof.views import applies

    project = session.project()
    with stopping(session.terminal) as stop:
        lines = applies.StepLines(session.terminal)
        done = api.resume(session.root, project, target=target, progress=lines, stop=stop)
    next_steps = applies.to_fill(done.resumed if done else (), _unless_default(project, target))
    session.terminal.say(applies.resumed(done) + applies.owed(done.owed if done else ()) + next_steps)
    code = ExitCode.PARTIAL_APPLY if done and done.owed else ExitCode.OK
    return session.end(code, applied=_done_json(done) if done else None)


def _abort(session: Session, target: str) -> ExitCode:
    from asof.views import applies

    project = session.project()
    with stopping(session.terminal) as stop:
        lines = applies.StepLines(session.terminal)
        done = api.abort(session.root, project, target=target, progress=lines, stop=stop)
    next_steps = applies.to_fill(done.finished if done else (), _unless_default(project, target))
    session.terminal.say(applies.aborted(done) + applies.owed(done.owed if done else ()) + next_steps)
    return session.end(ExitCode.OK, aborted=_done_json(done) | {"committed": done.committed} if done else None)


def _done_json(done: Applied | Recovered) -> dict[str, object]:
    owed = [msgspec.to_builtins(debt) for debt in done.owed]
    return {"serial": done.serial, "generation": done.generation, "steps": done.steps, "owed": owed}
