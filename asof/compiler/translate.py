"""Users' SQL in another dialect: identifiers quoted, leaves rewritten, and refused where nobody knows.

sqlglot prints what it cannot translate as it stands, so a translation passes only if every function in
it is on the dialect's list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from asof.compiler.diagnostics import DiagnosticError, rule
from asof.compiler.source import NOWHERE

if TYPE_CHECKING:
    from asof.compiler.dialects import Dialect
    from asof.compiler.model import Repo

UNTRANSLATABLE = rule("AS508", "SQL has no translation into this dialect")

_FOLDS_TO_LOWER = frozenset({"postgres", "redshift", "trino", "athena"})
_OPERATORS = (exp.Connector, exp.Cast, exp.Case, exp.If, exp.Paren)
USER = "asof_user"
"""Marks the root of a tree that a user wrote."""


def translated(written: exp.Expr, repo: Repo, dialect: Dialect, address: str) -> exp.Expr:
    """``written``, parsed in the repo's dialect, ready to be printed in ``dialect``. Raises DiagnosticError."""
    read = repo.project.sql_dialect
    made = written.copy()
    if read != dialect.name:
        made = made.transform(dialect.leaf, copy=False)
        _refuse_unknown_calls(made, repo, dialect, address)
    return quoted(made, read)


def quoted(written: exp.Expr, dialect: str) -> exp.Expr:
    """``written`` in place with every identifier quoted, and marked as a user's; ``dialect`` is what it was read in."""
    for node in written.find_all(exp.Identifier):
        if not node.quoted and dialect in _FOLDS_TO_LOWER:
            node.set("this", node.name.lower())
        node.set("quoted", True)
    written.meta[USER] = True
    return written


def _refuse_unknown_calls(made: exp.Expr, repo: Repo, dialect: Dialect, address: str) -> None:
    for call in made.find_all(exp.Func, exp.Interval):
        if isinstance(call, _OPERATORS):
            continue
        name = (
            call.name.upper()
            if isinstance(call, exp.Anonymous)
            else call.sql_name()
            if isinstance(call, exp.Func)
            else "INTERVAL"
        )
        if name not in dialect.calls and not (name == "INTERVAL" and dialect.intervals):
            pointer = ("query",) if isinstance(made, exp.Query) else ()
            origin = repo.origins.get(address)
            span = origin.value(*pointer) if origin else NOWHERE
            read = repo.project.sql_dialect
            message = f"{address} calls {name}: its translation from {read} into {dialect.name} is not supported yet"
            raise DiagnosticError(UNTRANSLATABLE.at(span, message, address=address))
