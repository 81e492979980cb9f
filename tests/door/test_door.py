"""Cases of the oracle through the command line and the SDK, as processes that may only read.

``ASOF_DOOR=40`` asks for more cases than the few of every run.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import duckdb
import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from asof.compiler.dialects import DIALECTS
from tests.door.door import Door, build
from tests.engines.duckdb import DuckDB
from tests.engines.postgres import Postgres, postgres_server, postgres_standby
from tests.engines.sqlite import SQLite
from tests.oracle.cases import agree
from tests.oracle.generate import cases

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.oracle.cases import Case

COUNT = int(os.environ.get("ASOF_DOOR", "4"))
BY_COMMAND_LINE = max(1, COUNT // 10)
"""A start of Python for each; the SDK asks for all cases in one process."""
ROLES = {
    "reader": ("GRANT TEMPORARY ON DATABASE postgres TO reader",),
    "reader_without_temporary": (),
    "reader_by_default": (
        "GRANT TEMPORARY ON DATABASE postgres TO reader_by_default",
        "ALTER ROLE reader_by_default SET default_transaction_read_only = on",
    ),
}
"""Role -> what it may do beyond reading."""


def drawn(dialect: str) -> list[Case]:
    """The same cases every time, those that ask most first."""
    made: list[Case] = []

    @seed(20)
    @settings(
        max_examples=COUNT,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases(without=DIALECTS[dialect].unsupported))
    def over(case: Case) -> None:
        made.append(case)

    over()
    return sorted(made, key=lambda case: -len(case.spine) * len(case.items))


def answers_as_the_oracle(door: Door) -> None:
    expected = [case.expected() for case in door.cases]
    for number, got in enumerate(door.by_sdk()):
        agree(got, expected[number])
    for number in range(BY_COMMAND_LINE):
        agree(door.by_command_line(number), expected[number])


def applied(door: Door, **environment: str) -> Door:
    ran = door.asof("apply", "--yes", **environment)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return door


def test_duckdb(tmp_path: Path) -> None:
    runner, path = DuckDB(), tmp_path / "offline.duckdb"
    runner.connection = duckdb.connect(str(path))
    door = Door(tmp_path, drawn("duckdb"), {})
    build(tmp_path, door.cases, {"type": "duckdb", "path": "offline.duckdb"}, runner)
    runner.connection.close()
    applied(door)
    path.chmod(0o444)
    answers_as_the_oracle(door)


def test_sqlite(tmp_path: Path) -> None:
    runner, path = SQLite(), tmp_path / "offline.db"
    with closing(sqlite3.connect(path)) as runner.connection:
        door = Door(tmp_path, drawn("sqlite"), {})
        build(tmp_path, door.cases, {"type": "sqlite", "path": "offline.db"}, runner)
        runner.connection.commit()
    applied(door)
    path.chmod(0o444)
    answers_as_the_oracle(door)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Door]]:
    """A server of its own, whose roles are set up, and the repo that an owner has applied to it."""
    folder = tmp_path_factory.mktemp("postgres")
    with postgres_server() as dsn:
        runner = Postgres(dsn)
        runner.connection.execute("CREATE SCHEMA door")
        runner.connection.execute("SET search_path = door")
        door = Door(folder, drawn("postgres"), {})
        build(folder, door.cases, {"type": "postgres", "url": "${env:DOOR_URL}", "schema": "door"}, runner)
        runner.connection.execute("REVOKE TEMPORARY ON DATABASE postgres FROM PUBLIC")
        for role, statements in ROLES.items():
            rights = (f"CREATE ROLE {role} LOGIN", f"GRANT USAGE ON SCHEMA door TO {role}")
            for statement in (*rights, f"GRANT SELECT ON ALL TABLES IN SCHEMA door TO {role}", *statements):
                runner.connection.execute(statement.encode())
        runner.connection.close()
        yield dsn, applied(door, DOOR_URL=dsn)


def as_role(served: tuple[str, Door], role: str, dsn: str = "") -> Door:
    url, door = served
    return Door(door.folder, door.cases, {"DOOR_URL": (dsn or url).replace("user=test", f"user={role}")})


@pytest.mark.xdist_group("door-postgres")
@pytest.mark.parametrize("role", ROLES)
def test_postgres(served: tuple[str, Door], role: str) -> None:
    answers_as_the_oracle(as_role(served, role))


@pytest.mark.xdist_group("door-postgres")
def test_a_hot_standby(served: tuple[str, Door]) -> None:
    with postgres_standby(served[0]) as dsn:
        with psycopg.connect(dsn) as connection:
            assert connection.execute("SELECT pg_is_in_recovery()").fetchall() == [(True,)]
        answers_as_the_oracle(as_role(served, "reader", dsn))
