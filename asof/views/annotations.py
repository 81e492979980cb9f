"""Findings on the lines of a pull request: GitHub's workflow commands and GitLab's code quality report."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from asof.compiler.classify import ChangeClass
from asof.compiler.diagnostics import Level
from asof.views.findings import findings
from asof.views.markdown import clipped

if TYPE_CHECKING:
    from asof.views.findings import Finding
    from asof.views.report import Report

MOST = 10
"""Annotations of one level that GitHub shows for a step."""
_COMMANDS = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTE: "notice"}
_SEVERITIES = {Level.ERROR: "critical", Level.WARNING: "minor", Level.NOTE: "info"}
_TEXT = 2_000


def github(report: Report, text: str) -> str:
    """``text`` for the log, in which no line counts as a command, then an annotation for each finding.

    Ten of a level are all that GitHub shows of a step; how many more there are is said in plain words.
    """
    found = findings(report)
    lines = []
    if text:
        # Whoever wrote a definition cannot know the hash of a text that holds it.
        token = f"asof-{hashlib.sha256(text.encode()).hexdigest()[:32]}"
        lines += [f"::stop-commands::{token}", text.rstrip("\n"), f"::{token}::"]
    for level, command in _COMMANDS.items():
        of_level = [finding for finding in found if finding.level is level]
        lines += [_command(command, finding) for finding in of_level[:MOST]]
        if len(of_level) > MOST:
            left = len(of_level) - MOST
            lines.append(f"{left:,} more of level {command} are not annotated: GitHub shows {MOST} of each in a step.")
    return "".join(f"{line}\n" for line in lines)


def gitlab(report: Report) -> str:
    """The JSON that GitLab takes as ``artifacts: reports: codequality``. What stands nowhere stands at asof.yaml."""
    nowhere = f"{report.folder}/asof.yaml" if report.folder else "asof.yaml"
    document = [
        {
            "description": clipped(finding.text.replace("\n", "; "), _TEXT),
            "check_name": finding.rule,
            "fingerprint": finding.fingerprint,
            "severity": _SEVERITIES[finding.level],
            "location": {"path": finding.span.path or nowhere, "lines": {"begin": max(finding.span.line, 1)}},
        }
        for finding in findings(report, least=ChangeClass.IDENTITY)
    ]
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _command(command: str, finding: Finding) -> str:
    span = finding.span
    properties = {"title": f"{finding.rule}: {finding.title}"}
    if span.path:
        place = {"file": span.path, "line": str(span.line), "col": str(span.column)}
        if span.end_column > span.column:
            place |= {"endLine": str(span.end_line), "endColumn": str(span.end_column)}
        properties = place | properties
    said = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{command} {said}::{_data(clipped(finding.text, _TEXT))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
