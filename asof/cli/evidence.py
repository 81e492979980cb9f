"""Options for what is found out beside a plan, and how it is gathered for one command."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from asof import api_evidence
from asof.cli.session import file_in_folders

if TYPE_CHECKING:
    from asof.api import Review
    from asof.cli.output import Output
    from asof.ops.evidence import Evidence, Preview
    from asof.views.report import Report

Examples = Annotated[
    bool,
    typer.Option("--examples/--no-examples", help="Look for rows on which changed SQL differs, in DuckDB in memory."),
]
Spine = Annotated[
    str,
    typer.Option(
        "--preview", metavar="SPINE", help="Compare changed features over a .parquet or .csv file, or a SELECT."
    ),
]
SpineRows = Annotated[
    int, typer.Option("--preview-rows", metavar="N", min=1, help="Over so many rows of it, chosen by their hash.")
]
EvidenceOut = Annotated[
    Path | None,
    typer.Option(
        "--evidence",
        callback=file_in_folders,
        metavar="FILE",
        help="Keep examples and preview for `asof render` and `asof report`.",
    ),
]
EvidenceIn = Annotated[
    Path | None, typer.Option("--evidence", metavar="FILE", help="What `asof plan --evidence` wrote, to be shown too.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be found out."""

    examples: bool
    spine: str
    rows: int
    target: str
    against: int | None


def gathered(shown: Output, review: Review, asked: Asked) -> Evidence:
    """What was found out beside the plan of ``review``; work on the preview is shown as it goes on."""
    from asof.ops.evidence import evidence_of

    if review.plan is None:
        raise ValueError("there is no plan")
    root = shown.session.root
    found = api_evidence.examples(root, review, target=asked.target, against=asked.against) if asked.examples else ()
    return evidence_of(review.plan, found, _preview(shown, review, asked) if asked.spine else None)


def _preview(shown: Output, review: Review, asked: Asked) -> Preview:
    from asof.views.progress import ProgressBar

    terminal = shown.session.terminal
    bar = ProgressBar(stream=terminal.err, width=terminal.width)
    try:
        return api_evidence.preview(
            shown.session.root,
            review,
            asked.spine,
            rows=asked.rows,
            target=asked.target,
            progress=lambda done, total, what: bar(done, total, f"preview of {what}"),
        )
    finally:
        bar.close()


def with_evidence(report: Report, path: Path | None) -> Report:
    """``report`` with the evidence that was kept for its plan."""
    if path is None or report.plan is None:
        return report
    return replace(report, evidence=api_evidence.read_evidence(report.plan, path))


def evidence_json(found: Evidence | None) -> dict[str, object]:
    """The fields of a JSON answer."""
    document: dict[str, object] = msgspec.to_builtins(found) if found is not None else {}
    return {"examples": document.get("examples", []), "preview": document.get("preview")}
