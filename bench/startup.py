"""What ``asof`` costs before it does anything."""

from __future__ import annotations

from statistics import median

from bench.process import asof
from bench.verdict import verdict

RUNS = 9
BUDGET = 0.15


def startup() -> bool:
    """CPU seconds of whole processes; the budget is held against the least. Whether it is met."""
    met = True
    print(f"Start-up: CPU seconds of whole processes, {RUNS} runs")
    for argument in ("--version", "--help"):
        asof(argument)
        seconds = [asof(argument).cpu for _ in range(RUNS)]
        least = min(seconds)
        print(f"  asof {argument:<10} min {least:.3f}  median {median(seconds):.3f}  {verdict(least, BUDGET)}")
        met &= least <= BUDGET
    return met
