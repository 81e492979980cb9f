"""SARIF that code scanning takes in: valid by the schema and by Microsoft's tool, within GitHub's limits."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from asof.compiler.diagnostics import RULES
from asof.compiler.source import Span
from asof.views.sarif import MOST, sarif
from tests.views.plans import HOSTILE, plan_of, report_of
from tests.views.sarif_checks import complaints, schema_errors

if TYPE_CHECKING:
    from pathlib import Path

    from asof.views.report import Report

WIDE = Span(path="folder with space/äöü.yaml", line=3, column=2, end_line=9, end_column=1)


def everything() -> Report:
    """A finding of every rule there is, a plan, hostile texts, and a repo in a folder of its checkout."""
    found = tuple(rule.at(WIDE, f"{HOSTILE} {code}", address="feature_view/x") for code, rule in RULES.items())
    return replace(report_of(plan_of(14, text=HOSTILE, blocked=2), folder="ml/features"), diagnostics=found)


def run_of(report: Report) -> dict[str, Any]:
    run: dict[str, Any] = json.loads(sarif(report))["runs"][0]
    return run


@pytest.mark.parametrize("which", ["everything", "nothing"])
def test_it_is_valid_by_the_schema_and_by_the_tool(which: str, tmp_path: Path) -> None:
    text = sarif(everything() if which == "everything" else report_of(plan_of(0)))
    assert schema_errors(json.loads(text)) == []
    assert complaints(text, tmp_path) == []


@pytest.mark.parametrize("broken", ["level", "index", "line"])
def test_the_checkers_do_find_fault(broken: str, tmp_path: Path) -> None:
    document = json.loads(sarif(everything()))
    result = document["runs"][0]["results"][0]
    if broken == "level":
        result["level"] = "fatal"
        assert schema_errors(document)
        return
    if broken == "index":
        result["ruleIndex"] = 999
    if broken == "line":
        result["locations"][0]["physicalLocation"]["region"]["startLine"] = 0
    assert complaints(json.dumps(document), tmp_path)


def test_paths_start_at_the_top_of_the_checkout_and_are_uris() -> None:
    places = {r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in run_of(everything())["results"]}
    assert places == {"ml/features/folder%20with%20space/%C3%A4%C3%B6%C3%BC.yaml", "ml/features/views.yaml"}


def test_every_result_points_at_its_own_rule() -> None:
    run = run_of(everything())
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert all(rules[result["ruleIndex"]] == result["ruleId"] for result in run["results"])
    assert len(set(rules)) == len(rules)


def test_fingerprints_are_unique_and_stay_while_lines_move() -> None:
    report = everything()
    moved = {
        address: replace(span, line=span.line + 7, end_line=span.end_line + 7)
        for address, span in report.places.items()
    }
    first, second = (
        sorted(r["partialFingerprints"]["asof/v1"] for r in run_of(r)["results"])
        for r in (report, replace(report, places=moved))
    )
    assert first == second
    assert len(set(first)) == len(first)


def test_of_many_the_worst_are_kept_and_the_others_counted() -> None:
    text = sarif(report_of(plan_of(12_000, blocked=10)))
    run = json.loads(text)["runs"][0]
    assert len(run["results"]) == MOST
    assert [r["level"] for r in run["results"][:10]] == ["error"] * 10
    assert "left out" in run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]
    assert len(gzip.compress(text.encode())) < 10_000_000
