"""PostgreSQL: with an index on (keys, event time) one probe per question is hard to beat."""

from __future__ import annotations

from sqlglot import exp

from asof.compiler.dialects import syntax
from asof.compiler.dialects.base import Dialect
from asof.compiler.dialects.calls import COMMON


class Postgres(Dialect):
    """LATERAL ... LIMIT 1 for the latest row; RANGE frames, which need no index, for windows."""

    name = "postgres"
    prologue = ("SET TimeZone = 'UTC'",)
    latest = "lateral"
    strategies = ("lateral", "frame", "pairs")
    evaluates_once = True
    nodes = syntax.CORE | syntax.MOMENTS | syntax.INTERVALS | {exp.Lateral}
    identifier_length = 63
    materialize_rows = False
    type_names = {  # noqa: RUF012 - a constant table
        "bool": "BOOLEAN",
        "int32": "INTEGER",
        "int64": "BIGINT",
        "float32": "REAL",
        "float64": "DOUBLE PRECISION",
        "string": "TEXT",
        "bytes": "BYTEA",
        "date": "DATE",
        "timestamp": "TIMESTAMPTZ",
        "json": "JSONB",
        "uuid": "UUID",
    }
    frame_functions = frozenset(
        {"count", "sum", "mean", "min", "max", "var_pop", "var_samp", "stddev_pop", "stddev_samp"}
    )
    nulls_first_descending = True
    carriers = {"bool": "int32", "uuid": "string"}  # noqa: RUF012 - a constant table
    calls = COMMON
