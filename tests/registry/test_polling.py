"""Readers that poll a bucket over a bad network through all that can happen to a registry.

One asks each thing once: what it is told may only be worth another try. The others have the patience of every asof, and
are told of nothing at all. None ever sees half a generation, or an earlier one than before.
"""

from __future__ import annotations

import random
import threading
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from asof.compiler.diagnostics import DiagnosticError
from asof.compiler.plan import plan
from asof.ops.apply import Hands, InterruptedApplyError, abort, apply, resume
from asof.ops.infrastructure import StoreInfrastructure
from asof.ops.rollback import rollback_plan
from asof.registry import open_objects
from asof.registry.claim import Claimed, unlock
from asof.registry.patience import Patience
from asof.registry.store import Registry
from asof.registry.upkeep import collect, export, import_
from asof.testing.blob_stores import QUICK
from asof.testing.fault_proxy import CUT_AFTER, CUT_BEFORE, Fault, fault_proxy
from tests.plan.world import PROJECT, column, edited
from tests.registry.test_cycle import LOCATIONS
from tests.registry.world import ANYTHING, GROWN, ME, REPO, Failing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from asof.compiler.plan import Plan

ONCE = Patience(tries=1, answer=0.6)
LONG = replace(QUICK, tries=24)
"""A fifth of all requests goes wrong here, and on GCS a read is two of them: eight tries in a row may well fail."""
RETRYABLE = {"AS703"}
FAULTS = [
    CUT_BEFORE,
    CUT_AFTER,
    *(Fault(status=status) for status in (404, 409, 412, 429, 500, 503)),
    Fault(when="after", status=500),
    Fault(when="after", cut_body=20),
    Fault(delay=0.05),
]


class Poller:
    """A reader in a thread: how often it was answered, the serials it saw, and what it was told instead."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.serials: list[int] = []
        self.told: list[str] = []
        self.over = threading.Event()

    def poll(self) -> None:
        while not self.over.is_set():
            try:
                state = self.registry.state()
            except DiagnosticError as error:
                self.told.append(error.diagnostics[0].code)
                continue
            except Exception as error:  # noqa: BLE001 - a traceback is what nobody may ever see
                self.told.append(repr(error))
                return
            whole = {"feature_view/fares", "feature_view/tips", "entity/driver"} <= state.objects.keys()
            if state.serial and not (whole and len(state.resources) == 2):
                self.told.append(f"half of generation {state.serial}")
            self.serials.append(state.serial)


@contextmanager
def polling(*pollers: Poller) -> Iterator[None]:
    threads = [threading.Thread(target=poller.poll) for poller in pollers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for poller in pollers:
            poller.over.set()
        for thread in threads:
            thread.join()


class Day:
    """All that happens to a registry, on a network that is no better."""

    def __init__(self, root: Path, registry: Registry) -> None:
        self.root, self.registry = root, registry

    def carry_out(self, made: Plan) -> None:
        with StoreInfrastructure("rides", root=self.root) as stores:
            apply(made, self.registry, Hands(infrastructure=stores, actor=ME))

    def stop_on_the_way(self, made: Plan, call: int) -> None:
        with StoreInfrastructure("rides", root=self.root) as stores:
            hands = Hands(infrastructure=Failing(stores, call, KeyboardInterrupt), actor=ME)
            with pytest.raises(InterruptedApplyError):
                apply(made, self.registry, hands)

    def go(self) -> int:
        """The serial at the end."""
        registry = self.registry
        self.carry_out(plan(REPO, registry.state(), allow_destroy=ANYTHING))
        self.carry_out(plan(GROWN, registry.state(), allow_destroy=ANYTHING))
        collect(registry, owner="gc", keep=1)
        remade = edited("feature_view/fares", repo=GROWN, schema=(column("tip"),))
        for call, settle in ((0, abort), (1, resume)):
            self.stop_on_the_way(plan(remade, registry.state(), allow_destroy=ANYTHING), call)
            with StoreInfrastructure("rides", root=self.root) as stores:
                settle(registry, Hands(infrastructure=stores, actor=ME))
        Claimed.take(registry, owner="dead", project="rides", target="local")
        assert unlock(registry, by="ada", reason="dead") is not None
        self.carry_out(plan(REPO, registry.state(), allow_destroy=ANYTHING))
        self.carry_out(rollback_plan(registry, 3, PROJECT, target="local", allow_destroy=ANYTHING))
        for text in ("a", "b", "c"):
            described = edited("feature_view/tips", repo=remade, description=text)
            self.carry_out(plan(described, registry.state(), allow_destroy=ANYTHING))
            collect(registry, owner="gc", keep=1)
        return registry.state().serial


@pytest.mark.parametrize("kind", ["s3", "gs", "az"])
def test_who_polls_through_all_of_it_is_told_nothing_wrong(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    fixture, template = LOCATIONS[kind]
    endpoint = request.getfixturevalue(fixture)
    chance = random.Random(2)
    with fault_proxy(endpoint) as near, fault_proxy(endpoint) as far:
        near.pick = lambda _method, _path: chance.choice(FAULTS) if chance.random() < 0.1 else None
        far.pick = lambda _method, _path: chance.choice(FAULTS) if chance.random() < 0.2 else None

        def through(proxy: object, patience: Patience, name: str = "polled") -> Registry:
            place = template.format(name=name, endpoint=proxy.endpoint)  # type: ignore[attr-defined]
            return Registry(open_objects(place, patience=patience))

        hasty, patient = Poller(through(far, ONCE)), Poller(through(far, LONG))
        with polling(hasty, patient):
            writer = through(near, LONG)
            last = Day(tmp_path, writer).go()
            # The backup of a registry in another place, read by the same kind of reader.
            copied = Poller(through(far, LONG, "copied"))
            with polling(copied):
                import_(through(near, LONG, "copied"), export(writer), owner="ada", project="rides", target="local")
                while (copied.serials or [0])[-1] != last:
                    copied.over.wait(0.05)
            while (patient.serials or [0])[-1] != last:
                patient.over.wait(0.05)
    assert last == 8
    assert set(hasty.told) == RETRYABLE
    assert patient.told == copied.told == []
    for poller in (hasty, patient, copied):
        assert poller.serials == sorted(poller.serials)
    assert len(set(patient.serials)) >= 5
