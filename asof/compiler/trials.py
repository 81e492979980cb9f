"""What could tell two versions of SQL apart: the tables that they read, and both of them as DuckDB runs them.

Nothing is run here. A version whose meaning DuckDB does not share is not tried, and why is said.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.optimizer.scope import traverse_scope

from asof.compiler import shape, stored, tree, types
from asof.compiler.classify import ChangeClass
from asof.compiler.diagnostics import DiagnosticError
from asof.compiler.dialects import DIALECTS
from asof.compiler.model import DataSource, FeatureView, OnDemandFeatureView
from asof.compiler.query import SqlSyntaxError, parse, parse_expression
from asof.compiler.query.catalog import Catalog
from asof.compiler.query.functions import clocks, volatiles
from asof.compiler.translate import translated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from asof.compiler.classify import Reason
    from asof.compiler.model import Repo
    from asof.compiler.plan import Plan
    from asof.compiler.types import Type

_DUCKDB = DIALECTS["duckdb"]
_CONSTANTS = 12
OUT_OF_TIME = "the time for examples was up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """Two versions of one piece of SQL, in DuckDB's dialect, over ``tables``: name -> column -> type.

    ``numbers`` and ``texts`` are the constants that stand in either of them.
    """

    tables: Mapping[str, Mapping[str, Type]]
    old: str
    new: str
    numbers: tuple[float, ...] = ()
    texts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A changed piece of SQL. ``versions`` is None where it cannot be tried, and ``why`` says so."""

    address: str
    pointer: str
    versions: Versions | None = None
    why: str = ""


class _UntriedError(Exception):
    """The message says why."""


def trials(made: Plan, repo: Repo, before: Repo, *, over: Callable[[], bool] = lambda: False) -> Iterator[Trial]:
    """Every piece of SQL that ``made`` changes without a proof that values stay, ``repo`` being what is planned.

    Each is translated when its turn comes; none is from when ``over`` says that the time is up.
    """
    moves = {c.previous.partition("/")[2]: c.address.partition("/")[2] for c in made.changes if c.previous}
    bench = _Bench(repo, before, moves)
    for change in made.changes:
        for reason in change.reasons:
            if not reason.edits or reason.change_class is not ChangeClass.VALUE_CHANGE:
                continue
            if over():
                yield Trial(address=change.address, pointer=reason.pointer, why=OUT_OF_TIME)
            else:
                yield bench.trial(change.address, reason)


class _Bench:
    """The tables of the repo before and after: a column that only one side knows is there for both."""

    def __init__(self, repo: Repo, before: Repo, moves: Mapping[str, str]) -> None:
        self.repo = repo
        self.moves = moves
        self.catalogs = (Catalog(before), Catalog(repo))

    def trial(self, address: str, reason: Reason) -> Trial:
        definition = self.repo.definitions[address]
        try:
            if reason.pointer.endswith("/query"):
                known = _of_store(definition) if isinstance(definition, DataSource) else None
                versions = self.queries(address, reason.old, reason.new, known)
            elif isinstance(definition, FeatureView):
                columns = dict(shape.column_types(self.repo, definition))
                versions = self.expressions(address, reason, columns, "counted")
            elif isinstance(definition, OnDemandFeatureView):
                place = int(reason.pointer.split("/")[2])
                name = definition.features[place].name
                versions = self.expressions(address, reason, self.inputs(definition), name)
            else:
                raise _UntriedError("it stands alone")
        except (_UntriedError, DiagnosticError, SqlSyntaxError, KeyError) as error:
            said = error.diagnostics[0].message if isinstance(error, DiagnosticError) else str(error)
            return Trial(address=address, pointer=reason.pointer, why=said)
        return Trial(address=address, pointer=reason.pointer, versions=versions)

    def queries(self, address: str, old: str, new: str, stored_as: Mapping[str, Type] | None) -> Versions:
        parsed = [parse(text, self.repo.project.sql_dialect) for text in (old, new)]
        for written in parsed:
            self.refuse_chance(written)
        moved = [translated(query, self.repo, _DUCKDB, address) for query in parsed]
        names: dict[str, str] = {}
        for query, renamed in zip(moved, (self.moves, {}), strict=True):
            _call_flatly(query, names, renamed)
        used = {node.name.lower() for query in moved for node in query.find_all(exp.Identifier)}
        everything = any(query.find(exp.Star) for query in moved)
        tables = {}
        for called, flat in names.items():
            known = stored_as if stored_as is not None else self.columns(called)
            kept = {name: kind for name, kind in known.items() if everything or name.lower() in used}
            tables[flat] = kept or dict(list(known.items())[:1])
        texts = [query.sql(dialect="duckdb", comments=False) for query in moved]
        return Versions(tables=tables, old=texts[0], new=texts[1], numbers=_numbers(parsed), texts=_texts(parsed))

    def expressions(self, address: str, reason: Reason, columns: Mapping[str, Type], name: str) -> Versions:
        parsed = [parse_expression(text or "TRUE", self.repo.project.sql_dialect) for text in (reason.old, reason.new)]
        for written in parsed:
            self.refuse_chance(written)
        moved = [translated(expression, self.repo, _DUCKDB, address) for expression in parsed]
        lowered = {column.lower(): column for column in columns}
        used: dict[str, Type] = {}
        for expression in moved:
            for column in expression.find_all(exp.Column):
                found = lowered.get(column.name.lower())
                if found is None:
                    raise _UntriedError(f"the type of {column.name} is not declared")
                used[found] = columns[found]
                column.set("table", None)
        if not used:
            raise _UntriedError("it reads no column")
        table = address.partition("/")[2]
        texts = []
        for expression in moved:
            truth = exp.Coalesce(this=exp.Paren(this=expression), expressions=[exp.false()])
            value = truth if reason.pointer.endswith("/where") else expression
            items = [*(tree.column("", column) for column in used), tree.named(value, _free(name, used))]
            texts.append(tree.select(items, tree.table(table)).sql(dialect="duckdb", comments=False))
        return Versions(
            tables={table: used}, old=texts[0], new=texts[1], numbers=_numbers(parsed), texts=_texts(parsed)
        )

    def refuse_chance(self, part: exp.Expr) -> None:
        dialect = self.repo.project.sql_dialect
        for node in (*clocks(part, dialect), *volatiles(part)):
            raise _UntriedError(f"{node.sql(dialect)} is not the same each time")

    def columns(self, name: str) -> Mapping[str, Type]:
        """The columns of a source or view with their types, as far as either side declares them."""
        found: dict[str, Type] = {}
        refusal = ""
        for catalog in self.catalogs:
            table = catalog.table(catalog.fold(name))
            if table is not None:
                found |= {column: kind for column, kind in (table.columns or {}).items() if kind is not None}
                refusal = refusal or table.refusal
        if not found:
            raise _UntriedError(refusal or f"{name} declares no columns with types")
        return found

    def inputs(self, view: OnDemandFeatureView) -> Mapping[str, Type]:
        """What the expressions of an on-demand view may name."""
        found: dict[str, Type] = {}
        for name in view.sources:
            source, read = self.repo.source(name), self.repo.view(name)
            if source is not None:
                found |= {column.name: column.type for column in source.columns}
            elif read is not None:
                found |= shape.feature_types(self.repo, read)
        return found


def _free(name: str, taken: Mapping[str, Type]) -> str:
    return name if name not in taken else f"{name}_here"


def _of_store(source: DataSource) -> Mapping[str, Type]:
    """What a source's own query may read, for want of more: columns of the names and types that it yields."""
    if not source.columns:
        raise _UntriedError(f"{source.name} declares no columns")
    return {column: kind or types.TIMESTAMP for column, _, kind in stored.stored_columns(source)}


def _call_flatly(query: exp.Expr, names: dict[str, str], renamed: Mapping[str, str]) -> None:
    """Tables by plain names in place of those of a store, and moved ones by their new names.

    ``names`` is written name -> plain one.
    """
    for scope in traverse_scope(query):
        for table in scope.tables:
            if not isinstance(table.this, exp.Identifier):
                raise _UntriedError(f"{table.sql('duckdb')} is not a table")
            if not table.db and table.name in scope.cte_sources:
                continue
            written = ".".join(part.name for part in table.parts)
            written = renamed.get(written, written)
            flat = names.setdefault(written, written if written not in names.values() else f"{written}_{len(names)}")
            table.set("alias", exp.TableAlias(this=tree.identifier(table.alias_or_name)))
            table.set("this", tree.identifier(flat))
            table.set("db", None)
            table.set("catalog", None)


def _numbers(parsed: Sequence[exp.Expr]) -> tuple[float, ...]:
    signed = (
        -float(literal.name) if isinstance(literal.parent, exp.Neg) else float(literal.name)
        for literal in _literals(parsed)
        if not literal.is_string
    )
    return tuple(dict.fromkeys(n for n in signed if math.isfinite(n)))[:_CONSTANTS]


def _texts(parsed: Sequence[exp.Expr]) -> tuple[str, ...]:
    found = (literal.name for literal in _literals(parsed) if literal.is_string)
    return tuple(dict.fromkeys(found))[:_CONSTANTS]


def _literals(parsed: Sequence[exp.Expr]) -> Iterator[exp.Literal]:
    for part in parsed:
        for literal in part.find_all(exp.Literal):
            if literal.find_ancestor(exp.Interval, exp.DataType, exp.Limit, exp.Offset) is None:
                yield literal
