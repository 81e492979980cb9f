"""One function for each verb: what the command line, the SDK and a server call.

Each verb imports what it needs when it is called: ``asof validate`` starts without a database driver.
The user's mistakes come back as diagnostics; what stops a verb on its way raises DiagnosticError.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from asof.api_checks import Checked, with_sources, with_target
from asof.compiler.diagnostics import Diagnostic, DiagnosticError, Level, has_errors, in_order, nearest, rule
from asof.compiler.source import NOWHERE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from asof.compiler.model import Project, Repo, Target
    from asof.compiler.plan import Plan
    from asof.compiler.repairs import Repaired
    from asof.compiler.source import RepoFiles
    from asof.ops.apply import Applied, Hands, Progress, Recovered
    from asof.ops.feature_tests import TestResult
    from asof.ops.recovery import Standstill
    from asof.registry.probe import Finding
    from asof.registry.records import Entry
    from asof.registry.store import Registry

UNKNOWN_TARGET = rule("AS191", "asof.yaml has no such target")
OTHER_DIGEST = rule("AS616", "plan file is not the one that was reviewed")


def check(root: Path, *, target: str = "") -> Checked:
    """Read, load and check the repo at ``root`` without touching anything else.

    Only a repo that shares its registry (``ownership``) reads it too: its definitions may refer to those of others.
    """
    from asof.ops.repo_files import read_repo

    files, unread = read_repo(root)
    if files is None:
        return Checked(repo=None, diagnostics=in_order(unread), sources={})
    return _checked(root, files, unread, target)


def loaded(root: Path, *, target: str = "") -> Checked:
    """The repo at ``root`` read and loaded, with what its registry adds, and not checked yet."""
    from asof.ops.repo_files import read_repo

    files, unread = read_repo(root)
    if files is None:
        return Checked(repo=None, diagnostics=in_order(unread), sources={})
    return _loaded(root, files, unread, target)


def _loaded(root: Path, files: RepoFiles, unread: tuple[Diagnostic, ...], target: str) -> Checked:
    from asof.compiler.model import Ownership
    from asof.compiler.ownership import with_others
    from asof.ops.loading import load_repo

    made = load_repo(root, files)
    repo = made.repo
    if repo is not None and repo.project.ownership != Ownership():
        repo = with_others(repo, registry_of(root, repo.project, target).state())
    return Checked(repo=repo, diagnostics=in_order((*unread, *made.diagnostics)), sources=made.sources)


def _checked(root: Path, files: RepoFiles, unread: tuple[Diagnostic, ...], target: str) -> Checked:
    from asof.compiler.check import check as check_repo
    from asof.compiler.check.policies import without_allowed

    made = _loaded(root, files, unread, target)
    if made.repo is None:
        return made
    found = [*without_allowed(made.repo, made.diagnostics), *check_repo(made.repo, target=target)]
    if not has_errors(found) and any(d.kind == "FeatureTest" for d in made.repo.definitions.values()):
        from asof.ops.feature_test_rows import check_rows

        found += check_rows(made.repo)
    if made.repo.sql_policies:
        from asof.ops.sql_policies import unusable

        found += unusable(made.repo.sql_policies)
    return Checked(repo=made.repo, diagnostics=in_order(found), sources=made.sources)


def project_at(root: Path) -> Checked:
    """asof.yaml alone, and nothing of it is checked: no definition and no registry is read."""
    from asof.compiler.load import load
    from asof.ops.repo_files import read_project

    files, unread = read_project(root)
    if files is None:
        return Checked(repo=None, diagnostics=in_order(unread), sources={})
    loaded = load(files)
    return Checked(repo=loaded.repo, diagnostics=in_order((*unread, *loaded.diagnostics)), sources=loaded.sources)


def target_of(project: Project, name: str) -> Target:
    """The target called ``name`` ("" is the default). Raises DiagnosticError AS191."""
    found = project.target(name)
    if found is None:
        known = [target.name for target in project.targets]
        hint = nearest(name, known) or f"known are {', '.join(known)}"
        raise DiagnosticError(UNKNOWN_TARGET.at(NOWHERE, f"there is no target {name!r} in asof.yaml; {hint}"))
    return found


def registry_of(root: Path, project: Project, target: str) -> Registry:
    """The registry of a target. Opening touches nothing."""
    return _opened(target_of(project, target).registry, root)


def _opened(location: str, root: Path) -> Registry:
    from asof.compiler.store_options import resolve
    from asof.registry import open_registry

    return open_registry(resolve(location, os.environ), root=root)


def plan(
    root: Path, repo: Repo, *, target: str = "", allow_destroy: Collection[str] = (), against: int | None = None
) -> Plan:
    """What would make the registry of ``target``, or its generation ``against``, match ``repo``."""
    from asof.compiler.plan import plan as plan_changes
    from asof.ops.fills import with_fills

    registry = registry_of(root, repo.project, target)
    state = registry.state() if against is None else registry.at(against)
    made = plan_changes(repo, state, target=target_of(repo.project, target).name, allow_destroy=allow_destroy)
    made = with_fills(made, registry.blobs, allow_destroy)
    if not repo.sql_policies:
        return made
    from asof.ops.sql_policies import judged

    return judged(made, repo)


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What ``asof plan`` shows. There is no plan where the repo has errors, no ``checked.repo`` beside a kept plan."""

    plan: Plan | None
    checked: Checked
    stopped: Standstill | None = None
    """An apply that did not finish and has to be resumed, aborted or settled by the next one."""


def review(
    root: Path,
    *,
    target: str = "",
    allow_destroy: Collection[str] = (),
    against: int | None = None,
    stores: bool = False,
) -> Review:
    """Check the repo and plan it, ``against`` an earlier generation if one is named.

    Sources are compared with files of this machine, and with what the offline store holds if ``stores``. Where
    nothing it depends on has changed, the plan of the last time is the answer.
    """
    from asof.ops.data_files import data_files, findings, still_found
    from asof.ops.plan_cache import KeptPlan, keep_plan, kept_plan, key_of
    from asof.ops.recovery import standstill
    from asof.ops.repo_files import read_repo

    files, unread = read_repo(root)
    if files is None:
        return Review(plan=None, checked=Checked(repo=None, diagnostics=in_order(unread), sources={}))
    key = key_of(files, target=target, allow_destroy=allow_destroy)
    kept = None if unread or against is not None or stores else kept_plan(root, key)
    if kept is not None and still_found(root, kept.files):
        registry = _opened(kept.registry, root)
        found = registry.seen(lambda head: registry.prove(head) if head.generation == kept.generation else None)
        head = found[0] if found else None
        same = (head.generation if head else "") == kept.generation and (head.owed if head else ()) == kept.plan.owed
        if same and not _drops(kept.plan):
            said = in_order((*kept.diagnostics, *findings(root, kept.files)))
            checked = Checked(repo=None, diagnostics=said, sources=files.decoded())
            return Review(plan=kept.plan, checked=checked, stopped=standstill(head, registry.clock()))

    checked = with_target(_checked(root, files, unread, target), target)
    checked = with_sources(root, checked, target=target, stores=stores)
    repo = checked.sound
    if repo is None:
        return Review(plan=None, checked=checked)
    made = plan(root, repo, target=target, allow_destroy=allow_destroy, against=against)
    chosen = target_of(repo.project, target)
    data = data_files(root, repo, chosen.name)
    awaited = {one.finding for one in data.awaited}
    beside = tuple(d for d in checked.diagnostics if d.level is not Level.ERROR and d not in awaited)
    if not unread and against is None:
        base = made.base.generation
        fresh = KeptPlan(registry=chosen.registry, generation=base, plan=made, diagnostics=beside, files=data)
        keep_plan(root, key, fresh)
    checked = replace(checked, diagnostics=in_order((*beside, *awaited)))
    return Review(plan=made, checked=checked, stopped=stopped(root, repo.project, target=target))


def _drops(made: Plan) -> bool:
    """Whether a plan drops what may have been filled since it was kept."""
    return any(step.action in ("drop", "leave") for step in made.steps)


def stopped(root: Path, project: Project, *, target: str) -> Standstill | None:
    """The apply that stopped on its way in ``target``, if there is one."""
    from asof.ops.recovery import standstill

    registry = registry_of(root, project, target)
    head = registry.head()
    return standstill(head[0] if head else None, registry.clock())


def rollback(root: Path, project: Project, serial: int, *, target: str, allow_destroy: Collection[str]) -> Plan:
    """What would bring generation ``serial`` of the registry back."""
    from asof.ops.fills import with_fills
    from asof.ops.rollback import rollback_plan

    registry = registry_of(root, project, target)
    chosen = target_of(project, target).name
    made = rollback_plan(registry, serial, project, target=chosen, allow_destroy=allow_destroy)
    return with_fills(made, registry.blobs, allow_destroy)


def promote(
    root: Path, project: Project, source: str, target: str, *, serial: int | None, allow_destroy: Collection[str]
) -> Plan:
    """What would make ``target`` hold the definitions that are applied in ``source``, now or at ``serial``."""
    from asof.ops.fills import with_fills
    from asof.ops.promote import promotion

    target_of(project, source)
    registry = registry_of(root, project, source)
    state = registry.state() if serial is None else registry.at(serial)
    there = registry_of(root, project, target)
    chosen = target_of(project, target).name
    made = promotion(project, state, there.state(), target=chosen, allow_destroy=allow_destroy)
    return with_fills(made, there.blobs, allow_destroy)


def read_plan(path: Path, *, expect_sha256: str = "") -> Plan:
    """A plan from its file, which must have the digest, if one is given.

    Raises DiagnosticError (AS606, AS607, AS616), OSError.
    """
    from asof.compiler.plan import plan_from_bytes

    body = path.read_bytes()
    digest = hashlib.sha256(body).hexdigest()
    if expect_sha256 and digest != expect_sha256.lower():
        message = f"{path} has the SHA-256 {digest}, and {expect_sha256.lower()} was expected"
        raise DiagnosticError(OTHER_DIGEST.at(NOWHERE, message))
    return plan_from_bytes(body)


def write_plan(made: Plan, path: Path) -> str:
    """The file of a plan, for a later apply; returns its SHA-256."""
    from asof.compiler.plan import plan_bytes

    body = plan_bytes(made)
    path.write_bytes(body)
    return hashlib.sha256(body).hexdigest()


@contextmanager
def hands_in(
    root: Path,
    project: Project,
    target: str,
    progress: Callable[[Progress], None],
    stop: Callable[[], bool],
    grace: float = 0.0,
) -> Iterator[Hands]:
    """What apply works with in ``target``. What nothing opens yet is refused before anything is claimed."""
    from asof.compiler.check.targets import refusals
    from asof.ops.actor import current_actor
    from asof.ops.apply import Hands
    from asof.ops.infrastructure import StoreInfrastructure

    if refused := refusals(target_of(project, target)):
        raise DiagnosticError(*refused)
    chosen = target_of(project, target)
    with StoreInfrastructure(project.project, root=root, target=chosen) as infrastructure:
        actor = current_actor(root, os.environ)
        yield Hands(infrastructure=infrastructure, actor=actor, progress=progress, stop=stop, grace=grace)


def apply(
    root: Path,
    project: Project,
    made: Plan,
    *,
    progress: Callable[[Progress], None] = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
    grace: float = 0.0,
) -> Applied:
    """Carry out ``made`` in its own target; ``stop`` says whether somebody asked to end before the next step.

    What only the generation before uses is dropped ``grace`` seconds after the new one is there.
    """
    from asof.compiler.check.targets import refusals
    from asof.compiler.infrastructure import OFFLINE_VIEW
    from asof.ops.apply import apply as carry_out

    views = any(r is not None and r.kind == OFFLINE_VIEW for step in made.steps for r in (step.before, step.after))
    if refused := refusals(target_of(project, made.target), views=views):
        raise DiagnosticError(*refused)
    with hands_in(root, project, made.target, progress, stop, grace) as hands:
        return carry_out(made, registry_of(root, project, made.target), hands)


def applied_as(root: Path, project: Project, made: Plan) -> Entry | None:
    """The generation that is the work of ``made``, where it was applied already."""
    from asof.ops.apply import own_generation

    return own_generation(made, registry_of(root, project, made.target))


def resume(
    root: Path,
    project: Project,
    *,
    target: str,
    progress: Callable[[Progress], None] = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
) -> Applied | None:
    """Finish the apply that stopped on its way; None where none did."""
    from asof.ops.apply import resume as go_on

    with hands_in(root, project, target, progress, stop) as hands:
        return go_on(registry_of(root, project, target), hands)


def abort(
    root: Path,
    project: Project,
    *,
    target: str,
    progress: Callable[[Progress], None] = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
) -> Recovered | None:
    """Undo what readers have not seen of the apply that stopped on its way; None where none did."""
    from asof.ops.apply import abort as give_up

    with hands_in(root, project, target, progress, stop) as hands:
        return give_up(registry_of(root, project, target), hands)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledFiles:
    """What ``asof compile`` wrote, relative to its folder, and what could not be compiled."""

    files: tuple[str, ...]
    diagnostics: tuple[Diagnostic, ...]


def compile_sql(root: Path, repo: Repo, out: Path, *, target: str = "") -> CompiledFiles:
    """Write the SQL that people run and review into ``out``."""
    from asof.compiler.artifacts import artifacts
    from asof.ops.compile import write_artifacts

    chosen = target_of(repo.project, target).name
    made = artifacts(repo, target=chosen, serial=registry_serial(root, repo.project, chosen))
    written = () if has_errors(made.diagnostics) else write_artifacts(made.files, out)
    return CompiledFiles(files=written, diagnostics=made.diagnostics)


def registry_serial(root: Path, project: Project, target: str) -> int:
    """The serial that the registry of ``target`` stands at; 0 where it is empty or lives elsewhere.

    A compile needs no credentials: only a registry in a folder is looked at.
    """
    if "://" in target_of(project, target).registry:
        return 0
    found = registry_of(root, project, target).head()
    return found[0].serial if found else 0


def feature_tests(repo: Repo, names: Sequence[str] = ()) -> tuple[TestResult, ...]:
    """Run the repo's FeatureTests, or those named, on rows of their own."""
    from asof.ops.feature_tests import run_feature_tests

    return run_feature_tests(repo, names)


def with_results(results: Sequence[TestResult], sources: Mapping[str, str]) -> tuple[Repaired, ...]:
    """The files of tests with what came out in the place of what was expected; nothing is written."""
    from asof.compiler.repairs import repaired

    wanted = [
        replace(found, fixes=tuple(replace(fix, safe=True) for fix in found.fixes))
        for result in results
        for found in result.diagnostics
    ]
    return repaired(wanted, sources)


def registry_history(root: Path, project: Project, *, target: str) -> tuple[Entry, ...]:
    """Every generation of the registry, oldest first."""
    return registry_of(root, project, target).history()


def registry_export(root: Path, project: Project, *, target: str) -> bytes:
    """The whole registry as one readable JSON document."""
    from asof.registry.upkeep import export

    return export(registry_of(root, project, target))


def registry_check(root: Path, location: str) -> tuple[Finding, ...]:
    """Whether ``location`` keeps what a registry needs, tried out; nothing of that stays behind."""
    from asof.compiler.store_options import resolve
    from asof.registry.probe import probe

    return probe(resolve(location, os.environ), root=root)


def init(root: Path) -> tuple[str, ...]:
    """A new repo in ``root``; returns what was written. Raises DiagnosticError AS190."""
    from asof.ops.scaffold import scaffold

    return scaffold(root)


def schema_text(kind: str) -> str:
    """The JSON Schema of a kind or of a document that asof writes, as text. Raises KeyError."""
    from asof.schema import text

    return text(kind)


def schema_kinds() -> tuple[str, ...]:
    """What has a schema."""
    from asof.schema import ALL

    return tuple(ALL)
