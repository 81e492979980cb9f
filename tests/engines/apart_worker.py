"""Runs in a process of its own: a document on standard input says what to load and ask, a file takes the answer."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def ask_duckdb(asked: dict[str, Any]) -> None:
    import duckdb
    import duckdb_extension_httpfs  # type: ignore[import-not-found,unused-ignore]

    (extension,) = Path(duckdb_extension_httpfs.__file__).parent.rglob("httpfs.duckdb_extension")
    connection = duckdb.connect(config={"threads": 1, "autoinstall_known_extensions": False})
    connection.execute(f"LOAD '{extension}'")
    connection.execute("SET TimeZone = 'Asia/Kathmandu'")
    for table, file in asked["tables"].items():
        connection.execute(f"CREATE TABLE \"{table}\" AS FROM read_parquet('{file}')")
    for statement in asked["statements"]:
        connection.execute(statement)
    connection.execute(f"COPY ({asked['query']}) TO '{asked['answer']}' (FORMAT parquet)")


def ask_clickhouse(asked: dict[str, Any]) -> None:
    from chdb import session  # type: ignore[import-not-found,unused-ignore]

    engine = session.Session(f":memory:?config-file={asked['setting']}")
    engine.query("SET session_timezone = 'Asia/Kathmandu'")
    for table, file in asked["tables"].items():
        engine.query(f"CREATE TABLE \"{table}\" ENGINE = Memory AS SELECT * FROM file('{file}', 'Parquet')")
    for statement in asked["statements"]:
        engine.query(statement)
    found = engine.query(f"{asked['query']}\nSETTINGS output_format_parquet_string_as_string = 1", "Parquet")
    Path(asked["answer"]).write_bytes(found.bytes())
    engine.close()


if __name__ == "__main__":
    document = json.load(sys.stdin)
    {"duckdb": ask_duckdb, "clickhouse": ask_clickhouse}[document["engine"]](document)
