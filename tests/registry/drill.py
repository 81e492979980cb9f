"""kill -9 anywhere: an apply of thirty steps dies at the n-th instant, somebody recovers, and all must be whole.

Run as ``python -m tests.registry.drill [--every N] [--twice]``: one process that opens nothing itself and forks for
everything, so that a dead child leaves what a dead machine leaves. Prints what it did, exits 1 at the first breach.
"""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asof import engines, online
from asof.compiler.diagnostics import DiagnosticError
from asof.compiler.plan import Plan, plan
from asof.online.sqlite import SQLiteOnlineStore
from asof.ops.apply import Hands, abort, apply, resume
from asof.ops.infrastructure import StoreInfrastructure
from asof.registry import open_registry
from asof.registry.claim import LEASE, ClaimError, unlock
from asof.registry.store import Registry
from tests.plan.world import LOCAL, column, edited, repo_with, without
from tests.registry.world import ANYTHING, DRIVER, ME, TRIPS, asked, view

if TYPE_CHECKING:
    from collections.abc import Callable

    from asof.compiler.state import State

QUERY = "SELECT driver_id, fare, ended_at FROM trips WHERE fare > "
BEFORE = repo_with(
    DRIVER,
    TRIPS,
    *(view(f"again{n}") for n in range(8)),
    *(view(f"grows{n}") for n in range(6)),
    *(view(f"stays{n}") for n in range(2)),
    view("goes"),
    asked("reads", QUERY + "1"),
)


def _after() -> Any:
    repo = repo_with(*BEFORE.definitions.values(), *(view(f"new{n}") for n in range(4)))
    for n in range(8):
        repo = edited(f"feature_view/again{n}", repo=repo, schema=(column("tip"),))
    for n in range(6):
        repo = edited(f"feature_view/grows{n}", repo=repo, schema=(column("fare"), column("tip")))
    repo = edited("feature_view/reads", repo=repo, query=QUERY + "2", online=False)
    return without(repo, "feature_view/goes")


AFTER = _after()
MODES = ("resume", "abort", "same plan", "another plan")


class Breach(Exception):  # noqa: N818 - what a drill finds
    """Something was torn, lost or left behind."""


class Clock:
    """Instants that count: the process dies at one of them, by its own hand and without a word."""

    def __init__(self, dies_at: int | None) -> None:
        self.dies_at = dies_at
        self.count = 0
        self._lock = threading.Lock()

    def tick(self) -> None:
        with self._lock:
            self.count += 1
            if self.count == self.dies_at:
                os.kill(os.getpid(), signal.SIGKILL)

    def around(self, owner: object, name: str) -> None:
        """An instant before ``owner.name`` and one after it."""
        real = getattr(owner, name)

        def ticking(*given: Any, **more: Any) -> Any:
            self.tick()
            try:
                return real(*given, **more)
            finally:
                self.tick()

        setattr(owner, name, ticking)

    def install(self) -> None:
        """Disk: every name given, every force to disk. Stores: every step, and the middle of SQLite's transactions."""
        for name in ("fsync", "link", "replace"):
            self.around(os, name)
        for name in ("create", "alter", "drop"):
            self.around(StoreInfrastructure, name)
        self.around(SQLiteOnlineStore, "_record")
        self.around(SQLiteOnlineStore, "_owned")


def forked(act: Callable[[], str]) -> tuple[int, int]:
    """``act`` in a child; its process id and the pipe on which it says what it returned or raised."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code, said = 0, ""
        try:
            said = act()
        except BaseException:  # noqa: BLE001 - the child's outermost frame
            code, said = 1, traceback.format_exc()
        os.write(writing, said.encode()[-60_000:])
        os._exit(code)
    os.close(writing)
    return child, reading


def ended(child: int, pipe: int) -> tuple[int, str]:
    """The exit status of a child (negative for a signal) and what it said."""
    with os.fdopen(pipe, "rb") as saying:
        said = saying.read().decode()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said


def in_fork(act: Callable[[], str]) -> tuple[int, str]:
    """The same, waiting for its end."""
    return ended(*forked(act))


def must(act: Callable[[], str], what: str) -> str:
    """The same for what has to succeed."""
    code, said = in_fork(act)
    if code:
        raise Breach(f"{what}: {said}")
    return said


class Place:
    """One registry with its stores; ``later`` counts how often a lease was waited for."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.later = 0

    @property
    def registry(self) -> Registry:
        later = self.later
        blobs = open_registry("registry", root=self.root).blobs
        return Registry(blobs, lambda: datetime.now(UTC) + later * (LEASE * 2))

    def begin(self) -> None:
        with closing(engines.connect(LOCAL.offline, root=self.root)) as engine:
            engine.execute(["CREATE TABLE trips (driver_id BIGINT, fare DOUBLE, tip DOUBLE, ended_at TIMESTAMPTZ)"])
        self.carry_out(plan(BEFORE, self.registry.state()))

    def carry_out(self, made: Plan) -> str:
        with StoreInfrastructure("rides", root=self.root) as stores:
            return str(apply(made, self.registry, Hands(infrastructure=stores, actor=ME)).serial)

    def recover(self, mode: str, made: Plan) -> str:
        with StoreInfrastructure("rides", root=self.root) as stores:
            hands = Hands(infrastructure=stores, actor=ME)
            if mode == "same plan":
                return str(apply(made, self.registry, hands).serial)
            if mode == "another plan":
                state = self.registry.state()
                repo = BEFORE if "feature_view/goes" in state.objects else AFTER
                other = edited("feature_view/stays0", repo=repo, description=f"follows {state.serial}")
                return str(apply(plan(other, state, allow_destroy=ANYTHING), self.registry, hands).serial)
            done = resume(self.registry, hands) if mode == "resume" else abort(self.registry, hands)
            return str(done.serial if done else "nothing")

    def check(self, *, exactly: bool) -> str:
        """The registry is whole, and the stores hold what it says; ``exactly``: and nothing else."""
        registry = self.registry
        state = registry.state()
        said = {r.name: r for r in state.resources}
        with closing(online.connect(LOCAL.online, root=self.root, read_only=True)) as store:  # type: ignore[arg-type]
            tables = {t.name: t for t in store.observe("rides")}
        for name, resource in said.items():
            if resource.kind != "online_table":
                continue
            if name not in tables or tables[name].features[: len(resource.features)] != resource.features:
                raise Breach(f"generation {state.serial} promises {name}, and the store has {tables.get(name)}")
            if exactly and tables[name].features != resource.features:
                raise Breach(f"{name} holds {tables[name].features}, recorded are {resource.features}")
        orphans = set(tables) - set(said)
        if exactly and orphans:
            raise Breach(f"nobody knows of {orphans}")
        if exactly:
            self._whole(state)
        return str(state.serial)

    def _whole(self, state: State) -> None:
        found = self.registry.head()
        if found is None or found[0].claim is not None:
            raise Breach("a claim is left")
        serials = [entry.serial for entry in self.registry.history()]
        if serials != list(range(1, state.serial + 1)):
            raise Breach(f"the trail has {serials}, the registry stands at {state.serial}")
        with closing(engines.connect(LOCAL.offline, root=self.root, read_only=True)) as engine:
            sql = "SELECT sql FROM duckdb_views() WHERE view_name = 'rides__reads'"
            (text,) = engine.query(sql).read_all().column(0).to_pylist()
        bound = "> 1" if state.objects["feature_view/reads"].definition["query"].endswith("1") else "> 2"
        if bound not in text:
            raise Breach(f"the offline view reads {text}, and should say {bound}")


def reader(place: Place, stop: Path) -> str:
    """Poll until told to stop: every answer is whole, and its tables are there unless the registry has moved on."""
    polls = 0
    while not stop.exists():
        state = place.registry.state()
        if "feature_view/goes" in state.objects and "feature_view/new0" in state.objects:
            raise Breach("a reader saw a mix of two generations")
        try:
            place.check(exactly=False)
        except Breach:
            if place.registry.state().serial == state.serial:
                raise
        polls += 1
        time.sleep(0.002)
    return str(polls)


class Drill:
    """A base to start from, how long an undisturbed apply lasts in instants, and what its generations are."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.base = folder / "base"
        self.base.mkdir()
        must(lambda: Place(self.base).begin() or "", "first apply")
        self.plans: list[Plan] = [self._plan()]
        self.instants = int(must(self._count, "undisturbed apply"))

    def _plan(self) -> Plan:
        made = plan(AFTER, Place(self.base).registry.state(), allow_destroy=ANYTHING)
        if len(made.steps) != 30:
            raise AssertionError(f"the drill has {len(made.steps)} steps")
        return made

    def place(self, name: str) -> Place:
        root = self.folder / name
        shutil.copytree(self.base, root)
        return Place(root)

    def _count(self) -> str:
        place = self.place("count")
        clock = Clock(None)
        clock.install()
        place.carry_out(self.plans[0])
        place.check(exactly=True)
        return str(clock.count)

    def run(self, dies_at: int, mode: str, again_at: int | None) -> str:
        """One death, perhaps a second one during the recovery, and the check of what is left."""
        place = self.place(f"d{dies_at}-{mode.replace(' ', '-')}-{again_at}")
        stop = place.root / "stop"
        watcher = forked(lambda: reader(place, stop))
        try:
            died = in_fork(lambda: self._dying(dies_at, lambda: place.carry_out(self.plans[0])))
            if died[0] not in (0, -signal.SIGKILL):
                raise Breach(f"apply: {died[1]}")
            must(lambda: place.check(exactly=False), "after the death")
            began = len(list((place.root / "registry" / "journal").glob("*/0000-plan-begin*"))) == 2
            self._refused_or_unlocked(place, dies_at)
            place.later += 1
            if again_at is not None:
                twice = in_fork(lambda: self._dying(again_at, lambda: place.recover(mode, self.plans[0])))
                if twice[0] not in (0, -signal.SIGKILL):
                    raise Breach(f"first recovery: {twice[1]}")
                place.later += 1
            must(lambda: place.recover(mode, self.plans[0]), f"recovery by {mode}")
            serial = must(lambda: place.check(exactly=True), "in the end")
        finally:
            stop.touch()
            code, said = ended(*watcher)
        if code:
            raise Breach(f"reader: {said}")
        if serial != "2" and (mode == "same plan" or (mode == "resume" and began)):
            raise Breach(f"{mode} ended at serial {serial}")
        shutil.rmtree(place.root)
        return serial

    def _dying(self, at: int, act: Callable[[], str]) -> str:
        Clock(at).install()
        return act()

    def _refused_or_unlocked(self, place: Place, number: int) -> None:
        """While the dead one's lease runs nobody else gets in, unless the glass is broken: every third time it is."""

        def knock() -> str:
            found = place.registry.head()
            if found is None or found[0].claim is None:
                return "free"
            if number % 3 == 0:
                made = unlock(place.registry, by="drill", reason="dead")
                return "unlocked" if made else "over"
            try:
                place.recover("resume", self.plans[0])
            except ClaimError:
                return "refused"
            raise Breach("a running lease was taken over")

        must(knock, "while the lease runs")


def main() -> int:
    """The drills; ``--every N`` leaves instants out, ``--twice`` kills the recovery too."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--twice", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        drill = Drill(Path(folder))
        modes = itertools.cycle(MODES)
        runs = 0
        for at in range(1, drill.instants + 1, given.every):
            chosen = MODES if given.every == 1 else (next(modes),)
            for mode in chosen:
                for again in (None, *((1 + (at * 7) % 90,) if given.twice else ())):
                    try:
                        drill.run(at, mode, again)
                    except (Breach, DiagnosticError) as error:
                        print(f"killed at instant {at} of {drill.instants}, {mode}, again at {again}: {error}")
                        return 1
                    runs += 1
        print(f"{runs} deaths in {drill.instants} instants: all recovered")
    return 0


if __name__ == "__main__":
    sys.exit(main())
