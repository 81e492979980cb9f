"""A new name everywhere: what is edited, what is refused, and that the plan is a move."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from asof import api
from asof.lsp.rename import RefusedError, applied, rename
from tests.golden import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = """\
version: 1
project: shop
targets:
  local:
    registry: .asof/registry
    offline: {type: duckdb, path: .asof/o.duckdb}
"""
DEFINITIONS = """\
kind: Entity
name: customer
join_keys: [{name: customer_id, type: int64}]
---
kind: DataSource
name: orders
path: data/orders.parquet
timestamp_field: ordered_at
columns: [{name: customer_id, type: int64}, {name: ordered_at, type: timestamp}, {name: amount, type: float64}]
---
{kind: FeatureView, name: totals, entities: [customer], source: orders,
 aggregations: [{function: sum, column: amount, windows: [7d]}]}
---
kind: FeatureView
name: latest
entities: [customer]
query: >-
  SELECT orders.customer_id, ordered_at, "orders".amount AS last_amount
  FROM orders
  WHERE EXISTS (SELECT 1 FROM orders AS o WHERE o.customer_id = orders.customer_id)
timestamp_field: ordered_at
schema: [{name: last_amount, type: float64}]
---
kind: OnDemandFeatureView
name: share
sources: [totals, 'latest']
features: [{name: ratio, type: float64, expression: latest.last_amount / totals.amount_sum_7d}]
---
kind: FeatureService
name: churn
full_feature_names: true
features: [totals:amount_sum_7d, {view: latest, as: late}, share]
---
kind: FeatureTest
name: sums
service: churn
given: {orders: [{customer_id: 1, ordered_at: "2026-01-01T00:00:00Z", amount: 2.0}]}
spine: [{customer_id: 1, event_timestamp: "2026-01-02T00:00:00Z"}]
expect: [{totals__amount_sum_7d: 2.0, late__last_amount: 2.0, share__ratio: 1.0}]
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    row = "SELECT 1::BIGINT AS customer_id, TIMESTAMPTZ '2026-01-01 00:00:00+00' AS ordered_at, 2.0::DOUBLE AS amount"
    duckdb.execute(f"COPY ({row}) TO 'data/orders.parquet'")
    (tmp_path / "asof.yaml").write_text(PROJECT)
    (tmp_path / "features.yaml").write_text(DEFINITIONS)
    return tmp_path


def carried_out(root: Path, address: str, name: str) -> str:
    checked = api.check(root)
    assert checked.sound is not None, checked.diagnostics
    edits = rename(checked.sound, address, name, checked.sources)
    for path in {edit.path for edit in edits}:
        text = applied(checked.sources[path], tuple(edit for edit in edits if edit.path == path))
        (root / path).write_text(text)
    return (root / "features.yaml").read_text()


def test_a_view_in_services_and_expressions_and_what_models_read_stays(shop: Path) -> None:
    text = carried_out(shop, "feature_view/totals", "sums")
    assert "name: sums, moved_from: totals, entities" in text
    assert "sources: [sums, 'latest']" in text
    assert "latest.last_amount / sums.amount_sum_7d" in text
    assert "[{view: sums, features: [amount_sum_7d], as: totals}, {view: latest, as: late}, share]" in text
    assert "{totals__amount_sum_7d: 2.0, late__last_amount" in text
    checked = api.check(shop)
    assert checked.sound is not None, checked.diagnostics


def test_an_alias_keeps_the_names_of_features(shop: Path) -> None:
    text = carried_out(shop, "feature_view/latest", "newest")
    assert "{view: newest, as: late}" in text
    assert "late__last_amount: 2.0" in text
    assert "[totals, 'newest']" in text


def test_a_source_in_queries_with_its_qualifiers(shop: Path) -> None:
    text = carried_out(shop, "data_source/orders", "purchases")
    assert "orders" not in text.replace("orders.parquet", "").replace("moved_from: orders", "")
    assert 'purchases.customer_id, ordered_at, "purchases".amount' in text
    assert "FROM purchases AS o WHERE o.customer_id = purchases.customer_id" in text
    assert "given: {purchases:" in text
    assert api.check(shop).sound is not None


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("feature_view/totals", "sums"),
        ("feature_view/latest", "newest"),
        ("entity/customer", "buyer"),
        ("feature_service/churn", "leavers"),
        ("on_demand_feature_view/share", "portion"),
    ],
)
def test_the_plan_after_a_rename_is_a_move_and_nothing_else(shop: Path, address: str, name: str) -> None:
    # SQL that names an object by a qualifier changes its text, which a plan takes for an edit of that SQL.
    unqualified = DEFINITIONS.replace("latest.last_amount / totals.amount", "last_amount / amount")
    short = unqualified.replace("full_feature_names: true\n", "").replace("totals__", "").replace("late__", "")
    where = "  WHERE EXISTS (SELECT 1 FROM orders AS o WHERE o.customer_id = orders.customer_id)\n"
    (shop / "features.yaml").write_text(short.replace("share__", "").replace(where, ""))
    before, checked = api.review(shop), api.check(shop)
    assert before.plan is not None
    assert checked.sound is not None
    api.apply(shop, checked.sound.project, before.plan)
    carried_out(shop, address, name)
    after = api.review(shop)
    assert after.plan is not None, after.checked.diagnostics
    assert {change.change_class.value for change in after.plan.changes} <= {"identity", "metadata"}
    moved = [change for change in after.plan.changes if change.address.endswith(f"/{name}")]
    assert [change.change_class.value for change in moved] == ["identity"]


def test_back_again_leaves_the_files_as_they_were(shop: Path) -> None:
    carried_out(shop, "entity/customer", "buyer")
    assert carried_out(shop, "entity/buyer", "customer") == DEFINITIONS


def test_twice_still_comes_from_what_was_applied(shop: Path) -> None:
    carried_out(shop, "entity/customer", "buyer")
    assert "name: client\nmoved_from: customer\n" in carried_out(shop, "entity/buyer", "client")


@pytest.mark.parametrize(
    ("address", "name", "why"),
    [
        ("entity/customer", "9lives", "is not a name"),
        ("entity/customer", "a__b", "is not a name"),
        ("entity/customer", "a" * 64, "is not a name"),
        ("feature_view/totals", "Latest", "there is a feature view 'latest' already"),
        ("feature_view/totals", "orders", "there is a data source 'orders' already"),
        ("data_source/orders", "o", "calls something of its own 'o'"),
    ],
)
def test_what_is_refused(shop: Path, address: str, name: str, why: str) -> None:
    checked = api.check(shop)
    assert checked.sound is not None
    with pytest.raises(RefusedError, match=why):
        rename(checked.sound, address, name, checked.sources)


def test_a_repo_with_definitions_that_cannot_be_built_is_refused(shop: Path) -> None:
    (shop / "more.yaml").write_text("kind: FeatureView\nname: broken\nsource: orders\n")
    checked = api.check(shop)
    assert checked.repo is not None
    with pytest.raises(RefusedError, match=r"mend the definitions with errors first \(broken\)"):
        rename(checked.repo, "data_source/orders", "purchases", checked.sources)


def test_windows_line_ends_stay(shop: Path) -> None:
    (shop / "features.yaml").write_bytes(DEFINITIONS.replace("\n", "\r\n").encode())
    checked = api.check(shop)
    assert checked.sound is not None
    edits = rename(checked.sound, "entity/customer", "buyer", checked.sources)
    text = applied(checked.sources["features.yaml"], edits)
    assert "name: buyer\r\nmoved_from: customer\r\n" in text
    assert text.count("\n") == text.count("\r\n")


def test_every_object_of_the_main_example_can_be_renamed() -> None:
    checked = api.check(ROOT.parent / "repos" / "flights")
    assert checked.sound is not None
    for address in checked.sound.definitions:
        assert rename(checked.sound, address, "brand_new", checked.sources)
