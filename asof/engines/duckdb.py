"""DuckDB, the embedded default: Parquet and CSV files of the repo, and a file of its own for views."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from asof.compiler.diagnostics import DiagnosticError
from asof.compiler.source import NOWHERE
from asof.compiler.store_options import STORE_UNAVAILABLE, STRATEGIES, options_of
from asof.engines.arrow import arrow_schema, conform, type_of
from asof.engines.base import BATCH_ROWS, refused
from asof.engines.estimates import Estimate
from asof.interruptible import Worker, checkpoint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from asof.compiler.model import Column, Location, Store
    from asof.compiler.types import Type

_SETTINGS = ("memory_limit", "threads")
_INCOMING = "asof_incoming"
_CSV_VALUE = re.compile(
    r"CSV Error on Line: (\d+)\n.*?column \"(.*?)\"\. Could not convert string \"(.*?)\" to '(.*?)'\n"
    r".*?file = ([^\n]*)",
    re.DOTALL,
)
_EXTENSION = re.compile(r"install the required extension '(\w+)")


def open_duckdb(store: Store, *, root: Path, read_only: bool) -> DuckDBEngine:
    """Open ``{type: duckdb, path?, memory_limit?, threads?}``; no path is a database in memory.

    A reader of a file that does not exist yet works in memory, so that reading never creates one.
    """
    options = options_of(store, os.environ, known=("path", *STRATEGIES, *_SETTINGS))
    database = ":memory:"
    if options.get("path"):
        path = root / str(options["path"])
        if not read_only:
            path.parent.mkdir(parents=True, exist_ok=True)
        if not read_only or path.exists():
            database = str(path)
    try:
        connection = duckdb.connect(database, read_only=read_only and database != ":memory:")
    except duckdb.Error as error:
        message = f"duckdb: {str(error).strip()}"
        raise DiagnosticError(STORE_UNAVAILABLE.at(NOWHERE, message)) from None
    engine = DuckDBEngine(connection, root=root)
    engine.execute(f"SET {name} = {_literal(str(options[name]))}" for name in _SETTINGS if name in options)
    return engine


class DuckDBEngine:
    """A DuckDB session. Relative paths inside SQL are looked up in ``root``, so the SQL stays as compiled."""

    dialect = "duckdb"

    def __init__(self, connection: duckdb.DuckDBPyConnection, *, root: Path) -> None:
        self._connection = connection
        self._worker = Worker(lambda _: connection.interrupt())
        self._result: pa.RecordBatchReader | None = None
        self.execute(
            (
                "SET TimeZone = 'UTC'",
                f"SET file_search_path = {_literal(str(root.resolve()))}",
                # A name in SQL is a table, never a variable of the Python program around it.
                "SET python_enable_replacements = false",
            )
        )

    def columns(self, relation: str) -> Mapping[str, Type | None]:
        sql = f"SELECT * FROM {relation} LIMIT 0"  # noqa: S608
        with self._free() as connection:
            schema = self._worker.run(lambda: connection.sql(sql).to_arrow_reader().schema)
        return {field.name: type_of(field.type) for field in schema}

    def execute(self, statements: Iterable[str]) -> None:
        def work() -> None:
            for statement in statements:
                checkpoint()
                connection.execute(statement)

        with self._free() as connection:
            self._worker.run(work)

    def query(self, sql: str, columns: Sequence[Column] = ()) -> pa.RecordBatchReader:
        with self._free() as connection:
            found: pa.RecordBatchReader = self._worker.run(lambda: connection.sql(sql).to_arrow_reader(BATCH_ROWS))
        self._result = found
        schema = arrow_schema(columns) if columns else found.schema
        return pa.RecordBatchReader.from_batches(schema, self._batches(found, schema))

    def load(self, name: str, rows: pa.RecordBatchReader) -> None:
        def work() -> None:
            connection.register(_INCOMING, rows)
            try:
                connection.execute(f"CREATE OR REPLACE TEMP TABLE {_quoted(name)} AS FROM {_INCOMING}")
            finally:
                connection.unregister(_INCOMING)

        with self._free() as connection:
            self._worker.run(work)

    def estimate(self, location: Location) -> Estimate:
        """Files by their size and Parquet footers, tables by the catalog, a query by the optimizer's own estimate."""
        with self._free() as connection:
            return self._worker.run(lambda: _estimated(connection, location))

    def close(self) -> None:
        if self._worker.idle:
            self._end_result()
        self._worker.close(self._connection.close)

    def _batches(self, found: pa.RecordBatchReader, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        with _complaints():
            yield from self._worker.each(conform(batch, schema) for batch in found)

    @contextmanager
    def _free(self) -> Iterator[duckdb.DuckDBPyConnection]:
        # A result that was not read to its end locks the connection; whoever comes next ends it.
        self._end_result()
        with _complaints():
            yield self._connection

    def _end_result(self) -> None:
        # DuckDB's close may wait for threads that still work on rows which nobody will read; an interrupt ends them.
        if self._result is not None:
            with suppress(TimeoutError):
                self._worker.run(self._result.close, seconds=0)
            self._result = None


_TABLE_ROWS = "SELECT estimated_size FROM duckdb_tables() WHERE table_name = ?"
_PARQUET_ROWS = "SELECT CAST(sum(num_rows) AS BIGINT) FROM parquet_file_metadata(?)"


def _estimated(connection: duckdb.DuckDBPyConnection, location: Location) -> Estimate:
    if location.path:
        return _of_files(connection, location.path)
    if location.table:
        rows = connection.execute(_TABLE_ROWS, [location.table.rpartition(".")[2]]).fetchall()
        return Estimate(by="catalog of duckdb", rows=sum(int(row[0]) for row in rows) if rows else None)
    plan = connection.execute(f"EXPLAIN (FORMAT json) {location.query}").fetchall()
    cardinality = re.search(r'"Estimated Cardinality": "(\d+)"', str(plan[0][1]))
    return Estimate(by="optimizer of duckdb", rows=int(cardinality[1]) if cardinality else None)


def _of_files(connection: duckdb.DuckDBPyConnection, path: str) -> Estimate:
    files, size = connection.execute("SELECT count(*), CAST(sum(size) AS BIGINT) FROM read_blob(?)", [path]).fetchall()[
        0
    ]
    if not path.endswith((".parquet", ".pq")):
        return Estimate(by="size of files", bytes=size, partitions=files)
    rows = connection.execute(_PARQUET_ROWS, [path]).fetchall()[0][0]
    return Estimate(by="Parquet footers", rows=rows, bytes=size, partitions=files)


@contextmanager
def _complaints() -> Iterator[None]:
    try:
        yield
    except (duckdb.Error, pa.ArrowException) as error:
        lacking = _EXTENSION.search(str(error))
        if lacking is not None:
            raise _without(lacking[1]) from error
        if value := _CSV_VALUE.search(str(error)):
            line, column, text, kind, file = value.groups()
            said = f"{file}: column {column} holds {text} in line {line}, which is no {kind}"
            raise refused("duckdb", duckdb.Error(said)) from error
        raise refused("duckdb", error) from error


def _without(extension: str) -> DiagnosticError:
    said = f"the extension {extension!r}, which reads this kind of URL, is not installed and cannot be fetched"
    ways_out = (
        f"run `INSTALL {extension}` once in DuckDB where the network allows it, or INSTALL it from a file",
        "or give the source another location for this target: a table, or files on this machine",
    )
    return refused("duckdb", duckdb.Error(said), *ways_out)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
