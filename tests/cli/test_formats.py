"""One run, several answers: what `--format` and `--render` write for plan, render, validate and test."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from asof.cli import ExitCode, main

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENTS = {
    "json": lambda text: json.loads(text)["exit_code"] in (0, 9),
    "sarif": lambda text: json.loads(text)["version"] == "2.1.0",
    "gitlab": lambda text: isinstance(json.loads(text), list),
    "junit": lambda text: ElementTree.fromstring(text).tag == "testsuites",
    "markdown": lambda text: text.startswith("<!-- asof "),
    "github": lambda text: "::" in text,
    "html": lambda text: text.startswith("<!doctype html>"),
    "text": lambda text: text.endswith("\n"),
}


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A fresh repo, applied and then edited, in a folder of a git checkout."""
    (tmp_path / ".git").mkdir()
    made = tmp_path / "ml" / "shop"
    assert main(["init", str(made)]) == ExitCode.OK
    assert main(["-C", str(made), "apply", "--yes"]) == ExitCode.OK
    file = made / "features.yaml"
    file.write_text(file.read_text().replace("timestamp_field: paid_at", "timestamp_field: paid_at\ndelay: 1s"))
    return made


def break_(repo: Path) -> None:
    file = repo / "features.yaml"
    file.write_text(file.read_text().replace("source: orders", "source: oders"))


@pytest.mark.parametrize("broken", [False, True])
@pytest.mark.parametrize("verb", ["plan", "validate", "test"])
@pytest.mark.parametrize("form", DOCUMENTS)
def test_an_answer_in_any_format(
    repo: Path, verb: str, form: str, broken: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    if broken:
        break_(repo)
    expected = ExitCode.INVALID if broken else ExitCode.OK
    capsys.readouterr()
    into = repo / "out" / "answer"
    assert main(["-C", str(repo), verb, "--format", form, "--render", f"{form}={into}"]) == expected
    said = capsys.readouterr().out
    if form != "github" or said:
        assert DOCUMENTS[form](said) or (broken and form == "text" and not said)
    assert DOCUMENTS[form](into.read_text()) or (verb == "validate" and form in ("text", "github"))


def test_changes_and_errors_are_placed_from_the_top_of_the_checkout(
    repo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = 1 + (repo / "features.yaml").read_text()[: (repo / "features.yaml").read_text().index("delay")].count("\n")
    capsys.readouterr()
    main(["-C", str(repo), "plan", "--format", "github"])
    assert f"::warning file=ml/shop/features.yaml,line={line},col=1" in capsys.readouterr().out
    main(["-C", str(repo), "plan", "--format", "github"])
    assert f"line={line}" in capsys.readouterr().out, "a kept plan is placed as well"
    break_(repo)
    main(["-C", str(repo), "validate", "--format", "github"])
    assert "::error file=ml/shop/features.yaml," in capsys.readouterr().out


def test_a_plan_file_is_shown_again_without_a_registry(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = repo / "plan.json"
    main(["-C", str(repo), "plan", "--out", str(kept), "--no-color"])
    first = capsys.readouterr().out
    shutil.rmtree(repo / ".asof")
    assert main(["-C", str(repo), "render", str(kept), "--no-color"]) == ExitCode.OK
    assert first.endswith(capsys.readouterr().out)
    assert main(["-C", str(repo.parent), "render", str(kept), "--format", "sarif"]) == ExitCode.OK
    assert json.loads(capsys.readouterr().out)["runs"][0]["results"]
    assert main(["render", str(kept), "--format", "markdown"]) == ExitCode.OK
    assert f"asof apply {kept} --expect-sha256" in capsys.readouterr().out


def test_json_is_one_answer_however_it_is_asked_for(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    answers = []
    for asked in (["--json"], ["--format", "json"], ["--json", "--format", "json"]):
        assert main(["-C", str(repo), "plan", *asked]) == ExitCode.OK
        answers.append(capsys.readouterr().out)
    assert answers[0] == answers[1] == answers[2]


@pytest.mark.parametrize(
    "asked",
    [["--json", "--format", "sarif"], ["--render", "sarif"], ["--render", "auto=x"], ["--render", "pdf=x"]],
)
def test_what_cannot_be_written_is_a_usage_error(repo: Path, asked: list[str]) -> None:
    assert main(["-C", str(repo), "plan", *asked]) == ExitCode.USAGE


def test_a_broken_command_line_answers_in_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--format", "json", "--nonsense"]) == ExitCode.USAGE
    assert json.loads(capsys.readouterr().out)["exit_code"] == ExitCode.USAGE
