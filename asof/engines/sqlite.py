"""SQLite as an offline store: tables of one file, rows one by one, types as declared."""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa

from asof.compiler.diagnostics import DiagnosticError
from asof.compiler.source import NOWHERE
from asof.compiler.store_options import STORE_UNAVAILABLE, STRATEGIES, options_of
from asof.compiler.types import BOOL, BYTES, DATE, FLOAT64, INT64, STRING, TIMESTAMP
from asof.engines.arrow import arrow_schema
from asof.engines.base import BATCH_ROWS, in_batches, refused
from asof.engines.storage import from_storage, to_storage
from asof.interruptible import Worker, checkpoint
from asof.sqlite_file import in_memory, open_reader, open_writer, patiently

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from asof.compiler.model import Column, Store
    from asof.compiler.types import Type
    from asof.sqlite_file import SQLiteFile

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
"""How long a statement waits for other processes that lock the file."""


def open_sqlite(store: Store, *, root: Path, read_only: bool) -> SQLiteEngine:
    """Open ``{type: sqlite, path?}``; no path, or reading a file that does not exist yet, is a database in memory."""
    options = options_of(store, os.environ, known=("path", *STRATEGIES))
    if not options.get("path"):
        return SQLiteEngine(in_memory())
    path = (root / str(options["path"])).absolute()
    try:
        if read_only:
            return SQLiteEngine(open_reader(path, busy=_BUSY_SECONDS, shown=str(dict(store.options)["path"])))
        path.parent.mkdir(parents=True, exist_ok=True)
        return SQLiteEngine(open_writer(path))
    except sqlite3.Error as error:
        message = f"sqlite: {error}: {options['path']}"
        raise DiagnosticError(STORE_UNAVAILABLE.at(NOWHERE, message)) from None


class SQLiteEngine:
    """A SQLite session.

    Where SQLite cannot guard a reader (asof/sqlite_file.py), no batch is handed out that is not of the same moment
    as those before it. A session that has temporary tables cannot begin again: it ends with AS723.
    """

    dialect = "sqlite"

    def __init__(self, file: SQLiteFile) -> None:
        self._file = file
        self._worker = Worker(lambda _: file.connection.interrupt())
        self._result: sqlite3.Cursor | None = None
        self._temporary = False

    @property
    def _connection(self) -> sqlite3.Connection:
        return self._file.connection

    @_connection.setter
    def _connection(self, connection: sqlite3.Connection) -> None:
        self._file.connection = connection

    def columns(self, relation: str) -> Mapping[str, Type | None]:
        # A view gives the declared types of what it selects, which SQLite tells of nothing but tables and views.
        def declared() -> list[tuple[object, str, str]]:
            connection = self._file.connection
            _execute(connection, f"CREATE TEMP VIEW asof_probe AS SELECT * FROM {relation}")  # noqa: S608
            try:
                return _execute(connection, "PRAGMA temp.table_info(asof_probe)").fetchall()
            finally:
                connection.execute("DROP VIEW asof_probe")

        with self._free():
            rows = self._worker.run(lambda: self._file.steadily(declared, once=self._temporary))
        return {name: _DECLARED.get(kind.partition("(")[0].upper()) for _, name, kind, *_ in rows}

    def execute(self, statements: Iterable[str]) -> None:
        def work() -> None:
            for statement in statements:
                self._temporary = True
                _execute(self._file.connection, statement)

        with self._free():
            self._worker.run(work)

    def query(self, sql: str, columns: Sequence[Column] = ()) -> pa.RecordBatchReader:
        def begun() -> tuple[sqlite3.Cursor, list[tuple[object, ...]]]:
            cursor = _execute(self._file.connection, sql)
            return cursor, cursor.fetchmany(BATCH_ROWS)

        with self._free():
            cursor, first = self._worker.run(lambda: self._file.steadily(begun, once=self._temporary))
        self._result = cursor
        rows = self._worker.each(self._rest(cursor, first))
        if not columns:
            return _inferred(cursor, first, rows)
        types = [column.type for column in columns]
        schema = arrow_schema(columns)
        return pa.RecordBatchReader.from_batches(schema, _batches(rows, schema, types))

    def load(self, name: str, rows: pa.RecordBatchReader) -> None:
        table = _quoted(name)
        places = ", ".join("?" for _ in rows.schema)
        columns = ", ".join(f"{_quoted(field.name)} {_affinity(field.type)}" for field in rows.schema)
        self._temporary = True

        def work() -> None:
            connection = self._file.connection
            _execute(connection, f"DROP TABLE IF EXISTS temp.{table}")
            _execute(connection, f"CREATE TEMP TABLE {table} ({columns})")
            connection.execute("BEGIN")
            try:
                for batch in in_batches(rows):
                    checkpoint()
                    values = zip(*(to_storage(column) for column in batch.columns), strict=True)
                    connection.executemany(f"INSERT INTO temp.{table} VALUES ({places})", values)  # noqa: S608
            finally:
                # An interrupted INSERT has ended the transaction already.
                if connection.in_transaction:
                    connection.execute("COMMIT")

        with self._free():
            self._worker.run(work)

    def close(self) -> None:
        self._worker.close(self._file.close)

    def _rest(self, cursor: sqlite3.Cursor, first: list[tuple[object, ...]]) -> Iterator[list[tuple[object, ...]]]:
        """The rows of a result, a batch at a time, as long as all of them are of one moment."""
        rows = first
        while rows:
            yield rows
            with _complaints():
                rows = self._file.steadily(lambda: cursor.fetchmany(BATCH_ROWS), once=True)

    @contextmanager
    def _free(self) -> Iterator[None]:
        # A result that was not read to its end locks its tables; whoever comes next ends it.
        if self._result is not None:
            self._worker.run(self._result.close)
            self._result = None
        with _complaints():
            yield


def _execute(connection: sqlite3.Connection, sql: str) -> sqlite3.Cursor:
    return patiently(connection, sql, busy=_BUSY_SECONDS)


def _batches(
    given: Iterator[list[tuple[object, ...]]], schema: pa.Schema, types: Sequence[Type]
) -> Iterator[pa.RecordBatch]:
    for rows in given:
        with _complaints():
            arrays = [from_storage(values, kind) for values, kind in zip(zip(*rows, strict=True), types, strict=True)]
            batch = pa.RecordBatch.from_arrays(arrays, schema=schema)
        yield batch


def _inferred(
    cursor: sqlite3.Cursor, first: list[tuple[object, ...]], given: Iterator[list[tuple[object, ...]]]
) -> pa.RecordBatchReader:
    """A result without declared columns: types as its first rows show them, text where they show nothing."""
    names = [column[0] for column in cursor.description or ()]
    arrays = [pa.array(values) for values in zip(*first, strict=True)] if first else [pa.nulls(0)] * len(names)
    arrays = [array.cast(pa.string()) if array.type == pa.null() else array for array in arrays]
    schema = pa.schema([pa.field(name, array.type) for name, array in zip(names, arrays, strict=True)])

    def batches() -> Iterator[pa.RecordBatch]:
        for rows in given:
            with _complaints():
                columns = zip(zip(*rows, strict=True), schema, strict=True)
                batch = pa.RecordBatch.from_arrays([pa.array(v, field.type) for v, field in columns], schema=schema)
            yield batch

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
