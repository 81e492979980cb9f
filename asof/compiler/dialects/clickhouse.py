"""ClickHouse: ASOF joins of its own, columns that hold NULL only where their type says so, sums that wrap."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from sqlglot import exp

from asof.compiler import types
from asof.compiler.dialects import syntax
from asof.compiler.dialects.base import TICKS, Dialect
from asof.compiler.dialects.paths import NO_DATE
from asof.compiler.tree import identifier

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asof.compiler.dialects.paths import Path
    from asof.compiler.model import Timing

_INSTANT = "Nullable(DateTime64(6, 'UTC'))"
_NUMBER = "Variant(Int64, Float64)"
_READERS = {"": "file", "s3": "s3", "gs": "gcs"}
"""Scheme of a path -> the table function that reads it."""


class ClickHouse(Dialect):
    """An ASOF join of keys and times, then a fetch; running totals for counts and sums of integers."""

    name = "clickhouse"
    prologue = ("SET join_use_nulls = 1", "SET prefer_column_name_to_alias = 1")
    latest = "asof"
    strategies = ("asof", "frame", "pairs")
    native_variance = False
    clock = "microseconds"
    join_methods = frozenset({"", "ASOF"})
    running_totals = "edges"
    nodes = syntax.CORE | {exp.ParameterizedAgg}
    builtins = frozenset(
        {
            "TOUNIXTIMESTAMP64MICRO", "FROMUNIXTIMESTAMP64MICRO", "GROUPARRAYIF", "ARRAYSORT", "TUPLEELEMENT", "TUPLE",
            "ARRAY", "MAP", "MAPFROMARRAYS", "ASSUMENOTNULL", "NOTEMPTY", "UNIQ", "QUANTILETDIGEST", "ACCURATECAST",
            "FILE", "S3", "GCS", "NULLIF", "DECODEURLCOMPONENT",
        }
    )  # fmt: skip
    max_statement_bytes = 262_144
    ascending_nulls_first = False
    type_names = {  # noqa: RUF012 - a constant table
        "bool": "Nullable(Bool)",
        "int32": "Nullable(Int32)",
        "int64": "Nullable(Int64)",
        "float32": "Nullable(Float32)",
        "float64": "Nullable(Float64)",
        "string": "Nullable(String)",
        "bytes": "Nullable(String)",
        "date": "Nullable(Date32)",
        "timestamp": _INSTANT,
        "json": "Nullable(String)",
        "uuid": "Nullable(UUID)",
    }
    unsupported = {  # noqa: RUF012 - a constant table
        "views without entities": "a join asks for an equality here: give the view an entity with a constant key",
        "time zones": "give the column its zone, DateTime64(6, 'Europe/Berlin'): ClickHouse keeps the instant",
    }
    reads_files = True
    lists_can_be_null = False
    approximations = {"approx_count_distinct": 0.015, "approx_percentile": 0.005}  # noqa: RUF012 - a constant table

    def data_type(self, kind: types.Type) -> exp.DataType | None:
        if isinstance(kind, types.Decimal):
            text = f"Nullable(Decimal({kind.precision}, {kind.scale}))"
            return exp.DataType.build(text, dialect=self.name)
        return super().data_type(kind)

    def nothing(self, kind: types.Type | None) -> exp.Expr:
        if isinstance(kind, types.Array | types.Map):
            empty = exp.Anonymous(this="array" if isinstance(kind, types.Array) else "map", expressions=[])
            return exp.Cast(this=empty, to=exp.DataType.build(self._nested(kind), dialect=self.name))
        return super().nothing(kind)

    def _nested(self, kind: types.Type) -> str:
        if isinstance(kind, types.Array | types.Vector):
            return f"Array({self._nested(kind.element)})"
        if isinstance(kind, types.Map):
            key = self._nested(kind.key).removeprefix("Nullable(").removesuffix(")")
            return f"Map({key}, {self._nested(kind.value)})"
        if isinstance(kind, types.Struct):
            return f"Tuple({self._declared(dict(kind.fields))})"
        made = self.data_type(kind)
        return made.sql(dialect=self.name) if made is not None else self.type_names["string"]

    def _declared(self, columns: Mapping[str, types.Type]) -> str:
        return ", ".join(f"{identifier(name).sql(dialect=self.name)} {self._nested(k)}" for name, k in columns.items())

    def unread(self, path: Path) -> str:
        if path.is_csv:
            return f"{self.name} reads Parquet files here, no others"
        if path.scheme not in _READERS:
            return f"{self.name} reads files of its own machine, s3:// and gs://"
        if any("[" in name for name in path.names):
            return f"{self.name} has the wildcards *, ** and ?, and {{a,b}} in the place of [ab]"
        return ""

    def scan(self, path: Path, columns: Mapping[str, types.Type], *, naive: bool = False) -> exp.Table:
        """Columns have the types they are declared with, integers one that keeps fractions, for ``from_file`` to see;
        those that folders name come as text. Keys in S3 are written as in a URL, and so parsed by ClickHouse, but for
        the wildcards."""
        first, *rest = path.names
        inside = "/".join([first, *(quote(name, safe="*?{},=") if path.scheme else name for name in rest)])
        where = f"{path.scheme}://{inside}" if path.scheme else inside
        arguments = [exp.Literal.string(where), exp.Literal.string("Parquet")]
        if columns:
            text = {name: types.STRING for name in path.columns if name in columns}
            whole = (
                f"{identifier(name).sql(dialect=self.name)} {_NUMBER if kind in types.INTEGERS else self._nested(kind)}"
                for name, kind in {**columns, **text}.items()
            )
            arguments.append(exp.Literal.string(", ".join(whole)))
        return exp.Table(this=exp.Anonymous(this=_READERS[path.scheme], expressions=arguments))

    def from_file(self, value: exp.Column, kind: types.Type, path: Path, *, naive: bool = False) -> exp.Expr:
        return self.narrowed(value, kind) if kind in types.INTEGERS else value

    def from_folder(self, value: exp.Expr, kind: types.Type) -> exp.Expr:
        """ClickHouse takes the name of a folder as it stands."""
        known = exp.Anonymous(this="nullIf", expressions=[value, exp.Literal.string(NO_DATE)])
        text = exp.Anonymous(this="decodeURLComponent", expressions=[known])
        return text if kind == types.STRING else self.cast(text, kind)

    def settings(self, query: exp.Expr) -> tuple[str, ...]:
        """Objects that are not there are else no rows, and a column that no file has is NULL.

        Where folders name columns, ClickHouse takes those for missing from the files: then it may not insist.
        """
        called = {call.name for call in query.find_all(exp.Anonymous)}
        if not called & {*_READERS.values()}:
            return ()
        lenient = int("decodeURLComponent" in called)
        found = (f"SET input_format_parquet_allow_missing_columns = {lenient}",)
        return ("SET s3_throw_on_zero_files_match = 1", *found) if called & {"s3", "gcs"} else found

    def timestamp(self, value: exp.Expr, kind: types.Type | None, timing: Timing) -> exp.Expr:
        if kind in types.INTEGERS or (kind is None and timing.timestamp_unit):
            return self.since_epoch(self.cast(value, types.INT64), TICKS[timing.timestamp_unit])
        return self.cast(value, types.TIMESTAMP)

    def since_epoch(self, count: exp.Expr, ticks: int) -> exp.Expr:
        whole = exp.Mul(this=count, expression=exp.Literal.number(ticks)) if ticks > 1 else count
        return exp.Anonymous(this="fromUnixTimestamp64Micro", expressions=[whole, exp.Literal.string("UTC")])

    def tick(self, instant: exp.Expr) -> exp.Expr:
        return exp.Anonymous(this="toUnixTimestamp64Micro", expressions=[instant])

    def certain(self, value: exp.Expr) -> exp.Expr:
        return exp.Anonymous(this="assumeNotNull", expressions=[value])

    def instant_text(self, text: str) -> exp.Expr:
        return super().instant_text(text.removesuffix("+00"))

    def list_of(self, value: exp.Expr, rank: exp.Expr, kept: exp.Expr) -> exp.Expr:
        """GROUPARRAY leaves out NULLs, not tuples that hold one; a field of an array is the array of the field."""
        ranked = exp.Anonymous(this="arraySort", expressions=[_collected([rank, value], kept)])
        return _field(ranked, 2)

    def map_of(self, key: exp.Expr, value: exp.Expr, kept: exp.Expr) -> exp.Expr:
        """A key cannot be NULL, even by its type."""
        entries = _collected([exp.Anonymous(this="assumeNotNull", expressions=[key]), value], kept)
        return exp.Anonymous(this="mapFromArrays", expressions=[_field(entries, 1), _field(entries.copy(), 2)])

    def array_of(self, values: list[exp.Expr], element: types.Type) -> exp.Expr:
        return exp.Anonymous(this="array", expressions=values)

    def addend(self, value: exp.Expr) -> exp.Expr:
        return exp.Cast(this=value, to=exp.DataType.build("Nullable(Int128)", dialect=self.name))

    def narrowed(self, value: exp.Expr, kind: types.Type) -> exp.Expr:
        wanted = exp.Literal.string(f"Nullable({'Int32' if kind == types.INT32 else 'Int64'})")
        return exp.Anonymous(this="accurateCast", expressions=[value, wanted])

    def grouping(self, value: exp.Expr, kind: types.Type | None) -> exp.Expr:
        """-0.0 is another value than 0.0 here; their sum is 0.0."""
        if kind not in types.FLOATS:
            return value
        return exp.Paren(this=exp.Add(this=value, expression=self.cast(exp.Literal.number(0), kind)))

    def distinguished(self, value: exp.Expr, kind: types.Type | None) -> exp.Expr:
        return self.grouping(value, kind)

    def something(self, value: exp.Expr, kind: types.Type) -> exp.Expr:
        if isinstance(kind, types.Array | types.Map):
            return exp.Anonymous(this="notEmpty", expressions=[value])
        return super().something(value, kind)

    def approximate(self, function: str, value: exp.Expr, percentile: float | None) -> exp.Expr:
        if percentile is None:
            return exp.Anonymous(this="uniq", expressions=[value])
        quantile = exp.Literal.number(percentile)
        return exp.ParameterizedAgg(this="quantileTDigest", expressions=[quantile], params=[value])

    def written(self, node: exp.Expr) -> exp.Expr:
        """Sums of integers wrap here without a word: they are made wide, and fit again or fail."""
        if isinstance(node, exp.Cast) and isinstance(node.this, exp.Sum) and node.to == self.data_type(types.INT64):
            return self.narrowed(exp.Sum(this=self.addend(node.this.this)), types.INT64)
        if isinstance(node, exp.Placeholder):
            return exp.Placeholder(this=node.name, kind="DateTime64(6, 'UTC')")
        return node


def _collected(fields: list[exp.Expr], kept: exp.Expr) -> exp.Expr:
    entry = exp.Anonymous(this="tuple", expressions=fields)
    return exp.Anonymous(this="groupArrayIf", expressions=[entry, kept])


def _field(entries: exp.Expr, number: int) -> exp.Expr:
    return exp.Anonymous(this="tupleElement", expressions=[entries, exp.Literal.number(number)])
