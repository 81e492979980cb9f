"""What CI jobs do around a plan; as in asof/api.py, one function each."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from asof import api
from asof.compiler.diagnostics import DiagnosticError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from asof.compiler.model import Repo
    from asof.compiler.plan import Plan
    from asof.compiler.replan import Departure
    from asof.ops.scaffold import Jobs


@dataclass(frozen=True, slots=True, kw_only=True)
class Replanned:
    """A fresh plan beside a reviewed one. It may be applied in its place where nothing departs from it.

    ``done`` says that nothing is left to do, because the registry holds already what was reviewed.
    """

    fresh: Plan
    departures: tuple[Departure, ...]
    done: bool


def replan(root: Path, repo: Repo, reviewed: Plan) -> Replanned:
    """Plan ``repo`` again, with what ``reviewed`` was allowed to delete, and compare."""
    from asof.compiler.plan import plan as plan_changes
    from asof.compiler.replan import carried_out, departures
    from asof.ops.fills import with_fills

    target = api.target_of(repo.project, reviewed.target).name
    registry = api.registry_of(root, repo.project, target)
    state = registry.state()
    fresh = plan_changes(repo, state, target=target, allow_destroy=reviewed.allowed)
    fresh = with_fills(fresh, registry.blobs, reviewed.allowed)
    done = fresh.empty and not reviewed.empty and carried_out(reviewed, state)
    return Replanned(fresh=fresh, departures=() if done else departures(reviewed, fresh), done=done)


def put_comment(text: str, environ: Mapping[str, str]) -> str:
    """Put ``text`` on the pull request of the job that runs here: added, replaced or unchanged. Raises AS790, AS791."""
    from asof.forges import forge
    from asof.forges import put_comment as put

    return put(forge(environ), text)


def pull_request(environ: Mapping[str, str]) -> int:
    """The pull request that the job runs for, or that its commit came from. Raises AS790, AS791."""
    from asof.forges import forge

    return forge(environ).pull_request()


def reviewed_plan(out: Path, artifact: str, environ: Mapping[str, str]) -> str:
    """Bring the plan of the pull request that was merged; returns its SHA-256. Raises AS790 to AS792, AS606."""
    from asof.compiler.plan import plan_from_bytes
    from asof.forges import forge

    body = forge(environ).reviewed_plan(artifact)
    plan_from_bytes(body)
    out.write_bytes(body)
    return hashlib.sha256(body).hexdigest()


def init_ci(root: Path, system: str, *, target: str, index: str = "", force: bool) -> Jobs:
    """Write the jobs of a CI system for the repo in ``root``. Raises DiagnosticError: AS190, those of asof.yaml."""
    from asof.ops.scaffold import scaffold_ci

    found = api.project_at(root)
    if found.repo is None:
        raise DiagnosticError(*found.diagnostics)
    chosen = api.target_of(found.repo.project, target)
    stores = {chosen.offline.type, chosen.online.type if chosen.online else ""}
    needs = {name for name in ("postgres",) if name in stores}
    if chosen.registry.startswith(("az://", "abfss://")):
        needs.add("azure")
    return scaffold_ci(root, system, target=chosen.name, needs=needs, index=index, force=force)
