"""T-SQL: SQL Server, Azure Synapse and Fabric. Conditions are no values, times have no intervals, LATERAL is APPLY."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from asof.compiler import types
from asof.compiler.dialects import syntax
from asof.compiler.dialects.base import TICKS, Dialect

if TYPE_CHECKING:
    from asof.compiler.model import Timing

_NO_ARRAYS = (
    "it has no arrays, and one SELECT takes STRING_AGG in one order only; ask for single values, such as last or max"
)
_DAY = 86_400_000_000
_MOMENTS: dict[type[exp.Expr], str] = {
    exp.VariancePop: "VARP",
    exp.Variance: "VAR",
    exp.StddevPop: "STDEVP",
    exp.StddevSamp: "STDEV",
}


class TSQL(Dialect):
    """CROSS APPLY (SELECT TOP 1 ...) over an index for the latest row; windows join each question with its rows."""

    name = "tsql"
    latest = "lateral"
    strategies = ("lateral", "frame", "pairs")
    clock = "microseconds"
    narrow_counts = True
    nodes = syntax.CORE | syntax.MOMENTS | {exp.Lateral, exp.Var, exp.Mod, exp.Collate}
    builtins = frozenset({"DATEDIFF_BIG", "DATEADD"})
    identifier_length = 128
    max_statement_bytes = 65_536 * 4_096
    max_columns = 4_096
    max_table_columns = 700
    temporary = "hash"
    ascending_nulls_first = True
    type_names = {  # noqa: RUF012 - a constant table
        "bool": "BIT",
        "int32": "INT",
        "int64": "BIGINT",
        "float32": "REAL",
        "float64": "FLOAT",
        "string": "NVARCHAR(MAX)",
        "bytes": "VARBINARY(MAX)",
        "date": "DATE",
        "timestamp": "DATETIMEOFFSET(6)",
        "json": "NVARCHAR(MAX)",
        "uuid": "UNIQUEIDENTIFIER",
    }
    unsupported = {  # noqa: RUF012 - a constant table
        **dict.fromkeys(
            ("first_n", "last_n", "first_distinct_n", "last_distinct_n", "top_n", "bottom_n", "NULLs in lists"),
            _NO_ARRAYS,
        ),
        "histogram": "it has no map; count with a condition for each value",
        "by": "it has no map; write one aggregation with a condition for each value",
        "percentiles": "it has no arrays; write one aggregation for each percentile",
        "time zones": "AT TIME ZONE takes Windows names here; store timestamps in UTC, or with their offset",
        "files": "give the source a table, such as an external one",
    }
    carriers = {"bool": "int32", "uuid": "string"}  # noqa: RUF012 - a constant table

    def timestamp(self, value: exp.Expr, kind: types.Type | None, timing: Timing) -> exp.Expr:
        if kind in types.INTEGERS or (kind is None and timing.timestamp_unit):
            return self.since_epoch(self.cast(value, types.INT64), TICKS[timing.timestamp_unit])
        return self.cast(value, types.TIMESTAMP)

    def instant_text(self, text: str) -> exp.Expr:
        """An offset has its minutes here."""
        return super().instant_text(f"{text}:00" if text.endswith("+00") else text)

    def since_epoch(self, count: exp.Expr, ticks: int) -> exp.Expr:
        """DATEADD takes a 32-bit number, so days, seconds and microseconds go in one by one."""
        whole = exp.Mul(this=count, expression=exp.Literal.number(ticks)) if ticks > 1 else count
        made = self.instant_text("1970-01-01 00:00:00+00")
        for unit, number in (
            ("DAY", _whole(whole, _DAY)),
            ("SECOND", _rest(_whole(whole, 1_000_000), 86_400)),
            ("MICROSECOND", _rest(whole, 1_000_000)),
        ):
            made = exp.Anonymous(this="DATEADD", expressions=[exp.var(unit), number, made])
        return made

    def tick(self, instant: exp.Expr) -> exp.Expr:
        epoch = self.instant_text("1970-01-01 00:00:00+00")
        return exp.Anonymous(this="DATEDIFF_BIG", expressions=[exp.var("MICROSECOND"), epoch, instant])

    def text(self, value: exp.Expr) -> exp.Expr:
        return exp.Collate(this=value, expression=exp.var("Latin1_General_100_BIN2"))

    def written(self, node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Join) and isinstance(node.this, exp.Lateral):
            node.this.set("cross_apply", True)
            return exp.Join(this=node.this)
        if type(node) in _MOMENTS:
            return exp.Anonymous(this=_MOMENTS[type(node)], expressions=[node.this])
        if isinstance(node, exp.Count):
            node.set("big_int", True)
        if isinstance(node, exp.Avg):
            return exp.Avg(this=self.cast(node.this, types.FLOAT64))
        if isinstance(node, exp.Cast):
            return self._cast(node)
        if isinstance(node, exp.Placeholder):
            return exp.Parameter(this=exp.var(node.name))
        if isinstance(node, exp.Literal) and node.is_string and not node.name.isascii():
            return exp.National(this=node.name)
        return node

    def _cast(self, node: exp.Cast) -> exp.Expr:
        """A sum of INT is INT here, and overflows as such; a condition becomes a BIT by CASE alone."""
        if isinstance(node.this, exp.Sum) and node.to == self.data_type(types.INT64):
            node.this.set("this", self.cast(node.this.this, types.INT64))
        inner = node.this.unnest()
        if isinstance(inner, exp.Predicate | exp.Connector | exp.Not) and node.to == self.data_type(types.BOOL):
            opposite = exp.Not(this=exp.Paren(this=inner.copy()))
            arms = [
                exp.If(this=inner.copy(), true=exp.Literal.number(1)),
                exp.If(this=opposite, true=exp.Literal.number(0)),
            ]
            node.set("this", exp.Case(ifs=arms))
        return node


def _whole(value: exp.Expr, by: int) -> exp.Expr:
    """Towards zero, as whole numbers divide here."""
    return exp.Div(this=_grouped(value), expression=exp.Literal.number(by), typed=True)


def _rest(value: exp.Expr, by: int) -> exp.Expr:
    """With the sign of ``value``."""
    return exp.Mod(this=_grouped(value), expression=exp.Literal.number(by))


def _grouped(value: exp.Expr) -> exp.Expr:
    return value.copy() if isinstance(value, exp.Column | exp.Literal | exp.Cast) else exp.Paren(this=value.copy())
