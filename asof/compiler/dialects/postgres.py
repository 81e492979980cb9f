"""PostgreSQL: with an index on (keys, event time) one probe per question is hard to beat."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sqlglot import exp

from asof.compiler.dialects import syntax
from asof.compiler.dialects.base import Dialect
from asof.compiler.dialects.calls import COMMON

if TYPE_CHECKING:
    from asof.compiler.dialects.base import LatestStrategy


class Postgres(Dialect):
    """LATERAL ... LIMIT 1 for the latest row; RANGE frames, which need no index, for windows."""

    name = "postgres"
    prologue: ClassVar[tuple[str, ...]] = ("SET TimeZone = 'UTC'",)
    latest: LatestStrategy = "lateral"
    strategies: ClassVar[tuple[LatestStrategy, ...]] = ("lateral", "frame", "pairs")
    evaluates_once = True
    nodes = syntax.CORE | syntax.MOMENTS | syntax.INTERVALS | {exp.Lateral}
    identifier_length = 63
    materialize_rows: ClassVar[bool | None] = False
    max_columns = 1_664
    max_table_columns = 1_600
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
