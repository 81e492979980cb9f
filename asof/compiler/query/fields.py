"""Fields of structs in scalar expressions: ``st.a.b`` is a field of a column where ``st`` is no table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Callable


def with_fields(tree: exp.Expr, is_column: Callable[[str, str], bool]) -> exp.Expr:
    """``tree`` with each name that reaches into a column written as fields of that column, in place.

    ``is_column`` says whether (qualifier, name) is a column; "" qualifies nothing.
    """
    for column in list(tree.find_all(exp.Column)):
        parts = column.parts
        names = [part.name for part in parts]
        if len(parts) < 2 or isinstance(column.this, exp.Star) or is_column(".".join(names[:-1]), names[-1]):
            continue
        taken = 2 if len(parts) > 2 and is_column(names[0], names[1]) else 1 if is_column("", names[0]) else 0
        if not taken:
            continue
        *qualifier, name = parts[:taken]
        root = exp.Column(this=name.copy(), table=qualifier[0].copy() if qualifier else None)
        root.meta.update(column.meta)
        made = exp.Dot.build([root, *(part.copy() for part in parts[taken:])])
        if column is tree:
            tree = made
        else:
            column.replace(made)
    return tree
