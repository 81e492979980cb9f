"""One sequence: a world, six to fifteen verbs, and the way out."""

from __future__ import annotations

import json
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from tests.registry.walk.checks import check, drifted, same_values
from tests.registry.walk.verbs import BETWEEN, VERBS, applied
from tests.registry.walk.walker import ALLOWED, LEASE_IS_OVER, Breach, Walker
from tests.registry.walk.worlds import WORLDS, Servers, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.registry.walk.door import Door


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """What a sequence follows from: ``local:7:12`` is the thirteenth sequence of seed 7."""

    world: str
    seed: int
    number: int

    def __str__(self) -> str:
        return f"{self.world}:{self.seed}:{self.number}"

    @classmethod
    def parse(cls, text: str) -> Seed:
        """Raises ValueError."""
        world, seed, number = text.split(":")
        if world not in WORLDS:
            raise ValueError(f"no world {world}: {', '.join(WORLDS)}")
        return cls(world=world, seed=int(seed), number=int(number))


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """What came of a sequence: ``breach`` is empty where all held."""

    seed: Seed
    log: tuple[str, ...]
    breach: str


def walk(seed: Seed, door: Door, servers: Servers) -> Walked:
    """Walk one sequence from its beginning to its end or its first breach."""
    random = Random(str(seed))
    with _world(seed, door, servers) as world:
        walker = Walker(world, door, random)
        breach = ""
        try:
            _begin(walker)
            verbs = [*VERBS, *(BETWEEN if len(world.targets) > 1 else ())]
            for _ in range(random.randint(6, 15)):
                (verb,) = random.choices([verb for verb, _ in verbs], [weight for _, weight in verbs])
                walker.log.append(f"-- {verb.__name__}")
                verb(walker, random.choice(list(world.targets)))
                check(walker, served=random.random() < 0.4)
            walker.log.append("-- the way out")
            for target in world.targets:
                way_out(walker, target)
            _in_the_end(walker)
        except Breach as error:
            breach = str(error)
        return Walked(seed=seed, log=tuple(walker.log), breach=breach)


def warm(door: Door) -> None:
    """Let the door learn what commands need, in a world that is thrown away."""
    with _world(Seed(world="local", seed=0, number=0), door, Servers()) as world:
        walker = Walker(world, door, Random(0))
        walker.write()
        door.warm(world.root, world.env, "customer_id=5", "agg")


@contextmanager
def _world(seed: Seed, door: Door, servers: Servers) -> Iterator[World]:
    home = Path(tempfile.mkdtemp(prefix="walk"))
    root = home / "repo"
    root.mkdir()
    world = World(seed.world, root, f"w{seed.seed}x{seed.number}x{home.name[-6:].lower()}", servers)
    try:
        world.begin()
        door.call(world.begin_servers)
        yield world
    finally:
        shutil.rmtree(home, ignore_errors=True)
        door.call(world.end_servers)


def _begin(walker: Walker) -> None:
    walker.write()
    walker.look()
    for target in walker.world.targets:
        applied(walker, target)
    if walker.random.random() < 0.7:
        target = walker.random.choice(list(walker.world.targets))
        ran = walker.run("--json", "materialize", "--as-of", walker.instant.isoformat(), target=target)
        walker.note_loads(target, ran, walker.instant)
    check(walker, served=True)


def way_out(walker: Walker, target: str) -> None:
    """Documented commands lead to a registry that takes a harmless change again and has no drift."""
    walker.later += LEASE_IS_OVER
    walker.repo.mend()
    _put_away(walker)
    walker.repo.touch()
    walker.write()
    walker.change("registry", "unlock", "--reason", "the walk is over", target=target)
    for verb in ("--resume", "--abort"):
        if walker.head(target)["claim"] is not None:
            ran = walker.change("apply", verb, target=target)
            if ran.code not in (0, 4, 6, 7) and not walker.book.blind:
                raise Breach(f"apply {verb} fails because of a store ({ran.code}): {ran.complaint}")
    steps = (
        ("drift", "--repair"),
        ("apply", "--yes", *ALLOWED),
        ("registry", "repair", "--yes"),
        ("apply", "--yes", *ALLOWED),
    )
    for step in steps:
        if step[0] == "registry" and (_whole(walker, target) or not walker.door.has("registry", "repair")):
            continue
        ran = walker.change(*step, target=target)
    _forgive(walker, target)
    ran = walker.change("apply", "--yes", *ALLOWED, target=target)
    if ran.code:
        raise Breach(f"no documented command led on: apply ends with {ran.code}: {ran.complaint}")
    _sweep(walker, target)
    code, answer = drifted(walker, target)
    if code:
        raise Breach(f"no documented command led to a registry without drift ({code}): {json.dumps(answer)[:900]}")


def _whole(walker: Walker, target: str) -> bool:
    return walker.settled(target) and drifted(walker, target)[0] == 0


def _put_away(walker: Walker) -> None:
    """We take our own tables out of asof's way."""
    for path, name in walker.book.foreign:
        walker.door.call(lambda path=path, name=name: walker.world.online(path, f'DROP TABLE IF EXISTS "{name}"'))
    walker.book.foreign.clear()


def _forgive(walker: Walker, target: str) -> None:
    """Give up what is owed still: its addresses stand in the head."""
    if walker.door.has("registry", "forgive"):
        for owed in walker.head(target).get("owed") or ():
            resource = owed["resource"]
            walker.change("registry", "forgive", resource["address"], "--reason", "walk", target=target)
            # What stays behind is in the audit trail, and no longer anybody's.
            walker.book.hidden.add(resource["name"])


def _sweep(walker: Walker, target: str) -> None:
    """What we have hidden from asof (a cut journal, a catalogue row) we take away ourselves, as `drift` says."""
    _, answer = drifted(walker, target)
    for entry in answer.get("drift", ()):
        kind, name = entry["id"].split("/", 1)
        if entry["found"] != "unknown" or not walker.book.explains(name):
            continue
        walker.say(f"the user drops {name}, which drift calls unknown")
        if kind == "offline_view":
            walker.door.call(lambda name=name: walker.world.drop_view(target, name))
            continue
        for path, names in walker.facts["online"].items():
            if name in (names or ()):
                rows = f"DELETE FROM asof_tables WHERE name = '{name}'"
                walker.door.call(
                    lambda path=path, name=name, rows=rows: walker.world.online(path, f'DROP TABLE "{name}"', rows)
                )


def _in_the_end(walker: Walker) -> None:
    """Materialized once more, everything is served as the offline query has it."""
    check(walker, served=False)
    walker.hours += 1
    for target in walker.world.targets:
        ran = walker.change("--json", "materialize", "--as-of", walker.instant.isoformat(), target=target)
        if ran.code:
            raise Breach(f"in the end materialize fails ({ran.code}): {ran.complaint}")
        walker.note_loads(target, ran, walker.instant)
    for place in sorted(walker.loaded):
        same_values(walker, place)
    check(walker, served=False)
