"""What each operator, function and cast of users' SQL means: one row for each, by dialect and types of operands.

A row names an operation, exactly one meaning whatever dialect it was written in; ``ways`` say how each target carries
it out. Where no row fits, nothing is known and nothing passes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from sqlglot import exp

from asof.compiler import types
from asof.compiler.meaning.kinds import NULL, common, letter, widest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from asof.compiler.types import Type

EVERY = frozenset(
    {
        "duckdb", "sqlite", "postgres", "redshift", "bigquery", "snowflake", "databricks", "spark", "trino", "athena",
        "clickhouse", "tsql",
    }
)  # fmt: skip
_DUCK = frozenset({"duckdb"})
_PG = frozenset({"postgres", "redshift"})
_SPARK = frozenset({"spark", "databricks"})
_TRINO = frozenset({"trino", "athena"})
_NAN_IS_GREATEST = _DUCK | _PG | _SPARK | {"snowflake", "sqlite"}
_INT_DIVISION = _PG | _TRINO | {"tsql"}
_UNKNOWN_TYPES = EVERY - {"sqlite"}
"""Dialects in which the declared type of a value says what an operator does with it; SQLite looks at the value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """``operands``: a regular expression over the letters of the operands' types (``kinds.letter``)."""

    syntax: type[exp.Expr]
    operands: str
    operation: str
    result: Type | Callable[[Sequence[Type]], Type | None]
    given: Type | Callable[[Sequence[Type]], Type | None] | None = None
    """The type that every operand is made first; as it is where None."""
    dialects: frozenset[str] = EVERY
    when: Callable[[exp.Expr], bool] | None = None

    def fits(self, node: exp.Expr, letters: str, dialect: str) -> bool:
        """Whether the row is about ``node``, written in ``dialect``, with operands of these types."""
        right = dialect in self.dialects and _pattern(self.operands).fullmatch(letters) is not None
        return right and (self.when is None or self.when(node))


@lru_cache(maxsize=1024)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text)


def row_of(node: exp.Expr, kinds: Sequence[Type | None], dialect: str) -> Row | None:
    """The row of an operator, a function or a cast over operands of these types, if there is one."""
    letters = "".join(map(letter, kinds))
    return next((row for row in _BY_SYNTAX.get(type(node), ()) if row.fits(node, letters, dialect)), None)


def _small_literals(node: exp.Expr) -> bool:
    """Every number literal among the operands is a whole one that float32 holds."""
    literals = [n for n in operands(node) if isinstance(n, exp.Literal)]
    return bool(literals) and all(n.name.isdigit() and int(n.name) <= 1 << 24 for n in literals)


def _literal_items(node: exp.Expr) -> bool:
    return all(is_literal(item) for item in operands(node)[1:])


def is_literal(node: exp.Expr) -> bool:
    """A literal, a negated number among them; NULL is none."""
    inner = node.this if isinstance(node, exp.Neg) else node
    return isinstance(inner, exp.Literal | exp.Boolean) or (
        isinstance(inner, exp.Cast) and isinstance(inner.this, exp.Literal)
    )


def operands(node: exp.Expr) -> list[exp.Expr]:
    """The values that ``node`` computes with, in order."""
    if isinstance(node, exp.Case):
        return [*(i.args["true"] for i in node.args["ifs"]), *filter(None, [node.args.get("default")])]
    if isinstance(node, exp.If):
        return [node.args["true"], *filter(None, [node.args.get("false")])]
    names = _OPERANDS.get(type(node), ("this", "expression", "expressions"))
    found: list[exp.Expr] = []
    for name in names:
        value = node.args.get(name)
        found += value if isinstance(value, list) else [value] if isinstance(value, exp.Expr) else []
    return found


_OPERANDS: dict[type[exp.Expr], tuple[str, ...]] = {
    exp.Between: ("this", "low", "high"),
    exp.Round: ("this", "decimals"),
    exp.Substring: ("this", "start", "length"),
    exp.Replace: ("this", "expression", "replacement"),
    exp.Cast: ("this",),
    exp.TryCast: ("this",),
    exp.DateDiff: ("this", "expression"),
    exp.Trim: ("this", "expression"),
    exp.Extract: ("expression",),
    exp.Like: ("this", "expression"),
}


def _first(kinds: Sequence[Type]) -> Type:
    return kinds[0]


def _exact_product(kinds: Sequence[Type]) -> Type:
    return types.Decimal(38, max(k.scale if isinstance(k, types.Decimal) else 0 for k in kinds))


def _as_time(kinds: Sequence[Type]) -> Type:
    return types.TIMESTAMP if types.TIMESTAMP in kinds else types.DATE


_FLOATS = r"(?=.*f)[ilfh]{2}"
"""Operands that meet as float64. A float32 meets nothing narrower: that would be float32 in some dialects."""
_DECIMALS = r"(?=.*[nl])[nli]{2}"
_TIMES = r"(?=.*[dt])[dtq]{2}"
_ORDERED: dict[type[exp.Expr], str] = {exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">="}
_EQUAL: dict[type[exp.Expr], str] = {exp.EQ: "=", exp.NEQ: "<>"}


def _comparisons() -> Iterable[Row]:
    for syntax, symbol in (_ORDERED | _EQUAL).items():
        yield Row(syntax=syntax, operands="ii|bb", operation="compare", result=types.BOOL)
        yield Row(syntax=syntax, operands=_TIMES, operation="compare", given=_as_time, result=types.BOOL)
        for pattern, when in ((_FLOATS, None), ("[hi]{2}", _small_literals), ("hh", None)):
            greatest = f"floats {symbol}, NaN greatest"
            for operation, dialects in (
                (greatest, _NAN_IS_GREATEST),
                (f"floats {symbol}, IEEE", EVERY - _NAN_IS_GREATEST),
            ):
                yield Row(
                    syntax=syntax, operands=pattern, operation=operation, given=types.FLOAT64, result=types.BOOL,
                    dialects=dialects, when=when,
                )  # fmt: skip
        yield Row(syntax=syntax, operands="il|li|ll", operation="compare", result=types.BOOL)
        yield Row(syntax=syntax, operands=_DECIMALS, operation="compare decimals", result=types.BOOL)
        text = "texts in order" if syntax in _ORDERED else "compare texts"
        yield Row(syntax=syntax, operands="[sq]{2}", operation=text, result=types.BOOL)
    for syntax in (exp.NullSafeEQ, exp.NullSafeNEQ):
        yield Row(syntax=syntax, operands="ii|bb|[sq]{2}|dd|tt", operation="is distinct", result=types.BOOL)


_LOGIC = (
    *(Row(syntax=s, operands="[b0]{2}", operation="logic", result=types.BOOL) for s in (exp.And, exp.Or)),
    Row(syntax=exp.Not, operands="[b0]", operation="logic", result=types.BOOL),
    Row(syntax=exp.Is, operands=".0", operation="is null", result=types.BOOL),
    Row(syntax=exp.Is, operands="bb", operation="is true", result=types.BOOL),
    Row(syntax=exp.In, operands="ii+", operation="compare", result=types.BOOL, when=_literal_items),
    Row(syntax=exp.In, operands="[sq]{2,}", operation="compare texts", result=types.BOOL, when=_literal_items),
    Row(syntax=exp.In, operands="f[il]+", operation="compare", result=types.BOOL, when=_literal_items),
    Row(syntax=exp.In, operands="d[dq]+|t[tdq]+", operation="compare", given=_as_time, result=types.BOOL,
        when=_literal_items),
    Row(syntax=exp.Between, operands="iii", operation="compare", result=types.BOOL),
    Row(syntax=exp.Between, operands="f[il]{2}|ill|iil|ili", operation="compare", result=types.BOOL,
        when=_literal_items),
    Row(syntax=exp.Between, operands="(?=.*[dt])[dtq]{3}", operation="compare", given=_as_time, result=types.BOOL),
    Row(syntax=exp.Between, operands="[sq]{3}", operation="texts in order", result=types.BOOL),
    Row(syntax=exp.Like, operands="[sq]q", operation="like", result=types.BOOL),
    Row(syntax=exp.Case, operands=".+", operation="choose", given=common, result=common),
    Row(syntax=exp.If, operands=".+", operation="choose", given=common, result=common),
    Row(syntax=exp.Coalesce, operands=".+", operation="choose", given=common, result=common),
    Row(syntax=exp.Nullif, operands="ii|[sq]{2}|dd|tt|bb", operation="nullif", result=_first),
    Row(syntax=exp.Nullif, operands="f[ilf]", operation="nullif floats", result=_first, dialects=_NAN_IS_GREATEST),
    *(
        Row(syntax=s, operands="i{2,}|d{2,}|t{2,}", operation="extreme without NULLs", given=common, result=common,
            dialects=_DUCK | _PG | _SPARK)
        for s in (exp.Greatest, exp.Least)
    ),
)  # fmt: skip

_ARITHMETIC = (
    *(
        Row(syntax=s, operands="ii", operation=f"integers {symbol}", result=widest, dialects=_UNKNOWN_TYPES)
        for s, symbol in ((exp.Add, "+"), (exp.Sub, "-"), (exp.Mul, "*"))
    ),
    *(
        Row(syntax=s, operands=_FLOATS, operation="floats + - *", given=types.FLOAT64, result=types.FLOAT64)
        for s in (exp.Add, exp.Sub, exp.Mul)
    ),
    *(
        Row(syntax=s, operands=_DECIMALS, operation="decimals + - *", result=_exact_product, dialects=_DUCK | _PG)
        for s in (exp.Add, exp.Sub, exp.Mul)
    ),
    Row(syntax=exp.Div, operands="[ilf]{2}|hf|fh", operation="floats /, 0 gives infinity", given=types.FLOAT64,
        result=types.FLOAT64, dialects=_DUCK),
    Row(syntax=exp.Div, operands=_FLOATS, operation="floats /, 0 is an error", given=types.FLOAT64,
        result=types.FLOAT64, dialects=_PG | _SPARK | {"bigquery", "snowflake", "tsql"}),
    Row(syntax=exp.Div, operands="ii", operation="floats /, 0 is an error", given=types.FLOAT64, result=types.FLOAT64,
        dialects=_SPARK | {"bigquery"}),
    Row(syntax=exp.Div, operands="ii|" + _FLOATS, operation="floats /, 0 gives infinity", given=types.FLOAT64,
        result=types.FLOAT64, dialects=frozenset({"clickhouse"})),
    Row(syntax=exp.Div, operands=_FLOATS, operation="floats /, 0 gives infinity", given=types.FLOAT64,
        result=types.FLOAT64, dialects=_TRINO),
    Row(syntax=exp.Div, operands=_FLOATS, operation="floats /, 0 gives NULL", given=types.FLOAT64,
        result=types.FLOAT64, dialects=frozenset({"sqlite"})),
    Row(syntax=exp.Div, operands="ii", operation="integers /, 0 is an error", result=widest, dialects=_INT_DIVISION),
    Row(syntax=exp.IntDiv, operands="ii", operation="integers /, 0 is an error", result=widest, dialects=_DUCK),
    Row(syntax=exp.Mod, operands="ii", operation="integers %, 0 is an error", result=widest,
        dialects=_DUCK | _PG | _SPARK | _TRINO | {"bigquery", "tsql"}),
    Row(syntax=exp.Neg, operands="i", operation="integers negated", result=_first, dialects=_UNKNOWN_TYPES),
    Row(syntax=exp.Neg, operands="[fl]", operation="floats + - *", result=_first),
    Row(syntax=exp.Abs, operands="i", operation="integers, absolute", result=_first, dialects=_DUCK | _PG | _SPARK),
    Row(syntax=exp.Abs, operands="f", operation="floats + - *", result=_first),
    Row(syntax=exp.Sub, operands="dd", operation="days between", result=types.INT64, dialects=_DUCK),
    Row(syntax=exp.Sub, operands="dd", operation="days between", result=types.INT32, dialects=frozenset({"postgres"})),
    Row(syntax=exp.Add, operands="di", operation="days later", result=types.DATE, dialects=_DUCK | {"postgres"}),
    Row(syntax=exp.Sub, operands="di", operation="days earlier", result=types.DATE, dialects=_DUCK | {"postgres"}),
    *(
        Row(syntax=s, operands="[dt]v", operation="time shifted", result=types.TIMESTAMP, dialects=_DUCK | {"postgres"})
        for s in (exp.Add, exp.Sub)
    ),
)  # fmt: skip


def _plain_cut(node: exp.Expr) -> bool:
    """SUBSTRING from the first character on, or from a later one; below that dialects count otherwise."""
    numbers = [node.args.get("start"), node.args.get("length")]
    return all(n is None or (isinstance(n, exp.Literal) and n.name.isdigit()) for n in numbers) and (
        isinstance(numbers[0], exp.Literal) and int(numbers[0].name) >= 1
    )


def _searched(node: exp.Expr) -> bool:
    return isinstance(node.expression, exp.Literal) and node.expression.name != ""


_BLANK = frozenset({"bigquery", "tsql"})
"""Dialects whose TRIM takes off more than blanks, or where nobody has looked."""
_CURVES = (exp.Sin, exp.Cos, exp.Tan)

_FUNCTIONS = (
    Row(syntax=exp.Round, operands="f", operation="rounded, halves away from 0", result=types.FLOAT64,
        dialects=_DUCK),
    Row(syntax=exp.Round, operands="f", operation="rounded, halves to even", result=types.FLOAT64,
        dialects=frozenset({"postgres"})),
    Row(syntax=exp.Round, operands="i", operation="as it is", result=_first, dialects=_DUCK),
    Row(syntax=exp.Round, operands="i", operation="as it is", given=types.FLOAT64, result=types.FLOAT64,
        dialects=frozenset({"postgres"})),
    *(
        Row(syntax=s, operands="[fi]", operation=name, given=types.FLOAT64, result=types.FLOAT64,
            dialects=_DUCK | {"postgres"})
        for s, name in ((exp.Floor, "floor"), (exp.Ceil, "ceiling"))
    ),
    Row(syntax=exp.Sqrt, operands="[fil]", operation="root, negative is an error", given=types.FLOAT64,
        result=types.FLOAT64, dialects=_PG | {"bigquery", "snowflake"}),
    Row(syntax=exp.Sqrt, operands="[fil]", operation="root, negative gives NaN", given=types.FLOAT64,
        result=types.FLOAT64, dialects=_DUCK),
    Row(syntax=exp.Ln, operands="[fil]", operation="logarithm, 0 is an error", given=types.FLOAT64,
        result=types.FLOAT64, dialects=_PG | {"bigquery", "snowflake"}),
    Row(syntax=exp.Ln, operands="[fil]", operation="logarithm, 0 gives -infinity", given=types.FLOAT64,
        result=types.FLOAT64, dialects=_DUCK),
    Row(syntax=exp.Exp, operands="[fil]", operation="exponential", given=types.FLOAT64, result=types.FLOAT64,
        dialects=_DUCK),
    *(
        Row(syntax=s, operands="[fil]", operation=f"curve {s.__name__.lower()}, infinity {outcome}",
            given=types.FLOAT64, result=types.FLOAT64, dialects=dialects)
        for s in _CURVES
        for outcome, dialects in (("gives NaN", _DUCK), ("is an error", _PG))
    ),
    *(
        Row(syntax=s, operands="[fil]", operation=name, given=types.FLOAT64, result=types.FLOAT64)
        for s, name in ((exp.Radians, "radians"), (exp.Degrees, "degrees"))
    ),
    Row(syntax=exp.Length, operands="[sq]", operation="length in characters", result=types.INT64, dialects=_DUCK),
    Row(syntax=exp.Length, operands="[sq]", operation="length in characters", result=types.INT32,
        dialects=frozenset({"postgres"})),
    Row(syntax=exp.Lower, operands="[sq]", operation="lower", result=types.STRING, dialects=_DUCK),
    Row(syntax=exp.Upper, operands="[sq]", operation="upper", result=types.STRING, dialects=_DUCK),
    Row(syntax=exp.Trim, operands="[sq]", operation="trimmed of blanks", result=types.STRING, dialects=EVERY - _BLANK,
        when=lambda node: not node.args.get("position")),
    Row(syntax=exp.Replace, operands="[sq]qq", operation="replaced", result=types.STRING, when=_searched),
    Row(syntax=exp.Substring, operands="[sq]ii?", operation="cut", result=types.STRING, dialects=_DUCK | _PG,
        when=_plain_cut),
    Row(syntax=exp.DPipe, operands="[sq]{2}", operation="joined", result=types.STRING),
    Row(syntax=exp.DateDiff, operands="[dt]{2}", operation="boundaries between", result=types.INT64, dialects=_DUCK),
    *(
        Row(syntax=s, operands="b", operation="aggregate bools", result=types.BOOL, dialects=_DUCK | {"postgres"})
        for s in (exp.LogicalOr, exp.LogicalAnd)
    ),
    Row(syntax=exp.Count, operands=".*", operation="count", result=types.INT64),
    *(Row(syntax=s, operands="[idtb]", operation="extreme", result=_first) for s in (exp.Min, exp.Max)),
    *(Row(syntax=s, operands="[fhn]", operation="extreme float", result=_first) for s in (exp.Min, exp.Max)),
    *(Row(syntax=s, operands="s", operation="extreme text", result=_first) for s in (exp.Min, exp.Max)),
    Row(syntax=exp.Sum, operands="i", operation="sum of integers", result=types.INT64, dialects=EVERY - _PG),
    Row(syntax=exp.Sum, operands="i", operation="sum of integers",
        result=lambda k: None if k[0] == types.INT64 else types.INT64,
        dialects=_PG),
    Row(syntax=exp.Sum, operands="f", operation="sum of floats", result=types.FLOAT64),
    Row(syntax=exp.Avg, operands="f", operation="sum of floats", result=types.FLOAT64),
    Row(syntax=exp.Avg, operands="i", operation="mean of integers", result=types.FLOAT64, dialects=_DUCK),
    *(
        Row(syntax=s, operands="", operation="rank", result=types.INT64)
        for s in (exp.RowNumber, exp.Rank, exp.DenseRank)
    ),
    *(
        Row(syntax=s, operands=".i?", operation="neighbour", result=_first)
        for s in (exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue)
    ),
)  # fmt: skip


CASTS: dict[tuple[str, str], tuple[str, frozenset[str]]] = {
    ("i", "i"): ("integer to integer", _UNKNOWN_TYPES),
    ("i", "f"): ("integer to float", EVERY),
    ("l", "f"): ("literal to float", EVERY),
    ("h", "f"): ("float to float", EVERY),
    ("f", "f"): ("float to float", EVERY),
    ("b", "i"): ("bool to integer", _DUCK | _PG | _SPARK | {"bigquery"}),
    ("i", "b"): ("integer to bool", _DUCK | {"postgres"}),
    ("b", "s"): ("bool to text", _DUCK | {"postgres", "bigquery"} | _SPARK),
    ("i", "s"): ("integer to text", _UNKNOWN_TYPES),
    ("s", "s"): ("as it is", EVERY),
    ("q", "s"): ("as it is", EVERY),
    ("b", "b"): ("as it is", EVERY),
    ("d", "d"): ("as it is", EVERY),
    ("t", "t"): ("as it is", EVERY),
    ("f", "i"): ("float to integer, halves to even", _DUCK | {"postgres"}),
    ("n", "f"): ("decimal to float", EVERY),
    ("n", "n"): ("decimal to decimal", _DUCK | {"postgres"}),
    ("i", "n"): ("decimal to decimal", _DUCK | {"postgres"}),
    ("n", "i"): ("decimal to integer", _DUCK | {"postgres"}),
    ("d", "s"): ("date to text", _DUCK | {"postgres", "bigquery"} | _SPARK),
    ("d", "t"): ("date to instant", _DUCK | _PG | _SPARK | {"bigquery"}),
    ("t", "d"): ("instant to date", _DUCK | _PG | _SPARK | {"bigquery"}),
    ("0", ""): ("cast NULL", EVERY),
}
"""(letter of what is cast, letter of the type) -> the operation, and the dialects in which CAST means it."""


def cast_operation(found: Type, wanted: Type, dialect: str) -> str:
    """The operation of ``CAST(found AS wanted)`` written in ``dialect``; "" where there is none."""
    key = ("0", "") if found == NULL else (letter(found), letter(wanted))
    operation, dialects = CASTS.get(key, ("", frozenset()))
    if key == ("n", "f") and isinstance(found, types.Decimal) and found.precision > 15:
        return ""
    return operation if dialect in dialects else ""


ROWS: tuple[Row, ...] = (*_LOGIC, *_comparisons(), *_ARITHMETIC, *_FUNCTIONS)
_BY_SYNTAX: dict[type[exp.Expr], list[Row]] = {}
for _row in ROWS:
    _BY_SYNTAX.setdefault(_row.syntax, []).append(_row)
