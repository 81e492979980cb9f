"""Feast itself, in an environment of its own: what its registries really hold, and what it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.engines.environment import environment

if TYPE_CHECKING:
    from pathlib import Path

PACKAGES = ("feast[duckdb]==0.67.0", "psycopg[binary,pool]")


def feast_python() -> Path:
    """The Python that can import Feast."""
    return environment("feast", PACKAGES)
