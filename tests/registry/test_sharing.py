"""Several repos in one registry: each changes its own, refers to the rest, and deletes nothing of anybody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from asof.compiler.check import check
from asof.compiler.model import FeatureService, FeatureView, Ownership, Repo, ServiceItem
from asof.compiler.ownership import owns, with_others
from asof.compiler.plan import Plan, plan
from asof.ops.rollback import rollback_plan
from tests.plan.world import LOCAL, PROJECT, column, edited, repo_with, store
from tests.registry.world import ANYTHING, DRIVER, TRIPS, carry_out, registered, registry_in, tables, view

if TYPE_CHECKING:
    from pathlib import Path

    from asof.compiler.model import AnyDefinition

GROWTH = Ownership(tags=(("team", "growth"),))
FRAUD = Ownership(prefixes=("fraud_",))


def tagged(definition: AnyDefinition) -> AnyDefinition:
    return msgspec.structs.replace(definition, tags=(("team", "growth"),))


def repo_owning(ownership: Ownership, *definitions: AnyDefinition) -> Repo:
    return repo_with(*definitions, project=msgspec.structs.replace(PROJECT, ownership=ownership))


BASE = repo_owning(GROWTH, tagged(DRIVER), tagged(TRIPS), tagged(view("fares")))
SCORE = view("fraud_score")
OTHER = repo_owning(FRAUD, SCORE, FeatureService(name="fraud_model", features=(ServiceItem(view="fraud_score"),)))


def planned(repo: Repo, root: Path, **options: object) -> Plan:
    return plan(repo, registry_in(root).state(), **options)  # type: ignore[arg-type]


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    carry_out(planned(BASE, tmp_path), tmp_path)
    carry_out(planned(OTHER, tmp_path), tmp_path)
    return tmp_path


def test_ownership_is_by_prefix_or_by_all_tags() -> None:
    both = Ownership(prefixes=("a_", "b_"), tags=(("team", "x"), ("tier", "1")))
    assert owns(both, view("b_driver"))
    assert owns(both, view("c", tags=(("tier", "1"), ("team", "x"))))
    assert not owns(both, view("c", tags=(("team", "x"),)))
    assert owns(Ownership(), view("anything"))


def test_a_repo_refers_to_what_another_one_owns(shared: Path) -> None:
    state = registry_in(shared).state()
    assert sorted(state.objects) == [
        "data_source/trips",
        "entity/driver",
        "feature_service/fraud_model",
        "feature_view/fares",
        "feature_view/fraud_score",
    ]
    assert [d for d in check(with_others(OTHER, state)) if d.level == "error"] == []
    assert any(d.level == "error" for d in check(OTHER))


def test_neither_repo_deletes_what_the_other_one_owns(shared: Path) -> None:
    assert planned(BASE, shared).empty
    assert planned(OTHER, shared).empty
    shrunk = repo_owning(FRAUD, SCORE)
    made = planned(shrunk, shared, allow_destroy=("feature_service/fraud_model",))
    assert [c.address for c in made.changes] == ["feature_service/fraud_model"]
    assert (made.others, made.blocked) == (3, ())
    carry_out(made, shared)
    assert "feature_view/fares" in registry_in(shared).state().objects
    assert tables(shared) == registered(shared)


def test_deleting_what_another_repo_reads_is_an_error(shared: Path) -> None:
    rest = repo_owning(GROWTH, tagged(DRIVER))
    errors = [d for d in check(with_others(rest, registry_in(shared).state())) if d.level == "error"]
    assert "feature_view/fraud_score" in {d.address for d in errors}
    entities = repo_owning(GROWTH, tagged(DRIVER), tagged(TRIPS))
    made = planned(entities, shared, allow_destroy=("feature_view/fares",))
    assert made.blocked == ()


def test_a_change_says_whom_it_reaches_in_other_repos(shared: Path) -> None:
    repo = edited("data_source/trips", repo=BASE, timing__timestamp_field="ended_at", location__table="journeys")
    made = planned(repo, shared)
    source = next(c for c in made.changes if c.address == "data_source/trips")
    assert "feature_view/fraud_score" in [r.address for r in source.reach]
    carry_out(made, shared)
    assert tables(shared) == registered(shared)
    assert planned(OTHER, shared).empty


def test_an_object_of_another_repo_cannot_be_seized(shared: Path) -> None:
    mine = (("team", "fraud"),)
    named = repo_owning(Ownership(tags=mine), view("fares", tags=mine))
    assert [b.code for b in planned(named, shared).blocked] == ["AS614"]


def test_stores_do_not_change_under_others(shared: Path) -> None:
    target = msgspec.structs.replace(LOCAL, online=store("sqlite", "elsewhere.db"))
    project = msgspec.structs.replace(OTHER.project, targets=(target,))
    moved = repo_with(*OTHER.definitions.values(), project=project)
    assert "AS615" in [b.code for b in planned(moved, shared).blocked]


def test_a_rollback_brings_back_what_is_ones_own(shared: Path) -> None:
    grown = edited("feature_view/fares", repo=BASE, schema=(column("fare"), column("tip")))
    carry_out(planned(grown, shared), shared)
    later = edited("feature_view/fraud_score", repo=OTHER, description="Later.")
    carry_out(planned(later, shared), shared)
    carry_out(rollback_plan(registry_in(shared), 2, BASE.project, target="local", allow_destroy=ANYTHING), shared)
    assert planned(later, shared).empty
    state = registry_in(shared).state()
    assert [c["name"] for c in state.objects["feature_view/fares"].definition["schema"]] == ["fare"]


def test_without_ownership_a_repo_owns_all(shared: Path) -> None:
    made = planned(repo_with(*OTHER.definitions.values(), DRIVER, TRIPS), shared)
    assert {b.address for b in made.blocked if b.code == "AS602"} == {"feature_view/fares"}
    assert isinstance(SCORE, FeatureView)
