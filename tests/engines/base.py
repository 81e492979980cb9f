"""What every engine under test has in common: the port, and how columns and times are written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from asof.compiler.dialects import DIALECTS
from asof.compiler.types import Decimal as DecimalType
from asof.compiler.types import Scalar, Type

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


_WALL_CLOCKS = {"sqlite": "INTEGER", "clickhouse": "Nullable(DateTime64(6, 'UTC'))"}
"""Engines that have no type for them: there a wall clock is an instant in UTC."""


def sql_type(wanted: Type | str, dialect: str) -> str:
    """What a column of that type is declared as."""
    if wanted == NAIVE:
        return _WALL_CLOCKS.get(dialect, "TIMESTAMP")
    if isinstance(wanted, DecimalType):
        return f"DECIMAL({wanted.precision},{wanted.scale})" if dialect != "sqlite" else "NUMERIC"
    assert isinstance(wanted, Scalar), f"no column of type {wanted} in these tests"
    return DIALECTS[dialect].type_names[wanted.name]


def create_table(table: str, columns: ColumnTypes, dialect: str) -> str:
    return f"CREATE TABLE {quoted(table)} ({', '.join(f'{quoted(n)} {sql_type(t, dialect)}' for n, t in columns)})"


def utc(value: object) -> object:
    return value.astimezone(UTC) if isinstance(value, datetime) and value.tzinfo else value
