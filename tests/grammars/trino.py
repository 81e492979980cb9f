"""Trino's grammar as ANTLR reads it: npm's dt-sql-parser."""

from __future__ import annotations

import atexit
import json
import subprocess
from functools import cache
from pathlib import Path

from tests.engines.npm import installed, node

HERE = Path(__file__).parent / "trino"
FILES = ("package.json", "package-lock.json", "grammar.mjs")
BUNDLE = (
    'require("esbuild").buildSync({entryPoints: ["grammar.mjs"], bundle: true, platform: "node", format: "cjs",'
    ' outfile: "grammar.cjs"})'
)


def complaints(sql: str) -> list[str]:
    """What Trino's grammar refuses; it wants the semicolon at the end."""
    process = _process()
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(sql.rstrip().rstrip(";") + ";") + "\n")
    process.stdin.flush()
    line = process.stdout.readline()
    assert line, f"the grammar of Trino ended with {process.poll()}"
    said: list[str] = json.loads(line)
    return said


@cache
def _process() -> subprocess.Popen[str]:
    place = installed("trino-grammar", HERE, FILES, ("-e", BUNDLE))
    started = subprocess.Popen(
        [node(), place / "grammar.cjs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )
    atexit.register(_stop, started)
    return started


def _stop(process: subprocess.Popen[str]) -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
    process.wait(10)
