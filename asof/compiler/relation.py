"""From definitions to rows: a source, a query or a view becomes a table expression with normalised times.

Each source becomes one common table expression under its own name, in which every timestamp is an
instant in UTC; a view's ``query`` reads those, and ``<view>_rows`` gives the keys, the event time and
the values that the builder works with.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.optimizer.scope import traverse_scope

from asof.compiler import shape, stored, support, tree, types
from asof.compiler.certificate import Witness
from asof.compiler.diagnostics import DiagnosticError
from asof.compiler.dialects.paths import parsed
from asof.compiler.model import DataSource, FeatureView, Repo, Timing
from asof.compiler.query import parse, parse_expression
from asof.compiler.translate import translated

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from asof.compiler.dialects import Dialect
    from asof.compiler.pit.partitions import Days
    from asof.compiler.pit.request import Names


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """A view's rows in a common table expression.

    Columns: the join keys under their names; ``names.event`` and, where the source has one,
    ``names.created``; then the ``unique`` columns, latest values and inputs of aggregations.
    """

    table: str
    keys: tuple[str, ...]
    timing: Timing
    ties: tuple[str, ...]
    """The columns that decide between rows of one event time, before the values themselves."""
    values: tuple[str, ...]
    """The latest values in declared order: they decide what ``ties`` leave open."""
    kinds: Mapping[str, types.Type]
    """Types of the columns, where known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Binder:
    """Turns names of definitions into common table expressions of one statement, each made once."""

    repo: Repo
    target: str
    dialect: Dialect
    names: Names
    ctes: tree.Ctes
    made: dict[str, str]
    """Address -> name of its common table expression."""
    witnesses: dict[str, Witness]
    """Name of a table of rows -> how its rows say when they may be seen, for the certificate."""
    pruned: dict[str, Days] = field(default_factory=dict)
    """Address of a source -> the days that its rows must be of to be seen."""

    def parse_query(self, text: str, address: str) -> exp.Query:
        """A definition's query in the target's dialect, its tables replaced by what they stand for."""
        query = translated(parse(text, self.repo.project.sql_dialect), self.repo, self.dialect, address)
        if not isinstance(query, exp.Query):
            raise TypeError(f"{address} is not a query")
        return self.bind(query)

    def bind(self, query: exp.Query) -> exp.Query:
        """``query`` in place, its names of sources and views replaced by their common table expressions."""
        for scope in traverse_scope(query):
            for table in scope.tables:
                bound = "" if table.db or table.name in scope.cte_sources else self.table(table.name)
                if bound and bound != table.name:
                    table.set("alias", exp.TableAlias(this=tree.identifier(table.alias_or_name)))
                    table.set("this", tree.identifier(bound))
        return query

    def parse_expression(self, text: str, address: str) -> exp.Expr:
        """A definition's scalar expression in the target's dialect."""
        return translated(parse_expression(text, self.repo.project.sql_dialect), self.repo, self.dialect, address)

    def table(self, name: str) -> str:
        """The rows of the source or view of that name, under its own column names; "" if there is none."""
        if source := self.repo.source(name):
            return self.source(source)
        view = self.repo.view(name)
        return self.view(view) if isinstance(view, FeatureView) else ""

    def source(self, source: DataSource) -> str:
        """The rows of a data source: names as views use them, times as instants."""
        source = stored.batch_source(self.repo, source)
        if source.address not in self.made:
            columns = [self._stored(source, *column) for column in stored.stored_columns(source)]
            query = tree.select(columns or [exp.Star()], self.location(source))
            days = self._days(source)
            self.made[source.address] = self._add(
                f"{source.name}_source" if self.ctes.hides(source.name) else source.name,
                self._within(query, self._partition(source), days) if days else query,
                "the rows of the source, times in UTC" + (", of the days that can matter" if days else ""),
            )
        return self.made[source.address]

    def _days(self, source: DataSource) -> list[exp.Expr]:
        """The bounds of the source's partitions, as far as its definition and the engine allow any."""
        days, kind = self.pruned.get(source.address), _partition_type(source)
        if days is None or kind is None or self.dialect.prunes == "nothing":
            return []
        return days.holds(self._partition(source), kind, self.dialect)

    def _partition(self, source: DataSource) -> exp.Expr:
        return self._read(source, source.date_partition_column, _partition_type(source))

    def _within(self, query: exp.Select, partition: exp.Expr, days: list[exp.Expr]) -> exp.Query:
        """``query`` of the partitions within ``days``, and of those that have no date."""
        dateless = exp.Is(this=partition, expression=exp.Null())
        learned = any(day.find(exp.Subquery) for day in days)
        if learned and self.dialect.prunes == "conjunctions":
            others = tree.where(query.copy(), [dateless])
            return exp.Union(this=tree.where(query, days), expression=others, distinct=False)
        return tree.where(query, [exp.Or(this=exp.Paren(this=tree.all_of(days)), expression=dateless)])

    def view(self, view: FeatureView) -> str:
        """What a view reads, under the names that its definition uses."""
        view = shape.upstream(self.repo, view)
        if not view.query:
            return self.source(shape.source_of(self.repo, view))
        if view.address not in self.made:
            query = self.parse_query(view.query, view.address)
            # Read several times, it is computed once where the engine chooses so: that is what none is told here.
            self.made[view.address] = self.ctes.add(view.name, query, "the query of the view")
        return self.made[view.address]

    def rows(self, view: FeatureView, values: Iterable[str], inputs: Mapping[str, exp.Expr]) -> Rows:
        """The rows behind a view: ``values`` are columns as they stand, ``inputs`` expressions over them."""
        timing = shape.timing_of(self.repo, view)
        keys = tuple(key.name for key in shape.join_keys(self.repo, view))
        kinds = shape.column_types(self.repo, view)
        read = self.view(view)
        event = self.time(view, timing.timestamp_field, kinds)
        selected = {key: self._value(key, None, kinds.get(key)) for key in keys} | {
            self.names.event: self.dialect.certain(self.dialect.tick(event.copy()))
        }
        if timing.created_timestamp_column:
            selected[self.names.created] = self.dialect.tick(self.time(view, timing.created_timestamp_column, kinds))
        if timing.valid_to:
            selected[self.names.ends] = self.dialect.tick(self.time(view, timing.valid_to, kinds))
        declared = {c.name: c.type for c in view.schema}
        for name in (*timing.unique, *values):
            if name not in selected:
                selected[name] = self._value(name, declared.get(name), kinds.get(name))
        inputs = {name: self._typed(value, view) for name, value in inputs.items()}
        query = tree.select(
            [tree.called(value, name) for name, value in selected.items()]
            + [tree.named(value, name) for name, value in inputs.items()],
            tree.cte(read),
        )
        tree.where(query, [tree.present(tree.column("", key)) for key in keys] + [tree.present(event.copy())])
        table = self._add(f"{view.name}_rows", query, "what each row says, and when it happened")
        ties = ((self.names.created,) if timing.created_timestamp_column else ()) + timing.unique
        self.witnesses[table] = Witness(
            event=self.names.event,
            field=timing.timestamp_field,
            delay=timing.delay.microseconds,
            created=self.names.created if timing.visibility == "created" else "",
        )
        return Rows(
            table=table,
            keys=keys,
            timing=timing,
            ties=ties,
            values=tuple(declared),
            kinds={**kinds, **declared},
        )

    def _value(self, name: str, declared: types.Type | None, known: types.Type | None) -> exp.Expr:
        value: exp.Expr = tree.column("", name)
        if declared is not None and declared != known:
            value = self.dialect.cast(value, declared)
        return self.dialect.compared(value, declared or known)

    def _typed(self, value: exp.Expr, view: FeatureView) -> exp.Expr:
        """``value`` with columns that a query computes cast to the types that its analysis tells."""
        known = shape.computed_types(self.repo, view)

        def cast(node: exp.Expr) -> exp.Expr:
            kind = known.get(node.name) if isinstance(node, exp.Column) and not node.table else None
            return self.dialect.cast(node, kind) if kind in types.INTEGERS | types.FLOATS else node

        return value.transform(cast) if known else value

    def time(self, view: FeatureView, name: str, kinds: Mapping[str, types.Type]) -> exp.Expr:
        """A time of what the view reads as an instant; those of sources with declared columns are so already."""
        base = shape.upstream(self.repo, view)
        value = tree.column("", name)
        if not base.query and shape.source_of(self.repo, base).columns:
            return value
        return self.dialect.timestamp(value, kinds.get(name), shape.timing_of(self.repo, view))

    def _stored(self, source: DataSource, column: str, name: str, kind: types.Type | None) -> exp.Expr:
        value = self._read(source, column, kind)
        timing = source.timing
        if name in stored.times_of(source):
            value = self.dialect.timestamp(value, kind, timing)
        elif kind == types.TIMESTAMP:
            value = self.dialect.timestamp(value, kind, Timing(timezone=timing.timezone))
        return tree.called(value, name)

    def _read(self, source: DataSource, column: str, kind: types.Type | None) -> exp.Expr:
        """A stored column as a value of its type, wherever the engine has it from."""
        value = tree.column("", column)
        path = source.location_in(self.target).path
        if not path or kind is None:
            return value
        if column in parsed(path).columns:
            return self.dialect.from_folder(value, kind)
        return self.dialect.from_file(value, kind, parsed(path), naive=bool(source.timing.timezone))

    def location(self, source: DataSource) -> exp.Expr:
        """What stands in FROM for a source. Raises DiagnosticError (AS503, AS508)."""
        location = source.location_in(self.target)
        if location.query:
            query = parse(location.query, self.repo.project.sql_dialect)
            return tree.derived(translated(query, self.repo, self.dialect, source.address), source.name)  # type: ignore[arg-type]
        if location.path and self.dialect.reads_files and not self.dialect.unread(parsed(location.path)):
            columns = {c.name: c.type for c in source.columns}
            return self.dialect.scan(parsed(location.path), columns, naive=bool(source.timing.timezone))
        if location.table:
            return tree.table(location.table)
        raise DiagnosticError(support.unreadable(self.repo, source, location, self.dialect))

    def _add(self, name: str, query: exp.Query, comment: str) -> str:
        return self.ctes.add(name, query, comment, materialized=self.dialect.materialize_rows)


def _partition_type(source: DataSource) -> types.Type | None:
    return next((c.type for c in source.columns if c.name == source.date_partition_column), None)
