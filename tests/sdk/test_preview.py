"""`asof plan --preview`: the old and the new values of what a plan changes, and nothing that is not so."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from asof import api, api_evidence
from asof.cli import ExitCode, main
from asof.compiler.diagnostics import DiagnosticError
from asof.ops.shifts import shift, stability_index
from tests.sdk.shop import HOUR, T0, apply, make_shop, moments

if TYPE_CHECKING:
    from pathlib import Path

    from asof.ops.evidence import Preview, Shift


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The shop, applied; then a ttl, a filter and an expression are edited."""
    root = make_shop(tmp_path)
    apply(root)
    edit(root, "ttl: 1d", "ttl: 30m")
    edit(root, "name: orders, windows: [1h, 7d]", "name: orders, windows: [1h, 7d], where: amount > 10")
    edit(root, "amount * (1 - discount)", "amount * (1 - discount) + 1")
    pq.write_table(spine(), root / "spine.parquet")
    return root


def edit(root: Path, old: str, new: str) -> None:
    file = root / "shop.yaml"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def spine() -> pa.Table:
    return pa.table(
        {
            "customer_id": [1, 1, 2, 9],
            "discount": [0.5, 0.0, 0.5, 0.5],
            "event_timestamp": moments(T0 + 1, T0 + 2 * HOUR, T0 + 2 * HOUR, T0),
        }
    )


def previewed(root: Path, given: str = "", rows: int = 100) -> Preview:
    review = api.review(root)
    place = given or str(root / "spine.parquet")
    return api_evidence.preview(root, review, place, rows=rows, target="", progress=lambda *_: None)


def by_name(found: Preview) -> dict[str, Shift]:
    return {f"{s.view}:{s.feature}": s for s in found.shifts}


def test_old_and_new_values_are_those_of_the_training_query(shop: Path) -> None:
    found = by_name(previewed(shop))
    amount = found["last_order:amount"]
    assert (amount.rows, amount.changed) == (4, 1)
    assert (amount.old.nulls, amount.new.nulls) == (2, 3)
    assert (amount.old.mean, amount.new.mean) == (15.5, 10.0)
    (row,) = amount.differing
    assert dict(row.keys) == {"customer_id": "1", "event_timestamp": "2023-11-15 00:13:20"}
    assert (row.old, row.new) == ("21", "NULL")
    orders = found["order_stats:orders_7d"]
    assert orders.changed == 3, "10 is not above 10, and a NULL amount is not either"
    assert [(row.old, row.new) for row in orders.differing] == [("1", "0"), ("3", "2"), ("1", "0")]
    reduced = found["offer:reduced"]
    assert [(row.old, row.new) for row in reduced.differing] == [("5", "6"), ("21", "NULL")]
    assert found["order_stats:spent_7d"].changed == 0
    assert found["order_stats:spent_7d"].psi == 0


def test_a_view_whose_keys_the_spine_lacks_is_skipped_and_says_so(shop: Path) -> None:
    edit(shop, "delay: 10m", "delay: 20m")
    found = previewed(shop)
    assert [(s.view, s.why) for s in found.skipped] == [("link", "the spine has no a, b")]
    assert "last_order:amount" in by_name(found)


def test_a_query_is_a_spine_and_the_only_timestamp_is_its_time(shop: Path) -> None:
    found = previewed(shop, "SELECT customer_id, 0.5 AS discount, ordered_at AS at FROM orders")
    assert found.of == 5
    assert by_name(found)["offer:reduced"].changed == 4


def test_a_sample_depends_on_rows_and_not_on_their_order(shop: Path) -> None:
    many = pa.table(
        {
            "customer_id": [n % 3 + 1 for n in range(500)],
            "discount": [n / 500 for n in range(500)],
            "event_timestamp": moments(*(T0 + n * HOUR // 100 for n in range(500))),
        }
    )
    pq.write_table(many, shop / "spine.parquet")
    first = previewed(shop, rows=50)
    pq.write_table(many.take(list(reversed(range(500)))), shop / "spine.parquet")
    assert previewed(shop, rows=50) == first
    assert (first.rows, first.of) == (50, 500)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("nowhere.parquet", "AS761"),
        ("spine.txt", "AS761"),
        ("SELECT 1 AS customer_id", "AS761"),
        ("SELECT x FROM y", "AS724"),
    ],
)
def test_a_spine_that_cannot_be_used_is_a_diagnostic(shop: Path, given: str, code: str) -> None:
    with pytest.raises(DiagnosticError) as caught:
        previewed(shop, given)
    assert [d.code for d in caught.value.diagnostics] == [code]


def test_a_rename_is_followed(shop: Path) -> None:
    edit(shop, "name: last_order\n", "name: newest\nmoved_from: last_order\n")
    edit(shop, "[last_order, order_stats", "[newest, order_stats")
    assert by_name(previewed(shop))["newest:amount"].changed == 1


def test_the_stability_index_is_the_formula_of_the_docs() -> None:
    assert stability_index([5, 5], [5, 5]) == 0
    p, q = (9.5 / 11, 1.5 / 11), (1.5 / 11, 9.5 / 11)
    expected = sum((b - a) * math.log(b / a) for a, b in zip(p, q, strict=True))
    assert stability_index([9, 1], [1, 9]) == pytest.approx(expected)
    assert math.isfinite(stability_index([10, 0, 0], [0, 0, 10]))
    assert stability_index([100, 0], [500, 0]) < 0.01, "another number of rows alone is hardly a shift"


VALUES = [
    (pa.array([1.0, None, float("nan"), float("inf")]), pa.array([1.0, None, float("nan"), float("inf")]), 0),
    (pa.array([0.1 + 0.2, 1.0]), pa.array([0.3, 1.1]), 1),
    (pa.array([None, None], pa.float64()), pa.array([None, 1.0]), 1),
    (pa.array([1, 2], pa.int64()), pa.array([1.0, 2.5]), 1),
    (pa.array(["a", None, ""]), pa.array(["a", "", None]), 2),
    (pa.array([[1], None, []]), pa.array([[1], [], []]), 1),
    (pa.array([True, False, None]), pa.array([True, True, None]), 1),
    (pa.array([1, 2]), pa.array(["1", "two"]), 1),
    (moments(0, None, T0), moments(0, 1, T0), 1),
    (pa.array([0, 1], pa.date32()), pa.array([0, 2], pa.date32()), 1),
    (pa.array([], pa.float64()), pa.array([], pa.float64()), 0),
]


@pytest.mark.parametrize(("old", "new", "changed"), VALUES)
def test_values_of_any_type_are_compared(old: pa.Array, new: pa.Array, changed: int) -> None:
    keys = pa.table({"k": range(len(old))})
    found = shift("v", "f", pa.chunked_array([old]), pa.chunked_array([new]), keys)
    assert found.changed == len(found.differing) == changed
    assert math.isfinite(found.psi)
    assert (found.psi > 0) == bool(changed) or changed
    assert sum(bar.old for bar in found.bars) <= len(old)
    json.dumps([found.old.mean, found.new.mean], allow_nan=False)


def test_bars_count_every_finite_value_and_null() -> None:
    old = pa.chunked_array([pa.array([float(n) for n in range(100)] + [None])])
    found = shift("v", "f", old, old, pa.table({"k": range(101)}))
    assert sum(bar.old for bar in found.bars) == sum(bar.new for bar in found.bars) == 101
    assert found.bars[-1].label == "NULL"
    assert found.old.quantiles[2] == 49.5


def test_the_command_shows_it_in_every_form(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    at = ["-C", str(shop), "plan", "--preview", str(shop / "spine.parquet")]
    into = [f"{form}={shop / form}" for form in ("html", "markdown")]
    assert main([*at, "--render", into[0], "--render", into[1], "--verbose"]) == ExitCode.OK
    said = capsys.readouterr().out
    assert "Preview over 4 rows of " in said
    assert "last_order:amount differs first at" in said
    assert "Preview: 8 features compared over 4 rows" in (shop / "markdown").read_text()
    assert "<svg" in (shop / "html").read_text()
    assert main([*at, "--json"]) == ExitCode.OK
    answer = json.loads(capsys.readouterr().out)
    assert {s["feature"] for s in answer["preview"]["shifts"]} >= {"amount", "orders_7d", "reduced"}
    assert {e["address"] for e in answer["examples"]} == {"feature_view/order_stats", "on_demand_feature_view/offer"}


def test_evidence_travels_in_a_file_of_its_own(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept, evidence, out = (str(shop / name) for name in ("plan.json", "evidence.json", "report.html"))
    at = ["-C", str(shop), "plan", "--out", kept]
    assert main([*at, "--evidence", evidence, "--preview", str(shop / "spine.parquet")]) == ExitCode.OK
    plan_alone = (shop / "plan.json").read_bytes()
    assert b"21" not in plan_alone.replace(b"\n", b"").split(b'"read_set"')[0] or b"differing" not in plan_alone
    assert main(["report", kept, "--evidence", evidence, "--out", out]) == ExitCode.OK
    assert "last_order:amount" in (shop / "report.html").read_text()
    assert main(["report", kept]) == ExitCode.OK
    assert "last_order:amount" not in (shop / "plan.html").read_text()
    capsys.readouterr()
    assert main(["render", kept, "--evidence", evidence]) == ExitCode.OK
    assert "differs on these rows" in capsys.readouterr().out
    assert main(["report", kept, "--evidence", kept]) == ExitCode.USAGE
    assert "AS618" in capsys.readouterr().err
    edit(shop, "ttl: 30m", "ttl: 40m")
    assert main(at) == ExitCode.OK
    capsys.readouterr()
    assert main(["report", kept, "--evidence", evidence]) == ExitCode.USAGE
    assert "AS619" in capsys.readouterr().err


def test_examples_can_be_left_out_and_are_kept_for_the_next_time(
    shop: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["-C", str(shop), "plan", "--no-examples"]) == ExitCode.OK
    assert "differs on these rows" not in capsys.readouterr().out
    assert main(["-C", str(shop), "plan"]) == ExitCode.OK
    first = capsys.readouterr().out
    assert "differs on these rows" in first
    monkeypatch.setattr("asof.ops.counter_examples.counter_examples", None)
    assert main(["-C", str(shop), "plan"]) == ExitCode.OK
    assert capsys.readouterr().out == first


def test_a_preview_is_of_what_is_applied(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["-C", str(shop), "plan", "--against", "1", "--preview", str(shop / "spine.parquet")]
    assert main(asked) == ExitCode.USAGE
    assert "--against" in capsys.readouterr().err
