"""SQL dialects as data: facts, strategies, leaf rewrites, and what each cannot do yet."""

from __future__ import annotations

from asof.compiler.dialects.base import Dialect
from asof.compiler.dialects.duckdb import DuckDB
from asof.compiler.dialects.postgres import Postgres
from asof.compiler.dialects.sqlite import SQLite

DIALECTS: dict[str, Dialect] = {dialect.name: dialect for dialect in (DuckDB(), Postgres(), SQLite())}
"""The dialects that can be emitted, by name."""

__all__ = ["DIALECTS", "Dialect"]
