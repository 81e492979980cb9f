"""From a finished syntax tree to text: certified, checked against the dialect, printed the same every time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from asof.compiler import support
from asof.compiler.certificate import Certificate, Claim, certify
from asof.compiler.dialects.allowed import strangers
from asof.compiler.dialects.base import Dialect
from asof.compiler.source import NOWHERE

if TYPE_CHECKING:
    from sqlglot import exp

    from asof.compiler.diagnostics import Diagnostic
    from asof.compiler.pit.request import OutputColumn


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledQuery:
    """A statement to run, without its final semicolon. ``prologue``: what the session must run before it."""

    name: str
    dialect: str
    prologue: tuple[str, ...]
    sql: str
    columns: tuple[OutputColumn, ...]
    certificate: Certificate
    header: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """All of it as a script, as the artifacts hold it."""
        comments = [f"-- {' '.join(line.split())}" for line in self.header]
        return "\n".join([*comments, *(f"{line};" for line in self.prologue), f"{self.sql};", ""])


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """A query, or the diagnostics that say why there is none."""

    query: CompiledQuery | None = None
    diagnostics: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A built tree on its way out. No claim: it shows rows with their own times, and is asked at no instant."""

    name: str
    query: exp.Query
    columns: tuple[OutputColumn, ...]
    claim: Claim | None
    header: tuple[str, ...] = ()


def emit(draft: Draft, dialect: Dialect) -> Compiled:
    """The text of ``draft``, if it holds nothing strange and is proven free of leakage."""
    strange = strangers(draft.query, dialect)
    if strange:
        message = f"{draft.name}: {', '.join(strange)} is not known to mean the same in {dialect.name}"
        return Compiled(diagnostics=(support.NOT_YET.at(NOWHERE, message),))
    certificate = certify(draft.query, draft.claim) if draft.claim else Certificate(paths=())
    if not isinstance(certificate, Certificate):
        message = f"{draft.name}: {' <- '.join(certificate.path)}: {certificate.reason}"
        return Compiled(diagnostics=(support.NO_CERTIFICATE.at(NOWHERE, message),))
    body = _written(draft.query, dialect).sql(dialect=dialect.name, pretty=True, identify=True, max_text_width=100)
    return Compiled(
        query=CompiledQuery(
            name=draft.name,
            dialect=dialect.name,
            prologue=dialect.prologue,
            sql=body,
            columns=draft.columns,
            certificate=certificate,
            header=draft.header,
        )
    )


def _written(query: exp.Query, dialect: Dialect) -> exp.Query:
    """``query`` in the dialect's own words, from the leaves up."""
    if type(dialect).written is Dialect.written:
        return query
    made = query.copy()
    for node in reversed(list(made.walk())):
        other = dialect.written(node)
        if other is not node:
            node.replace(other)
    return made
