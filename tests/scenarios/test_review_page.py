"""docs/review.md shows what the scenarios show."""

from __future__ import annotations

import re

import pytest

from asof.compiler.classify import ChangeClass
from asof.views.format import Format
from tests.golden import ROOT, check_golden
from tests.scenarios.scenario import HERE, read

PAGE = ROOT.parent / "docs" / "review.md"
_SHOWN = re.compile(r"<!-- scenario (\S+) (\S+) (\w+) -->\n.*?<!-- /scenario -->", re.DOTALL)


def _current(match: re.Match[str]) -> str:
    name, section, language = match.groups()
    text = read(HERE / f"{name}.scenario").sections[section]
    fence = "````" if "```" in text else "```"
    return f"<!-- scenario {name} {section} {language} -->\n{fence}{language}\n{text}{fence}\n<!-- /scenario -->"


@pytest.mark.golden
def test_the_page_shows_what_the_scenarios_show() -> None:
    check_golden(PAGE, _SHOWN.sub(_current, PAGE.read_text(encoding="utf-8")))


def test_the_page_names_every_format_and_every_class() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [form.value for form in Format if f"| {form.value} |" not in text] == []
    assert [str(cls) for cls in ChangeClass if f"| {str(cls).replace('_', ' ')} |" not in text] == []
