"""BigQuery's own analyzer and reference evaluator: ZetaSQL in WebAssembly, from a wheel; BigQuery is a service."""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlglot
from sqlglot import exp

from asof.compiler import tree
from asof.compiler.types import BOOL, BYTES, DATE, FLOATS, INTEGERS, STRING, TIMESTAMP, Array, Map
from tests.engines.base import EPOCH, HOSTILE_ZONE, NAIVE, ColumnTypes, Row, microseconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from asof.compiler.types import Type

CACHE = Path(__file__).parents[2] / ".engines" / "zetasql"
ABSENT = frozenset({"FEATURE_LATERAL_JOIN"})
"""In GoogleSQL, not in BigQuery."""


def _kind(kind: Type | str) -> str:
    if kind in INTEGERS:
        return "TYPE_INT64"
    if kind in FLOATS:
        return "TYPE_DOUBLE"
    names = {STRING: "TYPE_STRING", BOOL: "TYPE_BOOL", DATE: "TYPE_DATE", TIMESTAMP: "TYPE_TIMESTAMP"}
    names[BYTES] = "TYPE_BYTES"
    return "TYPE_DATETIME" if kind == NAIVE else names[kind]  # type: ignore[index]


class BigQuery:
    """Tables are given to each statement with their rows; nothing is kept between statements."""

    dialect = "bigquery"

    def __init__(self) -> None:
        import zetasql.core.wasm_client as client

        CACHE.mkdir(parents=True, exist_ok=True)
        settings = CACHE / "cache.toml"
        settings.write_text(f'[cache]\ndirectory = "{CACHE / "compiled"}"\n')
        plain = client.Config

        def cached() -> Any:
            config = plain()
            config.cache = str(settings)
            return config

        client.Config = cached  # compiling takes half a minute, once
        import zetasql.types as zt
        from google.protobuf.timestamp_pb2 import Timestamp
        from zetasql import api

        self.zt, self.api, self.timestamp = zt, api, Timestamp
        with (CACHE / "compiled.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # one process compiles, on all cores; the others read what it made
            self.language = zt.LanguageOptions.maximum_features()
        self.language.product_mode = zt.ProductMode.PRODUCT_EXTERNAL
        self.language.enabled_language_features = [
            f for f in self.language.enabled_language_features if zt.LanguageFeature(int(f)).name not in ABSENT
        ]
        self.options = zt.AnalyzerOptions(language_options=self.language)
        self.options.default_timezone = HOSTILE_ZONE
        self.tables: dict[str, tuple[ColumnTypes, Sequence[Row]]] = {}

    @contextmanager
    def scratch(self) -> Iterator[BigQuery]:
        try:
            yield self
        finally:
            self.tables.clear()

    def load(self, table: str, columns: ColumnTypes, rows: Sequence[Row]) -> None:
        self.tables[table] = (columns, rows)

    def run(self, sql: str, prologue: Sequence[str] = (), types: Sequence[Type] | None = None) -> list[Row]:
        # The evaluator takes one statement: what SET @@time_zone does for a script is an option here.
        self.options.default_timezone = "UTC" if prologue == ("SET @@time_zone = 'UTC'",) else HOSTILE_ZONE
        assert types is not None, "values come back without a type of their own"
        builtins = self.zt.ZetaSQLBuiltinFunctionOptions(language_options=self.language)
        catalog = self.api.CatalogBuilder("c").with_builtin_functions(builtins)
        content = {}
        for name, (columns, rows) in self.tables.items():
            made = self.api.TableBuilder(name)
            for column, kind in columns:
                made = made.add_column(column, getattr(self.zt.TypeKind, _kind(kind)))
            catalog = catalog.add_table(made.build())
            data = [self.zt.TableData.Row(cell=[self.cell(value) for value in row]) for row in rows]
            content[name] = self.zt.TableContent(table_data=self.zt.TableData(row=data))

        def prepared(text: str) -> Any:
            builder = self.api.PreparedQuery.builder().set_sql(text).set_analyzer_options(self.options)
            return builder.set_catalog(catalog.build()).set_table_content(content).prepare()

        with prepared(sql):
            pass  # GoogleSQL's parser and analyzer take the statement as it was made
        with prepared(self.readable(sql, types)) as query:
            data = query.execute().content.table_data
            found = data.row if data is not None else []
            return [tuple(read(c, k) for c, k in zip(row.cell, types, strict=True)) for row in found]

    def readable(self, sql: str, types: Sequence[Type]) -> str:
        """The statement with its timestamps as microseconds: they come back in a form that nothing here reads."""
        if not any(map(_holds_times, types)):
            return sql
        query = sqlglot.parse_one(sql, read="bigquery")
        assert isinstance(query, exp.Select)
        if query.is_star:
            columns, _ = self.tables[query.args["from_"].this.name]
            query.set("expressions", [tree.column("", name) for name, _ in columns])
        walls = {name for columns, _ in self.tables.values() for name, kind in columns if kind == NAIVE}
        for value, kind in zip(list(query.expressions), types, strict=True):
            if _holds_times(kind):
                read = value.unalias().copy()
                if value.alias_or_name in walls:
                    read = exp.Anonymous(this="TIMESTAMP", expressions=[read, exp.Literal.string("UTC")])
                micros = sqlglot.parse_one(_in_microseconds(read.sql(dialect="bigquery"), kind), read="bigquery")
                value.replace(tree.named(micros, value.alias_or_name))
        return query.sql(dialect="bigquery")

    def cell(self, value: object) -> Any:
        make = self.zt.Value
        match value:
            case None:
                return make()
            case bool():
                return make(bool_value=value)
            case int():
                return make(int64_value=value)
            case float():
                return make(double_value=value)
            case str():
                return make(string_value=value)
            case datetime(tzinfo=None):
                date_bits = value.year << 26 | value.month << 22 | value.day << 17
                seconds = date_bits | value.hour << 12 | value.minute << 6 | value.second
                wall = make.Datetime(bit_field_datetime_seconds=seconds, nanos=value.microsecond * 1_000)
                return make(datetime_value=wall)
            case datetime():
                stamp = self.timestamp()
                stamp.FromMicroseconds(microseconds(value))
                return make(timestamp_value=stamp)
            case date():
                return make(date_value=(value - date(1970, 1, 1)).days)
        raise TypeError(f"{value!r} has no cell")


def _holds_times(kind: Type) -> bool:
    inner = kind.element if isinstance(kind, Array) else kind.value if isinstance(kind, Map) else None
    return kind == TIMESTAMP if inner is None else _holds_times(inner)


def _in_microseconds(sql: str, kind: Type) -> str:
    """The expression with every timestamp in it as a number, NULL where it was NULL."""
    if isinstance(kind, Array):
        one = _in_microseconds("one", kind.element)
        made = f"ARRAY(SELECT {one} FROM UNNEST({sql}) AS one WITH OFFSET AS place ORDER BY place)"
        return f"IF(({sql}) IS NULL, NULL, {made})"
    if isinstance(kind, Map):
        value = _in_microseconds("entry.value", kind.value)
        made = f"ARRAY(SELECT AS STRUCT entry.key AS key, {value} AS value FROM UNNEST({sql}) AS entry)"
        return f"IF(({sql}) IS NULL, NULL, {made})"
    return f"UNIX_MICROS({sql})" if kind == TIMESTAMP else sql


def plain(cell: Any) -> Any:
    names = ("int64_value", "double_value", "string_value", "bool_value", "date_value", "bytes_value")
    names += ("array_value", "struct_value")
    return next((value for name in names if (value := getattr(cell, name)) is not None), None)


def read(cell: Any, kind: Type) -> object:
    """A cell as plain Python; maps are arrays of their entries."""
    value = plain(cell)
    if value is None:
        return None
    if isinstance(kind, Array):
        return [read(one, kind.element) for one in value.element]
    if isinstance(kind, Map):
        entries = [one.struct_value.field for one in value.element]
        return {read(key, STRING): read(held, kind.value) for key, held in entries}
    if kind == TIMESTAMP:
        return EPOCH + timedelta(microseconds=value)
    return date(1970, 1, 1) + timedelta(days=value) if kind == DATE else value
