"""The state of one walk: what was run, what we did behind asof's back, and what has to hold of each command."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.registry.walk.door import CALM, Door, Ran, Trouble
from tests.registry.walk.repo import ADDRESSES, Repo

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from tests.registry.walk.worlds import World

DOCUMENTED = frozenset({0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 64, 130})
REFUSED = frozenset({4, 5, 7, 9, 64})
"""Exit codes that promise that nothing was written."""
KILLED = -9
START = datetime(2024, 2, 1, tzinfo=UTC)
LEASE_IS_OVER = timedelta(minutes=5)
ALLOWED = tuple(word for address in ADDRESSES for word in ("--allow-destroy", address))


class Breach(Exception):  # noqa: N818 - what a walk looks for
    """Something that was promised does not hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What a table was filled with: the definition then, and up to which instant."""

    as_of: datetime
    definition: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPlan:
    """A plan file that waits; ``at`` counts the changes of the world when it was made."""

    file: str
    target: str
    document: dict[str, Any]
    at: int


@dataclass(slots=True)
class Book:
    """What we did to the stores ourselves, so that asof may speak of it: names of tables and views.

    ``foreign`` are tables of nobody's (file, name); ``blind`` says that journals or catalogues were damaged, so
    that asof cannot know whose a table is; ``hidden`` are tables whose catalogue row we removed, for good.
    """

    touched: set[str] = field(default_factory=set)
    foreign: set[tuple[str, str]] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)
    blind: bool = False

    @property
    def clean(self) -> bool:
        return not (self.touched or self.foreign or self.blind)

    def explains(self, name: str) -> bool:
        return self.blind or name in self.touched or any(name == foreign for _, foreign in self.foreign)


class Walker:
    """Runs commands in a world and remembers what has to be remembered."""

    def __init__(self, world: World, door: Door, random: Random) -> None:
        self.world, self.door, self.random = world, door, random
        self.repo = Repo(world.location)
        self.book = Book()
        self.log: list[str] = []
        self.later = timedelta()
        self.hours = 0
        self.changes = 0
        self.plans: list[KeptPlan] = []
        self.loaded: dict[tuple[str, str], Loaded] = {}
        self.snapshots: dict[tuple[str, int], dict[str, Any]] = {}
        self.facts: dict[str, Any] = {"online": {}, "targets": {}}
        self.answers: dict[str, dict[int, dict[str, str]]] = {}

    # What we know.

    @property
    def instant(self) -> datetime:
        """Now, as the data have it: before every order that is still to come."""
        return START + timedelta(hours=self.hours)

    def head(self, target: str) -> dict[str, Any]:
        return self.facts["targets"][target]["head"] or {"serial": 0, "claim": None}

    def objects(self, target: str) -> dict[str, Any]:
        return (self.facts["targets"][target]["state"] or {}).get("objects", {})

    def resources(self, target: str) -> list[dict[str, Any]]:
        return (self.facts["targets"][target]["state"] or {}).get("resources", [])

    def pending(self, target: str) -> str:
        """Journals and owed lists of what is not settled, as one text."""
        return str(self.facts["targets"][target]["pending"]).replace('""', "")

    def tables(self, target: str) -> list[tuple[str, str, str]]:
        """The online tables of the current generation: (file, name, view)."""
        return [
            (self.world.file(dict(r["store"]["options"])["path"]), r["name"], r["address"].split("/", 1)[1])
            for r in self.resources(target)
            if r["kind"] == "online_table"
        ]

    def standing(self, path: str) -> list[str]:
        """Tables of asof's that stand in an online file."""
        return self.facts["online"].get(path) or []

    def settled(self, target: str) -> bool:
        """Nothing stopped on its way, and nothing is owed."""
        return self.head(target)["claim"] is None and not self.pending(target)

    def quiet(self, target: str) -> bool:
        """No reason why a command could fail: whatever it says is asof's own."""
        return self.book.clean and self.repo.sound and all(map(self.settled, self.world.targets)) and bool(target)

    # What we do.

    def say(self, text: str) -> None:
        self.log.append(f"# {text}")

    def write(self) -> None:
        (self.world.root / "asof.yaml").write_text(self.world.project())
        (self.world.root / "features.yaml").write_text(self.repo.text())

    def look(self, *, views: bool = False) -> None:
        """Learn what really stands where; offline ``views`` are as they were seen last, unless they are asked for."""
        before = self.facts
        self.facts = self.door.call(lambda: self.world.facts(views=views))
        for target in self.world.targets:
            if not views:
                self.facts["targets"][target]["views"] = before["targets"].get(target, {}).get("views")
            if self.facts["targets"][target]["state"]:
                self.snapshots[target, self.head(target)["serial"]] = self.objects(target)

    def run(self, *args: str, target: str = "", trouble: Trouble = CALM) -> Ran:
        """One command of a user. Raises Breach where it ends as none may."""
        names_it = args[0] == "promote" or (args[0] == "apply" and args[1].endswith(".json"))
        if target and len(self.world.targets) > 1 and not names_it:
            args = (*args, "--target", target)
        late = Trouble(
            dies_at=trouble.dies_at,
            dies_after=trouble.dies_after,
            ahead=trouble.ahead,
            later=self.later,
            file_limit=trouble.file_limit,
            unprivileged=trouble.unprivileged,
        )
        ran = self.door.run(("--no-color", *args), self.world.root, self.world.env, late)
        befallen = f"   [{trouble}]" if str(trouble) else ""
        shown = " ".join(args).replace(" ".join(ALLOWED), "--allow-destroy ALL")
        self.log.append(f"$ asof {shown} -> {ran.code}{befallen}")
        if ran.code == KILLED and (trouble.dies_at or trouble.dies_after):
            return ran
        lowered = ran.text.lower()
        if ran.code not in DOCUMENTED or "traceback" in lowered or "internal error" in lowered:
            raise Breach(f"asof {shown} ended with {ran.code}: {ran.complaint}")
        return ran

    def change(self, *args: str, target: str, trouble: Trouble = CALM) -> Ran:
        """A command that may change things, and what has to hold of its exit code."""
        before, owners = self.facts, {t: self.tables(t) for t in self.world.targets}
        ran = self.run(*args, target=target, trouble=trouble)
        self.changes += 1
        self.look()
        was, now = (facts["targets"][target]["head"] or {"serial": 0, "claim": None} for facts in (before, self.facts))
        if ran.code in REFUSED and (was["serial"], was["claim"]) != (now["serial"], now["claim"]):
            raise Breach(f"refused with {ran.code}, and yet the head went from {_short(was)} to {_short(now)}")
        if ran.code == 6 and self.settled(target):
            raise Breach(f"exit code 6, and neither a claim nor anything owed is in the head: {ran.complaint}")
        self._no_surprise(args, before, owners)
        self._forget(target)
        return ran

    def _no_surprise(self, args: tuple[str, ...], before: dict[str, Any], owners: dict[str, Any]) -> None:
        """A table that was filled goes by leave only (or where a plan file, a resume or a rollback has that leave)."""
        if args[0] not in ("apply", "promote", "rollback") or len(args) > 2 or "--yes" not in args:
            return
        for path, name, view in (table for tables in owners.values() for table in tables):
            gone = name in (before["online"].get(path) or []) and name not in self.standing(path)
            if gone and (path, name) in self.loaded and all(map(self.settled, self.world.targets)):
                raise Breach(f"{name}, which held the values of {view}, was dropped without --allow-destroy")

    def _forget(self, target: str) -> None:
        """A table that no generation names or that is not there holds nothing any more."""
        named = {(path, name) for t in self.world.targets for path, name, _ in self.tables(t)}
        for path, name in list(self.loaded):
            if (path, name) not in named or name not in self.standing(path):
                del self.loaded[path, name]

    def unload(self, target: str) -> None:
        """What the tables of a target hold is not known any more."""
        for path, name, _ in self.tables(target):
            self.loaded.pop((path, name), None)

    def note_loads(self, target: str, ran: Ran, as_of: datetime) -> None:
        """Remember what a materialization that ended well says that it did."""
        views = {view: (path, name) for path, name, view in self.tables(target)}
        for run in json.loads(ran.out)["runs"]:
            place = views.get(run["view"])
            if place is None:
                continue
            before = self.loaded.get(place)
            definition = self.objects(target)[f"feature_view/{run['view']}"]["definition"]
            latest = max(as_of, before.as_of) if before else as_of
            self.loaded[place] = Loaded(as_of=latest, definition=definition)

    def home(self, name: str) -> Path:
        """A file beside the repo, not in it."""
        return self.world.root.parent / name


def _short(head: dict[str, Any]) -> str:
    claim = head["claim"]
    return f"serial {head['serial']} {'claimed by ' + claim['apply_id'] if claim else 'free'}"
