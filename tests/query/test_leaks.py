"""Lints for leaks that no certificate sees: precise, not noisy."""

from __future__ import annotations

import pytest

from asof.compiler.duration import Duration
from asof.compiler.model import (
    Aggregation,
    FeatureRef,
    FeatureService,
    FeatureView,
    SavedDataset,
    ServiceItem,
    Spine,
    Timing,
    Window,
)
from asof.compiler.query import check_sql
from tests.query.repos import columns, repo

SERVICE = FeatureService(name="s", features=(ServiceItem(view="fares", features=(FeatureRef(name="fare"),)),))


def codes(stamp: str, label: str, delay: str = "0s") -> list[str]:
    timing = Timing(delay=Duration.parse(delay))
    fares = FeatureView(
        name="fares", entities=("driver",), source="trips", schema=columns(fare="float64"), timing=timing
    )
    spine = Spine(query=f"SELECT driver, {stamp} AS event_timestamp, {label} AS label FROM trips")
    dataset = SavedDataset(name="d", spine=spine, labels=("label",), service="s")
    return [d.code for d in check_sql(repo(fares, SERVICE, dataset))]


def test_a_feature_that_reads_the_label_of_its_own_row_is_a_leak() -> None:
    assert codes("at", "fare > 10") == ["AS432"]


@pytest.mark.parametrize(
    ("stamp", "label", "delay"),
    [("at", "paid", "0s"), ("at - INTERVAL '1 hour'", "fare > 10", "0s"), ("at", "fare > 10", "1h")],
)
def test_other_columns_earlier_times_and_delays_are_no_leak(stamp: str, label: str, delay: str) -> None:
    assert codes(stamp, label, delay) == []


def test_a_window_wider_than_the_ttl_is_pointed_out() -> None:
    windows = (Window(length=Duration.parse("1d")), Window(length=Duration.parse("7d")), Window())
    sums = Aggregation(function="sum", column="fare", windows=windows)
    view = FeatureView(name="v", entities=("driver",), source="trips", ttl=Duration.parse("2d"), aggregations=(sums,))
    assert [d.code for d in check_sql(repo(view))] == ["AS433", "AS433"]
