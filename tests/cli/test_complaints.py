"""What a slip at the command line is answered with: plain words, the way on, and the exit code of its kind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from asof.cli import ExitCode, main
from asof.compiler.layout import formatted
from asof.ops import repo_files

MAIN = "import sys; from asof.cli import main; sys.exit(main())"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    assert main(["init", str(tmp_path / "shop")]) == ExitCode.OK
    monkeypatch.chdir(tmp_path / "shop")
    capsys.readouterr()
    return tmp_path / "shop"


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = main(arguments)
    return code, capsys.readouterr().err


@pytest.mark.parametrize("command", [("apply",), ("render",), ("report",), ("ci", "comment"), ("registry", "import")])
def test_a_file_that_is_not_there(command: tuple[str, ...], shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, *command, "nope.json") == (ExitCode.USAGE, "error: there is no file nope.json\n")
    assert run(capsys, *command, "no/p.json") == (ExitCode.USAGE, "error: there is no folder no, for p.json\n")
    assert run(capsys, *command, "data") == (ExitCode.USAGE, "error: data is a folder, not a file\n")


def test_a_file_that_nobody_named_is_no_usage_error(
    shop: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied", "/elsewhere/file")

    (shop / "plan.json").write_text("{}")
    monkeypatch.setattr(Path, "read_bytes", fail)
    code, text = run(capsys, "render", "plan.json")
    assert (code, text) == (ExitCode.UNAVAILABLE, "error: /elsewhere/file: no permission to read or write it\n")


@pytest.mark.parametrize("group", [(), ("registry",), ("ci",)])
def test_a_group_alone_is_its_help(group: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    code, text = run(capsys, *group)
    assert code == ExitCode.USAGE
    assert text.startswith("Usage: " + " ".join(("asof", *group)))
    assert "says what there is" not in text


def test_h_is_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "-h"]) == ExitCode.OK
    short = capsys.readouterr().out
    assert main(["plan", "--help"]) == ExitCode.OK
    assert short == capsys.readouterr().out
    assert short.startswith("Usage: asof plan")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("rollback", "x"), "error: Invalid value for 'SERIAL': 'x' is no whole number"),
        (("graph", "--up", "-1"), "error: Invalid value for '--up': -1 is less than 0"),
        (("--no-color", "registry", "gc", "--keep", "0"), "error: Invalid value for '--keep': 0 is less than 1"),
        (("impact", "feature_view/x"), "error: there is no object 'feature_view/x'; did you mean"),
    ],
)
def test_a_usage_error_names_the_help_of_its_command(
    arguments: tuple[str, ...], line: str, shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = run(capsys, *arguments)
    name = " ".join(a for a in arguments if a in ("rollback", "graph", "registry", "gc", "impact"))
    assert code == ExitCode.USAGE
    assert text.startswith(line)
    assert text.endswith(f"\nasof {name} --help says what there is.\n")


def test_a_folder_that_is_not_there_is_no_repo_around_it(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = run(capsys, "-C", "nope", "plan")
    assert (code, text.splitlines()[0]) == (ExitCode.USAGE, f"error: there is no folder {shop / 'nope'}")
    code, text = run(capsys, "-C", str(shop.parent), "plan")
    assert (code, text.splitlines()[0]) == (ExitCode.INVALID, f"error[AS118]: there is no asof.yaml in {shop.parent}")
    assert "-->" not in text
    assert text.count("1 error") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--service", "churn", "--spine", "nope.csv"), "error[AS761]: there is no file "),
        (("--service", "chrn", "--spine", "data/spine.csv"), "error[AS760]: "),
    ],
)
def test_slips_in_a_request_for_features_are_usage_errors(
    arguments: tuple[str, ...], words: str, shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["apply", "--yes"]) == ExitCode.OK
    capsys.readouterr()
    code, text = run(capsys, "history", "--out", "train.parquet", *arguments)
    assert code == ExitCode.USAGE
    assert text.startswith(words)
    assert "Errno" not in text


def test_an_empty_repo_is_counted_without_an_empty_list(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shop / "features.yaml").write_text("")
    assert main(["validate"]) == ExitCode.OK
    assert capsys.readouterr().out == "Valid: 0 definitions.\n"


def test_fmt_writes_definition_files_only(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (shop / "data" / "orders.csv").read_bytes()
    code, text = run(capsys, "fmt", "data/orders.csv")
    assert (code, text.splitlines()[0]) == (
        ExitCode.USAGE,
        "error: data/orders.csv is no definition file: these end in .yaml or .yml",
    )
    assert (shop / "data" / "orders.csv").read_bytes() == before


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "-   a\n-   b\n", "kind:   Entity\n---\n-  a\n"])
def test_a_document_that_is_no_map_is_left_alone(text: str) -> None:
    made = formatted("x.yaml", text.encode())
    assert not made.changed
    assert [d.code for d in made.diagnostics] == ["AS220"]


def test_fmt_in_a_folder_that_is_read_only(
    shop: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, text: str) -> None:
        raise PermissionError(13, "Permission denied", str(path.with_name(f".{path.name}.asof-new")))

    monkeypatch.setattr(repo_files, "replace_text", refuse)
    (shop / "features.yaml").write_text("name:   x\nkind: Entity\n")
    code, text = run(capsys, "fmt")
    assert code == ExitCode.USAGE
    assert text.startswith(f"error: {shop / 'features.yaml'}: no permission to read or write it\n")


def ended(code: str, folder: Path, *arguments: str) -> tuple[int, str]:
    made = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    return made.returncode, made.stderr


def test_an_interrupt_while_imports_run_is_quiet(tmp_path: Path) -> None:
    interrupted = (
        "import sys\n"
        "class Interrupt:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'typer': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupt())\n"
    )
    assert ended(interrupted + MAIN, tmp_path, "plan") == (ExitCode.INTERRUPTED, "Interrupted.\n")


def test_an_interrupt_while_duckdb_works_is_an_interrupt(shop: Path) -> None:
    # The signal comes while the query is on its way: it counts ten thousand billion rows.
    assert main(["apply", "--yes"]) == ExitCode.OK
    patch = (
        "import os, signal, threading\n"
        "from asof.engines.duckdb import DuckDBEngine\n"
        "inner = DuckDBEngine.execute\n"
        "def execute(self, statements):\n"
        "    inner(self, statements)\n"
        "    threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()\n"
        "    inner(self, ['SELECT sum(a.range * b.range % 7) FROM range(10000000) a, range(1000000) b'])\n"
        "DuckDBEngine.execute = execute\n"
    )
    code, text = ended(patch + MAIN, shop, "materialize", "--as-of", "2026-03-01T00:00:00Z")
    assert (code, text.splitlines()[-1]) == (ExitCode.INTERRUPTED, "Nothing more was done.")
    assert "bug in asof" not in text


def test_a_name_that_is_taken_by_another_kind_is_said_in_english(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    definitions = shop / "features.yaml"
    text = definitions.read_text().replace("source: orders", "source: customer")
    definitions.write_text(text + "---\nkind: Entity\nname: customer\njoin_keys: [{name: customer_id, type: int64}]\n")
    code, shown = run(capsys, "validate")
    assert code == ExitCode.INVALID
    assert "there is an entity `customer` already" in shown
    assert shown.count(" errors") == 1


def test_one_column_is_one(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["impact", "feature_view/customer_orders.channel"]) == ExitCode.OK
    assert "\n1 column of " in capsys.readouterr().out
