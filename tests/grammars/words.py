"""What the grammars let pass though the engine does not know it: words looked for outside of quotes and comments.

sqlfluff builds most dialects on ANSI and is wider than the engine in places; each word here was accepted by
a grammar and stands in ``refused.py`` too, so that the judges together refuse it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

QUOTED = re.compile(
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[(?:[^\]]|\]\])*\]|/\*.*?\*/|--[^\n]*""", re.DOTALL
)
ASOF = r"\bASOF\b"
TOP = r"\bSELECT\s+TOP\b"
LATERAL = r"\bLATERAL\b"
COLONS = r"::"
MATERIALIZED = r"\bMATERIALIZED\b"
FOREIGN: dict[str, tuple[str, ...]] = {
    "duckdb": (TOP,),
    "sqlite": (ASOF, TOP, LATERAL, COLONS),
    "postgres": (ASOF, TOP),
    "redshift": (ASOF, MATERIALIZED),
    "bigquery": (ASOF, LATERAL, COLONS),
    "databricks": (ASOF,),
    "trino": (ASOF, COLONS),
    "athena": (ASOF, COLONS),
    "tsql": (ASOF, COLONS, LATERAL, r"\bFILTER\s*\(", r"\bINTERVAL\b", r"\bFINAL\b", r"\bLIMIT\b"),
    "clickhouse": (LATERAL, MATERIALIZED),
}


def judge(dialect: str) -> Callable[[str], list[str]]:
    """Which words of other dialects a statement holds."""
    patterns = FOREIGN.get(dialect, ())

    def complaints(sql: str) -> list[str]:
        bare = QUOTED.sub('""', sql)
        return [f"{pattern} is of another dialect" for pattern in patterns if re.search(pattern, bare)]

    return complaints
