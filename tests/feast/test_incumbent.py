"""The incumbent itself: what it writes today is read, and its history equals ours where both mean the same."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from asof import api, api_import
from asof.cli import main
from asof.compiler.diagnostics import Level
from tests.feast.incumbent import TEMPLATES, run, templates

HERE = Path(__file__).parent

pytestmark = [pytest.mark.feast, pytest.mark.xdist_group("feast")]


def test_history_of_the_template_equals_feasts(tmp_path: Path) -> None:
    folder, out = tmp_path / "shop", tmp_path / "out"
    run("init", str(folder), "local")
    repo = folder / "feature_repo"
    made = api_import.from_feast(str(folder), out)
    assert [d.message for d in made.diagnostics if d.level is Level.ERROR] == []

    # One row a driver at its own instant: Feast's default join drops rows whose values have expired, and merges
    # rows of one key and instant; asof keeps them all.
    rows = pq.read_table(repo / "data" / "driver_stats.parquet", columns=["driver_id", "event_timestamp"])
    latest = rows.group_by("driver_id").aggregate([("event_timestamp", "max")]).sort_by("driver_id")
    times = pc.subtract(latest["event_timestamp_max"], pa.scalar(3 * 3600 * 10**9, pa.duration("ns")))
    numbers = pa.array(range(len(latest)), pa.int64())
    spine = pa.table(
        {"driver_id": latest["driver_id"], "event_timestamp": times, "val_to_add": numbers, "val_to_add_2": numbers}
    )
    pq.write_table(spine, tmp_path / "spine.parquet")
    assert main(["-C", str(out), "apply", "--yes"]) == 0
    services = ("driver_activity_v1", "driver_activity_v2", "driver_activity_v3")
    (tmp_path / "theirs").mkdir()
    run("history", str(repo), str(tmp_path / "spine.parquet"), str(tmp_path / "theirs"), *services)
    for service in services:
        theirs, ours = tmp_path / "theirs" / f"{service}.parquet", tmp_path / f"{service}.parquet"
        asked = ["history", "--service", service, "--spine", str(tmp_path / "spine.parquet"), "--out", str(ours)]
        assert main(["-C", str(out), *asked]) == 0
        wanted, found = pq.read_table(theirs).sort_by("driver_id"), pq.read_table(ours).sort_by("driver_id")
        # Feast also gives every feature that an on-demand view of the service reads, asked for or not.
        more = {"acc_rate", "avg_daily_trips", "driver_metadata", "driver_config", "driver_profile"}
        extra = more if service == "driver_activity_v1" else set()
        assert set(found.column_names) | extra == set(wanted.column_names)
        assert not set(found.column_names) & extra
        assert found.num_rows == wanted.num_rows == 5
        for name in set(found.column_names) - {"event_timestamp"}:
            assert found[name].to_pylist() == wanted[name].to_pylist(), name
            assert None not in found[name].to_pylist()


@pytest.mark.parametrize("name", ["groceries", "warehouses"])
def test_the_kept_registries_are_what_feast_writes_today(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    shutil.copytree(HERE / "repos" / name, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "data").mkdir()
    run("apply", str(folder))
    today = api_import.from_feast(str(folder / "data" / "registry.db"), tmp_path / "out")
    kept = api_import.from_feast(str(HERE / "registries" / f"{name}.db"), tmp_path / "kept", dry_run=True)
    assert today.files == kept.files
    assert api.review(tmp_path / "out").plan is not None


def test_its_sql_registry_says_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "groceries"
    shutil.copytree(HERE / "repos" / "groceries", folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "data").mkdir()
    run("apply", str(folder), f"sqlite:///{folder}/data/registry.sqlite")
    found = api_import.from_feast(f"sqlite:///{folder}/data/registry.sqlite", tmp_path, dry_run=True)
    kept = api_import.from_feast(str(HERE / "registries" / "groceries.db"), tmp_path, dry_run=True)
    assert found.files == kept.files


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_template_is_read_without_running_it(name: str, tmp_path: Path) -> None:
    made = api_import.from_feast(str(templates() / name), tmp_path / "out")
    assert [d.message for d in made.diagnostics if d.level is Level.ERROR] == []
    assert made.carried["Entity"] >= 1
    assert made.carried["DataSource"] >= 1
    assert api.review(tmp_path / "out").plan is not None
