"""Rows that Python or JSON holds: a dict of lists, a list of dicts; as an Arrow table of the types that are wanted."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from asof.compiler.diagnostics import DiagnosticError, rule
from asof.compiler.source import NOWHERE
from asof.engines.arrow import arrow_type
from asof.engines.json_values import from_json

if TYPE_CHECKING:
    from pathlib import Path

    from asof.compiler.types import Type

UNREADABLE_SPINE = rule("AS761", "spine cannot be read")
WRONG_TYPE = rule("AS762", "spine column has the wrong type")


def unreadable(message: str) -> DiagnosticError:
    """The refusal of rows that cannot be read."""
    return DiagnosticError(UNREADABLE_SPINE.at(NOWHERE, message))


def is_rows(given: object) -> bool:
    """Whether ``given`` is a list of dicts; an empty list is one of no rows."""
    if not isinstance(given, Sequence) or isinstance(given, str | bytes):
        return False
    return all(isinstance(row, Mapping) for row in given)


def columns_of(given: object) -> dict[str, list[object]]:
    """Columns by name, of a dict of lists or of a list of dicts, where a name that a row lacks is NULL."""
    if isinstance(given, Mapping):
        columns = {str(name): _listed(str(name), values) for name, values in given.items()}
        lengths = {name: len(values) for name, values in columns.items()}
        if len(set(lengths.values())) > 1:
            said = ", ".join(f"{name} {length}" for name, length in lengths.items())
            raise unreadable(f"the columns are not of one length: {said}")
        return columns
    if not isinstance(given, Sequence) or not is_rows(given):
        raise unreadable(f"rows are a dict of lists or a list of dicts, not {type(given).__name__}")
    names = dict.fromkeys(str(name) for row in given for name in row)
    return {name: [plain_value(row.get(name)) for row in given] for name in names}


def table_of_python(given: object, kinds: Mapping[str, Type]) -> pa.Table:
    """The rows as a table: columns of ``kinds`` in their types, others in what their values are."""
    return pa.table({name: _column(name, values, kinds.get(name)) for name, values in columns_of(given).items()})


def json_rows(path: Path) -> object:
    """The rows of a .json or .jsonl file. Raises OSError, DiagnosticError (AS761)."""
    text = path.read_text(encoding="utf-8-sig")
    try:
        if path.suffix.lower() != ".jsonl":
            return json.loads(text)
    except ValueError as error:
        raise unreadable(f"{path.name} is not JSON: {error}") from None
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            if line.strip():
                rows.append(json.loads(line))
        except ValueError as error:
            raise unreadable(f"{path.name}, line {number} is not JSON: {error}") from None
    return rows


def _listed(name: str, values: object) -> list[object]:
    if hasattr(values, "tolist"):  # numpy, pandas and polars columns
        values = values.tolist()
    elif isinstance(values, pa.Array | pa.ChunkedArray):
        values = values.to_pylist()
    if not isinstance(values, Sequence) or isinstance(values, str | bytes):
        raise unreadable(f"the column {name!r} is one {type(values).__name__}; a dict of lists has a list of values")
    return [plain_value(value) for value in values]


def plain_value(value: object) -> object:
    """A numpy scalar as Python's own."""
    if type(value).__module__ == "numpy" and hasattr(value, "item"):
        made: object = value.item()
        return made
    return value


def _column(name: str, values: list[object], kind: Type | None) -> pa.Array:
    try:
        if kind is None:
            return pa.array(values)
        return pa.array([from_json(value, kind) for value in values], arrow_type(kind))
    except ValueError as error:  # Arrow's refusal of values of several types is one too
        said = f"the column {name!r}: {error}"
    except (pa.ArrowException, TypeError, OverflowError) as error:
        said = f"the column {name!r}: {error}"
    if kind is None:
        raise unreadable(said)
    raise DiagnosticError(WRONG_TYPE.at(NOWHERE, said))
