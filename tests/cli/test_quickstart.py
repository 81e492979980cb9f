"""The quickstart tells what happens: its commands are run, its output is theirs."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from asof.cli import ExitCode, main
from tests.golden import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def steps() -> list[tuple[list[str], str]]:
    """Each command of the quickstart and the output shown below it ("" where none is)."""
    text = (ROOT.parent / "docs" / "quickstart.md").read_text()
    shown = "\n".join(re.findall(r"(?s)```console\n(.*?)```", text))
    return [
        (shlex.split(command), output) for command, output in re.findall(r"(?m)^\$ (.+)\n((?:[^$\n].*\n|\n)*)", shown)
    ]


def test_the_quickstart_is_true(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    assert len(steps()) >= 9
    for (program, *arguments), expected in steps():
        if program == "cd":
            monkeypatch.chdir(arguments[0])
            continue
        assert main(arguments) == ExitCode.OK
        said = capsys.readouterr().out
        if expected.strip():
            assert said.strip() == expected.strip(), arguments


def test_the_plan_in_the_readme_is_real(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    shop = tmp_path / "shop"
    main(["init", str(shop)])
    main(["-C", str(shop), "apply", "--yes"])
    definitions = shop / "features.yaml"
    before = "{function: count, name: orders, windows: [7d, 30d]}"
    assert before in definitions.read_text()
    definitions.write_text(definitions.read_text().replace(before, before.replace("30d]", "30d, 90d]")))
    capsys.readouterr()
    assert main(["-C", str(shop), "plan"]) == ExitCode.OK
    shown = (ROOT.parent / "README.md").read_text().split("<!-- plan -->\n```text\n")[1].split("```\n<!-- /plan -->")[0]
    assert capsys.readouterr().out == shown
