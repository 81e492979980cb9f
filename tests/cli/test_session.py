"""The session that a newcomer types: every command of a fresh repo works at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from asof.cli import ExitCode, global_first, main


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, object]]:
    code = main([*arguments, "--json"])
    answer = json.loads(capsys.readouterr().out)
    assert answer["exit_code"] == code
    return code, answer


@pytest.fixture
def repo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    place = str(tmp_path / "my shop")
    assert run(capsys, "init", place)[0] == ExitCode.OK
    return place


def test_a_new_repo_is_valid_applies_trains_and_serves(repo: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "-C", repo, "validate")[1]["definitions"] == 5
    assert run(capsys, "-C", repo, "test")[0] == ExitCode.OK
    assert run(capsys, "plan", "--detailed-exitcode", "-C", repo)[0] == ExitCode.CHANGES
    assert run(capsys, "apply", "--yes", "-C", repo)[0] == ExitCode.OK
    assert run(capsys, "plan", "--detailed-exitcode", "-C", repo)[0] == ExitCode.OK
    spine, out = f"{repo}/data/spine.csv", f"{repo}/train.parquet"
    trained = run(capsys, "history", "--service", "churn", "--spine", spine, "--out", out, "-C", repo)
    assert trained[1]["rows"] == 16
    assert run(capsys, "materialize", "--as-of", "2026-03-01T00:00:00Z", "-C", repo)[0] == ExitCode.OK
    asked = ("online", "get", "--service", "churn", "-e", "customer_id=1", "--as-of", "2026-03-01T00:00:00Z")
    served = run(capsys, *asked, "-C", repo)[1]["features"]
    wanted = {"value": 3, "status": "PRESENT", "event_time": "2026-02-28T16:05:00+00:00"}
    wanted["computed_at"] = "2026-03-01T00:00:00+00:00"
    assert served["orders_7d"] == wanted  # type: ignore[index]


def test_nobody_to_ask_is_a_refusal(repo: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "apply", "-C", repo)[0] == ExitCode.USAGE


def test_a_plan_is_applied_once_and_then_refused_or_done(repo: str, capsys: pytest.CaptureFixture[str]) -> None:
    kept = f"{repo}/plan.json"
    run(capsys, "plan", "--out", kept, "-C", repo)
    assert run(capsys, "apply", kept, "-C", repo)[0] == ExitCode.OK
    assert run(capsys, "registry", "history", "-C", repo)[1]["generations"][0]["serial"] == 1  # type: ignore[index]


def test_deleting_needs_permission(repo: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "apply", "--yes", "-C", repo)
    definitions = Path(repo, "features.yaml")
    kept = [d for d in definitions.read_text().split("---\n") if "kind: FeatureTest" not in d]
    definitions.write_text("---\n".join(kept))
    assert run(capsys, "apply", "--yes", "-C", repo)[0] == ExitCode.BLOCKED
    allowed = ("--allow-destroy", "feature_test/an_order_counts_once_it_is_paid")
    assert run(capsys, "apply", "--yes", *allowed, "-C", repo)[0] == ExitCode.OK


def test_a_broken_definition_ends_in_9_and_says_where(repo: str, capsys: pytest.CaptureFixture[str]) -> None:
    definitions = Path(repo, "features.yaml")
    definitions.write_text(definitions.read_text().replace("source: orders", "source: oders"))
    code, answer = run(capsys, "-C", repo, "validate")
    assert code == ExitCode.INVALID
    assert [d["at"]["path"] for d in answer["diagnostics"]] == ["features.yaml"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("arguments", [["vaildate"], ["plan", "--taget", "x"], ["schema", "FetureView"]])
def test_a_slip_of_the_pen_is_64_with_a_hint(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert "Did you mean" in said or "did you mean" in said or "Possible options" in said


def test_global_options_stand_anywhere_but_behind_two_dashes() -> None:
    assert global_first(["plan", "-C", "x", "--json", "--", "--json"]) == ["-C", "x", "--json", "plan", "--", "--json"]
