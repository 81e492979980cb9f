"""The engines of these tests keep what they are given and give it back as plain Python."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from sqlglot import exp

from asof.compiler import tree
from asof.compiler.types import BOOL, DATE, FLOAT64, INT64, STRING, TIMESTAMP

if TYPE_CHECKING:
    from tests.engines import Runner

COLUMNS = (("select", INT64), ('a"b;', STRING), ("f", FLOAT64), ("b", BOOL), ("d", DATE), ("t", TIMESTAMP))
ROWS = (
    (-1, "o'; --é%", 0.5, True, date(1969, 12, 31), datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC)),
    (2**62, "", -1e300, False, date(2024, 2, 29), datetime(2024, 3, 31, 1, 30, tzinfo=UTC)),
    (None, None, None, None, None, None),
)


def everything(table: str, engine: Runner) -> str:
    return tree.select([exp.Star()], tree.cte(table)).sql(dialect=engine.dialect)


def test_values_come_back_as_they_went_in(engine: Runner) -> None:
    with engine.scratch():
        engine.load("a table; of 100%", COLUMNS, ROWS)
        rows = engine.run(everything("a table; of 100%", engine), types=[kind for _, kind in COLUMNS])
    assert rows == list(ROWS)


def test_a_scratch_leaves_nothing_behind(engine: Runner) -> None:
    for _ in range(2):
        with engine.scratch():
            engine.load("once", COLUMNS, ())
            assert engine.run(everything("once", engine), types=[kind for _, kind in COLUMNS]) == []
