"""Athena: Trino's engine behind shorter statements."""

from __future__ import annotations

from asof.compiler.dialects.trino import Trino


class Athena(Trino):
    """As Trino; a statement has 256 KB at most, and there are no temporary tables to split it with."""

    name = "athena"
    max_statement_bytes = 262_144
