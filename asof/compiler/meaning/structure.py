"""Clauses of users' queries that mean the same in every dialect, and those that some targets lack."""

from __future__ import annotations

from sqlglot import exp

_PLAIN: dict[type[exp.Expr], frozenset[str]] = {
    exp.Select: frozenset(
        "expressions from_ joins where group having order limit offset distinct with_ qualify".split()  # noqa: SIM905
    ),
    exp.From: frozenset({"this"}),
    exp.Table: frozenset({"this", "db", "catalog", "alias"}),
    exp.TableAlias: frozenset({"this", "columns"}),
    exp.Join: frozenset({"this", "on", "using", "side", "kind", "method"}),
    exp.Where: frozenset({"this"}),
    exp.Group: frozenset({"expressions"}),
    exp.Having: frozenset({"this"}),
    exp.Qualify: frozenset({"this"}),
    exp.Order: frozenset({"expressions"}),
    exp.Ordered: frozenset({"this", "desc", "nulls_first"}),
    exp.Limit: frozenset({"expression"}),
    exp.Offset: frozenset({"expression"}),
    exp.Distinct: frozenset({"expressions"}),
    exp.With: frozenset({"expressions", "recursive"}),
    exp.CTE: frozenset({"this", "alias"}),
    exp.Subquery: frozenset({"this", "alias", "with_"}),
    exp.Union: frozenset({"this", "expression", "distinct", "with_", "order", "limit", "offset"}),
    exp.Except: frozenset({"this", "expression", "distinct", "with_", "order", "limit", "offset"}),
    exp.Intersect: frozenset({"this", "expression", "distinct", "with_", "order", "limit", "offset"}),
    exp.Window: frozenset({"this", "partition_by", "order", "spec", "over"}),
    exp.WindowSpec: frozenset({"kind", "start", "start_side", "end", "end_side"}),
    exp.Filter: frozenset({"this", "expression"}),
    exp.Exists: frozenset({"this"}),
    exp.Paren: frozenset({"this"}),
    exp.Alias: frozenset({"this", "alias"}),
    exp.Identifier: frozenset({"this", "quoted"}),
    exp.Var: frozenset({"this"}),
}
_ABSENT: dict[type[exp.Expr], frozenset[str]] = {
    exp.Qualify: frozenset({"sqlite", "postgres", "redshift", "trino", "athena", "tsql", "spark"}),
    exp.Filter: frozenset({"bigquery", "clickhouse", "snowflake", "redshift", "tsql"}),
}
"""Clauses that a target does not have."""
_KINDS = frozenset({"", "INNER", "CROSS", "OUTER"})


def is_structure(node: exp.Expr) -> bool:
    """Whether ``node`` is a clause, not a value."""
    return type(node) in _PLAIN


def refusal(node: exp.Expr, target: str) -> str:
    """What of this clause the target is not known to share; "" where it does."""
    name = type(node).__name__.upper()
    extra = {key for key, value in node.args.items() if value not in (None, [], False)} - _PLAIN[type(node)]
    if extra:
        return f"{name} with {', '.join(sorted(extra)).replace('_', ' ').strip()}"
    if target in _ABSENT.get(type(node), ()):
        return name
    if isinstance(node, exp.Join):
        method, kind = (str(node.args.get(key) or "").upper() for key in ("method", "kind"))
        if method or kind not in _KINDS:
            return f"{method or kind} JOIN"
    return ""
