"""``python -m bench.sql``: compiled statements against the best hand-written ones; exit 1 past a goal."""

from __future__ import annotations

import argparse
import math
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from bench.sql.by_hand import by_hand
from bench.sql.data import write
from bench.sql.engines import Stopped, engines
from bench.sql.work import GROWTH, LARGEST, WORK, compiled
from bench.verdict import verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.sql.engines import Engine
    from bench.sql.work import Work

GOALS = {"spark": 1.5}
GOAL = 1.3
MEMORY_MB = 4_096
RUNS = 3
HOPELESS = 3
"""Times the quickest: what takes longer than that is measured once."""
WARMING_UP = 30.0
"""Seconds that even the quickest may take when it runs for the first time."""
OURS = "asof's"
BY_PAIRS = "asof's, by pairs"
PAIRS = {"latest": "pairs", "windows": "pairs"}
"""What a target may say where no key has many rows and many questions."""


def seconds(engine: Engine, sql: str) -> float:
    began = perf_counter()
    engine.spend(sql)
    return perf_counter() - began


def least(engine: Engine, queries: dict[str, str], runs: int = RUNS) -> dict[str, float]:
    """Name -> seconds by the clock, the least of ``runs``; they take turns, so that all suffer the same noise.

    What does not end within the limit, or in the memory there is, is said and takes forever. It is not run again, nor
    is what took many times as long as another.
    """
    found: dict[str, list[float]] = {name: [] for name in queries}
    for _ in range(runs):
        quickest = min((min(times) for times in found.values() if times), default=math.inf)
        for name, sql in queries.items():
            so_far = min(found[name], default=0.0)
            if so_far == math.inf or so_far > max(HOPELESS * quickest, WARMING_UP):
                continue
            try:
                found[name].append(seconds(engine, sql))
            except Stopped as why:
                found[name] = [math.inf]
                print(f"{engine.label:18}  {name} does not end: {why}", flush=True)
    return {name: min(times) for name, times in found.items()}


def ours(engine: Engine, work: Work, options: Mapping[str, str] | None = None) -> str:
    prologue, sql = compiled(work, engine.dialect, engine.options if options is None else options)
    for statement in prologue:
        engine.set(statement)
    return sql


def ratio(engine: Engine, work: Work) -> bool:
    """Print how our statements stand to the best by hand, rows compared; whether what is the default meets the goal."""
    hands = by_hand(work, engine.label)
    made = {OURS: ours(engine, work), BY_PAIRS: ours(engine, work, PAIRS)}
    times = least(engine, {**made, **hands})
    best = min(hands, key=lambda name: times[name])
    goal = GOALS.get(engine.dialect, GOAL)
    if math.inf in (times[OURS], times[best]):
        took = " ".join(f"{name} {time:.2f} s;" for name, time in times.items())
        print(f"{engine.label:18}  {work.name:42}  not compared: {took}", flush=True)
        return times[OURS] < math.inf
    answer = engine.rows(hands[next(name for name in hands if times[name] < math.inf)])
    good = True
    for name, sql in made.items():
        if times[name] == math.inf:
            continue
        equal = engine.rows(sql) == answer
        found = times[name] / times[best]
        print(
            f"{engine.label:18}  {work.name:42}  {name:17} {times[name]:7.2f} s to {times[best]:7.2f} s by hand"
            f" ({best})  ratio {found:5.2f} {verdict(found, goal)}, {'rows equal' if equal else 'ROWS DIFFER'}",
            flush=True,
        )
        good &= equal and (found <= goal or name != OURS)
    return good


def growth(engine: Engine, divisor: int, folder: Path) -> None:
    """Print the time for each question as the questions grow tenfold over the same events."""
    line = []
    for work in GROWTH:
        work = work.smaller(divisor)
        engine.load(write(work, folder))
        took = least(engine, {OURS: ours(engine, work)})[OURS]
        line.append(f"{work.spine:,} questions {took:.2f} s, {took / work.spine * 1e6:.1f} us each")
    print(f"{engine.label:18}  {GROWTH[0].name.split(',')[0]}: {'; '.join(line)}", flush=True)


def memory(divisor: int) -> bool:
    """Print the peak of a process that does nothing but load the largest case into DuckDB and answer it."""
    command = [sys.executable, "-m", "bench.sql", "--only-largest", "--divide", str(divisor)]
    peak = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])
    print(f"{'duckdb':18}  {LARGEST.name:42}  peak of the process {peak:,.0f} MB {verdict(peak, MEMORY_MB)}")
    return peak <= MEMORY_MB


def largest(divisor: int) -> None:
    with engines()["duckdb"] as engine, tempfile.TemporaryDirectory(prefix="bench") as folder:
        work = LARGEST.smaller(divisor)
        engine.load(write(work, Path(folder)))
        engine.spend(ours(engine, work))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.sql", description=__doc__)
    parser.add_argument("engines", nargs="*", metavar="ENGINE", help=f"of {', '.join(engines())}; all by default")
    parser.add_argument("--divide", type=int, default=1, metavar="N", help="rows and questions by N, for a quick look")
    parser.add_argument("--only-largest", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.only_largest:
        largest(given.divide)
        return 0
    known = engines()
    if unknown := sorted(set(given.engines) - set(known)):
        parser.error(f"no such engine: {', '.join(unknown)}")
    met = True
    for name in given.engines or known:
        with known[name] as engine, tempfile.TemporaryDirectory(prefix="bench") as folder:
            for work in WORK:
                work = work.smaller(given.divide)
                engine.load(write(work, Path(folder)))
                met &= ratio(engine, work)
            growth(engine, given.divide, Path(folder))
    if not given.engines or "duckdb" in given.engines:
        met &= memory(given.divide)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
