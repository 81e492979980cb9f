"""What a registry or a plan file says may have been written by somebody else: what has to hold before it is used."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from asof.compiler.check import check
from asof.compiler.diagnostics import DiagnosticError, Level
from asof.compiler.infrastructure import Phase
from asof.compiler.state import definition_at, repo_of, strange_options, unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asof.compiler.infrastructure import Step
    from asof.compiler.model import Repo
    from asof.compiler.plan import Plan
    from asof.compiler.state import State

_MISFIT = (LookupError, ValueError, TypeError, AttributeError, RecursionError)
_ACTIONS = {
    Phase.EXPAND: ("create", "alter"),
    Phase.COMMIT: ("commit",),
    Phase.CONTRACT: ("replace", "drop", "leave"),
}


@contextmanager
def relying_on(state: State) -> Iterator[None]:
    """For code that takes the definitions in ``state`` for checked, as every apply leaves them.

    Where it fails they are checked now: what does not pass was never applied, and is damage (AS701).
    """
    try:
        yield
    except _MISFIT as error:
        wrong = _first_error(repo_of(state)) if state.settings is not None else ""
        if not wrong:
            raise
        raise unreadable(f"its definitions do not fit together: {wrong}") from error


def _first_error(repo: Repo) -> str:
    try:
        return next((d.message for d in check(repo) if d.level is Level.ERROR), "")
    except _MISFIT as error:
        # The schemas keep this from files; whoever wrote the registry kept to no schema.
        return f"{type(error).__name__}: {error}"


def flaw(made: Plan) -> str:
    """Why ``made`` cannot be a plan that asof made; "" where nothing speaks against it."""
    try:
        for address, recorded in made.objects.items():
            if recorded is not None:
                definition_at(address, recorded)
    except DiagnosticError as error:
        return str(error)
    commits = [step for step in made.steps if step.phase is Phase.COMMIT]
    if len(commits) != (0 if made.empty else 1):
        return f"it has {len(commits)} steps that commit"
    resources = [r for step in made.steps for r in (step.before, step.after) if r is not None]
    wrong = next((said for step in made.steps if (said := _wrong(step))), "")
    return wrong or strange_options(made.settings, (*resources, *made.resources_before, *made.resources_after))


def _wrong(step: Step) -> str:
    if step.action not in _ACTIONS[step.phase]:
        return f"step {step.id} is to {step.action} in the phase {step.phase}"
    missing = {"commit": "", "drop": "before", "leave": "before"}.get(step.action, "after")
    if missing and getattr(step, missing) is None:
        return f"step {step.id} does not say what it works on"
    if step.action == "commit" and (step.before or step.after):
        return f"step {step.id} commits, and works on something"
    return ""
