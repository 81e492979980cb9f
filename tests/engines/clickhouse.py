"""ClickHouse, in this process (chdb): all sessions share one engine, so each runner has a database of its own."""

from __future__ import annotations

import os
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa

from asof.compiler.types import BOOL, Type
from tests.engines.base import HOSTILE_ZONE, ColumnTypes, Row, microseconds, quoted, sql_type, utc

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class ClickHouse:
    """One database of the engine in this process."""

    dialect = "clickhouse"

    def __init__(self) -> None:
        from chdb import session

        self.session = session.Session()
        self.database = f"d{os.urandom(4).hex()}"
        self.session.query(f"CREATE DATABASE {self.database} ENGINE = Atomic")
        self.session.query(f"USE {self.database}")
        self.tables: list[str] = []

    def close(self) -> None:
        self.session.query(f"DROP DATABASE {self.database}")
        self.session.close()

    @contextmanager
    def scratch(self) -> Iterator[ClickHouse]:
        self.session.query(f"SET session_timezone = '{HOSTILE_ZONE}'")
        try:
            yield self
        finally:
            while self.tables:
                self.session.query(f"DROP TABLE {quoted(self.tables.pop())} SYNC")

    def load(self, table: str, columns: ColumnTypes, rows: Sequence[Row]) -> None:
        declared = ", ".join(f"{quoted(n)} {sql_type(t, self.dialect)}" for n, t in columns)
        self.session.query(f"CREATE TABLE {quoted(table)} ({declared}) ENGINE = Memory")
        self.tables.append(table)
        if rows:
            values = ", ".join(f"({', '.join(map(literal, row))})" for row in rows)
            self.session.query(f"INSERT INTO {quoted(table)} VALUES {values}")

    def run(self, sql: str, prologue: Sequence[str] = (), types: Sequence[Type] | None = None) -> list[Row]:
        for statement in prologue:
            self.session.query(statement)
        found = self.session.query(f"{sql}\nSETTINGS output_format_arrow_string_as_string = 1", "ArrowTable")
        assert isinstance(found, pa.Table)
        columns = [column.to_pylist() for column in found.columns]
        rows = [tuple(map(utc, row)) for row in zip(*columns, strict=True)] if columns else []
        if types is None:
            return rows
        return [tuple(read(value, kind) for value, kind in zip(row, types, strict=True)) for row in rows]


def literal(value: object) -> str:
    match value:
        case None:
            return "NULL"
        case bool():
            return str(value).lower()
        case datetime():
            return f"fromUnixTimestamp64Micro(toInt64({microseconds(value)}), 'UTC')"
        case date():
            return f"toDate32('{value}')"
        case str():
            escaped = value.replace("\\", "\\\\").replace("'", "\\'")
            return f"'{escaped}'"
        case int() | float() | Decimal():
            return repr(value) if not isinstance(value, Decimal) else str(value)
    raise TypeError(f"{value!r} has no literal")


def read(value: object, kind: Type) -> object:
    return bool(value) if kind == BOOL and value is not None else value
