"""What is found out beside a plan by running queries; as in asof/api.py, one function each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asof import api

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from asof.compiler.model import Repo
    from asof.compiler.plan import Plan
    from asof.ops.evidence import Evidence, Example, Preview


def examples(root: Path, review: api.Review, *, target: str, against: int | None = None) -> tuple[Example, ...]:
    """For each piece of SQL that the plan changes without a proof: rows on which old and new differ, or why not.

    Generated rows, run by DuckDB in memory: no store is asked. Bounded in time; kept as plans are kept.
    """
    made = review.plan
    if made is None or not any(reason.edits for change in made.changes for reason in change.reasons):
        return ()
    from asof.ops.plan_cache import keep_examples, kept_examples

    kept = kept_examples(root, made)
    if kept is not None:
        return kept
    from asof.compiler.trials import OUT_OF_TIME, trials
    from asof.ops.counter_examples import Budget, counter_examples

    before, after = _both(root, review, target, against)
    budget = Budget()
    found = counter_examples(trials(made, after, before, over=budget.over), budget)
    if all(example.why != OUT_OF_TIME for example in found):
        keep_examples(root, made, found)
    return found


def preview(
    root: Path,
    review: api.Review,
    spine: str,
    *,
    rows: int,
    target: str,
    progress: Callable[[int, int, str], None],
) -> Preview:
    """Old and new values of the features that the plan changes, over a sample of ``rows`` rows of a spine.

    The spine is a file or a query, as for a training set. The target's offline store is read, nothing is written.
    """
    from asof.ops.preview import Definitions
    from asof.ops.preview import preview as compared

    if review.plan is None:
        raise ValueError("there is no plan")
    before, after = _both(root, review, target, None)
    name = review.plan.target
    return compared(
        review.plan,
        Definitions(repo=before, target=name),
        Definitions(repo=after, target=name),
        spine,
        rows=rows,
        root=root,
        progress=progress,
    )


def write_evidence(found: Evidence, path: Path) -> None:
    """The file of what was found out. Raises OSError."""
    from asof.ops.evidence import evidence_bytes

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(evidence_bytes(found))


def read_evidence(made: Plan, path: Path) -> Evidence:
    """What was found out about ``made``, from its file. Raises DiagnosticError (AS618, AS619), OSError."""
    from asof.ops.evidence import evidence_from_bytes

    return evidence_from_bytes(path.read_bytes(), made)


def _both(root: Path, review: api.Review, target: str, against: int | None) -> tuple[Repo, Repo]:
    """The definitions as the registry has them, and as the files have them."""
    from asof.compiler.model import Repo
    from asof.compiler.state import repo_of

    after = review.checked.repo or api.check(root, target=target).repo
    if after is None:
        raise ValueError("there is no repo to compare")
    registry = api.registry_of(root, after.project, target)
    state = registry.state() if against is None else registry.at(against)
    before = repo_of(state) if state.objects else Repo(project=after.project, definitions={})
    return before, after
