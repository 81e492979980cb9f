"""Training queries: a spine, and beside each of its rows what was known at that row's instant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from asof.compiler import shape, support, tree, types
from asof.compiler.certificate import Claim
from asof.compiler.diagnostics import Diagnostic, DiagnosticError
from asof.compiler.emit import Draft
from asof.compiler.features import COUNTS
from asof.compiler.model import OnDemandFeatureView, ServiceItem, Timing
from asof.compiler.pit import windows
from asof.compiler.pit.latest import latest
from asof.compiler.pit.partitions import Extent, reached
from asof.compiler.pit.request import Names, OutputColumn
from asof.compiler.pit.resolve import Computed, Input, groups, needed, outputs, value_of
from asof.compiler.pit.statement import Statement
from asof.compiler.query import inputs as inputs_of
from asof.compiler.relation import Binder
from asof.compiler.source import NOWHERE
from asof.compiler.translate import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asof.compiler.dialects import Dialect
    from asof.compiler.model import Repo
    from asof.compiler.pit.request import SpineSpec, TrainingRequest
    from asof.compiler.pit.resolve import Group, Output

Values = dict[Input, exp.Expr]
"""Each input as an expression over the final joins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request resolved: its outputs, the groups behind them, and the names that its statements share."""

    repo: Repo
    request: TrainingRequest
    target: str
    dialect: Dialect
    wanted: tuple[Output, ...]
    groups: tuple[Group, ...]
    names: Names

    @property
    def tables(self) -> set[str]:
        return _tables(self.repo, self.request.spine, self.groups, self.target)


def asked(repo: Repo, request: TrainingRequest, target: str, dialect: Dialect) -> Asked:
    """What ``request`` comes down to. Raises DiagnosticError for what is not possible."""
    wanted = outputs(repo, request)
    inputs = dict.fromkeys(one for output in wanted for one in needed(repo, output.value))
    found = groups(repo, request, inputs)
    problems = [
        *(d for group in found for d in support.unsupported(repo, group.view, dialect)),
        *_spine_problems(repo, request, wanted, found, dialect),
    ]
    if problems:
        raise DiagnosticError(*problems)
    names = Names.apart_from(_user_names(repo, request.spine, found))
    return Asked(repo=repo, request=request, target=target, dialect=dialect, wanted=wanted, groups=found, names=names)


def one_statement(asked: Asked, header: tuple[str, ...]) -> tuple[Draft, int]:
    """All of it in one statement, and how many tables its last SELECT joins."""
    binder, spine = new_statement(asked)
    statement = Statement(binder=binder, spine=spine)
    joined: list[str] = []
    values: Values = {}
    for group in asked.groups:
        values |= grouped(statement, group, joined)
    return answer(asked, statement, values, joined, header), len(joined) + 1


def new_statement(asked: Asked) -> tuple[Binder, str]:
    """A statement that numbers the rows of the spine, and the name of its common table expression."""
    binder = _binder(asked, asked.tables)
    spine = _spine(binder, asked.request.spine, asked.groups)
    _prune(asked, binder, spine)
    return binder, spine


def statement_over(asked: Asked, spine: exp.Select, hidden: set[str]) -> Statement:
    """A statement over a spine that has been numbered; ``hidden`` are names of tables that it may read."""
    binder = _binder(asked, asked.tables | hidden)
    name = binder.ctes.add("spine", spine, "the rows to be enriched, as the first stage numbered them")
    _prune(asked, binder, name)
    return Statement(binder=binder, spine=name)


def _prune(asked: Asked, binder: Binder, spine: str) -> None:
    """What is read from now on is read as far as the spine reaches; a source that the spine itself reads is not cut."""
    given = asked.request.spine
    extent = Extent(spine=spine, at=asked.names.at, earliest=given.earliest, latest=given.latest)
    binder.pruned.update(reached(asked.repo, asked.groups, extent))


def _binder(asked: Asked, tables: set[str]) -> Binder:
    columns = _user_names(asked.repo, asked.request.spine, asked.groups) if asked.dialect.columns_hide_tables else set()
    return Binder(
        repo=asked.repo,
        target=asked.target,
        dialect=asked.dialect,
        names=asked.names,
        ctes=tree.Ctes(asked.dialect.identifier_length, tables | columns - {""}),
        made={},
        witnesses={},
    )


def answer(asked: Asked, statement: Statement, values: Values, joined: list[str], header: tuple[str, ...]) -> Draft:
    """The spine's columns and the features, looked up in ``joined`` by row."""
    request = asked.request
    query = _answer(statement, request, asked.wanted, values, joined)
    columns = tuple(OutputColumn(name=name, lineage=("spine",)) for name in request.spine.columns)
    return Draft(
        name=request.name,
        query=statement.ctes.over(query),
        columns=columns + tuple(output.column for output in asked.wanted),
        claim=claim(statement),
        header=header,
    )


def claim(statement: Statement) -> Claim:
    """What a statement must be proven to be."""
    names = statement.names
    return Claim(spine=statement.spine, row=names.row, instant=names.at, sources=statement.binder.witnesses)


def _spine(binder: Binder, spec: SpineSpec, found: tuple[Group, ...]) -> str:
    """The spine with its surrogate row number and its instant."""
    names = binder.names
    number = tree.column("given", spec.row_id) if spec.row_id else _numbering(binder.dialect, spec, found)
    instant = binder.dialect.tick(binder.dialect.timestamp(tree.column("given", spec.timestamp), None, Timing()))
    source: exp.Expr
    if isinstance(spec.relation, str):
        source = tree.table(spec.relation, "given")
    else:
        query = spec.relation.copy()
        quoted(query, binder.dialect.name)
        source = tree.derived(binder.bind(query), "given")
    made = tree.select(
        [
            tree.named(number, names.row),
            *(tree.column("given", name) for name in spec.columns),
            tree.named(instant, names.at),
        ],
        source,
    )
    return binder.ctes.add(
        "spine",
        made,
        "the rows to be enriched, numbered once, each at its own instant",
        materialized=_kept(binder.dialect, spec),
    )


def _kept(dialect: Dialect, spec: SpineSpec) -> bool | None:
    """Whether the engine is to compute the spine once.

    A table whose rows have numbers is no dearer to read again, and PostgreSQL reads a kept one in one process alone.
    """
    if isinstance(spec.relation, str) and spec.row_id and dialect.materialize_rows is False:
        return False
    return dialect.evaluates_once or None


def _numbering(dialect: Dialect, spec: SpineSpec, found: tuple[Group, ...]) -> exp.Expr:
    """A number for each row of the spine.

    An engine that reads the spine again for each use may number it anew, so there the numbers follow the keys and
    the instant. Rows that share all of these have the same features: which of them is first changes nothing.
    """
    if dialect.evaluates_once:
        return exp.Window(this=exp.RowNumber())
    columns = dict.fromkeys([spec.timestamp, *(column for group in found for _, column in group.keys)])
    order = [
        exp.Ordered(this=tree.column("given", name), desc=False, nulls_first=dialect.ascending_nulls_first)
        for name in columns
    ]
    return exp.Window(this=exp.RowNumber(), order=exp.Order(expressions=order))


def grouped(statement: Statement, group: Group, joined: list[str]) -> Values:
    """The features of one group as columns of common table expressions, which ``joined`` collects."""
    schema = [column.name for column in group.view.schema]
    plain = tuple(name for name in group.features if name in schema)
    windowed = tuple(name for name in group.features if name not in schema)
    read = windows.inputs(statement, group) if windowed else windows.Inputs({}, {}, {})
    columns = [name for a in group.view.aggregations for name in (a.column, a.by) if name] if windowed else []
    rows = statement.binder.rows(group.view, (schema if plain else []) + columns, read.expressions)
    homes: dict[str, str] = {}
    if plain:
        homes |= dict.fromkeys(plain, latest(statement, group, rows, plain))
    if windowed:
        homes |= windows.windowed(statement, group, rows, read, windowed)
    joined.extend(dict.fromkeys(home for home in homes.values() if home))
    kinds = shape.feature_types(statement.binder.repo, group.view)
    return {
        Input(group=group.identity, feature=name): tree.column(home, name)
        if home
        else empty(statement, group, name, kinds[name])
        for name, home in homes.items()
    }


def empty(statement: Statement, group: Group, name: str, kind: types.Type) -> exp.Expr:
    """The value of a window that no visible row can be in: a count of nothing, or NULL."""
    aggregation = shape.windows(group.view)[name][0]
    if aggregation.by or aggregation.function not in COUNTS:
        return statement.dialect.nothing(kind)
    return tree.case(tree.all_of(statement.askable(group)), statement.dialect.cast(exp.Literal.number(0), kind))


def _answer(
    statement: Statement, request: TrainingRequest, wanted: tuple[Output, ...], values: Values, joined: list[str]
) -> exp.Select:
    names, spine = statement.names, statement.spine
    query = tree.select([tree.column(spine, name) for name in request.spine.columns], tree.cte(spine))
    for output in wanted:
        value = _value(statement, output.value, values)
        query.append("expressions", tree.called(value, output.column.name))
    join_by_row(statement, query, joined)
    row = exp.Ordered(
        this=tree.column(spine, names.row), desc=False, nulls_first=statement.dialect.ascending_nulls_first
    )
    query.set("order", exp.Order(expressions=[row]))
    return query


def join_by_row(statement: Statement, query: exp.Select, joined: list[str]) -> None:
    """``query`` in place, with a LEFT JOIN for each table that holds features by row."""
    row = statement.names.row
    for home in joined:
        on: list[exp.Expr] = [exp.EQ(this=tree.column(home, row), expression=tree.column(statement.spine, row))]
        tree.join(query, tree.cte(home), on, side="LEFT")


def _value(statement: Statement, value: Input | Computed, values: Values) -> exp.Expr:
    """The expression of an output; on-demand features are computed from the values of their inputs."""
    if isinstance(value, Input):
        return values[value].copy()
    known = _known(statement, value, values)
    written = statement.binder.parse_expression(value.feature.expression, value.view.address)
    made = written.transform(lambda node: known.get(node.name, node).copy() if isinstance(node, exp.Column) else node)
    return statement.dialect.cast(made, value.feature.type)


def _known(statement: Statement, value: Computed, values: Values) -> Mapping[str, exp.Expr]:
    repo, known = statement.binder.repo, dict[str, exp.Expr]()
    for source in value.view.sources:
        request = repo.source(source)
        view = repo.view(source)
        if request is not None:
            for column in request.columns:
                found: exp.Expr = tree.column(statement.spine, column.name)
                if column.type == types.TIMESTAMP:
                    found = statement.dialect.timestamp(found, column.type, request.timing)
                known[column.name] = found
        elif view is not None:
            item = ServiceItem(view=source, join_key_map=value.item.join_key_map)
            for name in shape.features(view):
                inner = _value(statement, value_of(repo, item, name), values)
                known[name] = exp.Paren(this=inner) if isinstance(view, OnDemandFeatureView) else inner
    return known


def _tables(repo: Repo, spine: SpineSpec, found: tuple[Group, ...], target: str) -> set[str]:
    """Real tables that the query reads by a plain name: no common table expression may hide them."""
    names = set[str]().union(*(shape.physical_tables(repo, group.view, target) for group in found))
    if isinstance(spine.relation, str):
        return names | {spine.relation}
    for name in inputs_of(spine.relation):
        source = repo.source(name)
        names |= {name} if source is None else shape.location_tables(repo, source, target)
    return names


def _user_names(repo: Repo, spine: SpineSpec, found: tuple[Group, ...]) -> set[str]:
    return {*spine.columns, spine.row_id, spine.timestamp}.union(*(names_in(repo, group) for group in found))


def names_in(repo: Repo, group: Group) -> set[str]:
    """Every column name of the user's that may stand beside the builder's own in a query of ``group``."""
    timing = shape.timing_of(repo, group.view)
    names = {*timing.unique, timing.timestamp_field, timing.created_timestamp_column, *group.features}
    names |= {name for a in group.view.aggregations for name in (a.column, a.by)} | {key for key, _ in group.keys}
    return names | set(shape.column_types(repo, group.view))


def _spine_problems(
    repo: Repo, request: TrainingRequest, wanted: tuple[Output, ...], found: tuple[Group, ...], dialect: Dialect
) -> list[Diagnostic]:
    spine = request.spine
    problems, seen = [], {name.lower() for name in spine.columns}
    for output in wanted:
        name, lineage = output.column.name, ", ".join(output.column.lineage)
        if name.lower() in seen:
            message = f"{lineage} would be the second column called {name!r}: give it an alias, or full_feature_names"
            problems.append(support.CLASH.at(NOWHERE, message))
        if dialect.identifier_length is not None and len(name.encode()) > dialect.identifier_length:
            message = f"{name!r} is longer than the {dialect.identifier_length} bytes that {dialect.name} keeps"
            problems.append(support.TOO_LONG.at(NOWHERE, message))
        seen.add(name.lower())
    required = {column: group.view.name for group in found for _, column in group.keys}
    for output in wanted:
        required |= dict.fromkeys(request_columns(repo, output.value), "an on-demand feature")
    required[spine.timestamp] = "the instant of each row"
    for column, why in required.items():
        if column not in spine.columns:
            known = ", ".join(spine.columns)
            problems.append(
                support.NO_SUCH_COLUMN.at(NOWHERE, f"the spine has no column {column!r} for {why}; it has {known}")
            )
    return problems


def request_columns(repo: Repo, value: Input | Computed) -> list[str]:
    """The request fields behind a value: columns that the spine must have."""
    if isinstance(value, Input):
        return []
    found: list[str] = []
    for name in value.view.sources:
        source, view = repo.source(name), repo.view(name)
        if source is not None:
            found += [column.name for column in source.columns]
        elif isinstance(view, OnDemandFeatureView):
            item = ServiceItem(view=name, join_key_map=value.item.join_key_map)
            found += [
                c for feature in shape.features(view) for c in request_columns(repo, value_of(repo, item, feature))
            ]
    return found
