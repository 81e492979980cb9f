"""Which column is made from which, by hand; and on a large repo only what is reached is looked at."""

from __future__ import annotations

import pytest

from asof.compiler import lineage as module
from asof.compiler.lineage import Column, Lineage, Use
from tests.explore.world import SHOP, repo


@pytest.fixture(scope="module")
def shop() -> Lineage:
    return Lineage(repo())


def origins(shop: Lineage, address: str, name: str) -> dict[str, str]:
    return {str(origin): use.value for origin, use in shop.columns(address)[name].items()}


O = "data_source/orders."  # noqa: E741
ROWS = {f"{O}customer": "rows", f"{O}paid_at": "rows"}


@pytest.mark.parametrize(
    ("address", "name", "wanted"),
    [
        ("feature_view/spending", "channel", ROWS | {f"{O}channel": "value"}),
        ("feature_view/spending", "spent_7d", ROWS | {f"{O}country": "rows", f"{O}amount": "value"}),
        ("feature_view/spending", "orders_7d", ROWS),
        (
            "feature_view/cleaned",
            "doubled",
            ROWS | {f"{O}country": "rows", f"{O}amount": "value"},
        ),
        ("feature_view/cleaned", "customer", {f"{O}customer": "value", f"{O}amount": "rows", f"{O}country": "rows"}),
        (
            "feature_view/beyond",
            "most_1d",
            {"feature_view/spending.customer": "rows", "feature_view/spending.paid_at": "rows", f"{O}amount": "value"},
        ),
        (
            "on_demand_feature_view/ratio",
            "share",
            {"data_source/request.basket": "value", "feature_view/spending.spent_7d": "value"},
        ),
        ("feature_service/churn", "spent", {"feature_view/spending.spent_7d": "value"}),
        ("saved_dataset/training", "left", {f"{O}channel": "value", f"{O}country": "rows"}),
        ("saved_dataset/training", "share", {"feature_service/churn.share": "value", f"{O}country": "rows"}),
    ],
)
def test_what_a_column_is_made_from(shop: Lineage, address: str, name: str, wanted: dict[str, str]) -> None:
    assert origins(shop, address, name) == wanted


def test_reach_goes_through_views_expressions_services_and_datasets(shop: Lineage) -> None:
    reached = {str(r.column): (r.use, r.owner) for r in shop.reach_of([Column("feature_view/spending", "spent_7d")])}
    assert reached == {
        "on_demand_feature_view/ratio.share": (Use.VALUE, "risk"),
        "feature_service/churn.spent": (Use.VALUE, "ml"),
        "feature_service/churn.share": (Use.VALUE, "ml"),
        "saved_dataset/training.spent": (Use.VALUE, "ml"),
        "saved_dataset/training.share": (Use.VALUE, "ml"),
    }


def test_a_column_that_only_filters_reaches_rows(shop: Lineage) -> None:
    reached = {str(r.column): r.use for r in shop.reach_of([Column("data_source/orders", "country")])}
    assert reached["feature_view/spending.spent_7d"] is Use.ROWS
    assert reached["feature_view/further.doubled"] is Use.ROWS
    assert "feature_view/spending.channel" not in reached


def test_above_is_the_other_way_round(shop: Lineage) -> None:
    above = shop.above(Column("saved_dataset/training", "share"))
    assert above[Column("data_source/orders", "amount")] is Use.VALUE
    for column in above:
        assert Column("saved_dataset/training", "share") in {r.column for r in shop.reach_of([column])}


def test_stored_names_and_case_are_understood(shop: Lineage) -> None:
    assert shop.spelling("data_source/orders", "amt") == "amount"
    assert shop.spelling("data_source/orders", "AMOUNT") == "amount"


def test_reach_parses_only_what_reads_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    others = "".join(
        f"---\nkind: DataSource\nname: s{n}\ntable: t\ntimestamp_field: at\n"
        "columns: [{name: customer, type: string}, {name: at, type: timestamp}, {name: x, type: int64}]\n"
        f"---\nkind: FeatureView\nname: v{n}\nentities: [customer]\ntimestamp_field: at\n"
        f"query: SELECT customer, at, x FROM s{n}\nschema: [{{name: x, type: int64}}]\n"
        for n in range(20)
    )
    lineage = Lineage(repo(SHOP + others))
    traced: list[str] = []
    real = module.traced
    monkeypatch.setattr(module, "traced", lambda catalog, text: (traced.append(text), real(catalog, text))[1])
    reached = lineage.reach_of([Column("data_source/s3", "x")])
    assert [str(r.column) for r in reached] == ["feature_view/v3.x"]
    assert traced == ["SELECT customer, at, x FROM s3"]
