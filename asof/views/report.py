"""What a command has to show, whatever the format: a plan, findings, test results, and where things were written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asof.compiler.diagnostics import Diagnostic
    from asof.compiler.plan import Plan
    from asof.compiler.policies import Freeze
    from asof.compiler.source import Span
    from asof.ops.cost import Costs
    from asof.ops.evidence import Evidence
    from asof.ops.feature_tests import TestResult
    from asof.ops.observe import Drifted


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The answer of ``command`` (plan, validate, test, render).

    ``places`` says where each change was written, by address, relative to the repo; ``folder`` is the repo's own
    place in its checkout ("" is the top), which annotations start from. ``sources`` are the texts by path.
    """

    command: str
    project: str = ""
    target: str = ""
    plan: Plan | None = None
    diagnostics: tuple[Diagnostic, ...] = ()
    tests: tuple[TestResult, ...] = ()
    drift: tuple[Drifted, ...] = ()
    """What stands in the stores otherwise than recorded, of what the plan touches."""
    costs: Costs | None = None
    """What filling its tables costs, where somebody asked."""
    frozen: Freeze | None = None
    """The freeze that holds while this is shown; no part of the plan."""
    sources: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, Span] = field(default_factory=dict)
    folder: str = ""
    plan_file: str = "plan.json"
    kept: bool = False
    """Whether the plan stands in ``plan_file``."""
    evidence: Evidence | None = None
    """What was found out beside the plan."""
