"""A DuckDB in memory for SQL and rows that somebody else wrote: it sees no file, no network and no Python variable."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from collections.abc import Iterator

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


@contextmanager
def sandbox() -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty database of one thread and MEMORY, its clock in UTC; closed in the end."""
    with duckdb.connect() as connection:
        for statement in _SETTINGS:
            connection.execute(statement)
        yield connection
