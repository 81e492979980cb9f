"""SQLite as an offline store: tables of one file, rows one by one, types as declared."""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING

import pyarrow as pa

from asof.compiler.diagnostics import DiagnosticError
from asof.compiler.source import NOWHERE
from asof.compiler.store_options import STORE_UNAVAILABLE, STRATEGIES, options_of
from asof.compiler.types import BOOL, BYTES, DATE, FLOAT64, INT64, STRING, TIMESTAMP
from asof.engines.arrow import arrow_schema
from asof.engines.base import BATCH_ROWS, refused
from asof.engines.storage import from_storage, to_storage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from asof.compiler.model import Column, Store
    from asof.compiler.types import Type

_DECLARED: dict[str, Type] = {
    "BOOLEAN": BOOL,
    "DATE": DATE,
    "TIMESTAMP": TIMESTAMP,
    "INTEGER": INT64,
    "BIGINT": INT64,
    "INT": INT64,
    "REAL": FLOAT64,
    "DOUBLE": FLOAT64,
    "TEXT": STRING,
    "VARCHAR": STRING,
    "BLOB": BYTES,
}
_BUSY_SECONDS = 30.0


def open_sqlite(store: Store, *, root: Path, read_only: bool) -> SQLiteEngine:
    """Open ``{type: sqlite, path?}``; no path, or reading a file that does not exist yet, is a database in memory."""
    options = options_of(store, os.environ, known=("path", *STRATEGIES))
    database = "file::memory:"
    if options.get("path"):
        path = (root / str(options["path"])).absolute()
        if not read_only:
            path.parent.mkdir(parents=True, exist_ok=True)
        if not read_only or path.exists():
            database = path.as_uri() + ("?mode=ro" if read_only else "")
    try:
        connection = sqlite3.connect(database, uri=True, isolation_level=None, timeout=_BUSY_SECONDS)
    except sqlite3.Error as error:
        message = f"sqlite: {error}: {options.get('path', '')}"
        raise DiagnosticError(STORE_UNAVAILABLE.at(NOWHERE, message)) from None
    return SQLiteEngine(connection)


class SQLiteEngine:
    """A SQLite session."""

    dialect = "sqlite"

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._result: sqlite3.Cursor | None = None

    def columns(self, relation: str) -> Mapping[str, Type | None]:
        # A view gives the declared types of what it selects, which SQLite tells of nothing but tables and views.
        with self._free() as connection:
            connection.execute(f"CREATE TEMP VIEW asof_probe AS SELECT * FROM {relation}")  # noqa: S608
            try:
                found = connection.execute("PRAGMA temp.table_info(asof_probe)").fetchall()
            finally:
                connection.execute("DROP VIEW asof_probe")
        return {name: _DECLARED.get(declared.partition("(")[0].upper()) for _, name, declared, *_ in found}

    def execute(self, statements: Iterable[str]) -> None:
        with self._free() as connection:
            for statement in statements:
                connection.execute(statement)

    def query(self, sql: str, columns: Sequence[Column] = ()) -> pa.RecordBatchReader:
        with self._free() as connection:
            cursor = connection.execute(sql)
            self._result = cursor
            if not columns:
                return _inferred(cursor)
        types = [column.type for column in columns]
        schema = arrow_schema(columns)
        return pa.RecordBatchReader.from_batches(schema, _batches(cursor, schema, types))

    def load(self, name: str, rows: pa.RecordBatchReader) -> None:
        table = _quoted(name)
        places = ", ".join("?" for _ in rows.schema)
        columns = ", ".join(f"{_quoted(field.name)} {_affinity(field.type)}" for field in rows.schema)
        with self._free() as connection:
            connection.execute(f"DROP TABLE IF EXISTS temp.{table}")
            connection.execute(f"CREATE TEMP TABLE {table} ({columns})")
            connection.execute("BEGIN")
            try:
                for batch in rows:
                    values = zip(*(to_storage(column) for column in batch.columns), strict=True)
                    connection.executemany(f"INSERT INTO temp.{table} VALUES ({places})", values)  # noqa: S608
            finally:
                connection.execute("COMMIT")

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def _free(self) -> Iterator[sqlite3.Connection]:
        # A result that was not read to its end locks its tables; whoever comes next ends it.
        if self._result is not None:
            self._result.close()
            self._result = None
        with _complaints():
            yield self._connection


def _batches(cursor: sqlite3.Cursor, schema: pa.Schema, types: Sequence[Type]) -> Iterator[pa.RecordBatch]:
    with _complaints():
        while rows := cursor.fetchmany(BATCH_ROWS):
            arrays = [from_storage(values, made) for values, made in zip(zip(*rows, strict=True), types, strict=True)]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _inferred(cursor: sqlite3.Cursor) -> pa.RecordBatchReader:
    """A result nobody declared: types as its first rows show them, text where they show nothing."""
    names = [found[0] for found in cursor.description or ()]
    first = cursor.fetchmany(BATCH_ROWS)
    arrays = [pa.array(values) for values in zip(*first, strict=True)] if first else [pa.nulls(0)] * len(names)
    arrays = [array.cast(pa.string()) if array.type == pa.null() else array for array in arrays]
    schema = pa.schema([pa.field(name, array.type) for name, array in zip(names, arrays, strict=True)])

    def batches() -> Iterator[pa.RecordBatch]:
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)
        with _complaints():
            while rows := list(islice(cursor, BATCH_ROWS)):
                columns = zip(zip(*rows, strict=True), schema, strict=True)
                yield pa.RecordBatch.from_arrays([pa.array(v, field.type) for v, field in columns], schema=schema)

    return pa.RecordBatchReader.from_batches(schema, batches())


def _affinity(found: pa.DataType) -> str:
    if pa.types.is_integer(found) or pa.types.is_boolean(found) or pa.types.is_temporal(found):
        return "INTEGER"
    if pa.types.is_floating(found):
        return "REAL"
    return "BLOB" if pa.types.is_binary(found) else "TEXT"


@contextmanager
def _complaints() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, pa.ArrowException, TypeError, ValueError) as error:
        raise refused("sqlite", error) from error


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
