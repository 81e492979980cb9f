"""Which table is whose: plans that waited, names used again, renames and their way back, what filled tables ask for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import duckdb
import pytest

from asof.cli import ExitCode
from asof.registry.claim import Claimed
from tests.registry.test_situations import AS_OF, BASE, GROWN, LATEST, PROJECT, WRITTEN, Shop

if TYPE_CHECKING:
    from pathlib import Path

NEWEST = LATEST.replace("name: latest", "name: newest")
MOVED = LATEST.replace("name: latest", "name: newest\nmoved_from: latest")
BIG = "timestamp_field: paid_at\nquery: SELECT customer_id, paid_at, amount, channel FROM orders WHERE amount > 50"
OTHER = LATEST.replace("source: orders", BIG)
"""The same view over dearer orders only: stored rows would come out otherwise."""


@pytest.fixture
def shop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shop:
    made = Shop(tmp_path, capsys)
    made.features(BASE, LATEST)
    made.must("apply", "--yes")
    return made


def served(shop: Shop, view: str) -> object:
    text = shop.must("--json", "online", "get", "-e", "customer_id=5", "--features", view, *AS_OF)
    return json.loads(text)["features"]["channel"]["value"]


@pytest.mark.parametrize("waiting", ["describes", "grows", "deletes"])
def test_a_plan_that_waited_through_a_change_and_its_way_back_is_stale_where_it_changes_the_table(
    shop: Shop, waiting: str
) -> None:
    shop.features(BASE, GROWN)
    shop.must("apply", "--yes")  # the table has grown, and its name is that of the smaller one
    permitted = ("--allow-destroy", "feature_view/latest")
    changed = {
        "describes": (BASE, GROWN.replace("name: latest", "name: latest\nttl: 9d")),
        "grows": (BASE, GROWN.replace("float64}]", "float64}, {name: paid_at, type: timestamp}]")),
        "deletes": (BASE,),
    }[waiting]
    shop.features(*changed)
    shop.must("plan", "--out", str(shop.root / "p.json"), *permitted)
    before = shop.recorded()
    for text in (GROWN.replace("source: orders", BIG), GROWN):
        shop.features(BASE, text)
        shop.must("apply", "--yes", *permitted)
    assert shop.recorded() != before
    code, text = shop.run("apply", str(shop.root / "p.json"))
    if waiting == "describes":  # it changes no table: it is carried out, and the table of today stays
        assert (code, "rebased from 2" in text) == (ExitCode.OK, True), text
    else:
        assert (code, "AS605" in text, before[0] in text) == (ExitCode.STALE_PLAN, True, True), text
    shop.is_well()


def test_a_rename_and_its_rollback_keep_the_table_and_its_rows(shop: Shop) -> None:
    shop.must("materialize", *AS_OF)
    before = shop.tables()
    shop.features(BASE, MOVED)
    shop.must("apply", "--yes")
    assert (shop.tables(), served(shop, "newest")) == (before, "app")
    shop.must("rollback", "1", "--yes")
    assert (shop.tables(), served(shop, "latest")) == (before, "app")
    shop.features(BASE, LATEST)
    shop.is_well()


def test_a_new_view_under_an_old_name_has_a_table_of_its_own(shop: Shop) -> None:
    shop.must("materialize", *AS_OF)
    shop.features(BASE, MOVED)
    shop.must("apply", "--yes")
    shop.features(BASE, NEWEST, LATEST)
    shop.must("apply", "--yes")
    assert len(shop.tables()) == 2
    shop.features(BASE, NEWEST)
    shop.must("apply", "--yes", "--allow-destroy", "feature_view/latest")
    assert served(shop, "newest") == "app"
    shop.is_well()


def test_an_offline_view_under_a_name_that_is_free_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop = Shop(tmp_path, capsys)
    doubled = WRITTEN.replace("amount AS paid", "amount * 2 AS paid")
    kept = WRITTEN.replace("name: written", "name: kept")
    shop.features(BASE, WRITTEN)
    shop.must("apply", "--yes")
    shop.features(BASE, kept.replace("name: kept", "name: kept\nmoved_from: written"))
    shop.must("apply", "--yes")
    shop.features(BASE, kept, doubled)
    shop.must("apply", "--yes")
    with duckdb.connect(str(tmp_path / ".asof/offline.duckdb")) as offline:
        offline.execute(f"SET file_search_path = '{tmp_path}'")
        for name, paid in (("written", 170.4), ("kept", 85.2)):
            rows = offline.execute(f'SELECT paid FROM "shop__{name}" WHERE customer_id = 5').fetchall()
            assert rows == [(paid,)]
    shop.features(BASE, doubled)
    shop.must("apply", "--yes", "--allow-destroy", "feature_view/kept")
    assert shop.must("drift") == "The stores hold what the registry says.\n"


def test_an_offline_view_bears_its_mark_and_keeps_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop = Shop(tmp_path, capsys)
    shop.features(BASE, WRITTEN)
    shop.must("apply", "--yes")
    shop.features(BASE, WRITTEN.replace("amount AS paid", "amount * 2 AS paid"))
    shop.must("apply", "--yes")
    with duckdb.connect(str(tmp_path / ".asof/offline.duckdb")) as offline:
        ((comment,),) = offline.execute(
            "SELECT comment FROM duckdb_views() WHERE view_name = 'shop__written'"
        ).fetchall()
    assert comment.startswith("asof: ")
    assert comment.endswith("/feature_view/written@1")


def test_a_filled_table_is_dropped_with_permission_only(shop: Shop) -> None:
    shop.must("materialize", *AS_OF)
    shop.features(BASE, OTHER)
    code, text = shop.run("plan")
    assert code == ExitCode.BLOCKED
    assert text.index("Blocked") < text.index("Destructive") < text.index("Steps")
    flat = " ".join(text.split())
    assert "readers find nothing until asof materialize has filled it again (2 rows as of 2026-02-01" in flat
    assert "Destructive" in shop.run("plan", "--format", "markdown")[1]
    assert shop.run("apply", "--yes")[0] == ExitCode.BLOCKED
    assert served(shop, "latest") == "app"
    text = shop.must("apply", "--yes", "--allow-destroy", "feature_view/*")
    assert "AS625" in text
    shop.is_well()


def test_a_table_that_was_filled_after_the_plan_makes_it_stale(shop: Shop) -> None:
    shop.features(BASE, OTHER)
    shop.must("plan", "--out", str(shop.root / "p.json"))
    shop.must("materialize", *AS_OF)
    code, text = shop.run("apply", str(shop.root / "p.json"))
    assert (code, "filled since" in text) == (ExitCode.STALE_PLAN, True), text
    assert served(shop, "latest") == "app"


def test_an_interface_break_asks_for_permission_and_says_what_breaks(shop: Shop) -> None:
    shop.features(BASE, GROWN)
    shop.must("apply", "--yes")
    shop.features(BASE, LATEST)
    code, text = shop.run("apply", "--yes")
    assert (code, "feature amount is no longer there" in text.replace("\n", " ")) == (ExitCode.BLOCKED, True), text
    shop.must("apply", "--yes", "--allow-destroy", "feature_view/latest")
    shop.is_well()


def test_a_rollback_across_a_move_of_a_store_uses_the_stores_of_today(shop: Shop) -> None:
    shop.write("asof.yaml", PROJECT.replace("online.db", "second.db"))
    shop.features(BASE, GROWN)
    shop.must("apply", "--yes")
    shop.must("rollback", "1", "--yes", "--allow-destroy", "feature_view/*")
    assert (shop.tables(), len(shop.tables(".asof/second.db"))) == ([], 1)
    shop.features(BASE, LATEST)
    assert "No changes" in shop.must("plan")


@pytest.mark.parametrize("store", ["gone", "garbage", "foreign", "altered"])
@pytest.mark.parametrize("verb", ["--resume", "--abort"])
def test_abort_and_resume_end_whatever_became_of_the_stores(
    shop: Shop, verb: str, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    shop.features(BASE, GROWN, NEWEST)
    with monkeypatch.context() as patch:
        patch.setattr(Claimed, "commit", cut)
        assert shop.run("apply", "--yes")[0] == ExitCode.INTERRUPTED
    shop.sql("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = (shop.root / ".asof/online.db").read_bytes()
    if store in ("gone", "garbage"):
        for file in (shop.root / ".asof").glob("online.db*"):
            file.unlink()
    if store == "garbage":
        (shop.root / ".asof/online.db").write_bytes(b"away for a moment" * 999)
    if store == "foreign":
        shop.sql("UPDATE asof_tables SET project = 'fraud'")
    if store == "altered":
        shop.sql("UPDATE asof_tables SET layout = CAST(replace(layout, 'channel', 'chanel') AS BLOB)")
    code, text = shop.run("apply", verb)
    assert code in (ExitCode.OK, ExitCode.PARTIAL_APPLY), text
    if code == ExitCode.PARTIAL_APPLY and verb == "--resume":
        assert "asof apply --abort" in text
        assert shop.run("apply", "--abort")[0] == ExitCode.OK
    assert shop.serial() in (1, 2)
    if store == "garbage":
        (shop.root / ".asof/online.db").write_bytes(whole)
    shop.run("registry", "repair", "--yes")
    if store == "foreign":
        shop.sql("UPDATE asof_tables SET project = 'shop' WHERE project = 'fraud'")
        shop.run("registry", "repair", "--yes")
    shop.is_well()
