"""Python that became SQL gives, value for value, what pandas gave; everything else is left to a person."""

from __future__ import annotations

import math

import duckdb
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asof.feast.arithmetic import expressions

COLUMNS = {"a": "float64", "b": "float64", "f": "float32", "i": "int32", "n": "int64"}
ARROW = {"float64": "DOUBLE", "float32": "FLOAT", "int32": "INTEGER", "int64": "BIGINT"}
NUMPY = {"float64": "float64", "float32": "float32", "int32": "int32", "int64": "int64"}

LEAVES = st.sampled_from([f'x["{name}"]' for name in COLUMNS]) | st.sampled_from(["2", "0.1", "1e300", "3"])
TREES = st.recursive(
    LEAVES, lambda inner: st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})")
)
VALUES = {
    "float64": st.floats(allow_nan=False, width=64),
    "float32": st.floats(allow_nan=False, width=32),
    "int32": st.integers(-(2**31), 2**31 - 1),
    "int64": st.integers(-(2**63), 2**63 - 1),
}


def function(expression: str) -> str:
    return f"def f(x):\n    out = pd.DataFrame()\n    out['y'] = {expression}\n    return out\n"


@settings(max_examples=150, deadline=None, derandomize=True)
@given(TREES, st.fixed_dictionaries({name: VALUES[kind] for name, kind in COLUMNS.items()}))
def test_sql_equals_pandas(expression: str, row: dict[str, float]) -> None:
    text = function(expression)
    made = expressions(text, COLUMNS, {"y": "float64"}, "duckdb")
    if made is None:
        return
    scope: dict[str, object] = {"pd": pd}
    exec(text, scope)
    frame = pd.DataFrame({name: pd.Series([row[name]], dtype=NUMPY[kind]) for name, kind in COLUMNS.items()})
    wanted = scope["f"](frame)["y"]  # type: ignore[operator]
    assert str(wanted.dtype) == "float64"
    source = ", ".join(f"CAST(? AS {ARROW[kind]}) AS {name}" for name, kind in COLUMNS.items())
    values = [row[name] for name in COLUMNS]
    answered = duckdb.execute(f"SELECT {made['y']} FROM (SELECT {source})", values).fetchone()
    assert answered is not None
    (found,) = answered
    value = wanted[0]
    assert (math.isnan(found) and math.isnan(value)) or found == value


def test_most_of_such_trees_are_translated() -> None:
    translated = ["x['a'] + x['n']", "x['f'] * x['i']", "(x['a'] - 2) * x['f']", "x['a'] + (x['f'] + x['n'])"]
    assert all(expressions(function(e), COLUMNS, {"y": "float64"}, "duckdb") for e in translated)


@pytest.mark.parametrize(
    "expression",
    [
        "x['i'] + x['n']",  # pandas wraps round
        "x['f'] + x['f']",  # 32 bits
        "x['f'] + 1",
        "x['a'] / x['b']",
        "x['a'] ** 2",
        "x['missing'] + x['a']",
        "x['a'].fillna(0)",
        "x['a'] + other['b']",
        "x['a'] + True",
        "x['a'] + 10000000000000000001",
        "2.0",
    ],
)
def test_all_else_is_left_to_a_person(expression: str) -> None:
    assert expressions(function(expression), COLUMNS, {"y": "float64"}, "duckdb") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "def f(x): pass",
        "def f(x, z):\n out = pd.DataFrame()\n out['y'] = x['a'] + x['b']\n return out",
        "def f(x):\n x['y'] = x['a'] + x['b']\n return x",
        "def f(x):\n out = pd.DataFrame(x)\n out['y'] = x['a'] + x['b']\n return out",
        "def f(x):\n out = pd.DataFrame()\n out['y'] = x['a'] + x['b']\n out['y'] = out['y'] * 2\n return out",
        "def f(x):\n out = pd.DataFrame()\n out['z'] = x['a'] + x['b']\n return out",
        "def f(x):\n out = pd.DataFrame()\n out['y'] = x['a'] + x['b']\n print(1)\n return out",
        "lambda x: x",
        "(" * 5000,
        "def f(x):\n out = pd.DataFrame()\n out['y'] = " + "+".join(["x['a']"] * 5000) + "\n return out",
    ],
)
def test_other_functions_are_left_to_a_person(text: str) -> None:
    assert expressions(text, COLUMNS, {"y": "float64"}, "duckdb") is None
