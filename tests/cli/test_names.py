"""Names at the terminal: features listed and shown one by one, and objects that want each other's names."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FLIGHTS = ROOT / "repos" / "flights"


def asof(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "cli.py"), "--no-color", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)


def well(folder: Path, *arguments: str) -> str:
    made = asof(folder, *arguments)
    assert made.returncode == 0, made.stdout + made.stderr
    return made.stdout


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("names") / "shop"
    folder.mkdir()
    well(folder, "init")
    text = (folder / "features.yaml").read_text()
    text = text.replace(
        "{name: channel, type: string}", "{name: channel, type: string, description: Where they bought.}"
    )
    (folder / "features.yaml").write_text(text.replace("source: orders\n", "source: orders\nttl: 30d\n", 1))
    return folder


def test_features_are_listed_with_type_owner_and_what_they_are(shop: Path) -> None:
    lines = [line.split(None, 3) for line in well(shop, "list", "features").splitlines()]
    assert lines[0] == ["feature", "type", "owner", "description"]
    assert ["customer_orders:channel", "string", "growth", "Where they bought."] in lines
    assert ["customer_orders:amount_sum_7d", "float64", "growth", "sum of amount over 7d"] in lines
    listed = json.loads(well(shop, "list", "features", "--owner", "growth", "--json"))["features"]
    assert [one["feature"] for one in listed] == [line[0] for line in lines[1:]]
    assert asof(shop, "list", "features", "--owner", "nobody_here").returncode == 64


def test_a_feature_is_shown_with_type_description_and_freshness(shop: Path) -> None:
    said = well(shop, "show", "customer_orders:channel")
    for line in ("type: string", "description: Where they bought.", "owner: growth"):
        assert line in said.splitlines()
    assert "freshness: a value older than 30d is not served (ttl)" in said
    assert "feature_service/churn  growth" in said
    answer = json.loads(well(shop, "show", "customer_orders:orders_7d", "--json"))
    assert answer["feature"]["freshness"]["max_age"] == 7 * 86_400_000_000
    assert answer["feature"]["freshness"]["ttl"] is None
    assert answer["read_by"] == [{"address": "feature_service/churn", "owner": "growth"}]
    for wrong in ("customer_orders:nope", "customer_orders:customer_id", "nope:x"):
        made = asof(shop, "show", wrong)
        assert (made.returncode, made.stdout) == (64, ""), wrong
    assert asof(shop, "show", "customer_orders:channel", "--sql").returncode == 64


def test_every_feature_of_a_repo_that_is_listed_can_be_shown() -> None:
    listed = json.loads(well(FLIGHTS, "list", "features", "--json"))["features"]
    assert len(listed) > 10
    kinds = {one["made_of"].split()[0] for one in listed}
    assert len(kinds) > 2
    for one in (listed[0], listed[-1]):
        assert json.loads(well(FLIGHTS, "show", one["feature"], "--json"))["feature"] == one


ENTITY = "kind: Entity\nname: {name}\njoin_keys: [{{name: {key}, type: int64}}]\n{more}"


def written(folder: Path, *entities: tuple[str, str, str]) -> None:
    lines = [(name, key, f"moved_from: {more}\n" if more else "") for name, key, more in entities]
    documents = [ENTITY.format(name=name, key=key, more=more) for name, key, more in lines]
    (folder / "features.yaml").write_text("---\n".join(documents))


def test_a_chain_and_a_swap_of_names_say_how_they_are_made(tmp_path: Path) -> None:
    well(tmp_path, "init")
    written(tmp_path, ("a", "x", ""), ("b", "y", ""))
    well(tmp_path, "apply", "--yes")

    written(tmp_path, ("b", "x", "a"), ("c", "y", "b"))
    made = asof(tmp_path, "plan")
    assert made.returncode == 9
    assert "AS314" in made.stderr
    assert "leave a as it was, and apply c alone;" in made.stderr
    assert "then rename a to b with moved_from a, and apply again" in made.stderr
    written(tmp_path, ("a", "x", ""), ("c", "y", "b"))
    well(tmp_path, "apply", "--yes")
    written(tmp_path, ("b", "x", "a"), ("c", "y", ""))
    well(tmp_path, "apply", "--yes")

    written(tmp_path, ("b", "y", "c"), ("c", "x", "b"))
    made = asof(tmp_path, "plan")
    assert made.returncode == 9
    assert "entity/b and entity/c swap names" in made.stderr
    assert "rename what is c in the registry to c_before with moved_from c, and apply;" in made.stderr
    assert "then b with moved_from c_before comes last" in made.stderr
    written(tmp_path, ("b", "x", ""), ("c_before", "y", "c"))
    well(tmp_path, "apply", "--yes")
    written(tmp_path, ("c", "x", "b"), ("c_before", "y", ""))
    well(tmp_path, "apply", "--yes")
    written(tmp_path, ("c", "x", ""), ("b", "y", "c_before"))
    well(tmp_path, "apply", "--yes")
    written(tmp_path, ("c", "x", ""), ("b", "y", ""))
    assert "Plan: 1 to change; worst class metadata." in well(tmp_path, "plan"), "moved_from can go"


def test_a_window_that_is_called_otherwise_than_it_is_written_is_said(shop: Path, tmp_path: Path) -> None:
    for file in ("asof.yaml", "features.yaml"):
        (tmp_path / file).write_text((shop / file).read_text())
    text = (tmp_path / "features.yaml").read_text()
    (tmp_path / "features.yaml").write_text(
        text.replace("windows: [7d", "windows: [24h, {length: 48h, name: two}, 7d", 1)
    )
    made = asof(tmp_path, "validate", "--json")
    said = [one for one in json.loads(made.stdout)["diagnostics"] if one["code"] == "AS221"]
    assert [one["message"] for one in said] == ["`24h` is `1d` in the names of features"]
    assert made.returncode == 0
    assert "_1d" in well(tmp_path, "list", "features")
