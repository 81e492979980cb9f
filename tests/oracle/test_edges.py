"""Values and shapes at the edge of what types hold: sums, times, floats that are no numbers, views on views."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from asof.compiler.duration import Duration
from asof.compiler.model import Aggregation, Column, DataSource, Entity, FeatureView, ServiceItem, Timing, Window
from asof.compiler.types import FLOAT64, INT64, STRING, TIMESTAMP, Type
from tests.oracle.cases import Case, check, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.engines import Runner

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
LARGE = 2**62
A = Entity(name="a", join_keys=(Column(name="a", type=INT64),))


def case(kind: Type, rows: Sequence[tuple[object, ...]], times: Sequence[datetime], *made: Aggregation) -> Case:
    """Rows are (a, ts, f); view ``v`` has f and the aggregations; the spine asks about a = 1 at ``times``."""
    columns = (*A.join_keys, Column(name="ts", type=TIMESTAMP), Column(name="f", type=kind))
    source = DataSource(name="s", location=table("s"), columns=columns, timing=Timing(timestamp_field="ts"))
    view = FeatureView(
        name="v", entities=("a",), source="s", schema=(Column(name="f", type=kind),), aggregations=tuple(made)
    )
    return Case(
        definitions=[A, source, view],
        rows_of={"s": rows},
        spine_columns=[("a", INT64), ("event_timestamp", TIMESTAMP)],
        spine=[(1, time) for time in times],
        items=[ServiceItem(view="v")],
    )


def over(function: str, length: str, **more: Any) -> Aggregation:
    return Aggregation(function=function, column="f", windows=(Window(length=Duration.parse(length)),), **more)


def test_a_sum_beyond_64_bits_is_an_error_and_no_other_number(engine: Runner) -> None:
    rows = [(1, NOON - number * HOUR, LARGE) for number in (1, 2, 3)]
    with pytest.raises(Exception, match=r"(?i)overflow|out of range|range|cannot|fit"):
        case(INT64, rows, [NOON], over("sum", "1d")).rows(engine)


def test_a_sum_that_fits_is_right_though_all_before_it_would_not(engine: Runner) -> None:
    rows = [(1, NOON - number * HOUR, LARGE - number) for number in (1, 2, 3, 4)]
    check(engine, case(INT64, rows, [NOON, NOON - HOUR], over("sum", "90m")))


FAR = [
    datetime(1677, 9, 21, tzinfo=UTC),
    datetime(1902, 1, 1, 0, 0, 0, 1, UTC),
    datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC),
    datetime(2262, 4, 12, tzinfo=UTC),
    datetime(2298, 12, 31, 23, 59, 59, 999_999, UTC),
    datetime(9000, 1, 1, tzinfo=UTC),
]
CLICKHOUSE_YEARS = range(1900, 2299)
"""DateTime64 holds no others."""


def test_times_before_1970_and_beyond_2262_are_as_good_as_any(engine: Runner) -> None:
    far = [t for t in FAR if engine.dialect != "clickhouse" or t.year in CLICKHOUSE_YEARS]
    rows = [(1, moment, number) for number, moment in enumerate(far)]
    times = [*far, *(moment + HOUR for moment in far), *(moment - timedelta(microseconds=1) for moment in far)]
    check(engine, case(INT64, rows, times, over("sum", "1d"), over("last", "2h")))


def test_empty_text_is_a_value_and_no_null(engine: Runner) -> None:
    rows = [(1, NOON - 2 * HOUR, "a"), (1, NOON - HOUR, ""), (1, NOON - 3 * HOUR, None)]
    check(engine, case(STRING, rows, [NOON], over("count", "1d"), over("min", "1d"), over("last", "1d")))


def test_infinities_are_the_ends_of_the_order(engine: Runner) -> None:
    rows = [(1, NOON - HOUR * number, value) for number, value in enumerate((math.inf, 1.0, -math.inf), start=1)]
    check(engine, case(FLOAT64, rows, [NOON], over("min", "1d"), over("max", "1d"), over("count", "1d")))


def test_minus_zero_equals_zero(engine: Runner) -> None:
    rows = [(1, NOON - HOUR * number, value) for number, value in enumerate((-0.0, 0.0), start=1)]
    check(engine, case(FLOAT64, rows, [NOON], over("count_distinct", "1d"), over("sum", "1d"), over("mode", "1d")))


# --- views on views -------------------------------------------------------------------------------------------------


def deep(levels: int) -> Case:
    """A diamond on each level: two queries read the view below, and one joins them again."""
    base = case(INT64, [(1, NOON - HOUR, 1), (1, NOON - 2 * HOUR, 5)], [NOON])
    definitions, meaning = list(base.definitions), {}

    def rows_of(level: int) -> Any:
        scale = 2**level

        def rows(world: Any) -> list[dict[str, object]]:
            return [{**row, "f": row["f"] * scale} for row in world.tables["s"]]

        return rows

    below = "v"
    for level in range(levels):
        names = [f"left{level}", f"right{level}", f"top{level}"]
        texts = [
            f"SELECT a, ts, f FROM {below}",
            f"SELECT a, ts, f AS f FROM {below} WHERE f IS NOT NULL",
            f"SELECT l.a, l.ts, l.f + r.f AS f FROM {names[0]} l JOIN {names[1]} r ON l.a = r.a AND l.ts = r.ts",
        ]
        for name, text, power in zip(names, texts, (level, level, level + 1), strict=True):
            definitions.append(
                FeatureView(
                    name=name,
                    entities=("a",),
                    query=text,
                    timing=Timing(timestamp_field="ts"),
                    schema=(Column(name="f", type=INT64),),
                )
            )
            meaning[text] = rows_of(power)
        below = names[2]
    items = [ServiceItem(view=below), ServiceItem(view="left1")]
    return replace(base, definitions=definitions, meaning=meaning, items=items, full_feature_names=True)


def test_diamonds_of_views_six_levels_deep_equal_the_oracle(engine: Runner) -> None:
    check(engine, deep(6))


def test_a_view_that_many_read_is_one_common_table_expression() -> None:
    query = deep(6).compiled("duckdb")
    for name in ("s", *(f"{side}{level}" for side in ("left", "right", "top") for level in range(6))):
        assert query.sql.count(f'"{name}" AS (') == 1, name
    assert query.sql.count("stored_s") == 1
