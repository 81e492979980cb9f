"""Registries that Feast itself wrote, brought over: golden files, and what must hold of any."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from asof import api, api_import
from asof.cli import main
from asof.compiler.diagnostics import DiagnosticError, Level
from asof.compiler.layout import formatted
from asof.feast import python_source, registry, settings, wire
from asof.feast.lower import Surroundings, lower
from asof.feast.yaml_text import written
from tests.golden import check_golden

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
NAMES = ("groceries", "warehouses")


def repo(name: str, place: Path) -> Path:
    """A Feast repo that has been applied: its files, its settings, and the registry where they say."""
    folder = place / "feast"
    (folder / "data").mkdir(parents=True)
    for path in (HERE / "repos" / name).iterdir():
        if path.is_file():
            text = path.read_text().replace("gs://acme-features/feast/registry.db", "data/registry.db")
            (folder / path.name).write_text(text)
    (folder / "data" / "registry.db").write_bytes((HERE / "registries" / f"{name}.db").read_bytes())
    return folder


@pytest.mark.golden
@pytest.mark.parametrize("name", NAMES)
def test_what_is_written(name: str, tmp_path: Path) -> None:
    made = api_import.from_feast(str(repo(name, tmp_path)), tmp_path / "out")
    assert [d for d in made.diagnostics if d.level is Level.ERROR] == []
    for path, text in made.files.items():
        assert (tmp_path / "out" / path).read_text() == text
        check_golden(HERE / "golden" / name / path, text)
    review = api.review(tmp_path / "out")
    assert review.plan is not None
    assert review.plan.blocked == ()


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_is_laid_out_and_ignored_as_in_a_repo_of_ones_own(name: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    source = str(repo(name, tmp_path))
    made = api_import.from_feast(source, out)
    for path, text in made.files.items():
        if path.endswith(".yaml"):
            assert formatted(path, text.encode(), project=path == "asof.yaml").after == text
    assert (out / ".gitignore").read_text().startswith(".asof/*\n")
    (out / ".gitignore").write_text("mine\n")
    assert ".gitignore" not in api_import.from_feast(source, out, force=True).files
    assert (out / ".gitignore").read_text() == "mine\n"


@pytest.mark.parametrize("name", NAMES)
def test_every_note_stands_where_it_says(name: str, tmp_path: Path) -> None:
    made = api_import.from_feast(str(repo(name, tmp_path)), tmp_path, dry_run=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["feast"]
    for placed in made.notes:
        line = made.files[placed.file].splitlines()[placed.line - 1]
        assert line.startswith(f"# {placed.note.about}"[:60])


@pytest.mark.parametrize("name", NAMES)
def test_python_that_is_not_run_says_the_same_as_the_registry(name: str) -> None:
    texts = {path.name: path.read_text() for path in (HERE / "repos" / name).glob("*.py")}
    read = python_source.read(texts, name)
    applied = registry.project(wire.read((HERE / "registries" / f"{name}.db").read_bytes(), name), name, name)
    assert [text for _, text in read.unread[1:]] == []
    around = Surroundings(dialect="bigquery" if name == "warehouses" else "duckdb")
    ours, theirs = (
        {(d.file, d.body["name"]): d.body for d in lower(project, around) if d.body is not None}
        for project in (read, applied)
    )
    assert ours == theirs


def test_nothing_is_overwritten_unasked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, out = repo("groceries", tmp_path), tmp_path / "out"
    assert main(["import", "feast", str(folder), "--out", str(out)]) == 0
    assert "not-for-git" not in "".join(p.read_text() for p in out.rglob("*.yaml")) + str(capsys.readouterr())
    (out / "entities.yaml").write_text("mine")
    assert main(["import", "feast", str(folder), "--out", str(out)]) == 64
    assert (out / "entities.yaml").read_text() == "mine"
    assert main(["import", "feast", str(folder), "--out", str(out), "--force", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["carried"]["Entity"] == 2
    assert {"file", "line", "about", "text", "code", "by_hand"} == answer["notes"][0].keys()
    assert "not-for-git" not in json.dumps(answer)


def sql_registry(place: Path) -> None:
    """What Feast's SQL registry keeps of the same project: a table a kind, a message a row."""
    found = wire.read((HERE / "registries" / "groceries.db").read_bytes(), "groceries")
    with closing(sqlite3.connect(place)) as database:
        for table, (column, field) in wire.SQL_TABLES.items():
            database.execute(f"CREATE TABLE {table} (project_id TEXT, {column} BLOB)")
            rows = [("groceries", item.SerializeToString()) for item in getattr(found, field)]
            database.executemany(f"INSERT INTO {table} VALUES (?, ?)", rows)
        database.commit()


def dump(place: Path) -> None:
    from google.protobuf import json_format

    found = wire.read((HERE / "registries" / "groceries.db").read_bytes(), "groceries")
    place.write_text(json.dumps({"project": "groceries", **json_format.MessageToDict(found)}))


@pytest.mark.parametrize(("name", "make"), [("registry.sqlite", sql_registry), ("registry.json", dump)])
def test_other_forms_of_a_registry_say_the_same(name: str, make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path / name)
    blob = api_import.from_feast(str(HERE / "registries" / "groceries.db"), tmp_path, dry_run=True)
    assert api_import.from_feast(str(tmp_path / name), tmp_path, dry_run=True).files == blob.files


def test_a_registry_in_postgres_says_the_same(postgres_dsn: str, tmp_path: Path) -> None:
    import psycopg

    sql_registry(tmp_path / "registry.sqlite")
    blob = api_import.from_feast(str(HERE / "registries" / "groceries.db"), tmp_path, dry_run=True)
    with (
        closing(sqlite3.connect(tmp_path / "registry.sqlite")) as kept,
        psycopg.connect(postgres_dsn, autocommit=True) as database,
    ):
        database.execute("CREATE SCHEMA feast_registry")
        try:
            for table, (column, _) in wire.SQL_TABLES.items():
                database.execute(f"CREATE TABLE feast_registry.{table} (project_id text, {column} bytea)")
                for row in kept.execute(f"SELECT project_id, {column} FROM {table}"):
                    database.execute(f"INSERT INTO feast_registry.{table} VALUES (%s, %s)", row)
            info = psycopg.conninfo.conninfo_to_dict(postgres_dsn)
            place = (
                f"postgresql+psycopg://{info.get('user', '')}@/{info.get('dbname', '')}?host={info['host']}"
                f"&port={info.get('port', 5432)}&options=-csearch_path%3Dfeast_registry"
            )
            assert api_import.from_feast(place, tmp_path, dry_run=True).files == blob.files
        finally:
            database.execute("DROP SCHEMA feast_registry CASCADE")


def test_a_registry_in_a_bucket_says_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import boto3

    from tests.registry.servers.stores import moto_server

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    blob = api_import.from_feast(str(HERE / "registries" / "groceries.db"), tmp_path, dry_run=True)
    with moto_server() as endpoint:
        client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
        client.create_bucket(Bucket="feast")
        body = (HERE / "registries" / "groceries.db").read_bytes()
        client.put_object(Bucket="feast", Key="prod/registry.db", Body=body)
        options = f"?endpoint={endpoint}&path_style=true&region=us-east-1"
        place = f"s3://feast/prod/registry.db{options}"
        assert api_import.from_feast(place, tmp_path, dry_run=True).files == blob.files
        with pytest.raises(DiagnosticError, match=r"there is no s3://feast/prod/other\.db"):
            api_import.from_feast(f"s3://feast/prod/other.db{options}", tmp_path)


def test_without_a_registry_its_python_is_read_and_told_of(tmp_path: Path) -> None:
    folder = repo("groceries", tmp_path)
    (folder / "data" / "registry.db").unlink()
    (folder / "more.py").write_text(
        "from feast import Entity, FeatureView, FileSource\n"
        "for n in ('a', 'b'):\n    Entity(name=n)\n"
        "late = FeatureView(name='late', source=FileSource(name='late_file', path=open('x').read()), ttl=weeks())\n"
    )
    made = api_import.from_feast(str(folder), tmp_path / "out")
    told = [f"{placed.note.about} {placed.note.text}" for placed in made.notes if placed.file == "asof.yaml"]
    wanted = (
        "more.py:3 Entity(...) is not read",
        "more.py:4 path of FileSource(...) is no literal",
        "more.py:4 ttl of FeatureView(...) is no literal",
    )
    assert all(any(line.startswith(start) for line in told) for start in wanted), told
    assert made.carried["FeatureView"] == 5
    assert api.check(tmp_path / "out").sound is not None


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda f: None, "AS904"),
        (lambda f: (f / "feature_store.yaml").write_text("project: x\nregistry: r.db\n"), "AS904"),
        (lambda f: (f / "feature_store.yaml").write_text("project: [x\n"), "AS903"),
        (lambda f: (f / "feature_store.yaml").write_text("registry: r.db\n"), "AS903"),
        (lambda f: (f / "feature_store.yaml").write_text("project: x\nregistry: {registry_type: remote}\n"), "AS904"),
        (lambda f: (f / "feature_store.yaml").write_text("project: x\nregistry: mysql+pymysql://u:pw@h/d\n"), "AS904"),
    ],
)
def test_what_cannot_be_read_is_said(make: Callable[[Path], object], code: str, tmp_path: Path) -> None:
    make(tmp_path)
    with pytest.raises(DiagnosticError) as caught:
        api_import.from_feast(str(tmp_path), tmp_path / "out")
    (found,) = caught.value.diagnostics
    assert found.code == code
    assert "pw" not in found.message + " ".join(found.notes)
    assert not (tmp_path / "out").exists()


def test_one_project_of_several_is_asked_for(tmp_path: Path) -> None:
    both = b"".join((HERE / "registries" / f"{name}.db").read_bytes() for name in NAMES)
    (tmp_path / "both.db").write_bytes(both)
    with pytest.raises(DiagnosticError, match="holds 2 projects: groceries, warehouses"):
        api_import.from_feast(str(tmp_path / "both.db"), tmp_path)
    made = api_import.from_feast(str(tmp_path / "both.db"), tmp_path, project="warehouses", dry_run=True)
    assert made.project == "warehouses"
    with pytest.raises(DiagnosticError, match="holds no project 'grocery'"):
        api_import.from_feast(str(tmp_path / "both.db"), tmp_path, project="grocery")


STORES = {
    "offline_store": [
        "{type: file}",
        "{type: snowflake.offline, account: a, user: u, password: hunter2, database: D, schema: S}",
        "{type: redshift, cluster_id: c, region: r, database: d, user: u, s3_staging_location: 's3://b'}",
        "{type: spark, spark_conf: {spark.master: 'local[*]', fs.s3a.secret.key: hunter2}}",
        "{type: postgres, host: h, port: 5432, database: d, db_schema: s, user: u, password: hunter2}",
        "{type: postgres, host: h, database: d, user: '${PGUSER}', password: '${PGPASSWORD}'}",
        "{type: trino, host: h, port: 8080, catalog: c, user: u, auth: {type: basic, config: {password: hunter2}}}",
        "{type: athena, region: r, database: d, data_source: x, s3_staging_location: 's3://b', workgroup: w}",
        "{type: clickhouse, host: h, port: 8123, database: d, user: u, password: hunter2}",
        "{type: mssql, connection_string: 'mssql+pyodbc://u:hunter2@h/d'}",
        "{type: ray, storage_path: data}",
        "{type: my.module.Store, token: hunter2}",
    ],
    "online_store": [
        "null",
        "sqlite",
        "{type: redis, connection_string: 'localhost:6379'}",
        "{type: redis, redis_type: redis_cluster, connection_string: 'a:6379,b:6379,ssl=true,password=hunter2'}",
        "{type: redis, connection_string: '${REDIS}', key_ttl_seconds: 3600}",
        "{type: redis, connection_string: 'redis://:hunter2@h:6379'}",
        "{type: datastore, project_id: p, namespace: n}",
        "{type: cassandra, hosts: [h], keyspace: k, username: u, password: hunter2, load_balancing: {local_dc: x}}",
        "{type: snowflake.online, account: a, database: d, password: hunter2}",
        "{type: postgres, host: h, database: d, user: u, password: hunter2}",
        "{type: milvus, token: hunter2}",
    ],
}


@pytest.mark.parametrize(("key", "text"), [(key, text) for key, texts in STORES.items() for text in texts])
def test_stores_become_valid_targets_without_their_secrets(key: str, text: str, tmp_path: Path) -> None:
    folder = repo("groceries", tmp_path)
    (folder / "feature_store.yaml").write_text(f"project: groceries\nregistry: data/registry.db\n{key}: {text}\n")
    made = api_import.from_feast(str(folder), tmp_path / "out")
    assert [d.message for d in made.diagnostics if d.level is Level.ERROR] == []
    assert "hunter2" not in "".join(made.files.values()) + repr(made.notes)


def test_two_passwords_have_two_variables() -> None:
    said = settings.parse(
        b"project: x\noffline_store: {type: postgres, host: a, user: u, password: one}\n"
        b"online_store: {type: postgres, host: b, user: u, password: two}\n"
    )
    made, _ = settings.document(registry.Project(name="x"), said)
    text = "".join(written([made]).files.values())
    assert "${env:POSTGRES_PASSWORD}" in text
    assert "${env:ONLINE_POSTGRES_PASSWORD}" in text
