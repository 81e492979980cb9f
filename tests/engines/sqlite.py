"""SQLite, in this process."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from asof.compiler.types import BOOL, DATE, FLOATS, TIMESTAMP, Type
from tests.engines.base import EPOCH, ColumnTypes, Row, create_table, microseconds, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


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
