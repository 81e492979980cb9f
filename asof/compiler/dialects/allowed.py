"""Whether a finished tree holds only syntax that its dialect lists: whatever else turns up is refused.

Parts that a user wrote in the target's own dialect are the user's; translated ones were checked by ``translate``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from asof.compiler.translate import USER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asof.compiler.dialects.base import Dialect


def strangers(query: exp.Expr, dialect: Dialect) -> tuple[str, ...]:
    """What stands in the builder's part of ``query`` and not on the dialect's list, sorted."""
    return tuple(sorted({name for node in _built(query) if (name := _strange(node, dialect))}))


def _built(query: exp.Expr) -> Iterator[exp.Expr]:
    waiting = [query]
    while waiting:
        node = waiting.pop()
        if not node.meta_get(USER):
            yield node
            waiting.extend(node.iter_expressions())


def _strange(node: exp.Expr, dialect: Dialect) -> str:
    if isinstance(node, exp.Anonymous):
        return "" if node.name.upper() in dialect.builtins else f"the function {node.name}"
    if type(node) not in dialect.nodes:
        return type(node).__name__
    if isinstance(node, exp.Join) and node.method.upper() not in dialect.join_methods:
        return f"{node.method} JOIN"
    if isinstance(node, exp.Identifier) and not node.quoted:
        return f"the unquoted name {node.name}"
    return ""
