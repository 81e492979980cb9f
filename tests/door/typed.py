"""One table with a column of every type, in each kind of store, and what every function makes of it."""

from __future__ import annotations

import json
import math
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from asof.compiler import types
from asof.compiler.check.aggregations import check_aggregation
from asof.compiler.dialects import DIALECTS, capabilities
from asof.compiler.duration import Duration
from asof.compiler.model import Aggregation, Store, Window
from asof.compiler.types import Array, Map, Scalar, Struct, Type, Vector, parse_type
from asof.engines import connect
from asof.engines.arrow import arrow_type
from asof.engines.postgres_rows import declared
from tests.engines.base import sql_type
from tests.oracle.functions import FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

START = datetime(2024, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
ASKED = START + 5 * HOUR

UUIDS = (
    f"ffffffff{'-ffff' * 4}ffffffff",
    "00000000-0000-0000-0000-00000000000a",
    "10000000-0000-0000-0000-000000000000",
)
VALUES: Mapping[str, Sequence[object]] = {
    "bool": [True, False, None, True],
    "int32": [-3, 2**31 - 1, None, 5],
    "int64": [-3, 2**53 + 1, None, 5],
    "float32": [0.5, -2.25, None, 1.0],
    "float64": [0.1, -1e30, None, 2.5],
    "string": ["b", "é\n\"'\\", None, ""],
    "bytes": [b"\x00\xff", b"", None, b"\\x"],
    "date": [date(2024, 2, 29), date(1969, 12, 31), None, date(9999, 12, 31)],
    "timestamp": [START, datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC), None, START + HOUR],
    "decimal(12,3)": [Decimal("1.500"), Decimal("-0.001"), None, Decimal("12345.678")],
    "json": ['{"a":[1,null]}', '"text"', None, "10"],
    "uuid": [*UUIDS[:2], None, UUIDS[2]],
    "array<int64>": [[1, None], [], None, [3]],
    "array<bool>": [[True, None], [], None, [False]],
    "array<float64>": [[math.inf], [], None, [0.5, None, -math.inf]],
    "array<string>": [["é", None], [], None, ['"\\\n']],
    "array<bytes>": [[b"\x00", None], [], None, [b"\xff"]],
    "array<timestamp>": [[START, None], [], None, [START + HOUR]],
    "array<array<int64>>": [[[1], None], [], None, [[2, 3], []]],
    "vector<float32,2>": [[0.5, 1.0], [-2.0, 0.0], None, [1.0, 1.0]],
    "map<string,int64>": [{"a": 1}, {}, None, {"b": None, "a": 2}],
    "map<string,bool>": [{"a": True}, {}, None, {"b": None}],
    "struct<a:int64,b:string>": [{"a": 1, "b": "x"}, {"a": None, "b": ""}, None, {"a": 3, "b": None}],
}
INFINITE = "float64 with infinities"
COLUMNS: Mapping[str, tuple[Type, Sequence[object]]] = {
    **{name: (parse_type(name), values) for name, values in VALUES.items()},
    INFINITE: (types.FLOAT64, [math.inf, -math.inf, None, 0.5]),
}
"""Label -> its type and the values of one entity, oldest first."""

_PLAIN = ("count", "min", "max", "first", "last", "first_n", "last_n", "top_n", "bottom_n", "mode", "count_distinct")
_INEXACT = ("mean", "var_pop", "var_samp", "stddev_pop", "stddev_samp", "skew", "kurtosis", "percentile")
GROUPS = ("x", "y", "x", "y")


def column_of(label: str) -> str:
    return f"c{list(COLUMNS).index(label)}"


@dataclass(frozen=True)
class _Strict:
    """As much of a checker's scope as ``check_aggregation`` asks for: what it would report is kept."""

    kind: Type
    reported: list[str]

    def column(self, name: str, *_: object) -> Type | None:
        return self.kind if name == "v" else None

    def report(self, rule: Any, message: str, *_: object, **__: object) -> None:
        self.reported.append(message)


def aggregations(label: str) -> list[Aggregation]:
    """Every function that definitions may apply to the column, alone and by a key."""
    kind, made = COLUMNS[label][0], []
    for function in capabilities.FUNCTIONS:
        named = "percentile" if function == "percentiles" else function
        listed = named.endswith("_n")
        one = Aggregation(
            function=named,
            column="v",
            windows=(Window(),),
            n=3 if listed else 0,
            percentiles=(0.5, 0.9) if function == "percentiles" else (0.5,) if "percentile" in function else (),
        )
        reported: list[str] = []
        check_aggregation(_Strict(kind, reported), one, 0, None, "")  # type: ignore[arg-type]
        if not reported and (label != INFINITE or named in _PLAIN):
            made.append((function, one))
    return [
        Aggregation(
            function=one.function,
            column=column_of(label),
            windows=(Window(length=hours(3)) if place % 2 else Window(),),
            name=f"{function}{'_by' * bool(by)}{'_null' * nulls}",
            by=by,
            n=one.n,
            percentiles=one.percentiles,
            include_nulls=nulls,
        )
        for place, (function, one) in enumerate(made)
        for by in ("", "g")
        for nulls in ((False, True) if one.function in ("first", "last", "last_n") and not by else (False,))
    ]


def hours(count: int) -> Duration:
    """A length of time."""
    return Duration.parse(f"{count}h")


def expected(label: str, one: Aggregation, window: Window) -> list[object]:
    """What the oracle's functions say at ``ASKED`` of three entities: many rows, one row of NULL, none."""
    times = [START + place * HOUR for place in range(4)]
    since = datetime.min.replace(tzinfo=UTC) if window.length is None else ASKED - 3 * HOUR
    rows = [(g, v) for t, g, v in zip(times, GROUPS, COLUMNS[label][1], strict=True) if since <= t < ASKED]
    return [_entity(one, rows), _entity(one, [("z", None)] if window.length is None else []), _entity(one, [])]


def _entity(one: Aggregation, rows: Sequence[tuple[str, object]]) -> object:
    if not one.by:
        return _value(one, [v for _, v in rows])
    made = {g: _value(one, [v for group, v in rows if group == g]) for g in dict.fromkeys(g for g, _ in rows)}
    return {g: v for g, v in made.items() if v is not None and not (v == 0 and "count" in one.function)} or None


def _value(one: Aggregation, values: list[Any]) -> object:
    if not one.include_nulls:
        values = [value for value in values if value is not None]
    match one.function:
        case "count":
            return len(values)
        case "count_distinct" | "approx_count_distinct":
            return len(set(values))
        case "approx_percentile":
            return FUNCTIONS["percentile"]([float(value) for value in values], one) if values else None
        case "sum" | "mean" | "histogram" if values and isinstance(values[0], bool) and one.function != "histogram":
            return FUNCTIONS[one.function]([int(value) for value in values], one)
        case _ if one.function in _INEXACT:
            return FUNCTIONS[one.function]([float(value) for value in values], one) if values else None
        case _:
            return FUNCTIONS[one.function](values, one) if values else None


def table() -> dict[str, tuple[Type, list[object]]]:
    """Name -> type and values of all columns."""
    columns: dict[str, tuple[Type, list[object]]] = {
        "k": (types.INT64, [1, 1, 1, 1, 2]),
        "ts": (types.TIMESTAMP, [*(START + place * HOUR for place in range(4)), START]),
        "g": (types.STRING, [*GROUPS, "z"]),
    }
    columns |= {column_of(label): (kind, [*values, None]) for label, (kind, values) in COLUMNS.items()}
    return columns


def make_table(root: Path, store: Store, columns: Mapping[str, tuple[Type, list[object]]]) -> None:
    """The table ``s`` in the store, its columns as a user of the store would declare them."""
    rows = pa.table(
        {name: pa.array(arrow_values(values, kind), arrow_type(kind)) for name, (kind, values) in columns.items()}
    )
    with closing(connect(store, root=root)) as engine:
        engine.load("staged", rows.to_reader())
        wanted = {name: _sql_type(kind, engine.dialect) for name, (kind, _) in columns.items()}
        definition = ", ".join(f'"{name}" {kind}' for name, kind in wanted.items())
        values = ", ".join(_staged(name, kind, engine.dialect) for name, kind in wanted.items())
        engine.execute(
            ["DROP TABLE IF EXISTS s", f"CREATE TABLE s ({definition})", f"INSERT INTO s SELECT {values} FROM staged"]
        )


def arrow_values(values: list[object], kind: Type) -> list[object]:
    return [list(v.items()) if isinstance(v, dict) and isinstance(kind, Map) else v for v in values]


def _staged(name: str, kind: str, dialect: str) -> str:
    return f'"{name}"' if dialect == "sqlite" else f'CAST("{name}" AS {kind})'


def _sql_type(kind: Type, dialect: str) -> str:
    if isinstance(kind, Array | Vector | Map | Struct):
        if dialect == "sqlite":
            return "TEXT"
        return declared(kind) if dialect == "postgres" else _duckdb_type(kind)
    return sql_type(kind, dialect)


def _duckdb_type(kind: Type) -> str:
    match kind:
        case Array():
            return f"{_duckdb_type(kind.element)}[]"
        case Vector():
            return f"{_duckdb_type(kind.element)}[{kind.length}]"
        case Map():
            return f"MAP({_duckdb_type(kind.key)}, {_duckdb_type(kind.value)})"
        case Struct():
            return f"STRUCT({', '.join(f'{name} {_duckdb_type(part)}' for name, part in kind.fields)})"
    return DIALECTS["duckdb"].type_names[kind.text]


def plain(value: object, kind: Type) -> object:
    """A result as it is compared: JSON by meaning, maps as dicts."""
    if value is None:
        return None
    match kind:
        case Array() | Vector():
            return [plain(one, kind.element) for one in value]  # type: ignore[attr-defined]
        case Map():
            return {key: plain(one, kind.value) for key, one in (value.items() if isinstance(value, dict) else value)}  # type: ignore[attr-defined]
        case Struct():
            return {name: plain(value[name], part) for name, part in kind.fields}  # type: ignore[index]
        case Scalar(name="json"):
            return json.dumps(json.loads(str(value)), sort_keys=True)
    return value
