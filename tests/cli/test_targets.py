"""Environments and reviewed plans: promote, --expect-sha256, ownership from asof.yaml."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from asof.cli import ExitCode, main

if TYPE_CHECKING:
    from pathlib import Path

TARGETS = """
  staging:
    registry: .asof/staging
    offline: {type: duckdb, path: .asof/staging.duckdb}
    online: {type: sqlite, path: .asof/staging.db}
  production:
    registry: .asof/production
    offline: {type: duckdb, path: .asof/production.duckdb}
    online: {type: sqlite, path: .asof/production.db}
"""


@pytest.fixture
def shop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    main(["init", str(tmp_path)])
    config = tmp_path / "asof.yaml"
    config.write_text(config.read_text(encoding="utf-8").replace("targets:", "targets:" + TARGETS.rstrip(), 1))
    capsys.readouterr()
    return tmp_path


@pytest.fixture
def run(shop: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def command(*arguments: str) -> tuple[int, dict[str, Any]]:
        code = main([*arguments, "--json", "-C", str(shop)])
        return code, json.loads(capsys.readouterr().out)

    return command


def edit(shop: Path, old: str, new: str) -> None:
    file = shop / "features.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")


def test_production_gets_what_staging_has_whatever_the_files_say(shop: Path, run: Any) -> None:
    assert run("apply", "--yes", "--target", "staging")[0] == ExitCode.OK
    edit(shop, "7d, 30d", "7d, 60d")
    permitted = ("--allow-destroy", "feature_view/*")
    assert run("apply", "--yes", "--target", "staging", *permitted)[0] == ExitCode.OK
    edit(shop, "7d, 60d", "7d, 90d")
    kept = str(shop / "promotion.json")
    assert run("promote", "staging", "production", "--out", kept)[0] == ExitCode.OK
    assert run("apply", kept)[1]["applied"]["serial"] == 1
    assert (shop / ".asof" / "production.db").exists()
    assert run("promote", "staging", "production", "--yes")[1]["applied"] is None
    (change, *_) = run("plan", "--target", "production")[1]["plan"]["changes"]
    assert "90d" in json.dumps(change)
    back = run("promote", "staging", "production", "--serial", "1", "--yes", *permitted)[1]
    assert back["applied"]["serial"] == 2
    assert run("drift", "--target", "production")[0] == ExitCode.OK


def test_what_cannot_be_promoted_is_said(run: Any) -> None:
    assert run("promote", "staging", "production")[0] == ExitCode.UNAVAILABLE
    assert run("promote", "stagin", "production")[0] == ExitCode.USAGE
    assert run("promote", "staging", "prod")[0] == ExitCode.USAGE


def test_only_the_plan_that_was_reviewed_is_applied(shop: Path, run: Any) -> None:
    kept = shop / "plan.json"
    digest = run("plan", "--out", str(kept))[1]["sha256"]
    assert digest == hashlib.sha256(kept.read_bytes()).hexdigest()
    code, answer = run("apply", str(kept), "--expect-sha256", "0" * 64)
    assert (code, answer["diagnostics"][0]["code"]) == (ExitCode.USAGE, "AS616")
    assert run("registry", "history")[1]["generations"] == []
    assert run("apply", "--yes", "--expect-sha256", digest)[0] == ExitCode.USAGE
    assert run("apply", str(kept), "--expect-sha256", digest.upper())[0] == ExitCode.OK


def test_a_second_repo_builds_on_the_first_and_leaves_it_alone(
    shop: Path, run: Any, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    config = (shop / "asof.yaml").read_text(encoding="utf-8").replace(": .asof/", f": {shop}/.asof/")
    (shop / "asof.yaml").write_text(config, encoding="utf-8")
    assert run("apply", "--yes")[0] == ExitCode.OK
    second = tmp_path_factory.mktemp("second")
    (second / "asof.yaml").write_text(config + "\nownership: {prefixes: [fraud_]}\n", encoding="utf-8")
    service = "kind: FeatureService\nname: fraud_model\nowner: fraud\nfeatures: [{view: customer_orders}]\n"

    def there(*arguments: str) -> tuple[int, dict[str, Any]]:
        code = main([*arguments, "--json", "-C", str(second)])
        return code, json.loads(capsys.readouterr().out)

    views = [a for a in run("registry", "show")[1]["objects"] if a.startswith("feature_view/")]
    (second / "f.yaml").write_text(service.replace("customer_orders", views[0].partition("/")[2]), encoding="utf-8")
    code, answer = there("plan")
    assert code == ExitCode.OK, answer
    assert [c["action"] for c in answer["plan"]["changes"]] == ["create"]
    assert answer["plan"]["others"] == 5
    assert there("validate")[0] == ExitCode.OK
    assert there("plan", "--target", "production")[0] == ExitCode.INVALID
    (second / "f.yaml").write_text(service.replace("fraud_model", "model"), encoding="utf-8")
    assert "AS513" in json.dumps(there("plan")[1]["diagnostics"])
