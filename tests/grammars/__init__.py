"""Grammars that are not sqlglot's: what sqlglot writes and reads back proves nothing.

``grammars(dialect)`` are all that judge a dialect's statements; each says what it complains of, nothing if it accepts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.grammars import fluff, pg, trino, words
from tests.grammars.gaps import filled

if TYPE_CHECKING:
    from collections.abc import Callable

GRAMMARS: dict[str, dict[str, Callable[[str], list[str]]]] = {
    **{dialect: {"sqlfluff": fluff.grammar(name)} for dialect, name in fluff.NAMES.items()},
}
"""Dialect -> the grammars that judge it, by name."""
GRAMMARS["postgres"]["pglast"] = pg.complaints
GRAMMARS["trino"]["dt-sql-parser"] = trino.complaints
GRAMMARS["athena"]["dt-sql-parser"] = trino.complaints


def complaints(dialect: str, sql: str) -> dict[str, list[str]]:
    """Grammar -> what it complains of, of those that refuse the statement, past their known gaps."""
    found = {name: judge(filled(name, dialect, sql)) for name, judge in GRAMMARS[dialect].items()}
    found["words"] = words.judge(dialect)(sql)
    return {name: said for name, said in found.items() if said}
