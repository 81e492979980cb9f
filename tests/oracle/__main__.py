"""``python -m tests.oracle``: thousands of generated cases on every engine that runs here; the oracle decides.

Cases come in chunks, each from a seed of its own, so that a run can be stopped and taken up again, and spread over
processes. What is done is kept in .engines/, under a digest of the code it was done with. Exit 1 where an engine and
the oracle disagree.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import sys
import threading
import time
import traceback
from collections import defaultdict, deque
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.oracle.chunks import CHUNK, STARTERS, Done, work

if TYPE_CHECKING:
    from collections.abc import Iterable
    from multiprocessing.connection import Connection

ROOT = Path(__file__).parents[2]
SLOWEST_FIRST = ("spark", "bigquery", "clickhouse", "snowflake", "postgres", "duckdb", "sqlite")


@dataclass(frozen=True)
class Journal:
    """The chunks that are done, one JSON document a line."""

    path: Path

    def read(self) -> list[Done]:
        if not self.path.exists():
            return []
        return [Done(**json.loads(line)) for line in self.path.read_text().splitlines()]

    def add(self, done: Done) -> None:
        self.path.parent.mkdir(exist_ok=True)
        with self.path.open("a") as file:
            file.write(json.dumps(asdict(done)) + "\n")


def digest() -> str:
    """Of everything that a result depends on in this checkout."""
    made = hashlib.sha256()
    for folder in ("asof/compiler", "asof/engines", "tests/oracle", "tests/engines"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            made.update(f"{file.relative_to(ROOT)}\n".encode() + file.read_bytes())
    return made.hexdigest()[:12]


class Shop:
    """Chunks still to do, handed out so that a process keeps its engine as long as there is work for it."""

    def __init__(self, chunks: Iterable[tuple[str, int]]) -> None:
        self._waiting: dict[str, deque[int]] = defaultdict(deque)
        for engine, number in chunks:
            self._waiting[engine].append(number)
        self._busy: set[str] = set()
        self._lock = threading.Lock()

    def next(self, engine: str) -> tuple[str, int] | None:
        with self._lock:
            self._busy.discard(engine)
            left = [name for name in SLOWEST_FIRST if self._waiting[name]]
            if not left:
                return None
            chosen = engine if engine in left else next((name for name in left if name not in self._busy), left[0])
            self._busy.add(chosen)
            return chosen, self._waiting[chosen].popleft()


def serve(shop: Shop, journal: Journal, seed: int, results: list[Done], lock: threading.Lock) -> None:
    """One process at work until nothing is left."""
    here, there = multiprocessing.Pipe()
    child = multiprocessing.get_context("spawn").Process(target=work, args=(there,), daemon=True)
    child.start()
    engine = ""
    while (task := shop.next(engine)) is not None:
        engine = task[0]
        here.send((*task, seed))
        done = _answer(here, child, task)
        with lock:
            journal.add(done)
            results.append(done)
            what = "disagrees" if done.failure else "equal"
            print(
                f"{done.engine:10} chunk {done.chunk:3}  {done.cases:4} cases  {done.seconds:6.1f} s  {what}",
                flush=True,
            )
            if done.failure:
                print(done.failure, flush=True)
        if not child.is_alive():
            return
    here.send(None)
    child.join()


def _answer(here: Connection, child: multiprocessing.process.BaseProcess, task: tuple[str, int]) -> Done:
    while not here.poll(1):
        if not child.is_alive():
            return Done(engine=task[0], chunk=task[1], kind="", cases=0, seconds=0, failure="the process has died")
    made: Done = here.recv()
    return made


def table(results: Iterable[Done]) -> tuple[str, bool]:
    """Counts per engine, and whether all of it is equal."""
    by_engine: dict[str, list[Done]] = defaultdict(list)
    for done in results:
        by_engine[done.engine].append(done)
    lines, good = [f"{'engine':10}  {'cases':>6}  {'of them equal':>13}  {'ms a case':>9}  {'seconds':>7}"], True
    for engine in reversed(SLOWEST_FIRST):
        if some := by_engine.get(engine):
            cases, seconds = sum(d.cases for d in some), sum(d.seconds for d in some)
            failed = sum(bool(d.failure) for d in some)
            good &= not failed
            each = 1_000 * seconds / max(cases, 1)
            lines.append(f"{engine:10}  {cases:6}  {cases - failed:13}  {each:9.0f}  {seconds:7.0f}")
    return "\n".join(lines), good


def main(arguments: list[str]) -> int:
    """Run what is missing, print what there is."""
    parser = argparse.ArgumentParser(prog="python -m tests.oracle", description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=2_000, help="cases for each engine (default: 2000)")
    parser.add_argument("--engine", action="append", choices=STARTERS, help="this engine only; may be repeated")
    parser.add_argument("--processes", type=int, default=2, help="how many at once (default: 2)")
    parser.add_argument("--seed", type=int, default=0, help="other cases than the usual ones")
    parser.add_argument("--fresh", action="store_true", help="forget what an earlier run of this code has done")
    chosen = parser.parse_args(arguments)
    journal = Journal(ROOT / ".engines" / f"oracle-{digest()}-{chosen.seed}.jsonl")
    if chosen.fresh:
        journal.path.unlink(missing_ok=True)
    engines = chosen.engine or [*SLOWEST_FIRST]
    wanted = [(engine, number) for engine in engines for number in range(-(-chosen.cases // CHUNK))]
    results = [done for done in journal.read() if (done.engine, done.chunk) in wanted and not done.failure]
    known = {(done.engine, done.chunk) for done in results}
    shop, lock, began = Shop(one for one in wanted if one not in known), threading.Lock(), time.monotonic()
    threads = [
        threading.Thread(target=serve, args=(shop, journal, chosen.seed, results, lock))
        for _ in range(chosen.processes)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shown, good = table(results)
    if len(results) < len(wanted):
        shown, good = f"{shown}\n{len(wanted) - len(results)} chunks were not run", False
    print(f"\n{shown}\n{time.monotonic() - began:.0f} s in all; {len(known)} of {len(wanted)} chunks were done before")
    return 0 if good else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        traceback.print_exc(limit=0)
        sys.exit(130)
