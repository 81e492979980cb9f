"""A report as JUnit XML: a case for each change, finding and feature test; what stops a merge fails."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as Xml

from asof.compiler.diagnostics import Level
from asof.views import wording
from asof.views.findings import findings, said
from asof.views.markdown import clipped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asof.compiler.plan import Plan
    from asof.views.findings import Finding
    from asof.views.report import Report

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TEXT = 2_000


def junit(report: Report) -> str:
    """Suites ``definitions``, ``plan`` and ``tests``, each where the command has something to say of it."""
    root = Xml.Element("testsuites", name=f"asof {report.command}")
    if report.command != "test":
        _suite(root, "definitions", list(_definitions(report)))
    if report.plan is not None:
        _suite(root, "plan", list(_changes(report.plan)))
        if report.plan.policies:
            _suite(root, "policies", list(_policies(report.plan)))
    if report.tests:
        _suite(root, "tests", list(_tests(report)))
    cases = list(root.iter("testcase"))
    root.set("tests", str(len(cases)))
    root.set("failures", str(sum(case.find("failure") is not None for case in cases)))
    root.set("errors", "0")
    Xml.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + Xml.tostring(root, encoding="unicode") + "\n"


def _suite(root: Xml.Element, name: str, cases: list[Xml.Element]) -> None:
    failures = sum(case.find("failure") is not None for case in cases)
    suite = Xml.SubElement(
        root, "testsuite", name=name, tests=str(len(cases)), failures=str(failures), errors="0", skipped="0"
    )
    suite.extend(cases)


def _definitions(report: Report) -> Iterator[Xml.Element]:
    """A case for each finding; warnings pass and say so. One that passes where nothing was found."""
    found = [f for f in findings(report) if f.rule in {d.code for d in report.diagnostics}]
    if not found:
        yield _case("definitions", "every definition is valid")
    for finding in found:
        case = _case(f"definitions.{finding.rule}", f"{_place(finding)}: {finding.message}", finding)
        if finding.level is Level.ERROR:
            _fail(case, finding.rule, finding.message, _text(finding))
        else:
            _say(case, f"{finding.level}: {_text(finding)}")
        yield case


def _changes(made: Plan) -> Iterator[Xml.Element]:
    """A case for each change, which fails where it is blocked; then what is blocked beside the changes."""
    own = [block for block in made.blocked if not block.policy]  # house rules have cases of their own
    blocked = {block.address: [b for b in own if b.address == block.address] for block in own}
    if not made.changes and not blocked:
        yield _case("plan", "no changes")
    for why in wording.settings(made):
        yield _case("plan.settings", str(why))
    for change in made.changes:
        case = _case(f"plan.{change.change_class}", f"{change.action} {change.address}")
        for block in blocked.pop(change.address, ()):
            _fail(case, block.code, block.message, f"{block.message}\nto lift it: {block.remedy}")
        reached = wording.reached(change.reach)
        _say(case, clipped("\n".join([*said(made, change), *([f"reaches: {reached}"] if reached else [])]), _TEXT))
        yield case
    for address, blocks in blocked.items():
        case = _case("plan.blocked", address or "settings")
        for block in blocks:
            _fail(case, block.code, block.message, f"{block.message}\nto lift it: {block.remedy}")
        yield case


def _policies(made: Plan) -> Iterator[Xml.Element]:
    """A case for each house rule: it fails where it blocks the plan."""
    for name, severity in made.policies.items():
        case = _case(f"policies.{severity}", name)
        for block in made.blocked:
            if block.policy == name:
                _fail(case, block.code, block.message, f"{block.message}\nto lift it: {block.remedy}")
        said = [f"warning: {w.message}\nto mend it: {w.remedy}" for w in made.warnings if w.policy == name]
        if said:
            _say(case, clipped("\n".join(said), _TEXT))
        yield case


def _tests(report: Report) -> Iterator[Xml.Element]:
    for result in report.tests:
        case = _case(f"tests.{result.test.view or result.test.service}", result.test.name)
        for found in result.diagnostics:
            where = f"{found.span.path}:{found.span.line}: " if found.span.path else ""
            _fail(case, found.code, found.message, f"{where}{found.message}")
        yield case


def _case(classname: str, name: str, finding: Finding | None = None) -> Xml.Element:
    case = Xml.Element("testcase", classname=_xml(classname), name=_xml(clipped(wording.plain(name), 300)), time="0")
    if finding is not None and finding.span.path:
        case.set("file", _xml(finding.span.path))
        case.set("line", str(finding.span.line))
    return case


def _fail(case: Xml.Element, code: str, message: str, text: str) -> None:
    failure = case.find("failure")
    if failure is None:  # a case fails once, with all there is to say
        failure = Xml.SubElement(case, "failure", type=_xml(code), message=_xml(clipped(wording.plain(message), 300)))
        failure.text = _xml(clipped(text, _TEXT))
    else:
        failure.text = f"{failure.text}\n{_xml(clipped(text, _TEXT))}"


def _say(case: Xml.Element, text: str) -> None:
    Xml.SubElement(case, "system-out").text = _xml(text)


def _text(finding: Finding) -> str:
    return clipped(f"{_place(finding)}: {finding.text}", _TEXT)


def _place(finding: Finding) -> str:
    return f"{finding.span.path}:{finding.span.line}" if finding.span.path else finding.address or "repo"


def _xml(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
