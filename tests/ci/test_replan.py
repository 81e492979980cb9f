"""`asof apply PLAN --replan`: what was reviewed is applied, whatever unrelated has moved; nothing else is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from asof.cli import ExitCode, main

if TYPE_CHECKING:
    from pathlib import Path

TTL = "ttl: 7d"


@pytest.fixture
def repo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    root = tmp_path / "shop"
    assert main(["init", str(root)]) == ExitCode.OK
    edit(root, "source: orders\n", f"source: orders\n{TTL}\n")
    assert main(["-C", str(root), "apply", "--yes"]) == ExitCode.OK
    capsys.readouterr()
    return root


def edit(root: Path, old: str, new: str) -> None:
    file = root / "features.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def add(root: Path, name: str) -> None:
    """Something that touches nothing else: an entity of its own."""
    (root / f"{name}.yaml").write_text(
        f"kind: Entity\nname: {name}\njoin_keys:\n  - {{name: {name}_id, type: int64}}\n"
    )


def reviewed(root: Path) -> Path:
    kept = root / "plan.json"
    assert main(["-C", str(root), "plan", "--out", str(kept)]) == ExitCode.OK
    return kept


def replan(root: Path, kept: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, object]]:
    capsys.readouterr()
    code = main(["-C", str(root), "apply", str(kept), "--replan", "--json"])
    return code, json.loads(capsys.readouterr().out)


def serial(root: Path, capsys: pytest.CaptureFixture[str]) -> int:
    capsys.readouterr()
    main(["-C", str(root), "registry", "history", "--json"])
    return int(json.loads(capsys.readouterr().out)["generations"][-1]["serial"])


def departed(answer: dict[str, object]) -> dict[str, str]:
    return {d["address"]: d["why"] for d in answer["departures"]}  # type: ignore[attr-defined]


def test_the_same_is_applied_and_a_second_run_of_the_job_has_nothing_to_do(
    repo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(repo, TTL, "ttl: 14d")
    kept = reviewed(repo)
    code, answer = replan(repo, kept, capsys)
    assert code == ExitCode.OK
    assert answer["applied"]["serial"] == 2  # type: ignore[index]
    code, answer = replan(repo, kept, capsys)
    assert (code, answer["applied"]) == (ExitCode.OK, None)
    assert serial(repo, capsys) == 2


def test_what_is_unrelated_may_move_in_between(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(repo, TTL, "ttl: 14d")
    kept = reviewed(repo)
    edit(repo, "ttl: 14d", TTL)
    add(repo, "courier")
    assert main(["-C", str(repo), "apply", "--yes"]) == ExitCode.OK
    edit(repo, TTL, "ttl: 14d")
    code, answer = replan(repo, kept, capsys)
    assert code == ExitCode.OK, answer
    assert answer["applied"]["serial"] == 3  # type: ignore[index]
    assert {c["address"] for c in answer["plan"]["changes"]} == {  # type: ignore[index]
        c["address"] for c in json.loads(kept.read_text())["changes"]
    }
    assert replan(repo, kept, capsys)[1]["applied"] is None, "a rebased plan is known as done as well"


def test_other_contents_of_the_repo_are_refused_and_shown(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(repo, TTL, "ttl: 14d")
    kept = reviewed(repo)
    edit(repo, "ttl: 14d", "ttl: 21d")
    add(repo, "courier")
    code, answer = replan(repo, kept, capsys)
    assert code == ExitCode.STALE_PLAN
    found = departed(answer)
    assert found["entity/courier"] == "the reviewed plan leaves it alone"
    assert any(why == "it is changed otherwise than in the reviewed plan" for why in found.values())
    assert answer["diagnostics"][0]["code"] == "AS617"  # type: ignore[index]
    assert serial(repo, capsys) == 1
    main(["-C", str(repo), "apply", str(kept), "--replan"])
    said = capsys.readouterr().out
    assert "entity/courier: the reviewed plan leaves it alone" in said
    assert "Nothing was applied" in said


def test_what_was_reviewed_and_is_gone_from_the_repo_is_refused(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(repo, "courier")
    kept = reviewed(repo)
    (repo / "courier.yaml").unlink()
    code, answer = replan(repo, kept, capsys)
    assert (code, departed(answer)) == (ExitCode.STALE_PLAN, {"entity/courier": "only the reviewed plan changes it"})


def test_somebody_else_changed_the_same_object_first(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(repo, TTL, "ttl: 14d")
    kept = reviewed(repo)
    edit(repo, "ttl: 14d", "ttl: 3d")
    assert main(["-C", str(repo), "apply", "--yes"]) == ExitCode.OK
    edit(repo, "ttl: 3d", "ttl: 14d")
    code, answer = replan(repo, kept, capsys)
    assert code == ExitCode.STALE_PLAN
    assert departed(answer)
    assert serial(repo, capsys) == 2


def test_a_new_reader_since_the_review_is_somebody_the_reviewer_did_not_see(
    repo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(repo, TTL, "ttl: 14d")
    kept = reviewed(repo)
    edit(repo, "ttl: 14d", TTL)
    (repo / "new.yaml").write_text("kind: FeatureService\nname: late\nfeatures: [customer_orders]\n")
    assert main(["-C", str(repo), "apply", "--yes"]) == ExitCode.OK
    edit(repo, TTL, "ttl: 14d")
    code, answer = replan(repo, kept, capsys)
    assert code == ExitCode.STALE_PLAN
    assert "it reaches others than in the reviewed plan" in departed(answer).values()


def test_what_the_review_permitted_to_delete_stays_permitted_and_nothing_else_is(
    repo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add(repo, "courier")
    add(repo, "depot")
    assert main(["-C", str(repo), "apply", "--yes"]) == ExitCode.OK
    (repo / "courier.yaml").unlink()
    kept = repo / "plan.json"
    allow = ("--allow-destroy", "entity/courier")
    assert main(["-C", str(repo), "plan", "--out", str(kept), *allow]) == ExitCode.OK
    (repo / "depot.yaml").unlink()
    code, answer = replan(repo, kept, capsys)
    assert code == ExitCode.STALE_PLAN
    assert "entity/depot" in departed(answer)
    add(repo, "depot")
    assert replan(repo, kept, capsys)[0] == ExitCode.OK


def test_a_blocked_plan_stays_blocked(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(repo, "courier")
    assert main(["-C", str(repo), "apply", "--yes"]) == ExitCode.OK
    (repo / "courier.yaml").unlink()
    kept = repo / "plan.json"
    assert main(["-C", str(repo), "plan", "--out", str(kept)]) == ExitCode.BLOCKED
    assert replan(repo, kept, capsys)[0] == ExitCode.BLOCKED
    assert serial(repo, capsys) == 2


def test_an_edited_plan_file_is_refused(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(repo, "courier")
    kept = reviewed(repo)
    made = json.loads(kept.read_text())
    made["allowed"] = ["feature_view/customer_orders"]
    kept.write_text(json.dumps(made))
    code, answer = replan(repo, kept, capsys)
    assert (code, answer["diagnostics"][0]["code"]) == (ExitCode.INVALID, "AS606")  # type: ignore[index]
    assert serial(repo, capsys) == 1


def test_another_registry_is_no_place_for_it(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(repo, "courier")
    kept = reviewed(repo)
    settings = repo / "asof.yaml"
    settings.write_text(settings.read_text().replace("registry: .asof/registry", "registry: .asof/other"))
    code, answer = replan(repo, kept, capsys)
    assert code == ExitCode.STALE_PLAN
    assert any("another registry" in d["why"] for d in answer["departures"])  # type: ignore[attr-defined]


def test_replan_is_for_a_plan_file(repo: Path) -> None:
    assert main(["-C", str(repo), "apply", "--replan"]) == ExitCode.USAGE


def test_errors_in_the_repo_come_first(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(repo, "courier")
    kept = reviewed(repo)
    edit(repo, "kind: FeatureService", "kind: FeatureServic")
    assert replan(repo, kept, capsys)[0] == ExitCode.INVALID
