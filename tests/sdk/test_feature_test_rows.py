"""`asof test`: CSV files, types of cells, a table of what differs, `--update`, and how long a hundred tests take."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from asof import api
from asof.cli import ExitCode, main
from asof.ops.feature_tests import run_feature_tests
from asof.views.feature_tests import outcome
from tests.sdk.shop import DEFINITIONS, PROJECT
from tests.sdk.test_feature_tests import GIVEN

if TYPE_CHECKING:
    from pathlib import Path

WRONG = """expect:
  # an hour before noon
  - {orders_1h: 2, spent_7d: 12.5}      # not two
  - orders_7d: 0   # none at all
    spent_7d: 3
"""
NOON = "2024-01-01T12:00:00Z"
CSV = """
---
kind: FeatureTest
name: from_files
view: order_stats
given:
  orders: {csv_file: tests/orders.csv}
spine: {csv_file: tests/spine.csv}
expect: {csv_file: tests/expect.csv}
"""


def repo_in(root: Path, tests: str) -> Path:
    (root / "asof.yaml").write_text(PROJECT)
    (root / "shop.yaml").write_text(DEFINITIONS + tests)
    return root


def codes(root: Path) -> list[tuple[str, str]]:
    return [(d.code, d.message) for d in api.check(root).diagnostics]


def csv_files(root: Path) -> Path:
    (root / "tests").mkdir()
    (root / "tests/orders.csv").write_text(
        "customer_id,amount,ordered_at\n1,10,2024-01-01T10:00:00Z\n1,2.5,2024-01-01T11:30:00Z\n"
    )
    (root / "tests/spine.csv").write_text(f"customer_id,event_timestamp\n1,{NOON}\n2,{NOON}\n")
    (root / "tests/expect.csv").write_text("orders_1h,spent_7d\n1,12.5\n0,\n")
    return repo_in(root, CSV)


def test_rows_of_csv_files_are_read_by_the_types_of_their_columns(tmp_path: Path) -> None:
    root = csv_files(tmp_path)
    repo = api.check(root).sound
    assert repo is not None, codes(root)
    (result,) = run_feature_tests(repo)
    assert result.passed, result.diagnostics
    (root / "tests/expect.csv").write_text("orders_1h,spent_7d\n1,12.5\n4,\n")
    changed = api.check(root).sound
    assert changed is not None
    (result,) = run_feature_tests(changed)
    assert [d.message for d in result.diagnostics] == ["row 2: orders_1h is 0, expected 4"]


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        (
            "expect.csv",
            "orders_1h,spent_7d\n1,12.5\n0,many\n",
            "row 2: spent_7d: 'many' is not a value",
        ),
        ("spine.csv", "customer_id,event_timestamp\nx,2024-01-01\n2,2024-01-01\n", "row 1: customer_id: 'x'"),
        ("expect.csv", "a,a\n1,2\n", "the header names a column twice"),
        ("expect.csv", None, "the repo has no file tests/expect.csv"),
    ],
)
def test_what_is_wrong_in_a_csv_file_is_said_by_validate(
    tmp_path: Path, file: str, text: str | None, said: str
) -> None:
    root = csv_files(tmp_path)
    if text is None:
        (root / "tests" / file).unlink()
    else:
        (root / "tests" / file).write_text(text)
    assert any(said in message for _, message in codes(root)), codes(root)


@pytest.mark.parametrize("path", ["../outside.csv", "/etc/outside.csv", "tests/link.csv"])
def test_a_csv_file_outside_of_the_repo_is_not_read(tmp_path: Path, path: str) -> None:
    root = tmp_path / "repo"
    root.mkdir()
    csv_files(root)
    (tmp_path / "outside.csv").write_text("orders_1h\n1\n1\n")
    (root / "tests/link.csv").symlink_to(tmp_path / "outside.csv")
    repo_in(root, CSV.replace("tests/expect.csv", path))
    assert api.check(root).sound is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("amount: 10,", "amount: ten,", "row 1: amount: 'ten' is not a value of type float64"),
        ("customer_id: 2, event", "customer_id: two, event", "row 2: customer_id: 'two' is not a value of type int64"),
        ("spent_7d: 12.5", "spent_7d: lots", "row 1: spent_7d: 'lots' is not a value of type float64"),
        ("orders_1h: 2", "orders_2h: 2", "row 1: there is no feature 'orders_2h'"),
        ("orders_1h: 2", "orders_1h: 1.5", "row 1: orders_1h: 1.5 is not a value of type int64"),
    ],
)
def test_cells_of_another_type_are_found_by_validate_where_they_stand(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    root = repo_in(tmp_path, (GIVEN + WRONG).replace(old, new))
    found = [d for d in api.check(root).diagnostics if d.code == "AS766"]
    assert len(found) == 1, codes(root)
    assert found[0].message.startswith(said)
    text = (root / "shop.yaml").read_text().splitlines()[found[0].span.line - 1]
    assert new.split(": ")[1].split(",")[0] in text


def test_a_table_shows_only_the_cells_that_differ(tmp_path: Path) -> None:
    repo = api.check(repo_in(tmp_path, GIVEN + WRONG)).sound
    assert repo is not None
    results = run_feature_tests(repo)
    lines = [" ".join(line.split()) for line in outcome(results, (), colour=False).splitlines()]
    assert lines == [
        "FAILED windows",
        "",
        "row customer_id event_timestamp orders_1h spent_7d orders_7d",
        "- 1 1 2024-01-01T12:00:00Z 2 12.5",
        "+ 1",
        "- 2 2 2024-01-01T12:00:00+00:00 3 0",
        "+ NULL",
        "",
        "0 of 1 tests passed.",
    ]
    assert "\x1b[31m2" in outcome(results, (), colour=True)
    assert "\x1b[31m12.5" not in outcome(results, (), colour=True)


def test_update_writes_what_comes_out_and_keeps_everything_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = repo_in(tmp_path, GIVEN + WRONG)
    assert main(["-C", str(root), "test"]) == ExitCode.INVALID
    before = (root / "shop.yaml").read_text()
    assert main(["-C", str(root), "test", "--update"]) == ExitCode.OK
    wanted = before.replace("orders_1h: 2,", "orders_1h: 1,").replace("spent_7d: 3\n", "spent_7d: null\n")
    assert (root / "shop.yaml").read_text() == wanted
    assert "shop.yaml: 2 expected values were rewritten" in capsys.readouterr().out
    assert main(["-C", str(root), "test", "--update", "--json"]) == ExitCode.OK
    assert json.loads(capsys.readouterr().out)["updated"] == []


def test_update_leaves_csv_to_its_author(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = csv_files(tmp_path)
    (root / "tests/expect.csv").write_text("orders_1h,spent_7d\n1,12.5\n4,\n")
    before = (root / "shop.yaml").read_text()
    assert main(["-C", str(root), "test", "--update"]) == ExitCode.INVALID
    assert (root / "shop.yaml").read_text() == before


def test_a_name_that_no_test_has_is_refused(tmp_path: Path) -> None:
    root = repo_in(tmp_path, GIVEN + WRONG)
    assert main(["-C", str(root), "test", "wndows"]) == ExitCode.USAGE


def test_a_hundred_tests_share_a_session_and_a_query(tmp_path: Path) -> None:
    one = GIVEN + "expect:\n  - {orders_1h: 1, spent_7d: 12.5}\n  - {orders_7d: 0, spent_7d: null}\n"
    repo = api.check(repo_in(tmp_path, "".join(one.replace("windows", f"w{n}", 1) for n in range(100)))).sound
    assert repo is not None
    start = time.process_time()
    results = run_feature_tests(repo)
    spent = time.process_time() - start
    assert len(results) == 100
    assert all(result.passed for result in results)
    print(f"100 tests: {spent:.2f} s of processor time")
    assert spent < 15
