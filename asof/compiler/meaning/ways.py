"""How each target carries out each operation: SQL of the target in which ``_0``, ``_1`` stand for the operands.

``AS_WRITTEN`` is the same syntax over the operands, printed for the target. ``{float64}`` is the target's name for that
type, ``{result}`` for the type of the result. "operation, int32" is looked up before "operation" for results of that
type, and "operation, safe" where the divisor is known not to be 0. What is not here is refused.
"""

from __future__ import annotations

from collections.abc import Mapping

AS_WRITTEN = "="
Ways = Mapping[str, str]

_EVERYWHERE: Ways = dict.fromkeys(
    (
        "logic", "is null", "compare", "compare texts", "choose", "count", "rank", "neighbour", "floats + - *",
        "nullif",
        "nullif floats", "extreme", "sum of floats", "joined", "cast NULL",
    ),
    AS_WRITTEN,
) | {
    "as it is": "_0",
    "integer to float": "CAST(_0 AS {float64})",
    "literal to float": "CAST(_0 AS {float64})",
    "float to float": "CAST(_0 AS {float64})",
    "integer to bool": "_0 <> 0",
    "bool to text": "CASE WHEN _0 THEN 'true' WHEN NOT _0 THEN 'false' END",
    "floats /, 0 gives infinity, safe": "_0 / _1",
    "floats /, 0 is an error, safe": "_0 / _1",
    "floats /, 0 gives NULL": "_0 / NULLIF(_1, 0)",
    "radians": "RADIANS(_0)",
    "degrees": "DEGREES(_0)",
}  # fmt: skip
_CURVES = ("sin", "cos", "tan")
_SYMBOLS = ("=", "<>", "<", "<=", ">", ">=")
_NAN_GREATEST: Ways = {f"floats {symbol}, NaN greatest": AS_WRITTEN for symbol in _SYMBOLS}
_IEEE: Ways = {f"floats {symbol}, IEEE": AS_WRITTEN for symbol in _SYMBOLS}
_TYPED: Ways = dict.fromkeys(("integers +", "integers -", "integers *", "integers negated"), AS_WRITTEN) | {
    "integer to integer": "CAST(_0 AS {result})",
    "bool to integer": "CAST(_0 AS {result})",
    "integer to text": "CAST(_0 AS {string})",
    "sum of integers": AS_WRITTEN,
}
"""Of engines whose integers are of 32 and 64 bits, with an error where one does not fit."""


def _nan_greatest(nan: str) -> Ways:
    """Comparisons of an engine that follows IEEE 754; ``nan`` with its operand says whether that is NaN."""
    left, right = nan.format("_0"), nan.format("_1")
    equal = f"_0 = _1 OR ({left} AND {right})"
    return {
        "floats =, NaN greatest": equal,
        "floats <>, NaN greatest": f"NOT ({equal})",
        "floats <, NaN greatest": f"_0 < _1 OR ({right} AND NOT {left})",
        "floats >, NaN greatest": f"_0 > _1 OR ({left} AND NOT {right})",
        "floats <=, NaN greatest": f"_0 <= _1 OR ({right} AND NOT _0 IS NULL)",
        "floats >=, NaN greatest": f"_0 >= _1 OR ({left} AND NOT _1 IS NULL)",
        "floats =, NaN greatest, literal": "_0 = _1",
        "floats <>, NaN greatest, literal": "_0 <> _1",
        "floats <, NaN greatest, literal": "_0 < _1",
        "floats <=, NaN greatest, literal": "_0 <= _1",
        "floats >, NaN greatest, literal": f"_0 > _1 OR {left}",
        "floats >=, NaN greatest, literal": f"_0 >= _1 OR {left}",
    }


_DUCKDB: Ways = {
    **_EVERYWHERE, **_NAN_GREATEST, **_TYPED,
    "compare decimals": AS_WRITTEN,
    "decimals + - *": AS_WRITTEN,
    "decimal to decimal": AS_WRITTEN,
    "decimal to integer": "CAST(_0 AS {result})",
    "decimal to float": "CAST(_0 AS {float64})",
    "is true": AS_WRITTEN,
    "is distinct": AS_WRITTEN,
    "like": AS_WRITTEN,
    "texts in order": AS_WRITTEN,
    "extreme text": AS_WRITTEN,
    "extreme float": AS_WRITTEN,
    "extreme without NULLs": AS_WRITTEN,
    "aggregate bools": AS_WRITTEN,
    "mean of integers": AS_WRITTEN,
    "floats /, 0 gives infinity": "_0 / _1",
    "floats /, 0 is an error": "CASE WHEN _1 = 0 AND NOT ISNAN(_0) THEN ERROR('division by zero') ELSE _0 / _1 END",
    "integers /, 0 is an error": "_0 // _1",
    "integers %, 0 is an error": "_0 % _1",
    "integers, absolute": "ABS(_0)",
    "float to integer, halves to even": "CAST(_0 AS {result})",
    "date to text": "CAST(_0 AS VARCHAR)",
    "date to instant": "CAST(_0 AS TIMESTAMPTZ)",
    "instant to date": "CAST(_0 AS DATE)",
    "days between": "CAST(_0 - _1 AS {result})",
    "days later": AS_WRITTEN,
    "days earlier": AS_WRITTEN,
    "time shifted": "_0 + INTERVAL '{microseconds}' MICROSECOND",
    "rounded, halves away from 0": "ROUND(_0)",
    "rounded, halves to even": "ROUND_EVEN(_0, 0)",
    "floor": "FLOOR(_0)",
    "ceiling": "CEIL(_0)",
    "root, negative is an error": "CASE WHEN _0 < 0 THEN ERROR('root of a negative number') ELSE SQRT(_0) END",
    "root, negative gives NaN": "SQRT(_0)",
    "logarithm, 0 is an error": "CASE WHEN _0 <= 0 THEN ERROR('logarithm of 0 or less') ELSE LN(_0) END",
    "logarithm, 0 gives -infinity": "LN(_0)",
    "exponential": "EXP(_0)",
    **{f"curve {name}, infinity gives NaN": f"{name.upper()}(_0)" for name in _CURVES},
    **{
        f"curve {name}, infinity is an error": (
            f"CASE WHEN ISINF(_0) THEN ERROR('infinity is out of range') ELSE {name.upper()}(_0) END"
        )
        for name in _CURVES
    },
    "length in characters": "CAST(LENGTH(_0) AS {result})",
    "lower": "LOWER(_0)",
    "upper": "UPPER(_0)",
    "trimmed of blanks": "TRIM(_0)",
    "replaced": AS_WRITTEN,
    "cut": AS_WRITTEN,
}  # fmt: skip

_TRUNCATED = (
    "CASE WHEN ABS({0}) < 4503599627370496 THEN TRUNC({0}) + "
    "CASE WHEN ABS({0} - TRUNC({0})) >= 0.5 THEN SIGN({0}) ELSE 0 END ELSE {0} END"
)
_POSTGRES: Ways = {
    **{operation: way for operation, way in _DUCKDB.items() if operation not in ("upper", "lower")},
    "bool to integer": "CAST(CAST(_0 AS INTEGER) AS {result})",
    "decimal to decimal": AS_WRITTEN,
    "texts in order": "COLLATE",
    "extreme text": "COLLATE",
    "mean of integers": "CAST(AVG(_0) AS DOUBLE PRECISION)",
    "floats /, 0 gives infinity": (
        "CASE WHEN _1 = 0 THEN CASE WHEN _0 = 0 OR _0 = CAST('NaN' AS {float64}) THEN CAST('NaN' AS {float64}) "
        "WHEN (_0 > 0) = (CAST(_1 AS TEXT) <> '-0') THEN CAST('Infinity' AS {float64}) "
        "WHEN (_0 > 0) = (CAST(_1 AS TEXT) = '-0') THEN CAST('-Infinity' AS {float64}) END ELSE _0 / _1 END"
    ),
    "floats /, 0 is an error": "_0 / _1",
    "integers /, 0 is an error": "_0 / _1",
    "date to text": "TO_CHAR(_0, 'YYYY-MM-DD')",
    "rounded, halves away from 0": _TRUNCATED.format("_0"),
    "rounded, halves to even": "ROUND(_0)",
    "lower": 'LOWER(_0 COLLATE "pg_c_utf8")',
    **{f"curve {name}, infinity is an error": f"{name.upper()}(_0)" for name in _CURVES},
    **{
        f"curve {name}, infinity gives NaN": (
            f"CASE WHEN ABS(_0) = CAST('Infinity' AS {{float64}}) THEN CAST('NaN' AS {{float64}}) "
            f"ELSE {name.upper()}(_0) END"
        )
        for name in _CURVES
    },
    "logarithm, 0 is an error": "LN(_0)",
    "logarithm, 0 gives -infinity": (
        "CASE WHEN _0 < 0 THEN CAST('NaN' AS {float64}) WHEN _0 = 0 THEN CAST('-Infinity' AS {float64}) ELSE LN(_0) END"
    ),
    "root, negative is an error": "SQRT(_0)",
    "root, negative gives NaN": "CASE WHEN _0 < 0 THEN CAST('NaN' AS {float64}) ELSE SQRT(_0) END",
}

_LEAST = "-9223372036854775807 - 1"
_OVERFLOW = f"ABS({_LEAST} + 0 * (_0 IS NULL))"
"""The absolute value of the least integer is the one error that an expression can raise in SQLite."""
_WHOLE = "CAST(_0 AS INTEGER)"
_HALF_EVEN = (
    f"CASE WHEN ABS(_0 - {_WHOLE}) > 0.5 OR (ABS(_0 - {_WHOLE}) = 0.5 AND {_WHOLE} % 2 <> 0) "
    f"THEN {_WHOLE} + CASE WHEN _0 > 0 THEN 1 ELSE -1 END ELSE {_WHOLE} END"
)
_BITS_32 = "BETWEEN -2147483648 AND 2147483647"


def _away(value: str) -> str:
    """``value`` rounded, halves away from 0, where it has a fraction at all."""
    whole = f"CAST({value} AS INTEGER)"
    rounded = f"CAST({whole} + ({value} - {whole} >= 0.5) - ({value} - {whole} <= -0.5) AS REAL)"
    return f"CASE WHEN ABS({value}) < 4503599627370496.0 THEN {rounded} ELSE {value} END"


def _sqlite_integers() -> Ways:
    found: dict[str, str] = {}
    for operation, text in (
        ("integers +", "_0 + _1"),
        ("integers -", "_0 - _1"),
        ("integers *", "_0 * _1"),
        ("integers negated", "0 - _0"),
    ):
        found[operation] = f"CASE WHEN TYPEOF({text}) = 'real' THEN {_OVERFLOW} ELSE {text} END"
        found[f"{operation}, int32"] = f"CASE WHEN NOT {text} {_BITS_32} THEN {_OVERFLOW} ELSE {text} END"
    return found


_SQLITE: Ways = {
    **_EVERYWHERE, **_NAN_GREATEST, **_IEEE, **_sqlite_integers(),
    "float to float": "_0",
    "integer to integer": "_0",
    "integer to integer, int32": f"CASE WHEN NOT _0 {_BITS_32} THEN {_OVERFLOW} ELSE _0 END",
    "bool to integer": "_0",
    "integer to text": "CAST(_0 AS TEXT)",
    "sum of integers": AS_WRITTEN,
    "mean of integers": AS_WRITTEN,
    "is true": AS_WRITTEN,
    "is distinct": AS_WRITTEN,
    "like": "GLOB",
    "texts in order": AS_WRITTEN,
    "extreme text": AS_WRITTEN,
    "extreme float": AS_WRITTEN,
    "extreme without NULLs": "PAIRS",
    "floats /, 0 gives infinity, safe": "CAST(_0 AS REAL) / _1",
    "floats /, 0 is an error, safe": "CAST(_0 AS REAL) / _1",
    "floats /, 0 gives infinity": (
        f"CASE WHEN _1 = 0 THEN CASE WHEN _0 > 0 THEN 9e999 WHEN _0 < 0 THEN -9e999 WHEN _0 = 0 THEN {_OVERFLOW} END "
        "ELSE CAST(_0 AS REAL) / _1 END"
    ),
    "floats /, 0 is an error": f"CASE WHEN _1 = 0 AND NOT _0 IS NULL THEN {_OVERFLOW} ELSE CAST(_0 AS REAL) / _1 END",
    "floats /, 0 gives NULL": "CAST(_0 AS REAL) / _1",
    "integers /, 0 is an error, safe": "_0 / _1",
    "integers /, 0 is an error": (
        f"CASE WHEN (_1 = 0 AND NOT _0 IS NULL) OR TYPEOF(_0 / _1) = 'real' THEN {_OVERFLOW} ELSE _0 / _1 END"
    ),
    "integers /, 0 is an error, int32": (
        f"CASE WHEN (_1 = 0 AND NOT _0 IS NULL) OR NOT _0 / _1 {_BITS_32} THEN {_OVERFLOW} ELSE _0 / _1 END"
    ),
    "integers %, 0 is an error, safe": "_0 % _1",
    "integers %, 0 is an error": f"CASE WHEN _1 = 0 AND NOT _0 IS NULL THEN {_OVERFLOW} ELSE _0 % _1 END",
    "integers, absolute": "ABS(_0)",
    "integers, absolute, int32": f"CASE WHEN ABS(_0) > 2147483647 THEN {_OVERFLOW} ELSE ABS(_0) END",
    "float to integer, halves to even": (
        f"CASE WHEN _0 >= 9223372036854775808.0 OR _0 < -9223372036854775808.0 THEN {_OVERFLOW} ELSE {_HALF_EVEN} END"
    ),
    "float to integer, halves to even, int32": (
        f"CASE WHEN _0 >= 2147483647.5 OR _0 < -2147483648.5 THEN {_OVERFLOW} ELSE {_HALF_EVEN} END"
    ),
    "date to text": "DATE(_0 * 86400, 'unixepoch')",
    "date to instant": "_0 * 86400000000",
    "instant to date": "(_0 - (_0 % 86400000000 + 86400000000) % 86400000000) / 86400000000",
    "days between": "_0 - _1",
    "days later": "_0 + _1",
    "days earlier": "_0 - _1",
    "time shifted": "_0 + {microseconds}",
    "rounded, halves away from 0": _away("_0"),
    "rounded, halves to even": (
        f"CASE WHEN ABS(_0) < 4503599627370496.0 THEN CAST({_HALF_EVEN} AS REAL) ELSE _0 END"
    ),
    "floor": (
        f"CASE WHEN ABS(_0) < 4503599627370496.0 THEN CAST({_WHOLE} - (_0 < {_WHOLE}) AS REAL) ELSE _0 END"
    ),
    "ceiling": (
        f"CASE WHEN ABS(_0) < 4503599627370496.0 THEN CAST({_WHOLE} + (_0 > {_WHOLE}) AS REAL) ELSE _0 END"
    ),
    "root, negative is an error": f"CASE WHEN _0 < 0 THEN {_OVERFLOW} ELSE SQRT(_0) END",
    "root, negative gives NaN": f"CASE WHEN _0 < 0 THEN {_OVERFLOW} ELSE SQRT(_0) END",
    "logarithm, 0 gives -infinity": (
        f"CASE WHEN _0 < 0 THEN {_OVERFLOW} WHEN _0 = 0 THEN -9e999 ELSE LN(_0) END"
    ),
    "logarithm, 0 is an error": f"CASE WHEN _0 <= 0 THEN {_OVERFLOW} ELSE LN(_0) END",
    "exponential": "EXP(_0)",
    **{
        f"curve {name}, infinity {outcome}": (
            f"CASE WHEN ABS(_0) > 1.7976931348623157e308 THEN {_OVERFLOW} ELSE {name.upper()}(_0) END"
        )
        for name in _CURVES
        for outcome in ("is an error", "gives NaN")
    },
    "length in characters": "LENGTH(_0)",
    "trimmed of blanks": "TRIM(_0)",
    "replaced": AS_WRITTEN,
    "cut": AS_WRITTEN,
    "aggregate bools": "EXTREME",
}  # fmt: skip

_SPARK: Ways = {
    **_EVERYWHERE, **_NAN_GREATEST, **_TYPED,
    "compare decimals": AS_WRITTEN,
    "is distinct": AS_WRITTEN,
    "is true": AS_WRITTEN,
    "like": AS_WRITTEN,
    "texts in order": AS_WRITTEN,
    "extreme text": AS_WRITTEN,
    "extreme float": AS_WRITTEN,
    "extreme without NULLs": AS_WRITTEN,
    "mean of integers": AS_WRITTEN,
    "floats /, 0 is an error": "_0 / _1",
    "integers /, 0 is an error": "CAST(_0 DIV _1 AS {result})",
    "integers %, 0 is an error": "_0 % _1",
    "integers, absolute": "ABS(_0)",
    "float to integer, halves to even": "CAST(RINT(_0) AS {result})",
    "decimal to float": "CAST(_0 AS DOUBLE)",
    "date to text": "CAST(_0 AS STRING)",
    "date to instant": "CAST(_0 AS TIMESTAMP)",
    "instant to date": "CAST(_0 AS DATE)",
    "days between": "CAST(DATEDIFF(_0, _1) AS {result})",
    "rounded, halves to even": "RINT(_0)",
    "root, negative is an error": "CASE WHEN _0 < 0 THEN RAISE_ERROR('root of a negative number') ELSE SQRT(_0) END",
    "length in characters": "CAST(CHAR_LENGTH(_0) AS {result})",
    "trimmed of blanks": "TRIM(_0)",
    "cut": AS_WRITTEN,
}  # fmt: skip

_BIGQUERY: Ways = {
    **_EVERYWHERE, **_nan_greatest("IS_NAN({})"), **_IEEE,
    "integers +": AS_WRITTEN,
    "integers -": AS_WRITTEN,
    "integers *": AS_WRITTEN,
    "integers negated": AS_WRITTEN,
    "integer to integer": "_0",
    "integer to text": "CAST(_0 AS STRING)",
    "bool to integer": "CAST(_0 AS INT64)",
    "sum of integers": AS_WRITTEN,
    "mean of integers": AS_WRITTEN,
    "is true": AS_WRITTEN,
    "is distinct": AS_WRITTEN,
    "like": AS_WRITTEN,
    "texts in order": AS_WRITTEN,
    "extreme text": AS_WRITTEN,
    "floats /, 0 gives infinity": "IEEE_DIVIDE(_0, _1)",
    "floats /, 0 is an error": "_0 / _1",
    "integers /, 0 is an error": "DIV(_0, _1)",
    "integers %, 0 is an error": "MOD(_0, _1)",
    "integers, absolute": "ABS(_0)",
    "float to integer, halves to even": (
        "CAST(CASE WHEN ABS(_0 - TRUNC(_0)) = 0.5 THEN 2 * ROUND(_0 / 2) ELSE ROUND(_0) END AS INT64)"
    ),
    "date to text": "CAST(_0 AS STRING)",
    "date to instant": "TIMESTAMP(_0, 'UTC')",
    "instant to date": "DATE(_0, 'UTC')",
    "days between": "DATE_DIFF(_0, _1, DAY)",
    "rounded, halves away from 0": "ROUND(_0)",
    "floor": "FLOOR(_0)",
    "ceiling": "CEIL(_0)",
    "length in characters": "CHAR_LENGTH(_0)",
    "trimmed of blanks": "TRIM(_0, ' ')",
    "cut": AS_WRITTEN,
    "radians": "_0 * 0.017453292519943295",
    "degrees": "_0 * 57.29577951308232",
}  # fmt: skip

_NARROW = "accurateCast({}, 'Nullable(Int64)')"
_CLICKHOUSE: Ways = {
    **_EVERYWHERE, **_nan_greatest("isNaN({})"), **_IEEE,
    **{
        f"integers {symbol}": _NARROW.format(f"CAST(_0 AS Nullable(Int128)) {symbol} CAST(_1 AS Nullable(Int128))")
        for symbol in "+-*"
    },
    "integer to integer": "accurateCast(_0, 'Nullable(Int64)')",
    "integer to integer, int32": "accurateCast(_0, 'Nullable(Int32)')",
    "integer to text": "CAST(_0 AS {string})",
    "bool to integer": "CAST(_0 AS {result})",
    "sum of integers": _NARROW.format("sum(CAST(_0 AS Nullable(Int128)))"),
    "mean of integers": AS_WRITTEN,
    "like": AS_WRITTEN,
    "texts in order": AS_WRITTEN,
    "extreme text": AS_WRITTEN,
    "floats /, 0 gives infinity": "_0 / _1",
    "integers /, 0 is an error": "intDiv(_0, _1)",
    "integers %, 0 is an error": "_0 % _1",
    "float to integer, halves to even": _NARROW.format("roundBankers(_0)"),
    "float to integer, halves to even, int32": "accurateCast(roundBankers(_0), 'Nullable(Int32)')",
    "rounded, halves to even": "roundBankers(_0)",
    "floor": "floor(_0)",
    "ceiling": "ceil(_0)",
    "length in characters": "CAST(lengthUTF8(_0) AS {result})",
    "trimmed of blanks": "trimBoth(_0)",
}  # fmt: skip

_UNRUN: Ways = {
    **_EVERYWHERE, **_NAN_GREATEST, **_TYPED,
    "compare decimals": AS_WRITTEN,
    "floats /, 0 is an error": "_0 / _1",
    "decimal to float": "CAST(_0 AS {float64})",
}  # fmt: skip
"""Of dialects whose engines do not run here: what their manuals say in so many words, and no more."""
_NO_NAN_ORDER: Ways = {**_UNRUN, **_IEEE}

WAYS: Mapping[str, Ways] = {
    "duckdb": _DUCKDB,
    "sqlite": _SQLITE,
    "postgres": _POSTGRES,
    "spark": _SPARK,
    "databricks": _SPARK,
    "bigquery": _BIGQUERY,
    "clickhouse": _CLICKHOUSE,
    "redshift": {**_UNRUN, "integers /, 0 is an error": "_0 / _1"},
    "snowflake": _UNRUN,
    "trino": _NO_NAN_ORDER,
    "athena": _NO_NAN_ORDER,
    "tsql": _NO_NAN_ORDER,
}
