"""The work of a day on every kind of registry: plan, apply, materialize, read, roll back; and many at once."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from asof import api
from asof.cli import ExitCode, main
from asof.registry import open_objects
from asof.testing.fault_proxy import CUT_AFTER, CUT_BEFORE, Fault, fault_proxy

if TYPE_CHECKING:
    from pathlib import Path

LOCATIONS = {
    "s3": ("s3_endpoint", "s3://features/{name}?path_style=true&endpoint={endpoint}"),
    "gs": ("gcs_endpoint", "gs://features/{name}?endpoint={endpoint}"),
    "az": ("azure_endpoint", "az://features/{name}?endpoint={endpoint}"),
    "abfss": ("azure_endpoint", "abfss://features@devstoreaccount1.dfs.core.windows.net/{name}?endpoint={endpoint}"),
}
RACER = """
import sys, threading
from pathlib import Path
from asof.registry import open_objects
from asof.registry.base import Conflict
location, key, threads = sys.argv[1:]
blobs = open_objects(location)
print("ready", flush=True)
sys.stdin.readline()
won = []
def race(number):
    try:
        blobs.put(key, f"{location}-{number}".encode(), replaces=None)
        won.append(number)
    except Conflict:
        pass
racers = [threading.Thread(target=race, args=(n,)) for n in range(int(threads))]
for racer in racers: racer.start()
for racer in racers: racer.join()
print(len(won), flush=True)
"""


@pytest.fixture(params=["s3", "gs", "az", "abfss"])
def store(request: pytest.FixtureRequest) -> tuple[str, str]:
    """The endpoint of a store, and a registry's location there with {name} and {endpoint} left open."""
    fixture, template = LOCATIONS[request.param]
    return request.getfixturevalue(fixture), template


@pytest.fixture
def location(store: tuple[str, str], tmp_path: Path) -> str:
    return store[1].format(name=tmp_path.name.replace("_", "-"), endpoint=store[0])


def repo_at(root: Path, location: str) -> Path:
    root.mkdir(exist_ok=True)
    api.init(root)
    settings = root / "asof.yaml"
    settings.write_text(settings.read_text().replace("registry: .asof/registry", f"registry: '{location}'"))
    return root


def edit(root: Path, old: str, new: str) -> None:
    file = root / "features.yaml"
    file.write_text(file.read_text().replace(old, new))


def run(root: Path, *arguments: str, expected: ExitCode = ExitCode.OK) -> None:
    assert main(["-C", str(root), *arguments]) == expected


def test_a_day_with_a_registry_in_a_bucket(location: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = repo_at(tmp_path / "repo", location)
    run(root, "plan", "--detailed-exitcode", expected=ExitCode.CHANGES)
    run(root, "apply", "--yes")
    run(root, "plan", "--detailed-exitcode")
    edit(root, "windows: [7d, 30d]", "windows: [7d, 60d]")
    run(root, "apply", "--yes", "--allow-destroy", "feature_view/*")
    run(root, "materialize")
    run(root, "materialize")
    run(root, "rollback", "1", "--yes", expected=ExitCode.BLOCKED)
    run(root, "rollback", "1", "--yes", "--allow-destroy", "feature_view/*")
    capsys.readouterr()
    run(root, "--json", "registry", "history")
    said = json.loads(capsys.readouterr().out)
    assert [generation["serial"] for generation in said["generations"]] == [1, 2, 3]
    run(root, "registry", "check")
    keys = set(open_objects(location).list(""))
    assert {key.partition("/")[0] for key in keys} == {"HEAD.json", "audit", "generations", "journal", "runs"}


def test_an_apply_on_a_bad_network(store: tuple[str, str], tmp_path: Path) -> None:
    """Every fifth request goes wrong, in turn in every way; the apply does not notice."""
    endpoint, template = store
    faults = [CUT_BEFORE, CUT_AFTER, *(Fault(when="before", status=status) for status in (409, 412, 429, 503))]
    faults += [Fault(when="after", status=500), Fault(when="after", cut_body=3), Fault(delay=0.2)]
    with fault_proxy(endpoint) as proxy:
        name = tmp_path.name.replace("_", "-")
        root = repo_at(tmp_path / "repo", template.format(name=name, endpoint=proxy.endpoint))

        def pick(_method: str, _path: str) -> Fault | None:
            number = len(proxy.seen)
            return faults[number // 5 % len(faults)] if number % 5 == 4 else None

        proxy.pick = pick
        run(root, "apply", "--yes")
        edit(root, "windows: [7d, 30d]", "windows: [7d, 60d]")
        run(root, "apply", "--yes", "--allow-destroy", "feature_view/*")
        run(root, "plan", "--detailed-exitcode")
        assert sum(seen.fault is not None for seen in proxy.seen) > 5


def test_a_store_without_conditions_gets_no_registry(
    unsafe_endpoint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    location = f"s3://features/unsafe?path_style=true&endpoint={unsafe_endpoint}"
    root = repo_at(tmp_path / "repo", location)
    run(root, "apply", "--yes", expected=ExitCode.UNAVAILABLE)
    assert "error[AS784]" in capsys.readouterr().err
    assert list(open_objects(location).list("")) == []
    assert not (root / ".asof" / "online.db").exists()


def test_of_sixteen_in_four_processes_one_wins(location: str) -> None:
    key = "race/winner"
    racers = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", RACER, location, key, "4"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    answers = [racer.communicate("go\n", timeout=60)[0] for racer in racers]
    assert sum(int(answer) for answer in answers) == 1
    found = open_objects(location).get(key)
    assert found is not None
