"""show, list, search, impact, explain, graph and completion, as typed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from asof.cli import ExitCode, main
from tests.explore.world import PROJECT, SHOP
from tests.golden import ROOT, check_golden

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def shop(tmp_path: Path) -> str:
    (tmp_path / "asof.yaml").write_text(PROJECT)
    (tmp_path / "features.yaml").write_text(SHOP)
    return str(tmp_path)


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    code = main([*arguments, "--json"])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert found["exit_code"] == code
    return found


@pytest.mark.golden
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("show", ["show", "spending"]),
        ("show_sql", ["show", "feature_view/cleaned", "--sql"]),
        ("list", ["list"]),
        ("search", ["search", "spent"]),
        ("impact_column", ["impact", "orders.amount", "--all"]),
        ("impact_object", ["impact", "entity/customer"]),
        ("mermaid", ["graph"]),
        ("mermaid_focus", ["graph", "--focus", "cleaned", "--up", "1", "--down", "1", "--columns"]),
        ("dot", ["graph", "--format", "dot", "--columns"]),
    ],
)
def test_what_is_shown(shop: str, name: str, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*arguments, "-C", shop]) == ExitCode.OK
    check_golden(GOLDEN / f"{name}.txt", capsys.readouterr().out)


def test_impact_counts_owners(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "impact", "spending:spent_7d", "-C", shop)["impact"]
    assert found["owners"] == ["ml", "risk"]
    assert {c["column"] for c in found["columns"]} == {"share", "spent"}


def test_stored_and_used_names_are_one_column(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = (answer(capsys, "impact", f"orders.{name}", "-C", shop)["impact"] for name in ("amt", "amount"))
    assert one["columns"] == other["columns"] != []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "spendng"], "'spending'"),
        (["show", "feature_view/spendng"], "did you mean 'feature_view/spending'?"),
        (["impact", "orders.amout"], "did you mean 'amount'?"),
        (["impact", "order.amount"], "'orders'"),
        (["impact", "a b"], "neither SOURCE.COLUMN"),
        (["graph", "--focus", "chrn"], "'churn'"),
        (["graph", "--up", "1"], "--focus"),
        (["list", "FetureView"], "did you mean 'FeatureView'?"),
        (["list", "--owner", "salse"], "did you mean 'sales'?"),
        (["explain", "AS999"], "there is no code 'AS999'"),
        (["completion", "bsh"], "did you mean 'bash'?"),
    ],
)
def test_a_wrong_name_is_64_with_a_hint(
    shop: str, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "-C", shop]) == ExitCode.USAGE
    assert said in capsys.readouterr().err


def test_lists_are_narrowed(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    def listed(*arguments: str) -> list[str]:
        return [o["address"] for o in answer(capsys, "list", *arguments, "-C", shop)["objects"]]

    assert listed("FeatureService", "--owner", "ml") == ["feature_service/churn"]
    assert listed("--tag", "tier=1") == listed("--tag", "tier") == ["feature_service/churn"]
    assert listed("--tag", "tier=2") == []
    assert listed("data_source") == ["data_source/orders", "data_source/request"]


def test_search_needs_every_word_and_ranks_names_first(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    def found(*words: str) -> list[str]:
        return [o["address"] for o in answer(capsys, "search", *words, "-C", shop)["objects"]]

    assert found("orders")[0] == "data_source/orders"
    assert found("customer", "spends") == ["feature_view/spending"]
    assert found("nothing", "orders") == []


def test_history_tells_the_generations_that_changed_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = str(tmp_path / "shop")
    main(["init", place])
    main(["apply", "--yes", "-C", place])
    features = Path(place, "features.yaml")
    features.write_text(features.read_text().replace("windows: [7d, 30d]}", "windows: [7d, 14d, 30d]}"))
    main(["apply", "--yes", "-C", place])
    capsys.readouterr()
    history = answer(capsys, "show", "customer_orders", "--history", "-C", place)["object"]["history"]
    assert [(h["serial"], h["what"]) for h in history] == [(2, "changed"), (1, "added")]
    untouched = answer(capsys, "show", "customer", "--history", "-C", place)["object"]["history"]
    assert [(h["serial"], h["what"]) for h in untouched] == [(1, "added")]


def test_changes_colour_the_graph(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = str(tmp_path / "shop")
    main(["init", place])
    main(["apply", "--yes", "-C", place])
    features = Path(place, "features.yaml")
    kept = [d for d in features.read_text().split("---\n") if "kind: FeatureTest" not in d]
    features.write_text("---\n".join(kept).replace("owner: growth", "owner: sales", 1))
    capsys.readouterr()
    nodes = answer(capsys, "graph", "--changed", "-C", place)["graph"]["nodes"]
    changed = {n["address"]: (n["change"], n["deleted"]) for n in nodes if n["change"]}
    assert changed == {
        "entity/customer": ("metadata", False),
        "feature_test/an_order_counts_once_it_is_paid": ("destructive", True),
    }


def test_every_code_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    codes = answer(capsys, "explain")["codes"]
    assert all(codes.values())
    assert main(["explain", "as302"]) == ExitCode.OK
    assert capsys.readouterr().out.startswith("AS302: a name that nothing in the repo has")


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("asof show feature_view/sp", "feature_view/spending"),
        ("asof impact chu", "churn"),
        ("asof plan --target lo", "local"),
        ("asof explain AS30", "AS302"),
        ("asof list Sav", "SavedDataset"),
        ("asof sho", "show"),
    ],
)
def test_a_shell_completes(shop: str, words: str, wanted: str) -> None:
    asked = {"_ASOF_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    environment = os.environ | asked | {"PYTHONPATH": str(ROOT.parent)}
    command = [sys.executable, "-c", "from asof.cli import main; main()"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=shop, check=False)
    assert wanted in done.stdout.split(), done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_each_shell_has_a_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == ExitCode.OK
    assert "_ASOF_COMPLETE" in capsys.readouterr().out
