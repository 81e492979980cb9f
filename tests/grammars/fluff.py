"""sqlfluff's grammars. It never stops at a mistake: what it cannot read stands in the tree as ``unparsable``."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from sqlfluff.core import FluffConfig, Linter

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = {
    **{name: name for name in ("duckdb", "sqlite", "postgres", "redshift", "bigquery", "snowflake", "databricks")},
    **{name: name for name in ("trino", "athena", "tsql", "clickhouse")},
    "spark": "sparksql",
}
"""Our dialect -> sqlfluff's."""


@cache
def _linter(name: str) -> Linter:
    return Linter(config=FluffConfig(overrides={"dialect": name}, ignore_local_config=True))


def grammar(name: str) -> Callable[[str], list[str]]:
    """The judge of one of its dialects."""

    def complaints(sql: str) -> list[str]:
        made = _linter(name).parse_string(sql)
        said = [f"line {found.line_no}: {found.desc()}" for found in made.violations]
        trees = [variant.tree for variant in made.parsed_variants]
        said += [
            f"unparsable: {part.raw[:200]}" for tree in trees if tree for part in tree.recursive_crawl("unparsable")
        ]
        return said if trees and all(trees) else [*said, "not read at all"]

    return complaints
