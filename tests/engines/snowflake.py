"""Snowflake's SQL on fakesnow, an emulator over DuckDB: Snowflake itself is a service.

It translates with sqlglot, so that it is no independent reading of the syntax; its types, functions and names are its
own. It needs an older sqlglot than the compiler does, and so an environment and a process of its own: made once, in
.engines/.
"""

from __future__ import annotations

import json
import subprocess
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asof.compiler.types import DATE, FLOATS, INTEGERS, TIMESTAMP, Array, Map
from tests.engines.base import EPOCH, ColumnTypes, Row, create_table, microseconds, quoted
from tests.engines.environment import environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from asof.compiler.types import Type

PACKAGES = ("fakesnow==0.12.1", "snowflake-connector-python==4.8.1")
"""With the connector 5 fakesnow does not import."""
WORKER = Path(__file__).with_name("snowflake_worker.py")

CANNOT = {
    "ALTER SESSION SET TIMEZONE = 'UTC'": "it refuses the statement; its sessions are always in UTC",
    "CREATE TABLE": "it writes an apostrophe in a name into its own catalog unescaped: views give columns their names",
    "ARRAY_AGG": "it keeps NULLs, which Snowflake leaves out by its documentation: they are dropped on reading",
    "MATCH_CONDITION": "its parser does not read Snowflake's ASOF JOIN",
}
"""What fakesnow cannot do -> why, or what it does instead. Such a statement of the prologue is left out."""


class Snowflake:
    """One session of fakesnow in a process of its own."""

    dialect = "snowflake"

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [environment("snowflake", PACKAGES), "-P", "-W", "ignore", WORKER],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, encoding="utf-8",
        )  # fmt: skip
        self.tables: list[str] = []

    def close(self) -> None:
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()
        self.process.wait(20)

    def execute(self, sql: str) -> list[list[Any]]:
        """The rows of a statement, as JSON has them."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(sql) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"fakesnow ended with {self.process.poll()}"
        answer = json.loads(line)
        assert "error" not in answer, f"{answer['error']}\n{sql}"
        rows: list[list[Any]] = answer["rows"]
        return rows

    @contextmanager
    def scratch(self) -> Iterator[Snowflake]:
        try:
            yield self
        finally:
            while self.tables:
                table = self.tables.pop()
                self.execute(f"DROP VIEW {quoted(table)}")
                self.execute(f"DROP TABLE {quoted(f'{table} kept')}")

    def load(self, table: str, columns: ColumnTypes, rows: Sequence[Row]) -> None:
        kept = f"{table} kept"
        plain = [f"c{number}" for number in range(len(columns))]
        self.execute(create_table(kept, [(n, k) for n, (_, k) in zip(plain, columns, strict=True)], self.dialect))
        shown = ", ".join(f"{quoted(n)} AS {quoted(name)}" for n, (name, _) in zip(plain, columns, strict=True))
        self.tables.append(table)
        self.execute(f"CREATE VIEW {quoted(table)} AS SELECT {shown} FROM {quoted(kept)}")
        if rows:
            values = ", ".join(f"({', '.join(map(literal, row))})" for row in rows)
            self.execute(f"INSERT INTO {quoted(kept)} VALUES {values}")

    def run(self, sql: str, prologue: Sequence[str] = (), types: Sequence[Type] | None = None) -> list[Row]:
        for statement in prologue:
            if statement not in CANNOT:
                self.execute(statement)
        rows = self.execute(sql)
        if types is None:
            return [tuple(row) for row in rows]
        return [tuple(read(value, kind) for value, kind in zip(row, types, strict=True)) for row in rows]


def literal(value: object) -> str:
    match value:
        case None:
            return "NULL"
        case bool():
            return str(value).upper()
        case datetime(tzinfo=None):
            return f"'{value.isoformat(sep=' ')}'"
        case datetime():
            return f"TO_TIMESTAMP_LTZ({microseconds(value)}, 6)"
        case date():
            return f"'{value.isoformat()}'"
        case str():
            escaped = value.replace("\\", "\\\\").replace("'", "''")
            return f"'{escaped}'"
        case float():
            return f"{value!r}::DOUBLE"
        case int() | Decimal():
            return str(value)
    raise TypeError(f"{value!r} has no literal")


def read(value: Any, kind: Type) -> object:
    """The inverse of what the worker wrote, by type."""
    if value is None:
        return None
    if kind == TIMESTAMP:
        return EPOCH + timedelta(microseconds=value)
    if kind == DATE:
        return date.fromisoformat(value)
    if kind in FLOATS:
        return float(value)
    if isinstance(kind, Array | Map):
        # A semi-structured value is a text of JSON, but where the engine below fakesnow kept a list of its own.
        return without_nulls(json.loads(value) if isinstance(value, str) else value)
    return int(value) if kind in INTEGERS else value


def without_nulls(value: Any) -> Any:
    """Lists inside of a map as well."""
    if isinstance(value, dict):
        return {key: without_nulls(one) for key, one in value.items()}
    return [one for one in value if one is not None] if isinstance(value, list) else value
