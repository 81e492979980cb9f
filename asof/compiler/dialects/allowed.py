"""The syntax that the builder may use: whatever else turns up in a finished tree is refused.

Parts that a user wrote in the target's own dialect are the user's; translated ones were checked by ``translate``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from asof.compiler.translate import USER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asof.compiler.dialects.base import Dialect

_CORE: tuple[type[exp.Expr], ...] = (
    exp.Select, exp.From, exp.Join, exp.Where, exp.With, exp.CTE, exp.Subquery, exp.Union, exp.Group, exp.Order,
    exp.Ordered, exp.Limit, exp.Table, exp.TableAlias, exp.Identifier, exp.Column, exp.Alias, exp.Star, exp.Literal,
    exp.Null, exp.Boolean, exp.And, exp.Not, exp.Is, exp.EQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Add, exp.Sub,
    exp.Mul, exp.Div, exp.Neg, exp.Paren, exp.Case, exp.If, exp.Cast, exp.DataType, exp.DataTypeParam, exp.Window,
    exp.WindowSpec, exp.RowNumber, exp.Count, exp.Placeholder, exp.Having, exp.Distinct, exp.Sum, exp.Avg, exp.Min,
    exp.Max, exp.Coalesce,
)  # fmt: skip
_MOMENTS: tuple[type[exp.Expr], ...] = (exp.VariancePop, exp.Variance, exp.StddevPop, exp.StddevSamp)
_TIMES: tuple[type[exp.Expr], ...] = (exp.Interval, exp.Var, exp.AtTimeZone)

ALLOWED: dict[str, frozenset[type[exp.Expr]]] = {
    "duckdb": frozenset({*_CORE, *_MOMENTS, *_TIMES, exp.ArgMax, exp.ArgMin, exp.Sqrt}),
    "postgres": frozenset({*_CORE, *_MOMENTS, *_TIMES, exp.Lateral}),
    "sqlite": frozenset({*_CORE, exp.Sqrt}),
}
"""Dialect -> node types."""

CALLS: dict[str, frozenset[str]] = {"duckdb": frozenset({"ROW", "READ_PARQUET", "READ_CSV", "MAKE_TIMESTAMPTZ"})}
"""Dialect -> functions that sqlglot has no node for."""

JOINS: dict[str, frozenset[str]] = {"duckdb": frozenset({"", "ASOF"})}
"""Dialect -> join methods; elsewhere plain joins only."""


def strangers(query: exp.Expr, dialect: Dialect) -> tuple[str, ...]:
    """What stands in the builder's part of ``query`` and not on the dialect's list, sorted."""
    return tuple(sorted({name for node in _built(query) if (name := _strange(node, dialect.name))}))


def _built(node: exp.Expr) -> Iterator[exp.Expr]:
    if node.meta.get(USER):
        return
    yield node
    for child in node.iter_expressions():
        yield from _built(child)


def _strange(node: exp.Expr, dialect: str) -> str:
    if isinstance(node, exp.Anonymous):
        return "" if node.name.upper() in CALLS.get(dialect, ()) else f"the function {node.name}"
    if type(node) not in ALLOWED[dialect]:
        return type(node).__name__
    if isinstance(node, exp.Join) and node.method.upper() not in JOINS.get(dialect, {""}):
        return f"{node.method} JOIN"
    if isinstance(node, exp.Identifier) and not node.quoted:
        return f"the unquoted name {node.name}"
    return ""
