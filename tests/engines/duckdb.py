"""DuckDB, in this process."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

from tests.engines.base import HOSTILE_ZONE, ColumnTypes, Row, create_table, quoted, utc

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from asof.compiler.types import Type


class DuckDB:
    """An in-memory DuckDB."""

    dialect: str = "duckdb"

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
        self.connection.execute(create_table(table, columns, "duckdb"))
        if rows:
            one = f"({', '.join('?' * len(columns))})"
            values = [value for row in rows for value in row]
            self.connection.execute(f"INSERT INTO {quoted(table)} VALUES {', '.join([one] * len(rows))}", values)

    def run(self, sql: str, prologue: Sequence[str] = (), types: Sequence[Type] | None = None) -> list[Row]:
        for statement in prologue:
            self.connection.execute(statement)
        return [tuple(map(utc, row)) for row in self.connection.execute(sql).fetchall()]
