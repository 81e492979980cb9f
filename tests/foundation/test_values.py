"""Durations and types are equal by what they mean and read back as they were written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asof.compiler import types
from asof.compiler.duration import LONGEST, Duration
from asof.compiler.types import TypeSyntaxError, parse_type

scalars = st.sampled_from([types.Scalar(name) for name in types.SCALARS])
decimals = st.integers(1, 38).flatmap(lambda p: st.integers(0, p).map(lambda s: types.Decimal(p, s)))
vectors = st.builds(types.Vector, st.sampled_from(sorted(types.FLOATS, key=str)), st.integers(1, 65_536))
keys = st.sampled_from(sorted(types.KEY_TYPES, key=str))
any_type = st.recursive(
    scalars | decimals | vectors,
    lambda inner: (
        st.builds(types.Array, inner)
        | st.builds(types.Map, keys, inner)
        | st.lists(st.tuples(st.from_regex(r"[a-z]{1,5}", fullmatch=True), inner), min_size=1, max_size=3).map(
            lambda fields: types.Struct(tuple(fields))
        )
    ),
    max_leaves=6,
)


@given(any_type)
def test_a_type_reads_back_as_it_was_written(value: types.Type) -> None:
    again = parse_type(str(value))
    assert again == value
    assert type(again) is type(value)
    assert hash(again) == hash(value)


@given(st.text(max_size=30))
def test_any_text_is_a_type_or_a_type_syntax_error(text: str) -> None:
    try:
        value = parse_type(text)
    except TypeSyntaxError:
        return
    assert parse_type(str(value)) == value


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("int46", "did you mean 'int64'?"),
        ("decimal(39,0)", "a number from 1 to 38"),
        ("decimal(4,5)", "a number from 0 to 4"),
        ("array<int64", "expected >"),
        ("int64 int64", "left over"),
        ("map<float64,int64>", "key cannot be float64"),
        ("vector<int64,3>", "float32 or float64"),
        ("", "is not a type"),
        ("array<" * 20 + "int64" + ">" * 20, "16 deep"),
    ],
)
def test_a_bad_type_says_what_is_wrong(text: str, hint: str) -> None:
    with pytest.raises(TypeSyntaxError, match="type") as caught:
        parse_type(text)
    assert hint in str(caught.value)


def test_types_are_immutable() -> None:
    with pytest.raises(AttributeError):
        types.INT64.text = "int32"


@given(st.integers(0, LONGEST))
def test_a_duration_reads_back_as_it_was_written(microseconds: int) -> None:
    value = Duration(microseconds)
    assert Duration.parse(str(value)) == value


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [("1w", 604_800_000_000), ("1h30m", 5_400_000_000), ("90m", 5_400_000_000), ("1ms", 1_000), ("1us", 1), ("0s", 0)],
)
def test_durations_mean_their_length(text: str, microseconds: int) -> None:
    assert Duration.parse(text) == Duration(microseconds)


@pytest.mark.parametrize("text", ["", "7", "7 d", "-1d", "1.5h", "d", "7days", "99999999999999d"])
def test_what_is_not_a_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|longer"):
        Duration.parse(text)
