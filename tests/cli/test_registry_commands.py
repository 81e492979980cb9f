"""Commands on a registry with a past: history, diff, verify, gc, export, import, unlock, plan --against, rollback."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest

from asof.cli import ExitCode, main

if TYPE_CHECKING:
    from pathlib import Path


class Shop:
    """A fresh repo of three generations, and commands in it."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root = root
        self.capsys = capsys

    def run(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        code = main([*arguments, "--json", "-C", str(self.root)])
        return code, json.loads(self.capsys.readouterr().out)

    def say(self, *arguments: str) -> str:
        main([*arguments, "-C", str(self.root)])
        return self.capsys.readouterr().out

    def edit(self, old: str, new: str) -> None:
        file = self.root / "features.yaml"
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.fixture
def shop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shop:
    made = Shop(tmp_path / "shop", capsys)
    main(["init", str(made.root)])
    capsys.readouterr()
    for old, new in (("", ""), ("Somebody who buys from us.", "The second."), ("The second.", "The third.")):
        made.edit(old, new)
        assert made.run("apply", "--yes")[0] == ExitCode.OK
    return made


def test_history_and_show_reach_back(shop: Shop) -> None:
    assert [g["serial"] for g in shop.run("registry", "history")[1]["generations"]] == [1, 2, 3]
    now = shop.run("registry", "show")[1]
    assert (now["serial"], len(now["objects"])) == (3, 5)
    assert shop.run("registry", "show", "--serial", "1")[1]["serial"] == 1
    assert shop.run("registry", "show", "--serial", "9")[0] == ExitCode.USAGE


def test_diff_says_what_changed_in_either_direction(shop: Shop) -> None:
    for before, after in (("1", "3"), ("3", "1")):
        answer = shop.run("registry", "diff", before, after)[1]
        assert [c["class"] for c in answer["changes"]] == ["metadata"]
    assert shop.run("registry", "diff", "2", "2")[1]["changes"] == []
    assert {c["action"] for c in shop.run("registry", "diff", "0", "1")[1]["changes"]} == {"create"}
    assert {c["action"] for c in shop.run("registry", "diff", "1", "0")[1]["changes"]} == {"delete"}
    assert "From generation 1 to 3" in shop.say("registry", "diff", "1", "3")
    assert "hold the same definitions" in shop.say("registry", "diff", "3", "3")
    assert shop.run("registry", "diff", "1", "9")[0] == ExitCode.USAGE


def test_a_plan_against_an_earlier_generation_is_for_reading(shop: Shop) -> None:
    assert shop.run("plan")[1]["plan"].get("changes") is None
    (change,) = shop.run("plan", "--against", "1")[1]["plan"]["changes"]
    assert change["class"] == "metadata"
    assert shop.run("plan")[1]["plan"].get("changes") is None
    assert shop.run("plan", "--against", "1", "--out", "x.json")[0] == ExitCode.USAGE


def test_a_rollback_is_a_plan_that_can_be_kept_and_applied(shop: Shop) -> None:
    kept = str(shop.root / "back.json")
    assert shop.run("rollback", "1", "--out", kept)[0] == ExitCode.OK
    assert shop.run("registry", "show")[1]["serial"] == 3
    assert shop.run("apply", kept)[0] == ExitCode.OK
    assert shop.run("registry", "diff", "1", "4")[1]["changes"] == []


def test_verify_finds_the_generation_that_was_damaged(shop: Shop) -> None:
    code, answer = shop.run("registry", "verify")
    assert (code, [g["found"] for g in answer["generations"]]) == (ExitCode.OK, ["whole"] * 3)
    (second,) = (shop.root / ".asof" / "registry" / "generations").glob("2-*")
    second.write_bytes(gzip.compress(gzip.decompress(second.read_bytes()).replace(b"second", b"sacond")))
    code, answer = shop.run("registry", "verify")
    assert (code, [g["found"] for g in answer["generations"]]) == (ExitCode.UNAVAILABLE, ["whole", "damaged", "whole"])
    assert "do not match its name" in answer["generations"][1]["why"]


def test_verify_finds_a_trail_that_is_not_of_this_head(shop: Shop) -> None:
    trail = shop.root / ".asof" / "registry" / "audit" / "3.json"
    trail.write_text(json.dumps({**json.loads(trail.read_bytes()), "generation": "0" * 64}))
    code, answer = shop.run("registry", "verify")
    found = [g["found"] for g in answer["generations"]]
    assert (code, found) == (ExitCode.UNAVAILABLE, ["whole", "whole", "damaged"])
    assert "the head names another" in answer["generations"][2]["why"]


@pytest.mark.parametrize("cached", [True, False])
def test_the_generation_that_the_head_names_is_never_collected_but_missing(shop: Shop, cached: bool) -> None:
    if cached:
        shop.run("plan")
    for file in (shop.root / ".asof" / "registry" / "generations").glob("*"):
        file.unlink()
    code, answer = shop.run("registry", "verify")
    found = [g["found"] for g in answer["generations"]]
    assert (code, found) == (ExitCode.UNAVAILABLE, ["collected", "collected", "damaged"])
    assert "missing" in answer["generations"][2]["why"]
    code, answer = shop.run("plan")
    assert (code, answer["diagnostics"][0]["code"]) == (ExitCode.UNAVAILABLE, "AS701")


def test_a_kept_plan_does_not_hide_a_damaged_generation(shop: Shop) -> None:
    assert shop.run("plan")[0] == ExitCode.OK
    (third,) = (shop.root / ".asof" / "registry" / "generations").glob("3-*")
    third.write_bytes(gzip.compress(gzip.decompress(third.read_bytes()).replace(b"third", b"thurd")))
    code, answer = shop.run("plan")
    assert (code, answer["diagnostics"][0]["code"]) == (ExitCode.UNAVAILABLE, "AS701")


def test_what_is_left_to_do_is_said(shop: Shop) -> None:
    assert "the next apply goes forward again" in shop.say("rollback", "2", "--yes")
    assert "goes forward again" not in shop.say("rollback", "2", "--yes")
    shop.edit("30d]", "30d, 90d]")
    assert shop.say("apply", "--yes").endswith("Next: asof materialize (customer_orders is without what is new)\n")
    (shop.root / ".asof" / "online.db").unlink()
    code, answer = shop.run("materialize")
    assert (code, answer["diagnostics"][0]["code"]) == (ExitCode.UNAVAILABLE, "AS742")
    assert "asof drift --repair" in answer["diagnostics"][0]["notes"][0]
    assert shop.say("drift", "--repair").endswith("Next: asof materialize (customer_orders is empty)\n")
    assert shop.run("materialize")[0] == ExitCode.OK


def test_an_earlier_instant_stores_nothing_over_newer_rows_and_says_so(shop: Shop) -> None:
    (run,) = shop.run("materialize")[1]["runs"]
    assert (run["rows"], run["newer"]) == (8, 0)
    assert "newer" not in shop.say("materialize")
    assert shop.say("materialize", "--as-of", "2026-02-01").endswith("customer_orders: 0 stored, 8 newer ones stay\n")
    (run,) = shop.run("materialize", "--as-of", "2026-02-01")[1]["runs"]
    assert (run["rows"], run["newer"]) == (0, 8)
    found = shop.run("online", "get", "--service", "churn", "-e", "customer_id=1")[1]["features"]
    assert found["channel"]["event_time"] == "2026-02-28T16:05:00+00:00"


def test_a_plan_says_that_apply_will_refuse_its_target(shop: Shop) -> None:
    config = shop.root / "asof.yaml"
    text = config.read_text(encoding="utf-8")
    assert not shop.run("plan")[1]["plan"].get("warnings")
    other = text.replace("online: {type: sqlite, path: .asof/online.db}", "online: {type: redis, url: 'redis://h'}")
    config.write_text(other, encoding="utf-8")
    code, answer = shop.run("plan")
    assert (code, [w["code"] for w in answer["plan"]["warnings"]]) == (ExitCode.OK, ["AS510"])
    assert shop.run("validate")[0] == shop.run("compile", "--out", str(shop.root / "build"))[0] == ExitCode.OK
    assert shop.run("apply", "--yes")[1]["diagnostics"][0]["code"] == "AS510"


def test_gc_keeps_the_trail_and_what_it_was_told_to(shop: Shop) -> None:
    orphan = shop.root / ".asof" / "registry" / "generations" / f"4-{'0' * 64}.json.gz"
    orphan.write_bytes(b"an attempt")
    would = shop.run("registry", "gc", "--keep", "2", "--dry-run")[1]["garbage"]
    assert any(orphan.name in key for key in would)
    assert shop.run("registry", "gc", "--keep", "2")[0] == ExitCode.USAGE
    assert shop.run("registry", "gc", "--keep", "2", "--yes")[1]["removed"] == would
    assert shop.run("registry", "gc", "--keep", "2", "--yes")[1]["removed"] != would
    assert [g["found"] for g in shop.run("registry", "verify")[1]["generations"]] == ["collected", "whole", "whole"]
    assert len(shop.run("registry", "history")[1]["generations"]) == 3
    assert shop.run("rollback", "1", "--yes")[0] == ExitCode.USAGE
    assert shop.run("rollback", "2", "--yes")[0] == ExitCode.OK


def test_an_export_makes_another_place_the_same_registry(shop: Shop) -> None:
    kept = shop.root / "export.json"
    assert shop.run("registry", "export", "--out", str(kept))[0] == ExitCode.OK
    code, answer = shop.run("registry", "import", str(kept))
    assert (code, answer["diagnostics"][0]["code"]) == (ExitCode.USAGE, "AS711")
    (shop.root / ".asof" / "registry").rename(shop.root / "old")
    code, answer = shop.run("registry", "import", str(kept))
    assert (code, answer["serial"]) == (ExitCode.OK, 3)
    assert shop.run("plan")[1]["plan"].get("changes") is None
    assert [g["serial"] for g in shop.run("registry", "history")[1]["generations"]] == [1, 2, 3]
    shop.edit("The third.", "The fourth.")
    assert shop.run("apply", "--yes")[1]["applied"]["serial"] == 4


@pytest.mark.parametrize("damage", ["cut", "edited", "empty", "list", "newer", "claimed"])
def test_what_is_not_a_whole_export_is_refused(shop: Shop, damage: str) -> None:
    text = shop.say("registry", "export")
    document = json.loads(text)
    document["head"]["claim"] = {"apply_id": "x", "owner": "ada", "until": "2026-01-01T00:00:00+00:00"}
    damaged = {
        "cut": text[: len(text) // 2],
        "edited": text.replace("The third.", "The 3rd."),
        "empty": "",
        "list": "[]",
        "newer": text.replace('"format": 3', '"format": 99'),
        "claimed": json.dumps(document),
    }[damage]
    (shop.root / "export.json").write_text(damaged, encoding="utf-8")
    (shop.root / ".asof" / "registry").rename(shop.root / "old")
    code, answer = shop.run("registry", "import", str(shop.root / "export.json"))
    wanted = {"newer": "AS702", "claimed": "AS712"}.get(damage, "AS710")
    assert (code, answer["diagnostics"][0]["code"]) == (ExitCode.UNAVAILABLE, wanted)
    assert shop.run("registry", "history")[1]["generations"] == []


def test_unlock_asks_why_and_says_what_to_do_next(shop: Shop) -> None:
    assert shop.run("registry", "unlock")[0] == ExitCode.USAGE
    assert shop.run("registry", "unlock", "--reason", " ")[0] == ExitCode.USAGE
    assert shop.run("registry", "unlock", "--reason", "dead runner")[1]["unlocked"] is None
    head = shop.root / ".asof" / "registry" / "HEAD.json"
    document = json.loads(head.read_bytes())
    document["claim"] = {"apply_id": "x", "owner": "ada", "until": "2999-01-01T00:00:00+00:00"}
    head.write_text(json.dumps(document), encoding="utf-8")
    shop.edit("The third.", "The fourth.")
    assert shop.run("apply", "--yes")[0] == ExitCode.CLAIMED
    made = shop.run("registry", "unlock", "--reason", "dead runner")[1]["unlocked"]
    assert (made["owner"], made["reason"]) == ("ada", "dead runner")
    assert shop.run("registry", "history")[1]["unlocks"] == [made]
    assert shop.run("plan")[1]["unfinished"]["owner"] == "ada"
    assert shop.run("registry", "gc", "--keep", "1", "--yes")[1]["diagnostics"][0]["code"] == "AS712"
    assert shop.run("apply", "--yes")[0] == ExitCode.OK
    assert shop.run("plan")[1]["unfinished"] is None
