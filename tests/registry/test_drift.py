"""Drift: what somebody else did to the stores is seen, said, and put right where nothing is lost by it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from asof import engines
from asof.cli import ExitCode, main
from asof.compiler.model import Store
from asof.compiler.plan import plan
from asof.ops.apply import Hands, PostconditionError, apply
from asof.ops.drift import drift, repair
from asof.ops.infrastructure import StoreInfrastructure
from tests.plan.world import LOCAL, PROJECT, repo_with, store, without
from tests.registry.world import ANYTHING, DRIVER, ME, REPO, TRIPS, Failing, asked, go, registered, registry_in, tables

if TYPE_CHECKING:
    from pathlib import Path

    from asof.compiler.model import Repo
    from asof.compiler.state import Resource

QUERY = "SELECT driver_id, fare, ended_at FROM trips WHERE fare > 1"


def found(root: Path) -> list[tuple[str, str]]:
    with StoreInfrastructure("rides", root=root, read_only=True) as stores:
        return [(d.found, d.id.partition("/")[0]) for d in drift(registry_in(root), stores)]


def mend(root: Path) -> int:
    with StoreInfrastructure("rides", root=root) as stores:
        return len(repair(registry_in(root), Hands(infrastructure=stores, actor=ME)).mended)


def online(root: Path, *statements: str) -> None:
    with closing(sqlite3.connect(root / "on.db")) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_an_untouched_store_has_not_drifted(tmp_path: Path) -> None:
    assert found(tmp_path) == []
    go(REPO, tmp_path)
    assert found(tmp_path) == []
    assert mend(tmp_path) == 0


def test_a_table_that_is_gone_is_made_anew(tmp_path: Path) -> None:
    go(REPO, tmp_path)
    name = sorted(tables(tmp_path))[0]
    online(tmp_path, f'DROP TABLE "{name}"', f"DELETE FROM asof_tables WHERE name = '{name}'")
    assert found(tmp_path) == [("missing", "online_table")]
    assert mend(tmp_path) == 1
    assert found(tmp_path) == []
    assert registry_in(tmp_path).state().serial == 1


def test_a_table_with_another_layout_is_replaced_and_an_orphan_is_said_and_left_alone(tmp_path: Path) -> None:
    go(REPO, tmp_path)
    online(
        tmp_path,
        "UPDATE asof_tables SET layout = CAST(replace(layout, 'float64', 'float32') AS BLOB) WHERE name LIKE '%tips%'",
        "CREATE TABLE rides__old__00000000 (key BLOB PRIMARY KEY, row BLOB)",
        "INSERT INTO asof_tables SELECT 'rides__old__00000000', project, "
        "CAST(replace(layout, 'rides__tips', 'rides__old') AS BLOB) FROM asof_tables WHERE name LIKE '%tips%'",
    )
    assert [kind for kind, _ in found(tmp_path)] == ["differs", "orphan"]
    before = set(registered(tmp_path))
    assert mend(tmp_path) == 1
    assert [kind for kind, _ in found(tmp_path)] == ["orphan"]
    assert registry_in(tmp_path).state().serial == 2
    assert len(before & set(registered(tmp_path))) == 1


def offline_repo(offline: Store) -> Repo:
    target = msgspec.structs.replace(LOCAL, offline=offline)
    project = msgspec.structs.replace(PROJECT, targets=(target,), sql_dialect=offline.type)
    views = (asked("big", QUERY), asked("small", QUERY.replace(">", "<")))
    return repo_with(DRIVER, TRIPS, *views, project=project)


@pytest.fixture(params=["duckdb", "sqlite", "postgres"])
def offline(request: pytest.FixtureRequest) -> Store:
    if request.param == "postgres":
        return Store(type="postgres", options=(("url", request.getfixturevalue("postgres_dsn")),))
    return store(request.param, "off.db")


def test_views_that_were_dropped_replaced_or_cannot_run_any_more(tmp_path: Path, offline: Store) -> None:
    def run(*statements: str) -> None:
        with closing(engines.connect(offline, root=tmp_path)) as engine:
            engine.execute(statements)

    real = "DOUBLE PRECISION" if offline.type == "postgres" else "DOUBLE" if offline.type == "duckdb" else "REAL"
    run(
        'DROP VIEW IF EXISTS "rides__big"',
        'DROP VIEW IF EXISTS "rides__small"',
        "DROP TABLE IF EXISTS trips",
        f"CREATE TABLE trips (driver_id BIGINT, fare {real}, tip {real}, ended_at TIMESTAMP)",
    )
    go(offline_repo(offline), tmp_path)
    assert found(tmp_path) == []
    run(
        'DROP VIEW "rides__big"',
        'DROP VIEW "rides__small"',
        'CREATE VIEW "rides__small" AS SELECT driver_id, fare, ended_at FROM trips WHERE fare < 2',
        'CREATE VIEW "rides__mine" AS SELECT driver_id FROM trips',
        "CREATE VIEW stranger AS SELECT driver_id FROM trips",
    )
    views = [kind for kind, what in found(tmp_path) if what == "offline_view"]
    assert views == ["missing", "differs", "unknown"]
    assert mend(tmp_path) == 2
    assert found(tmp_path) == [("unknown", "offline_view")]
    run('DROP VIEW "rides__mine"', "DROP VIEW stranger")
    if offline.type == "duckdb":
        run("ALTER TABLE trips RENAME TO travels")
        assert [kind for kind, _ in found(tmp_path)] == ["broken", "broken"]
        assert mend(tmp_path) == 0
        return
    run('DROP VIEW "rides__big"', 'DROP VIEW "rides__small"', "DROP TABLE trips")


class Undone(Failing):
    """Infrastructure whose last table is dropped by somebody behind its back."""

    def create(self, resource: Resource) -> None:
        self.real.create(resource)
        self.left -= 1
        if not self.left:
            self.real.drop(resource)

    def another(self) -> Undone:
        return self


def test_apply_reads_again_what_it_has_made(tmp_path: Path) -> None:
    with StoreInfrastructure("rides", root=tmp_path) as stores:
        hands = Hands(infrastructure=Undone(stores, 2), actor=ME)
        with pytest.raises(PostconditionError) as caught:
            apply(plan(REPO, registry_in(tmp_path).state(), allow_destroy=ANYTHING), registry_in(tmp_path), hands)
    assert any("the table is gone" in note for note in caught.value.diagnostics[0].notes)
    assert registry_in(tmp_path).state().serial == 1
    assert mend(tmp_path) == 1
    assert found(tmp_path) == []


def test_drift_of_the_last_table_is_seen_too(tmp_path: Path) -> None:
    go(REPO, tmp_path)
    kept = sorted(tables(tmp_path))[0]
    online(tmp_path, "CREATE TABLE kept AS SELECT * FROM asof_tables")
    both = without(without(REPO, "feature_view/fares"), "feature_view/tips")
    go(both, tmp_path, allow_destroy=["feature_view/fares", "feature_view/tips"])
    online(
        tmp_path,
        f"INSERT INTO asof_tables SELECT * FROM kept WHERE name = '{kept}'",
        f'CREATE TABLE "{kept}" (key BLOB PRIMARY KEY, row BLOB)',
    )
    assert found(tmp_path) == [("orphan", "online_table")]


def test_the_commands_say_it_in_text_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "shop"

    def run(*arguments: str) -> tuple[int, dict[str, Any]]:
        code = main([*arguments, "--json", "-C", str(root)])
        return code, json.loads(capsys.readouterr().out)

    main(["init", str(root)])
    main(["apply", "--yes", "-C", str(root)])
    capsys.readouterr()
    assert run("drift") == (ExitCode.OK, run("drift")[1] | {"drift": [], "repaired": []})
    with closing(sqlite3.connect(root / ".asof" / "online.db")) as connection:
        (name,) = connection.execute("SELECT name FROM asof_tables").fetchone()
        connection.execute(f'DROP TABLE "{name}"')
        connection.execute("DELETE FROM asof_tables")
        connection.commit()
    code, answer = run("drift")
    assert (code, answer["drift"][0]["found"]) == (ExitCode.DRIFT, "missing")
    assert main(["drift", "-C", str(root)]) == ExitCode.DRIFT
    assert "the table is gone" in capsys.readouterr().out
    assert run("plan", "--drift")[1]["drift"] == []
    file = root / "features.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("7d, 30d", "7d, 60d", 1), encoding="utf-8")
    assert run("plan", "--drift")[1]["drift"] == answer["drift"]
    code, answer = run("drift", "--repair")
    assert (code, len(answer["repaired"]), answer["drift"]) == (ExitCode.OK, 1, [])
