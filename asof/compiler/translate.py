"""Users' SQL in another dialect: identifiers quoted, leaves rewritten, and refused where nobody knows.

sqlglot translates names, not meanings, and prints what it cannot translate as it stands. So a translation is made of
what the table of meanings (asof/compiler/meaning) knows of both dialects, and of nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from asof.compiler.diagnostics import DiagnosticError, rule
from asof.compiler.meaning import Reader, RefusedError, Writer, columns_of, with_struct_fields
from asof.compiler.source import NOWHERE

if TYPE_CHECKING:
    from asof.compiler.dialects import Dialect
    from asof.compiler.model import Repo

UNTRANSLATABLE = rule("AS508", "SQL has no translation into this dialect")

_FOLDS_TO_LOWER = frozenset({"postgres", "redshift", "trino", "athena"})
_SHOWN = 120
_HINT = (
    "declare the types of all columns, and write it with operators and casts that docs/expressions.md lists for both"
)
USER = "asof_user"
"""Marks the root of a tree that a user wrote."""


def translated(written: exp.Expr, repo: Repo, dialect: Dialect, address: str) -> exp.Expr:
    """``written``, parsed in the repo's dialect, ready to be printed in ``dialect``. Raises DiagnosticError."""
    read = repo.project.sql_dialect
    made = with_struct_fields(written.copy(), repo, address)
    if read != dialect.name:
        made = _rewritten(made, repo, dialect, address)
    return quoted(made, read)


def _rewritten(made: exp.Expr, repo: Repo, dialect: Dialect, address: str) -> exp.Expr:
    read = repo.project.sql_dialect
    try:
        return Writer(Reader(read, columns_of(made, repo, address)), dialect).written(made)
    except RefusedError as error:
        pointer = ("query",) if isinstance(made, exp.Query) else ()
        origin = repo.origins.get(address)
        span = origin.value(*pointer) if origin else NOWHERE
        text = " ".join(error.node.sql(read, comments=False).split())
        message = f"{address}: no translation from {read} into {dialect.name} gives the same values for {error.why}"
        notes = (f"it is written as `{text if len(text) <= _SHOWN else text[:_SHOWN] + '...'}`", _HINT)
        raise DiagnosticError(UNTRANSLATABLE.at(span, message, address=address, notes=notes)) from None


def quoted(written: exp.Expr, dialect: str) -> exp.Expr:
    """``written`` in place with every identifier quoted, and marked as a user's; ``dialect`` is what it was read in."""
    for node in written.find_all(exp.Identifier):
        if not node.quoted and dialect in _FOLDS_TO_LOWER:
            node.set("this", node.name.lower())
        node.set("quoted", True)
    written.meta[USER] = True
    return written
