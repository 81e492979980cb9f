"""A case whose sources are Parquet files, in folders that may name columns, here or wherever ``put`` keeps them."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
from msgspec.structs import replace as changed

from asof.compiler.dialects.paths import NO_DATE, parsed
from asof.compiler.model import DataSource, Location
from asof.engines.arrow import arrow_type
from tests.engines.base import NAIVE, microseconds
from tests.oracle.cases import stored_columns

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from asof.compiler.types import Type
    from tests.oracle.cases import Case

Put = Callable[[str, bytes], None]
"""Keeps a file under a path that is relative to the root of all."""

NO_PARQUET = b"not to be opened"


def put_below(root: Path) -> Put:
    """Files of this machine."""

    def put(name: str, data: bytes) -> None:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)

    return put


def parquet(columns: Sequence[tuple[str, Type | str]], rows: Sequence[Sequence[object]]) -> bytes:
    """Rows as a Parquet file."""
    arrays = []
    for at, (_, kind) in enumerate(columns):
        arrow = pa.timestamp("us") if kind == NAIVE else arrow_type(kind)  # type: ignore[arg-type]
        values: list[Any] = [row[at] for row in rows]
        if pa.types.is_timestamp(arrow):
            whole = [None if value is None else microseconds(value) for value in values]
            arrays.append(pa.array(whole, pa.int64()).cast(arrow))
        else:
            arrays.append(pa.array(values, arrow))
    made = io.BytesIO()
    pq.write_table(pa.table(arrays, names=[name for name, _ in columns]), made)
    return made.getvalue()


def filed(case: Case, put: Put, root: str, pattern: str, place: Callable[[dict[str, object]], str]) -> Case:
    """The case with its sources in files: each at ``root/<source>/pattern``, each row in ``place(row)`` below there.

    Columns that the folders of ``pattern`` name are left out of the files.
    """
    definitions = [
        _filed(case, one, put, root, pattern, place) if isinstance(one, DataSource) and one.type == "batch" else one
        for one in case.definitions
    ]
    return replace(case, definitions=definitions)


def _filed(
    case: Case, source: DataSource, put: Put, root: str, pattern: str, place: Callable[[dict[str, object]], str]
) -> DataSource:
    columns = stored_columns(source)
    names = [name for name, _ in columns]
    in_folders = parsed(pattern).columns
    kept = [at for at, name in enumerate(names) if name not in in_folders]
    files: dict[str, list[Sequence[object]]] = {}
    for row in case.rows_of[source.name]:
        files.setdefault(place(dict(zip(names, row, strict=True))), []).append([row[at] for at in kept])
    for name, rows in files.items():
        put(f"{source.name}/{name}", parquet([columns[at] for at in kept], rows))
    return changed(source, location=Location(path=f"{root}/{source.name}/{pattern}"))


def folder(name: str, value: object) -> str:
    """A folder that says what its rows have in a column, as Hive and Spark write it: letters of any script stand."""
    said = NO_DATE if value is None else str(value)
    return f"{name}={''.join(quote(one, safe=' ') if one.isascii() else one for one in said)}"
