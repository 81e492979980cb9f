"""A DuckDB in memory for SQL and rows that somebody else wrote: it sees no file, no network and no Python variable."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import duckdb

from asof.interruptible import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Answer = tuple[list[str], list[tuple[object, ...]]]

_Result = TypeVar("_Result")

MEMORY = "256MB"
_SETTINGS = (
    "SET TimeZone = 'UTC'",
    "SET threads = 1",
    f"SET memory_limit = '{MEMORY}'",
    "SET temp_directory = ''",
    "SET python_enable_replacements = false",
    "SET allow_community_extensions = false",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET enable_external_access = false",
    # What runs here cannot take any of this back.
    "SET lock_configuration = true",
)


class Sandbox:
    """A DuckDB connection whose work a time limit and Ctrl-C can end; statements on it belong into ``run``."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self._worker = Worker(lambda _: connection.interrupt())

    def run(self, work: Callable[[], _Result]) -> _Result:
        """What ``work`` returns or raises; Ctrl-C ends it: KeyboardInterrupt."""
        return self._worker.run(work)

    def answer(
        self, sql: str, *, seconds: float, most: int | None = None
    ) -> tuple[list[str], list[tuple[object, ...]]]:
        """Names of the columns, and the rows (the first ``most``), of one query.

        Raises duckdb.Error where DuckDB refuses, TimeoutError after ``seconds``.
        """

        def work() -> Answer:
            cursor = self.connection.execute(sql)
            names = [str(column[0]) for column in cursor.description or ()]
            return names, cursor.fetchall() if most is None else cursor.fetchmany(most)

        return self._worker.run(work, seconds=seconds)

    def close(self) -> None:
        self._worker.close(self.connection.close)


@contextmanager
def sandbox() -> Iterator[Sandbox]:
    """An empty database of one thread and MEMORY, its clock in UTC; closed in the end."""
    box = Sandbox(duckdb.connect())
    try:
        box.run(lambda: [box.connection.execute(statement) for statement in _SETTINGS])
        yield box
    finally:
        box.close()
