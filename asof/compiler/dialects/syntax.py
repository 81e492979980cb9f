"""The syntax that every dialect shares, and families of it that some do. Dialects add to CORE what is theirs."""

from __future__ import annotations

from sqlglot import exp

Nodes = frozenset[type[exp.Expr]]

CORE: Nodes = frozenset(
    {
        exp.Select, exp.From, exp.Join, exp.Where, exp.With, exp.CTE, exp.Subquery, exp.Union, exp.Group, exp.Order,
        exp.Ordered, exp.Limit, exp.Table, exp.TableAlias, exp.Identifier, exp.Column, exp.Alias, exp.Star, exp.Literal,
        exp.Null, exp.Boolean, exp.And, exp.Not, exp.Is, exp.EQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Add, exp.Sub,
        exp.Mul, exp.Div, exp.Neg, exp.Paren, exp.Case, exp.If, exp.Cast, exp.DataType, exp.DataTypeParam, exp.Window,
        exp.WindowSpec, exp.RowNumber, exp.Count, exp.Placeholder, exp.Having, exp.Distinct, exp.Sum, exp.Avg, exp.Min,
        exp.Max, exp.Coalesce, exp.Abs, exp.Sqrt, exp.Or,
    }
)  # fmt: skip
MOMENTS: Nodes = frozenset({exp.VariancePop, exp.Variance, exp.StddevPop, exp.StddevSamp})
INTERVALS: Nodes = frozenset({exp.Interval, exp.Var, exp.AtTimeZone})
