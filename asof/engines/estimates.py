"""What an engine can say of how much there is to read, without reading it: a small port beside the engine's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from asof.compiler.model import Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Rows, bytes as stored, and partitions (files, child tables); None is what nobody knows. ``by`` says who told."""

    by: str
    rows: int | None = None
    bytes: int | None = None
    partitions: int | None = None


@runtime_checkable
class Estimates(Protocol):
    """An engine that keeps statistics or makes a dry run."""

    def estimate(self, location: Location) -> Estimate:
        """How much ``location`` holds, whose query is in the engine's own dialect. Raises DiagnosticError (AS724)."""
