"""What may happen to a registry: what its users do, what befalls their commands, and what is done behind its back."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta, timezone
from typing import TYPE_CHECKING

from tests.registry.walk import upsets
from tests.registry.walk.door import CALM, Ran, Trouble
from tests.registry.walk.walker import ALLOWED, LEASE_IS_OVER, Breach, KeptPlan, Walker

if TYPE_CHECKING:
    from random import Random

Verb = Callable[[Walker, str], None]
DISK_BYTES = (0, 100, 1000, 4096)
"""How large a file may become where the disk is full. With more of it DuckDB 1.4 tears its own file."""


def trouble(random: Random, often: float) -> Trouble:
    """Often none; else a death at some effect or some moment, or a disk that is full."""
    if random.random() >= often:
        return CALM
    kind = random.choices(("effect", "moment", "disk"), (7, 2, 2))[0]
    if kind == "effect":
        return Trouble(dies_at=random.randint(1, random.choice((30, 90, 250))))
    if kind == "moment":
        return Trouble(dies_after=random.uniform(0.02, 0.4))
    return Trouble(file_limit=random.choice(DISK_BYTES))


def applied(walker: Walker, target: str, befalls: Trouble = CALM, *args: str, leave: bool = True) -> Ran:
    """`asof apply` of the files as they are; in a quiet world it has to succeed."""
    quiet = walker.quiet(target)
    ran = walker.change("apply", *args, "--yes", *(ALLOWED if leave else ()), target=target, trouble=befalls)
    if str(befalls):
        return ran
    if quiet and leave and ran.code != 0:
        raise Breach(f"a sound repo in a quiet world cannot be applied ({ran.code}): {ran.complaint}")
    if ran.code == 0:
        views = {f"feature_view/{name}" for name in walker.repo.views}
        recorded = {address for address in walker.objects(target) if address.startswith("feature_view/")}
        if views != recorded:
            raise Breach(f"apply exits 0, and {target} holds {sorted(recorded)} instead of {sorted(views)}")
    return ran


def edit(walker: Walker, target: str) -> None:
    walker.say(walker.repo.edit(walker.random))
    walker.write()
    if walker.random.random() < 0.75:
        applied(walker, target, trouble(walker.random, 0.25), leave=walker.random.random() < 0.8)


def rename(walker: Walker, target: str) -> None:
    walker.say(walker.repo.rename(walker.random))
    walker.write()
    if walker.random.random() < 0.8:
        applied(walker, target, trouble(walker.random, 0.2))


def move_store(walker: Walker, target: str) -> None:
    """Another online file, perhaps one that comes from the environment."""
    moving = walker.world.targets[target]
    moving.online = walker.random.choice([path for path in moving.choices if path != moving.online])
    walker.say(f"{target} is served from {moving.online}")
    walker.write()
    if walker.random.random() < 0.7:
        applied(walker, target, trouble(walker.random, 0.2))


def apply(walker: Walker, target: str) -> None:
    applied(walker, target, trouble(walker.random, 0.5), leave=walker.random.random() < 0.8)


def killed_apply(walker: Walker, target: str) -> None:
    """An edit whose apply dies; whoever comes next meets its lease, waits or breaks it."""
    walker.say(walker.repo.edit(walker.random))
    walker.write()
    applied(walker, target, Trouble(dies_at=walker.random.randint(1, walker.random.choice((40, 120, 300)))))
    choice = walker.random.random()
    if choice < 0.5:
        wait(walker, target)
    elif choice < 0.7:
        unlock(walker, target)


def plan_file(walker: Walker, target: str) -> None:
    name = f"plan{len(walker.plans)}.json"
    ran = walker.run("plan", "--no-examples", "--out", name, *ALLOWED, target=target)
    if ran.code == 0 and (walker.world.root / name).exists():
        document = json.loads((walker.world.root / name).read_text())
        walker.plans.append(KeptPlan(file=name, target=target, document=document, at=walker.changes))


def apply_file(walker: Walker, target: str) -> None:
    """A plan that waited: carried out with the effect it showed, or refused."""
    mine = [kept for kept in walker.plans if kept.target == target]
    if not mine:
        plan_file(walker, target)
        mine = [kept for kept in walker.plans if kept.target == target]
    if not mine:
        return
    kept = walker.random.choice(mine)
    fresh = kept.at == walker.changes and walker.quiet(target)
    before = walker.objects(target)
    befalls = trouble(walker.random, 0.15)
    ran = walker.change("apply", kept.file, "--yes", target=target, trouble=befalls)
    if str(befalls):
        return
    if fresh and ran.code:
        raise Breach(f"a plan that nothing came between is refused ({ran.code}): {ran.complaint}")
    if ran.code == 0:
        _as_shown(walker, kept, before)


def _as_shown(walker: Walker, kept: KeptPlan, before: dict[str, object]) -> None:
    """Objects that the plan speaks of are as it says, and all others as they were."""
    now, planned = walker.objects(kept.target), kept.document.get("objects", {})
    for address in {*now, *before, *planned}:
        expected = planned[address] if address in planned else before.get(address)
        if now.get(address) != expected:
            raise Breach(f"{kept.file} was carried out, and {address} is not as it showed")


def rollback(walker: Walker, target: str) -> None:
    last = walker.head(target)["serial"]
    serial = walker.random.randint(1, max(1, last))
    befalls = trouble(walker.random, 0.2)
    quiet = walker.quiet(target)
    leave = ALLOWED if walker.random.random() < 0.8 else ()
    ran = walker.change("rollback", str(serial), "--yes", *leave, target=target, trouble=befalls)
    if quiet and not str(befalls) and ran.code not in (0, 4, 7, 9, 10, 64):
        raise Breach(f"a rollback in a quiet world neither succeeds nor is refused ({ran.code}): {ran.complaint}")
    then = walker.snapshots.get((target, serial))
    if ran.code == 0 and then is not None and not str(befalls) and walker.objects(target) != then:
        raise Breach(f"rolled back to {serial}, and the objects are not those of {serial}")


def promote(walker: Walker, target: str) -> None:
    names = list(walker.world.targets)
    source = next(name for name in names if name != target)
    befalls = trouble(walker.random, 0.2)
    quiet = walker.quiet(target)
    ran = walker.change("promote", source, target, "--yes", *ALLOWED, target=target, trouble=befalls)
    if str(befalls):
        return
    if quiet and ran.code != 0:
        raise Breach(f"a promotion in a quiet world fails ({ran.code}): {ran.complaint}")
    if ran.code == 0 and walker.objects(source) != walker.objects(target):
        raise Breach(f"promoted, and {target} does not hold what {source} holds")


def materialize(walker: Walker, target: str) -> None:
    as_of = walker.instant
    if walker.random.random() < 0.15:
        as_of -= timedelta(hours=walker.random.randint(1, 40))
    offset = timezone(timedelta(hours=walker.random.choice((0, 0, 5, -7))))
    befalls = trouble(walker.random, 0.15)
    calm = walker.settled(target) and walker.book.clean and walker.repo.sound
    ran = walker.change(
        "--json", "materialize", "--as-of", as_of.astimezone(offset).isoformat(), target=target, trouble=befalls
    )
    if ran.code == 0 and ran.out:
        walker.note_loads(target, ran, as_of)
        return
    walker.unload(target)
    if calm and not str(befalls) and walker.objects(target):
        raise Breach(f"nothing is wrong, and materialize ends with {ran.code}: {ran.complaint}")


def orders(walker: Walker, target: str) -> None:
    """More data, all later than what was materialized."""
    walker.hours += 6
    for _ in range(walker.random.randint(1, 2)):
        customer, amount = walker.random.choice((4, 5, 8, 9)), walker.random.randrange(400) / 4
        walker.say(f"an order of {customer} over {amount}")
        at = (walker.instant - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        walker.world.orders += 1
        walker.door.call(lambda customer=customer, amount=amount, at=at: walker.world.order(at, customer, amount))


def drift_repair(walker: Walker, target: str) -> None:
    ran = walker.change("--json", "drift", "--repair", target=target, trouble=trouble(walker.random, 0.15))
    if ran.code != 0 or not ran.out:
        return
    gone = [name for path, name, _ in walker.tables(target) if name not in walker.standing(path)]
    if gone:
        raise Breach(f"drift --repair exits 0, and {gone} are not there: {ran.out[-600:]}")


def gc(walker: Walker, target: str) -> None:
    walker.change("registry", "gc", "--keep", str(walker.random.randint(1, 4)), "--yes", target=target)


def unlock(walker: Walker, target: str) -> None:
    walker.change("registry", "unlock", "--reason", "walk", target=target)


def resume(walker: Walker, target: str) -> None:
    walker.change("apply", "--resume", target=target, trouble=trouble(walker.random, 0.2))


def abort(walker: Walker, target: str) -> None:
    walker.change("apply", "--abort", target=target, trouble=trouble(walker.random, 0.2))


def repair(walker: Walker, target: str) -> None:
    """The last door, at any time."""
    if walker.door.has("registry", "repair"):
        walker.change("registry", "repair", "--yes", target=target, trouble=trouble(walker.random, 0.2))


def wait(walker: Walker, target: str) -> None:
    walker.later += LEASE_IS_OVER
    walker.say("time passes: every lease is over")


def clock_ahead(walker: Walker, target: str) -> None:
    """Eleven years too early, once."""
    ahead = Trouble(ahead=timedelta(days=4000))
    if walker.random.random() < 0.6:
        walker.change("materialize", target=target, trouble=ahead)
        walker.unload(target)
        return
    walker.say(walker.repo.touch())
    walker.write()
    walker.change("apply", "--yes", target=target, trouble=ahead)


VERBS: tuple[tuple[Verb, int], ...] = (
    (edit, 10), (rename, 4), (move_store, 3), (apply, 3), (killed_apply, 6), (plan_file, 4), (apply_file, 5),
    (rollback, 4), (materialize, 8), (orders, 3), (drift_repair, 4), (gc, 1), (unlock, 2), (resume, 3), (abort, 3),
    (repair, 1), (wait, 4), (clock_ahead, 2), (upsets.drop_table, 4), (upsets.drop_view, 2), (upsets.lose_file, 1),
    (upsets.catalogue, 3), (upsets.foreign, 2), (upsets.garbage, 3), (upsets.read_only, 2), (upsets.journal, 2),
    (upsets.watermark, 1),
)  # fmt: skip
BETWEEN: tuple[tuple[Verb, int], ...] = ((promote, 8), (upsets.shared_store, 1))
"""Verbs of worlds with two targets."""
