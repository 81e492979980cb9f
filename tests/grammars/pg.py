"""PostgreSQL's own grammar, by pglast."""

from __future__ import annotations

import re

import pglast

NAMED = re.compile(r"%\((?:[^()]|\(\))*\)s")


def complaints(sql: str) -> list[str]:
    """A parameter of the driver's (``%(name)s``) is read as PostgreSQL's own."""
    try:
        pglast.parse_sql(NAMED.sub("$1", sql))
    except pglast.parser.ParseError as error:
        return [str(error)]
    return []
