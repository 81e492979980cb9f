"""The cases in which feature stores in use today drop rows, repeat them, or give a wrong value; each on every engine.

The expected values are written out, and the oracle must give them too: these are the cases that check the oracle.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from asof.compiler.dialects import DIALECTS, WINDOW_STRATEGIES
from asof.compiler.dialects.capabilities import KEYLESS
from asof.compiler.duration import Duration
from asof.compiler.model import (
    Aggregation,
    Column,
    DataSource,
    Entity,
    FeatureView,
    Location,
    ServiceItem,
    Timing,
    Window,
)
from asof.compiler.pit import SpineSpec, TrainingRequest, training_query
from asof.compiler.types import DATE, FLOAT64, INT32, INT64, STRING, TIMESTAMP, Type
from tests.engines import NAIVE, Runner
from tests.oracle.cases import Case, agree, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    Table = Sequence[tuple[object, ...]]

NOON = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)

A = Entity(name="a", join_keys=(Column(name="a", type=INT64),))
B = Entity(name="b", join_keys=(Column(name="b", type=INT64),))
PAIR = Entity(name="pair", join_keys=(Column(name="a", type=STRING), Column(name="b", type=STRING)))


def source(name: str, *columns: tuple[str, Type], timing: Timing | None = None) -> DataSource:
    timing = timing or Timing(timestamp_field="ts")
    typed = tuple(Column(name=n, type=t) for n, t in columns)
    return DataSource(name=name, location=table(name), columns=typed, timing=timing)


def view(name: str, entities: tuple[str, ...], reads: str, *features: tuple[str, Type], **more: Any) -> FeatureView:
    schema = tuple(Column(name=n, type=t) for n, t in features)
    return FeatureView(name=name, entities=entities, source=reads, schema=schema, **more)


def one_view(
    rows: Sequence[tuple[object, ...]],
    spine: Sequence[tuple[object, ...]],
    *,
    timing: Timing | None = None,
    ttl: str = "",
    created: bool = False,
    time: Type = TIMESTAMP,
) -> Case:
    """View ``v`` of feature ``f`` by key ``a``; rows are (a, ts, f) or (a, ts, created, f); the spine (a, t, label)."""
    timing = timing or Timing(timestamp_field="ts", created_timestamp_column="created" if created else "")
    columns = [("a", INT64), ("ts", time), *([("created", TIMESTAMP)] if created else []), ("f", INT64)]
    return Case(
        definitions=[
            A,
            source("s", *columns, timing=timing),
            view("v", ("a",), "s", ("f", INT64), ttl=Duration.parse(ttl) if ttl else None),
        ],
        rows_of={"s": rows},
        spine_columns=[("a", INT64), ("event_timestamp", TIMESTAMP), ("label", INT64)],
        spine=spine,
        items=[ServiceItem(view="v")],
    )


def holds(runner: Runner, case: Case, **expected: list[object]) -> None:
    """The engine's columns are ``expected``, one value for each row of the spine, and the oracle's are too."""
    for rows in (case.expected(), case.rows(runner)):
        for name, values in expected.items():
            assert [row[name] for row in rows] == values
    agree(case.rows(runner), case.expected())


def holds_by_any_strategy(runner: Runner, case: Case, **expected: list[object]) -> None:
    """The same, however the dialect can find latest values."""
    holds(runner, case, **expected)
    for latest in DIALECTS[runner.dialect].strategies:
        for windows in WINDOW_STRATEGIES:
            agree(case.rows(runner, latest=latest, windows=windows), case.expected())


def test_rows_whose_candidates_are_expired_or_in_the_future_are_kept(engine: Runner) -> None:
    rows = [(1, NOON - HOUR, 10), (2, NOON, 20), (3, NOON + TICK, 30), (4, NOON - HOUR - TICK, 40)]
    case = one_view(rows, [(key, NOON, 0) for key in (1, 2, 3, 4, 5)], ttl="1h")
    holds(engine, case, a=[1, 2, 3, 4, 5], f=[10, 20, None, None, None])


def test_the_latest_of_several_rows_is_found_by_any_strategy(engine: Runner) -> None:
    rows = [(1, NOON - 3 * HOUR, 1), (1, NOON - HOUR, 2), (1, NOON, 3), (1, NOON + TICK, 4), (2, NOON - HOUR, 5)]
    asked = (NOON - 4 * HOUR, NOON - 2 * HOUR, NOON - TICK, NOON, NOON + HOUR)
    holds_by_any_strategy(engine, one_view(rows, [(1, at, 0) for at in asked]), f=[None, 1, 2, 3, 4])


def test_a_ttl_below_a_second_is_no_less_a_ttl(engine: Runner) -> None:
    case = one_view(
        [(1, NOON - timedelta(milliseconds=501), 10)], [(1, NOON, 0), (1, NOON - TICK * 1000, 1)], ttl="500ms"
    )
    holds(engine, case, f=[None, 10])


def test_a_row_that_expired_within_a_stretch_of_time_that_is_read_is_not_seen(engine: Runner) -> None:
    case = one_view([(1, NOON, 7)], [(1, NOON + HOUR, 0), (1, NOON + HOUR * 3 / 2, 1)], ttl="1h")
    holds_by_any_strategy(engine, case, f=[7, None])


def test_duplicate_spine_rows_with_different_labels_are_all_kept(engine: Runner) -> None:
    case = one_view([(1, NOON, 10)], [(1, NOON, 7), (1, NOON, 8), (1, NOON, 7)])
    holds(engine, case, label=[7, 8, 7], f=[10, 10, 10])


def test_a_tie_on_the_event_time_gives_one_row_and_the_greatest_value(engine: Runner) -> None:
    case = one_view([(1, NOON, 2), (1, NOON, 3), (1, NOON, 1), (1, NOON, None)], [(1, NOON, 0)])
    holds_by_any_strategy(engine, case, label=[0], f=[3])


def test_a_tie_on_the_event_time_goes_to_the_later_created(engine: Runner) -> None:
    rows = [(1, NOON, NOON + HOUR, 1), (1, NOON, NOON, 9), (1, NOON, None, 10)]
    holds_by_any_strategy(engine, one_view(rows, [(1, NOON, 0)], created=True), f=[1])


def test_a_tie_on_event_and_created_goes_to_the_greatest_unique_column(engine: Runner) -> None:
    rows = [(1, NOON, NOON, 1, 5), (1, NOON, NOON, 2, 4), (1, NOON, NOON, None, 6), (1, NOON, NOON - HOUR, 3, 7)]
    timing = Timing(timestamp_field="ts", created_timestamp_column="created", unique=("seq",))
    columns = (("a", INT64), ("ts", TIMESTAMP), ("created", TIMESTAMP), ("seq", INT64), ("f", INT64))
    case = replace(
        one_view([], [(1, NOON, 0)]),
        definitions=[A, source("s", *columns, timing=timing), view("v", ("a",), "s", ("f", INT64))],
        rows_of={"s": rows},
    )
    holds_by_any_strategy(engine, case, f=[4])


def test_a_tie_on_everything_else_goes_to_the_values_in_declared_order(engine: Runner) -> None:
    columns = (("a", INT64), ("ts", TIMESTAMP), ("f", INT64), ("g", STRING))
    case = replace(
        one_view([], [(1, NOON, 0)]),
        definitions=[A, source("s", *columns), view("v", ("a",), "s", ("g", STRING), ("f", INT64))],
        rows_of={"s": [(1, NOON, 9, "Z"), (1, NOON, 1, "a"), (1, NOON, 2, "a"), (1, NOON, 8, None)]},
    )
    holds_by_any_strategy(engine, case, g=["a"], f=[2])


def test_the_only_row_counts_even_if_its_created_time_is_null(engine: Runner) -> None:
    holds(engine, one_view([(1, NOON, None, 5)], [(1, NOON, 0)], created=True), f=[5])


def test_a_row_is_unseen_until_its_created_time_where_visibility_says_so(engine: Runner) -> None:
    timing = Timing(timestamp_field="ts", created_timestamp_column="created", visibility="created")
    rows = [(1, NOON, NOON + HOUR, 2), (1, NOON - HOUR, NOON, 1), (1, NOON, None, 3)]
    spine = [(1, NOON - TICK, 0), (1, NOON, 0), (1, NOON + HOUR - TICK, 0), (1, NOON + HOUR, 0)]
    holds(engine, one_view(rows, spine, timing=timing, created=True), f=[None, 1, 1, 2])


def test_a_delayed_row_is_unseen_until_the_delay_has_passed(engine: Runner) -> None:
    timing = Timing(timestamp_field="ts", delay=Duration.parse("30m"))
    spine = [(1, NOON + HOUR / 2 - TICK, 0), (1, NOON + HOUR / 2, 0), (1, NOON + HOUR, 0), (1, NOON + HOUR + TICK, 0)]
    holds(engine, one_view([(1, NOON, 1)], spine, timing=timing, ttl="1h"), f=[None, 1, 1, None])


def test_composite_keys_whose_texts_collide_are_different_keys(engine: Runner) -> None:
    case = Case(
        definitions=[
            PAIR,
            source("s", ("a", STRING), ("b", STRING), ("ts", TIMESTAMP), ("f", INT64)),
            view("v", ("pair",), "s", ("f", INT64)),
        ],
        rows_of={"s": [("1", "11", NOON, 111), ("11", "1", NOON - HOUR, 222)]},
        spine_columns=[("a", STRING), ("b", STRING), ("event_timestamp", TIMESTAMP)],
        spine=[("1", "11", NOON), ("11", "1", NOON), ("111", "", NOON), ("", "111", NOON)],
        items=[ServiceItem(view="v")],
    )
    holds(engine, case, f=[111, 222, None, None])


def two_views(spine: Sequence[tuple[object, ...]]) -> Case:
    return Case(
        definitions=[
            A,
            B,
            source("sa", ("a", INT64), ("ts", TIMESTAMP), ("fa", INT64)),
            source("sb", ("b", INT64), ("ts", TIMESTAMP), ("fb", INT64)),
            view("va", ("a",), "sa", ("fa", INT64)),
            view("vb", ("b",), "sb", ("fb", INT64)),
        ],
        rows_of={"sa": [(1, NOON, 10)], "sb": [(1, NOON, 100), (2, NOON, 200)]},
        spine_columns=[("a", INT64), ("b", INT64), ("event_timestamp", TIMESTAMP)],
        spine=spine,
        items=[ServiceItem(view="va"), ServiceItem(view="vb")],
    )


def test_two_views_with_different_keys_keep_rows_that_share_one_of_them(engine: Runner) -> None:
    holds(engine, two_views([(1, 1, NOON), (1, 2, NOON)]), fa=[10, 10], fb=[100, 200])


def test_a_null_key_of_one_view_leaves_the_other_view_alone(engine: Runner) -> None:
    holds(engine, two_views([(1, None, NOON), (None, 2, NOON)]), fa=[10, None], fb=[None, 200])


def test_a_null_key_never_meets_a_null_key(engine: Runner) -> None:
    holds(engine, one_view([(None, NOON, 5)], [(None, NOON, 0)]), a=[None], f=[None])


def test_a_null_timestamp_in_the_spine_keeps_its_row(engine: Runner) -> None:
    holds(engine, one_view([(1, NOON, 5)], [(1, None, 3), (1, NOON, 4)]), label=[3, 4], f=[None, 5])


def test_a_null_timestamp_in_the_source_is_ignored(engine: Runner) -> None:
    holds(engine, one_view([(1, None, 5), (1, NOON - HOUR, 6)], [(1, NOON, 0)]), f=[6])


def test_a_view_without_entities_answers_every_row(engine: Runner) -> None:
    case = Case(
        definitions=[source("s", ("ts", TIMESTAMP), ("f", INT64)), view("v", (), "s", ("f", INT64))],
        rows_of={"s": [(NOON, 5), (NOON - HOUR, 4)]},
        spine_columns=[("event_timestamp", TIMESTAMP), ("label", INT64)],
        spine=[(NOON, 1), (NOON, 2), (NOON - TICK, 3), (NOON - 2 * HOUR, 4), (None, 5)],
        items=[ServiceItem(view="v")],
    )
    if KEYLESS in DIALECTS[engine.dialect].unsupported:
        with pytest.raises(pytest.fail.Exception, match=KEYLESS):
            case.compiled(engine.dialect)
        return
    holds(engine, case, label=[1, 2, 3, 4, 5], f=[5, 5, 4, None, None])


def test_a_spine_in_another_time_zone_means_the_same_instants(engine: Runner) -> None:
    kolkata = timezone(timedelta(hours=5, minutes=30))
    case = one_view([(1, NOON, 5)], [(1, NOON.astimezone(kolkata), 0), (1, (NOON - TICK).astimezone(kolkata), 0)])
    holds(engine, case, f=[5, None])


def test_a_naive_spine_is_in_utc_whatever_the_session_says(engine: Runner) -> None:
    naive = [(1, NOON.replace(tzinfo=None), 0), (1, (NOON - TICK).replace(tzinfo=None), 0)]
    case = replace(
        one_view([(1, NOON, 5)], naive), spine_columns=[("a", INT64), ("event_timestamp", NAIVE), ("label", INT64)]
    )
    holds(engine, case, f=[5, None])


def test_a_date_typed_event_is_its_midnight_in_utc(engine: Runner) -> None:
    midnight = datetime(2024, 5, 1, tzinfo=UTC)
    case = one_view([(1, date(2024, 5, 1), 5)], [(1, midnight, 0), (1, midnight - TICK, 0)], time=DATE)
    holds(engine, case, f=[5, None])


def test_an_event_that_counts_seconds_is_exact_before_1970_and_after_2038(engine: Runner) -> None:
    timing = Timing(timestamp_field="ts", timestamp_unit="seconds")
    old, far = datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
    spine = [(1, old - TICK, 0), (1, old, 0), (1, far - TICK, 0), (1, far, 0)]
    case = one_view([(1, -1, 5), (1, 4_102_444_800, 6)], spine, timing=timing, time=INT64)
    holds(engine, case, f=[None, 5, 5, 6])


@pytest.mark.parametrize("name", ["duckdb_runner", "postgres_runner"])
def test_an_hour_that_a_zone_shows_twice_is_read_as_the_later(name: str, request: pytest.FixtureRequest) -> None:
    timing = Timing(timestamp_field="ts", timezone="Europe/Berlin")
    wall = datetime(2024, 10, 27, 2, 30)  # noqa: DTZ001
    later = datetime(2024, 10, 27, 1, 30, tzinfo=UTC)
    case = one_view([(1, wall, 5)], [(1, later - TICK, 0), (1, later, 0)], timing=timing)
    holds(request.getfixturevalue(name), case, f=[None, 5])


def test_a_zone_is_refused_where_the_engine_has_none(sqlite_runner: Runner) -> None:
    case = one_view([], [], timing=Timing(timestamp_field="ts", timezone="Europe/Berlin"))
    assert diagnostics(case, "sqlite")


def test_an_empty_spine_gives_no_rows(engine: Runner) -> None:
    assert one_view([(1, NOON, 5)], []).rows(engine) == []


def test_an_empty_source_gives_no_values(engine: Runner) -> None:
    holds(engine, one_view([], [(1, NOON, 0)]), f=[None])


def diagnostics(case: Case, dialect: str) -> list[str]:
    columns = tuple(name for name, _ in case.spine_columns)
    spine = SpineSpec(relation="asked", columns=columns, timestamp=case.timestamp)
    request = TrainingRequest(items=tuple(case.items), spine=spine)
    made = training_query(case.repo, request, target=dialect, dialect=dialect)
    return [d.message for d in made.diagnostics if made.query is None]


def test_a_spine_column_named_like_a_feature_is_an_error_at_compile_time(engine: Runner) -> None:
    case = one_view([], [])
    clash = replace(case, spine_columns=[*case.spine_columns, ("f", INT64)])
    assert any("'f'" in message for message in diagnostics(clash, engine.dialect))


def test_two_features_of_one_name_are_an_error_unless_their_views_are_named_too(engine: Runner) -> None:
    case = one_view([(1, NOON, 5)], [(1, NOON, 0)])
    both = replace(
        case,
        definitions=[*case.definitions, view("w", ("a",), "s", ("f", INT64))],
        items=[ServiceItem(view="v"), ServiceItem(view="w")],
    )
    assert any("'f'" in message for message in diagnostics(both, engine.dialect))
    holds(engine, replace(both, full_feature_names=True), v__f=[5], w__f=[5])


def test_one_entity_plays_two_roles(engine: Runner) -> None:
    case = replace(
        one_view([(1, NOON, 5), (2, NOON, 6)], [(1, 2, NOON), (2, None, NOON), (None, 1, NOON)]),
        spine_columns=[("a", INT64), ("to", INT64), ("event_timestamp", TIMESTAMP)],
        items=[ServiceItem(view="v"), ServiceItem(view="v", alias="to", join_key_map=(("a", "to"),))],
        full_feature_names=True,
    )
    holds(engine, case, v__f=[5, 6, None], to__f=[6, None, 5])


@pytest.mark.parametrize("name", ["order", "spine", "_row", "v_rows", "v_latest", "a b", 'q"', "x;--", "é", "n" * 63])
def test_columns_may_have_any_name(engine: Runner, name: str) -> None:
    entity = Entity(name="e", join_keys=(Column(name=f"k{name}"[:63], type=INT64),))
    key = entity.join_keys[0].name
    timing = Timing(timestamp_field=f"t{name}"[:63])
    columns = ((key, INT64), (timing.timestamp_field, TIMESTAMP), (name, FLOAT64))
    case = Case(
        definitions=[entity, source("s", *columns, timing=timing), view("v", ("e",), "s", (name, FLOAT64))],
        rows_of={"s": [(1, NOON, 2.0)]},
        spine_columns=[(key, INT64), ("event_timestamp", TIMESTAMP), ("_at", INT64)],
        spine=[(1, NOON, 3)],
        items=[ServiceItem(view="v")],
    )
    holds(engine, case, **{name: [2.0], "_at": [3]})


@pytest.mark.parametrize("name", ["asked", "spine", "v", "v_rows", "select"])
def test_objects_and_their_tables_may_share_a_name_with_anything(engine: Runner, name: str) -> None:
    case = one_view([(1, NOON, 5)], [(1, NOON, 0)])
    made = DataSource(
        name=name,
        location=Location(table=name if name != "asked" else "stored"),
        columns=case.sources()[0].columns,
        timing=Timing(timestamp_field="ts"),
    )
    shared = replace(
        case,
        definitions=[A, made, view("select" if name == "v" else "v", ("a",), name, ("f", INT64))],
        rows_of={name: [(1, NOON, 5)]},
        items=[ServiceItem(view="select" if name == "v" else "v")],
    )
    holds(engine, shared, f=[5])


def test_a_query_view_reads_sources_by_their_names(engine: Runner) -> None:
    text = "SELECT a, ts, f * 2 AS doubled FROM s WHERE f > 0"
    doubling = FeatureView(
        name="v",
        entities=("a",),
        query=text,
        timing=Timing(timestamp_field="ts"),
        schema=(Column(name="doubled", type=INT64),),
    )
    base = one_view([(1, NOON - HOUR, 5), (1, NOON, -6), (2, NOON, 1)], [(1, NOON, 0), (2, NOON, 0)])
    case = replace(
        base,
        definitions=[*base.definitions[:2], doubling],
        meaning={
            text: lambda world: [
                {"a": row["a"], "ts": row["ts"], "doubled": row["f"] * 2} for row in world.tables["s"] if row["f"] > 0
            ]
        },
    )
    holds(engine, case, doubled=[10, 2])


def windows(
    *aggregations: Aggregation, rows: Sequence[tuple[object, ...]], spine: Sequence[tuple[object, ...]]
) -> Case:
    """View ``v`` with ``aggregations`` over ``f`` by key ``a``; rows are (a, ts, f), the spine (a, t, label)."""
    case = one_view(rows, spine)
    made = FeatureView(name="v", entities=("a",), source="s", aggregations=aggregations)
    return replace(case, definitions=[*case.definitions[:2], made])


def over(function: str, length: str, offset: str = "0s", **more: Any) -> Aggregation:
    window = Window(length=Duration.parse(length) if length else None, offset=Duration.parse(offset), name="w")
    return Aggregation(function=function, column="f", windows=(window,), **more)


def test_a_window_holds_its_first_instant_and_not_its_last(engine: Runner) -> None:
    rows = [(1, NOON - HOUR - TICK, 1), (1, NOON - HOUR, 2), (1, NOON - TICK, 4), (1, NOON, 8)]
    holds(engine, windows(over("sum", "1h"), rows=rows, spine=[(1, NOON, 0)]), w=[6])


def test_a_window_bounded_the_other_way_holds_its_last_instant_and_not_its_first(engine: Runner) -> None:
    rows = [(1, NOON - HOUR, 1), (1, NOON - HOUR + TICK, 2), (1, NOON, 4), (1, NOON + TICK, 8)]
    holds(engine, windows(over("sum", "1h", bounds="(]"), rows=rows, spine=[(1, NOON, 0)]), w=[6])


def test_the_ends_of_a_window_hold_where_others_ask_about_the_rows_before_it(engine: Runner) -> None:
    """Alone, a question has rows before its window left out before any window is computed."""
    rows = [(1, NOON - HOUR - TICK, 1), (1, NOON - HOUR, 2), (1, NOON - TICK, 4), (1, NOON, 8)]
    spine = [(1, NOON, 0), (1, NOON - HOUR, 0)]
    for bounds, expected in (("[)", [6, 1]), ("(]", [12, 3])):
        holds(engine, windows(over("sum", "1h", bounds=bounds), rows=rows, spine=spine), w=expected)


def test_an_offset_moves_both_ends_of_a_window(engine: Runner) -> None:
    rows = [(1, NOON - 2 * HOUR - TICK, 1), (1, NOON - 2 * HOUR, 2), (1, NOON - HOUR - TICK, 4), (1, NOON - HOUR, 8)]
    holds(engine, windows(over("sum", "1h", "1h"), rows=rows, spine=[(1, NOON, 0)]), w=[6])


def test_a_lifetime_begins_with_the_first_row(engine: Runner) -> None:
    rows = [(1, datetime(1901, 1, 1, tzinfo=UTC), 1), (1, NOON - TICK, 2), (1, NOON, 4)]
    holds(engine, windows(over("sum", ""), rows=rows, spine=[(1, NOON, 0)]), w=[3])


def test_nothing_counts_as_0_and_sums_to_null(engine: Runner) -> None:
    for function, empty in (("count", 0), ("count_distinct", 0), ("sum", None), ("min", None), ("last", None)):
        case = windows(over(function, "1h"), rows=[(1, NOON - HOUR, None)], spine=[(1, NOON, 0), (2, NOON, 0)])
        holds(engine, case, w=[empty, empty])


def test_a_row_without_key_or_time_counts_as_null_and_not_as_0(engine: Runner) -> None:
    case = windows(over("count", "1h"), rows=[(1, NOON - HOUR, 1)], spine=[(None, NOON, 0), (1, None, 0)])
    holds(engine, case, w=[None, None])


def test_first_and_last_skip_nulls_unless_told_otherwise(engine: Runner) -> None:
    rows = [(1, NOON - 4 * TICK, None), (1, NOON - 3 * TICK, 1), (1, NOON - 2 * TICK, 2), (1, NOON - TICK, None)]
    for function, nulls, expected in (
        ("first", False, 1),
        ("last", False, 2),
        ("first", True, None),
        ("last", True, None),
    ):
        made = over(function, "1h", include_nulls=nulls)
        holds(engine, windows(made, rows=rows, spine=[(1, NOON, 0)]), w=[expected])


def test_a_null_counts_for_first_and_last_only_where_the_condition_holds(engine: Runner) -> None:
    meaning = {"f > 0": lambda row: row["f"] > 0, "f IS NULL": lambda row: row["f"] is None}
    rows = [(1, NOON - 4 * TICK, -1), (1, NOON - 3 * TICK, 1), (1, NOON - 2 * TICK, 2), (1, NOON - TICK, -2)]
    for function, nulls, condition, expected in (
        ("first", True, "f > 0", 1),
        ("last", True, "f > 0", 2),
        ("last", True, "f IS NULL", None),
        ("first", False, "f > 0", 1),
    ):
        made = over(function, "1h", include_nulls=nulls, where=condition)
        case = windows(made, rows=rows, spine=[(1, NOON, 0)])
        holds(engine, replace(case, meaning=meaning), w=[expected])


def test_a_variance_of_large_values_keeps_its_digits(engine: Runner) -> None:
    rows = [(1, NOON - step * TICK, 10**9 + step) for step in (1, 2, 3)]
    rows += [(1, NOON - 2 * HOUR, 10**15)]
    holds(engine, windows(over("var_samp", "1h"), rows=rows, spine=[(1, NOON, 0)]), w=[pytest.approx(1.0, rel=1e-9)])


def test_a_sum_is_as_exact_after_a_large_value_has_left_the_window(engine: Runner) -> None:
    case = windows(
        over("sum", "1h"),
        rows=[(1, NOON - 2 * HOUR, 1e17), (1, NOON - TICK, 1.5)],
        spine=[(1, NOON - 2 * HOUR + TICK, 0), (1, NOON, 0)],
    )
    typed = source("s", ("a", INT64), ("ts", TIMESTAMP), ("f", FLOAT64))
    holds(engine, replace(case, definitions=[A, typed, case.definitions[2]]), w=[1e17, 1.5])


def test_moments_of_32_bit_integers_are_exact_to_the_last_division(engine: Runner) -> None:
    rows = [(1, NOON - step * TICK, 2_000_000_000 + step) for step in (1, 2, 3, 6)] + [(1, NOON - 2 * HOUR, -1)]
    typed = source("s", ("a", INT64), ("ts", TIMESTAMP), ("f", INT32))
    for function, few, expected in (
        ("var_pop", 0.0, 3.5),
        ("var_samp", None, 14 / 3),
        ("stddev_pop", 0.0, 3.5**0.5),
        ("stddev_samp", None, (14 / 3) ** 0.5),
    ):
        case = windows(over(function, "1h"), rows=rows, spine=[(1, NOON - 5 * TICK, 0), (1, NOON, 0), (2, NOON, 0)])
        case = replace(case, definitions=[A, typed, case.definitions[2]])
        holds(engine, case, w=[few, pytest.approx(expected, rel=1e-9), None])
