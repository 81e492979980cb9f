"""A small repo, its registry and its stores in one folder, and hands to apply."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from asof import online
from asof.compiler.diagnostics import DiagnosticError
from asof.compiler.model import DataSource, FeatureView, Location, Repo, Store, Timing
from asof.compiler.plan import Plan, plan
from asof.compiler.types import INT64, TIMESTAMP
from asof.ops.apply import Actor, Hands, apply
from asof.ops.infrastructure import StoreInfrastructure
from asof.registry import open_registry
from tests.plan.world import LOCAL, Entity, column, edited, repo_with

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from asof.compiler.infrastructure import Step
    from asof.compiler.model import Target
    from asof.compiler.state import Resource
    from asof.ops.observe import Drifted
    from asof.registry.store import Registry

ME = Actor(by="ada", commit="abc123")

DRIVER = Entity(name="driver", join_keys=(column("driver_id", INT64),))
TRIPS = DataSource(
    name="trips",
    location=Location(table="trips"),
    columns=(column("driver_id", INT64), column("fare"), column("tip"), column("ended_at", TIMESTAMP)),
    timing=Timing(timestamp_field="ended_at"),
)


ANYTHING = ("*",)
"""Permission for whatever a plan asks permission for."""


def view(name: str, **fields: object) -> FeatureView:
    return msgspec.structs.replace(
        FeatureView(name=name, entities=("driver",), source="trips", schema=(column("fare"),)), **fields
    )


def asked(name: str, sql: str) -> FeatureView:
    timing = Timing(timestamp_field="ended_at")
    return view(name, source="", query=sql, timing=timing, schema=(column("fare"),))


REPO = repo_with(DRIVER, TRIPS, view("fares"), view("tips", schema=(column("tip"),)))
GROWN = edited("feature_view/fares", repo=REPO, schema=(column("fare"), column("tip")))


def registry_in(root: Path) -> Registry:
    return open_registry("registry", root=root)


def carry_out(made: Plan, root: Path, registry: Registry | None = None) -> int:
    with StoreInfrastructure("rides", root=root) as stores:
        return apply(made, registry or registry_in(root), Hands(infrastructure=stores, actor=ME)).serial


def go(repo: Repo, root: Path, **options: object) -> int:
    permitted = {"allow_destroy": ANYTHING, **options}
    return carry_out(plan(repo, registry_in(root).state(), **permitted), root)  # type: ignore[arg-type]


def tables(root: Path, target_store: object = LOCAL.online) -> dict[str, list[str]]:
    connection = online.connect(target_store, root=root, read_only=True)  # type: ignore[arg-type]
    try:
        return {t.name: [f.name for f in t.features] for t in connection.observe("rides")}
    finally:
        connection.close()


def registered(root: Path) -> dict[str, list[str]]:
    found = registry_in(root).state().resources
    return {r.name: [f.name for f in r.features] for r in found if r.kind == "online_table"}


class Failing:
    """Infrastructure that stops at one call, as a store does that goes away."""

    def __init__(self, real: StoreInfrastructure, call: int, error: type[BaseException] = DiagnosticError) -> None:
        self.real, self.left, self.error = real, call, error

    def _tick(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise self.error()

    @property
    def lineage(self) -> str:
        return self.real.lineage

    @lineage.setter
    def lineage(self, lineage: str) -> None:
        self.real.lineage = lineage

    @property
    def target(self) -> Target | None:
        return self.real.target

    def lane(self, resource: Resource) -> str:
        return "one"

    def observe(
        self, resources: Sequence[Resource], *, definitions: bool, beside: Sequence[tuple[str, Store]] = ()
    ) -> tuple[Drifted, ...]:
        return self.real.observe(resources, definitions=definitions, beside=beside)

    def rehearse(self, steps: Sequence[Step]) -> tuple[str, ...]:
        return self.real.rehearse(steps)

    def filled(self, tables: Sequence[Resource]) -> tuple[Resource, ...]:
        return self.real.filled(tables)

    def another(self) -> Failing:
        return self

    def close(self) -> None:
        return

    def create(self, resource: Resource) -> None:
        self._tick()
        self.real.create(resource)

    def alter(self, resource: Resource) -> None:
        self._tick()
        self.real.alter(resource)

    def drop(self, resource: Resource) -> None:
        self._tick()
        self.real.drop(resource)
