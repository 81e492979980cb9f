"""Findings as SARIF 2.1.0, within what GitHub's code scanning takes in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from asof.compiler.classify import ChangeClass
from asof.compiler.diagnostics import Level
from asof.version import __version__
from asof.views.findings import CLASS_RULE, findings, rules
from asof.views.markdown import clipped
from asof.views.wording import advice_of

if TYPE_CHECKING:
    from asof.views.findings import Finding
    from asof.views.report import Report

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
MOST = 5_000
"""Results that GitHub shows of a run (it takes 25,000): the worst ones are kept, the others counted."""
_TEXT = 1_000
_LEVELS = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTE: "note"}
_NOWHERE = "asof.yaml"
_HELP = {CLASS_RULE.format(cls): advice_of(cls) for cls in ChangeClass}


def sarif(report: Report) -> str:
    """One run as JSON text. Of changes, those that can alter a value or take something away."""
    found = findings(report, least=ChangeClass.VALUE_CHANGE)
    kept = found[:MOST]
    ids = sorted({finding.rule for finding in kept})
    known = rules()
    index = {rule: at for at, rule in enumerate(ids)}
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "asof",
                "semanticVersion": __version__,
                "informationUri": "https://asof.dev",
                "rules": [_rule(rule, known.get(rule, rule), kept) for rule in ids],
            }
        },
        "automationDetails": {"id": f"asof/{report.command}/{report.project}/{report.target}/"},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "The top of the checkout."}}},
        "results": [_result(finding, index, report.folder) for finding in kept],
    }
    if len(found) > len(kept):
        said = f"{len(found) - len(kept):,} findings of lower levels are left out; {len(kept):,} are kept"
        note = {"level": "note", "message": {"text": said}}
        run["invocations"] = [{"executionSuccessful": True, "toolExecutionNotifications": [note]}]
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _rule(rule: str, summary: str, found: tuple[Finding, ...]) -> dict[str, Any]:
    """``found`` are worst first, so that the first of a rule gives its level."""
    level = next(finding.level for finding in found if finding.rule == rule)
    name = "".join(word.capitalize() for word in summary.partition(":")[0].replace("-", " ").split() if word.isalnum())
    return {
        "id": rule,
        "name": name or rule,
        "shortDescription": {"text": _sentence(summary)},
        "fullDescription": {"text": _sentence(summary)},
        "help": {"text": _HELP.get(rule) or f"{_sentence(summary)} docs/diagnostics/{rule}.md explains it."},
        "defaultConfiguration": {"level": _LEVELS[level]},
    }


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _result(finding: Finding, index: dict[str, int], folder: str) -> dict[str, Any]:
    nowhere = f"{folder}/{_NOWHERE}" if folder else _NOWHERE
    region = {"startLine": max(finding.span.line, 1), "startColumn": max(finding.span.column, 1)}
    if finding.span.end_column > finding.span.column:
        region |= {"endLine": finding.span.end_line, "endColumn": finding.span.end_column}
    place: dict[str, Any] = {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(finding.span.path or nowhere), "uriBaseId": "%SRCROOT%"},
            "region": region,
        }
    }
    if finding.address:
        kind = finding.address.partition("/")[0]
        place["logicalLocations"] = [{"fullyQualifiedName": finding.address, "kind": kind or "object"}]
    return {
        "ruleId": finding.rule,
        "ruleIndex": index[finding.rule],
        "level": _LEVELS[finding.level],
        "message": {"text": clipped(f"{finding.text.rstrip('.')}.", _TEXT)},
        "locations": [place],
        "partialFingerprints": {"asof/v1": finding.fingerprint},
    }
