"""Shell completion: what a word that is being typed may become. Nothing is said and nothing fails here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SHELLS = ("bash", "zsh", "fish", "powershell")
_KIND, _NAME = "kind: ", "name: "


def script(shell: str) -> str:
    """What the shell evaluates to complete ``asof``."""
    from typer._completion_shared import get_completion_script

    return str(get_completion_script(prog_name="asof", complete_var="_ASOF_COMPLETE", shell=shell))


def begin() -> None:
    """Teach the parser to answer a shell that completes a word."""
    from typer._completion_classes import completion_init

    completion_init()


def addresses(incomplete: str) -> list[str]:
    """Addresses and names of the repo around this folder, read from the lines that say kind and name."""
    from asof.compiler.model import SLUGS

    found: list[str] = []
    try:
        for kind, name in _written(_root()):
            if kind in SLUGS:
                found += [f"{SLUGS[kind]}/{name}", name]
    except OSError:
        return []
    return sorted({one for one in found if one.startswith(incomplete)})


def targets(incomplete: str) -> list[str]:
    """The targets of asof.yaml."""
    from asof import api

    try:
        checked = api.project_at(_root())
    except Exception:  # noqa: BLE001 - a shell must not be disturbed
        return []
    known = checked.repo.project.targets if checked.repo else ()
    return [target.name for target in known if target.name.startswith(incomplete)]


def kinds(incomplete: str) -> list[str]:
    """The kinds of definitions."""
    from asof.compiler.model import SLUGS

    return [kind for kind in ("features", *SLUGS) if kind.lower().startswith(incomplete.lower())]


def codes(incomplete: str) -> list[str]:
    """Diagnostic codes."""
    from asof.ops.pages import diagnostic_codes

    return [code for code in diagnostic_codes() if code.startswith(incomplete.upper())]


def _root() -> Path:
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / "asof.yaml").is_file()), here)


def _written(root: Path) -> Iterator[tuple[str, str]]:
    """(kind, name) of each document, from its lines alone: completion has no time to parse a repo."""
    from asof.ops.repo_files import read_repo

    files, _ = read_repo(root)
    for data in files.texts.values() if files else ():
        kind = ""
        for line in data.decode("utf-8", "replace").splitlines():
            if line.startswith("---"):
                kind = ""
            elif line.startswith(_KIND):
                kind = _word(line[len(_KIND) :])
            elif line.startswith(_NAME) and kind:
                yield kind, _word(line[len(_NAME) :])


def _word(text: str) -> str:
    return text.partition("#")[0].strip().strip("\"'")
