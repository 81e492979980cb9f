"""What an offline engine must keep. Its author subclasses the suite and runs it with pytest.

class TestMyEngine(EngineSuite):
    def connect(self) -> Engine:
        return MyEngine(...)
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa

from asof.compiler.model import Column
from asof.compiler.types import INT64, STRING, TIMESTAMP, parse_type
from asof.engines.arrow import arrow_schema
from asof.testing.online_stores import refused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from asof.engines.base import Engine

VALUES: Mapping[str, Sequence[object]] = {
    "bool": [True, False, None],
    "int32": [2**31 - 1, -(2**31), None],
    "int64": [2**63 - 1, -(2**63), None],
    "float32": [1.5, -0.0, None],
    "float64": [0.1, 1e300, None],
    "string": ["", "a \"b\", 'c'\nd\té\\N \\", None],
    "bytes": [b"", b"\x00\xff\n,", None],
    "date": [date(1, 1, 1), date(9999, 12, 31), None],
    "timestamp": [datetime(2024, 1, 1, 12, 30, 0, 123456, tzinfo=UTC), datetime(1900, 1, 1, tzinfo=UTC), None],
    "decimal(20,4)": [Decimal("1234567890123456.7891"), Decimal("-0.0001"), None],
    "json": ['{"a": 1}', "[]", None],
    "uuid": ["00000000-0000-0000-0000-00000000000a", "ffffffff-ffff-ffff-ffff-ffffffffffff", None],
    "array<int64>": [[1, None, 3], [], None],
    "array<string>": [["a,b", 'q"', "", "é\n\\"], [None], None],
    "array<bytes>": [[b"", b"\x00\xff"], [None], None],
    "array<float64>": [[math.inf, -math.inf, -0.5], [None], None],
    "array<bool>": [[True, False, None], [], None],
    "vector<float32,2>": [[1.0, 2.5], [0.0, -1.0], None],
}
"""Values of each type that text formats, drivers and narrow integers are known to break."""

_NUMBERS = (Column(name="i", type=INT64),)


class EngineSuite(ABC):
    """The promises of ``asof.engines.base.Engine``."""

    types: tuple[str, ...] = tuple(VALUES)
    """The types that the engine must carry; an author may leave out what the engine has no way to hold."""

    @abstractmethod
    def connect(self) -> Engine:
        """A new session of the engine under test."""

    def test_every_type_comes_back_as_it_was_loaded(self) -> None:
        with closing(self.connect()) as engine:
            for text in self.types:
                columns = [Column(name="i", type=INT64), Column(name="v", type=parse_type(text))]
                schema = arrow_schema(columns)
                given = pa.table({"i": [0, 1, 2], "v": pa.array(VALUES[text], schema.field("v").type)}, schema=schema)
                engine.load("given", given.to_reader())
                found = engine.query("SELECT * FROM given ORDER BY i", columns).read_all()
                assert found == given, f"{text}: {found.column('v')}"

    def test_names_are_quoted_and_a_loaded_table_is_replaced(self) -> None:
        with closing(self.connect()) as engine:
            for values in ([1, 2], [3]):
                engine.load('odd "name"', pa.table({'a "b"': pa.array(values, pa.int64())}).to_reader())
            assert engine.query('SELECT * FROM "odd ""name"""').read_all().to_pydict() == {'a "b"': [3]}
            assert engine.columns('"odd ""name"""') == {'a "b"': INT64}

    def test_an_empty_table_keeps_its_columns(self) -> None:
        with closing(self.connect()) as engine:
            rows = pa.table({"t": pa.array([], pa.timestamp("us", "UTC")), "s": pa.array([], pa.string())})
            engine.load("nobody", rows.to_reader())
            declared = (Column(name="t", type=TIMESTAMP), Column(name="s", type=STRING))
            assert engine.query("SELECT * FROM nobody", declared).read_all() == rows

    def test_rows_arrive_in_batches_and_in_order(self) -> None:
        with closing(self.connect()) as engine:
            rows = pa.table({"i": pa.array(range(200_000), pa.int64())})
            engine.load("many", rows.to_reader(max_chunksize=30_000))
            batches = list(engine.query("SELECT i FROM many ORDER BY i DESC", _NUMBERS))
            assert pa.Table.from_batches(batches).column("i").to_pylist() == list(range(199_999, -1, -1))
            assert max(batch.num_rows for batch in batches) < 100_000

    def test_a_result_left_half_read_does_not_lock_the_session(self) -> None:
        with closing(self.connect()) as engine:
            engine.load("many", pa.table({"i": pa.array(range(300_000), pa.int64())}).to_reader())
            engine.query("SELECT i FROM many", _NUMBERS).read_next_batch()
            engine.execute(["CREATE TABLE left_half_read (x INTEGER)", "DROP TABLE left_half_read"])
            assert engine.query("SELECT count(*) AS i FROM many", _NUMBERS).read_all().to_pydict() == {"i": [300_000]}

    def test_a_refused_statement_is_a_diagnostic_and_ends_nothing(self) -> None:
        with closing(self.connect()) as engine:
            with refused("AS724"):
                engine.query('SELECT * FROM "no_such_table"').read_all()
            with refused("AS724"):
                engine.execute(["SELEC"])
            assert engine.query("SELECT 1 AS i", _NUMBERS).read_all().num_rows == 1

    def test_temporary_tables_are_seen_by_their_session_only(self) -> None:
        with closing(self.connect()) as engine, closing(self.connect()) as other:
            engine.load("own_rows", pa.table({"i": pa.array([1], pa.int64())}).to_reader())
            with refused("AS724"):
                other.query("SELECT * FROM own_rows").read_all()
