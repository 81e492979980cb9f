"""Entities that online features are asked for, from wherever they come, checked before a store is opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from asof.compiler.diagnostics import nearest
from asof.engines.json_values import from_json
from asof.ops.python_rows import columns_of, is_rows, json_rows, plain_value
from asof.ops.selection import bad_request
from asof.ops.spine import fitted, read_table

if TYPE_CHECKING:
    import pyarrow as pa

    from asof.compiler.types import Type


def entity_rows_of(given: object, kinds: Mapping[str, Type]) -> Sequence[Mapping[str, object]]:
    """Entities as one dict each: of a list of dicts, a dict of lists, a table or a frame.

    Of a table only the columns of ``kinds`` count, in their types. Raises DiagnosticError (AS760 to AS762).
    """
    if isinstance(given, Sequence) and is_rows(given):
        return [{name: plain_value(value) for name, value in row.items()} for row in given]
    if isinstance(given, Mapping):
        if given and not any(hasattr(values, "__len__") and not isinstance(values, str) for values in given.values()):
            raise bad_request("entities are a list of dicts or a dict of lists; this is one dict: put it into a list")
        return _rows(columns_of(given))
    if isinstance(given, str | Path):
        raise bad_request(f"entities are dicts, a table or a frame, not the text {str(given)!r}")
    return _of_table(read_table(given, root=Path(), kinds=kinds), kinds)


def entities_in_file(path: Path, kinds: Mapping[str, Type]) -> Sequence[Mapping[str, object]]:
    """The entities of a .csv, .json, .jsonl or .parquet file. Raises DiagnosticError (AS760 to AS762), OSError."""
    if path.suffix.lower() in (".json", ".jsonl"):
        return _rows(columns_of(json_rows(path)))
    return _of_table(read_table(path, root=Path(), kinds=kinds), kinds)


def refuse_entities(
    rows: Sequence[Mapping[str, object]], kinds: Mapping[str, Type], *, strangers: bool = False
) -> None:
    """Raise DiagnosticError (AS760) where a row lacks one of ``kinds`` or has it in another type.

    With ``strangers`` a name that none of the features needs is refused too.
    """
    if not rows:
        raise bad_request("there is no entity to ask for")
    for at, row in enumerate(rows, 1):
        where = f"entity {at}: " if len(rows) > 1 else ""
        missing = [name for name in kinds if name not in row]
        others = [name for name in row if name not in kinds]
        if missing:
            wanted = ", ".join(f"{name!r} ({kinds[name]})" for name in missing)
            raise bad_request(f"{where}an entity has no {wanted}; it has {', '.join(row) or 'nothing'}")
        if strangers and others:
            hint = nearest(others[0], list(kinds)) or f"they need {', '.join(kinds)}"
            raise bad_request(f"{where}none of the features needs {others[0]!r}; {hint}")
        for name, kind in kinds.items():
            try:
                from_json(row[name], kind)
            except ValueError as error:
                raise bad_request(f"{where}{name!r}: {error}") from None


def key_values(pairs: Sequence[tuple[str, str]]) -> tuple[dict[str, str], ...]:
    """Entities of ``KEY=VALUE`` pairs: a key that the entity has already begins the next one."""
    made: list[dict[str, str]] = []
    for key, value in pairs:
        if not made or key in made[-1]:
            made.append({})
        made[-1][key] = value
    return tuple(made)


def _rows(columns: Mapping[str, Sequence[object]]) -> list[dict[str, object]]:
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _of_table(table: pa.Table, kinds: Mapping[str, Type]) -> list[dict[str, object]]:
    names = [name for name in kinds if name in table.column_names]
    if len(names) < len(kinds):
        lacking = next(name for name in kinds if name not in names)
        hint = nearest(lacking, table.column_names)
        raise bad_request(
            f"the entities have no column {lacking!r} ({kinds[lacking]}){'; ' + hint if hint else ''}",
            f"they have {', '.join(table.column_names) or 'none'}",
        )
    return _rows({name: fitted(table, name, kinds[name]).to_pylist() for name in names})
