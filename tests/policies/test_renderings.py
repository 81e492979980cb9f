"""Every rendering says what blocks, what is worth knowing, who has to agree and that it is no time to apply."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from asof.compiler.policies import Freeze
from asof.ops.cost import Cost, Costs
from asof.views.format import Format
from asof.views.renderings import rendered
from tests.scenarios.scenario import HERE, read

if TYPE_CHECKING:
    from asof.views.report import Report

FROZEN = Freeze(since="2026-12-20T00:00:00Z", until="2027-01-04T00:00:00Z", reason="peak season")
COST = Cost(
    address="feature_view/worth",
    work="refill",
    sources=("data_source/trips",),
    rows=1200,
    bytes=None,
    partitions=3,
    by="x",
)


def report(scenario: str) -> Report:
    return read(HERE / f"{scenario}.scenario").report


@pytest.mark.parametrize("form", [Format.MARKDOWN, Format.HTML])
def test_pages_for_people(form: Format) -> None:
    costs = Costs(views=(COST,), kept=("feature_view/fares",))
    text = rendered(replace(report("80_approvals"), frozen=FROZEN, costs=costs), form)
    for said in ("Needs approval by", "@acme/platform", "peak season", "Cost of filling the tables", "1,200"):
        assert said in text
    text = rendered(report("82_policy_in_sql"), form)
    for said in ("tested_values", "wide_reach", "write a FeatureTest for it", "tell their owners: models"):
        assert said in text


@pytest.mark.parametrize("form", [Format.SARIF, Format.GITHUB, Format.GITLAB])
def test_findings_for_programs(form: Format) -> None:
    text = rendered(report("82_policy_in_sql"), form)
    assert "tested_values: feature_view/worth changes values" in text
    assert "wide_reach: feature_view/fares: it reaches" in text


def test_sarif_places_a_breach_where_its_object_was_written() -> None:
    run = json.loads(rendered(report("75_restricted_tag"), Format.SARIF))["runs"][0]
    (result,) = [r for r in run["results"] if r["ruleId"] == "AS656"]
    assert result["level"] == "error"
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "features.yaml"


def test_junit_has_a_case_for_each_policy() -> None:
    root = ElementTree.fromstring(rendered(report("82_policy_in_sql"), Format.JUNIT))
    cases = {case.get("name"): case for case in root.findall("testsuite[@name='policies']/testcase")}
    assert cases.keys() == {"tested_values", "wide_reach"}
    assert cases["tested_values"].find("failure") is not None
    assert cases["wide_reach"].find("failure") is None
    assert "it reaches 3" in (cases["wide_reach"].findtext("system-out") or "")
