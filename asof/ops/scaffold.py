"""``asof init``: a small repo that works at once, and the schemas its editor completes from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from shlex import quote
from typing import TYPE_CHECKING

from asof import schema, templates
from asof.compiler.diagnostics import DiagnosticError, rule
from asof.compiler.source import NOWHERE
from asof.ops.checkout import folder_in_checkout, main_branch
from asof.version import DISTRIBUTION, __version__

if TYPE_CHECKING:
    from collections.abc import Collection

NOT_EMPTY = rule("AS190", "the folder holds files that a new repo would overwrite")

ODD_FOLDER = rule("AS194", "the folder's name cannot stand in a CI job")

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


CI_FILES = {
    "github": {".github/workflows/asof.yml": "github.yml.j2"},
    "gitlab": {".gitlab/asof.yml": "gitlab.yml.j2"},
    "azure": {".azure/asof.yml": "azure.yml.j2"},
    "jenkins": {"Jenkinsfile": "Jenkinsfile.j2"},
}
"""The files of each CI system, and what they are made from."""

GITLAB_CI = ".gitlab-ci.yml"

REQUIREMENTS = "asof-requirements"
"""What jobs install: ``.in``, written by us and edited by the user, becomes ``.txt`` with the hash of every package."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Jobs:
    """What was written for a CI system, relative to ``top``, the checkout; ``include`` is to be edited by hand.

    ``pin`` is the command that makes the requirements of the jobs, with hashes.
    """

    top: Path
    files: tuple[str, ...]
    include: str = ""
    pin: str


def scaffold_ci(
    root: Path, system: str, *, target: str = "", needs: Collection[str] = (), index: str = "", force: bool = False
) -> Jobs:
    """Write the jobs of ``system`` for the repo in ``root``, at the top of the git checkout around it.

    ``needs`` are the extras of asof that its stores ask for; ``index`` is a package index instead of the public
    one. Where another file would be overwritten nothing is written: DiagnosticError (AS190), unless ``force``.
    """
    folder = folder_in_checkout(root)
    if not re.fullmatch(r"[\w./ -]*", folder):
        raise DiagnosticError(
            ODD_FOLDER.at(NOWHERE, f"{folder!r} holds a character that shells and YAML read otherwise")
        )
    top = root.resolve()
    for _ in PurePosixPath(folder).parts:
        top = top.parent
    extras = f"[{','.join(sorted(needs))}]" if needs else ""
    asked, pinned = (str(PurePosixPath(folder) / f"{REQUIREMENTS}{end}") for end in (".in", ".txt"))
    pin = f"uv pip compile --universal --generate-hashes --emit-index-url -o {quote(pinned)} {quote(asked)}"
    values = {
        "folder": folder or ".",
        "target": target,
        "branch": main_branch(top),
        "requirements": pinned,
        "pin": pin,
        "requirement": f"{DISTRIBUTION}{extras}=={__version__}",
        "index": index,
    }
    made = {path: templates.ci(template, values) for path, template in CI_FILES[system].items()}
    if index or not (top / asked).exists():  # its editor said already what to install
        made[asked] = templates.ci("requirements.in.j2", values)
    taken = sorted(path for path, text in made.items() if (top / path).exists() and _read(top / path) != text)
    if taken and not force:
        message = f"{top} has {', '.join(taken)} already; nothing was written"
        raise DiagnosticError(NOT_EMPTY.at(NOWHERE, message, notes=("--force overwrites it",)))
    include = ""
    if system == "gitlab" and not (top / GITLAB_CI).exists():
        made[GITLAB_CI] = templates.ci("gitlab-ci.yml.j2", values)
    elif system == "gitlab" and ".gitlab/asof.yml" not in _read(top / GITLAB_CI):
        include = GITLAB_CI
    return Jobs(top=top, files=_write(top, made), include=include, pin=pin)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


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
