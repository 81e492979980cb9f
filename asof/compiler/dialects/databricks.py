"""Databricks SQL: Spark's words, limits and answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from asof.compiler.dialects.spark import Spark, places
from asof.compiler.tree import identifier

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asof.compiler import types
    from asof.compiler.dialects.base import LatestStrategy
    from asof.compiler.dialects.paths import Path


class Databricks(Spark):
    """As Spark; a SQL warehouse is in ANSI mode anyway, and has a session time zone under another name."""

    name = "databricks"
    prologue: tuple[str, ...] = ("SET TIME ZONE 'UTC'",)
    strategies: tuple[LatestStrategy, ...] = ("timeline", "frame", "pairs")
    nodes = Spark.nodes | {exp.Kwarg}
    builtins = Spark.builtins | {"READ_FILES"}

    def scan(self, path: Path, columns: Mapping[str, types.Type], *, naive: bool = False) -> exp.Table:
        """A warehouse takes no setting for the types of columns that folders name, but hints."""
        where, options = places(path)
        made = {name: self.data_type(columns[name]) for name in path.columns if name in columns}
        hints = {name: kind.sql(dialect=self.name) for name, kind in made.items() if kind is not None}
        if hints:
            options["partitionColumns"] = ", ".join(hints)
            options["schemaHints"] = ", ".join(
                f"{identifier(name).sql(dialect=self.name)} {kind}" for name, kind in hints.items()
            )
        given = {"format": "parquet", **options}
        arguments: list[exp.Expr] = [exp.Literal.string(where)]
        arguments += [exp.Kwarg(this=identifier(n), expression=exp.Literal.string(v)) for n, v in given.items()]
        return exp.Table(this=exp.Anonymous(this="READ_FILES", expressions=arguments))

    def from_folder(self, value: exp.Expr, kind: types.Type) -> exp.Expr:
        return value
