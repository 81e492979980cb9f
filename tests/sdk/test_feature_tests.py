"""Feature tests run the real query on given rows, and say what differs where it is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from asof import api
from asof.ops.feature_tests import TestResult, run_feature_tests
from tests.sdk.shop import DEFINITIONS, PROJECT

if TYPE_CHECKING:
    from pathlib import Path

GIVEN = """
---
kind: FeatureTest
name: windows
view: order_stats
given:
  orders:
    - {customer_id: 1, amount: 10, ordered_at: '2024-01-01T10:00:00Z'}
    - {customer_id: 1, amount: 2.5, ordered_at: '2024-01-01T11:30:00Z'}
spine:
  - {customer_id: 1, event_timestamp: '2024-01-01T12:00:00Z'}
  - {customer_id: 2, event_timestamp: '2024-01-01T12:00:00+00:00'}
"""


def run(root: Path, test: str) -> TestResult:
    (root / "asof.yaml").write_text(PROJECT)
    (root / "shop.yaml").write_text(DEFINITIONS + test)
    repo = api.check(root).repo
    assert repo is not None
    (result,) = run_feature_tests(repo)
    return result


def test_what_is_expected_passes_and_what_is_left_out_may_be_anything(tmp_path: Path) -> None:
    expect = "expect:\n  - {orders_1h: 1, spent_7d: 12.5}\n  - {orders_7d: 0, spent_7d: null}\n"
    assert run(tmp_path, GIVEN + expect).passed


def test_another_value_is_shown_where_it_was_expected(tmp_path: Path) -> None:
    result = run(tmp_path, GIVEN + "expect:\n  - {orders_1h: 2, spent_7d: 12.5}\n  - {spent_7d: 0}\n")
    assert [(d.code, d.message) for d in result.diagnostics] == [
        ("AS765", "row 1: orders_1h is 1, expected 2"),
        ("AS765", "row 2: spent_7d is NULL, expected 0"),
    ]
    lines = (tmp_path / "shop.yaml").read_text().splitlines()
    assert [lines[d.span.line - 1].strip()[:10] for d in result.diagnostics] == ["- {orders_", "- {spent_7"]


@pytest.mark.parametrize(
    ("test", "message"),
    [
        (GIVEN + "expect:\n  - {}\n", "the spine has 2 rows and expect has 1"),
        (GIVEN + "expect:\n  - {orders: 1}\n  - {}\n", "row 1: there is no feature 'orders'"),
        (
            GIVEN.replace("amount: 10", "amount: ten") + "expect: [{}, {}]\n",
            "amount: 'ten' is not a value of type float64",
        ),
    ],
)
def test_a_test_that_cannot_run_says_why(tmp_path: Path, test: str, message: str) -> None:
    (found,) = run(tmp_path, test).diagnostics
    assert (found.code, found.message) == ("AS766", message)


def test_services_and_views_on_requests_are_tested_too(tmp_path: Path) -> None:
    test = """
---
kind: FeatureTest
name: service
service: checkout
given:
  orders:
    - {customer_id: 1, amount: 10, note: hi, ordered_at: '2024-01-01T10:00:00Z', written_at: '2024-01-01T10:00:01Z'}
spine:
  - {customer_id: 1, discount: 0.25, event_timestamp: '2024-01-01T12:00:00Z'}
expect:
  - {reduced: 7.5, share: 1, note: hi, ordered_at: '2024-01-01T10:00:00Z'}
"""
    assert run(tmp_path, test).diagnostics == ()
