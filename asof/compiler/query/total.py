"""Which expressions give exactly one value for every row, the same each time, and never an error."""

from __future__ import annotations

from sqlglot import exp

from asof.compiler import types
from asof.compiler.query.sql_types import family, fits, of_sql

_ALWAYS = (
    exp.Column,
    exp.Identifier,
    exp.Literal,
    exp.Null,
    exp.Boolean,
    exp.Paren,
    exp.Alias,
    exp.And,
    exp.Or,
    exp.Not,
    exp.Is,
    exp.Lower,
    exp.Upper,
    exp.TryCast,
    exp.DataType,
    exp.If,
)
_SAME_FAMILY = (
    exp.EQ,
    exp.NEQ,
    exp.GT,
    exp.GTE,
    exp.LT,
    exp.LTE,
    exp.NullSafeEQ,
    exp.NullSafeNEQ,
    exp.Between,
    exp.In,
    exp.Case,
    exp.Coalesce,
    exp.Nullif,
    exp.Greatest,
    exp.Least,
)
_ARITHMETIC = (exp.Add, exp.Sub, exp.Mul)
_AGGREGATES = (exp.Count, exp.Min, exp.Max, exp.LogicalAnd, exp.LogicalOr)
_WINDOW_PARTS = (exp.Window, exp.WindowSpec, exp.Order, exp.Ordered, exp.Star)
_RANKS = (exp.RowNumber, exp.Rank, exp.DenseRank, exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue)


def is_total(node: exp.Expr, dialect: str) -> bool:
    """Whether ``node`` (typed) has one value for every row of its scope and can raise nothing.

    An allowlist: what is not known to be harmless is not. Integer arithmetic overflows, division and CAST
    fail on some values; ``TRY_CAST`` does not. Aggregates count as well: whether one may stand here is
    another question.
    """
    return _own(node, dialect) and all(is_total(child, dialect) for child in node.iter_expressions())


def _own(node: exp.Expr, dialect: str) -> bool:
    if isinstance(node, exp.TryCast):
        return True
    if isinstance(node, exp.Cast):
        found, wanted = of_sql(node.this.type), of_sql(node.to)
        return found is not None and wanted is not None and fits(found, wanted)
    if isinstance(node, _SAME_FAMILY):
        return _one_family(node)
    if isinstance(node, _ARITHMETIC):
        return dialect == "duckdb" and _floats(node)
    if isinstance(node, exp.Sum | exp.Avg):
        return dialect == "duckdb" and of_sql(node.this.type) in (*types.INTEGERS, *types.FLOATS)
    return isinstance(node, (*_ALWAYS, *_AGGREGATES, *_WINDOW_PARTS, *_RANKS))


def _one_family(node: exp.Expr) -> bool:
    """Values of several families would be cast to one, and a cast may fail."""
    if isinstance(node, exp.Case):
        parts = [i.args["true"] for i in node.args["ifs"]]
        parts += [node.args["default"]] if node.args.get("default") else []
        if node.this is not None:
            return False
    else:
        parts = [p for p in node.iter_expressions() if not isinstance(p, exp.Null)]
    families = {family(of_sql(p.type)) for p in parts if not isinstance(p, exp.Null)}
    return len(families) == 1 and "" not in families


def _floats(node: exp.Expr) -> bool:
    kinds = [of_sql(node.this.type), of_sql(node.expression.type)]
    return all(k in types.FLOATS or k in types.INTEGERS for k in kinds) and any(k in types.FLOATS for k in kinds)
