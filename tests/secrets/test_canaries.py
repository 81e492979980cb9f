"""A canary in every setting that can hold a secret: it is used, and nothing that is written or said repeats it."""

from __future__ import annotations

import base64
import gzip
import json
import os
import subprocess
import sys
import traceback
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import psycopg
import pytest

from asof import engines, schema
from asof.cli import ExitCode
from asof.compiler.diagnostics import DiagnosticError
from asof.compiler.model import Store
from asof.registry import open_registry
from tests.engines.postgres import postgres_server
from tests.registry.servers.stores import moto_server

if TYPE_CHECKING:
    from collections.abc import Iterator

CANARY = "kanari3nv0gel"
ASOF = [sys.executable, "-c", "import sys; from asof.cli import main; sys.exit(main())"]
ROOT = Path(__file__).resolve().parents[2]
BROKEN = """
import sys
from asof import api
from asof.cli import main
def fail(*given, **more):
    secret = __import__("os").environ["CANARY_URL"]
    raise RuntimeError("something nobody thought of")
api.plan = api.review = fail
sys.exit(main())
"""
"""An error inside of asof, with a secret among the variables of the frame that raises it."""
EVERY = """
import json, sys
import asof.registry.patience as patience
from asof.cli import main
patience.Patience.__init__.__kwdefaults__.update(tries=1, connect=2.0)
codes = {}
for command in json.loads(sys.argv[1]):
    print(command, flush=True)
    codes[" ".join(command[:3])] = main(command)
print("CODES" + json.dumps(codes), file=sys.stderr)
"""
CREDENTIALS = {
    "AWS_SECRET_ACCESS_KEY": f"aws-{CANARY}",
    "AWS_SESSION_TOKEN": f"session-{CANARY}",
    "AZURE_STORAGE_KEY": base64.b64encode(f"azure-{CANARY}".encode()).decode(),
    "AZURE_STORAGE_SAS_TOKEN": f"sv=2024-01-01&sig={CANARY}",
    "AZURE_CLIENT_SECRET": f"client-{CANARY}",
    "PGPASSWORD": f"pg-{CANARY}",
    "CANARY_URL": f"postgresql://ada:{CANARY}@nowhere.invalid/features",
    "CANARY": CANARY,
}
REPO = """
version: 1
project: birds
sql_dialect: {dialect}
targets:
  local:
    registry: {registry}
    offline: {offline}
    online: {online}
"""
DEFINITIONS = """
kind: Entity
name: bird
join_keys: [{name: bird_id, type: int64}]
---
kind: DataSource
name: flights
table: flights
timestamp_field: at
columns: [{name: bird_id, type: int64}, {name: at, type: timestamp}, {name: height, type: float64}]
---
kind: FeatureView
name: heights
entities: [bird]
source: flights
schema: [{name: height, type: float64}]
---
kind: FeatureView
name: asked
entities: [bird]
query: SELECT bird_id, at, height FROM flights
timestamp_field: at
schema: [{name: height, type: float64}]
---
kind: FeatureService
name: watch
features: [heights]
"""
VERBS: tuple[tuple[str, ...], ...] = (
    ("validate",),
    ("plan", "--out", "plan.json"),
    ("plan", "--drift"),
    ("apply", "plan.json"),
    ("apply", "--yes"),
    ("apply", "--resume"),
    ("apply", "--abort"),
    ("compile", "--out", "build"),
    ("compile",),
    ("drift",),
    ("drift", "--repair"),
    ("materialize",),
    ("history", "--service", "watch", "--as-of", "2026-01-01", "--out", "out.parquet"),
    ("history", "--service", "watch", "--spine", "spine.csv", "--out", "out.parquet"),
    ("online", "get", "--service", "watch", "bird_id=1"),
    ("rollback", "1", "--yes"),
    ("promote", "local", "local"),
    ("test",),
    ("registry", "history"),
    ("registry", "show"),
    ("registry", "export", "--out", "export.json"),
    ("registry", "verify"),
    ("registry", "gc"),
    ("registry", "check"),
    ("registry", "diff", "1", "1"),
    ("registry", "unlock", "--reason", "x"),
    ("registry", "import", "export.json"),
)


class Nest:
    """One repo with the folders that a run may write to, and all that was said there."""

    def __init__(self, root: Path, **given: str) -> None:
        self.root = root
        self.said: list[str] = []
        (root / "repo").mkdir(parents=True)
        (root / "tmp").mkdir()
        (root / "repo/asof.yaml").write_text(REPO.format(**given))
        (root / "repo/features.yaml").write_text(DEFINITIONS)

    def run(self, *arguments: str, code: list[str] = ASOF, **environ: str) -> subprocess.CompletedProcess[str]:
        """One command; its words are kept, but not those that it was given."""
        hygienic = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "AZURE_", "PG", "GOOGLE_"))}
        settings = {"PYTHONPATH": str(ROOT), "TMPDIR": str(self.root / "tmp"), "AWS_EC2_METADATA_DISABLED": "true"}
        ran = subprocess.run(
            [*code, *arguments],
            cwd=self.root / "repo",
            env={**hygienic, **CREDENTIALS, **settings, "AWS_ACCESS_KEY_ID": "AKIABIRD", **environ},
            capture_output=True,
            text=True,
            timeout=120,
        )
        self.said.append(f"{' '.join(arguments[:3])}: {ran.stdout}{ran.stderr}")
        return ran

    def every_verb(
        self,
        verbs: tuple[tuple[str, ...], ...] = VERBS,
        flags: tuple[tuple[str, ...], ...] = ((), ("--json",)),
        **environ: str,
    ) -> dict[str, int]:
        """Each verb as it is and with --json, all in one process; the exit code of each by its first words."""
        commands = [[*verb, *flag] for verb in verbs for flag in flags]
        ran = self.run(json.dumps(commands), code=[sys.executable, "-c", EVERY], **environ)
        assert ran.returncode == 0, ran.stderr[-3000:]
        return dict(json.loads(ran.stderr.rpartition("CODES")[2]))

    def check(self) -> int:
        """How many files and answers there are, none of which sings."""
        texts = [(text.partition(":")[0], text.encode()) for text in self.said]
        for path in sorted(self.root.rglob("*")):
            if path.is_file():
                texts += [(str(path.relative_to(self.root)), blob) for blob in opened(path.read_bytes())]
        for name, text in texts:
            assert_silent(name, text)
        return len(texts)


def opened(body: bytes) -> Iterator[bytes]:
    """A file, and what is packed into it."""
    yield body
    if body.startswith(b"\x1f\x8b"):
        yield gzip.decompress(body)


def assert_silent(name: str, text: bytes) -> None:
    for secret in (CANARY.encode(), base64.b64encode(f"azure-{CANARY}".encode())):
        at = text.find(secret)
        assert at < 0, f"{name}: {text[max(0, at - 300) : at + 80]!r}"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A PostgreSQL that asks ada for her password; its folder."""
    with postgres_server() as dsn, closing(psycopg.connect(dsn, autocommit=True)) as connection:
        folder = str(connection.info.host)
        rules = Path(str(connection.execute("SHOW hba_file").fetchone()[0]))  # type: ignore[index]
        rules.write_text("local all ada scram-sha-256\n" + rules.read_text())
        connection.execute(f"CREATE ROLE ada LOGIN PASSWORD '{CANARY}'".encode())
        connection.execute(b"CREATE SCHEMA birds AUTHORIZATION ada")
        connection.execute(b"CREATE TABLE birds.flights (bird_id BIGINT, at TIMESTAMPTZ, height DOUBLE PRECISION)")
        connection.execute(b"INSERT INTO birds.flights VALUES (1, '2025-12-31 12:00Z', 80)")
        connection.execute(b"GRANT ALL ON ALL TABLES IN SCHEMA birds TO ada")
        connection.execute(b"SELECT pg_reload_conf()")
        yield f"{folder} port={connection.info.port} dbname={connection.info.dbname}"


def test_no_verb_repeats_a_password_that_postgres_took(tmp_path: Path, server: str) -> None:
    url = f'{{type: postgres, url: "host={server} user=ada password=${{env:CANARY}}", schema: birds}}'
    nest = Nest(
        tmp_path, dialect="postgres", registry="registry", offline=url, online="{type: sqlite, path: online.db}"
    )
    codes = nest.every_verb()
    assert codes["apply plan.json"] == 0, nest.said
    assert 1 not in codes.values(), codes
    assert (tmp_path / "repo/registry/HEAD.json").exists()
    wrong = nest.run("drift", CANARY=f"{CANARY}-wrong")
    assert "password authentication failed" in wrong.stderr
    assert nest.check() > 15


@pytest.mark.parametrize(
    "url",
    [
        "${env:CANARY_URL}",
        "postgresql://ada:${env:CANARY}@127.0.0.1:1/x",
        "postgresql://ada:a@${env:CANARY}@127.0.0.1:1/x",
        "postgresql://ada:a/${env:CANARY}@127.0.0.1:1/x",
        "postgresql://ada:a%zz${env:CANARY}@127.0.0.1:1/x",
        "postgresql://127.0.0.1:${env:CANARY}/x",
        "postgresql://127.0.0.1:1/x?${env:CANARY}=1",
        "postgresql://127.0.0.1:1/x?sslmode=${env:CANARY}",
        "postgresql://${env:CANARY}.invalid/x",
        "host=127.0.0.1 port=1 password=${env:CANARY} ${env:CANARY}=1",
        "${env:CANARY}",
    ],
)
def test_a_url_that_does_not_lead_anywhere_is_not_repeated(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CANARY", "CANARY_URL"):
        monkeypatch.setenv(name, CREDENTIALS[name])
    store = Store(type="postgres", options=(("url", url),))
    with pytest.raises(DiagnosticError) as caught:
        engines.connect(store, root=Path())
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    frames = [f for f in shown.stack if "/asof/" in f.filename]
    told = [str(caught.value), *(f"{f.name}: {f.locals}" for f in frames), *traceback.format_exception(caught.value)]
    for text in told:
        assert_silent("the error", text.encode())


@pytest.mark.parametrize("option", ["path: '${env:CANARY}/x/'", "memory_limit: '${env:CANARY}'", "${env:CANARY}: 1"])
@pytest.mark.parametrize("role", ["offline", "online"])
def test_no_option_of_an_embedded_store_is_repeated(tmp_path: Path, option: str, role: str) -> None:
    stores = {"offline": "{type: duckdb, path: off.duckdb}", "online": "{type: sqlite, path: on.db}"}
    kind = {"offline": "duckdb", "online": "sqlite"}[role]
    nest = Nest(tmp_path, dialect="duckdb", registry="registry", **{**stores, role: f"{{type: {kind}, {option}}}"})
    (tmp_path / "repo" / CANARY).write_text("a file where a folder is asked for")
    codes = nest.every_verb((("plan",), ("apply", "--yes"), ("drift",), ("materialize",), ("registry", "show")))
    assert 1 not in codes.values(), codes
    if (role, option.partition(":")[0]) == ("online", "path"):
        assert codes["apply --yes"] == ExitCode.UNAVAILABLE, "the store was opened"
    nest.check()


def settings_of(role: str) -> Iterator[tuple[str, str]]:
    """Every kind of store that asof.yaml can name, with a canary in each setting that takes a text of one's own."""
    parts = json.loads(schema.text("project"))["$defs"]
    for name in sorted(parts):
        if not name.startswith(f"{role}_"):
            continue
        options: dict[str, object] = {"type": name.removeprefix(f"{role}_")}
        for option, rule in parts[name]["properties"].items():
            if rule.get("$ref") in ("#/$defs/secret", "#/$defs/setting"):
                options[option] = "${env:CANARY}"
            elif rule.get("type") == "array":
                options[option] = ["${env:CANARY}"]
        yield str(options["type"]), json.dumps(options)


@pytest.mark.parametrize(
    ("role", "kind", "written"),
    [(role, kind, written) for role in ("offline", "online") for kind, written in settings_of(role)],
)
def test_no_setting_of_any_store_is_repeated(tmp_path: Path, role: str, kind: str, written: str) -> None:
    assert CANARY not in written
    assert "${env:CANARY}" in written
    stores = {"offline": "{type: duckdb, path: off.duckdb}", "online": "{type: sqlite, path: on.db}", role: written}
    dialect = {"synapse": "tsql"}.get(kind, kind) if role == "offline" else "duckdb"
    nest = Nest(tmp_path, dialect=dialect, registry="registry/${env:CANARY}", **stores)
    file = tmp_path / "repo/features.yaml"
    # What a query names is looked up in the catalog's own case, which differs.
    file.write_text("---".join(part for part in file.read_text().split("---") if "query:" not in part))
    verbs = (("validate",), ("plan", "--cost", "--out", "plan.json"), ("apply", "--yes"), ("compile", "--out", "build"))
    codes = nest.every_verb((*verbs, ("drift",), ("registry", "history")), flags=((),))
    assert (codes["validate"], codes["registry history"]) == (0, 0), nest.said
    assert 1 not in codes.values(), codes
    nest.check()


@pytest.mark.parametrize(
    "location",
    [
        "s3://features/x?endpoint={moto}&path_style=true",
        "s3://no-such-bucket/x?endpoint={moto}&path_style=true",
        "s3://features/x?endpoint=http://127.0.0.1:1&path_style=true",
        "s3://features/x?endpoint=http://eve:${{env:CANARY}}@127.0.0.1:1",
        "s3://features/x?endpoint=http://127.0.0.1:1/?sig=${{env:CANARY}}",
        "s3://features/x?secret_key=${{env:CANARY}}",
        "s3://features/x?path_style=${{env:CANARY}}",
        "s3://features/x?sse=${{env:CANARY}}&endpoint={moto}&path_style=true",
        "s3://features/x?profile=${{env:CANARY}}",
        "s3://ada:${{env:CANARY}}@features/x",
        "gs://features/x?endpoint=http://127.0.0.1:1",
        "gs://features/x?endpoint=http://eve:${{env:CANARY}}@127.0.0.1:1",
        "az://features@birds/x?endpoint=http://127.0.0.1:1/birds",
        "az://features@birds/x?sas_token=${{env:CANARY}}",
        "az://features@birds/x?endpoint=http://127.0.0.1:1/birds?sig=${{env:CANARY}}",
    ],
)
def test_no_registry_repeats_what_opens_it(tmp_path: Path, location: str, moto: str) -> None:
    nest = Nest(
        tmp_path,
        dialect="duckdb",
        registry=f'"{location.format(moto=moto)}"',
        offline="{type: duckdb, path: off.duckdb}",
        online="{type: sqlite, path: on.db}",
    )
    key = {"type": "service_account", "private_key": CANARY, "client_email": "ada@x", "token_uri": "http://127.0.0.1:1"}
    (tmp_path / "google.json").write_text(json.dumps(key))
    google = {"GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "google.json"), "GOOGLE_CLOUD_PROJECT": "x"}
    verbs = (("plan",), ("apply", "--yes"), ("registry", "check"), ("registry", "history"))
    codes = nest.every_verb(verbs, AWS_DEFAULT_REGION="us-east-1", **google)
    assert 1 not in codes.values(), codes
    (tmp_path / "google.json").unlink()
    nest.check()


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with moto_server() as endpoint:
        keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "region_name": "us-east-1"}
        with closing(boto3.client("s3", endpoint_url=endpoint, **keys)) as client:  # type: ignore[call-overload]
            client.create_bucket(Bucket="features")
        yield endpoint


def test_an_error_inside_of_asof_does_not_show_its_variables(tmp_path: Path) -> None:
    stores = {"offline": '{type: postgres, url: "${env:CANARY_URL}"}', "online": "{type: sqlite, path: on.db}"}
    nest = Nest(tmp_path, dialect="duckdb", registry="registry", **stores)
    for flag in ((), ("--json",)):
        for traced in ({}, {"ASOF_TRACEBACK": "1"}, {"ASOF_TRACEBACK": "1", "PYTHONFAULTHANDLER": "1"}):
            ran = nest.run("plan", *flag, code=[sys.executable, "-c", BROKEN], **traced)
            assert ran.returncode == 1
            assert "nobody thought of" in ran.stdout + ran.stderr
    nest.check()


def test_no_process_is_started_that_could_show_a_secret_in_a_list_of_processes(tmp_path: Path) -> None:
    stores = {"offline": "{type: duckdb, path: '${env:CANARY}.db'}", "online": "{type: sqlite, path: '${env:CANARY}'}"}
    nest = Nest(tmp_path, dialect="duckdb", registry="registry", **stores)
    watching = """
import subprocess, sys
from asof.cli import main
def heard(event, given):
    if event in ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.system"):
        print("CHILD", given[:2], file=sys.stderr)
sys.addaudithook(heard)
code = main()
print('WATCHED', file=sys.stderr)
sys.exit(code)
"""
    for verb in (("apply", "--yes"), ("registry", "gc")):
        assert "WATCHED" in nest.run(*verb, code=[sys.executable, "-c", watching]).stderr
    assert not any("CHILD" in said for said in nest.said), nest.said
    nest.check()


def test_a_planted_canary_would_be_found(tmp_path: Path) -> None:
    nest = Nest(tmp_path, dialect="duckdb", registry="r", offline="{type: duckdb}", online="{type: sqlite, path: x}")
    (tmp_path / "repo/blob.json.gz").write_bytes(gzip.compress(CANARY.encode()))
    with pytest.raises(AssertionError, match="blob"):
        nest.check()
    assert open_registry("r", root=tmp_path).head() is None
