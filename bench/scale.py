"""What validating, planning and applying cost as a repo grows: whole processes, each on its own."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from asof.ops.keeping import FOLDER
from bench.process import Cost, asof, best
from bench.synthetic import change_one_line, write_repo
from bench.verdict import verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SIZES = (100, 1_000)
"""What ``make bench`` looks at; ``make bench-registry`` goes on to 10,000 and 50,000."""

SMALL = 1_000
"""Up to here the best of three runs counts; what takes a minute is run once."""

BUDGETS = {1_000: (2.0, 0.5), 10_000: (15.0, 2.0)}
"""Views -> seconds to validate and plan cold, and to plan with nothing changed and the plan kept."""

MEMORY_MB = {10_000: 1_024.0}
APPLY_TO_PLAN = 2.0
GROWTH = 1.5
"""How much more than its share a repo may cost that is larger: the work is to be linear."""

COLD, KEPT, AGAIN = "plan, cold", "plan, nothing changed, kept", "plan, nothing changed, cold"
ONE_WARM, ONE_COLD = "plan, one line changed", "plan, one line changed, cold"
FIRST, NEXT = "first apply", "apply of one change"
VERBS = ("validate, cold", COLD, FIRST, AGAIN, KEPT, ONE_WARM, ONE_COLD, NEXT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One size: the cost of each of ``VERBS``, and MB of the first generation, of a plan file and of what is kept."""

    size: int
    costs: dict[str, Cost]
    generation_mb: float
    plan_mb: float
    kept_mb: float


def scale(sizes: Sequence[int] = SIZES) -> bool:
    """Print seconds and memory of each verb at each size, their growth and the budgets; whether all are met."""
    idle = best(5, "--version")
    print(f"Scale: whole processes, the best of three up to {SMALL:,} views, then one run; kept plans and definitions")
    print("  are deleted before what is called cold. Budgets are held against CPU seconds: the machine may be shared.")
    measured = [measure(size) for size in sizes]
    met = [*(_budgets(one) for one in measured), *_growth(measured, idle)]
    return all(met)


def measure(size: int) -> Measured:
    """Run every verb on a repo of ``size`` views and print what each costs. What comes next goes to stderr."""
    with TemporaryDirectory(prefix="asof-bench-") as folder:
        root = Path(folder)
        _say(size, "write the repo")
        write_repo(root, size)
        print(f"  {size:>6,} views{'':<19} wall     CPU      peak")
        costs = {}
        for verb, cost in _costs(root, size):
            costs[verb] = cost
            print(f"    {verb:<28}{cost.wall:>6.2f} s {cost.cpu:>6.2f} s {cost.peak_mb:>6.0f} MB", flush=True)
        asof("plan", "--out", str(root / "plan.json"), "-C", folder)
        generations = sorted((root / ".asof/registry/generations").iterdir(), key=lambda path: path.stat().st_mtime)
        made = Measured(
            size=size,
            costs=costs,
            generation_mb=_mb(generations[0]),
            plan_mb=_mb(root / "first.json"),
            kept_mb=sum(_mb(path) for path in (root / FOLDER).rglob("*") if path.is_file()),
        )
        print(
            f"    generation {made.generation_mb:.1f} MB, plan file {made.plan_mb:.1f} MB, "
            f"all that is kept {made.kept_mb:.1f} MB"
        )
        return made


def _costs(root: Path, size: int) -> Iterator[tuple[str, Cost]]:
    runs, folder = 3 if size <= SMALL else 1, str(root)

    def run(verb: str, *arguments: str, cold: bool = True, runs: int = runs) -> tuple[str, Cost]:
        _say(size, verb)
        costs = []
        for _ in range(runs):
            if cold:
                rmtree(root / FOLDER, ignore_errors=True)
            costs.append(asof(*arguments, "-C", folder))
        return verb, min(costs, key=lambda cost: cost.cpu)

    yield run(VERBS[0], "validate")
    yield run(COLD, "plan", "--out", str(root / "first.json"))
    yield run(FIRST, "apply", "--yes", runs=1)
    yield run(AGAIN, "plan")
    yield run(KEPT, "plan", cold=False)
    change_one_line(root)
    yield run(ONE_WARM, "plan", cold=False, runs=1)
    yield run(ONE_COLD, "plan")
    yield run(NEXT, "apply", "--yes", cold=False, runs=1)


def _budgets(one: Measured) -> bool:
    met = True
    if one.size in BUDGETS:
        for verb, seconds in zip((COLD, KEPT), BUDGETS[one.size], strict=True):
            met &= _held(f"{one.size:,} views: {verb}, CPU seconds", one.costs[verb].cpu, seconds)
    if one.size in MEMORY_MB:
        peak = max(cost.peak_mb for cost in one.costs.values())
        met &= _held(f"{one.size:,} views: greatest peak, MB", peak, MEMORY_MB[one.size])
        ratio = one.costs[FIRST].cpu / one.costs[COLD].cpu
        met &= _held(f"{one.size:,} views: first apply (plans as well) to plan, CPU", ratio, APPLY_TO_PLAN)
    return met


def _growth(measured: Sequence[Measured], idle: Cost) -> Iterator[bool]:
    """Between neighbours, of CPU seconds beyond start-up: 1 is linear."""
    for small, large in pairwise(measured):
        share = large.size / small.size
        for verb in VERBS:
            spent = [max(one.costs[verb].cpu - idle.cpu, 0.01) for one in (small, large)]
            growth = spent[1] / spent[0] / share
            yield _held(f"{small.size:,} -> {large.size:,} views: {verb}, growth by linear growth", growth, GROWTH)


def _held(what: str, measured: float, budget: float) -> bool:
    print(f"  {what}: {measured:.2f}  {verdict(measured, budget)}")
    return measured <= budget


def _mb(path: Path) -> float:
    return path.stat().st_size / 1e6


def _say(size: int, verb: str) -> None:
    print(f"{size:,} views: {verb}", file=sys.stderr, flush=True)
