"""Where a walk takes place: targets with their registries and stores, what really stands there, and hands that reach
past asof.
"""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3
import duckdb
import psycopg

from asof.registry import open_registry
from tests.engines.postgres import postgres_server
from tests.registry.servers.stores import moto_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PREFIX = "shop__"
BUCKET = "walks"
STORE_VARIABLE = "SHOP_STORE"
ENV = {STORE_VARIABLE: "third"}
ONLINE_FILES = (".asof/online.db", ".asof/second.db", ".asof/${env:SHOP_STORE}.db")
CUSTOMERS = (4, 5, 8, 9)
HEADER = "order_id,customer_id,paid_at,amount,channel\n"
ROWS = (
    (1, 5, "2024-01-01T10:00:00Z", 85.25, "app"),
    (2, 4, "2024-01-01T17:00:00Z", 45.5, "web"),
    (3, 8, "2024-01-01T17:00:00Z", 43.0, "app"),
)
WORLDS = ("local", "s3pg", "two-targets")


@dataclass(slots=True)
class Target:
    """One target of asof.yaml. ``online`` is written as there; ``files`` are all that it ever named."""

    name: str
    registry: str
    offline: str
    online: str
    choices: tuple[str, ...] = ONLINE_FILES

    def text(self) -> str:
        return (
            f"  {self.name}:\n    registry: {json.dumps(self.registry)}\n    offline: {self.offline}\n"
            f"    online: {{type: sqlite, path: {json.dumps(self.online)}}}\n"
        )


@dataclass(slots=True)
class Servers:
    """What the walks of one process share."""

    endpoint: str = ""
    dsn: str = ""


@contextmanager
def servers(worlds: tuple[str, ...]) -> Iterator[Servers]:
    """Start what these worlds need."""
    if "s3pg" not in worlds:
        yield Servers()
        return
    os.environ.update(CREDENTIALS)
    with moto_server() as endpoint, postgres_server() as dsn:
        yield Servers(endpoint=endpoint, dsn=dsn)


CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@dataclass(slots=True)
class World:
    """The stores of one sequence. Methods that open something are meant to run in a fork (``Door.call``)."""

    name: str
    root: Path
    key: str
    servers: Servers
    targets: dict[str, Target] = field(default_factory=dict)
    orders: int = len(ROWS)

    @property
    def env(self) -> dict[str, str]:
        return ENV

    @property
    def location(self) -> str:
        """The line of the source's definition that says where it is."""
        return "table: orders" if self.name == "s3pg" else "path: orders.csv"

    @property
    def dsn(self) -> str:
        return self.servers.dsn.replace("dbname=postgres", f"dbname={self.key}")

    def project(self) -> str:
        dialect = "sql_dialect: postgres\n" if self.name == "s3pg" else ""
        return f"version: 1\nproject: shop\n{dialect}targets:\n" + "".join(t.text() for t in self.targets.values())

    def begin(self) -> None:
        """Make what is there before asof comes."""
        (self.root / ".asof").mkdir()
        duck = "{{type: duckdb, path: .asof/{}.duckdb}}"
        if self.name == "s3pg":
            place = f"s3://{BUCKET}/{self.key}?path_style=true&endpoint={self.servers.endpoint}"
            offline = f"{{type: postgres, url: {json.dumps(self.dsn)}}}"
            self.targets = {"local": Target("local", place, offline, ONLINE_FILES[0])}
            return
        (self.root / "orders.csv").write_text(HEADER + "".join(_line(row) for row in ROWS))
        self.targets = {"local": Target("local", ".asof/registry", duck.format("offline"), ONLINE_FILES[0])}
        if self.name == "two-targets":
            files = tuple(path.replace(".asof/", ".asof/b_") for path in ONLINE_FILES)
            self.targets["second"] = Target("second", ".asof/registry2", duck.format("offline2"), files[0], files)

    def begin_servers(self) -> None:
        """The bucket and the database of this sequence."""
        if self.name != "s3pg":
            return
        _s3(self.servers).create_bucket(Bucket=BUCKET)
        with closing(psycopg.connect(self.servers.dsn, autocommit=True)) as connection:
            connection.execute(f"CREATE DATABASE {self.key}".encode())
        with closing(psycopg.connect(self.dsn, autocommit=True)) as connection:
            connection.execute(
                "CREATE TABLE orders (order_id BIGINT, customer_id BIGINT, paid_at TIMESTAMPTZ, "
                "amount DOUBLE PRECISION, channel TEXT)"
            )
            for row in ROWS:
                connection.execute("INSERT INTO orders VALUES (%s, %s, %s, %s, %s)", row)

    def end_servers(self) -> None:
        if self.name == "s3pg":
            with closing(psycopg.connect(self.servers.dsn, autocommit=True)) as connection:
                connection.execute(f"DROP DATABASE IF EXISTS {self.key} WITH (FORCE)".encode())

    def order(self, paid_at: str, customer: int, amount: float) -> None:
        """One more order; ``orders`` counts it already."""
        row = (self.orders, customer, paid_at, amount, "app" if self.orders % 2 else "web")
        if self.name == "s3pg":
            with closing(psycopg.connect(self.dsn, autocommit=True)) as connection:
                connection.execute("INSERT INTO orders VALUES (%s, %s, %s, %s, %s)", row)
        else:
            with (self.root / "orders.csv").open("a") as file:
                file.write(_line(row))

    def file(self, path: str) -> str:
        """An online file's path with its variables filled in."""
        return path.replace("${env:" + STORE_VARIABLE + "}", self.env[STORE_VARIABLE])

    def facts(self, *, views: bool) -> dict[str, Any]:
        """What stands in registries and stores, read without asof as far as that goes; ``views``: offline too."""
        online = {f".asof/{path.name}": _tables(path) for path in sorted((self.root / ".asof").glob("*.db"))}
        return {"online": online, "targets": {name: self._target_facts(name, views=views) for name in self.targets}}

    def _target_facts(self, name: str, *, views: bool = False) -> dict[str, Any]:
        blobs = open_registry(self.targets[name].registry, root=self.root).blobs
        body = blobs.get("HEAD.json")
        facts: dict[str, Any] = {"head": None, "state": None, "pending": ""}
        if views:
            facts["views"] = self._views(name)
        if body is None:
            return facts
        head = facts["head"] = json.loads(body[0])
        if head["serial"]:
            generation = blobs.get(f"generations/{head['serial']}-{head['generation']}.json.gz")
            facts["state"] = json.loads(gzip.decompress(generation[0])) if generation else None
        facts["pending"] = json.dumps(head.get("owed") or "")
        claim = head["claim"]
        for apply_id in (*claim.get("unfinished", ()), claim["apply_id"]) if claim else ():
            for key in blobs.list(f"journal/{apply_id}/"):
                entry = blobs.get(key)
                facts["pending"] += _text(entry[0]) if entry else ""
        return facts

    def _views(self, name: str) -> list[str] | None:
        """Names of asof's views in the offline store; None where it cannot be read."""
        if self.name == "s3pg":
            with closing(psycopg.connect(self.dsn, autocommit=True)) as connection:
                rows = connection.execute("SELECT viewname FROM pg_views WHERE viewname LIKE 'shop\\_\\_%'").fetchall()
            return sorted(str(row[0]) for row in rows)
        path = self._duckdb(name)
        if not path.exists():
            return []
        with suppress(duckdb.Error), closing(duckdb.connect(str(path), read_only=True)) as connection:
            rows = connection.execute("SELECT view_name FROM duckdb_views() WHERE view_name LIKE 'shop__%'").fetchall()
            return sorted(str(row[0]) for row in rows)
        return None

    def _duckdb(self, name: str) -> Path:
        return self.root / ".asof" / ("offline2.duckdb" if name == "second" else "offline.duckdb")

    def drop_view(self, target: str, view: str) -> None:
        if self.name == "s3pg":
            with closing(psycopg.connect(self.dsn, autocommit=True)) as connection:
                connection.execute(f'DROP VIEW IF EXISTS "{view}" CASCADE'.encode())
        else:
            with closing(duckdb.connect(str(self._duckdb(target)))) as connection:
                connection.execute(f'DROP VIEW IF EXISTS "{view}"')

    def online(self, path: str, *statements: str) -> None:
        """Change an online file behind asof's back."""
        with closing(sqlite3.connect(self.root / path, timeout=20)) as connection, connection:
            for sql in statements:
                connection.execute(sql)

    def journals(self, name: str) -> list[str]:
        """Keys of the plans that the claim of a target still answers for."""
        head = self._target_facts(name)["head"]
        blobs = open_registry(self.targets[name].registry, root=self.root).blobs
        claim = head and head["claim"]
        if not claim:
            return []
        ids = (*claim.get("unfinished", ()), claim["apply_id"])
        return sorted(key for one in ids for key in blobs.list(f"journal/{one}/") if "0000" in key.rsplit("/", 1)[-1])

    def damage(self, name: str, key: str) -> None:
        """Cut a blob of a registry in half."""
        blobs = open_registry(self.targets[name].registry, root=self.root).blobs
        entry = blobs.get(key)
        if entry is not None:
            blobs.put(key, entry[0][: len(entry[0]) // 2], replaces=entry[1])

    def forget(self, name: str, key: str) -> None:
        """Remove a blob of a registry."""
        open_registry(self.targets[name].registry, root=self.root).blobs.delete(key)

    def keys(self, name: str, prefix: str) -> list[str]:
        return sorted(open_registry(self.targets[name].registry, root=self.root).blobs.list(prefix))


def _line(row: tuple[object, ...]) -> str:
    return ",".join(map(str, row)) + "\n"


def _text(body: bytes) -> str:
    with suppress(OSError, EOFError):
        body = gzip.decompress(body)
    return body.decode(errors="replace")


def _tables(path: Path) -> list[str] | None:
    """Names of asof's tables in an online file; None where it cannot be read."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(path, timeout=20)) as connection:
        sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'shop\\_\\_%' ESCAPE '\\'"
        return sorted(str(row[0]) for row in connection.execute(sql))
    return None


def _s3(servers: Servers) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=servers.endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        region_name="us-east-1",
    )
