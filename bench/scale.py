"""What validating, planning and applying cost as a repo grows."""

from __future__ import annotations

from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory

from asof.ops.keeping import FOLDER
from bench.process import Cost, asof, best
from bench.synthetic import write_repo
from bench.verdict import verdict

SIZES = (100, 1_000)
RUNS = 3
COLD_SECONDS = 2.0
UNCHANGED_SECONDS = 0.5


def scale() -> None:
    """Seconds and memory of each verb at each size, how they grow beyond start-up, and the budgets."""
    idle = best(5, "--version")
    print(f"Scale: whole processes, best of {RUNS} (apply: one run); growth is of CPU seconds beyond start-up")
    small, large = (_measure(size) for size in SIZES)
    print(f"  {'':<22}" + "".join(f"{size:>8,} views: wall    CPU  peak" for size in SIZES) + "   growth")
    for verb, at_large in large.items():
        at_small = small[verb]
        growth = (at_large.cpu - idle.cpu) / (at_small.cpu - idle.cpu)
        print(f"  {verb:<22}{_row(at_small)}{_row(at_large)}{growth:>8.1f}x")
    cold = large["plan, empty registry"].wall
    unchanged = large["plan, kept"].wall
    size = f"{SIZES[-1]:,} views"
    print(f"  validate and plan {size} in one `asof plan`, cold: {cold:.2f} s  {verdict(cold, COLD_SECONDS)}")
    print(f"  plan {size}, nothing changed, plan kept: {unchanged:.2f} s  {verdict(unchanged, UNCHANGED_SECONDS)}")


def _measure(size: int) -> dict[str, Cost]:
    with TemporaryDirectory(prefix="asof-bench-") as folder:
        write_repo(Path(folder), size)
        return {
            "validate": best(RUNS, "validate", "-C", folder),
            "plan, empty registry": _cold_plan(folder),
            "apply --yes": asof("apply", "--yes", "-C", folder),
            "plan, nothing changed": _cold_plan(folder),
            "plan, kept": best(RUNS, "plan", "-C", folder),
        }


def _cold_plan(folder: str) -> Cost:
    """The best of some plans, none of which finds a plan kept by another."""
    costs = []
    for _ in range(RUNS):
        rmtree(Path(folder) / FOLDER, ignore_errors=True)
        costs.append(asof("plan", "-C", folder))
    return min(costs, key=lambda cost: cost.cpu)


def _row(cost: Cost) -> str:
    return f"{cost.wall:>17.2f} s {cost.cpu:>5.2f} s {cost.peak_mb:>3.0f} M"
