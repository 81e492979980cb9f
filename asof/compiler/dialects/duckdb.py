"""DuckDB: reads files, sorts fast, and computes any aggregate over a RANGE frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from asof.compiler import types
from asof.compiler.dialects import syntax
from asof.compiler.dialects.base import Dialect
from asof.compiler.dialects.declared import Guards, pattern
from asof.compiler.tree import identifier, present

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asof.compiler.dialects.paths import Path
    from asof.compiler.duration import Duration


class DuckDB(Dialect):
    """An ASOF join of keys alone with a late fetch: the fastest form that no distribution of keys blows up."""

    name = "duckdb"
    prologue = ("SET TimeZone = 'UTC'",)
    latest = "asof"
    strategies = ("asof", "frame", "pairs")
    evaluates_once = True
    temporary_schema = "temp"
    max_ctes = 500
    type_names = {  # noqa: RUF012 - a constant table
        "bool": "BOOLEAN",
        "int32": "INTEGER",
        "int64": "BIGINT",
        "float32": "REAL",
        "float64": "DOUBLE",
        "string": "VARCHAR",
        "bytes": "BLOB",
        "date": "DATE",
        "timestamp": "TIMESTAMPTZ",
        "json": "JSON",
        "uuid": "UUID",
    }
    nodes = syntax.CORE | syntax.MOMENTS | syntax.INTERVALS | {
        exp.ArgMax, exp.ArgMin, exp.ArrayAgg, exp.Filter, exp.Array, exp.ApproxDistinct, exp.ApproxQuantile, exp.IntDiv,
        exp.Struct, exp.PropertyEQ, exp.Like, exp.DPipe,
        exp.ToMap, exp.ColumnDef,  # a field of a STRUCT type
    }  # fmt: skip
    builtins = frozenset(
        {
            "MAP_FROM_ENTRIES", "APPROX_QUANTILE", "ROW", "READ_PARQUET", "READ_CSV", "MAKE_TIMESTAMPTZ", "EPOCH_US",
            "TYPEOF", "REGEXP_FULL_MATCH", "ERROR",
        }
    )  # fmt: skip
    join_methods = frozenset({"", "ASOF"})
    running_totals = "edges"
    frame_functions = frozenset(
        {
            "count", "sum", "mean", "min", "max", "var_pop", "var_samp", "stddev_pop", "stddev_samp",
            "first", "last", "count_distinct", "any", "all",
        }
    )  # fmt: skip
    prunes = "conjunctions"
    reads_files = True
    approximations = {"approx_count_distinct": 0.07, "approx_percentile": 0.005}  # noqa: RUF012 - a constant table

    def since_epoch(self, count: exp.Expr, ticks: int) -> exp.Expr:
        """An interval takes a 32-bit factor here, so the count goes in as microseconds."""
        whole = exp.Mul(this=count, expression=exp.Literal.number(ticks)) if ticks > 1 else count
        return exp.Anonymous(this="MAKE_TIMESTAMPTZ", expressions=[whole])

    def bucket(self, instant: exp.Expr, length: Duration) -> exp.Expr:
        microseconds = exp.Anonymous(this="EPOCH_US", expressions=[instant])
        return exp.IntDiv(this=microseconds, expression=exp.Literal.number(length.microseconds))

    def order_key(self, columns: list[exp.Expr]) -> exp.Expr:
        event, *others = columns
        parts = [part for column in others for part in (present(column), column.copy())]
        return exp.Anonymous(this="ROW", expressions=[event, *parts])

    def list_of(self, value: exp.Expr, rank: exp.Expr, kept: exp.Expr) -> exp.Expr:
        order = exp.Order(this=value, expressions=[exp.Ordered(this=rank, desc=False, nulls_first=False)])
        return exp.Filter(this=exp.ArrayAgg(this=order, nulls_excluded=False), expression=exp.Where(this=kept))

    def map_of(self, key: exp.Expr, value: exp.Expr, kept: exp.Expr) -> exp.Expr:
        entry = exp.Anonymous(this="ROW", expressions=[key, value])
        return exp.Anonymous(this="MAP_FROM_ENTRIES", expressions=[self.list_of(entry, key.copy(), kept)])

    def array_of(self, values: list[exp.Expr], element: types.Type) -> exp.Expr:
        return exp.Array(expressions=values)

    def approximate(self, function: str, value: exp.Expr, percentile: float | None) -> exp.Expr:
        if percentile is None:
            return exp.ApproxDistinct(this=value)
        return exp.Anonymous(this="APPROX_QUANTILE", expressions=[value, exp.Literal.number(percentile)])

    def scan(self, path: Path, columns: Mapping[str, types.Type], *, naive: bool = False) -> exp.Table:
        """Columns have the types they are declared with, whichever file comes first and whatever their texts look like;
        so have those that the path names, as in ds=*."""
        arguments: list[exp.Expr] = [exp.Literal.string(path.text)]
        stored = {name: kind for name, kind in columns.items() if name not in path.columns}
        if path.is_csv and stored:
            texts = {name: self._text_type(kind, naive=naive) for name, kind in stored.items()}
            arguments += [_option("header", exp.true()), _option("types", _texts(texts))]
        if stored and path.is_wild(len(path.names)):
            if path.is_csv or not path.columns:
                arguments.append(_option("union_by_name", exp.true()))
            elif not path.scheme:
                # A union reads the footers of all files, of days out of reach too; by default the first file's types
                # hold for all. In buckets they do: there DuckDB before 2.0 knew no schema beside folders.
                read = {name: self._read_type(kind, naive=naive) for name, kind in stored.items()}
                arguments.append(_option("schema", _schema(read)))
        named = {name: columns[name] for name in path.columns if name in columns}
        if entries := {
            name: made.sql(dialect=self.name) for name, kind in named.items() if (made := self.data_type(kind))
        }:
            arguments.append(_option("hive_partitioning", exp.true()))
            arguments.append(_option("hive_types", _texts(entries)))
        reader = "READ_CSV" if path.is_csv else "READ_PARQUET"
        return exp.Table(this=exp.Anonymous(this=reader, expressions=arguments))

    def from_file(self, value: exp.Column, kind: types.Type, path: Path, *, naive: bool = False) -> exp.Expr:
        if not path.is_csv:
            if kind in (types.TIMESTAMP, types.JSON, types.BYTES):
                return value
            whole = exp.DataType.build(self._whole_type(kind), dialect=self.name)
            return _GUARDS.parquet(value, kind, exp.Cast(this=value.copy(), to=whole))
        fitting = pattern(kind, naive=naive)
        if not fitting:
            return value
        holds = exp.Anonymous(this="REGEXP_FULL_MATCH", expressions=[value.copy(), exp.Literal.string(fitting)])
        made = exp.DataType.build("TIMESTAMP", dialect=self.name) if kind == types.TIMESTAMP else self.data_type(kind)
        return _GUARDS.guarded(holds, value, kind, exp.Cast(this=value.copy(), to=made))

    def _read_type(self, kind: types.Type, *, naive: bool) -> str:
        """As what any Parquet file's column is read, so that ``from_file`` still sees what would be lost. Of 64-bit
        integers and long decimals nothing wider is fast enough."""
        if kind == types.INT32 or (isinstance(kind, types.Decimal) and kind.precision <= _EXACT_DIGITS):
            return "DOUBLE"
        if kind == types.DATE or (kind == types.TIMESTAMP and naive):
            return "TIMESTAMP"
        return self._whole_type(kind)

    def _text_type(self, kind: types.Type, *, naive: bool) -> str:
        """As what the texts of a CSV file are read; a text where the reader would round."""
        return "VARCHAR" if kind == types.JSON or pattern(kind, naive=naive) else self._whole_type(kind)

    def _whole_type(self, kind: types.Type) -> str:
        """The engine's name for any type, nested ones too."""
        match kind:
            case types.Array():
                return f"{self._whole_type(kind.element)}[]"
            case types.Vector():
                return f"{self._whole_type(kind.element)}[{kind.length}]"
            case types.Map():
                return f"MAP({self._whole_type(kind.key)}, {self._whole_type(kind.value)})"
            case types.Struct():
                parts = (f"{identifier(n).sql(dialect=self.name)} {self._whole_type(t)}" for n, t in kind.fields)
                return f"STRUCT({', '.join(parts)})"
            case types.Decimal():
                return f"DECIMAL({kind.precision}, {kind.scale})"
        return self.type_names[kind.text]


_EXACT_DIGITS = 15
"""Decimal digits that a 64-bit float keeps."""

_GUARDS = Guards(
    integers="%INT%",
    boolean="BOOLEAN",
    date="DATE",
    decimal="DECIMAL({})",
    error="ERROR",
    file=exp.Column(this=identifier("filename")),
)


def _struct(entries: Mapping[str, exp.Expr]) -> exp.Struct:
    pairs = [exp.PropertyEQ(this=identifier(name), expression=value) for name, value in entries.items()]
    return exp.Struct(expressions=pairs)


def _texts(entries: Mapping[str, str]) -> exp.Struct:
    return _struct({name: exp.Literal.string(text) for name, text in entries.items()})


def _schema(kinds: Mapping[str, str]) -> exp.ToMap:
    """The argument of `read_parquet`: column -> as what it is read; one that a file lacks is NULL."""
    columns = {
        name: _struct({"name": exp.Literal.string(name), "type": exp.Literal.string(kind), "default_value": exp.null()})
        for name, kind in kinds.items()
    }
    pairs = [exp.PropertyEQ(this=exp.Literal.string(name), expression=one) for name, one in columns.items()]
    return exp.ToMap(this=exp.Struct(expressions=pairs))


def _option(name: str, value: exp.Expr) -> exp.Expr:
    return exp.EQ(this=exp.Column(this=identifier(name)), expression=value)
