"""The reference of the command line is what the commands say."""

from __future__ import annotations

import re

import pytest

from asof.cli.reference import commands, page
from tests.golden import ROOT

CLI_PAGE = ROOT.parent / "docs" / "cli.md"


def test_the_reference_is_current() -> None:
    assert CLI_PAGE.read_text() == page(), "run `python -m asof.cli.reference docs/cli.md`"


@pytest.mark.parametrize(("name", "command"), list(commands()), ids=[name for name, _ in commands()])
def test_every_command_and_option_says_what_it_is_for(name: str, command: object) -> None:
    assert command.help, name  # type: ignore[attr-defined]
    unexplained = [p.name for p in command.params if not getattr(p, "help", "")]  # type: ignore[attr-defined]
    assert unexplained == []


def test_the_readme_and_the_quickstart_name_commands_that_exist() -> None:
    known = {name for name, _ in commands()}
    for path in ("README.md", "docs/quickstart.md"):
        text = (ROOT.parent / path).read_text()
        for line in re.findall(r"(?m)^(?:    |\$ )(asof .*)$", text):
            words = line.split()
            assert " ".join(words[:2]) in known or " ".join(words[:3]) in known, f"{path}: {line}"


def test_links_in_the_readme_and_the_quickstart_lead_somewhere() -> None:
    for path in ("README.md", "docs/quickstart.md"):
        page_ = ROOT.parent / path
        for link in re.findall(r"\]\(([^)#]+)", page_.read_text()):
            assert link.startswith("https://") or (page_.parent / link).exists(), f"{path}: {link}"
