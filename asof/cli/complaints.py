"""What went wrong with a command line or a file that it names, in plain words."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from asof.cli.app import app
from asof.ops.file_errors import plainly

if TYPE_CHECKING:
    from collections.abc import Sequence

_PYDANTIC = re.compile(r"Input should be .*", re.DOTALL)
_NO_ARGUMENTS = "Usage: "


def of_parser(error: typer.TyperException) -> str:
    """The parser's complaint; a value of the wrong type or size in this program's words."""
    said = error.format_message()
    errors = getattr(error.__cause__, "errors", None)
    if errors is None:
        return said
    first = errors()[0]
    given, limits = first.get("input"), first.get("ctx", {})
    words = {
        "int_parsing": f"{given!r} is no whole number",
        "int_from_float": f"{given!r} is no whole number",
        "float_parsing": f"{given!r} is no number",
        "greater_than_equal": f"{given} is less than {limits.get('ge')}",
        "less_than_equal": f"{given} is more than {limits.get('le')}",
    }.get(first.get("type"))
    return said if words is None else _PYDANTIC.sub(lambda _: words, said)


def is_help(message: str) -> bool:
    """Whether the parser answered with a help text: a group was named and no command of it."""
    return message.startswith(_NO_ARGUMENTS)


def command(arguments: Sequence[str]) -> str:
    """``asof registry gc`` for the arguments of one, whose options for every command stand in front."""
    name, at = "asof", typer.main.get_group(app)
    for word in arguments:
        inner = getattr(at, "commands", {}).get(word)
        if inner is not None:
            name, at = f"{name} {word}", inner
    return name


def of_file(error: OSError) -> str:
    """What is wrong with the file that ``error`` names; the error's own words where it names none."""
    if not isinstance(error.filename, str | bytes):
        return str(error)
    return plainly(error, _path(error.filename))


def is_named(error: OSError, arguments: Sequence[str]) -> bool:
    """Whether ``error`` is about a file of the command line, or the folder that it would stand in."""
    if not isinstance(error.filename, str | bytes):
        return False
    place = _path(error.filename)
    named = [Path(argument.rpartition("=")[2]) for argument in arguments if argument]
    return any(place == path or place in path.parents for path in named)


def _path(name: str | bytes) -> Path:
    return Path(name.decode("utf-8", "replace") if isinstance(name, bytes) else name)
