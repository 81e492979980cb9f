"""SARIF's published schemas and Microsoft's validator, from npm."""

from __future__ import annotations

import json
import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft4Validator, Draft202012Validator

from tests.engines.npm import installed

HERE = Path(__file__).parent / "sarif"
RUNNABLE = 'require("fs").chmodSync("node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool", 0o755)'


@cache
def _place() -> Path:
    return installed("sarif-checks", HERE, build=("-e", RUNNABLE)) / "node_modules" / "@microsoft"


@cache
def _validators() -> tuple[Any, ...]:
    final = json.loads((_place() / "jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json").read_text(encoding="utf-8"))
    errata = json.loads((_place() / "sarif-multitool-linux/sarif-2.1.0.json").read_text(encoding="utf-8"))
    return Draft4Validator(final), Draft202012Validator(errata)


def schema_errors(document: object) -> list[str]:
    """What the schemas of 2.1.0, as first published and with errata, say against it."""
    return [error.message for validator in _validators() for error in validator.iter_errors(document)]


def complaints(text: str, folder: Path) -> list[str]:
    """What the validator says: errors and warnings of SARIF and of GitHub's code scanning."""
    (folder / "given.sarif").write_text(text, encoding="utf-8")
    tool = _place() / "sarif-multitool-linux" / "Sarif.Multitool"
    rules = ["--rule-kind", "Sarif;Ghas", "--level", "Error;Warning", "--kind", "Fail", "--log", "ForceOverwrite"]
    environment = {**os.environ, "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1", "HOME": str(folder)}
    done = subprocess.run(
        [str(tool), "validate", "given.sarif", "--output", "found.sarif", *rules],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    found = json.loads((folder / "found.sarif").read_text(encoding="utf-8-sig"))
    said = [f"{result['ruleId']}: {result['message']}" for run in found["runs"] for result in run.get("results", ())]
    assert "files scanned" in done.stdout, done.stdout + done.stderr
    return said
