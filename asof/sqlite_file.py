"""Opening SQLite files, for writers and for readers that have no permission to write.

A reader of a file in WAL mode needs the files ``-wal`` and ``-shm`` next to it, and makes them where they are
missing. Without permission for that the file is read as if it never changed (``immutable=1``), which is right as
long as no ``-wal`` holds changes. SQLite then neither locks nor looks for changes: ``SQLiteFile`` compares the
file's stat before and after each read and opens the file again if it differs.
"""

from __future__ import annotations

import os
import sqlite3
import time
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from asof.compiler.diagnostics import DiagnosticError
from asof.compiler.source import NOWHERE
from asof.compiler.store_options import STORE_UNAVAILABLE
from asof.interruptible import checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

T = TypeVar("T")

_ATTEMPTS = 20
_WAIT_SECONDS = 0.2
"""How long SQLite itself waits for a lock, which no interrupt ends."""
_NEEDS_WRITING = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
_SIBLINGS = ("-wal", "-journal")
_OLD_SECONDS = 3600.0
"""A file changed longer ago than this, by whichever clock, gets another time stamp when it changes again."""
_TICK_SECONDS, _COARSE_TICK_SECONDS = 0.02, 2.0
"""Resolution of time stamps: the kernel's tick is at most 10 ms; FAT and old NFS keep whole seconds, FAT even ones."""


class _Seen(NamedTuple):
    """What tells that a file was changed or replaced: identity, size and times of the file; those of its siblings."""

    main: tuple[int, ...]
    siblings: tuple[tuple[int, ...], ...]

    @property
    def pending(self) -> bool:
        """Whether a sibling holds changes that the file lacks."""
        return any(sibling and sibling[2] for sibling in self.siblings)


class SQLiteFile:
    """A connection to a SQLite file, replaced where only comparing stats tells that the file has changed."""

    def __init__(self, open_again: Callable[[], tuple[sqlite3.Connection, _Seen | None]], path: Path | None) -> None:
        self._open = open_again
        self._path = path
        self.connection, self._seen = open_again()

    def unchanged(self) -> bool:
        """Whether all that was read since the file was opened is of one moment."""
        return self._seen is None or self._path is None or _look(self._path) == self._seen

    def reopen(self) -> None:
        """Read the file as it is now. What belongs to the connection (temporary tables) is gone."""
        connection, seen = self._open()
        self.connection.close()
        self.connection, self._seen = connection, seen

    def steadily(self, read: Callable[[], T], *, once: bool = False) -> T:
        """What ``read`` returns, all of one moment: it is called again if the file was changed meanwhile.

        ``read`` takes ``connection`` anew each time. ``once``: it is not called again, and the connection stays.
        Raises DiagnosticError AS723 if the file never rests.
        """
        for _ in range(1 if once else _ATTEMPTS):
            if not once and not self.unchanged():
                self.reopen()
            try:
                result = read()
            except (sqlite3.Error, DiagnosticError):
                if self.unchanged():
                    raise
            else:
                if self.unchanged():
                    return result
        raise restless()

    def close(self) -> None:
        """End the connection."""
        self.connection.close()


def patiently(
    connection: sqlite3.Connection, sql: str, parameters: Sequence[object] = (), *, busy: float
) -> sqlite3.Cursor:
    """Run a statement, again and again for ``busy`` seconds while other processes lock what it needs.

    Between two attempts Ctrl-C is heard.
    """
    end = time.monotonic() + busy
    while True:
        checkpoint()
        start = time.monotonic()
        try:
            return connection.execute(sql, parameters)
        except sqlite3.OperationalError as error:
            locked = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
            # SQLite does not wait where waiting cannot help: two transactions that wait for each other.
            in_vain = connection.in_transaction and time.monotonic() - start < _WAIT_SECONDS / 2
            if not locked or in_vain or start > end:
                raise


def open_writer(path: Path) -> SQLiteFile:
    """A connection that may write; makes the file. What needs a lock is run by ``patiently``."""
    return SQLiteFile(lambda: (_connect(path.as_uri()), None), None)


def open_reader(path: Path, *, busy: float, shown: str) -> SQLiteFile:
    """A connection that creates and changes nothing, with or without permission to; empty if there is no file yet.

    It is opened once it can be read: ``busy`` is how many seconds that waits for others' locks. ``shown`` is how
    messages name the file. Raises sqlite3.Error, or DiagnosticError AS723 if changes lie in a
    ``-wal`` or ``-journal`` that only a process with write permission can read.
    """
    return SQLiteFile(lambda: _reader(path, busy, shown), path)


def in_memory() -> SQLiteFile:
    """A database of its own that nobody else sees."""
    return SQLiteFile(lambda: (_connect("file::memory:"), None), None)


def restless() -> DiagnosticError:
    """The file changed again and again while it was read."""
    message = "sqlite: the file was changed or replaced while it was read"
    note = "run the command again; with write permission to the file's folder readers and writers do not disturb"
    return DiagnosticError(STORE_UNAVAILABLE.at(NOWHERE, message, notes=(note,)))


def _reader(path: Path, busy: float, shown: str) -> tuple[sqlite3.Connection, _Seen | None]:
    for _ in range(_ATTEMPTS):
        seen = _look(path)
        if not seen.main:
            # Once the file is there its stat differs, and the reader opens it.
            return _connect("file::memory:"), seen
        try:
            return _asked(_connect(f"{path.as_uri()}?mode=ro"), busy), None
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in _NEEDS_WRITING or not os.access(path, os.R_OK):
                raise
        if _look(path) != seen:
            continue
        if seen.pending:
            raise _pending(path, shown)
        connection = _connect(f"{path.as_uri()}?mode=ro&immutable=1")
        _settle(seen)
        if _look(path) == seen:
            return connection, seen
        connection.close()
    raise restless()


def _asked(connection: sqlite3.Connection, busy: float) -> sqlite3.Connection:
    """The connection, after a first read: SQLite opens what it needs no sooner."""
    try:
        patiently(connection, "PRAGMA schema_version", busy=busy).fetchone()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _connect(uri: str) -> sqlite3.Connection:
    # A session is in one thread at a time, but not always in the one that opened it.
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=_WAIT_SECONDS, check_same_thread=False)


def _look(path: Path) -> _Seen:
    # A reader that is root gives -wal the owner of the file again, which changes the time of its inode: left out.
    return _Seen(_stat(path), tuple(_stat(path.with_name(path.name + end))[:4] for end in _SIBLINGS))


def _stat(path: Path) -> tuple[int, ...]:
    """Device, inode, size, time of change and of the inode's change in nanoseconds; empty if there is no such file."""
    try:
        now = path.stat()
    except FileNotFoundError:
        return ()
    return now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns


def _settle(seen: _Seen) -> None:
    """Wait until a change of the file gives it another time stamp than those ``seen``."""
    stamps = [stamp for stat in (seen.main, *seen.siblings) for stamp in stat[3:]]
    if all(abs(time.time() - stamp / 1e9) > _OLD_SECONDS for stamp in stamps):
        return
    coarse = all(stamp % 1_000_000_000 == 0 for stamp in stamps)
    time.sleep(_COARSE_TICK_SECONDS if coarse else _TICK_SECONDS)


def _pending(path: Path, shown: str) -> DiagnosticError:
    """The refusal to read a file without the changes next to it."""
    ends = [end for end in _SIBLINGS if _stat(path.with_name(path.name + end))[2:3] not in ((), (0,))]
    kept = " and ".join(f"{shown}{end}" for end in ends) or f"{shown}-wal"
    message = f"sqlite: {shown}: the last changes are in {kept}, which needs permission to write to be read"
    note = (
        "a process with write permission puts them into the file when it opens and closes it"
        " (asof materialize, or sqlite3 FILE 'PRAGMA wal_checkpoint(TRUNCATE)')"
    )
    return DiagnosticError(STORE_UNAVAILABLE.at(NOWHERE, message, notes=(note,)))
