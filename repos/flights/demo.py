"""The main job: a year of flights from definitions to a training set and an online read, in a folder of its own."""

from __future__ import annotations

import math
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import pyarrow.compute as pc
import pyarrow.parquet as pq

from asof.cli import main
from asof.sdk import Store

HERE = Path(__file__).parent
SERVICE = "arrival_delay"


def step(title: str, *arguments: str) -> None:
    """Run one command as a user would, show it and how long it took; stop where it fails."""
    sys.stdout.write(f"\n=== {title}\n$ asof {' '.join(arguments)}\n")
    sys.stdout.flush()
    start = perf_counter()
    code = main(arguments)
    if code:
        raise SystemExit(f"exit code {code}")
    sys.stdout.write(f"--- {perf_counter() - start:.1f} s\n")


def edit(path: Path, old: str, new: str) -> None:
    """Replace what stands in the file exactly once."""
    text = path.read_text(encoding="utf-8")
    if text.count(old) != 1:
        raise SystemExit(f"{path.name} should hold {old!r} once")
    path.write_text(text.replace(old, new), encoding="utf-8")


def equal(a: object, b: object) -> bool:
    """Equal, floats to nine digits: sums of floats depend on their order."""
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-9)
    return a == b


def compare(repo: Path, train: Path) -> None:
    """What is served for one flight equals its row of the training set, feature by feature."""
    table = pq.read_table(train)
    instant = datetime(2013, 7, 1, 20, 0, tzinfo=UTC)
    row = table.filter(pc.equal(table["prediction_time"], instant)).slice(0, 1).to_pylist()[0]
    with Store(repo) as store:
        served = store.online([row], service=SERVICE, now=instant).to_rows()[0]
    different = {name: (value, row[name]) for name, value in served.items() if not equal(value, row[name])}
    assert not different, f"served is not what was trained on: {different}"  # noqa: S101
    sys.stdout.write(f"{len(served)} features of flight {row['flight_id']} at {instant:%Y-%m-%d %H:%M} UTC: ")
    sys.stdout.write("served online = in the training set.\n")


def run(repo: Path) -> None:
    """All steps, in the order of a working day."""
    at = ("-C", str(repo))
    train = repo / "train.parquet"
    step("Is every definition right?", "validate", *at)
    step("Do the features mean what their tests say?", "test", *at)
    step("What would change?", "plan", *at)
    step("Change it", "apply", "--yes", *at)
    edit(repo / "views" / "airports.yaml", "ttl: 3h", "ttl: 2h")
    step("One line is edited (weather: ttl 3h -> 2h): what does that do?", "plan", *at)
    edit(repo / "views" / "airports.yaml", "ttl: 2h", "ttl: 3h")
    step("The SQL, for review", "compile", *at)
    sql = (repo / "build" / "local" / "training" / "arrivals_2013.sql").read_text(encoding="utf-8")
    lines = sql.splitlines()
    sys.stdout.write("\n".join([*lines[:60], f"... {len(lines) - 60} more lines", ""]))
    step("A training set of every departure of 2013", "history", "--dataset", "arrivals_2013", "--out", str(train), *at)
    step("Load the online store", "materialize", "--as-of", "2013-07-01T20:00:00Z", *at)
    compare(repo, train)


if __name__ == "__main__":
    began = perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "flights"
        shutil.copytree(HERE, place, ignore=shutil.ignore_patterns(".asof", "build", "*.parquet.tmp"))
        run(place)
    sys.stdout.write(f"\nAll of it: {perf_counter() - began:.0f} s\n")
