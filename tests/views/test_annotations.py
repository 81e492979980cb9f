"""Annotations: what GitHub's runner and GitLab read, and nothing that a definition says is taken for a command."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

from asof.views.annotations import MOST, github, gitlab
from asof.views.format import Format, suited
from asof.views.junit import junit
from tests.views.plans import HOSTILE, plan_of, report_of

COMMAND = re.compile(r"^::(\w[\w-]*)(?: ([^:]*))?::(.*)$")


def obeyed(output: str) -> list[tuple[str, dict[str, str], str]]:
    """The commands that a runner would carry out: lines that start with ``::``, but for a stretch that is stopped."""
    found, token = [], ""
    for line in output.splitlines():
        stripped = line.strip()
        if token:
            token = "" if stripped == f"::{token}::" else token
            continue
        match = COMMAND.match(stripped)
        if match is None:
            continue
        if match[1] == "stop-commands":
            token = match[3]
            continue
        pairs = dict(pair.split("=", 1) for pair in (match[2] or "").split(",") if pair)
        found.append((match[1], pairs, match[3].replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%")))
    assert not token
    return found


def test_each_finding_lands_on_its_line() -> None:
    said = obeyed(github(report_of(plan_of(7), folder="ml"), ""))
    assert [command for command, _, _ in said] == ["warning"] * 3 + ["notice"] * 2
    assert said[0][1]["file"] == "ml/views.yaml"
    assert [pairs["line"] for _, pairs, _ in said] == ["1", "2", "3", "4", "5"]


def test_ten_of_a_level_and_the_rest_is_said() -> None:
    output = github(report_of(plan_of(700, blocked=35)), "")
    levels = [command for command, _, _ in obeyed(output)]
    assert {level: levels.count(level) for level in levels} == {"error": MOST, "warning": MOST, "notice": MOST}
    assert "25 more of level error" in output


def test_no_text_is_taken_for_a_command() -> None:
    hostile = "\n::error::boo\n  ::add-mask::x\n::stop-commands::y\n::y::\n::set-env name=PATH::/tmp\n"
    output = github(report_of(plan_of(7, text=hostile + HOSTILE, blocked=1)), hostile)
    assert {command for command, _, _ in obeyed(output)} == {"error", "warning", "notice"}
    assert len(obeyed(output)) == 6
    assert all(set(pairs) <= {"file", "line", "col", "endLine", "endColumn", "title"} for _, pairs, _ in obeyed(output))


def test_gitlab_finds_what_its_report_needs() -> None:
    document = json.loads(gitlab(report_of(plan_of(70, text=HOSTILE, blocked=3))))
    assert all(item.keys() == {"description", "check_name", "fingerprint", "severity", "location"} for item in document)
    assert {item["severity"] for item in document} == {"critical", "minor", "info"}
    assert all(not item["location"]["path"].startswith(("/", ".")) for item in document)
    assert len({item["fingerprint"] for item in document}) == len(document)


def test_the_place_decides_on_the_format() -> None:
    assert suited({"GITHUB_ACTIONS": "true"}, to_file=False) is Format.GITHUB
    assert suited({"GITLAB_CI": "true"}, to_file=True) is Format.GITLAB
    assert suited({"GITLAB_CI": "true"}, to_file=False) is Format.TEXT
    assert suited({}, to_file=True) is Format.TEXT


def test_junit_holds_a_case_for_each_change_whatever_it_says() -> None:
    root = ElementTree.fromstring(junit(report_of(plan_of(14, text=HOSTILE + "\x00\x0b\ufffe", blocked=2))))
    suite = next(suite for suite in root if suite.get("name") == "plan")
    assert (suite.get("tests"), suite.get("failures")) == ("14", "2")
    assert int(root.get("failures", "")) == len(list(root.iter("failure")))
