"""How a measurement stands to its budget."""

from __future__ import annotations


def verdict(measured: float, budget: float) -> str:
    """``met`` or ``NOT met``, with the budget."""
    return f"{'met' if measured <= budget else 'NOT met'} (budget {budget:g})"
