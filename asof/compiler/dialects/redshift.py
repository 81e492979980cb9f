"""Redshift: Postgres's words over a columnar engine that has neither LATERAL nor frames of time."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sqlglot import exp

from asof.compiler import types
from asof.compiler.dialects import syntax
from asof.compiler.dialects.base import Dialect
from asof.compiler.dialects.postgres import Postgres

if TYPE_CHECKING:
    from asof.compiler.dialects.base import LatestStrategy
    from asof.compiler.duration import Duration

_NO_ARRAYS = (
    "no aggregate makes an array, and LISTAGG makes text of 64 kB at most; ask for single values, such as last or max"
)


class Redshift(Postgres):
    """A running maximum that counts ROWS for the latest row; windows join each question with its rows."""

    name = "redshift"
    prologue: tuple[str, ...] = ("SET timezone TO 'UTC'", "SET enable_case_sensitive_identifier TO TRUE")
    latest: LatestStrategy = "frame"
    strategies: tuple[LatestStrategy, ...] = ("frame", "pairs")
    evaluates_once = False
    materialize_rows = None
    range_frames = False
    nodes = syntax.CORE | syntax.MOMENTS | syntax.INTERVALS
    identifier_length = 127
    max_statement_bytes = 16_777_216
    max_columns = 1_600
    max_table_columns = 1_600
    type_names: ClassVar = {
        "bool": "BOOLEAN",
        "int32": "INTEGER",
        "int64": "BIGINT",
        "float32": "REAL",
        "float64": "DOUBLE PRECISION",
        "string": "VARCHAR(65535)",
        "bytes": "VARBYTE(1024000)",
        "date": "DATE",
        "timestamp": "TIMESTAMPTZ",
        "json": "SUPER",
        "uuid": "VARCHAR(36)",
    }
    frame_functions = frozenset()
    unsupported: ClassVar = {
        **dict.fromkeys(
            ("first_n", "last_n", "first_distinct_n", "last_distinct_n", "top_n", "bottom_n", "NULLs in lists"),
            _NO_ARRAYS,
        ),
        "histogram": "it has no map; count with a condition for each value",
        "by": "it has no map; write one aggregation with a condition for each value",
        "percentiles": "it has no arrays of numbers; write one aggregation for each percentile",
        "files": "give the source a table, such as one of an external schema (Spectrum)",
    }
    carriers: ClassVar = {"bool": "int32"}

    def bucket(self, instant: exp.Expr, length: Duration) -> exp.Expr | None:
        """It has no DATE_BIN."""
        return None

    def carried(self, value: exp.Expr, kind: types.Type | None) -> exp.Expr | None:
        """It has no TO_JSONB, and takes bytes as they are."""
        return Dialect.carried(self, value, kind)

    def uncarried(self, value: exp.Expr, kind: types.Type | None) -> exp.Expr:
        return Dialect.uncarried(self, value, kind)

    def compared(self, value: exp.Expr, kind: types.Type | None) -> exp.Expr:
        """UUIDs are text here, on both sides."""
        return Dialect.compared(self, value, kind)

    def written(self, node: exp.Expr) -> exp.Expr:
        """AVG of integers gives an integer here."""
        if isinstance(node, exp.Avg):
            return exp.Avg(this=self.cast(node.this, types.FLOAT64))
        return node
