"""One report in any of the formats."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asof.views import feature_tests, frames, listings, plans, wording
from asof.views.annotations import github, gitlab
from asof.views.format import Format
from asof.views.junit import junit
from asof.views.plan_html import page
from asof.views.plan_markdown import comment
from asof.views.sarif import sarif

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from asof.views.report import Report


def rendered(report: Report, form: Format, *, verbose: bool = False) -> str:
    """``report`` as text that ends in a line break. Raises KeyError for JSON, which is the command's own answer."""
    if form is Format.TEXT:
        found = frames.render(report.diagnostics, report.sources)
        return "\n".join(part for part in (found, _said(report, verbose=verbose)) if part)
    if form is Format.GITHUB:
        return github(report, _said(report, verbose=verbose))
    return _DOCUMENTS[form](report)


_DOCUMENTS: Mapping[Format, Callable[[Report], str]] = {
    Format.MARKDOWN: comment,
    Format.JUNIT: junit,
    Format.SARIF: sarif,
    Format.GITLAB: gitlab,
    Format.HTML: page,
}


def _said(report: Report, *, verbose: bool) -> str:
    """The answer without what was found on the way to it."""
    if report.plan is not None:
        drifted = f"{listings.drifted(report.drift, wording.DRIFT)}\n" if report.drift else ""
        plan = plans.human(report.plan, evidence=report.evidence, verbose=verbose)
        return "\n".join(part for part in (plan, drifted) if part)
    return feature_tests.outcome(report.tests, colour=False) + "\n" if report.tests else ""
