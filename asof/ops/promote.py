"""From one environment to the next: a plan whose desired side is what another target has applied."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from asof.compiler.check import check
from asof.compiler.check.rules import HOUSE_RULES
from asof.compiler.diagnostics import DiagnosticError, Level
from asof.compiler.model import Repo
from asof.compiler.ownership import owned, with_others
from asof.compiler.plan import plan
from asof.compiler.state import repo_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from asof.compiler.model import Project
    from asof.compiler.plan import Plan
    from asof.compiler.state import State


def promotion(
    project: Project, source: State, current: State, *, target: str, allow_destroy: Collection[str] = ()
) -> Plan:
    """What makes ``current``, the generation of ``target``, hold the definitions of ``source``, another target's.

    Stores are those of ``target`` in asof.yaml; the definitions, and the dialect they are written in, are those that
    were applied, whatever the files say by now. Raises DiagnosticError where they do not fit ``target``.
    """
    applied = repo_of(source)
    adapted = msgspec.structs.replace(project, sql_dialect=applied.project.sql_dialect)
    repo = owned(Repo(project=adapted, definitions=applied.definitions), project.ownership)
    must_fit(repo, current, target)
    return plan(repo, current, target=target, allow_destroy=allow_destroy)


def must_fit(repo: Repo, current: State, target: str) -> None:
    """Raise DiagnosticError where the definitions of ``repo`` cannot be carried out in ``target``."""
    errors = [
        finding
        for finding in check(with_others(repo, current), target=target)
        if finding.level is Level.ERROR and finding.code not in HOUSE_RULES
    ]
    if errors:
        raise DiagnosticError(*errors)
