"""Strategies for many rows of few keys: what counts, sorts, ranks and lists must see more than one row to be wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from asof.compiler.dialects.capabilities import BY, NULLS_IN_LISTS
from asof.compiler.duration import Duration
from asof.compiler.model import Aggregation, Column, DataSource, FeatureView, ServiceItem, Timing, Window
from asof.compiler.types import BOOL, FLOAT64, INT64, STRING, TIMESTAMP, Type
from tests.oracle.cases import Case, table
from tests.oracle.generate import FUNCTIONS, IN_TIME, SINGLE, TAKE_N

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

START = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)
MINUTES = 12
VALUES: Mapping[str, tuple[Type, tuple[object, ...]]] = {
    "whole": (INT64, (-7, 0, 1, 2, 40, None)),
    "broken": (FLOAT64, (-2.5, 0.25, 3.0, 3.5, 1e6, None)),
    "text": (STRING, ("", "B", "a", "ab", "é", None)),
    "truth": (BOOL, (True, True, True, False, None)),
}
WINDOWS = tuple(Window(length=None if length is None else Duration.parse(length)) for length in (None, "4m", "9m"))
PERCENTILES = (0.0, 0.05, 0.5, 0.9, 1.0)
SEVERAL = 8
"""Aggregations of one view."""


@st.composite
def aggregations(draw: st.DrawFn, column: str, function: str, number: int, without: Collection[str]) -> Aggregation:
    """The function of the column, over a window that several rows fall into."""
    nulls = function in ("first", "last") or (function in IN_TIME and NULLS_IN_LISTS not in without)
    several = 1 if "percentiles" in without else 3
    return Aggregation(
        function=function,
        column=column,
        windows=(draw(st.sampled_from(WINDOWS)),),
        name=f"a{number}",
        include_nulls=nulls and draw(st.booleans()),
        by="" if BY in without else draw(st.sampled_from(("", "", "", "truth"))),
        n=draw(st.sampled_from((2, 3, 5))) if function in TAKE_N else 0,
        order=draw(st.sampled_from(("asc", "desc"))) if function in TAKE_N and function in IN_TIME else "asc",
        percentiles=draw(st.permutations(PERCENTILES).map(lambda p: tuple(p[:several])))
        if function == "percentile"
        else (),
    )


@st.composite
def crowded(draw: st.DrawFn, *, without: Collection[str] = ()) -> Case:
    """One view of several functions; each key has a row a minute, some minutes two, and is asked about late."""
    able = [(name, f) for name, (kind, _) in VALUES.items() for f in dict.fromkeys(FUNCTIONS[kind]) if f not in without]
    chosen = draw(st.permutations(able))[:SEVERAL]
    columns = (*SINGLE.join_keys, Column(name="happened", type=TIMESTAMP), Column(name="seq", type=INT64))
    source = DataSource(
        name="busy",
        location=table("busy"),
        columns=(*columns, *(Column(name=name, type=kind) for name, (kind, _) in VALUES.items())),
        timing=Timing(timestamp_field="happened", unique=("seq",)),
    )
    view = FeatureView(
        name="crowd",
        entities=(SINGLE.name,),
        source=source.name,
        aggregations=tuple(
            draw(aggregations(name, function, number, without)) for number, (name, function) in enumerate(chosen)
        ),
    )
    number = draw(st.integers(min_value=MINUTES, max_value=3 * MINUTES))
    ids = st.sampled_from((1, 1, 2))
    moments = st.integers(0, MINUTES).map(lambda minute: START + timedelta(minutes=minute))
    values = [st.sampled_from(values) for _, values in VALUES.values()]
    rows = draw(st.lists(st.tuples(ids, moments, st.integers(0, 99), *values), min_size=number, max_size=number))
    late = st.sampled_from([START + timedelta(minutes=minute) for minute in (MINUTES, MINUTES - 2, MINUTES // 2)])
    return Case(
        definitions=[SINGLE, source, view],
        rows_of={source.name: rows},
        spine_columns=[("id", INT64), ("event_timestamp", TIMESTAMP)],
        spine=draw(st.lists(st.tuples(ids, late), min_size=3, max_size=6)),
        items=[ServiceItem(view=view.name)],
    )
