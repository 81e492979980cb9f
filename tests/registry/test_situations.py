"""Every way into a registry has a documented way out: docs/registry.md has the table, this file walks each row of it.

Each case drives a small repo by the command line into one situation, looks at what a user sees, and takes the way out
that the page names. In the end a harmless edit is applied and nothing has drifted.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import duckdb
import pytest

from asof.cli import ExitCode, main

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = """version: 1
project: shop
targets:
  local:
    registry: .asof/registry
    offline: {type: duckdb, path: .asof/offline.duckdb}
    online: {type: sqlite, path: .asof/online.db}
"""
BASE = """kind: Entity
name: customer
description: Somebody.
join_keys: [{name: customer_id, type: int64}]
---
kind: DataSource
name: orders
path: orders.csv
timestamp_field: paid_at
columns:
  - {name: customer_id, type: int64}
  - {name: paid_at, type: timestamp}
  - {name: amount, type: float64}
  - {name: channel, type: string}
"""
LATEST = """---
kind: FeatureView
name: latest
entities: [customer]
source: orders
schema: [{name: channel, type: string}]
"""
GROWN = LATEST.replace("string}]", "string}, {name: amount, type: float64}]")
WRITTEN = """---
kind: FeatureView
name: written
entities: [customer]
timestamp_field: paid_at
online: false
query: SELECT customer_id, paid_at, amount AS paid FROM orders
schema: [{name: paid, type: float64}]
"""
ROWS = """customer_id,paid_at,amount,channel
5,2026-01-01T10:00:00Z,85.2,app
4,2026-01-01T17:00:00Z,45.22,web
"""
AS_OF = ("--as-of", "2026-02-01T00:00:00Z")


class Shop:
    """A repo in a folder, the command line on it, and its stores behind asof's back."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str], project: str = PROJECT) -> None:
        self.root = root
        self.capsys = capsys
        self.write("asof.yaml", project)
        self.write("orders.csv", ROWS)

    def write(self, name: str, text: str) -> None:
        (self.root / name).write_text(text, encoding="utf-8")

    def features(self, *parts: str) -> None:
        self.write("features.yaml", "".join(parts))

    def run(self, *arguments: str) -> tuple[int, str]:
        self.capsys.readouterr()
        code = main([*arguments, "--no-color", "-C", str(self.root)])
        out = self.capsys.readouterr()
        text = out.out + out.err
        assert code != ExitCode.INTERNAL_ERROR, text
        return code, text

    def must(self, *arguments: str) -> str:
        code, text = self.run(*arguments)
        assert code == ExitCode.OK, text
        return text

    def sql(self, *statements: str, file: str = ".asof/online.db") -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.root / file)) as connection:
            rows = [connection.execute(statement).fetchall() for statement in statements][-1]
            connection.commit()
        return rows

    def tables(self, file: str = ".asof/online.db") -> list[str]:
        sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'shop%' ORDER BY 1"
        return [str(name) for (name,) in self.sql(sql, file=file)]

    def recorded(self) -> list[str]:
        document = json.loads(self.must("registry", "export"))
        state = document["state"]
        return sorted(r["name"] for r in state.get("resources", []) if r["kind"] == "online_table")

    def serial(self) -> int:
        return int(json.loads((self.root / ".asof/registry/HEAD.json").read_bytes())["serial"])

    def is_well(self) -> None:
        """A harmless edit is applied, nothing has drifted, each recorded table is there and no other."""
        text = (self.root / "features.yaml").read_text(encoding="utf-8")
        self.write("features.yaml", text.replace("description: Somebody", "description: Some body", 1))
        self.must("apply", "--yes")
        assert self.run("drift") == (ExitCode.OK, "The stores hold what the registry says.\n")
        assert self.tables() == self.recorded()


@pytest.fixture
def shop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shop:
    made = Shop(tmp_path, capsys)
    made.features(BASE, LATEST)
    made.must("apply", "--yes")
    return made


def drop_of(shop: Shop) -> str:
    (name,) = shop.tables()
    shop.sql(f'DROP TABLE "{name}"')
    return name


@pytest.mark.parametrize("entry", ["left", "gone"])
def test_a_dropped_table_comes_back_by_repair(shop: Shop, entry: str) -> None:
    drop_of(shop)
    if entry == "gone":
        shop.sql("DELETE FROM asof_tables")
    code, text = shop.run("drift")
    assert (code, "the table is gone" in text) == (ExitCode.DRIFT, True)
    assert "Put right" in shop.must("drift", "--repair")
    shop.is_well()


def test_a_dropped_table_is_made_anew_by_the_apply_that_changes_it(shop: Shop) -> None:
    drop_of(shop)
    shop.features(BASE, GROWN)
    assert "is gone from its store: it is made anew and starts empty" in shop.must("apply", "--yes")
    shop.is_well()


def test_a_view_is_deleted_whose_table_is_gone(shop: Shop) -> None:
    drop_of(shop)
    shop.features(BASE)
    shop.must("apply", "--yes", "--allow-destroy", "feature_view/latest")
    shop.is_well()


@pytest.mark.parametrize("damage", ["other names", "not JSON", "other project"])
def test_a_table_that_differs_is_replaced_by_repair(shop: Shop, damage: str) -> None:
    set_to = {
        "other names": "layout = CAST(replace(layout, 'channel', 'chanel') AS BLOB)",
        "not JSON": "layout = CAST('{' AS BLOB)",
        "other project": "project = 'fraud'",
    }[damage]
    shop.must("materialize", *AS_OF)
    shop.sql(f"UPDATE asof_tables SET {set_to}")
    before = shop.tables()
    assert shop.run("drift")[0] == ExitCode.DRIFT
    shop.features(BASE, GROWN)
    code, text = shop.run("apply", "--yes")
    assert (code, shop.serial()) == (ExitCode.DRIFT, 1), text
    assert "nothing was changed" in text
    shop.must("drift", "--repair")
    assert set(shop.recorded()).isdisjoint(before)
    if damage != "other project":
        shop.is_well()
    else:  # whose table that is the catalogue says, and it is left alone
        shop.must("apply", "--yes")
        assert set(before) < set(shop.tables())


def test_a_foreign_table_in_the_way_is_left_alone(shop: Shop) -> None:
    shop.features(BASE, LATEST, LATEST.replace("latest", "newest"))
    shop.must("plan", "--out", str(shop.root / "p.json"))
    steps = json.loads((shop.root / "p.json").read_bytes())["steps"]
    name = steps[0]["after"]["name"]
    shop.sql(f'CREATE TABLE "{name}" (x)')
    code, text = shop.run("apply", "--yes")
    assert (code, shop.serial()) == (ExitCode.DRIFT, 1)
    assert "was not made by asof" in text
    assert "Nothing to abort" in shop.must("apply", "--abort")
    assert name in shop.tables()
    shop.sql(f'DROP TABLE "{name}"')
    shop.is_well()


def test_tables_of_a_registry_that_is_gone_are_dropped_by_name_of_that_registry(shop: Shop) -> None:
    old = shop.tables()
    (shop.root / ".asof/registry").rename(shop.root / "away")
    code, text = shop.run("apply", "--yes")
    assert (code, "by the registry" in text) == (ExitCode.DRIFT, True)
    code, text = shop.run("registry", "repair")
    assert (code, "stranger" in text) == (ExitCode.DRIFT, True)
    assert shop.run("drift")[0] == ExitCode.OK  # another registry's tables are its own business
    assert shop.run("registry", "repair", "--yes")[0] == ExitCode.DRIFT
    assert shop.tables() == old
    lineage = text.partition("--drop-of ")[2].split()[0]
    assert "Repaired: registry, journal and stores agree." in shop.must(
        "registry", "repair", "--yes", "--drop-of", lineage
    )
    assert shop.tables() == []
    shop.features(BASE, LATEST)
    shop.must("apply", "--yes")
    assert shop.tables() == old
    shop.is_well()


def test_a_query_that_the_store_refuses_is_refused_before_anything_is_written(shop: Shop) -> None:
    shop.features(BASE, LATEST, WRITTEN)
    shop.must("apply", "--yes")
    wrong = BASE.replace("  - {name: channel", "  - {name: nope, type: float64}\n  - {name: channel")
    shop.features(wrong, LATEST, WRITTEN.replace("amount AS paid", "amount + nope AS paid"))
    code, text = shop.run("apply", "--yes")
    assert (code, shop.serial()) == (ExitCode.UNAVAILABLE, 2)
    assert "AS620" in text
    assert "nope" in text
    shop.features(BASE, LATEST, WRITTEN.replace("amount AS paid", "amount + 1 AS paid"))
    shop.must("apply", "--yes")
    shop.is_well()


def test_a_table_where_a_view_stood_is_left_alone_and_holds_nobody_up(shop: Shop) -> None:
    shop.features(BASE, LATEST, WRITTEN)
    shop.must("apply", "--yes")
    with duckdb.connect(str(shop.root / ".asof/offline.duckdb")) as offline:
        offline.execute('DROP VIEW "shop__written"')
        offline.execute('CREATE TABLE "shop__written" AS SELECT 1 AS mine')
    code, text = shop.run("drift")
    assert (code, "foreign" in text) == (ExitCode.DRIFT, True)
    shop.features(BASE, LATEST, WRITTEN.replace("amount AS paid", "amount + 1 AS paid"))
    code, text = shop.run("apply", "--yes")
    assert (code, "AS621" in text, shop.serial()) == (ExitCode.DRIFT, True, 2)
    shop.features(BASE, LATEST)
    assert "is left alone" in shop.must("apply", "--yes", "--allow-destroy", "feature_view/written")
    with duckdb.connect(str(shop.root / ".asof/offline.duckdb")) as offline:
        assert offline.execute('SELECT * FROM "shop__written"').fetchall() == [(1,)]
    shop.is_well()


def test_a_view_that_others_depend_on_is_no_surprise_half_way(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg

    monkeypatch.setenv("OFFLINE_URL", postgres_dsn)
    offline = "{type: postgres, url: '${env:OFFLINE_URL}'}"
    shop = Shop(tmp_path, capsys, PROJECT.replace("{type: duckdb, path: .asof/offline.duckdb}", offline))
    base = BASE.replace("path: orders.csv", "table: shop_orders")
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute("DROP VIEW IF EXISTS mine")
        connection.execute('DROP VIEW IF EXISTS "shop__written"')
        connection.execute("DROP TABLE IF EXISTS shop_orders")
        connection.execute(
            "CREATE TABLE shop_orders (customer_id BIGINT, paid_at TIMESTAMPTZ, amount FLOAT8, channel TEXT)"
        )
        shop.features(base, LATEST, WRITTEN)
        shop.must("apply", "--yes")
        connection.execute('CREATE VIEW mine AS SELECT * FROM "shop__written"')
        shop.features(base, LATEST, WRITTEN.replace("amount AS paid", "amount + 1 AS paid"))
        code, text = shop.run("apply", "--yes")
        assert (code, "depend" in text, shop.serial()) == (ExitCode.UNAVAILABLE, True, 1)
        connection.execute("DROP VIEW mine")
        shop.must("apply", "--yes")
        shop.is_well()
        connection.execute('DROP VIEW "shop__written"')
        connection.execute("DROP TABLE shop_orders")


def to_second(shop: Shop) -> None:
    shop.write("asof.yaml", PROJECT.replace("online.db", "second.db"))


def test_a_drop_that_its_store_refuses_is_owed_listed_and_done_later(shop: Shop) -> None:
    shop.sql("PRAGMA wal_checkpoint(TRUNCATE)")
    old = (shop.root / ".asof/online.db").read_bytes()
    for file in (shop.root / ".asof").glob("online.db*"):
        file.unlink()
    (shop.root / ".asof/online.db").write_bytes(b"away for a moment" * 999)
    to_second(shop)
    code, text = shop.run("apply", "--yes")
    assert (code, shop.serial(), "Owed: 1 step" in text) == (ExitCode.PARTIAL_APPLY, 2, True)
    code, text = shop.run("plan")
    assert (code, "AS624" in text) == (ExitCode.OK, True)
    assert "AS624" in shop.run("plan", "--format", "markdown")[1]
    assert json.loads(shop.run("plan", "--json")[1])["plan"]["owed"][0]["action"] == "drop"
    code, text = shop.run("drift")
    assert (code, "owed" in text) == (ExitCode.DRIFT, True)
    assert shop.run("apply", "--yes")[0] == ExitCode.PARTIAL_APPLY  # nothing to change, and not silent
    assert shop.run("apply", "--resume")[0] == ExitCode.PARTIAL_APPLY
    shop.features(BASE.replace("Somebody", "A customer"), LATEST)
    assert shop.run("apply", "--yes")[0] == ExitCode.PARTIAL_APPLY  # other changes go on
    assert shop.serial() == 3
    (shop.root / ".asof/online.db").write_bytes(old)
    shop.must("apply", "--resume")
    assert shop.tables() == []
    assert shop.must("drift") == "The stores hold what the registry says.\n"
    assert "Nothing to resume" in shop.must("apply", "--resume")


def test_what_is_owed_can_be_given_up_with_a_reason(shop: Shop) -> None:
    for file in (shop.root / ".asof").glob("online.db*"):
        file.unlink()
    (shop.root / ".asof/online.db").write_bytes(b"gone for good" * 999)
    to_second(shop)
    assert shop.run("apply", "--yes")[0] == ExitCode.PARTIAL_APPLY
    assert shop.run("registry", "forgive", "feature_view/latest", "--reason", " ")[0] == ExitCode.USAGE
    code, said = shop.run("registry", "forgive", "feature_view/other", "--reason", "x")
    assert (code, "feature_view/latest" in said) == (ExitCode.USAGE, True), said
    assert "Forgiven: online_table/" in shop.must(
        "registry", "forgive", "feature_view/latest", "--reason", "the disk burnt"
    )
    assert "Nothing to forgive" in shop.must("registry", "forgive", "feature_view/latest", "--reason", "again")
    assert "the disk burnt" in shop.must("registry", "history")
    shop.must("apply", "--yes")
    assert shop.must("drift") == "The stores hold what the registry says.\n"


def test_a_store_with_a_variable_that_nobody_names_any_more_is_left_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_STORE", "first")
    shop = Shop(tmp_path, capsys, PROJECT.replace(".asof/online.db", "'.asof/${env:SHOP_STORE}.db'"))
    shop.features(BASE, LATEST)
    shop.must("apply", "--yes")
    shop.write("asof.yaml", PROJECT)
    code, text = shop.run("plan")
    assert (code, "leave online_table/" in text, "SHOP_STORE and no store" in text) == (ExitCode.OK, True, True)
    shop.must("apply", "--yes")  # it did all that the plan said
    assert shop.run("apply", "--resume")[0] == ExitCode.PARTIAL_APPLY
    assert len(shop.tables(".asof/first.db")) == 1
    shop.must("registry", "forgive", "feature_view/latest", "--reason", "dropped by hand")
    shop.is_well()


@pytest.mark.parametrize("way", [("apply", "--resume"), ("apply", "--abort"), ("registry", "repair", "--yes")])
def test_a_damaged_journal_is_made_up_for_by_the_owner_marks(
    shop: Shop, way: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    from asof.registry.claim import Claimed

    def cut(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    shop.features(BASE, LATEST, LATEST.replace("latest", "newest"))
    with monkeypatch.context() as patch:
        patch.setattr(Claimed, "commit", cut)
        assert shop.run("apply", "--yes")[0] == ExitCode.INTERRUPTED
    assert len(shop.tables()) == 2
    head = json.loads((shop.root / ".asof/registry/HEAD.json").read_bytes())
    (journal,) = (shop.root / ".asof/registry/journal").glob(f"{head['claim']['apply_id']}/0000*")
    journal.write_bytes(journal.read_bytes()[:50])
    code, text = shop.run("registry", "repair")
    assert (code, "its journal cannot be read" in text) == (ExitCode.DRIFT, True)
    shop.must(*way)
    assert len(shop.tables()) == 1
    shop.is_well()


@pytest.mark.parametrize("damage", ["cut", "empty", "gone", "text"])
@pytest.mark.parametrize("what", ["head", "generation"])
def test_a_registry_without_a_readable_generation_goes_back_to_the_last_whole_one(
    shop: Shop, what: str, damage: str
) -> None:
    shop.features(BASE, LATEST, LATEST.replace("latest", "newest"))
    shop.must("apply", "--yes")
    folder = shop.root / ".asof/registry"
    (path,) = folder.glob("HEAD.json") if what == "head" else folder.glob("generations/2-*")
    body = path.read_bytes()
    path.unlink()
    if damage != "gone":
        path.write_bytes({"cut": body[:40], "empty": b"", "text": b"what?"}[damage])
    code, text = shop.run("apply", "--yes")
    assert (code, "AS701" in text) == (ExitCode.UNAVAILABLE, True)
    code, text = shop.run("registry", "repair")
    assert (code, f"make generation {2 if what == 'head' else 1} current again" in text) == (ExitCode.DRIFT, True)
    kept = {p.name for p in folder.glob("generations/*")}
    shop.run("registry", "repair", "--yes")
    assert kept <= {p.name for p in folder.glob("generations/*")}
    assert shop.serial() == (2 if what == "head" else 3)
    shop.must("registry", "repair", "--yes")
    shop.is_well()


def test_a_damaged_watermark_is_removed_and_written_anew(shop: Shop) -> None:
    shop.must("materialize", *AS_OF)
    path = shop.root / ".asof/registry/runs/watermarks/latest.json"
    path.write_bytes(path.read_bytes()[:30])
    code, text = shop.run("registry", "repair")
    assert (code, "watermark" in text) == (ExitCode.DRIFT, True)
    shop.must("registry", "repair", "--yes")
    assert not path.exists()
    shop.must("materialize", *AS_OF)
    shop.is_well()


def test_leftovers_that_bear_our_mark_are_dropped_by_repair(shop: Shop) -> None:
    (name,) = shop.tables()
    shop.sql(
        "CREATE TABLE shop__latest__00000000 (key BLOB PRIMARY KEY, row BLOB NOT NULL)",
        f"INSERT INTO asof_tables SELECT 'shop__latest__00000000', project, "
        f"CAST(replace(layout, '@1', '@7') AS BLOB) FROM asof_tables WHERE name = '{name}'",
    )
    code, text = shop.run("drift")
    assert (code, "orphan" in text) == (ExitCode.DRIFT, True)
    assert shop.run("drift", "--repair")[0] == ExitCode.DRIFT
    shop.must("registry", "repair", "--yes")
    shop.is_well()


def test_two_targets_on_one_store_are_refused_by_validate_and_by_apply(shop: Shop) -> None:
    second = """  second:
    registry: .asof/registry2
    offline: {type: duckdb, path: .asof/offline2.duckdb}
    online: {type: sqlite, path: PATH}
"""
    shop.write("asof.yaml", PROJECT + second.replace("PATH", ".asof/online.db"))
    code, text = shop.run("validate")
    assert (code, "AS516" in text) == (ExitCode.INVALID, True)
    # Two spellings of one file are seen by nobody who only reads: the owner marks see them.
    shop.write("asof.yaml", PROJECT + second.replace("PATH", ".asof/../.asof/online.db"))
    code, text = shop.run("apply", "--yes", "--target", "second")
    assert (code, "was made for feature_view/latest@1 by the registry" in text) == (ExitCode.DRIFT, True)
    shop.write("asof.yaml", PROJECT)
    shop.is_well()
