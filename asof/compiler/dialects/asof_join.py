"""ASOF joins of engines that write what is compared apart from what is equated: MATCH_CONDITION (...) ON ..."""

from __future__ import annotations

from sqlglot import exp

from asof.compiler import tree


def with_match_condition(node: exp.Expr) -> exp.Expr:
    """An ASOF join whose last condition is its comparison, with that set apart; any other node as it stands."""
    if not isinstance(node, exp.Join) or node.method.upper() != "ASOF":
        return node
    *equal, compared = node.args["on"].flatten() if isinstance(node.args["on"], exp.And) else [node.args["on"]]
    side = f"{node.side} ASOF".strip()  # where there is a side, it stands before ASOF
    return exp.Join(this=node.this, method=side, match_condition=compared, on=tree.all_of(equal) if equal else None)
