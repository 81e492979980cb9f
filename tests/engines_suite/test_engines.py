"""What every offline engine promises, on real engines."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from asof.compiler.diagnostics import DiagnosticError
from asof.compiler.model import Column, Store
from asof.compiler.types import parse_type
from asof.engines import connect
from asof.engines.arrow import arrow_schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from asof.engines.base import Engine


@pytest.fixture(params=["duckdb", "postgres", "sqlite"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    options: tuple[tuple[str, object], ...] = ()
    if request.param == "postgres":
        options = (("url", request.getfixturevalue("postgres_dsn")),)
    made = connect(Store(type=request.param, options=options), root=tmp_path)
    yield made
    made.close()


T0 = datetime(2024, 1, 1, 12, 30, 0, 123456, tzinfo=UTC)
VALUES: dict[str, list[object]] = {
    "bool": [True, False, None],
    "int32": [2**31 - 1, -(2**31), None],
    "int64": [2**63 - 1, -(2**63), None],
    "float32": [1.5, -0.0, None],
    "float64": [0.1, 1e300, None],
    "string": ["", "a \"b\", 'c'\nd\té\\N", None],
    "bytes": [b"", b"\x00\xff\n,", None],
    "date": [date(1, 1, 1), date(9999, 12, 31), None],
    "timestamp": [T0, datetime(1900, 1, 1, tzinfo=UTC), None],
    "decimal(20,4)": [Decimal("1234567890123456.7891"), Decimal("-0.0001"), None],
    "json": ['{"a": 1}', "[]", None],
    "uuid": ["00000000-0000-0000-0000-00000000000a", "ffffffff-ffff-ffff-ffff-ffffffffffff", None],
    "array<int64>": [[1, None, 3], [], None],
    "array<string>": [["a,b", 'q"', ""], [None], None],
    "vector<float32,2>": [[1.0, 2.5], [0.0, -1.0], None],
}


@pytest.mark.parametrize("text", VALUES)
def test_every_type_comes_back_as_it_was_loaded(engine: Engine, text: str) -> None:
    column = Column(name="v", type=parse_type(text))
    schema = arrow_schema([Column(name="i", type=parse_type("int64")), column])
    rows = pa.table({"i": [0, 1, 2], "v": pa.array(VALUES[text], schema.field("v").type)}, schema=schema)
    engine.load("given", rows.to_reader())
    found = engine.query('SELECT "v" FROM given ORDER BY i', [column]).read_all()
    assert found.schema.field("v").type == schema.field("v").type
    assert found.column("v").to_pylist() == VALUES[text]


def test_names_are_quoted_and_a_loaded_table_is_replaced(engine: Engine) -> None:
    for values in ([1, 2], [3]):
        engine.load('odd "name"', pa.table({'a "b"': pa.array(values, pa.int64())}).to_reader())
    assert engine.query('SELECT * FROM "odd ""name"""').read_all().to_pydict() == {'a "b"': [3]}
    assert engine.columns('"odd ""name"""') == {'a "b"': parse_type("int64")}


def test_an_empty_table_keeps_its_columns(engine: Engine) -> None:
    rows = pa.table({"t": pa.array([], pa.timestamp("us", "UTC")), "s": pa.array([], pa.string())})
    engine.load("empty_one", rows.to_reader())
    declared = (Column(name="t", type=parse_type("timestamp")), Column(name="s", type=parse_type("string")))
    found = engine.query("SELECT * FROM empty_one", declared).read_all()
    assert found.schema == rows.schema
    assert found.num_rows == 0


def test_rows_arrive_in_batches_and_in_order(engine: Engine) -> None:
    rows = pa.table({"i": pa.array(range(200_000), pa.int64())})
    engine.load("many", rows.to_reader(max_chunksize=30_000))
    with engine.query("SELECT i FROM many ORDER BY i DESC", [Column(name="i", type=parse_type("int64"))]) as reader:
        sizes, first = [], None
        for batch in reader:
            first = first if first is not None else batch.column(0)[0].as_py()
            sizes.append(batch.num_rows)
    assert first == 199_999
    assert sum(sizes) == 200_000
    assert max(sizes) <= 70_000


def test_a_result_left_half_read_does_not_lock_the_session(engine: Engine) -> None:
    engine.load("many", pa.table({"i": pa.array(range(300_000), pa.int64())}).to_reader())
    reader = engine.query("SELECT i FROM many", [Column(name="i", type=parse_type("int64"))])
    reader.read_next_batch()
    engine.execute(["CREATE TABLE t1_left_half_read (x INTEGER)", "DROP TABLE t1_left_half_read"])
    assert engine.query("SELECT count(*) AS n FROM many").read_all().to_pydict() == {"n": [300_000]}


def test_a_refused_statement_is_a_diagnostic_in_the_engines_words(engine: Engine) -> None:
    with pytest.raises(DiagnosticError) as refused:
        engine.query('SELECT * FROM "no_such_table"').read_all()
    assert refused.value.diagnostics[0].code == "AS724"
    assert "no_such_table" in refused.value.diagnostics[0].message
    assert engine.query("SELECT 1 AS one").read_all().num_rows == 1


def test_the_session_reads_clocks_in_utc(engine: Engine) -> None:
    if engine.dialect == "sqlite":
        pytest.skip("SQLite has no time zone and no timestamp type")
    sql = "SELECT CAST(CAST('2024-01-01 12:00:00' AS TIMESTAMP) AS TIMESTAMPTZ) AS t"
    found = engine.query(sql, [Column(name="t", type=parse_type("timestamp"))]).read_all()
    assert found.column("t").to_pylist() == [datetime(2024, 1, 1, 12, tzinfo=UTC)]
