"""``python -m tests.registry.walk --sequences N --seed S``: walk until something breaks; exit 1 then.

Every sequence follows from its seed alone, which is printed; ``--replay SEED`` walks it again. ``--keep-going`` counts
kinds of breaches instead of ending with the first.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time

from tests.registry.walk.door import Door
from tests.registry.walk.sequence import Seed, Walked, walk, warm
from tests.registry.walk.worlds import WORLDS, servers


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.registry.walk", description=__doc__)
    parser.add_argument("--sequences", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="the number of the first sequence; 0 by default")
    parser.add_argument("--world", choices=WORLDS, help="one world only; by default they take turns")
    parser.add_argument("--replay", metavar="SEED", action="append", help="walk this sequence again, as local:1:7")
    parser.add_argument("--keep-going", action="store_true", help="walk all sequences, whatever breaks")
    given = parser.parse_args()
    worlds = (given.world,) if given.world else WORLDS
    numbers = range(given.first, given.first + given.sequences)
    seeds = [Seed(world=worlds[n % len(worlds)], seed=given.seed, number=n) for n in numbers]
    if given.replay:
        seeds = [Seed.parse(text) for text in given.replay]
    # Whoever ends this process ends its servers as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    door, breaches, start = Door(), 0, time.monotonic()
    warm(door)
    print(
        f"seed {given.seed}: {len(seeds)} sequences over {', '.join(dict.fromkeys(s.world for s in seeds))}", flush=True
    )
    with servers(tuple({seed.world for seed in seeds})) as shared:
        for seed in seeds:
            walked = walk(seed, door, shared)
            if walked.breach or given.replay:
                print(_report(walked), flush=True)
            breaches += bool(walked.breach)
            if walked.breach and not given.keep_going:
                break
    took = f"{door.commands} commands, {door.kills} killed, {door.cpu_seconds / max(1, len(seeds)):.1f} CPU s each"
    print(f"{len(seeds)} sequences, {breaches} breaches ({took}, {time.monotonic() - start:.0f} s)")
    return 1 if breaches else 0


def _report(walked: Walked) -> str:
    """The commands, the breach, and how to see it again."""
    lines = [f"sequence {walked.seed}", *(f"  {line}" for line in walked.log)]
    if walked.breach:
        lines += [f"BREACH {walked.breach}", f"again: python -m tests.registry.walk --replay {walked.seed}"]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
