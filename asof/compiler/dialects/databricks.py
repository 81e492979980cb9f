"""Databricks SQL: Spark's words, limits and answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asof.compiler.dialects.spark import Spark

if TYPE_CHECKING:
    from asof.compiler.dialects.base import LatestStrategy


class Databricks(Spark):
    """As Spark; a SQL warehouse is in ANSI mode anyway, and has a session time zone under another name."""

    name = "databricks"
    prologue: tuple[str, ...] = ("SET TIME ZONE 'UTC'",)
    strategies: tuple[LatestStrategy, ...] = ("timeline", "frame", "pairs")
