"""Training queries that fit their engine: one statement where it can be, else stages that a last one joins.

A stage is a temporary table. The first holds the spine, numbered once; each of the others ``_row`` and the features of
some groups, and is certified like a query. The last statement joins them to the spine by ``_row``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from asof.compiler import support, tree
from asof.compiler.diagnostics import DiagnosticError, in_order
from asof.compiler.dialects import spoken
from asof.compiler.emit import Compiled, Draft, Stage, emit, emit_stage
from asof.compiler.pit import training
from asof.compiler.source import NOWHERE

if TYPE_CHECKING:
    from sqlglot import exp

    from asof.compiler.dialects import Dialect, LatestStrategy, WindowStrategy
    from asof.compiler.emit import CompiledQuery
    from asof.compiler.model import Repo
    from asof.compiler.pit.request import TrainingRequest
    from asof.compiler.pit.resolve import Group, Input
    from asof.compiler.pit.statement import Statement
    from asof.compiler.pit.training import Asked

_PREFIX = "asof_stage"


def training_query(
    repo: Repo,
    request: TrainingRequest,
    *,
    target: str,
    dialect: str,
    latest: LatestStrategy | None = None,
    windows: WindowStrategy | None = None,
    header: tuple[str, ...] = (),
) -> Compiled:
    """The SQL that gives every row of the spine its features, in order, once.

    ``target`` chooses among the locations of sources, ``dialect`` is one of ``DIALECTS``; ``latest`` and
    ``windows`` are strategies of the dialect: where neither is given, what the target's offline store says, or the
    dialect's own; ``header`` are lines of comment above the statement. Diagnostics instead of a query where something
    is not possible.
    """
    try:
        told = spoken(dialect, latest=latest, windows=windows) if latest or windows else None
        chosen = told or support.spoken_for(repo, target, dialect)
        if chosen is None:
            return Compiled(diagnostics=(support.NO_DIALECT.at(NOWHERE, f"no SQL is made for {dialect!r}"),))
        asked = training.asked(repo, request, target, chosen)
        if _too_wide(asked):
            return _refused(_wide(asked))
        if _tables(asked) <= (chosen.max_joins or _tables(asked)):
            draft, joins = training.one_statement(asked, header)
            if _simple(draft, joins, chosen):
                whole = emit(draft, chosen)
                if whole.query is None or _fits(whole.query.sql, chosen):
                    return whole
        if chosen.temporary == "none":
            return _refused(f"{request.name}: the statement is longer than {chosen.name} reads, and it has no stages")
        return _staged(asked, header)
    except DiagnosticError as error:
        return Compiled(diagnostics=in_order(error.diagnostics))


def _tables(asked: Asked) -> int:
    """The fewest tables that one statement would join: the spine, and one for each group."""
    return len(asked.groups) + 1


def _too_wide(asked: Asked) -> bool:
    most = asked.dialect.max_columns
    return most is not None and len(asked.request.spine.columns) + len(asked.wanted) > most


def _wide(asked: Asked) -> str:
    count = len(asked.request.spine.columns) + len(asked.wanted)
    return f"{asked.request.name} has {count} columns; {asked.dialect.name} gives back {asked.dialect.max_columns}"


def _refused(message: str) -> Compiled:
    way_out = "split the service into several, each with its own dataset, and join them by the spine's columns"
    return Compiled(diagnostics=(support.TOO_LARGE.at(NOWHERE, message, notes=(way_out,)),))


def _simple(draft: Draft, joins: int, dialect: Dialect) -> bool:
    """Whether the engine takes as many joins, and as many common table expressions."""
    with_ = draft.query.args.get("with_")
    ctes = len(with_.expressions) if with_ is not None else 0
    return joins <= (dialect.max_joins or joins) and ctes <= (dialect.max_ctes or ctes)


def _fits(sql: str, dialect: Dialect) -> bool:
    return dialect.max_statement_bytes is None or len(sql.encode()) <= dialect.max_statement_bytes


@dataclass(slots=True)
class _Stages:
    """Stages under construction: their names, and where each feature has gone."""

    asked: Asked
    tables: set[str]
    made: list[Stage] = field(default_factory=list)
    homes: dict[Input, exp.Expr] = field(default_factory=dict)

    def name(self, what: str) -> str:
        """A name for a temporary table that is no table of the user's."""
        start = "#" if self.asked.dialect.temporary == "hash" else ""
        wanted = made = tree.shortened(f"{start}{_PREFIX}_{what}", self.asked.dialect.identifier_length)
        while made.lower() in self.tables:
            made = f"{made}_"
            if self.asked.dialect.identifier_length and len(made.encode()) > self.asked.dialect.identifier_length:
                raise AssertionError(f"no free name like {wanted}")
        self.tables.add(made.lower())
        return made


def _staged(asked: Asked, header: tuple[str, ...]) -> Compiled:
    known = {name.lower() for name in asked.tables}
    stages = _Stages(asked, known)
    numbered, spine = training.new_statement(asked)
    table = stages.name("spine")
    columns = [asked.names.row, *asked.request.spine.columns, asked.names.at]
    query = numbered.ctes.over(tree.select([tree.column("", name) for name in columns], tree.cte(spine)))
    stages.made.append(_finished(Draft(name=table, query=query, columns=(), claim=None), asked.dialect))
    _add(stages, table, list(asked.groups))
    return _last(stages, table, header)


def _again(stages: _Stages, table: str) -> Statement:
    """A statement over the spine's table."""
    asked = stages.asked
    columns = [asked.names.row, *asked.request.spine.columns, asked.names.at]
    query = tree.select([tree.column("", name) for name in columns], tree.cte(table))
    return training.statement_over(asked, query, hidden=stages.tables)


def _add(stages: _Stages, table: str, groups: list[Group]) -> None:
    """One stage for ``groups``, or, where they do not fit into one, one for each half of them."""
    dialect = stages.asked.dialect
    features = sum(len(group.features) for group in groups)
    small = features + 1 <= (dialect.max_table_columns or features + 1)
    few = len(groups) + 1 <= (dialect.max_joins or len(groups) + 1)
    if small and few:
        draft, joins, homes = _stage(stages, table, groups)
        if _simple(draft, joins, dialect):
            made = _finished(draft, dialect)
            if _fits(made.sql, dialect):
                stages.made.append(made)
                stages.homes |= homes
                return
        stages.tables.discard(draft.name.lower())
    for half in _halves(stages, groups):
        _add(stages, table, half)


def _halves(stages: _Stages, groups: list[Group]) -> tuple[list[Group], list[Group]]:
    if len(groups) > 1:
        middle = len(groups) // 2
        return groups[:middle], groups[middle:]
    (group,) = groups
    if len(group.features) == 1:
        message = f"{group.view.address}.{group.features[0]} alone is more than {stages.asked.dialect.name} takes"
        raise DiagnosticError(support.TOO_LARGE.at(NOWHERE, message))
    middle = len(group.features) // 2
    return (
        [replace(group, features=group.features[:middle])],
        [replace(group, features=group.features[middle:])],
    )


def _stage(stages: _Stages, table: str, groups: list[Group]) -> tuple[Draft, int, dict[Input, exp.Expr]]:
    """The query of one stage, the tables that it joins, and where its features will be."""
    asked, statement = stages.asked, _again(stages, table)
    joined: list[str] = []
    values: training.Values = {}
    for group in groups:
        values |= training.grouped(statement, group, joined)
    name = stages.name(str(len(stages.made)))
    row = asked.names.row
    # Named, though it is so called already: ClickHouse calls a column of a join by its table as well.
    query = tree.select([tree.named(tree.column(statement.spine, row), row)], tree.cte(statement.spine))
    homes: dict[Input, exp.Expr] = {}
    roles = {group.identity: group.role for group in groups}
    taken = {row.lower()}
    for one, value in values.items():
        wanted = f"{roles[one.group]}__{one.feature}"
        column = tree.shortened(wanted, asked.dialect.identifier_length)
        number = 1
        while column.lower() in taken:
            number += 1
            column = tree.shortened(f"{wanted}_{number}", asked.dialect.identifier_length)
        taken.add(column.lower())
        query.append("expressions", tree.called(value, column))
        homes[one] = tree.column(name, column)
    training.join_by_row(statement, query, joined)
    claim = training.claim(statement)
    draft = Draft(name=name, query=statement.ctes.over(query), columns=(), claim=claim)
    return draft, len(joined) + 1, homes


def _finished(draft: Draft, dialect: Dialect) -> Stage:
    made = emit_stage(draft, dialect)
    if isinstance(made, Compiled):
        raise DiagnosticError(*made.diagnostics)
    return made


def _last(stages: _Stages, table: str, header: tuple[str, ...]) -> Compiled:
    """The answer, joined from the stages."""
    asked, statement = stages.asked, _again(stages, table)
    joined = [stage.name for stage in stages.made[1:]]
    if len(joined) + 1 > (asked.dialect.max_joins or len(joined) + 1):
        return _refused(f"{asked.request.name} needs {len(joined)} stages, more than {asked.dialect.name} joins")
    draft = training.answer(asked, statement, stages.homes, joined, header)
    proven = replace(training.claim(statement), stages=frozenset(joined))
    made = emit(replace(draft, claim=proven), asked.dialect)
    if made.query is None:
        return made
    if not _fits(made.query.sql, asked.dialect):
        return _refused(f"{asked.request.name}: even the last of its stages is longer than {asked.dialect.name} reads")
    return Compiled(query=_with(made.query, stages.made, asked.dialect), diagnostics=made.diagnostics)


def _with(query: CompiledQuery, made: list[Stage], dialect: Dialect) -> CompiledQuery:
    """``query`` after its stages; a stage that an earlier run of the session left behind goes first."""
    statements = [text for stage in made for text in (stage.dropped(dialect), stage.sql)]
    certificates = tuple((stage.name, stage.certificate) for stage in made[1:])
    prologue = dict.fromkeys((*query.prologue, *(line for stage in made for line in stage.settings)))
    return replace(query, prologue=tuple(prologue), stages=tuple(statements), stage_certificates=certificates)
