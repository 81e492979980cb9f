"""Engines in processes of their own: they take Parquet files and statements, and answer with a Parquet file.

For what cannot live in ours: an older DuckDB, for which there is an httpfs; a ClickHouse with a configuration.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from tests.engines.base import utc
from tests.engines.clickhouse import read
from tests.engines.environment import environment
from tests.oracle.files import parquet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from asof.compiler.types import Type
    from tests.engines.base import ColumnTypes, Row

HTTPFS = ("duckdb==1.5.5", "duckdb-extension-httpfs==1.5.5", "pytz")
"""The newest httpfs in a wheel is for DuckDB 1.5.5: DuckDB itself fetches its extensions from a server of its own."""
WORKER = Path(__file__).with_name("apart_worker.py")


class Apart:
    """A session for one query: ``opening`` are statements it begins with, ``setting`` is a file of configuration."""

    def __init__(self, dialect: str, folder: Path, opening: Sequence[str] = (), setting: str = "") -> None:
        self.dialect, self.folder, self.opening, self.setting = dialect, folder, tuple(opening), setting
        self.tables: dict[str, str] = {}

    @contextmanager
    def scratch(self) -> Iterator[Apart]:
        try:
            yield self
        finally:
            self.tables.clear()

    def load(self, table: str, columns: ColumnTypes, rows: Sequence[Row]) -> None:
        file = self.folder / f"table-{len(self.tables)}.parquet"
        file.write_bytes(parquet(columns, rows))
        self.tables[table] = str(file)

    def run(self, sql: str, prologue: Sequence[str] = (), types: Sequence[Type] | None = None) -> list[Row]:
        answer = self.folder / "answer.parquet"
        asked = {
            "engine": self.dialect,
            "setting": self.setting,
            "tables": self.tables,
            "statements": [*self.opening, *prologue],
            "query": sql,
            "answer": str(answer),
        }
        python = environment("httpfs", HTTPFS) if self.dialect == "duckdb" else Path(sys.executable)
        bare = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        done = subprocess.run(
            [python, "-P", WORKER], input=json.dumps(asked), capture_output=True, text=True, timeout=120, env=bare
        )
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])
        columns = [column.to_pylist() for column in pq.read_table(answer).columns]
        rows = [tuple(map(utc, row)) for row in zip(*columns, strict=True)]
        kinds = types or ()
        return [tuple(read(value, kind) for value, kind in zip(row, kinds, strict=True)) for row in rows]
