"""SQLite, the embedded default: a table of (key, row) per view version, in one file that many may read at once."""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager, suppress
from functools import wraps
from itertools import islice
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

import msgspec

from asof.compiler.diagnostics import DiagnosticError
from asof.compiler.source import NOWHERE
from asof.compiler.store_options import STORE_UNAVAILABLE, options_of
from asof.online.base import OnlineTable, layout_differs, no_table, not_owned, refused
from asof.online.rows import INSTANT_BYTES, STAMP_BYTES, instant_bytes
from asof.sqlite_file import open_reader, open_writer, patiently

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from asof.compiler.model import Store
    from asof.sqlite_file import SQLiteFile

P = ParamSpec("P")
T = TypeVar("T")

CHUNK_ROWS = 10_000
"""Rows in one transaction: readers and other writers wait for no more than this."""

_CATALOG = "asof_tables"
_OPENING = (
    # Readers go on while a writer writes; a crash loses no committed chunk, only a power cut may.
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
    f"CREATE TABLE IF NOT EXISTS {_CATALOG} "
    "(name TEXT PRIMARY KEY, project TEXT NOT NULL, layout BLOB NOT NULL) STRICT",
    f"CREATE INDEX IF NOT EXISTS {_CATALOG}_folded ON {_CATALOG} (name COLLATE NOCASE)",
)
_COLUMNS = (("key", "BLOB", 1), ("row", "BLOB", 0))
"""Name, type and place in the key of each column of a table of asof's."""
_STAGED = "asof_staged"
_BUSY_SECONDS = 60.0
_MOST_KEYS = 30_000
_MOST_SELECTS = 400


def open_sqlite(store: Store, *, root: Path, read_only: bool) -> SQLiteOnlineStore:
    """Open ``{type: sqlite, path}``. A reader of a file that does not exist sees an empty store."""
    options = options_of(store, os.environ, known=("path",), required=("path",))
    path = (root / str(options["path"])).absolute()
    try:
        if read_only:
            return SQLiteOnlineStore(open_reader(path, busy=_BUSY_SECONDS, shown=str(dict(store.options)["path"])))
        path.parent.mkdir(parents=True, exist_ok=True)
        file = open_writer(path)
        for statement in _OPENING:
            patiently(file.connection, statement, busy=_BUSY_SECONDS)
    except (sqlite3.Error, OSError) as error:
        message = f"sqlite: {error}: {options['path']}"
        raise DiagnosticError(STORE_UNAVAILABLE.at(NOWHERE, message)) from None
    return SQLiteOnlineStore(file)


def _steady(read: Callable[Concatenate[SQLiteOnlineStore, P], T]) -> Callable[Concatenate[SQLiteOnlineStore, P], T]:
    """A method that only reads: what it returns is of one moment, whoever changes or replaces the file meanwhile."""

    @wraps(read)
    def reading(self: SQLiteOnlineStore, /, *args: P.args, **named: P.kwargs) -> T:
        return self._file.steadily(lambda: read(self, *args, **named))

    return reading


class SQLiteOnlineStore:
    """A connection to one SQLite file."""

    def __init__(self, file: SQLiteFile) -> None:
        self._file = file

    @property
    def _connection(self) -> sqlite3.Connection:
        return self._file.connection

    @_steady
    def observe(self, project: str, names: Collection[str] | None = None) -> tuple[OnlineTable, ...]:
        with self._snapshot():
            if names is not None:
                standing = (self._standing(name) for name in sorted(names))
                return tuple(table for table in standing if table is not None)
            if not self._exists(_CATALOG):
                return ()
            sql = f"SELECT name, project, layout FROM {_CATALOG} WHERE project = ? ORDER BY name"  # noqa: S608
            recorded = self._connection.execute(sql, (project,)).fetchall()
            return tuple(_table(*row) for row in recorded if self._columns(row[0]) == _COLUMNS)

    @_steady
    def holds_rows(self, name: str) -> bool:
        with self._snapshot():
            sql = f"SELECT EXISTS (SELECT 1 FROM {_quoted(name)})"  # noqa: S608
            return bool(self._connection.execute(sql).fetchone()[0])

    def create(self, table: OnlineTable) -> None:
        with self._transaction():
            standing = self._owned(table)
            if standing is None:
                self._make(table)
            elif not standing.extends(table):
                raise layout_differs(table.name)

    def alter(self, table: OnlineTable) -> None:
        with self._transaction():
            standing = self._owned(table)
            if standing is None:
                self._make(table)
            elif not table.alters(standing):
                raise layout_differs(table.name)
            else:
                self._record(table)

    def drop(self, table: OnlineTable) -> None:
        with self._transaction():
            standing = self._standing(table.name)
            if standing is not None and not table.may_drop(standing):
                raise not_owned(standing, table.project)
            if standing is not None:
                self._connection.execute(f"DROP TABLE {_quoted(table.name)}")
            self._connection.execute(f"DELETE FROM {_CATALOG} WHERE name = ?", (table.name,))  # noqa: S608

    def write(self, name: str, rows: Iterable[tuple[bytes, bytes]], *, until: int | None = None) -> int:
        table = _quoted(name)
        upsert = (
            f"INSERT INTO {table} (key, row) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET row = excluded.row "  # noqa: S608
            f"WHERE substr(excluded.row, 1, {STAMP_BYTES}) >= substr({table}.row, 1, {STAMP_BYTES})"
        )
        bound: tuple[bytes, ...] = ()
        if until is not None:
            upsert += (
                f" OR substr({table}.row, 1, {INSTANT_BYTES}) > ?3"
                f" OR substr({table}.row, {INSTANT_BYTES + 1}, {INSTANT_BYTES}) > ?3"
            )
            bound = (instant_bytes(until),)
        given, count = iter(rows), 0
        while chunk := [(*row, *bound) for row in islice(given, CHUNK_ROWS)]:
            with self._transaction():
                self._require(name)
                count += self._connection.executemany(upsert, chunk).rowcount
        return count

    def reset(self, name: str, rows: Iterable[tuple[bytes, bytes]]) -> int:
        """Rows wait in a temporary table, which no other connection sees; one transaction puts them in place.

        Readers see the rows before it or after it; other writers wait as long as it takes.
        """
        table, given = _quoted(name), iter(rows)
        stage = (
            f"INSERT INTO temp.{_STAGED} (key, row) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET row = excluded.row "  # noqa: S608
            f"WHERE substr(excluded.row, 1, {STAMP_BYTES}) >= substr({_STAGED}.row, 1, {STAMP_BYTES})"
        )
        with _complaints():
            self._require(name)
            self._connection.execute(f"DROP TABLE IF EXISTS temp.{_STAGED}")
            self._connection.execute(
                f"CREATE TEMP TABLE {_STAGED} (key BLOB PRIMARY KEY, row BLOB NOT NULL) WITHOUT ROWID, STRICT"
            )
        try:
            while chunk := list(islice(given, CHUNK_ROWS)):
                with _complaints():
                    self._connection.execute("BEGIN")
                    self._connection.executemany(stage, chunk)
                    self._connection.execute("COMMIT")
            with self._transaction():
                self._require(name)
                gone = f"DELETE FROM {table} WHERE key NOT IN (SELECT key FROM temp.{_STAGED})"  # noqa: S608
                removed = self._connection.execute(gone).rowcount
                self._connection.execute(
                    f"INSERT INTO {table} (key, row) SELECT key, row FROM temp.{_STAGED} WHERE true "  # noqa: S608
                    f"ON CONFLICT (key) DO UPDATE SET row = excluded.row WHERE row IS NOT excluded.row"
                )
        finally:
            with suppress(sqlite3.Error):
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                self._connection.execute(f"DROP TABLE IF EXISTS temp.{_STAGED}")
        return removed

    @_steady
    def read(self, wanted: Sequence[tuple[str, Sequence[bytes]]]) -> tuple[Mapping[bytes, bytes], ...]:
        found: list[dict[bytes, bytes]] = [{} for _ in wanted]
        with self._snapshot():
            for selects, keys in _statements(wanted):
                for place, key, row in self._connection.execute(" UNION ALL ".join(selects), keys):
                    found[place][key] = row
        return tuple(found)

    def close(self) -> None:
        self._file.close()

    @contextmanager
    def _snapshot(self) -> Iterator[None]:
        """All that is read inside is of one moment.

        The pragma opens it before the schema is read: somebody who makes many tables can make one more between any two
        steps of a statement, and after fifty attempts SQLite gives up ("database schema has changed").
        """
        with _complaints():
            self._connection.execute("BEGIN")
            try:
                patiently(self._connection, "PRAGMA schema_version", busy=_BUSY_SECONDS).fetchone()
                yield
            finally:
                self._connection.execute("ROLLBACK")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with _complaints():
            patiently(self._connection, "BEGIN IMMEDIATE", busy=_BUSY_SECONDS)
            try:
                yield
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def _exists(self, name: str) -> bool:
        # sqlite_master has no index: among thousands of tables it would be read from end to end for each of them.
        sql = "SELECT 1 FROM pragma_table_info(?) LIMIT 1"
        return self._connection.execute(sql, (name,)).fetchone() is not None

    def _columns(self, name: str) -> tuple[tuple[str, str, int], ...]:
        """What stands under a name, as ``_COLUMNS`` has it; a view has no key. Nothing where nothing stands."""
        sql = "SELECT name, type, pk FROM pragma_table_info(?) ORDER BY cid"
        return tuple(self._connection.execute(sql, (name,)).fetchall())

    def _require(self, name: str) -> None:
        columns = self._columns(name)
        if not columns:
            raise no_table(name)
        if columns != _COLUMNS:
            raise not_owned(_unknown(name), "")

    def _standing(self, name: str) -> OnlineTable | None:
        """What exists under a name, whoever made it. The catalogue is asked only whose it is and what it holds.

        Where something else has taken the place of a table, the catalogue speaks of what is gone.
        """
        columns = self._columns(name)
        if columns != _COLUMNS:
            return _unknown(name) if columns else None
        sql = f"SELECT name, project, layout FROM {_CATALOG} WHERE name = ? COLLATE NOCASE"  # noqa: S608
        row = self._connection.execute(sql, (name,)).fetchone() if self._exists(_CATALOG) else None
        return _table(*row) if row else _unknown(name)

    def _owned(self, table: OnlineTable) -> OnlineTable | None:
        """What exists under the name of ``table``, if it is the same one; None where there is nothing."""
        standing = self._standing(table.name)
        if standing is not None and not standing.owned_like(table):
            raise not_owned(standing, table.project)
        return standing

    def _make(self, table: OnlineTable) -> None:
        self._connection.execute(
            f"CREATE TABLE {_quoted(table.name)} (key BLOB PRIMARY KEY, row BLOB NOT NULL) WITHOUT ROWID, STRICT"
        )
        self._record(table)

    def _record(self, table: OnlineTable) -> None:
        sql = f"INSERT OR REPLACE INTO {_CATALOG} (name, project, layout) VALUES (?, ?, ?)"  # noqa: S608
        self._connection.execute(sql, (table.name, table.project, msgspec.json.encode(table)))


def _statements(wanted: Sequence[tuple[str, Sequence[bytes]]]) -> Iterator[tuple[list[str], list[bytes]]]:
    """As few statements as SQLite's limits allow: one, unless thousands of entities are asked for."""
    selects: list[str] = []
    keys: list[bytes] = []
    for place, (name, asked) in enumerate(wanted):
        unique = list(dict.fromkeys(asked))
        for start in range(0, len(unique), _MOST_KEYS):
            part = unique[start : start + _MOST_KEYS]
            if selects and (len(keys) + len(part) > _MOST_KEYS or len(selects) == _MOST_SELECTS):
                yield selects, keys
                selects, keys = [], []
            marks = ", ".join("?" * len(part))
            selects.append(f"SELECT {place}, key, row FROM {_quoted(name)} WHERE key IN ({marks})")  # noqa: S608
            keys += part
    if selects:
        yield selects, keys


def _table(name: str, project: str, layout: bytes) -> OnlineTable:
    """A table as the catalogue has it; without keys and features where its entry is damaged."""
    try:
        return msgspec.structs.replace(msgspec.json.decode(layout, type=OnlineTable), name=name, project=project)
    except (msgspec.MsgspecError, UnicodeDecodeError, TypeError):
        return _unknown(name, project)


def _unknown(name: str, project: str = "") -> OnlineTable:
    """What stands there and cannot be read as a table of asof's; without a project it is nobody's."""
    return OnlineTable(name=name, project=project, view="", keys=(), features=())


@contextmanager
def _complaints() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        text = str(error)
        if text.startswith("no such table: "):
            raise no_table(text.removeprefix("no such table: ").removeprefix("main.")) from error
        raise refused("sqlite", error) from error
    except sqlite3.Error as error:
        raise refused("sqlite", error) from error


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
