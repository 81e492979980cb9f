"""What somebody does behind asof's back, and what readers would lose by it: small scenes, each by the command line."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from asof.cli import ExitCode
from tests.registry.test_identity import OTHER, served
from tests.registry.test_situations import AS_OF, BASE, GROWN, LATEST, PROJECT, Shop

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def shop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shop:
    made = Shop(tmp_path, capsys)
    made.features(BASE, LATEST)
    made.must("apply", "--yes")
    made.must("materialize", *AS_OF)
    return made


IMPOSTORS = {
    "a view": "CREATE VIEW {} AS SELECT x'00' AS key, x'00' AS row",
    "a table with one column": "CREATE TABLE {} (x)",
    "a table with other types": "CREATE TABLE {} (key TEXT PRIMARY KEY, row TEXT)",
    "a table with one column more": "CREATE TABLE {} (key BLOB PRIMARY KEY, row BLOB NOT NULL, mine)",
}


@pytest.mark.parametrize("impostor", IMPOSTORS)
def test_what_has_taken_the_place_of_a_table_is_seen_though_the_catalogue_still_names_it(
    shop: Shop, impostor: str
) -> None:
    (name,) = shop.tables()
    shop.sql(f'DROP TABLE "{name}"', IMPOSTORS[impostor].format(f'"{name}"'))
    code, text = shop.run("drift")
    assert (code, "foreign" in text, "was not made by asof" in text) == (ExitCode.DRIFT, True, True)
    assert shop.run("materialize", *AS_OF)[0] == ExitCode.UNAVAILABLE
    shop.features(BASE, GROWN)
    assert shop.run("apply", "--yes")[0] == ExitCode.DRIFT
    shop.features(BASE, LATEST)
    shop.must("drift", "--repair")
    shop.must("materialize", *AS_OF)
    assert served(shop, "latest") == "app"
    assert len(shop.sql(f"SELECT name FROM sqlite_master WHERE name = '{name}'")) == 1  # it is left alone
    kind = shop.sql(f"SELECT type FROM sqlite_master WHERE name = '{name}'")
    shop.sql(f'DROP {kind[0][0]} "{name}"')
    shop.is_well()


def test_a_target_that_gives_up_its_online_store_asks_first(shop: Shop) -> None:
    shop.write("asof.yaml", "".join(line for line in PROJECT.splitlines(True) if "online:" not in line))
    code, text = shop.run("apply", "--yes")
    assert (code, "--allow-destroy feature_view/latest" in text) == (ExitCode.BLOCKED, True), text
    assert (shop.serial(), len(shop.tables())) == (1, 1)
    shop.must("apply", "--yes", "--allow-destroy", "feature_view/latest")
    assert shop.tables() == []


@pytest.mark.parametrize("way", ["removed", "repaired", "imported"])
def test_rows_are_seen_where_no_watermark_tells_of_them(shop: Shop, way: str) -> None:
    registry = shop.root / ".asof/registry"
    if way == "removed":
        shutil.rmtree(registry / "runs")
    elif way == "repaired":
        (registry / "runs/watermarks/latest.json").write_text("{", encoding="utf-8")
        shop.must("registry", "repair", "--yes")
    else:
        shop.must("registry", "export", "--out", str(shop.root / "kept.json"))
        registry.rename(shop.root / "old")
        shop.must("registry", "import", str(shop.root / "kept.json"))
    shop.features(BASE, OTHER)
    code, text = shop.run("apply", "--yes")
    assert (code, "--allow-destroy feature_view/latest" in text) == (ExitCode.BLOCKED, True), text
    assert "Nothing to abort" in shop.must("apply", "--abort")
    assert (shop.serial(), served(shop, "latest")) == (1, "app")
    shop.must("apply", "--yes", "--allow-destroy", "feature_view/latest")
    shop.is_well()


@pytest.mark.parametrize("spelling", ["absolute", "link"])
def test_a_store_under_another_spelling_is_not_emptied(shop: Shop, spelling: str) -> None:
    path = shop.root / ".asof/online.db"
    if spelling == "link":
        shop.sql("PRAGMA wal_checkpoint(TRUNCATE)")
        path = shop.root / ".asof/link.db"
        path.symlink_to("online.db")
    shop.write("asof.yaml", PROJECT.replace(".asof/online.db", str(path)))
    code, text = shop.run("apply", "--yes")
    assert (code, "it is one store" in " ".join(text.split())) == (ExitCode.BLOCKED, True), text
    shop.write("asof.yaml", PROJECT)
    assert (shop.serial(), served(shop, "latest")) == (1, "app")
    shop.is_well()


def test_a_head_that_speaks_of_another_registry_is_put_right_by_repair(shop: Shop) -> None:
    path = shop.root / ".asof/registry/HEAD.json"
    head = json.loads(path.read_bytes())
    path.write_text(json.dumps({**head, "lineage": "f" * len(head["lineage"])}), encoding="utf-8")
    assert shop.run("plan")[0] == ExitCode.UNAVAILABLE
    shop.run("registry", "repair", "--yes")
    shop.must("registry", "repair", "--yes")
    assert served(shop, "latest") == "app"
    shop.is_well()


@pytest.mark.parametrize("damage", ["cut", "{}", "[1]", ""])
@pytest.mark.parametrize("serial", [1, 2])
def test_a_damaged_line_of_the_trail_is_written_anew_from_its_generation(shop: Shop, serial: int, damage: str) -> None:
    shop.features(BASE, GROWN)
    shop.must("apply", "--yes")
    path = shop.root / f".asof/registry/audit/{serial}.json"
    path.write_bytes(path.read_bytes()[:40] if damage == "cut" else damage.encode())
    assert shop.run("registry", "history")[0] == ExitCode.UNAVAILABLE
    code, text = shop.run("registry", "repair")
    assert (code, f"audit/{serial}.json" in text) == (ExitCode.DRIFT, True)
    shop.must("registry", "repair", "--yes")
    shop.must("registry", "verify")
    assert shop.run("registry", "history")[0] == ExitCode.OK
    shop.must("rollback", "1", "--yes", "--allow-destroy", "feature_view/*")


def test_what_stands_under_the_name_of_a_new_table_is_said_to_need_a_hand(shop: Shop) -> None:
    shop.features(BASE, LATEST, LATEST.replace("latest", "newest"))
    shop.must("plan", "--out", str(shop.root / "p.json"))
    name = json.loads((shop.root / "p.json").read_bytes())["steps"][0]["after"]["name"]
    shop.sql(f'CREATE TABLE "{name}" (x)')
    code, text = shop.run("apply", "--yes")
    said = " ".join(text.split())
    assert (code, "rename or remove that by hand" in said, "drift" in said) == (ExitCode.DRIFT, True, False), text
    shop.sql(f'DROP TABLE "{name}"')
    shop.is_well()
