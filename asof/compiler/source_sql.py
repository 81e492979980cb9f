"""Statements that look at a source as it is stored, to compare it with what is declared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from asof.compiler import tree
from asof.compiler.dialects import DIALECTS
from asof.compiler.dialects.paths import parsed
from asof.compiler.pit.request import Names
from asof.compiler.relation import Binder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asof.compiler.model import DataSource, Repo
    from asof.compiler.types import Type


def readable(repo: Repo, source: DataSource, target: str, dialect: str) -> str:
    """What stands in FROM for the source as it is stored. Raises DiagnosticError where the engine cannot read it."""
    spoken = DIALECTS[dialect]
    ctes = tree.Ctes(spoken.identifier_length)
    binder = Binder(repo=repo, target=target, dialect=spoken, names=Names(), ctes=ctes, made={}, witnesses={})
    return binder.location(source).sql(dialect=dialect)


def first_rows(path: str, columns: Mapping[str, Type], source: DataSource, count: int) -> str:
    """DuckDB's statement that reads ``columns`` of the first rows of one file, as the source's are read."""
    dialect, file, naive = DIALECTS["duckdb"], parsed(path), bool(source.timing.timezone)
    rows = tree.select([exp.Star(), tree.column("", "filename")], dialect.scan(file, columns, naive=naive)).limit(count)
    values = [
        exp.Count(this=dialect.from_file(tree.column("", name), kind, file, naive=naive))
        for name, kind in columns.items()
    ]
    return tree.select(values, tree.derived(rows, "rows")).sql(dialect=dialect.name)
