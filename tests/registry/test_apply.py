"""Apply on real SQLite and DuckDB: what it does, refuses, and leaves behind when it fails."""

from __future__ import annotations

import gzip
import json
import multiprocessing
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest

from asof import engines
from asof.compiler.diagnostics import DiagnosticError
from asof.compiler.plan import plan
from asof.ops.apply import (
    BlockedPlanError,
    Hands,
    InterruptedApplyError,
    PartialApplyError,
    StalePlanError,
    apply,
)
from asof.ops.infrastructure import StoreInfrastructure
from asof.ops.rollback import rollback_plan
from asof.registry.claim import LEASE, Claimed, ClaimError
from asof.registry.store import Registry
from asof.registry.upkeep import export
from tests.plan.world import LOCAL, PROJECT, column, duration, edited, repo_with, store, without
from tests.registry.world import (
    ANYTHING,
    DRIVER,
    GROWN,
    ME,
    REPO,
    TRIPS,
    Failing,
    asked,
    carry_out,
    go,
    registered,
    registry_in,
    tables,
    view,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_a_first_apply_makes_the_registry_and_the_tables(tmp_path: Path) -> None:
    assert go(REPO, tmp_path) == 1
    assert tables(tmp_path) == registered(tmp_path)
    assert sorted(tables(tmp_path).values()) == [["fare"], ["tip"]]
    assert plan(REPO, registry_in(tmp_path).state(), allow_destroy=ANYTHING).empty
    assert go(GROWN, tmp_path) == 2
    assert sorted(tables(tmp_path).values()) == [["fare", "tip"], ["tip"]]
    changed = edited("feature_view/fares", repo=GROWN, schema=(column("tip"),))
    assert go(changed, tmp_path) == 3
    assert tables(tmp_path) == registered(tmp_path)


def test_the_trail_says_who_did_what_from_where(tmp_path: Path) -> None:
    go(REPO, tmp_path)
    go(GROWN, tmp_path)
    first, second = registry_in(tmp_path).history()
    assert (first.serial, first.by, first.commit, first.summary) == (1, "ada", "abc123", {"additive": 4})
    assert (second.parent, second.addresses) == (first.generation, ("feature_view/fares",))
    exported = json.loads(export(registry_in(tmp_path)))
    assert exported["state"]["objects"].keys() == GROWN.definitions.keys()
    assert exported["head"]["serial"] == 2


def test_the_journal_holds_the_plan_and_intent_before_outcome(tmp_path: Path) -> None:
    go(REPO, tmp_path)
    keys = [k.rpartition("/")[2] for k in registry_in(tmp_path).blobs.list("journal/")]
    assert keys == [
        "0000-plan-begin.json.gz",
        "0001-expand-0001-intent.json",
        "0002-expand-0001-done.json",
        "0003-commit-intent.json",
        "0004-commit-done.json",
    ]


def test_an_applied_plan_applied_again_does_nothing(tmp_path: Path) -> None:
    made = plan(REPO, registry_in(tmp_path).state(), allow_destroy=ANYTHING)
    assert carry_out(made, tmp_path) == 1
    assert carry_out(made, tmp_path) == 1
    assert len(registry_in(tmp_path).history()) == 1


def test_a_stale_plan_says_what_moved_and_by_whom(tmp_path: Path) -> None:
    go(REPO, tmp_path)
    mine = plan(
        edited("feature_view/fares", repo=REPO, ttl=duration("1h")),
        registry_in(tmp_path).state(),
        allow_destroy=ANYTHING,
    )
    go(edited("data_source/trips", repo=REPO, timing__delay=duration("1h")), tmp_path)
    with pytest.raises(StalePlanError, match=r"data_source/trips.* moved .*generation 2 by ada \(abc123\)"):
        carry_out(mine, tmp_path)
    assert registry_in(tmp_path).state().serial == 2


def test_a_plan_goes_on_where_only_unrelated_objects_moved(tmp_path: Path) -> None:
    go(REPO, tmp_path)
    mine = plan(
        edited("feature_view/fares", repo=REPO, ttl=duration("1h")),
        registry_in(tmp_path).state(),
        allow_destroy=ANYTHING,
    )
    go(edited("feature_view/tips", repo=REPO, ttl=duration("2h")), tmp_path)
    with StoreInfrastructure("rides", root=tmp_path) as stores:
        done = apply(mine, registry_in(tmp_path), Hands(infrastructure=stores, actor=ME))
    assert (done.serial, done.rebased_from) == (3, 1)
    both = edited("feature_view/tips", repo=REPO, ttl=duration("2h"))
    assert plan(
        edited("feature_view/fares", repo=both, ttl=duration("1h")),
        registry_in(tmp_path).state(),
        allow_destroy=ANYTHING,
    ).empty
    assert tables(tmp_path) == registered(tmp_path)


def test_a_blocked_plan_touches_nothing(tmp_path: Path) -> None:
    go(REPO, tmp_path)
    with pytest.raises(BlockedPlanError) as caught:
        go(without(REPO, "feature_view/tips"), tmp_path, allow_destroy=())
    assert "--allow-destroy feature_view/tips" in caught.value.diagnostics[0].notes[0]
    assert registry_in(tmp_path).state().serial == 1
    go(without(REPO, "feature_view/tips"), tmp_path, allow_destroy=["feature_view/tips"])
    assert list(tables(tmp_path).values()) == [["fare"]]


def test_moving_the_online_store_makes_tables_there_and_drops_them_here(tmp_path: Path) -> None:
    go(REPO, tmp_path)
    target = msgspec.structs.replace(LOCAL, online=store("sqlite", "elsewhere.db"))
    moved = repo_with(*REPO.definitions.values(), project=msgspec.structs.replace(PROJECT, targets=(target,)))
    go(moved, tmp_path)
    assert tables(tmp_path) == {}
    assert sorted(tables(tmp_path, target.online).values()) == [["fare"], ["tip"]]


def test_a_moved_view_keeps_its_table_and_can_grow_in_the_same_apply(tmp_path: Path) -> None:
    go(REPO, tmp_path)
    before = set(tables(tmp_path))
    money = view("money", moved_from="fares", schema=(column("fare"), column("tip")))
    go(repo_with(DRIVER, TRIPS, money, REPO.definitions["feature_view/tips"]), tmp_path)
    assert set(tables(tmp_path)) == before
    assert tables(tmp_path) == registered(tmp_path)


def test_a_query_view_stands_in_the_offline_store_and_follows_its_query(tmp_path: Path) -> None:
    engine = engines.connect(LOCAL.offline, root=tmp_path)
    row = "1::BIGINT AS driver_id, 5.0::DOUBLE AS fare, 1.0::DOUBLE AS tip, now() AS ended_at"
    engine.execute([f"CREATE TABLE trips AS SELECT {row}"])
    engine.close()

    def standing() -> list[float]:
        session = engines.connect(LOCAL.offline, root=tmp_path, read_only=True)
        try:
            return [row["fare"] for row in session.query('SELECT fare FROM "rides__big"').read_all().to_pylist()]
        finally:
            session.close()

    repo = repo_with(DRIVER, TRIPS, asked("big", "SELECT driver_id, fare, ended_at FROM trips WHERE fare > 1"))
    go(repo, tmp_path)
    assert standing() == [5.0]
    go(edited("feature_view/big", repo=repo, query="SELECT driver_id, fare * 2 AS fare, ended_at FROM trips"), tmp_path)
    assert standing() == [10.0]
    go(without(repo, "feature_view/big"), tmp_path, allow_destroy=["feature_view/big"])
    with pytest.raises(DiagnosticError):
        standing()


@pytest.mark.parametrize("call", range(4))
def test_after_a_failure_anywhere_the_same_plan_finishes(tmp_path: Path, call: int) -> None:
    go(REPO, tmp_path)
    both = edited("feature_view/tips", repo=REPO, schema=(column("fare"),))
    made = plan(
        edited("feature_view/fares", repo=both, schema=(column("tip"),)),
        registry_in(tmp_path).state(),
        allow_destroy=ANYTHING,
    )
    with StoreInfrastructure("rides", root=tmp_path) as stores:
        hands = Hands(infrastructure=Failing(stores, call), actor=ME)
        if call < 2:
            with pytest.raises(PartialApplyError, match="step"):
                apply(made, registry_in(tmp_path), hands)
        else:  # readers see the new generation: what is left is owed, and done by the next apply
            assert apply(made, registry_in(tmp_path), hands).owed
    assert registry_in(tmp_path).state().serial == (1 if call < 2 else 2)
    assert carry_out(made, tmp_path) == 2
    assert tables(tmp_path) == registered(tmp_path)
    assert carry_out(made, tmp_path) == 2


@pytest.mark.parametrize("call", range(4))
def test_after_a_failure_another_plan_clears_what_was_left(tmp_path: Path, call: int) -> None:
    go(REPO, tmp_path)
    both = edited("feature_view/tips", repo=REPO, schema=(column("fare"),))
    made = plan(
        edited("feature_view/fares", repo=both, schema=(column("tip"),)),
        registry_in(tmp_path).state(),
        allow_destroy=ANYTHING,
    )
    with StoreInfrastructure("rides", root=tmp_path) as stores:
        hands = Hands(infrastructure=Failing(stores, call, KeyboardInterrupt), actor=ME)
        with pytest.raises(InterruptedApplyError, match="in doubt: "):
            apply(made, registry_in(tmp_path), hands)
    go(edited("feature_view/fares", repo=REPO, description="another plan"), tmp_path)
    assert tables(tmp_path) == registered(tmp_path)


def test_rollback_is_an_apply_of_what_was(tmp_path: Path) -> None:
    go(REPO, tmp_path)
    go(edited("feature_view/fares", repo=REPO, schema=(column("tip"),)), tmp_path)
    assert (
        carry_out(rollback_plan(registry_in(tmp_path), 1, PROJECT, target="local", allow_destroy=ANYTHING), tmp_path)
        == 3
    )
    assert plan(REPO, registry_in(tmp_path).state(), allow_destroy=ANYTHING).empty
    assert tables(tmp_path) == registered(tmp_path)
    with pytest.raises(DiagnosticError, match="no generation 9"):
        rollback_plan(registry_in(tmp_path), 9, PROJECT, target="local")


class TestClaims:
    def test_one_at_a_time_until_the_lease_runs_out(self, tmp_path: Path) -> None:
        at = datetime(2026, 1, 1, tzinfo=UTC)
        blobs = registry_in(tmp_path).blobs
        first = Claimed.take(Registry(blobs, lambda: at), owner="ada", project="rides", target="local")
        with pytest.raises(ClaimError, match="ada is at work"):
            Claimed.take(Registry(blobs, lambda: at), owner="bob", project="rides", target="local")
        later = Registry(blobs, lambda: at + LEASE + timedelta(seconds=1))
        second = Claimed.take(later, owner="bob", project="rides", target="local")
        assert second.unfinished == (first.apply_id,)
        assert second.head.epoch == first.head.epoch + 1
        with pytest.raises(ClaimError, match="bob took over"):
            first.release()
        second.release()

    def test_a_claim_is_renewed_while_work_goes_on(self, tmp_path: Path) -> None:
        at = [datetime(2026, 1, 1, tzinfo=UTC)]
        registry = Registry(registry_in(tmp_path).blobs, lambda: at[0])
        claim = Claimed.take(registry, owner="ada", project="rides", target="local")
        at[0] += LEASE * 0.6
        claim.renew()
        at[0] += LEASE * 0.6
        with pytest.raises(ClaimError):
            Claimed.take(registry, owner="bob", project="rides", target="local")

    def test_another_projects_registry_is_left_alone(self, tmp_path: Path) -> None:
        go(REPO, tmp_path)
        with pytest.raises(DiagnosticError, match="it holds rides"):
            Claimed.take(registry_in(tmp_path), owner="ada", project="other", target="local")


class TestDamage:
    def test_a_flipped_bit_in_a_generation_is_seen(self, tmp_path: Path) -> None:
        go(REPO, tmp_path)
        path = next((tmp_path / "registry" / "generations").iterdir())
        body = gzip.decompress(path.read_bytes())
        path.write_bytes(gzip.compress(body.replace(b"fares", b"fared")))
        with pytest.raises(DiagnosticError, match="do not match its name"):
            registry_in(tmp_path).state()
        path.write_bytes(path.read_bytes()[:-20])
        with pytest.raises(DiagnosticError, match="cut short"):
            registry_in(tmp_path).state()
        path.unlink()
        with pytest.raises(DiagnosticError, match="is missing"):
            registry_in(tmp_path).state()

    def test_a_lost_head_is_not_an_empty_registry(self, tmp_path: Path) -> None:
        go(REPO, tmp_path)
        (tmp_path / "registry" / "HEAD.json").unlink()
        with pytest.raises(DiagnosticError, match="is gone while generations are there"):
            registry_in(tmp_path).state()

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"format": 1}', b"\xff", b'{"format": 1, "serial": "x"}'])
    def test_a_torn_head_is_an_error(self, tmp_path: Path, body: bytes) -> None:
        go(REPO, tmp_path)
        (tmp_path / "registry" / "HEAD.json").write_bytes(body)
        with pytest.raises(DiagnosticError, match="is damaged"):
            registry_in(tmp_path).state()

    def test_a_newer_format_is_refused(self, tmp_path: Path) -> None:
        go(REPO, tmp_path)
        (tmp_path / "registry" / "HEAD.json").write_bytes(b'{"format": 99}')
        with pytest.raises(DiagnosticError, match="newer asof"):
            registry_in(tmp_path).state()


def _insist(root: Path, mine: str) -> None:
    """Add one view to whatever is there, however often somebody else is faster."""
    for _ in range(400):
        try:
            registry = registry_in(root)
            state = registry.state()
            names = {a.partition("/")[2] for a in state.objects if a.startswith("feature_view/")} | {mine}
            go(repo_with(DRIVER, TRIPS, *(view(name, online=False) for name in names)), root, allow_destroy=())
        except (ClaimError, StalePlanError, BlockedPlanError):
            time.sleep(0.01)
        else:
            return
    raise AssertionError(mine)


def test_racing_threads_lose_no_update(tmp_path: Path) -> None:
    threads = [threading.Thread(target=_insist, args=(tmp_path, f"v{n}")) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    state = registry_in(tmp_path).state()
    assert {f"feature_view/v{n}" for n in range(6)} <= set(state.objects)
    assert [e.serial for e in registry_in(tmp_path).history()] == list(range(1, state.serial + 1))


def test_racing_processes_lose_no_update(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_insist, args=(tmp_path, f"v{n}")) for n in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    state = registry_in(tmp_path).state()
    assert {f"feature_view/v{n}" for n in range(3)} <= set(state.objects)
