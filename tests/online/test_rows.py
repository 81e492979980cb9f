"""Rows and keys survive the trip through bytes, keys never collide, and bytes order as times do."""

from __future__ import annotations

import math
from decimal import Decimal as Number

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asof.compiler.types import (
    KEY_TYPES,
    SCALARS,
    Array,
    Decimal,
    Map,
    Scalar,
    Struct,
    Type,
    Vector,
)
from asof.online.rows import STAMP_BYTES, Kept, KeyCodec, Row, RowCodec, stamp

INT32 = st.integers(-(2**31), 2**31 - 1)
INT64 = st.integers(-(2**63), 2**63 - 1)
TIMES = st.integers(-(2**62), 2**62)
VALUES = {
    "bool": st.booleans(),
    "int32": INT32,
    "int64": INT64,
    "float32": st.floats(width=32),
    "float64": st.floats(),
    "string": st.text(),
    "bytes": st.binary(),
    "date": INT32,
    "timestamp": INT64,
    "json": st.text(),
    "uuid": st.uuids().map(str),
}


def values_of(made: Type) -> st.SearchStrategy[object]:
    match made:
        case Decimal():
            most = 10**made.precision - 1
            return st.integers(-most, most).map(lambda n: Number(n).scaleb(-made.scale, context=WIDE))
        case Array():
            return st.lists(st.none() | values_of(made.element), max_size=12)
        case Vector():
            return st.lists(values_of(made.element), min_size=made.length, max_size=made.length)
        case Map():
            return st.lists(st.tuples(values_of(made.key), st.none() | values_of(made.value)), max_size=5)
        case Struct():
            return st.fixed_dictionaries({name: st.none() | values_of(part) for name, part in made.fields})
        case _:
            return VALUES[made.text]


WIDE = __import__("decimal").Context(prec=60)
SCALAR_TYPES = st.sampled_from([Scalar(name) for name in SCALARS])
KEYS = st.sampled_from(sorted(KEY_TYPES, key=str))
TYPES = st.recursive(
    SCALAR_TYPES | st.integers(1, 38).flatmap(lambda p: st.builds(Decimal, st.just(p), st.integers(0, p))),
    lambda inner: st.one_of(
        st.builds(Array, inner),
        st.builds(Map, KEYS, inner),
        st.lists(inner, min_size=1, max_size=3).map(lambda ts: Struct(tuple((f"f{i}", t) for i, t in enumerate(ts)))),
        st.builds(Vector, st.sampled_from([Scalar("float32"), Scalar("float64")]), st.integers(1, 4)),
    ),
    max_leaves=4,
)


def same(one: object, other: object) -> bool:
    """Equality in which NaN equals NaN and 0.0 is not -0.0."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isnan(one) == math.isnan(other) and (
            math.isnan(one) or (math.copysign(1, one) == math.copysign(1, other) and one == other)
        )
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return type(one) is type(other) and one == other


ROWS = st.lists(TYPES, max_size=12).flatmap(
    lambda types: st.tuples(st.just(types), st.tuples(*(st.none() | values_of(made) for made in types)))
)


@settings(max_examples=200, deadline=None)
@given(ROWS, TIMES, st.none() | TIMES)
def test_a_row_comes_back_as_it_was_written(
    row: tuple[list[Type], tuple[object, ...]], event: int, created: int | None
) -> None:
    types, values = row
    codec = RowCodec(types)
    found = codec.decode(codec.encode(event, created, values))
    assert (found.event, found.created) == (event, created)
    assert same(found.values, values)


@settings(max_examples=100, deadline=None)
@given(ROWS, st.integers(0, 12))
def test_a_schema_that_grew_reads_the_rows_of_before_and_the_other_way_round(
    row: tuple[list[Type], tuple[object, ...]], cut: int
) -> None:
    types, values = row
    before, today = RowCodec(types[:cut]), RowCodec(types)
    grown = today.decode(before.encode(1, None, values[:cut])).values
    assert same(grown, values[:cut] + (None,) * (len(types) - len(values[:cut])))
    assert same(before.decode(today.encode(1, None, values)).values, values[:cut])


@settings(max_examples=200, deadline=None)
@given(st.tuples(TIMES, st.none() | TIMES), st.tuples(TIMES, st.none() | TIMES))
def test_stamps_order_as_times_do_and_no_created_time_is_the_oldest(
    one: tuple[int, int | None], other: tuple[int, int | None]
) -> None:
    def key(times: tuple[int, int | None]) -> tuple[int, float]:
        return times[0], -math.inf if times[1] is None else times[1]

    assert (stamp(*one) < stamp(*other)) == (key(one) < key(other))
    assert len(stamp(*one)) == STAMP_BYTES


KEY_ROWS = st.lists(KEYS, min_size=1, max_size=4).flatmap(
    lambda types: st.tuples(st.just(types), st.tuples(*(values_of(made) for made in types)))
)


@settings(max_examples=300, deadline=None)
@given(KEY_ROWS, KEY_ROWS)
def test_two_keys_have_equal_bytes_only_if_they_are_equal(
    one: tuple[list[Type], tuple[object, ...]], other: tuple[list[Type], tuple[object, ...]]
) -> None:
    first, second = (KeyCodec(types).encode(values) for types, values in (one, other))
    assert (first == second) == (one == other)
    assert KeyCodec(one[0]).decode(first) == one[1]


@settings(max_examples=200, deadline=None)
@given(
    st.tuples(st.text("1:,\0", max_size=4), st.text("1:,\0", max_size=4)),
    st.tuples(st.text("1:,\0", max_size=4), st.text("1:,\0", max_size=4)),
)
def test_composite_keys_whose_texts_run_together_stay_apart(one: tuple[str, str], other: tuple[str, str]) -> None:
    codec = KeyCodec([Scalar("string"), Scalar("string")])
    assert (codec.encode(one) == codec.encode(other)) == (one == other)


def test_the_bytes_of_a_row_and_a_key_are_for_ever() -> None:
    codec = RowCodec([Scalar("int64"), Scalar("string"), Scalar("bool")])
    row = codec.encode(1_700_000_000_000_000, None, [7, "é", None])
    assert row.hex() == "80060a24181e4000" + "00" * 8 + "01" + "0300" + "04" + "0700000000000000" + "02c3a9"
    assert KeyCodec([Scalar("string"), Scalar("int32")]).encode(["ab", -1]).hex() == "06026162" + "02ffffffff"


@pytest.mark.parametrize(
    ("made", "value"),
    [
        ("int32", 2**31),
        ("int64", "1"),
        ("string", 1),
        ("bytes", "x"),
        ("uuid", "no"),
        ("bool", None),
    ],
)
def test_a_key_of_the_wrong_type_is_refused(made: str, value: object) -> None:
    with pytest.raises(ValueError, match=r"fit|needs|not|badly"):
        KeyCodec([Scalar(made)]).encode([value])


@settings(max_examples=100, deadline=None)
@given(ROWS, st.data())
def test_damaged_rows_are_refused_and_never_crash(
    row: tuple[list[Type], tuple[object, ...]], data: st.DataObject
) -> None:
    codec = RowCodec(row[0])
    whole = codec.encode(1, 2, row[1])
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    try:
        codec.decode(cut)
    except ValueError:
        return
    assert len(cut) >= STAMP_BYTES + 3


def test_a_row_of_a_later_format_is_refused() -> None:
    codec = RowCodec([Scalar("int64")])
    row = bytearray(codec.encode(1, None, [1]))
    row[STAMP_BYTES] = 3
    with pytest.raises(ValueError, match="format 3"):
        codec.decode(bytes(row))


def test_a_row_says_when_it_was_computed_and_what_its_version_is_and_older_rows_do_not() -> None:
    codec = RowCodec([Scalar("int64")])
    for kept in (Kept(computed=7), Kept(computed=0, since=-(2**63) + 1, until=2**63 - 1), Kept(since=-1)):
        row = codec.encode(5, None, [1], kept)
        assert codec.decode(row) == Row(5, None, (1,), kept)
        with pytest.raises(ValueError, match="damaged"):
            codec.decode(row[: STAMP_BYTES + 10])
    assert codec.decode(codec.encode(5, None, [1])).kept == Kept()
