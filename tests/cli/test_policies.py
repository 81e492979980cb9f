"""Policies, freezes, owners and cost as somebody at a terminal meets them."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from asof.cli import ExitCode, main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A fresh repo in a folder of a git checkout, nothing applied."""
    (tmp_path / ".git").mkdir()
    made = tmp_path / "ml" / "shop"
    assert main(["init", str(made)]) == ExitCode.OK
    return made


def rules(repo: Path, text: str) -> None:
    file = repo / "asof.yaml"
    kept = file.read_text().partition("policies:")[0]
    file.write_text(kept + text)


def answer(repo: Path, *words: str, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    capsys.readouterr()
    main(["-C", str(repo), "--json", *words])
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_a_frozen_target_is_planned_and_not_applied(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules(repo, "policies:\n  freeze: {severity: error, windows: [{from: '2020-01-01', until: '2120-01-01'}]}\n")
    plan = repo / "plan.json"
    assert main(["-C", str(repo), "plan", "--out", str(plan)]) == ExitCode.OK
    assert "Frozen until 2120-01-01T00:00:00Z" in capsys.readouterr().out
    assert main(["-C", str(repo), "apply", str(plan)]) == ExitCode.BLOCKED
    assert "AS660" in capsys.readouterr().err
    assert not (repo / ".asof" / "registry" / "HEAD.json").exists()
    rules(repo, "policies:\n  freeze: {severity: warn, windows: [{from: '2020-01-01', until: '2120-01-01'}]}\n")
    assert main(["-C", str(repo), "apply", "--yes"]) == ExitCode.OK


def test_a_broken_rule_blocks_a_whole_plan_and_fails_validate(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules(repo, "policies: {naming: {severity: error, pattern: '[a-m].*', kinds: [DataSource]}}\n")
    assert main(["-C", str(repo), "validate"]) == ExitCode.INVALID
    assert main(["-C", str(repo), "plan"]) == ExitCode.BLOCKED
    assert main(["-C", str(repo), "apply", "--yes"]) == ExitCode.BLOCKED
    said = answer(repo, "plan", capsys=capsys)
    assert [b["policy"] for b in said["plan"]["blocked"]] == ["naming"]  # type: ignore[index]
    assert len(said["plan"]["changes"]) == 5  # type: ignore[index, arg-type]
    rules(repo, "policies: {naming: {severity: warn, pattern: '[a-m].*', targets: {local: warn}}}\n")
    assert main(["-C", str(repo), "validate", "--target", "local"]) == ExitCode.OK
    assert main(["-C", str(repo), "plan"]) == ExitCode.OK


def test_policies_of_the_repo_are_read_judged_and_part_of_what_is_kept(
    repo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (repo / "policies").mkdir()
    file = repo / "policies" / "small.sql"
    file.write_text("-- severity: error\nSELECT address, 'no' AS message FROM objects WHERE kind = 'feature_service'\n")
    for _ in range(2):  # the second time the plan is one that was kept
        assert main(["-C", str(repo), "plan"]) == ExitCode.BLOCKED
    file.write_text(file.read_text().replace("feature_service", "nothing"))
    assert main(["-C", str(repo), "plan"]) == ExitCode.OK
    file.write_text("SELECT address FROM nowhere\n")
    assert main(["-C", str(repo), "validate"]) == ExitCode.INVALID
    assert main(["-C", str(repo), "plan"]) == ExitCode.INVALID
    assert "policies/small.sql:1" in capsys.readouterr().err


def test_the_owners_file_of_the_checkout_counts_where_the_repo_has_none(
    repo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules(repo, "approvals: {changed: additive}\n")
    top = repo.parents[1]
    (top / ".github").mkdir()
    (top / ".github" / "CODEOWNERS").write_text("* @all\n/ml/shop/ @shop\n")
    made = answer(repo, "plan", capsys=capsys)["plan"]
    assert [a["by"] for a in made["approvals"]] == ["@shop"]  # type: ignore[index]
    (repo / "OWNERS").write_text("features.yaml @nearer\n")
    made = answer(repo, "plan", capsys=capsys)["plan"]
    assert [a["by"] for a in made["approvals"]] == ["@nearer"]  # type: ignore[index]


def test_a_policy_that_is_a_link_out_of_the_repo_is_not_followed(repo: Path, tmp_path: Path) -> None:
    (repo / "policies").mkdir()
    outside = tmp_path / "outside.sql"
    outside.write_text("SELECT '' AS address, 'x' AS message")
    (repo / "policies" / "out.sql").symlink_to(outside)
    assert main(["-C", str(repo), "validate"]) == ExitCode.INVALID


def test_the_cost_is_told_on_request_and_is_no_part_of_the_plan(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = answer(repo, "plan", capsys=capsys)
    asked = answer(repo, "plan", "--cost", capsys=capsys)
    assert plain["cost"] is None
    assert asked["plan"] == plain["plan"]
    (view,) = asked["cost"]["views"]  # type: ignore[index]
    assert (view["address"], view["work"], view["partitions"]) == ("feature_view/customer_orders", "fill", 1)
    assert view["bytes"] == (repo / "data" / "orders.csv").stat().st_size
    assert main(["-C", str(repo), "apply", "--yes"]) == ExitCode.OK
    file = repo / "features.yaml"
    file.write_text(file.read_text().replace("timestamp_field: paid_at", "timestamp_field: paid_at\ndelay: 1s"))
    (again,) = answer(repo, "plan", "--cost", capsys=capsys)["cost"]["views"]  # type: ignore[index]
    assert again["work"] == "refill"
    shutil.rmtree(repo / "data")
    (gone,) = answer(repo, "plan", "--cost", capsys=capsys)["cost"]["views"]  # type: ignore[index]
    assert gone["bytes"] is None
    assert gone["by"]


def test_a_rendered_answer_in_json_holds_the_plan(repo: Path) -> None:
    into = repo / "answer.json"
    assert main(["-C", str(repo), "plan", "--render", f"json={into}"]) == ExitCode.OK
    assert json.loads(into.read_text())["plan"]["changes"]
