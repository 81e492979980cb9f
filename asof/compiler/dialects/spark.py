"""Spark: arrays, maps and window functions over everything; an ASOF join where it is switched on."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from sqlglot import exp

from asof.compiler import types
from asof.compiler.dialects import syntax
from asof.compiler.dialects.asof_join import with_match_condition
from asof.compiler.dialects.base import TICKS, Dialect, LatestStrategy, WindowStrategy
from asof.compiler.dialects.declared import Guards
from asof.compiler.tree import identifier

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asof.compiler.dialects.paths import Path
    from asof.compiler.duration import Duration
    from asof.compiler.model import Timing


class Spark(Dialect):
    """One time line with records on it for the latest row; frames over it for windows."""

    name = "spark"
    prologue: tuple[str, ...] = ("SET spark.sql.session.timeZone = UTC", "SET spark.sql.ansi.enabled = true")
    latest: LatestStrategy = "timeline"
    strategies: tuple[LatestStrategy, ...] = ("timeline", "frame", "asof", "pairs")
    records = True
    running_totals = "frames"
    clock = "microseconds"
    native_variance = False
    narrow_counts = True
    ascending_nulls_first = True
    nodes = syntax.CORE | syntax.MOMENTS | {
        exp.ApproxDistinct, exp.Dot, exp.IgnoreNulls, exp.LastValue, exp.IntDiv, exp.WithTableHint, exp.Like,
        exp.DPipe,
    }  # fmt: skip
    builtins = frozenset(
        {
            "UNIX_MICROS", "TIMESTAMP_MICROS", "COLLECT_LIST", "ARRAY_SORT", "NAMED_STRUCT", "MAP_FROM_ENTRIES",
            "STRUCT", "ARRAY", "PERCENTILE_APPROX", "TYPEOF", "RAISE_ERROR",
        }
    )  # fmt: skip
    type_names: ClassVar = {
        "bool": "BOOLEAN",
        "int32": "INT",
        "int64": "BIGINT",
        "float32": "FLOAT",
        "float64": "DOUBLE",
        "string": "STRING",
        "bytes": "BINARY",
        "date": "DATE",
        "timestamp": "TIMESTAMP",
        "json": "STRING",
        "uuid": "STRING",
    }
    frame_functions = frozenset({"count", "sum", "mean", "min", "max", "any", "all"})
    unsupported: ClassVar = {
        "time zones": "store timestamps in UTC: the hour that a zone shows twice would be read as the earlier one",
    }
    reads_files = True
    empty_list_is_null = False
    approximations: ClassVar = {"approx_count_distinct": 0.1, "approx_percentile": 0.01}

    def unread(self, path: Path) -> str:
        if path.is_csv:
            return f"{self.name} reads Parquet files here, no others"
        if path.deep is not None and path.deep != len(path.names) - 2:
            return f"in {self.name} ** stands nowhere but right before the names of files"
        if path.columns and path.is_wild(path.root):
            return f"in {self.name} no wildcard stands before the first folder that names a column"
        return ""

    def scan(self, path: Path, columns: Mapping[str, types.Type], *, naive: bool = False) -> exp.Table:
        """Of a glob, Spark takes only what stands below ``basePath`` for names of columns."""
        where, options = places(path)
        if any(name in columns for name in path.columns):
            options["basePath"] = path.first(path.root)
        elif path.deep is not None:
            options["recursiveFileLookup"] = "true"
        made = exp.Table(this=identifier(where), db=identifier("parquet"))
        if options:
            pairs = [(exp.Literal.string(name), exp.Literal.string(value)) for name, value in options.items()]
            told = [exp.EQ(this=name, expression=value) for name, value in pairs]
            made.set("version", exp.WithTableHint(expressions=told))
        return made

    def from_file(self, value: exp.Column, kind: types.Type, path: Path, *, naive: bool = False) -> exp.Expr:
        """Spark refuses a file that stores a column otherwise than the first it looks at; that one may be wrong too."""
        if kind in (types.TIMESTAMP, types.JSON, types.BYTES) or self.data_type(kind) is None:
            return value
        return _GUARDS.parquet(value, kind, self.cast(value.copy(), kind))

    def from_folder(self, value: exp.Expr, kind: types.Type) -> exp.Expr:
        return value if kind == types.STRING else self.cast(value, kind)

    def settings(self, query: exp.Expr) -> tuple[str, ...]:
        """Else 007 would be read as 7, though the column is declared to be text."""
        told = (option.this.this for hint in query.find_all(exp.WithTableHint) for option in hint.expressions)
        return ("SET spark.sql.sources.partitionColumnTypeInference.enabled = false",) if "basePath" in told else ()

    def timestamp(self, value: exp.Expr, kind: types.Type | None, timing: Timing) -> exp.Expr:
        if kind in types.INTEGERS or (kind is None and timing.timestamp_unit):
            return self.since_epoch(self.cast(value, types.INT64), TICKS[timing.timestamp_unit])
        return self.cast(value, types.TIMESTAMP)

    def since_epoch(self, count: exp.Expr, ticks: int) -> exp.Expr:
        whole = exp.Mul(this=count, expression=exp.Literal.number(ticks)) if ticks > 1 else count
        return exp.Anonymous(this="TIMESTAMP_MICROS", expressions=[whole])

    def tick(self, instant: exp.Expr) -> exp.Expr:
        return exp.Anonymous(this="UNIX_MICROS", expressions=[instant])

    def choosing(self, *, latest: LatestStrategy | None = None, windows: WindowStrategy | None = None) -> Self:
        """The ASOF join is off by default: the prologue says that the statement needs it."""
        made = super().choosing(latest=latest, windows=windows)
        if latest == "asof":
            made.join_methods = frozenset({"", "ASOF"})
            made.prologue = (*self.prologue, "SET spark.sql.join.asofJoin.enabled = true")
        return made

    def written(self, node: exp.Expr) -> exp.Expr:
        return with_match_condition(node)

    def bucket(self, instant: exp.Expr, length: Duration) -> exp.Expr | None:
        whole = exp.Paren(this=instant) if isinstance(instant, exp.Binary) else instant
        return exp.IntDiv(this=whole, expression=exp.Literal.number(length.microseconds))

    def record(self, fields: list[tuple[str, exp.Expr]]) -> exp.Expr:
        parts = [part for name, value in fields for part in (exp.Literal.string(name), value)]
        return exp.Anonymous(this="NAMED_STRUCT", expressions=parts)

    def field(self, record: exp.Expr, name: str) -> exp.Expr:
        return exp.Dot(this=record, expression=exp.to_identifier(name, quoted=True))

    def addend(self, value: exp.Expr) -> exp.Expr:
        """A total of BIGINT fails where it overflows, though no window that is asked for does."""
        return self.cast(value, types.Decimal(38, 0))

    def list_of(self, value: exp.Expr, rank: exp.Expr, kept: exp.Expr) -> exp.Expr:
        """COLLECT_LIST leaves out NULLs, not structs that hold one; a field of an array is the array of the field."""
        names = [exp.Literal.string("rank"), rank, exp.Literal.string("value"), value]
        entry = exp.Anonymous(this="NAMED_STRUCT", expressions=names)
        ranked = exp.Anonymous(this="ARRAY_SORT", expressions=[_collected(entry, kept)])
        return exp.Dot(this=ranked, expression=exp.to_identifier("value", quoted=True))

    def map_of(self, key: exp.Expr, value: exp.Expr, kept: exp.Expr) -> exp.Expr:
        entry = exp.Anonymous(this="STRUCT", expressions=[key, value])
        return exp.Anonymous(this="MAP_FROM_ENTRIES", expressions=[_collected(entry, kept)])

    def array_of(self, values: list[exp.Expr], element: types.Type) -> exp.Expr:
        return exp.Anonymous(this="ARRAY", expressions=values)

    def approximate(self, function: str, value: exp.Expr, percentile: float | None) -> exp.Expr:
        if percentile is None:
            return exp.ApproxDistinct(this=value)
        return exp.Anonymous(this="PERCENTILE_APPROX", expressions=[value, exp.Literal.number(percentile)])


_GUARDS = Guards(
    integers="%int",
    boolean="boolean",
    date="date",
    decimal="decimal({})",
    error="RAISE_ERROR",
    file=exp.Dot(this=exp.Column(this=identifier("_metadata")), expression=identifier("file_path")),
)


def places(path: Path) -> tuple[str, dict[str, str]]:
    """What to read, and with which options: ** is how Spark reads a folder anyway, the rest of it a filter."""
    if path.deep is None:
        return path.first(len(path.names)), {}
    return path.first(path.deep), {"pathGlobFilter": path.names[-1]}


def _collected(entry: exp.Expr, kept: exp.Expr) -> exp.Expr:
    only = exp.Case(ifs=[exp.If(this=kept, true=entry)])
    return exp.Anonymous(this="COLLECT_LIST", expressions=[only])
