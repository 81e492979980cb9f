"""What stops on its way: resume, abort, takeover, broken claims, heartbeats, Ctrl-C."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest

from asof import engines
from asof.compiler.diagnostics import DiagnosticError
from asof.compiler.model import Store
from asof.compiler.plan import Plan, plan
from asof.ops.apply import (
    Applied,
    Hands,
    InterruptedApplyError,
    PartialApplyError,
    Recovered,
    StalePlanError,
    abort,
    apply,
    resume,
)
from asof.ops.infrastructure import StoreInfrastructure
from asof.ops.recovery import standstill
from asof.registry import claim as claims
from asof.registry import open_registry
from asof.registry.base import unavailable
from asof.registry.claim import LEASE, Claimed, ClaimError, unlock
from asof.registry.store import Registry
from asof.registry.upkeep import export, import_
from tests.plan.world import LOCAL, PROJECT, column, duration, edited, repo_with
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

    from asof.compiler.model import Repo
    from asof.ops.infrastructure import Infrastructure

RECREATED = edited(
    "feature_view/fares",
    repo=edited("feature_view/tips", repo=REPO, schema=(column("fare"),)),
    schema=(column("tip"),),
)
"""Both online tables are made anew: two creations, a commit, two drops."""


def stop_at(root: Path, made: Plan, call: int) -> None:
    """Apply, and die at one call to a store."""
    with StoreInfrastructure("rides", root=root) as stores:
        hands = Hands(infrastructure=Failing(stores, call, KeyboardInterrupt), actor=ME)
        with pytest.raises(InterruptedApplyError) as caught:
            apply(made, registry_in(root), hands)
    assert "asof apply --resume" in caught.value.diagnostics[0].notes[0]


def resumed(root: Path) -> Applied | None:
    with StoreInfrastructure("rides", root=root) as stores:
        return resume(registry_in(root), Hands(infrastructure=stores, actor=ME))


def aborted(root: Path) -> Recovered | None:
    with StoreInfrastructure("rides", root=root) as stores:
        return abort(registry_in(root), Hands(infrastructure=stores, actor=ME))


def planned(repo: Repo, root: Path) -> Plan:
    return plan(repo, registry_in(root).state(), allow_destroy=ANYTHING)


def claim_of(root: Path) -> object:
    found = registry_in(root).head()
    assert found is not None
    return found[0].claim


@pytest.mark.parametrize("call", range(4))
def test_resume_finishes_with_the_plan_that_was_begun(tmp_path: Path, call: int) -> None:
    go(REPO, tmp_path)
    stop_at(tmp_path, planned(RECREATED, tmp_path), call)
    found = registry_in(tmp_path).head()
    assert found is not None
    assert standstill(found[0], datetime.now(UTC)) is not None
    done = resumed(tmp_path)
    assert done is not None
    assert done.serial == 2
    assert tables(tmp_path) == registered(tmp_path)
    assert planned(RECREATED, tmp_path).empty
    assert claim_of(tmp_path) is None
    assert resumed(tmp_path) is None


@pytest.mark.parametrize("call", range(4))
def test_abort_undoes_what_nobody_saw_and_finishes_what_was_committed(tmp_path: Path, call: int) -> None:
    go(REPO, tmp_path)
    stop_at(tmp_path, planned(RECREATED, tmp_path), call)
    done = aborted(tmp_path)
    assert done is not None
    assert (done.serial, done.committed) == ((1, False) if call < 2 else (2, True))
    assert tables(tmp_path) == registered(tmp_path)
    assert planned(REPO if call < 2 else RECREATED, tmp_path).empty
    assert aborted(tmp_path) is None


def test_a_table_that_grew_in_vain_is_as_before_and_grows_otherwise(tmp_path: Path) -> None:
    go(REPO, tmp_path)
    grown = edited("feature_view/fares", repo=REPO, schema=(column("fare"), column("tip")))
    grown = edited("feature_view/tips", repo=grown, schema=(column("tip"), column("fare")))
    stop_at(tmp_path, planned(grown, tmp_path), 1)
    assert sorted(tables(tmp_path).values()) == [["fare", "tip"], ["tip"]]
    aborted(tmp_path)
    assert sorted(tables(tmp_path).values()) == [["fare"], ["tip"]]
    other = edited("feature_view/fares", repo=REPO, schema=(column("fare"), column("driver_id")))
    stop_at(tmp_path, planned(grown, tmp_path), 1)
    go(edited("feature_view/fares", repo=other, schema=(column("fare"), column("tip"))), tmp_path)
    assert tables(tmp_path) == registered(tmp_path)


def test_whoever_takes_over_twice_still_answers_for_the_first(tmp_path: Path) -> None:
    go(REPO, tmp_path)
    stop_at(tmp_path, planned(RECREATED, tmp_path), 1)
    registry = registry_in(tmp_path)
    for owner in ("bob", "eve"):
        Claimed.take(registry, owner=owner, project="rides", target="local").abandon()
    assert len(tables(tmp_path)) == 3
    go(edited("feature_view/fares", repo=REPO, description="another plan"), tmp_path)
    assert tables(tmp_path) == registered(tmp_path)
    assert claim_of(tmp_path) is None


def test_a_stale_plan_leaves_the_claim_it_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go(REPO, tmp_path)
    mine = planned(edited("feature_view/fares", repo=REPO, ttl=duration("1h")), tmp_path)
    go(edited("feature_view/fares", repo=REPO, ttl=duration("2h")), tmp_path)
    moved = edited("feature_view/fares", repo=RECREATED, ttl=duration("2h"))
    stop_at(tmp_path, planned(moved, tmp_path), 1)
    before = claim_of(tmp_path)
    raced = [True]

    def verify_late(made: Plan, registry: Registry) -> object:
        if raced and raced.pop():
            return registry.state()
        raise StalePlanError()

    monkeypatch.setattr("asof.ops.apply.verify", verify_late)
    with pytest.raises(StalePlanError):
        carry_out(mine, tmp_path)
    assert claim_of(tmp_path) == before
    assert aborted(tmp_path) is not None
    assert tables(tmp_path) == registered(tmp_path)


def test_another_plan_finishes_the_replaced_views_of_the_one_before(tmp_path: Path) -> None:
    engine = engines.connect(LOCAL.offline, root=tmp_path)
    row = "1::BIGINT AS driver_id, 5.0::DOUBLE AS fare, 1.0::DOUBLE AS tip, now() AS ended_at"
    engine.execute([f"CREATE TABLE trips AS SELECT {row}"])
    engine.close()
    big = asked("big", "SELECT driver_id, fare, ended_at FROM trips WHERE fare > 1")
    repo = repo_with(DRIVER, TRIPS, big)
    go(repo, tmp_path)
    doubled = edited(
        "feature_view/big", repo=repo, query="SELECT driver_id, fare * 2 AS fare, ended_at FROM trips", online=False
    )
    made = planned(doubled, tmp_path)
    assert next(s.action for s in made.steps) == "commit"
    stop_at(tmp_path, made, 0)
    go(edited("feature_view/big", repo=doubled, description="later"), tmp_path)
    session = engines.connect(LOCAL.offline, root=tmp_path, read_only=True)
    assert session.query('SELECT fare FROM "rides__big"').read_all().to_pylist() == [{"fare": 10.0}]
    session.close()


def test_a_rebased_apply_that_stopped_after_its_commit_is_finished(tmp_path: Path) -> None:
    go(REPO, tmp_path)
    mine = planned(edited("feature_view/fares", repo=REPO, schema=(column("tip"),)), tmp_path)
    go(edited("feature_view/tips", repo=REPO, ttl=duration("2h")), tmp_path)
    stop_at(tmp_path, mine, 1)
    assert registry_in(tmp_path).state().serial == 3
    assert carry_out(mine, tmp_path) == 3
    assert carry_out(mine, tmp_path) == 3
    assert tables(tmp_path) == registered(tmp_path)


def test_asked_to_stop_the_step_in_flight_is_finished_and_no_other_begun(tmp_path: Path) -> None:
    go(REPO, tmp_path)
    seen: list[bool] = []
    with StoreInfrastructure("rides", root=tmp_path) as stores:
        hands = Hands(
            infrastructure=stores, actor=ME, progress=lambda p: seen.append(p.done), stop=lambda: len(seen) > 1
        )
        with pytest.raises(InterruptedApplyError, match=r"stopped after 1 steps; readers see generation 1") as caught:
            apply(planned(RECREATED, tmp_path), registry_in(tmp_path), hands)
    assert "asof apply --resume" in caught.value.diagnostics[0].notes[0]
    assert seen == [False, True]
    assert any(key.endswith("none-interrupted.json") for key in registry_in(tmp_path).blobs.list("journal/"))
    assert len(tables(tmp_path)) == 3
    done = resumed(tmp_path)
    assert done is not None
    assert done.serial == 2


def test_readers_of_the_generation_before_have_time_to_go(tmp_path: Path) -> None:
    go(REPO, tmp_path)
    old = set(tables(tmp_path))
    seen: list[tuple[int, bool]] = []
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            serial = registry_in(tmp_path).state().serial
            seen.append((serial, old <= set(tables(tmp_path))))
            time.sleep(0.02)

    reader = threading.Thread(target=look)
    reader.start()
    with StoreInfrastructure("rides", root=tmp_path) as stores:
        apply(planned(RECREATED, tmp_path), registry_in(tmp_path), Hands(infrastructure=stores, actor=ME, grace=0.5))
    over.set()
    reader.join()
    assert seen.count((2, True)) >= 3
    assert tables(tmp_path) == registered(tmp_path)


def test_a_grace_ends_when_somebody_asks_to_stop(tmp_path: Path) -> None:
    go(REPO, tmp_path)
    with StoreInfrastructure("rides", root=tmp_path) as stores:
        committed: list[bool] = []
        hands = Hands(
            infrastructure=stores,
            actor=ME,
            progress=lambda p: committed.append(True) if p.done and p.step.id == "commit" else None,
            stop=lambda: bool(committed),
            grace=600,
        )
        with pytest.raises(InterruptedApplyError, match="readers see generation 2"):
            apply(planned(RECREATED, tmp_path), registry_in(tmp_path), hands)
    assert len(tables(tmp_path)) == 4
    assert resumed(tmp_path) is not None
    assert tables(tmp_path) == registered(tmp_path)


class Slow(Failing):
    """Infrastructure whose every step takes its time."""

    def another(self) -> Infrastructure:
        return self

    def _tick(self) -> None:
        time.sleep(0.9)


def test_a_step_longer_than_the_lease_keeps_the_claim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "LEASE", timedelta(seconds=0.6))
    monkeypatch.setattr(claims, "HEARTBEAT_SECONDS", 0.05)
    go(REPO, tmp_path)
    began, over, refused = threading.Event(), threading.Event(), []

    def intrude() -> None:
        began.wait(30)
        while not over.wait(0.05):
            try:
                Claimed.take(registry_in(tmp_path), owner="bob", project="rides", target="local")
            except ClaimError:
                refused.append(True)

    with StoreInfrastructure("rides", root=tmp_path) as stores:
        intruder = threading.Thread(target=intrude)
        intruder.start()
        hands = Hands(infrastructure=Slow(stores, 99), actor=ME, progress=lambda _: began.set())
        try:
            done = apply(planned(GROWN, tmp_path), registry_in(tmp_path), hands)
        finally:
            over.set()
            intruder.join()
    assert done.serial == 2
    assert refused


def test_whoever_was_taken_over_begins_no_further_step(tmp_path: Path) -> None:
    go(REPO, tmp_path)
    at = [datetime.now(UTC)]
    registry = Registry(registry_in(tmp_path).blobs, lambda: at[0])

    class Stolen(Failing):
        def _tick(self) -> None:
            if self.left == 0:
                at[0] += LEASE * 2
                Claimed.take(registry, owner="bob", project="rides", target="local")
            self.left -= 1

    with StoreInfrastructure("rides", root=tmp_path) as stores:
        hands = Hands(infrastructure=Stolen(stores, 0), actor=ME)
        with pytest.raises(ClaimError, match="bob took over"):
            apply(planned(RECREATED, tmp_path), registry, hands)
    assert len(tables(tmp_path)) == 3
    assert registry.state().serial == 1


def test_a_registry_that_goes_away_leaves_an_apply_to_resume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go(REPO, tmp_path)
    made = planned(RECREATED, tmp_path)

    def gone(*_: object) -> str:
        raise unavailable("registry", OSError("no route to host"))

    with StoreInfrastructure("rides", root=tmp_path) as stores:
        registry = registry_in(tmp_path)
        monkeypatch.setattr(registry, "write_generation", gone)
        with pytest.raises(PartialApplyError, match="stopped after 2 steps") as caught:
            apply(made, registry, Hands(infrastructure=stores, actor=ME))
    assert [d.code for d in caught.value.diagnostics] == ["AS609", "AS703"]
    done = resumed(tmp_path)
    assert done is not None
    assert done.serial == 2
    assert tables(tmp_path) == registered(tmp_path)


class TestUnlock:
    def test_a_broken_claim_is_audited_and_fences_its_owner(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        go(REPO, tmp_path)
        registry = registry_in(tmp_path)
        dead = Claimed.take(registry, owner="ada", project="rides", target="local")
        with pytest.raises(ClaimError) as caught:
            resumed(tmp_path)
        assert any("registry unlock" in note for note in caught.value.diagnostics[0].notes)
        made = unlock(registry, by="bob", reason="the runner was reaped")
        assert made is not None
        assert (made.apply_id, made.owner, made.by) == (dead.apply_id, "ada", "bob")
        assert registry.unlocks() == (made,)
        monkeypatch.setattr(claims, "LOOK_SECONDS", 0.0)
        with pytest.raises(ClaimError, match="somebody broke the claim"):
            dead.guard()
        with pytest.raises(ClaimError, match="somebody broke the claim"):
            dead.release()
        assert aborted(tmp_path) is not None
        assert unlock(registry, by="bob", reason="again") is None
        assert [e.serial for e in registry.history()] == [1]

    def test_an_empty_registry_has_no_claim(self, tmp_path: Path) -> None:
        assert unlock(registry_in(tmp_path), by="bob", reason="why not") is None
        assert resumed(tmp_path) is None


def test_a_head_of_the_first_format_is_read_and_brought_up_to_date(tmp_path: Path) -> None:
    go(REPO, tmp_path)
    path = tmp_path / "registry" / "HEAD.json"
    path.write_bytes(path.read_bytes().replace(b'"format":3', b'"format":1'))
    assert registry_in(tmp_path).state().serial == 1
    go(edited("feature_view/fares", repo=REPO, description="later"), tmp_path)
    assert b'"format":3' in path.read_bytes()


@pytest.mark.parametrize("version", [b"0", b"true", b'"two"', b"-1"])
def test_a_format_that_never_was_is_damage(tmp_path: Path, version: bytes) -> None:
    go(REPO, tmp_path)
    path = tmp_path / "registry" / "HEAD.json"
    path.write_bytes(path.read_bytes().replace(b'"format":3', b'"format":' + version))
    with pytest.raises(DiagnosticError, match="is damaged"):
        registry_in(tmp_path).state()


def test_steps_of_two_stores_run_side_by_side(tmp_path: Path) -> None:
    engine = engines.connect(LOCAL.offline, root=tmp_path)
    engine.execute(["CREATE TABLE trips (driver_id BIGINT, fare DOUBLE, tip DOUBLE, ended_at TIMESTAMP)"])
    engine.close()
    views = [asked(f"q{n}", "SELECT driver_id, fare, ended_at FROM trips WHERE fare > 1") for n in range(3)]
    repo = repo_with(DRIVER, TRIPS, *views, view("plain"))
    names = set()
    with StoreInfrastructure("rides", root=tmp_path) as stores:

        def note(_: object) -> None:
            names.add(threading.current_thread().name)

        apply(planned(repo, tmp_path), registry_in(tmp_path), Hands(infrastructure=stores, actor=ME, progress=note))
    assert {name.split("-")[1] for name in names if name.startswith("asof-")} == {"duckdb", "sqlite"}
    assert tables(tmp_path) == registered(tmp_path)


def test_a_store_that_is_a_server_is_changed_over_several_connections(tmp_path: Path, postgres_dsn: str) -> None:
    offline = Store(type="postgres", options=(("url", postgres_dsn),))
    engine = engines.connect(offline, root=tmp_path)
    drops = [f'DROP VIEW IF EXISTS "rides__q{n}"' for n in range(12)]
    create = "CREATE TABLE trips (driver_id BIGINT, fare DOUBLE PRECISION, tip DOUBLE PRECISION, ended_at TIMESTAMP)"
    engine.execute([*drops, "DROP TABLE IF EXISTS trips", create])
    target = msgspec.structs.replace(LOCAL, offline=offline)
    project = msgspec.structs.replace(PROJECT, targets=(target,), sql_dialect="postgres")
    views = [asked(f"q{n}", f"SELECT driver_id, fare, ended_at FROM trips WHERE fare > {n}") for n in range(12)]
    threads = set()

    def note(_: object) -> None:
        threads.add(threading.current_thread().name)

    with StoreInfrastructure("rides", root=tmp_path) as stores:
        made = plan(
            repo_with(DRIVER, TRIPS, *views, project=project), registry_in(tmp_path).state(), allow_destroy=ANYTHING
        )
        apply(made, registry_in(tmp_path), Hands(infrastructure=stores, actor=ME, progress=note))
    assert len([name for name in threads if name.startswith("asof-postgres")]) > 1
    found = engine.query("SELECT viewname FROM pg_views WHERE viewname LIKE 'rides%q%'").read_all()
    assert found.num_rows == 12
    engine.execute([*drops, "DROP TABLE trips"])
    engine.close()


@pytest.mark.parametrize("writes", range(5))
def test_an_import_that_stopped_on_its_way_is_begun_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    go(REPO, tmp_path)
    go(edited("feature_view/fares", repo=REPO, description="second"), tmp_path)
    body = export(registry_in(tmp_path))
    place = open_registry("copy", root=tmp_path)
    left, put = [writes], place.blobs.put

    def dying(*given: object, **more: object) -> object:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return put(*given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(place.blobs, "put", dying)
    with pytest.raises(KeyboardInterrupt):
        import_(place, body, owner="ada", project="rides", target="local")
    monkeypatch.undo()
    assert place.state().serial == 0
    place = Registry(place.blobs, lambda: datetime.now(UTC) + LEASE * 2)
    assert import_(place, body, owner="ada", project="rides", target="local").serial == 2
    assert [entry.serial for entry in place.history()] == [1, 2]
    assert place.state() == registry_in(tmp_path).state()
    with pytest.raises(DiagnosticError, match="would overwrite it"):
        import_(place, body, owner="ada", project="rides", target="local")


def test_an_import_waits_for_who_works_there_and_leaves_what_stopped_there(tmp_path: Path) -> None:
    go(REPO, tmp_path)
    body = export(registry_in(tmp_path))
    place = open_registry("copy", root=tmp_path)
    busy = Claimed.take(place, owner="bob", project="rides", target="local")
    with pytest.raises(ClaimError, match="bob is at work"):
        import_(place, body, owner="ada", project="rides", target="local")
    busy.record("intent", ("expand-0001",))
    busy.abandon()
    with pytest.raises(DiagnosticError, match="stopped on its way"):
        import_(place, body, owner="ada", project="rides", target="local")
    assert place.state().serial == 0
