"""The command line's reference, made from the commands themselves: ``python -m asof.cli.reference docs/cli.md``."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from asof.cli.app import app
from asof.cli.session import MEANING, ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typer.core import TyperCommand, TyperGroup

HEAD = """# The command line

Made from the commands; `asof COMMAND --help` says the same. `-C`, `--json` and `--no-color` may stand before or after
the command. Answers go to standard output, findings and progress to standard error; with `--json` the answer is one
JSON document that holds the exit code too.
"""


def commands() -> Iterator[tuple[str, TyperCommand | TyperGroup]]:
    """Every command with its full name, groups before what is in them."""
    root = typer.main.get_group(app)
    yield from _below("asof", root)


def page() -> str:
    """The whole reference as Markdown."""
    parts = [HEAD]
    for name, command in commands():
        text = command.get_help(typer.Context(command, info_name=name, max_content_width=100, terminal_width=100))
        parts.append(f"## {name}\n\n```text\n{text.strip()}\n```\n")
    rows = [f"| {code.value} | {code.name.lower()} | {MEANING[code]} |" for code in ExitCode]
    parts.append("## Exit codes\n\n| code | name in JSON | meaning |\n|---|---|---|\n" + "\n".join(rows) + "\n")
    return re.sub(r"[ \t]+\n", "\n", "\n".join(parts))


def _below(name: str, command: TyperCommand | TyperGroup) -> Iterator[tuple[str, TyperCommand | TyperGroup]]:
    yield name, command
    for child, inner in getattr(command, "commands", {}).items():
        yield from _below(f"{name} {child}", inner)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
