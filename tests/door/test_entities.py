"""Several entities at once: at the terminal one by one and from a file, in Python from frames, tables and dicts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).parents[2]
AT = ("--as-of", "2026-03-01T00:00:00Z")


def asof(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "cli.py"), "--no-color", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repo of `asof init`, applied and loaded."""
    folder = tmp_path_factory.mktemp("door") / "shop"
    for arguments in (
        ("init", str(folder)),
        ("-C", str(folder), "apply", "--yes"),
        ("-C", str(folder), "materialize", *AT),
    ):
        made = asof(folder.parent, *arguments)
        assert made.returncode == 0, made.stderr
    (folder / "e.csv").write_text("customer_id,note\n1,x\n3,\n999,y\n")
    (folder / "e.json").write_text(json.dumps([{"customer_id": 1}, {"customer_id": "3"}, {"customer_id": 999}]))
    (folder / "columns.json").write_text(json.dumps({"customer_id": [1, 3, 999]}))
    (folder / "e.jsonl").write_text('{"customer_id": 1}\n\n{"customer_id": 3}\n{"customer_id": 999}\n')
    pq.write_table(pa.table({"customer_id": pa.array([1, 3, 999], pa.int32())}), folder / "e.parquet")
    return folder


def served(folder: Path, *arguments: str) -> list[dict[str, object]]:
    made = asof(folder, "online", "get", "--service", "churn", *AT, "--json", *arguments)
    assert made.returncode == 0, made.stdout + made.stderr
    answer: list[dict[str, object]] = json.loads(made.stdout)["entities"]
    return answer


def test_an_entity_from_a_file_is_answered_as_one_by_one(shop: Path) -> None:
    one_by_one = []
    for key in ("1", "3", "999"):
        made = asof(shop, "online", "get", "--service", "churn", *AT, "--json", "-e", f"customer_id={key}")
        one_by_one.append(json.loads(made.stdout)["features"])
    assert one_by_one[0]["orders_30d"]["value"] == 9
    assert one_by_one[2]["channel"]["status"] == "NOT_FOUND"
    together = served(shop, "-e", "customer_id=1", "-e", "customer_id=3", "-e", "customer_id=999")
    assert [one["features"] for one in together] == one_by_one
    for name in ("e.csv", "e.json", "columns.json", "e.jsonl", "e.parquet"):
        assert [one["features"] for one in served(shop, "--entities", name)] == one_by_one, name


def test_entities_are_shown_a_line_each(shop: Path) -> None:
    made = asof(shop, "online", "get", "--service", "churn", *AT, "--entities", "e.csv")
    assert made.returncode == 0, made.stderr
    lines = made.stdout.splitlines()
    assert lines[0].split() == ["customer_id", "channel", "orders_7d", "orders_30d", "amount_sum_7d", "amount_sum_30d"]
    assert lines[1].split()[:4] == ["1", "shop", "3", "9"]
    assert lines[3].split()[:2] == ["999", "NOT_FOUND"]


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ("client\n1\n", "x.csv", "have no column 'customer_id'"),
        ("customer_id\nabc\n", "y.csv", "customer_id"),
        ("[1, 2]", "x.json", "rows are a dict of lists or a list of dicts"),
        ("{", "y.json", "y.json is not JSON"),
        ('{"customer_id": 1}\nx\n', "x.jsonl", "line 2 is not JSON"),
        ('{"customer_id": [1], "n": [1, 2]}', "z.json", "not of one length"),
        ('[{"customer_id": 1}, {"customer_id": "x"}]', "t.json", "entity 2: 'customer_id'"),
        ("[]", "empty.json", "there is no entity"),
        ("customer_id\n1\n", "x.txt", "ends in .parquet, .csv, .json or .jsonl"),
    ],
)
def test_a_file_of_entities_that_cannot_be_read_says_why(shop: Path, text: str, name: str, words: str) -> None:
    (shop / name).write_text(text)
    made = asof(shop, "online", "get", "--service", "churn", "--entities", name)
    assert (made.returncode, words in made.stderr) == (64, True), made.stderr


IN_PYTHON = """
import json, sys
from datetime import datetime, timezone
import asof, numpy as np, pandas as pd, polars as pl, pyarrow as pa

store = asof.Store(sys.argv[1])
now = datetime(2026, 3, 1, tzinfo=timezone.utc)
rows = [{"customer_id": 1}, {"customer_id": 3}, {"customer_id": 999}]
columns = {"customer_id": [1, 3, 999]}
forms = [
    rows, tuple(rows), columns, {"customer_id": np.array([1, 3, 999])}, {"customer_id": pd.Series([1, 3, 999])},
    pd.DataFrame(columns), pd.DataFrame({"customer_id": [1.0, 3.0, 999.0], "other": "x"}), pl.DataFrame(columns),
    pa.table(columns), [{"customer_id": np.int64(1)}, *rows[1:]],
]
answers = [store.online(form, service="churn", now=now).to_rows() for form in forms]
assert all(answer == answers[0] for answer in answers), answers
assert answers[0][0]["orders_30d"] == 9

times = ["2026-03-01T00:00:00"] * 3
when = [datetime(2026, 3, 1)] * 3
spines = [
    {**columns, "event_timestamp": when}, {**columns, "event_timestamp": times},
    [{**row, "event_timestamp": at} for row, at in zip(rows, when)],
    pd.DataFrame({**columns, "event_timestamp": when}), pl.DataFrame({**columns, "event_timestamp": when}),
    pa.table({**columns, "event_timestamp": when}),
]
features = ("channel", "orders_7d", "orders_30d")
tables = [store.historical(spine, service="churn") for spine in spines]
trained = [[tuple(row[f] for f in features) for row in table.to_pylist()] for table in tables]
assert all(rows == trained[0] for rows in trained), trained
assert trained[0][0] == tuple(answers[0][0][f] for f in features), trained[0]

mistakes = [
    lambda: store.online({"customer_id": 1}, service="churn"),
    lambda: store.online([{"customer": 1}], service="churn"),
    lambda: store.online([], service="churn"),
    lambda: store.online("e.csv", service="churn"),
    lambda: store.online(7, service="churn"),
    lambda: store.online(rows, service="chrn"),
    lambda: store.online(rows, features="customer_orders"),
    lambda: store.online(rows, service="churn", now="2026-03-01"),
    lambda: store.historical([1, 2], service="churn"),
    lambda: store.historical({"customer_id": [1, 2], "event_timestamp": when}, service="churn"),
    lambda: store.historical({"customer_id": ["x"], "event_timestamp": when[:1]}, service="churn"),
    lambda: store.historical({"customer_id": [1], "event_timestamp": when[:1], "n": [[1, "a"]]}, service="churn"),
    lambda: store.historical(rows, service="churn"),
    lambda: store.historical(as_of="2026-03-01", service="churn"),
    lambda: store.historical(between=(1, 2), service="churn"),
    lambda: store.historical(between=when, every=7, service="churn"),
    lambda: store.historical(between=5, service="churn"),
    lambda: store.historical(spines[0], service="churn", as_="spark"),
    lambda: store.historical("nope.parquet", service="churn"),
    lambda: store.dataset("nope"),
    lambda: asof.Store(sys.argv[1], "moon"),
    lambda: asof.Store("nowhere"),
    lambda: asof.Store("ftp://nowhere"),
]
for number, mistake in enumerate(mistakes):
    try:
        mistake()
    except asof.Error as error:
        assert error.code.startswith("AS") and str(error), number
    else:
        raise AssertionError(f"mistake {number} was accepted")
print(json.dumps(answers[0], default=str))
"""


def test_frames_tables_and_dicts_are_one_to_python_and_every_mistake_is_an_asof_error(shop: Path) -> None:
    made = subprocess.run(
        [sys.executable, "-c", IN_PYTHON, str(shop)],
        cwd=shop.parent,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr


OPEN = """
import sys, asof
try:
    asof.Store(sys.argv[1])
except asof.Error as error:
    print(error.code, error, *error.diagnostics[0].notes)
"""


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("featres", "there is no {top}/featres"),
        ("shop/asof.yaml", "is a file"),
        ("empty", "{top}/empty is an empty folder"),
        ("shop/data", "{top}/shop/data holds neither asof.yaml nor a registry that was applied to"),
        (".", "{top} holds neither asof.yaml nor a registry that was applied to"),
    ],
)
def test_a_wrong_path_to_a_store_says_so(shop: Path, place: str, words: str) -> None:
    (shop.parent / "empty").mkdir(exist_ok=True)
    made = subprocess.run(
        [sys.executable, "-c", OPEN, place],
        cwd=shop.parent,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith("AS788 "), made.stdout
    assert words.format(top=shop.parent) in made.stdout
    assert "asof.yaml" in made.stdout or f"{shop}" in made.stdout
