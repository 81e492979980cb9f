"""Databricks SQL: Spark's words, limits and answers."""

from __future__ import annotations

from asof.compiler.dialects.spark import Spark


class Databricks(Spark):
    """As Spark; a SQL warehouse is in ANSI mode anyway, and has a session time zone under another name."""

    name = "databricks"
    prologue = ("SET TIME ZONE 'UTC'",)
