"""What holds after every verb, whatever it was."""

from __future__ import annotations

import csv
import json
import math
from typing import TYPE_CHECKING, Any

from tests.registry.walk.door import CALM, Trouble
from tests.registry.walk.walker import Breach, Loaded
from tests.registry.walk.worlds import CUSTOMERS

if TYPE_CHECKING:
    from datetime import datetime

    from tests.registry.walk.walker import Walker

_METADATA = ("name", "description", "owner", "tags", "protect", "moved_from", "schema", "aggregations")
READERS_CANNOT_LOAD = "in a read-only transaction"
"""What Postgres says where `asof history` loads its spine over a connection that may only read."""


def check(walker: Walker, *, served: bool) -> None:
    """Raise Breach where anything of it does not hold."""
    walker.look(views=True)
    reported: set[str] = set()
    clean = True
    for target in walker.world.targets:
        if walker.head(target)["serial"] == 0 and walker.head(target)["claim"] is None:
            continue
        if walker.run("registry", "verify", target=target).code:
            raise Breach("the registry does not verify")
        names, whole = _drift(walker, target)
        reported |= names
        clean &= whole
    _no_foreign_lost(walker)
    _live(walker)
    _not_shared(walker)
    _no_orphan(walker, reported)
    if clean and all(map(walker.settled, walker.world.targets)):
        walker.book.touched.clear()
        walker.book.blind = False
    if served and walker.loaded:
        same_values(walker, walker.random.choice(sorted(walker.loaded)))


def drifted(walker: Walker, target: str) -> tuple[int, dict[str, Any]]:
    """The exit code of `asof drift` and its answer."""
    ran = walker.run("--json", "drift", target=target)
    try:
        return ran.code, json.loads(ran.out)
    except ValueError:
        return ran.code, {"text": ran.text}


def _drift(walker: Walker, target: str) -> tuple[set[str], bool]:
    """The names that drift speaks of, and whether it has nothing to say."""
    code, answer = drifted(walker, target)
    entries = answer.get("drift", [])
    owed = json.dumps(answer.get("owed", ""))
    walker.facts["targets"][target]["pending"] += owed.strip('"[]')
    if code not in (0, 8) and not (code == 6 and not walker.settled(target)):
        raise Breach(f"drift cannot answer ({code}): {json.dumps(answer)[:800]}")
    names = {entry["id"].split("/", 1)[1] for entry in entries}
    for entry in entries:
        name = entry["id"].split("/", 1)[1]
        if not walker.book.explains(name) and name not in walker.pending(target):
            raise Breach(f"drift in {target} that nobody caused: {entry['id']} {entry['found']}, {entry['said']}")
    for path, name, view in walker.tables(target):
        if name not in walker.standing(path) and name not in names:
            raise Breach(f"{name} of {view} is gone from {path}, and drift does not say so (exit {code})")
    if code == 0 and (entries or (not walker.settled(target) and walker.head(target).get("owed"))):
        raise Breach(f"drift exits 0 while something differs or is owed: {json.dumps(answer)[:800]}")
    return names, code == 0


def _no_foreign_lost(walker: Walker) -> None:
    for path, name in walker.book.foreign:
        if name not in walker.standing(path):
            raise Breach(f"{name} in {path} was never asof's, and it is gone")


def _live(walker: Walker) -> None:
    """What the current generation names is there, unless we took it away."""
    for target in walker.world.targets:
        for path, name, view in walker.tables(target):
            if name not in walker.standing(path) and not walker.book.explains(name):
                raise Breach(f"the table of {view} in {target}, {name} in {path}, is gone and we did not take it")
        views = walker.facts["targets"][target]["views"]
        for entry in walker.resources(target):
            if entry["kind"] != "offline_view" or views is None or entry["name"] in views:
                continue
            if not walker.book.explains(entry["name"]) and entry["name"] not in walker.pending(target):
                raise Breach(f"the view {entry['name']} in {target} is gone and we did not take it")


def _not_shared(walker: Walker) -> None:
    holders: dict[tuple[str, str], str] = {}
    for target in walker.world.targets:
        for path, name, view in walker.tables(target):
            holder = holders.setdefault((path, name), f"{target}/{view}")
            if holder != f"{target}/{view}":
                raise Breach(f"{name} in {path} belongs to {holder} and to {target}/{view}")


def _no_orphan(walker: Walker, reported: set[str]) -> None:
    named = {(path, name) for target in walker.world.targets for path, name, _ in walker.tables(target)}
    pending = "".join(map(walker.pending, walker.world.targets))
    for path, names in walker.facts["online"].items():
        for name in names or ():
            known = (path, name) in named or (path, name) in walker.book.foreign or name in pending
            excused = name in walker.book.hidden or (name in reported and walker.book.explains(name))
            if not known and not excused:
                raise Breach(f"nobody knows of the table {name} in {path}")
    for target in walker.world.targets:
        views = {entry["name"] for entry in walker.resources(target) if entry["kind"] == "offline_view"}
        for name in walker.facts["targets"][target]["views"] or ():
            if name not in views and name not in pending and not walker.book.explains(name):
                raise Breach(f"nobody knows of the view {name} in {target}")


def same_values(walker: Walker, place: tuple[str, str], trouble: Trouble = CALM) -> None:
    """What a table serves equals what the offline query gives at the instant of its last materialization."""
    path, name = place
    if walker.book.explains(name) or name not in walker.standing(path):
        return
    loaded = walker.loaded[place]
    for target in walker.world.targets:
        for where, table, view in walker.tables(target):
            if (where, table) == place:
                features = _comparable(walker, target, view, loaded)
                if features:
                    _compare(walker, target, [f"{view}:{name}" for name in features], loaded.as_of, trouble)


def _compare(walker: Walker, target: str, features: list[str], as_of: datetime, trouble: Trouble) -> None:
    wanted = [word for feature in features for word in ("--features", feature)]
    at = ("--as-of", as_of.isoformat())
    offline = _offline(walker, target, wanted, at)
    if offline is None:
        return
    for customer in walker.random.sample(CUSTOMERS, 2):
        ran = walker.run(
            "--json", "online", "get", "-e", f"customer_id={customer}", *wanted, *at, target=target, trouble=trouble
        )
        if ran.code:
            raise Breach(f"a reader gets no answer of {features} ({ran.code}): {ran.complaint}")
        for feature, answer in json.loads(ran.out)["features"].items():
            expected = offline.get(customer, {}).get(feature.split("__")[-1], "")
            if answer["status"] == "NOT_FOUND" and not expected:
                continue
            if not _equal(answer["value"], expected):
                raise Breach(
                    f"customer {customer} in {target} is served {feature} = {answer['value']!r} ({answer['status']}); "
                    f"at {as_of.isoformat()} the offline query gives {expected!r}"
                )


def _offline(walker: Walker, target: str, wanted: list[str], at: tuple[str, str]) -> dict[int, dict[str, str]] | None:
    """The rows of the offline query, by customer; asked once for one state of the world. None: it cannot be asked."""
    generation = walker.head(target).get("generation")
    key = json.dumps([target, generation, walker.world.orders, wanted, at])
    if key not in walker.answers:
        file = walker.home("history.csv")
        ran = walker.run("history", *at, *wanted, "--out", str(file), target=target)
        if ran.code and READERS_CANNOT_LOAD in ran.text:
            walker.say("this store lets no reader load a spine: not compared")
            return None
        if ran.code:
            raise Breach(f"the offline query of {wanted} cannot be asked ({ran.code}): {ran.complaint}")
        with file.open(newline="") as stream:
            walker.answers[key] = {int(row["customer_id"]): row for row in csv.DictReader(stream)}
    return walker.answers[key]


def _comparable(walker: Walker, target: str, view: str, loaded: Loaded) -> list[str]:
    """The features that are defined now as they were when the table was filled; none where the rest differs."""
    now = walker.objects(target)[f"feature_view/{view}"]["definition"]
    before = loaded.definition
    if any(now.get(key) != before.get(key) for key in {*now, *before} - {*_METADATA, "query"}):
        return []
    if now.get("query") != before.get("query"):
        return []
    then, today = _features(before), _features(now)
    return sorted(name for name, spec in today.items() if then.get(name) == spec)


def _features(definition: dict[str, Any]) -> dict[str, Any]:
    specs: dict[str, Any] = {column["name"]: column for column in definition.get("schema", ())}
    for one in definition.get("aggregations", ()):
        stem = one.get("name") or f"{one['column']}_{one['function']}"
        for window in one["windows"]:
            specs[f"{stem}_{window['length']}"] = {**one, "windows": window}
    return specs


def _equal(served: object, offline: str) -> bool:
    if served is None or offline == "":
        return served is None and offline == ""
    if isinstance(served, (int, float)):
        return math.isclose(float(served), float(offline), rel_tol=1e-9, abs_tol=1e-9)
    return str(served) == offline
