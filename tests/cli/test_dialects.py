"""``asof dialects`` shows what the dialects say of themselves, all of it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from asof.cli import ExitCode, main
from asof.compiler.dialects import DIALECTS
from asof.compiler.dialects.capabilities import CAPABILITIES, FILES
from asof.views.dialects import overview
from tests.golden import ROOT, check_golden

PAGE = ROOT.parent / "docs" / "dialects" / "index.md"
HEAD = """# Dialects

What `asof dialects` prints; `asof dialects NAME` shows one in full. How the SQL works is told in [sql.md](../sql.md),
how it is proven in [proof.md](../proof.md).

"""


def linked() -> str:
    pages = [name for name in DIALECTS if (PAGE.parent / f"{name}.md").exists()]
    return "".join(f"- [{name}]({name}.md)\n" for name in sorted(pages))


def as_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    assert main(["dialects", *arguments, "--json"]) == ExitCode.OK
    answer: dict[str, object] = json.loads(capsys.readouterr().out)
    return answer


@pytest.mark.golden
def test_the_page_of_dialects_is_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dialects"]) == ExitCode.OK
    text = f"{HEAD}```text\n{capsys.readouterr().out}```\n\n{linked()}"
    check_golden(PAGE, text)


def test_the_table_has_a_row_for_each_capability_and_a_column_for_each_dialect() -> None:
    header, *rows = overview(DIALECTS).split("\n\n")[0].splitlines()
    assert header.split() == ["capability", *DIALECTS]
    assert [row for name, row in zip(CAPABILITIES, rows[2:], strict=True) if not row.startswith(f"{name} ")] == []


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_every_dialect_shows_each_way_out_and_each_error(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    dialect = DIALECTS[name]
    assert main(["dialects", name]) == ExitCode.OK
    said = capsys.readouterr().out
    assert all(way in said for way in dialect.unsupported.values())
    assert all(sql in said for sql in dialect.type_names.values())
    (shown,) = as_json(capsys, name)["dialects"]
    met = shown["capabilities"]
    assert {key: one["instead"] for key, one in met.items() if not one["supported"]} == dict(dialect.unsupported)
    assert {key: one["error"] for key, one in met.items() if "error" in one} == dict(dialect.approximations)
    assert list(met) == list(CAPABILITIES)


def test_all_of_them_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert [one["name"] for one in as_json(capsys)["dialects"]] == list(DIALECTS)


def test_a_dialect_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dialects", "postgrse"]) == ExitCode.USAGE
    assert "did you mean 'postgres'" in capsys.readouterr().err


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_what_a_dialect_says_of_files_is_so(name: str) -> None:
    assert (FILES in DIALECTS[name].unsupported) != DIALECTS[name].reads_files


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_what_a_dialect_says_is_of_known_capabilities(name: str) -> None:
    dialect = DIALECTS[name]
    assert {*dialect.unsupported, *dialect.approximations} <= set(CAPABILITIES)
    assert not dialect.unsupported.keys() & dialect.approximations.keys()
    assert dialect.latest in dialect.strategies


def test_it_starts_without_a_driver() -> None:
    code = (
        "import sys; from asof.cli import main; main(['dialects']);"
        "sys.exit(bool({'duckdb', 'pyarrow', 'psycopg', 'boto3', 'google.cloud', 'azure'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
