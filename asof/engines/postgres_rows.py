"""Rows on their way into PostgreSQL: as COPY reads them, or as text inside a statement."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv as pa_csv

from asof.compiler.dialects.postgres import Postgres
from asof.compiler.types import BYTES, STRING, Array, Decimal, Scalar, Type, Vector
from asof.engines.arrow import type_of
from asof.engines.base import refused
from asof.engines.json_values import to_json

if TYPE_CHECKING:
    from collections.abc import Sequence

INLINE_BYTES = 256 << 20
"""The most text that goes into a statement; the server reads a statement of up to 1 GB, and parses it in memory."""

_WAYS_OUT = (
    "GRANT TEMPORARY ON DATABASE ... TO the role that reads, and ask the primary: a standby has no temporary tables",
    "or ask for fewer rows at a time",
)


def inline(name: str, rows: pa.RecordBatchReader, *, most: int = INLINE_BYTES) -> str:
    """``rows`` as a common table expression ``name``: each column is one array of texts, cast to its type.

    Raises DiagnosticError (AS724) where the text is longer than ``most`` bytes.
    """
    types = [type_of(field.type) or STRING for field in rows.schema]
    pieces: list[list[str]] = [[] for _ in types]
    size = 0
    for batch in rows:
        for column, kind, texts in zip(batch.columns, types, pieces, strict=True):
            piece = ",".join(map(_element, _texts(column, kind)))
            size += len(piece.encode())
            if size > most:
                message = f"the rows of {name!r} are too many to stand in a statement, and {_NO_TABLES}"
                raise refused("postgres", ValueError(message), *_WAYS_OUT)
            if piece:
                texts.append(piece)
    arrays = ", ".join(f"CAST({_literal('{' + ','.join(texts) + '}')} AS text[])" for texts in pieces)
    values = ", ".join(
        f"CAST(c{place} AS {declared(kind)}) AS {quoted(field.name)}"
        for place, (field, kind) in enumerate(zip(rows.schema, types, strict=True))
    )
    names = ", ".join(f"c{place}" for place in range(len(types)))
    # The planner counts the elements of constant arrays, so it knows how many rows there are.
    return f"{quoted(name)} AS MATERIALIZED (SELECT {values} FROM unnest({arrays}) AS given({names}))"  # noqa: S608


_NO_TABLES = "this role may make no temporary table here"


def _texts(column: pa.Array, kind: Type) -> list[str | None]:
    written = _writable(column, kind)
    if pa.types.is_floating(written.type):
        return [None if value is None else repr(value) for value in written.to_pylist()]
    texts: list[str | None] = written.cast(pa.string()).to_pylist()
    return texts


def _element(text: str | None) -> str:
    if text is None:
        return "NULL"
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _literal(text: str) -> str:
    """A text in the one notation that no setting of the session changes."""
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"E'{escaped}'"


def csv_of(batch: pa.RecordBatch, types: Sequence[Type]) -> bytes:
    """Rows as ``COPY ... FROM STDIN (FORMAT csv)`` reads them; ``types`` are those of the columns."""
    columns = [_writable(column, made) for column, made in zip(batch.columns, types, strict=True)]
    sink = io.BytesIO()
    # One name for all: the header is not written, and names may repeat in CSV.
    written = pa.RecordBatch.from_arrays(columns, names=[str(i) for i in range(len(columns))])
    pa_csv.write_csv(written, sink, pa_csv.WriteOptions(include_header=False))
    return sink.getvalue()


def _writable(column: pa.Array, value: Type) -> pa.Array:
    if value == BYTES:
        return pa.array([None if v is None else "\\x" + v.hex() for v in column.to_pylist()], pa.string())
    if isinstance(value, Array | Vector) and plain(value.element):
        return pa.array([None if v is None else _array_literal(v) for v in column.to_pylist()], pa.string())
    if not plain(value):
        return pa.array([None if v is None else json.dumps(to_json(v)) for v in column.to_pylist()], pa.string())
    return column


def _array_literal(values: Sequence[object]) -> str:
    return "{" + ",".join(_element(None if value is None else _item(value)) for value in values) + "}"


def _item(value: object) -> str:
    return f"\\x{value.hex()}" if isinstance(value, bytes) else str(to_json(value))


def declared(value: Type) -> str:
    """The column type of a loaded table; what PostgreSQL has no type for is JSONB."""
    match value:
        case Scalar():
            return Postgres.type_names[value.name]
        case Decimal():
            return f"NUMERIC({value.precision},{value.scale})"
        case Array() | Vector() if plain(value.element):
            return f"{declared(value.element)}[]"
        case _:
            return "JSONB"


def plain(value: Type) -> bool:
    """Whether CSV carries values of the type as they are: neither a list nor a map nor a struct."""
    return isinstance(value, Scalar | Decimal)


def quoted(name: str) -> str:
    """An identifier as it stands in SQL."""
    return '"' + name.replace('"', '""') + '"'
