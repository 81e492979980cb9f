"""``asof init``: a small repo that works at once, and the schemas its editor completes from."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from asof import schema, templates
from asof.compiler.diagnostics import DiagnosticError, rule
from asof.compiler.source import NOWHERE

if TYPE_CHECKING:
    from pathlib import Path

NOT_EMPTY = rule("AS190", "the folder holds files that a new repo would overwrite")

_SCHEMAS = ("project", "definition")


def scaffold(root: Path) -> tuple[str, ...]:
    """Write a new repo into ``root`` and return the paths written, relative to it.

    In a repo only the schemas are written again, as after an upgrade. Where another file would be
    overwritten nothing is written: DiagnosticError (AS190).
    """
    schemas = {f".asof/schema/{kind}.schema.json": schema.text(kind) for kind in _SCHEMAS}
    if (root / "asof.yaml").exists():
        return _write(root, schemas)
    files = templates.scaffold(project_name(root.resolve().name))
    taken = sorted(path for path in files if (root / path).exists())
    if taken:
        raise DiagnosticError(NOT_EMPTY.at(NOWHERE, f"{root} has {', '.join(taken)} already; nothing was written"))
    return _write(root, files | schemas)


def project_name(folder: str) -> str:
    """A valid project name close to ``folder``: ``My Features-2`` becomes ``my_features_2``."""
    words = re.findall(r"[A-Za-z0-9]+", folder.lower())
    name = "_".join(words)[:63].strip("_")
    return name if name[:1].isalpha() else f"features_{name}".strip("_")[:63]


def _write(root: Path, files: dict[str, str]) -> tuple[str, ...]:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return tuple(files)
