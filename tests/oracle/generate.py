"""Strategies for small repos and data that sits on the edges: ties, bounds, NULLs, collisions, awkward names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from asof.compiler.dialects.capabilities import BY, DOTS, KEYLESS, NULLS_IN_LISTS, TIME_ZONES
from asof.compiler.duration import Duration
from asof.compiler.model import (
    Aggregation,
    AnyDefinition,
    Column,
    DataSource,
    Entity,
    Expression,
    FeatureRef,
    FeatureView,
    OnDemandFeatureView,
    ServiceItem,
    Timing,
    Window,
)
from asof.compiler.types import BOOL, DATE, FLOAT64, INT64, STRING, TIMESTAMP, Type
from tests.oracle.cases import Case, table
from tests.oracle.oracle import instant

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

INSTANTS = (
    datetime(2024, 3, 31, 1, 0, tzinfo=UTC),  # Berlin's clocks jump from 02:00 to 03:00
    datetime(2024, 10, 27, 0, 30, tzinfo=UTC),  # Berlin shows 02:30 for the first time
    datetime(2024, 10, 27, 1, 30, tzinfo=UTC),  # and for the second
    datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC),
    datetime(2024, 2, 29, 12, 0, tzinfo=UTC),
)
LENGTHS = tuple(Duration.parse(text) for text in ("1us", "1s", "1h", "90m", "1d", "7d12h"))
NONE = Duration(0)
BERLIN = "Europe/Berlin"
KEY_TEXTS = (("1", "11"), ("1", "11", None), ("a'b", 'q"; --', ""), ("ключ", " 1", "NULL", None))
KEY_NUMBERS = ((1, 11), (1, -1, None), (0, None))
VALUE_NAMES = (
    "amount",
    "select",
    "it's",
    'a "quoted" name',
    "semi; colon --",
    "группа",
    "_row",
    "n" * 50,
    "100%",
    "a.b",
    "event",
    "value",
)
VALUES: Mapping[Type, tuple[object, ...]] = {
    INT64: (-7, -1, 0, 1, 2, 2**40, None),
    FLOAT64: (-2.5, -1.0, 0.0, 0.25, 3.0, 1e6, None),
    STRING: ("", "B", "a", "ab", "é", "o'; --", "Z", None),
    BOOL: (True, False, None),
    DATE: (*(moment.date() for moment in INSTANTS), None),
    TIMESTAMP: (*INSTANTS, None),
}
NUMERIC = (
    "sum", "mean", "var_pop", "var_samp", "stddev_pop", "stddev_samp", "skew", "kurtosis", "percentile", "percentile"
)  # fmt: skip
ORDERED = ("min", "max", "top_n", "bottom_n")
KEYED = ("histogram",)
IN_TIME = ("first", "last", "first_n", "last_n", "first_distinct_n", "last_distinct_n")
ANY = ("count", "count_distinct", "mode", *IN_TIME)
TAKE_N = ("first_n", "last_n", "first_distinct_n", "last_distinct_n", "top_n", "bottom_n")
FUNCTIONS = {
    INT64: (*NUMERIC, *ORDERED, *KEYED, *ANY),
    FLOAT64: (*NUMERIC, *ORDERED, *ANY),
    STRING: (*ORDERED, *KEYED, *ANY),
    BOOL: ("any", "all", *KEYED, *ANY),
    DATE: (*ORDERED, *ANY),
    TIMESTAMP: (*ORDERED, *ANY),
}

PAIR = Entity(name="pair", join_keys=(Column(name="left key", type=STRING), Column(name="order", type=STRING)))
SINGLE = Entity(name="single", join_keys=(Column(name="id", type=INT64),))
KEYS = {key.name: key for entity in (PAIR, SINGLE) for key in entity.join_keys}
PERCENTILES = st.sampled_from((0.0, 0.05, 0.5, 0.9, 1.0))
SHOWN = "request; field"


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True)
class Drawn:
    """A source, the names and types of its value columns as views see them, and how its times are stored."""

    source: DataSource
    values: Mapping[str, Type]
    store: Callable[[datetime], object]
    ahead: timedelta = timedelta(0)
    """How far the clock by which its partitions are dated is ahead of UTC."""

    def day(self, event: object) -> object:
        """The partition of a row with that stored event time, as its column holds it."""
        timing, column = self.source.timing, self.source.date_partition_column
        at = instant(event, timing.timezone, timing.timestamp_unit)
        if at is None:
            return None
        found = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at) + self.ahead).date()
        kind = next(c.type for c in self.source.columns if c.name == column)
        return found.isoformat() if kind == STRING else found


def stored_as(kind: str) -> tuple[Type, Callable[[datetime], object]]:
    """The type of a time column and how an instant is written into it."""
    match kind:
        case "date":
            return DATE, datetime.date
        case "seconds" | "milliseconds" | "microseconds":
            return INT64, lambda moment: (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(**{kind: 1})
        case "zone":
            return TIMESTAMP, lambda moment: moment.astimezone(ZoneInfo(BERLIN)).replace(tzinfo=None)
        case _:
            return TIMESTAMP, lambda moment: moment


@st.composite
def sources(draw: st.DrawFn, name: str, kinds: Sequence[str], without: Collection[str]) -> Drawn:
    """A table with every key, an event time, perhaps a created time and tie columns, and a few values."""
    kind = draw(st.sampled_from(kinds))
    time, store = stored_as(kind)
    types = [INT64, *(t for t in VALUES if kind != "zone" or t != TIMESTAMP)]
    names = draw(st.permutations([n for n in VALUE_NAMES if "." not in n or DOTS not in without]))
    values = dict(zip(names, draw(st.lists(st.sampled_from(types), min_size=1, max_size=4)), strict=False))
    created = "created at" if draw(st.booleans()) else ""
    unique = ("seq",) if draw(st.booleans()) else ()
    ends = "valid until" if draw(st.sampled_from((True, False, False))) else ""
    columns = [*KEYS.values(), Column(name="happened", type=time)]
    columns += [Column(name=created, type=time)] if created else []
    columns += [Column(name=ends, type=time)] if ends else []
    columns += [Column(name=tie, type=INT64) for tie in unique]
    partition = "day; of" if draw(st.sampled_from((True, False))) else ""
    columns += [Column(name=partition, type=draw(st.sampled_from((DATE, STRING))))] if partition else []
    columns += [Column(name=n, type=t) for n, t in values.items()]
    renamed = {
        old: f"{old[:40]} used" for old in draw(st.sets(st.sampled_from([c.name for c in columns[3:]]), max_size=2))
    }
    timing = Timing(
        timestamp_field="happened",
        created_timestamp_column=created,
        valid_to=ends,
        unique=unique,
        delay=draw(st.sampled_from((NONE, NONE, *LENGTHS))),
        visibility="created" if created and draw(st.booleans()) else "event",
        timezone=BERLIN if kind == "zone" else "",
        timestamp_unit=kind if kind.endswith("seconds") else "",  # type: ignore[arg-type]
    )
    mapping = tuple(sorted(renamed.items()))
    source = DataSource(
        name=name,
        location=table(name),
        columns=tuple(columns),
        timing=timing,
        field_mapping=mapping,
        date_partition_column=partition,
    )
    ahead = timedelta(hours=draw(st.sampled_from((0, -12, 14))))
    return Drawn(source, {renamed.get(n, n): t for n, t in values.items()}, store, ahead)


@st.composite
def aggregations(
    draw: st.DrawFn, values: Mapping[str, Type], number: int, without: Collection[str]
) -> tuple[Aggregation, dict[str, Any]]:
    """One aggregation, and what its ``where`` means."""
    column = draw(st.sampled_from([*values, ""]))
    able = [f for f in FUNCTIONS[values[column]] if f not in without] if column else ["count"]
    function = draw(st.sampled_from(able))
    keys = [name for name, kind in values.items() if kind in (INT64, STRING, BOOL)] if BY not in without else []
    several = 1 if "percentiles" in without else 3
    lists = function in TAKE_N
    nulls = function in ("first", "last") or (function in IN_TIME and NULLS_IN_LISTS not in without)
    lengths, offsets = st.sampled_from((None, *LENGTHS)), st.sampled_from((NONE, NONE, *LENGTHS[:3]))
    windows = draw(st.lists(st.builds(Window, length=lengths, offset=offsets), min_size=1, max_size=3, unique=True))
    where, meaning = "", {}
    subject = draw(st.sampled_from(list(values)))
    shape = draw(st.sampled_from(("", "", "is null", "positive")))
    if shape == "is null":
        where = f"{quoted(subject)} IS NULL"
        meaning[where] = lambda row: row[subject] is None
    elif shape and values[subject] in (INT64, FLOAT64):
        where = f"{quoted(subject)} > 0"
        meaning[where] = lambda row: None if row[subject] is None else row[subject] > 0
    made = Aggregation(
        function=function,
        column=column,
        windows=tuple(windows),
        name=f"a{number}",
        where=where,
        bounds=draw(st.sampled_from(("[)", "[)", "(]"))),
        include_nulls=nulls and draw(st.booleans()),
        by=draw(st.sampled_from(["", "", "", *keys])),
        n=draw(st.sampled_from((1, 2, 5))) if lists else 0,
        order=draw(st.sampled_from(("asc", "desc"))) if lists and function in IN_TIME else "asc",
        percentiles=tuple(draw(st.lists(PERCENTILES, min_size=1, max_size=several)))
        if function == "percentile"
        else (),
    )
    return made, meaning


@st.composite
def views(draw: st.DrawFn, name: str, drawn: Drawn, without: Collection[str]) -> tuple[FeatureView, dict[str, Any]]:
    """A view over the source, or over a query of it."""
    names = draw(st.permutations(list(drawn.values)))
    schema = names[: draw(st.integers(0, len(names)))]
    meaning: dict[str, Any] = {}
    wanted = draw(st.integers(0 if schema else 1, 3))
    made = []
    for number in range(wanted):
        aggregation, means = draw(aggregations(drawn.values, number, without))
        made.append(aggregation)
        meaning |= means
    view = FeatureView(
        name=name,
        entities=draw(
            st.sampled_from(
                (("pair",), ("single",), ("pair", "single"), ("pair",), *(() if KEYLESS in without else ((),)))
            )
        ),
        source=drawn.source.name,
        schema=tuple(Column(name=n, type=drawn.values[n]) for n in schema),
        ttl=draw(st.sampled_from((None, *LENGTHS))),
        aggregations=tuple(made),
    )
    return view, meaning


def edges(view: FeatureView, timing: Timing) -> list[int]:
    """How long before ``t`` something starts or stops to count, in microseconds."""
    found = {0, timing.delay.microseconds}
    if view.ttl is not None:
        found.add(view.ttl.microseconds)
    for window in (w for a in view.aggregations for w in a.windows):
        found.add(window.offset.microseconds)
        if window.length is not None:
            found.add(window.offset.microseconds + window.length.microseconds)
    return sorted(found)


@st.composite
def source_rows(
    draw: st.DrawFn,
    drawn: Drawn,
    spread: Sequence[int],
    instants: Sequence[datetime],
    keys: Mapping[str, st.SearchStrategy[object]],
) -> list[tuple[object, ...]]:
    """Rows whose times lie on the edges, one microsecond before them or after."""
    timing = drawn.source.timing
    moments = st.builds(
        lambda base, edge, jitter: base + timedelta(microseconds=jitter - edge),
        st.sampled_from(instants),
        st.sampled_from(spread),
        st.sampled_from((0, 0, -1, 1)),
    )
    stored = st.one_of(moments.map(drawn.store), moments.map(drawn.store), st.none() | moments.map(drawn.store))
    columns: list[st.SearchStrategy[object]] = []
    for column in drawn.source.columns:
        if column.name in keys:
            columns.append(keys[column.name])
        elif column.name in (timing.timestamp_field, timing.created_timestamp_column, timing.valid_to):
            columns.append(stored)
        else:
            columns.append(st.sampled_from(VALUES[column.type]))
    size = draw(st.sampled_from((24, 12, 3, 0)))
    rows: list[tuple[object, ...]] = draw(st.lists(st.tuples(*columns), min_size=size // 2, max_size=size))
    names = [column.name for column in drawn.source.columns]
    if not drawn.source.date_partition_column:
        return rows
    event, day = names.index(timing.timestamp_field), names.index(drawn.source.date_partition_column)
    dated = draw(st.lists(st.sampled_from((True, True, True, False)), min_size=len(rows), max_size=len(rows)))
    return [
        (*row[:day], drawn.day(row[event]) if known else None, *row[day + 1 :])
        for row, known in zip(rows, dated, strict=True)
    ]


def spine_columns(
    instants: Sequence[datetime], keys: Mapping[str, st.SearchStrategy[object]]
) -> dict[str, tuple[Type, st.SearchStrategy[object]]]:
    """Name -> type and values of the spine's columns: a label, the instant, keys and what is shown."""
    times = st.sampled_from([*instants, instants[0] + timedelta(microseconds=1), None])
    return {
        "label": (INT64, st.integers(0, 3)),
        "event_timestamp": (TIMESTAMP, times),
        **{name: (key.type, keys[name]) for name, key in KEYS.items()},
        "other id": (INT64, keys["id"]),
        SHOWN: (INT64, st.sampled_from((1, -1, None))),
    }


@st.composite
def cases(draw: st.DrawFn, *, without: Collection[str] = ()) -> Case:
    """One to three views over one or two sources, perhaps one on another, one in two roles, one on demand."""
    kinds: tuple[str, ...] = ("instant", "instant", "instant", "date", "seconds", "milliseconds", "microseconds")
    pool = [
        draw(sources(name, (*kinds, "zone", "zone") if TIME_ZONES not in without else kinds, without))
        for name in ("first", "second")
    ]
    definitions: list[AnyDefinition] = [PAIR, SINGLE, *(drawn.source for drawn in pool)]
    meaning: dict[str, Any] = {}
    spread: dict[str, set[int]] = {drawn.source.name: {0} for drawn in pool}
    made: list[FeatureView] = []
    for number in range(draw(st.integers(1, 3))):
        drawn = draw(st.sampled_from(pool))
        view, means = draw(views(f"view{number}", drawn, without))
        spread[drawn.source.name] |= set(edges(view, drawn.source.timing))
        made.append(view)
        meaning |= means
    if made[0].schema and draw(st.booleans()):
        made.append(
            FeatureView(name="upper", entities=made[0].entities, source=made[0].name, schema=made[0].schema[::-1])
        )
    definitions += made
    items = [ServiceItem(view=view.name) for view in made]
    items += draw(st.sampled_from(((), (ServiceItem(view="view0", alias="role", join_key_map=(("id", "other id"),)),))))
    whole = [c.name for c in made[0].schema if c.type == INT64]
    if whole and draw(st.booleans()):
        text = f"COALESCE({quoted(whole[0])}, 0) + {quoted(SHOWN)}"
        meaning[text] = lambda row: None if row[SHOWN] is None else (row[whole[0]] or 0) + row[SHOWN]
        request = DataSource(name="asked", type="request", columns=(Column(name=SHOWN, type=INT64),))
        computed = Expression(name="computed", type=INT64, expression=text)
        demanded = OnDemandFeatureView(name="demand", sources=("view0", "asked"), features=(computed,))
        definitions += [request, demanded]
        items.append(ServiceItem(view="demand"))
    if made[0].schema and draw(st.booleans()):
        items[0] = ServiceItem(
            view="view0", alias="picked", features=(FeatureRef(name=made[0].schema[-1].name, alias="renamed"),)
        )
    instants = draw(st.lists(st.sampled_from(INSTANTS), min_size=1, max_size=2, unique=True))
    texts, numbers = (st.sampled_from(draw(st.sampled_from(pool))) for pool in (KEY_TEXTS, KEY_NUMBERS))
    keys: dict[str, st.SearchStrategy[object]] = {"left key": texts, "order": texts, "id": numbers}
    columns = spine_columns(instants, keys)
    size = draw(st.sampled_from((12, 6, 1, 0)))
    spine = draw(st.lists(st.tuples(*(values for _, values in columns.values())), min_size=size // 2, max_size=size))
    return Case(
        definitions=definitions,
        rows_of={
            drawn.source.name: draw(source_rows(drawn, sorted(spread[drawn.source.name]), instants, keys))
            for drawn in pool
        },
        spine_columns=[(name, kind) for name, (kind, _) in columns.items()],
        spine=spine + spine[:2],
        items=items,
        full_feature_names=True,
        meaning=meaning,
        extent_known=draw(st.booleans()),
    )
