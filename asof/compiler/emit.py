"""From a finished syntax tree to text: certified, checked against the dialect, printed the same every time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from asof.compiler import support, tree
from asof.compiler.certificate import Certificate, Claim, certify
from asof.compiler.dialects.allowed import strangers
from asof.compiler.dialects.base import Dialect
from asof.compiler.source import NOWHERE

if TYPE_CHECKING:
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
    stages: tuple[str, ...] = ()
    """Statements that run in order before ``sql``, after the prologue: they make the temporary tables it joins."""
    stage_certificates: tuple[tuple[str, Certificate], ...] = ()
    """The tables of the stages that hold features, and the proof of each."""

    @property
    def text(self) -> str:
        """All of it as a script, as the artifacts hold it."""
        comments = [f"-- {' '.join(line.split())}" for line in self.header]
        return "\n".join([*comments, *(f"{line};" for line in (*self.prologue, *self.stages)), f"{self.sql};", ""])


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A statement that makes the temporary table ``name``."""

    name: str
    sql: str
    certificate: Certificate
    settings: tuple[str, ...]
    """What the session must run before it, beyond the prologue of the dialect."""

    def dropped(self, dialect: Dialect) -> str:
        """A statement that removes what an earlier run of the session left under the name."""
        table = exp.Table(
            this=tree.identifier(self.name),
            db=exp.to_identifier(dialect.temporary_schema) if dialect.temporary_schema else None,
        )
        return f"DROP TABLE IF EXISTS {table.sql(dialect=dialect.name)}"


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
    certificate = _proven(draft, dialect)
    if not isinstance(certificate, Certificate):
        return Compiled(diagnostics=(certificate,))
    body = _printed(draft.query, dialect)
    return Compiled(
        query=CompiledQuery(
            name=draft.name,
            dialect=dialect.name,
            prologue=(*dialect.prologue, *dialect.settings(draft.query)),
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


def emit_stage(draft: Draft, dialect: Dialect) -> Stage | Compiled:
    """A statement that makes the temporary table ``draft.name``; diagnostics where it cannot be proven."""
    certificate = _proven(draft, dialect)
    if not isinstance(certificate, Certificate):
        return Compiled(diagnostics=(certificate,))
    settings = dialect.settings(draft.query)
    if dialect.temporary == "hash":
        query = draft.query.copy()
        query.set("into", exp.Into(this=tree.cte(draft.name)))
        return Stage(name=draft.name, sql=_printed(query, dialect), certificate=certificate, settings=settings)
    name = tree.identifier(draft.name).sql(dialect=dialect.name)
    sql = f"CREATE TEMPORARY TABLE {name} AS\n{_printed(draft.query, dialect)}"
    return Stage(name=draft.name, sql=sql, certificate=certificate, settings=settings)


def _proven(draft: Draft, dialect: Dialect) -> Certificate | Diagnostic:
    strange = strangers(draft.query, dialect)
    if strange:
        message = f"{draft.name}: {', '.join(strange)} is not known to mean the same in {dialect.name}"
        return support.NOT_YET.at(NOWHERE, message)
    certificate = certify(draft.query, draft.claim) if draft.claim else Certificate(paths=())
    if isinstance(certificate, Certificate):
        return certificate
    message = f"{draft.name}: {' <- '.join(certificate.path)}: {certificate.reason}"
    return support.NO_CERTIFICATE.at(NOWHERE, message)


def _printed(query: exp.Query, dialect: Dialect) -> str:
    made = _written(query, dialect)
    # The generator changes what it prints, unless it prints a copy.
    return made.sql(dialect=dialect.name, copy=made is query, pretty=True, identify=True, max_text_width=100)
