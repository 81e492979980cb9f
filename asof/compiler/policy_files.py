"""Policies that a repo writes itself: ``policies/*.sql``, each one query that returns what breaks it.

-- name: gold_needs_a_test
-- severity: error
-- remedy: write a FeatureTest for it
SELECT ...
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from asof.compiler.diagnostics import Diagnostic, nearest, rule
from asof.compiler.source import Span

POLICY_FILE = rule("AS664", "the head of a policy file is not understood")

FOLDER = "policies"
_HEAD = re.compile(r"--\s*([A-Za-z_]+)\s*:\s*(.*?)\s*$")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_KEYS = ("name", "severity", "remedy", "description")

Severity = Literal["error", "warn", "off"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlPolicy:
    """One file: what the policy is called, how bad a breach is, what mends it, and the query."""

    path: str
    name: str
    severity: str = "error"
    remedy: str = ""
    description: str = ""
    sql: str


def read_policy(path: str, text: str) -> tuple[SqlPolicy | None, tuple[Diagnostic, ...]]:
    """The policy in a file, which gives it its name unless it says one; None and AS664 where its head is wrong."""
    stem = path.rpartition("/")[2].removesuffix(".sql")
    head: dict[str, str] = {"name": stem}
    wrong: list[Diagnostic] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("--"):
            break
        found = _HEAD.fullmatch(line.strip())
        if found is None:
            continue
        key, value = found.groups()
        hint = nearest(key.lower(), _KEYS)
        if key not in _KEYS and not hint:
            continue  # a comment that happens to have a colon
        head[key] = value
        if why := _wrong(key, value) if key in _KEYS else f"the head of a policy has no `{key}`; {hint}":
            span = Span(path=path, line=number, column=1, end_line=number, end_column=len(line) + 1)
            wrong.append(POLICY_FILE.at(span, why))
    if not wrong and (why := _wrong("name", head["name"])):
        wrong.append(POLICY_FILE.at(Span(path=path, line=1, column=1, end_line=1, end_column=1), why))
    return (None if wrong else SqlPolicy(path=path, sql=text, **head)), tuple(wrong)


def _wrong(key: str, value: str) -> str:
    if key == "name" and not _NAME.fullmatch(value):
        return f"`{value}` is no name for a policy: lower case letters, digits and _"
    if key == "severity" and value not in ("error", "warn", "off"):
        return f"`{value}` is no severity: error, warn or off"
    return ""
