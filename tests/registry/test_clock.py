"""Clocks: what a wrong one may not do, and what undoes what one did."""

from __future__ import annotations

import csv
import json
import random
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from asof.cli import ExitCode, main
from asof.ops.materialize import Run, watermark
from asof.registry import open_blobs
from asof.registry.clock import CLOCK, time_of
from asof.registry.local import LocalBlobs
from asof.registry.store import Registry
from asof.testing.blob_stores import fails

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from asof.registry.base import Blobs

PROJECT = """version: 1
project: shop
targets:
  local:
    registry: "{registry}"
    offline: {{type: duckdb}}
    online: {{type: sqlite, path: .asof/online.db}}
"""
FEATURES = """kind: Entity
name: customer
join_keys: [{name: customer_id, type: int64}]
---
kind: DataSource
name: orders
path: orders.csv
timestamp_field: paid_at
unique: [order_id]
columns:
  - {name: order_id, type: int64}
  - {name: customer_id, type: int64}
  - {name: paid_at, type: timestamp}
  - {name: amount, type: float64}
---
kind: FeatureView
name: latest
entities: [customer]
source: orders
schema: [{name: amount, type: float64}]
---
kind: FeatureView
name: sums
entities: [customer]
source: orders
aggregations: [{function: sum, column: amount, windows: [30d]}]
"""
YEARS = timedelta(days=4000)


class Shop:
    """A repo whose machine and whose registry have clocks that tests set."""

    def __init__(
        self, root: Path, registry: str, patch: pytest.MonkeyPatch, output: pytest.CaptureFixture[str]
    ) -> None:
        self.root, self.output = root, output
        self.machine = self.place = timedelta(0)
        (root / "asof.yaml").write_text(PROJECT.format(registry=registry))
        (root / "features.yaml").write_text(FEATURES)
        self.blobs = open_blobs(registry, root=root)
        real: Callable[[Blobs], datetime | None] = type(self.blobs).clock  # type: ignore[attr-defined]

        def place(blobs: Blobs) -> datetime | None:
            moment = real(blobs)
            return moment + self.place if moment else None

        patch.setattr(type(self.blobs), "clock", place)
        patch.setattr("asof.registry.Registry", lambda blobs: Registry(blobs, lambda: self.now() + self.machine))

    @staticmethod
    def now() -> datetime:
        return datetime.now(UTC)

    def orders(self, *orders: tuple[int, timedelta, float]) -> None:
        """(customer, age, amount) of each."""
        with (self.root / "orders.csv").open("w", newline="") as file:
            lines = csv.writer(file)
            lines.writerow(("order_id", "customer_id", "paid_at", "amount"))
            for number, (customer, age, amount) in enumerate(orders):
                lines.writerow((number, customer, (self.now() - age).isoformat(), amount))

    def run(self, *arguments: str, code: int = ExitCode.OK) -> dict[str, object]:
        self.output.readouterr()
        ended = main(["-C", str(self.root), "--json", *arguments])
        text = self.output.readouterr().out
        assert ended == code, text
        answer: dict[str, object] = json.loads(text)
        return answer

    def served(self, customer: int) -> tuple[object, object]:
        """The latest amount and the sum of thirty days."""
        answer = self.run(
            "online", "get", "-e", f"customer_id={customer}", "--features", "latest", "--features", "sums"
        )
        features = answer["features"]
        assert isinstance(features, dict)
        return features["amount"]["value"], features["amount_sum_30d"]["value"]

    def loaded(self, *arguments: str) -> dict[str, dict[str, object]]:
        """What was loaded, by view."""
        runs = self.run("materialize", *arguments)["runs"]
        assert isinstance(runs, list)
        return {run["view"]: run for run in runs}

    def mark(self, view: str = "latest") -> datetime:
        run = watermark(self.blobs, view)
        assert run is not None
        return datetime.fromisoformat(run.as_of)


@pytest.fixture(params=["folder", "s3"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "folder":
        return ".asof/registry"
    endpoint = request.getfixturevalue("s3_endpoint")
    return f"s3://features/{tmp_path.name}?endpoint={endpoint}&path_style=true"


@pytest.fixture
def shop(registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shop:
    world = Shop(tmp_path, registry, monkeypatch, capsys)
    world.orders((1, timedelta(days=1), 5.0), (1, timedelta(days=2), 3.0), (2, timedelta(days=50), 7.0))
    world.run("apply", "--yes")
    return world


def test_a_machine_ahead_of_the_registry_loads_nothing(shop: Shop) -> None:
    shop.machine = timedelta(minutes=6)
    for arguments in ((), ("--full",), ("--views", "sums"), ("--as-of", "2026-01-01")):
        answer = shop.run("materialize", *arguments, code=ExitCode.UNAVAILABLE)
        text = json.dumps(answer)
        assert "AS783" in text
        assert "6 minutes ahead" in text
        assert "timedatectl" in text
    assert watermark(shop.blobs, "latest") is None
    assert shop.served(1) == (None, None)
    shop.machine = timedelta(0)
    shop.loaded()
    assert shop.served(1) == (5.0, 8.0)


@pytest.mark.parametrize("minutes", [4, 0, -60])
def test_a_machine_a_little_ahead_or_behind_loads(shop: Shop, minutes: int) -> None:
    shop.machine = timedelta(minutes=minutes)
    shop.loaded()
    assert shop.served(1) == (5.0, 8.0)


def test_one_run_under_a_wrong_clock_is_undone_by_the_next(shop: Shop) -> None:
    """Both clocks are ahead: nothing can notice it then."""
    shop.machine = shop.place = YEARS
    shop.loaded()
    assert shop.mark() > shop.now() + YEARS / 2
    shop.machine = shop.place = timedelta(0)
    assert shop.served(1)[1] is None
    assert shop.loaded()["sums"]["newer"] == 0
    assert shop.served(1) == (5.0, 8.0)
    assert shop.served(2) == (7.0, None)
    assert abs(shop.mark() - shop.now()) < timedelta(minutes=1)
    assert abs(shop.mark("sums") - shop.now()) < timedelta(minutes=1)


def test_rows_within_the_tolerance_stay_newer(shop: Shop) -> None:
    shop.machine = shop.place = timedelta(minutes=1)
    shop.loaded()
    shop.machine = shop.place = timedelta(0)
    assert shop.loaded()["sums"]["newer"] == 2
    assert shop.mark("sums") > shop.now()


def test_full_leaves_what_the_query_gives_at_that_instant(shop: Shop) -> None:
    shop.orders((1, timedelta(days=1), 5.0), (2, timedelta(days=50), 7.0), (3, -YEARS / 2, 9.0), (4, timedelta(1), 1.0))
    shop.machine = shop.place = YEARS
    shop.loaded()
    shop.machine = shop.place = timedelta(0)
    shop.orders((1, timedelta(days=2), 3.0), (2, timedelta(days=50), 7.0))
    assert shop.loaded()["latest"]["removed"] == 0
    assert shop.served(4)[0] == 1.0, "a plain run removes nothing"
    runs = shop.loaded("--full")
    assert [(runs[view]["rows"], runs[view]["newer"], runs[view]["removed"]) for view in ("latest", "sums")] == [
        (2, 0, 2),
        (2, 0, 2),
    ]
    assert [shop.served(customer) for customer in (1, 2, 3, 4)] == [(3.0, 3.0), (7.0, None), (None, None), (None, None)]
    earlier = shop.now() - timedelta(days=10)
    assert shop.loaded("--full", "--as-of", earlier.isoformat())["latest"]["removed"] == 1
    assert shop.mark() == earlier
    assert shop.served(1) == (None, None)
    shop.output.readouterr()
    assert main(["-C", str(shop.root), "materialize", "--full"]) == ExitCode.OK
    shop.loaded()
    shop.orders()
    assert main(["-C", str(shop.root), "materialize", "--full", "--views", "latest"]) == ExitCode.OK
    assert "latest: 2 rows removed" in shop.output.readouterr().out


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shop:
    world = Shop(tmp_path, ".asof/registry", monkeypatch, capsys)
    world.orders((1, timedelta(days=900), 5.0))
    world.run("apply", "--yes")
    return world


@pytest.mark.parametrize("seed", range(3))
def test_a_watermark_is_the_latest_instant_however_it_is_written(local: Shop, seed: int) -> None:
    draw = random.Random(seed)
    latest = datetime.min.replace(tzinfo=UTC)
    start = datetime(2026, 2, 1, tzinfo=UTC)
    for _ in range(6):
        moment = start + timedelta(minutes=draw.randrange(-600, 600))
        latest = max(latest, moment)
        there = moment.astimezone(timezone(timedelta(minutes=draw.choice((-720, -210, 0, 300, 345, 840)))))
        local.loaded("--views", "latest", "--as-of", there.isoformat())
        assert local.mark() == latest
        document = json.loads((local.root / ".asof/registry/runs/watermarks/latest.json").read_text())
        assert document["as_of"].endswith("+00:00")
        assert document["finished"].endswith("+00:00")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b"null",
        b"{}",
        b"[" * 100_000,
        b'{"view":"latest","table":"t","as_of":"soon","rows":1,"finished":""}',
        b'{"view":"latest","table":"t","as_of":"2026-13-41T00:00:00","rows":1,"finished":""}',
        b'{"view":"latest","table":"t","as_of":"0001-01-01T00:00:00+14:00","rows":1,"finished":""}',
        b'{"view":"latest","table":"t","as_of":7,"rows":"many"}',
    ],
)
def test_a_damaged_watermark_has_a_code_and_is_written_again(local: Shop, body: bytes) -> None:
    local.loaded()
    path = local.root / ".asof/registry/runs/watermarks/latest.json"
    path.write_bytes(body)
    with fails("AS768"):
        watermark(local.blobs, "latest")
    local.loaded()
    assert abs(local.mark() - local.now()) < timedelta(minutes=1)


def test_watermarks_of_before_are_read(local: Shop) -> None:
    """Without ``seconds``; and with an offset, or none, as they were written."""
    path = local.root / ".asof/registry/runs/watermarks/latest.json"
    run = local.loaded()["latest"]
    assert isinstance(run["seconds"], float)
    assert run["seconds"] > 0
    document = json.loads(path.read_text())
    del document["seconds"], document["removed"]
    for as_of, later in (
        ("2026-02-01T03:00:00+05:00", "2026-01-31T23:00:00Z"),
        ("2026-02-01T03:00:00", "2026-02-01T04:00Z"),
    ):
        path.write_text(json.dumps({**document, "as_of": as_of}))
        before = watermark(local.blobs, "latest")
        assert isinstance(before, Run)
        assert before.seconds == 0.0
        local.loaded("--views", "latest", "--as-of", later)
        assert local.mark() == datetime.fromisoformat(later.replace("Z", "+00:00"))


class Still:
    """Blobs without a clock, as an author's may be."""

    def __init__(self, root: Path) -> None:
        blobs = LocalBlobs(root)
        self.get, self.put, self.list, self.delete = blobs.get, blobs.put, blobs.list, blobs.delete


def test_the_present_is_the_later_of_two_clocks(tmp_path: Path) -> None:
    moment = datetime.now(UTC)
    blobs = LocalBlobs(tmp_path)
    for apart in (timedelta(minutes=-30), timedelta(0), timedelta(minutes=4)):
        present = time_of(blobs, lambda apart=apart: moment + apart)  # type: ignore[misc]
        assert max(moment + apart, moment - timedelta(seconds=1)) <= present
        assert present <= max(moment + apart, datetime.now(UTC) + timedelta(seconds=1))
    assert blobs.get(CLOCK) is not None
    assert time_of(Still(tmp_path), lambda: moment + YEARS) == moment + YEARS
    with fails("AS783"):
        time_of(blobs, lambda: moment + YEARS)
