"""Objects of buckets, read by the engines' own clients over the protocol of S3: the statements equal the oracle.

moto answers, whatever the key. Google's buckets have an interface of the same protocol, which is what both engines
speak to gs:// URLs: so moto stands for it too, and what is proven there is the statement and how the engine is told
where to go. Spark is not among the engines: its client for S3 (hadoop-aws) comes from a registry that tests do not use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
import pytest

from asof.compiler.types import DATE, STRING, Type
from tests.engines.apart import Apart
from tests.oracle.cases import check
from tests.oracle.files import NO_PARQUET, filed, folder, put_below
from tests.oracle.test_partitions import case
from tests.registry.servers.stores import moto_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.oracle.files import Put

BUCKET, KEY, SECRET = "lake", "reader", "its secret"
DUCKDB = {
    "s3": """CREATE SECRET lake (
    TYPE s3, KEY_ID '{key}', SECRET '{secret}', REGION 'us-east-1',
    ENDPOINT '{host}', URL_STYLE 'path', USE_SSL false)""",
    "gs": """CREATE SECRET lake (
    TYPE gcs, KEY_ID '{key}', SECRET '{secret}',
    ENDPOINT '{host}', URL_STYLE 'path', USE_SSL false)""",
}
CLICKHOUSE = """<clickhouse>
  <url_scheme_mappers>
    <s3><to>{endpoint}/{{bucket}}</to></s3>
    <gs><to>{endpoint}/{{bucket}}</to></gs>
  </url_scheme_mappers>
  <s3>
    <lake>
      <endpoint>{endpoint}/</endpoint>
      <access_key_id>{key}</access_key_id>
      <secret_access_key>{secret}</secret_access_key>
    </lake>
  </s3>
</clickhouse>"""


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with moto_server() as found:
        yield found


@pytest.fixture
def put(endpoint: str) -> Iterator[Put]:
    """Keeps objects in a new bucket, which is emptied in the end."""
    client = boto3.client(
        "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id=KEY, aws_secret_access_key=SECRET
    )
    client.create_bucket(Bucket=BUCKET)
    kept: list[str] = []

    def put(name: str, data: bytes) -> None:
        client.put_object(Bucket=BUCKET, Key=name, Body=data)
        kept.append(name)

    yield put
    for name in kept:
        client.delete_object(Bucket=BUCKET, Key=name)
    client.delete_bucket(Bucket=BUCKET)
    client.close()


def told(dialect: str, scheme: str, endpoint: str, folder: Path) -> Apart:
    """The engine, told where buckets are and with which key to open them."""
    given = {"key": KEY, "secret": SECRET, "endpoint": endpoint, "host": endpoint.removeprefix("http://")}
    if dialect == "duckdb":
        return Apart(dialect, folder, [DUCKDB[scheme].format(**given)])
    (folder / "config.xml").write_text(CLICKHOUSE.format(**given))
    return Apart(dialect, folder, setting=str(folder / "config.xml"))


@pytest.mark.parametrize("dialect", ["duckdb", "clickhouse"])
@pytest.mark.parametrize(("scheme", "kind"), [("s3", DATE), ("s3", STRING), ("gs", DATE)], ids=str)
def test_objects_of_days_in_reach_are_read_and_no_others(
    dialect: str, scheme: str, kind: Type, endpoint: str, put: Put, tmp_path: Path
) -> None:
    made = case(kind, ttl="2d", window="2d")
    names: list[str] = []

    def keep(name: str, data: bytes) -> None:
        names.append(name)
        put(f"the days/é'/{name}", NO_PARQUET if "05-10" <= name.partition("2024-")[2] <= "05-10~" else data)

    root = f"{scheme}://{BUCKET}/the days/é'"
    made = filed(made, keep, root, "ds=*/**.parquet", lambda row: f"{folder('ds', row['ds'])}/part.parquet")
    assert "days/ds=2024-05-10/part.parquet" in names
    check(told(dialect, scheme, endpoint, tmp_path), made)


@pytest.mark.parametrize("dialect", ["duckdb", "clickhouse"])
@pytest.mark.parametrize("pattern", ["part +#%.parquet", "part*.parquet", "**/*.parquet"])
def test_an_object_by_its_name_and_by_wildcards(
    dialect: str, pattern: str, endpoint: str, put: Put, tmp_path: Path
) -> None:
    made = filed(case(DATE, ttl="2d"), put, f"s3://{BUCKET}", pattern, lambda row: "part +#%.parquet")
    check(told(dialect, "s3", endpoint, tmp_path), made)


@pytest.mark.parametrize("dialect", ["duckdb", "clickhouse"])
def test_objects_that_are_not_there_are_an_error(dialect: str, endpoint: str, put: Put, tmp_path: Path) -> None:
    made = filed(case(DATE, ttl="2d"), put_below(tmp_path), f"s3://{BUCKET}", "*.parquet", lambda row: "part.parquet")
    with pytest.raises(RuntimeError, match=r"(?i)no files|not match any files"):
        check(told(dialect, "s3", endpoint, tmp_path), made)
