"""Appliers that race: of those who want the same object one wins, and whoever wants another one gets it.

Run as ``python -m tests.registry.race [--appliers 16] [--rounds 1000] [--minutes N] [--registry URL]``. In each round
the appliers make their plans from one generation; four at a time want to change one and the same view, while a reader
polls. Exits 1 at the first breach. Progress goes to stderr.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from asof.compiler.duration import Duration
from asof.compiler.plan import Plan, plan, plan_bytes, plan_from_bytes
from asof.ops.apply import Actor, Hands, StalePlanError, apply
from asof.ops.infrastructure import StoreInfrastructure
from asof.registry import open_registry
from asof.registry.claim import ClaimError, runs
from tests.plan.world import edited, repo_with
from tests.registry.world import ANYTHING, DRIVER, ME, TRIPS, view

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from asof.compiler.model import Repo
    from asof.registry.store import Registry

PAUSE = 0.05
"""Seconds between two reads of whoever only reads."""
RIVALS = 4
"""Appliers that want the same view."""
FRESH = 8
"""Rounds after which an applier opens the registry anew; never all of them in the same one."""
SHORTEST_LOOK, LONGEST_LOOK = 0.02, 0.5
"""Seconds between two looks at a head that somebody else holds."""


def repo_of(lives: dict[str, int]) -> Repo:
    """One view for each group of rivals; what they fight for is its ttl."""
    repo = repo_with(DRIVER, TRIPS, *(view(name, online=False) for name in lives))
    for name, seconds in lives.items():
        repo = edited(f"feature_view/{name}", repo=repo, ttl=Duration.parse(f"{seconds}s"))
    return repo


def carry_out(root: Path, registry: Registry, made: Plan, who: str) -> str:
    """Insist until the plan is applied or stale; what became of it."""
    with StoreInfrastructure("rides", root=root) as stores:
        hands = Hands(infrastructure=stores, actor=Actor(by=who))
        while True:
            try:
                return f"won {apply(made, registry, hands).serial}"
            except ClaimError:
                wait_until_free(registry)
            except StalePlanError:
                return "stale"


def wait_until_free(registry: Registry) -> None:
    """Look at the head until nobody holds it: all of them share this machine, and one GET is less than an attempt.

    They look often while an apply is short and rarely where one is long, so that who works has the processor.
    """
    pause = SHORTEST_LOOK
    while True:
        time.sleep(random.uniform(0.5, 1.0) * pause)
        found = registry.head()
        if found is None or found[0].claim is None or not runs(found[0].claim, registry.clock()):
            return
        pause = min(2 * pause, LONGEST_LOOK)


def applier(root: Path, place: str, number: int, pipe: Connection) -> None:
    """One process: applies what it is sent until it is sent nothing.

    To make a client costs as much as fifty requests, so it is kept; but in each round some appliers open the place
    anew, as an apply of its own does, and prove again that conditions count there.
    """
    registry = open_registry(place, root=root)
    rounds = 0
    while body := pipe.recv_bytes():
        if (rounds + number) % FRESH == 0:
            registry = open_registry(place, root=root)
        pipe.send(carry_out(root, registry, plan_from_bytes(body), f"applier {number}"))
        rounds += 1


def reader(root: Path, place: str, pipe: Connection) -> None:
    """Poll until told to stop, and say how often; or what was wrong with an answer.

    ``state`` compares a generation with its hash, its serial and its lineage: any error at all is a breach.
    """
    registry = open_registry(place, root=root)
    polls, last = 0, registry.state()
    try:
        while not pipe.poll(PAUSE):
            state = registry.state()
            if state.serial < last.serial or (state.serial == last.serial and state.generation != last.generation):
                raise AssertionError(f"generation {state.serial} was read after {last.serial}")
            polls, last = polls + 1, state
    except Exception as error:  # noqa: BLE001 - whatever a reader meets is what this is about
        pipe.send(f"{type(error).__name__}: {error}")
    else:
        pipe.send(polls)


def race(root: Path, place: str, appliers: int, rounds: int, minutes: float) -> str:
    """Raises AssertionError at the first breach; returns a summary, also of fewer rounds where time is over."""
    groups = [f"v{n}" for n in range(-(-appliers // RIVALS))]
    lives = dict.fromkeys(groups, 1)
    with StoreInfrastructure("rides", root=root) as stores:
        registry = open_registry(place, root=root)
        apply(
            plan(repo_of(lives), registry.state(), allow_destroy=ANYTHING),
            registry,
            Hands(infrastructure=stores, actor=ME),
        )
    context = multiprocessing.get_context("spawn")
    pipes: list[Connection] = []
    workers = []
    for n in range(appliers):
        ours, theirs = context.Pipe()
        pipes.append(ours)
        workers.append(context.Process(target=applier, args=(root, place, n, theirs), daemon=True))
        workers[-1].start()
    ours, theirs = context.Pipe()
    workers.append(context.Process(target=reader, args=(root, place, theirs), daemon=True))
    workers[-1].start()
    began = time.monotonic()
    for number in range(rounds):
        _round(registry, number, groups, lives, pipes)
        if number % 10 == 9:
            spent = time.monotonic() - began
            print(f"{number + 1} rounds, {spent / (number + 1):.2f} s each", file=sys.stderr, flush=True)
        assert not ours.poll(), f"the reader: {ours.recv()}"
        if time.monotonic() - began > minutes * 60:
            rounds = number + 1
            break
    ours.send("stop")
    polls = ours.recv()
    assert isinstance(polls, int), f"the reader: {polls}"
    for pipe in pipes:
        pipe.send_bytes(b"")
    for worker in workers:
        worker.join(60)
    history = registry.history()
    assert [e.serial for e in history] == list(range(1, registry.state().serial + 1)), "a generation is missing"
    assert len(history) == 1 + rounds * len(groups), "an update was lost"
    made = f"{rounds} rounds of {appliers} appliers: {len(history)} generations, one winner for each conflict"
    return f"{made}; {polls} reads beside them, all whole"


def _round(registry: Registry, number: int, groups: list[str], lives: dict[str, int], pipes: list[Connection]) -> None:
    base = registry.state()
    wanted = []
    for n, pipe in enumerate(pipes):
        group, value = groups[n // RIVALS], 2 + number * RIVALS + n % RIVALS
        pipe.send_bytes(plan_bytes(plan(repo_of({**lives, group: value}), base, allow_destroy=ANYTHING)))
        wanted.append((group, value))
    became = [pipe.recv() for pipe in pipes]
    winners = Counter(group for (group, _), outcome in zip(wanted, became, strict=True) if outcome.startswith("won"))
    assert winners == dict.fromkeys(groups, 1), f"round {number}: {became}"
    for (group, value), outcome in zip(wanted, became, strict=True):
        if outcome.startswith("won"):
            lives[group] = value
    state = registry.state()
    assert plan(repo_of(lives), state, allow_destroy=ANYTHING).empty, (
        f"round {number}: the registry is not what the winners made of it"
    )
    assert state.serial == base.serial + len(groups), f"round {number}: {state.serial} after {base.serial}"


def main() -> int:
    """The race in a folder of its own."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--appliers", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=1e6, help="begin no round after that long")
    parser.add_argument("--registry", default="registry", help="an empty place; a folder of its own by default")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        print(race(Path(folder), given.registry, given.appliers, given.rounds, given.minutes))
        print(f"{time.monotonic() - began:.0f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
