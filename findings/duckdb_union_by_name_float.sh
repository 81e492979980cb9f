#!/usr/bin/env bash
# DuckDB 2.0.1: READ_PARQUET(..., union_by_name = true) over files that store one column as INT64 (or DECIMAL) and as
# FLOAT gives the column the type FLOAT. The integers and decimals come back with 24 bits, without an error or a
# warning, and a cast to DOUBLE or DECIMAL afterwards restores nothing. With INT64 and DOUBLE the type is DOUBLE.
# Whoever reads features from files of several writers (one of which keeps small floats) loses digits of the others.
# A `schema` argument with the wanted type reads every file right.
#
# Exits 0 while this is so; 1 where the behaviour has changed.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/env"
"$place/env/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.1 pyarrow==26.0.1
cd "$place"
env/bin/python - <<'PYTHON'
import sys
from decimal import Decimal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

pq.write_table(pa.table({"v": pa.array([2.75], pa.float32())}), "float.parquet")
pq.write_table(pa.table({"v": pa.array([16_777_217], pa.int64())}), "integer.parquet")
pq.write_table(pa.table({"v": pa.array([Decimal("123456789.005")], pa.decimal128(12, 3))}), "decimal.parquet")
connection = duckdb.connect()


def read(other: str, options: str) -> list[tuple[str, float]]:
    files = f"['{other}.parquet', 'float.parquet']"
    return connection.sql(f"SELECT TYPEOF(v), v::DOUBLE FROM READ_PARQUET({files}, {options})").fetchall()


union = "union_by_name = true"
schema = "schema = MAP {'v': {'name': 'v', 'type': 'DOUBLE', 'default_value': NULL}}"
seen = [read(other, options)[0] for options in (union, schema) for other in ("integer", "decimal")]
for one in seen:
    print(*one)
expected = [("FLOAT", 16_777_216.0), ("FLOAT", 123_456_792.0), ("DOUBLE", 16_777_217.0), ("DOUBLE", 123_456_789.005)]
sys.exit(seen != expected)
PYTHON
