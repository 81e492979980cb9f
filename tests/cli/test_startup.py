"""What the command line has to load before it can answer: a shell waits for it every time."""

from __future__ import annotations

import subprocess
import sys

import pytest

_HEAVY = {
    "sqlglot",
    "yaml",
    "pydantic",
    "duckdb",
    "pyarrow",
    "asof.compiler.plan",
    "asof.compiler.query",
    "asof.ops.apply",
}


@pytest.mark.parametrize("argument", ["--version", "--help"])
def test_it_says_what_it_is_without_the_compiler(argument: str) -> None:
    code = (
        "import sys; from asof.cli import main; code = main([sys.argv[1]]);"
        f"sys.stderr.write(' '.join(sorted({_HEAVY!r} & sys.modules.keys()))); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code, argument], capture_output=True, timeout=60, text=True)
    assert (done.returncode, done.stderr) == (0, "")
