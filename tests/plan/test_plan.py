"""What a plan says about a whole repo: who is reached, what happens to stores, what is blocked."""

from __future__ import annotations

import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asof.compiler.classify import ChangeClass
from asof.compiler.diagnostics import DiagnosticError
from asof.compiler.graph import graph_of
from asof.compiler.model import Repo
from asof.compiler.plan import Plan, plan, plan_bytes, plan_from_bytes
from asof.compiler.state import EMPTY, repo_of, state_bytes, state_from_bytes
from asof.compiler.types import INT64
from tests.plan.world import (
    DEFINITIONS,
    LOCAL,
    PROJECT,
    WORLD,
    applied,
    column,
    duration,
    edited,
    plan_of,
    repo_with,
    store,
    without,
)


def change(made: Plan, address: str):  # type: ignore[no-untyped-def]
    return next(c for c in made.changes if c.address == address)


def effects(made: Plan) -> list[tuple[str, str, str]]:
    return [(s.phase, s.action, s.resource.address) for s in made.steps if s.action != "commit"]


def test_what_was_applied_is_not_planned_again() -> None:
    made = plan(WORLD, applied(WORLD))
    assert made.empty
    assert not made.steps


def test_a_first_plan_creates_everything_and_one_table_for_each_online_view() -> None:
    made = plan(WORLD, EMPTY)
    assert {c.address for c in made.changes} == set(WORLD.definitions)
    assert set(made.counts) == {ChangeClass.ADDITIVE}
    assert effects(made) == [
        ("expand", "create", "feature_view/fares"),
        ("expand", "create", "feature_view/hours"),
        ("expand", "create", "feature_view/hours"),
        ("expand", "create", "stream_feature_view/live"),
    ]


def test_the_same_repo_and_state_give_the_same_bytes_whatever_the_order_of_files() -> None:
    state = applied(WORLD)
    changed = edited("feature_view/fares", ttl=duration("1h"))
    wanted = plan_bytes(plan(changed, state))
    for seed in range(5):
        mixed = list(changed.definitions.items())
        random.Random(seed).shuffle(mixed)
        assert plan_bytes(plan(Repo(project=PROJECT, definitions=dict(sorted(mixed))), state)) == wanted


def test_a_plan_reads_back_as_it_was_written_and_not_after_an_edit() -> None:
    made = plan(WORLD, EMPTY)
    body = plan_bytes(made)
    assert plan_from_bytes(body) == made
    with pytest.raises(DiagnosticError, match="edited after it was made"):
        plan_from_bytes(body.replace(b"rides__fares__", b"rides__other__"))
    with pytest.raises(DiagnosticError, match="not a plan"):
        plan_from_bytes(body[: len(body) // 2])
    with pytest.raises(DiagnosticError, match="format 9"):
        plan_from_bytes(b'{"format": 9}')


def test_a_state_reads_back_and_gives_the_repo_again() -> None:
    state = applied(WORLD)
    body = state_bytes(state)
    assert state_from_bytes(body, state.generation) == state
    assert repo_of(state).definitions == WORLD.definitions


def test_a_source_change_reaches_views_services_and_training_sets_with_their_owners() -> None:
    made = plan_of(edited("data_source/trips", timing__delay=duration("1h")))
    assert {c.address for c in made.changes} == {
        "data_source/trips",
        "data_source/pings",
        "feature_view/fares",
        "feature_view/hours",
        "feature_view/recent",
        "on_demand_feature_view/price",
        "stream_feature_view/live",
    } - {"data_source/pings"}
    source = change(made, "data_source/trips")
    assert source.direct
    reached = {r.address: r.owner for r in source.reach}
    assert reached["feature_view/fares"] == "pricing@rides"
    assert reached["feature_service/pricing"] == "models@rides"
    assert reached["saved_dataset/training"] == "models@rides"
    fares = change(made, "feature_view/fares")
    assert not fares.direct
    assert fares.reasons[0].upstream == "data_source/trips"
    assert ("expand", "create", "feature_view/fares") in effects(made)
    assert ("contract", "drop", "feature_view/fares") in effects(made)


def test_a_key_of_another_type_breaks_every_view_of_the_entity_and_gives_it_a_new_table() -> None:
    made = plan_of(edited("entity/driver", join_keys__0__type=column("x").type))
    for address in ("feature_view/fares", "feature_view/hours", "stream_feature_view/live"):
        assert change(made, address).change_class == ChangeClass.INTERFACE_BREAK
        assert "starts empty" in change(made, address).cost


def test_a_new_feature_alters_the_table_and_keeps_its_rows() -> None:
    grown = edited("feature_view/fares", schema=(column("fare"), column("tip"), column("toll", INT64)))
    made = plan_of(grown)
    assert effects(made) == [("expand", "alter", "feature_view/fares")]
    step = made.steps[0]
    assert step.before is not None
    assert step.after is not None
    assert step.after.name == step.before.name
    assert [f.name for f in step.after.features][-1] == "toll"
    assert [r.address for r in change(made, "feature_view/fares").reach] == ["feature_service/everything"]


def test_ttl_changes_what_is_read_and_touches_no_table() -> None:
    made = plan_of(edited("feature_view/fares", ttl=duration("1h")))
    assert effects(made) == []
    assert [s.action for s in made.steps] == ["commit"]


def test_an_edit_of_words_reaches_nobody() -> None:
    made = plan_of(edited("feature_view/fares", description="what drivers earn"))
    assert [c.address for c in made.changes] == ["feature_view/fares"]
    assert change(made, "feature_view/fares").reach == ()


def test_coming_back_to_an_earlier_definition_never_reuses_the_table_that_stands() -> None:
    first = applied(WORLD)
    other = edited("feature_view/fares", source="shifts")
    second = applied(other, first)
    grown = edited("feature_view/fares", repo=other, schema=(column("fare"), column("tip"), column("toll")))
    third = applied(grown, second)
    made = plan(other, third)
    created = next(s.after for s in made.steps if s.action == "create")
    dropped = next(s.before for s in made.steps if s.action == "drop")
    assert created is not None
    assert dropped is not None
    assert created.name != dropped.name


def test_a_moved_online_store_gets_new_tables_and_the_old_ones_go() -> None:
    project = msgspec.structs.replace(
        PROJECT, targets=(msgspec.structs.replace(LOCAL, online=store("sqlite", "b.db")),)
    )
    made = plan_of(repo_with(*DEFINITIONS, project=project))
    assert [r.pointer for r in made.settings_changes] == ["/online"]
    assert "start empty" in made.settings_changes[0].text
    creates = {s.after.store.options[0][1] for s in made.steps if s.action == "create" and s.after}
    drops = {s.before.store.options[0][1] for s in made.steps if s.action == "drop" and s.before}
    assert (creates, drops) == ({"b.db"}, {"on.db"})


class TestMoves:
    def moved(self) -> Repo:
        fares = msgspec.structs.replace(WORLD.definitions["feature_view/fares"], name="money", moved_from="fares")
        rest = without(WORLD, "feature_view/fares")
        repo = repo_with(*rest.definitions.values(), fares)
        repo = edited("feature_view/recent", repo=repo, source="money")
        repo = edited("on_demand_feature_view/price", repo=repo, sources=("money", "asked"))
        repo = edited("feature_service/pricing", repo=repo, features__0__view="money")
        repo = edited("feature_service/everything", repo=repo, features__0__view="money")
        return edited("feature_test/fares_add_up", repo=repo, view="money")

    def test_a_declared_move_keeps_the_table_and_nothing_is_deleted(self) -> None:
        made = plan_of(self.moved())
        assert effects(made) == []
        assert change(made, "feature_view/money").action == "move"
        assert change(made, "feature_view/money").previous == "feature_view/fares"
        assert {c.change_class for c in made.changes} == {ChangeClass.IDENTITY}
        assert not made.blocked

    def test_a_move_breaks_a_service_whose_columns_go_by_the_name_of_the_view(self) -> None:
        start = applied(edited("feature_service/everything", full_feature_names=True))
        moved = edited("feature_service/everything", repo=self.moved(), full_feature_names=True)
        assert change(plan(moved, start), "feature_service/everything").change_class == ChangeClass.INTERFACE_BREAK
        kept = edited("feature_service/everything", repo=moved, features__0__alias="fares")
        assert change(plan(kept, start), "feature_service/everything").change_class == ChangeClass.IDENTITY

    def test_once_moved_the_declaration_may_stay(self) -> None:
        state = applied(self.moved(), applied(WORLD))
        assert plan(self.moved(), state).empty
        assert "feature_view/fares" not in state.objects
        assert {r.address for r in state.resources if "fares" in r.name} == {"feature_view/money"}

    def test_a_move_may_come_with_an_edit_and_then_has_the_worse_class(self) -> None:
        made = plan_of(edited("feature_view/money", repo=self.moved(), ttl=duration("1h")))
        assert change(made, "feature_view/money").change_class == ChangeClass.VALUE_CHANGE
        assert change(made, "feature_view/money").action == "move"

    def test_a_move_from_what_is_still_defined_is_blocked(self) -> None:
        copy = msgspec.structs.replace(WORLD.definitions["feature_view/fares"], name="money", moved_from="fares")
        made = plan_of(repo_with(*DEFINITIONS, copy))
        assert [(b.address, b.code) for b in made.blocked] == [("feature_view/money", "AS604")]


class TestGuards:
    def test_deleting_asks_for_permission_by_address(self) -> None:
        made = plan_of(without(WORLD, "feature_test/fares_add_up"))
        assert [(b.code, b.remedy) for b in made.blocked] == [("AS602", "--allow-destroy feature_test/fares_add_up")]
        allowed = plan_of(without(WORLD, "feature_test/fares_add_up"), allow_destroy=["feature_test/fares_add_up"])
        assert not allowed.blocked
        assert change(allowed, "feature_test/fares_add_up").change_class == ChangeClass.DESTRUCTIVE

    def test_deleting_what_others_still_use_is_blocked_even_with_permission(self) -> None:
        made = plan_of(without(WORLD, "feature_view/hours"), allow_destroy=["feature_view/hours"])
        assert [b.code for b in made.blocked] == ["AS603"]
        assert "feature_service/everything still reads" in made.blocked[0].message

    def test_a_protection_outlives_the_yaml_that_declared_it(self) -> None:
        guarded = edited("feature_test/fares_add_up", protect=("delete",))
        made = plan_of(
            without(guarded, "feature_test/fares_add_up"), was=guarded, allow_destroy=["feature_test/fares_add_up"]
        )
        assert [b.code for b in made.blocked] == ["AS601"]
        assert len(made.changes) == 1

    @pytest.mark.parametrize("protection", ["value_change", "recreate"])
    def test_values_and_tables_can_be_protected(self, protection: str) -> None:
        guarded = edited("feature_view/fares", protect=(protection,))
        made = plan_of(edited("data_source/trips", repo=guarded, timing__delay=duration("1h")), was=guarded)
        assert [(b.address, b.code) for b in made.blocked] == [("feature_view/fares", "AS601")]

    def test_lifting_a_protection_is_a_change_of_its_own(self) -> None:
        guarded = edited("feature_view/fares", protect=("value_change",))
        both = edited("feature_view/fares", ttl=duration("1h"))
        assert [b.code for b in plan_of(both, was=guarded).blocked] == ["AS601"]
        lifted = plan_of(WORLD, was=guarded)
        assert not lifted.blocked
        assert [c.change_class for c in lifted.changes] == [ChangeClass.METADATA]


def test_a_plan_for_another_projects_registry_is_refused() -> None:
    other = repo_with(*DEFINITIONS, project=msgspec.structs.replace(PROJECT, project="other"))
    with pytest.raises(DiagnosticError, match="it holds rides"):
        plan(other, applied(WORLD))


def test_targets_see_their_own_locations() -> None:
    state = applied(WORLD, target="production")
    made = plan(edited("data_source/trips", location__path="elsewhere"), state, target="production")
    assert change(made, "data_source/trips").change_class == ChangeClass.METADATA
    assert len(made.changes) == 1


def test_a_plan_keeps_env_references_unresolved() -> None:
    project = msgspec.structs.replace(
        PROJECT, targets=(msgspec.structs.replace(LOCAL, online=store("sqlite", "${env:SECRET}")),)
    )
    assert b"${env:SECRET}" in plan_bytes(plan(repo_with(*DEFINITIONS, project=project), EMPTY))


@st.composite
def repos(draw: st.DrawFn) -> Repo:
    """Any part of the world that hangs together, with some edits."""
    chosen = draw(st.sets(st.sampled_from(sorted(WORLD.definitions))))
    kept = chosen.union(graph_of(WORLD).above(*chosen))
    repo = without(WORLD, *(set(WORLD.definitions) - kept))
    for address in sorted(kept):
        if draw(st.booleans()):
            repo = edited(address, repo=repo, description=draw(st.sampled_from(["a", "b"])))
    if "feature_view/fares" in kept:
        repo = edited("feature_view/fares", repo=repo, ttl=draw(st.sampled_from([None, duration("1d")])))
        grown = draw(st.lists(st.sampled_from(["fare", "tip", "toll"]), unique=True))
        repo = edited("feature_view/fares", repo=repo, schema=tuple(map(column, grown)))
    return repo


@settings(max_examples=60, deadline=None)
@given(repos(), repos())
def test_after_any_plan_is_applied_there_is_nothing_left_to_plan(old: Repo, new: Repo) -> None:
    before = applied(old)
    made = plan(new, before)
    after = applied(new, before)
    assert plan(new, after).empty
    assert set(after.objects) == set(new.definitions)
    assert made.empty == (plan_bytes(made) == plan_bytes(plan(old, before)))
    standing = {r.id for r in before.resources}
    for step in made.steps:
        if step.action == "create":
            assert step.resource.id not in standing
        if step.action in ("drop", "alter", "replace"):
            assert step.before is not None
            assert step.before.id in standing
    dropped = {s.resource.id for s in made.steps if s.action == "drop"}
    created = {s.resource.id for s in made.steps if s.action == "create"}
    assert {r.id for r in after.resources} == (standing - dropped) | created


class TestQueries:
    """Edits of SQL: a class better than value_change is proven."""

    OLD = "SELECT driver_id, fare AS worth, ended_at FROM trips WHERE fare > 0"

    @pytest.mark.parametrize(
        ("new", "wanted"),
        [
            ("SELECT driver_id, t.fare AS worth, ended_at FROM trips AS t WHERE 0 < fare", "equivalent"),
            ("SELECT driver_id, fare AS worth, ended_at, tip FROM trips WHERE fare > 0", "additive"),
            ("SELECT DISTINCT driver_id, fare AS worth, ended_at FROM trips WHERE fare > 0", "value_change"),
            (OLD + " LIMIT 10", "value_change"),
            (OLD + " UNION ALL " + OLD, "value_change"),
            ("SELECT driver_id, max(fare) OVER () AS worth, ended_at FROM trips WHERE fare > 0", "value_change"),
            ("SELECT driver_id, fare AS worth, ended_at FROM trips WHERE fare >= 0", "value_change"),
        ],
    )  # fmt: skip
    def test_the_class_of_an_edit(self, new: str, wanted: str) -> None:
        repo = edited("feature_view/hours", query=new)
        assert change(plan_of(repo), "feature_view/hours").change_class == wanted

    def test_a_column_more_below_distinct_or_union_is_not_additive(self) -> None:
        for old in ("SELECT DISTINCT driver_id, ended_at FROM trips", self.OLD + " UNION " + self.OLD):
            was = edited("feature_view/hours", query=old)
            now = edited("feature_view/hours", query=old.replace("driver_id", "driver_id, tip"))
            assert change(plan_of(now, was), "feature_view/hours").change_class == ChangeClass.VALUE_CHANGE

    def test_a_query_shows_its_diff(self) -> None:
        reason = change(
            plan_of(edited("feature_view/hours", query=self.OLD + " LIMIT 1")), "feature_view/hours"
        ).reasons[0]
        assert reason.diff[:2] == ("--- before", "+++ after")

    def test_columns_that_a_source_gains_reach_only_queries_that_can_notice(self) -> None:
        columns = (*WORLD.source("trips").columns, column("toll"))  # type: ignore[union-attr]
        made = plan_of(edited("data_source/trips", columns=columns))
        assert [c.address for c in made.changes] == ["data_source/trips"]
        star = edited("feature_view/hours", query="SELECT *, fare AS worth FROM trips")
        made = plan_of(edited("data_source/trips", repo=star, columns=columns), star)
        assert [c.address for c in made.changes] == ["data_source/trips", "feature_view/hours"]
        assert change(made, "feature_view/hours").change_class == ChangeClass.VALUE_CHANGE
