"""Arguments are checked before a command works: no engine is opened for a command line that cannot be carried out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from asof.cli.reference import commands

ROOT = Path(__file__).parents[2]

NEEDS = {
    "asof render": ("plan.json",),
    "asof report": ("plan.json",),
    "asof rollback": ("1",),
    "asof promote": ("local", "local"),
    "asof history": ("--service", "churn", "--spine", "data/spine.csv"),
    "asof import feast": ("data",),
}
"""What a command takes beside the option, so that the option alone is wrong."""

WRITES = [
    (name, option)
    for name, command in commands()
    for option in ("--out", "--evidence", "--render")
    if any(option in getattr(one, "opts", ()) for one in command.params)
    and (option, name) not in {("--evidence", "asof render"), ("--evidence", "asof report")}  # these read it
]


def asof(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "cli.py"), "--no-color", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An applied repo of which neither store can be opened: whoever opens one ends with 10."""
    folder = tmp_path_factory.mktemp("arguments") / "shop"
    assert asof(folder.parent, "init", str(folder)).returncode == 0
    assert asof(folder, "apply", "--yes").returncode == 0
    assert asof(folder, "plan", "--out", "plan.json").returncode == 0
    (folder / "file").write_text("")
    for name in ("offline.duckdb", "online.db"):
        (folder / ".asof" / name).unlink(missing_ok=True)
        (folder / ".asof" / name).mkdir()
    return folder


def test_the_stores_cannot_be_opened(shop: Path) -> None:
    spine = ("--spine", "data/spine.csv", "--out", "t.parquet")
    for arguments in (
        ("history", "--service", "churn", *spine),
        ("materialize",),
        ("online", "get", "--service", "churn", "-e", "customer_id=1"),
    ):
        made = asof(shop, *arguments)
        assert made.returncode == 10, (arguments, made.stderr)


@pytest.mark.parametrize(("name", "option"), WRITES, ids=lambda text: str(text).removeprefix("asof "))
def test_a_file_that_cannot_be_written_is_refused_first(name: str, option: str, shop: Path) -> None:
    value = "file/x.parquet" if name == "asof history" else "file/x"
    value = f"json={value}" if option == "--render" else value
    command = name.split()[1:]
    made = asof(shop, *command, *NEEDS.get(name, ()), option, value)
    assert made.returncode == 64, made.stderr
    assert "x" in made.stderr
    assert "file" in made.stderr
    assert made.stdout == "", "nothing was done"


SPINE = ("history", "--service", "churn", "--spine", "data/spine.csv")
ONLINE = ("online", "get", "--service", "churn")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((*SPINE, "--out", "t.xlsx"), "the ending says the format"),
        ((*SPINE, "--out", "data"), "data is a folder, not a file"),
        ((*SPINE, "--out", "t.csv", "--timestamp", "when"), "has no column 'when'"),
        (("history", "--service", "churn", "--spine", "file.csv", "--out", "t.csv"), "has no column 'customer_id'"),
        (("history", "--service", "chrn", "--spine", "data/spine.csv", "--out", "t.csv"), "there is no service 'chrn'"),
        (("history", "--features", "nope", "--spine", "data/spine.csv", "--out", "t.csv"), "nope"),
        (("history", "--features", "customer_orders:x", "--as-of", "2026-01-01", "--out", "t.csv"), "x"),
        (("history", "--dataset", "nope", "--out", "t.csv"), "there is no saved dataset 'nope'"),
        (("history", "--service", "churn", "--as-of", "yesterday", "--out", "t.csv"), "'yesterday' is not an instant"),
        (("history", "--service", "churn", "--from", "2026-01-01", "--out", "t.csv"), "a grid has"),
        (("materialize", "--as-of", "soon"), "'soon' is not an instant"),
        (("materialize", "--as-of", "2999-01-01"), "as_of lies in the future"),
        (("materialize", "--views", "nope"), "nope"),
        (("materialize", "--target", "moon"), "moon"),
        ((*ONLINE,), "name entities"),
        ((*ONLINE, "-e", "customer_id=1", "--entities", "e.csv"), "one of the two"),
        ((*ONLINE, "-e", "customer=1"), "an entity has no 'customer_id'"),
        ((*ONLINE, "-e", "customer_id=1", "-e", "country=x"), "none of the features needs 'country'"),
        ((*ONLINE, "-e", "customer_id=x"), "'customer_id'"),
        ((*ONLINE, "-e", "customer_id"), "is not KEY=VALUE"),
        ((*ONLINE, "-e", "customer_id=1", "--as-of", "now-ish"), "'now-ish' is not an instant"),
        (("online", "get", "--service", "chrn", "-e", "customer_id=1"), "there is no service 'chrn'"),
        ((*ONLINE, "--entities", "nope.csv"), "there is no file nope.csv"),
        (("plan", "--format", "xml"), "xml"),
        (("plan", "--preview", "data/spine.csv", "--against", "1"), "leave out --against"),
        (("plan", "--render", "json"), "--render takes FORMAT=FILE"),
        (("test", "nope"), "there is no FeatureTest nope"),
        (("drift", "--target", "moon"), "moon"),
    ],
)
def test_slips_are_refused_before_a_store_is_opened(arguments: tuple[str, ...], words: str, shop: Path) -> None:
    (shop / "file.csv").write_text("customer,event_timestamp\n1,2026-01-01\n")
    made = asof(shop, *arguments)
    assert made.returncode in (64, 9), made.stderr
    assert words in made.stderr
    assert "Traceback" not in made.stderr
