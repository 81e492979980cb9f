"""PostgreSQL: rows travel both ways as COPY, which is several times faster than one by one."""

from __future__ import annotations

import io
import json
import os
import re
import socket
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv as pa_csv

from asof.compiler.diagnostics import DiagnosticError
from asof.compiler.source import NOWHERE
from asof.compiler.store_options import BAD_STORE_OPTION, STORE_UNAVAILABLE, STRATEGIES, options_of
from asof.compiler.types import (
    BOOL,
    BYTES,
    DATE,
    FLOAT32,
    FLOAT64,
    INT32,
    INT64,
    JSON,
    STRING,
    TIMESTAMP,
    UUID,
    Array,
    Decimal,
    Type,
)
from asof.engines.arrow import arrow_schema, arrow_type, type_of
from asof.engines.base import BATCH_ROWS, in_batches, refused
from asof.engines.estimates import Estimate
from asof.engines.json_values import from_json
from asof.engines.postgres_rows import csv_of, declared, inline, plain, quoted
from asof.interruptible import TELL_SECONDS, Worker, checkpoint
from asof.version import installed_by

try:
    import psycopg
except ImportError:  # an optional extra
    psycopg = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from asof.compiler.model import Column, Location, Store

_OIDS: dict[int, Type] = {
    16: BOOL,
    17: BYTES,
    20: INT64,
    21: INT32,
    23: INT32,
    25: STRING,
    114: JSON,
    700: FLOAT32,
    701: FLOAT64,
    1042: STRING,
    1043: STRING,
    1082: DATE,
    1114: TIMESTAMP,
    1184: TIMESTAMP,
    2950: UUID,
    3802: JSON,
    1000: Array(BOOL),
    1005: Array(INT32),
    1007: Array(INT32),
    1009: Array(STRING),
    1016: Array(INT64),
    1021: Array(FLOAT32),
    1022: Array(FLOAT64),
    1115: Array(TIMESTAMP),
    1182: Array(DATE),
    1185: Array(TIMESTAMP),
}
_NUMERIC = 1700
_BARE = re.compile(r"^\w+://(?:[^@?]*[/#][^@?]*@|[^?]*@[^?]*@)")
"""A password that was not encoded: libpq would take its rest for the name of a host, and say that."""
_ANY_NUMERIC = Decimal(38, 9)
_READ_BYTES = 1 << 20
_CANCEL_SECONDS = 1.0
"""How long a server may take to end a cancelled statement; then the connection is cut."""


def open_postgres(store: Store, *, root: Path, read_only: bool) -> PostgresEngine:  # noqa: ARG001
    """Open ``{type: postgres, url, schema?}``; the url is a URI or a string of settings, as libpq takes them.

    What is wrong with a connection is said without its settings, which may hold a secret.
    """
    if psycopg is None:
        message = f"postgres needs the driver psycopg: {installed_by('postgres')}"
        raise DiagnosticError(STORE_UNAVAILABLE.at(NOWHERE, message))
    options = options_of(store, os.environ, known=("url", "schema", *STRATEGIES), required=("url",))
    url = options["url"]  # kept as it is: a Secret is not shown by whoever prints the variables of a traceback
    if not isinstance(url, str) or _BARE.search(url):
        message = (
            "postgres: the url is not one that libpq understands: in a password write @ as %40, / as %2F, # as %23"
        )
        raise DiagnosticError(BAD_STORE_OPTION.at(NOWHERE, message))
    try:
        connection = psycopg.connect(url, autocommit=True)
    except psycopg.ProgrammingError:
        message = "postgres: the url is not one that libpq understands"
        raise DiagnosticError(BAD_STORE_OPTION.at(NOWHERE, message)) from None
    except psycopg.Error as error:
        message = f"postgres: {str(error).replace(url, '***').strip()}"
        raise DiagnosticError(STORE_UNAVAILABLE.at(NOWHERE, message)) from None
    engine = PostgresEngine(connection)
    engine.execute(
        (
            "SET TimeZone = 'UTC'",
            # Compiling a wide query takes longer than running it.
            "SET jit = off",
            *((f"SET search_path = {quoted(str(options['schema']))}, public",) if "schema" in options else ()),
            *(("SET default_transaction_read_only = on",) if read_only else ()),
        )
    )
    return engine


class PostgresEngine:
    """A PostgreSQL session in autocommit mode."""

    dialect = "postgres"

    def __init__(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        self._connection = connection
        self._worker = Worker(self._cancel)
        self._result: Generator[bytes] | None = None
        self._temporary: bool | None = None
        self._inline: dict[str, str] = {}

    def columns(self, relation: str) -> Mapping[str, Type | None]:
        return dict(self._described(f"SELECT * FROM {relation}"))  # noqa: S608

    def execute(self, statements: Iterable[str]) -> None:
        def work() -> None:
            for statement in statements:
                checkpoint()
                self._connection.execute(statement.encode())

        self._end_result()
        with _complaints():
            self._worker.run(work)

    def query(self, sql: str, columns: Sequence[Column] = ()) -> pa.RecordBatchReader:
        self._end_result()
        sql = sql.strip().removesuffix(";")
        if columns:
            described: list[tuple[str, Type]] = [(column.name, column.type) for column in columns]
            schema = arrow_schema(columns)
        else:
            described = [(name, made or STRING) for name, made in self._described(sql)]
            schema = pa.schema([pa.field(name, arrow_type(made)) for name, made in described])
        if not described:
            raise refused("postgres", ValueError("the query has no columns"))
        names = ", ".join(f"c{i}" for i in range(len(described)))
        values = ", ".join(_written(f"c{i}", made) for i, (_, made) in enumerate(described))
        selected = self._over(f"SELECT {values} FROM (\n{sql}\n) AS q({names})")  # noqa: S608
        copy = f"COPY ({selected}) TO STDOUT (FORMAT csv)"
        self._result = _copied(self._connection, copy)
        rows = _batches(self._result, [made for _, made in described], schema)
        return pa.RecordBatchReader.from_batches(schema, self._worker.each(rows))

    def load(self, name: str, rows: pa.RecordBatchReader) -> None:
        """A temporary table, or, for who may make none (no TEMPORARY, a standby), rows inside the next statements."""
        self._end_result()

        def work() -> None:
            if not self._has_temporary():
                self._inline[name] = inline(name, rows)
                return
            # Read-only sessions may fill temporary tables, but make them in a transaction that is not.
            with self._connection.transaction():
                self._connection.execute("SET TRANSACTION READ WRITE")
                self._fill(quoted(name), rows)

        with _complaints():
            self._worker.run(work)

    def _fill(self, table: str, rows: pa.RecordBatchReader) -> None:
        types = [type_of(field.type) or STRING for field in rows.schema]
        columns = zip((quoted(field.name) for field in rows.schema), map(declared, types), strict=True)
        definition = ", ".join(f"{column} {kind}" for column, kind in columns)
        self._connection.execute(f"DROP TABLE IF EXISTS pg_temp.{table}".encode())
        self._connection.execute(f"CREATE TEMP TABLE {table} ({definition})".encode())
        with self._connection.cursor().copy(f"COPY pg_temp.{table} FROM STDIN (FORMAT csv)".encode()) as copy:
            for batch in in_batches(rows):
                checkpoint()
                copy.write(csv_of(batch, types))
        # Without statistics the planner takes a fresh table for a small one.
        self._connection.execute(f"ANALYZE pg_temp.{table}".encode())

    def _has_temporary(self) -> bool:
        if self._temporary is None:
            self._temporary = bool(self._connection.execute(_MAY_MAKE_TABLES).fetchall()[0][0])
        return self._temporary

    def _over(self, sql: str) -> str:
        """``sql`` after the loaded rows that it names and that stand in no table."""
        tables = [text for name, text in self._inline.items() if quoted(name) in sql or name in sql]
        return f"WITH {', '.join(tables)}\n{sql}" if tables else sql

    def estimate(self, location: Location) -> Estimate:
        """A dry run: the planner's rows, and the pages that the catalog counts for each table it would read."""
        if not (location.table or location.query):
            return Estimate(by="postgres reads no files")
        asked = f"SELECT * FROM {location.table}" if location.table else location.query  # noqa: S608
        explain = f"EXPLAIN (FORMAT json, VERBOSE) {asked}"

        def work() -> Estimate:
            plan: Any = self._connection.execute(explain.encode()).fetchall()[0][0]
            root = (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]
            tables = sorted(set(_tables_read(root)))
            named = ([name for _, name in tables], [schema for schema, _ in tables])
            size: Any = self._connection.execute(_SIZE, named).fetchall()[0][0]
            return Estimate(by="planner of postgres", rows=int(root["Plan Rows"]), bytes=size, partitions=len(tables))

        self._end_result()
        with _complaints():
            return self._worker.run(work)

    def close(self) -> None:
        result, self._result = self._result, None

        def work() -> None:
            if result is not None:
                self._close(result)
            self._connection.close()

        self._worker.close(work)

    def _cancel(self, waited: float) -> None:
        with suppress(psycopg.Error, OSError):
            if waited < _CANCEL_SECONDS:
                self._connection.cancel_safe(timeout=_CANCEL_SECONDS)
            else:
                # The server does not answer: the thread that waits for it wakes up when the connection ends.
                with socket.socket(fileno=os.dup(self._connection.fileno())) as end:
                    end.shutdown(socket.SHUT_RDWR)

    def _described(self, sql: str) -> list[tuple[str, Type | None]]:
        asked = self._over(f"SELECT * FROM (\n{sql}\n) AS q LIMIT 0")  # noqa: S608

        def work() -> list[tuple[str, Type | None]]:
            with self._connection.cursor() as cursor:
                cursor.execute(asked.encode())
                return [(column.name, _type_of(column)) for column in cursor.description or ()]

        with _complaints():
            return self._worker.run(work)

    def _end_result(self) -> None:
        # A COPY that was not read to its end holds the connection; whoever comes next ends it.
        if self._result is not None:
            result, self._result = self._result, None
            self._worker.run(lambda: self._close(result))

    def _close(self, result: Generator[bytes]) -> None:
        start = time.monotonic()
        while True:
            try:
                return result.close()
            except ValueError:
                # It is executing: Arrow's CSV reader reads ahead in a thread of its own.
                self._cancel(time.monotonic() - start)
                time.sleep(TELL_SECONDS)


_MAY_MAKE_TABLES = "SELECT has_database_privilege(current_database(), 'TEMPORARY') AND NOT pg_is_in_recovery()"
_SIZE = """
SELECT CAST(sum(c.relpages::bigint * current_setting('block_size')::bigint) AS bigint)
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN unnest(%s::text[], %s::text[]) AS wanted (relation, schema) ON (relation, schema) = (c.relname, n.nspname)
"""


def _tables_read(node: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(schema, table) of every table in a plan: the partitions that are left once it is pruned."""
    if "Relation Name" in node:
        yield node.get("Schema", "public"), node["Relation Name"]
    for below in node.get("Plans", ()):
        yield from _tables_read(below)


def _copied(connection: psycopg.Connection[tuple[object, ...]], copy: str) -> Generator[bytes]:
    with connection.cursor() as cursor, cursor.copy(copy.encode()) as rows:
        for piece in rows:
            yield bytes(piece)


class _Pieces(io.RawIOBase):
    """COPY's output as a file that Arrow's CSV reader can pull from."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self._rest:
            self._rest = memoryview(next(self._pieces, b""))
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def _batches(pieces: Iterator[bytes], types: Sequence[Type], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    names = [f"c{i}" for i in range(len(types))]
    texts = {name: _read_as(made) for name, made in zip(names, types, strict=True)}
    with _complaints():
        source = io.BufferedReader(_Pieces(pieces), _READ_BYTES)
        if not source.peek(1):
            return
        reader = pa_csv.open_csv(
            source,
            read_options=pa_csv.ReadOptions(column_names=names, block_size=_READ_BYTES * 4, use_threads=False),
            parse_options=pa_csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
            convert_options=pa_csv.ConvertOptions(
                column_types=texts,
                null_values=[""],
                true_values=["t"],
                false_values=["f"],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
        for batch in reader:
            arrays = [_read(column, made) for column, made in zip(batch.columns, types, strict=True)]
            whole = pa.RecordBatch.from_arrays(arrays, schema=schema)
            for start in range(0, whole.num_rows, BATCH_ROWS):
                yield whole.slice(start, BATCH_ROWS)


def _written(column: str, value: Type) -> str:
    """A column as COPY should write it, so that CSV carries it without loss."""
    if value == TIMESTAMP:
        whole = f"(extract(epoch FROM {column}) * 1000000)::bigint"
        return _finite(column, whole, 2**63 - 1)
    if value == DATE:
        return _finite(column, f"{column}::date - date '1970-01-01'", 2**31 - 1)
    if value == BYTES:
        return f"encode({column}, 'hex')"
    if isinstance(value, Array) and value.element == JSON:
        return f"to_json({column}::text[])"
    return column if plain(value) else f"to_json({column})"


def _finite(column: str, whole: str, most: int) -> str:
    """A time as a whole number: the infinite ones are the greatest there is and its negative, as in DuckDB."""
    infinite = f"CASE WHEN {column} > '-infinity' THEN {most} ELSE -{most} END"
    return f"CASE WHEN isfinite({column}) THEN {whole} WHEN {column} IS NOT NULL THEN {infinite} END"


def _read_as(value: Type) -> pa.DataType:
    if value in (TIMESTAMP, DATE):
        return pa.int64() if value == TIMESTAMP else pa.int32()
    return arrow_type(value) if plain(value) and value != BYTES else pa.string()


def _read(column: pa.Array, value: Type) -> pa.Array:
    if value in (TIMESTAMP, DATE):
        return column.cast(arrow_type(value))
    if value == BYTES:
        return pa.array([None if v is None else bytes.fromhex(v) for v in column.to_pylist()], pa.binary())
    if plain(value):
        return column
    values = [None if v is None else from_json(json.loads(v), value) for v in column.to_pylist()]
    return pa.array(values, arrow_type(value))


def _type_of(found: psycopg.Column) -> Type | None:
    if found.type_code != _NUMERIC:
        return _OIDS.get(found.type_code)
    precision, scale = found.precision, found.scale
    return Decimal(precision, scale) if precision and scale is not None and precision <= 38 else _ANY_NUMERIC


@contextmanager
def _complaints() -> Iterator[None]:
    try:
        yield
    except (psycopg.Error, pa.ArrowException, ValueError) as error:
        raise refused("postgres", error) from error
