"""What a location's options and a machine's credentials make of the clients of object stores."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from asof.compiler.diagnostics import DiagnosticError
from asof.registry import open_objects, open_registry
from asof.registry.patience import Patience
from asof.testing.blob_stores import fails, fresh
from tests.registry.servers.stores import AZURITE_ACCOUNT, AZURITE_KEY

if TYPE_CHECKING:
    from pathlib import Path

    from asof.registry.objects import ObjectBlobs


def headers_sent(blobs: ObjectBlobs, header: str) -> list[str | None]:
    """That header of every request from now on."""
    sent: list[str | None] = []

    def note(request: Any, **_: object) -> None:
        value = request.headers.get(header)
        sent.append(value.decode() if isinstance(value, bytes) else value)

    blobs.bucket._client.meta.events.register("before-send.s3", note)
    return sent


@pytest.mark.parametrize(
    ("options", "kind", "key_id"),
    [
        ("sse=AES256", "AES256", None),
        ("sse=aws:kms", "aws:kms", None),
        ("kms=alias/features", "aws:kms", "alias/features"),
        ("kms=alias/features&sse=aws:kms:dsse", "aws:kms:dsse", "alias/features"),
    ],
)
def test_s3_encrypts_as_asked(s3_endpoint: str, options: str, kind: str, key_id: str | None) -> None:
    blobs = open_objects(f"s3://features/encrypted?path_style=true&endpoint={s3_endpoint}&{options}")
    kinds = headers_sent(blobs, "x-amz-server-side-encryption")
    keys = headers_sent(blobs, "x-amz-server-side-encryption-aws-kms-key-id")
    key = fresh()
    tag = blobs.put(key, b"2", replaces=blobs.put(key, b"1", replaces=None))
    assert blobs.get(key) == (b"2", tag)
    assert set(filter(None, kinds)) == {kind}
    assert set(filter(None, keys)) == {key_id} - {None}


def test_s3_takes_profile_region_and_endpoint_from_where_its_tools_do(
    s3_endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    config = tmp_path / "config"
    config.write_text(
        "[profile team]\naws_access_key_id = a\naws_secret_access_key = b\nregion = eu-central-1\n"
        f"endpoint_url = {s3_endpoint}\ns3 =\n  addressing_style = path\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    key = fresh()
    named = open_objects("s3://features/profile?profile=team")
    assert named.bucket._client.meta.region_name == "eu-central-1"
    named.put(key, b"1", replaces=None)
    monkeypatch.setenv("AWS_PROFILE", "team")
    chosen = open_objects("s3://features/profile?region=us-west-2")
    assert chosen.bucket._client.meta.region_name == "us-west-2"
    assert chosen.get(key) is not None


def test_s3_says_who_pays(s3_endpoint: str) -> None:
    place = f"s3://features/paid?path_style=true&endpoint={s3_endpoint}&requester_pays=true"
    blobs, key = open_objects(place), fresh()
    sent = headers_sent(blobs, "x-amz-request-payer")
    blobs.put(key, b"1", replaces=None)
    blobs.get(key)
    blobs.delete(key)
    assert set(sent) == {"requester"}
    assert list(blobs.list("")) == []


def test_azure_takes_a_connection_string(azure_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_STORAGE_KEY")
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT")
    monkeypatch.setenv(
        "AZURE_STORAGE_CONNECTION_STRING",
        f"DefaultEndpointsProtocol=http;AccountName={AZURITE_ACCOUNT};AccountKey={AZURITE_KEY};BlobEndpoint={azure_endpoint};",
    )
    blobs, key = open_objects("az://features/connected"), fresh()
    blobs.put(key, b"1", replaces=None)
    assert list(blobs.list("")) == [key]


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("az://features@acme/x", "https://acme.blob.core.windows.net/features"),
        ("az://features/x?account=acme", "https://acme.blob.core.windows.net/features"),
        ("az://features/x", f"https://{AZURITE_ACCOUNT}.blob.core.windows.net/features"),
        ("abfss://features@acme.dfs.core.windows.net/x", "https://acme.blob.core.windows.net/features"),
        ("abfss://f@acme.dfs.core.usgovcloudapi.net/x", "https://acme.blob.core.usgovcloudapi.net/f"),
    ],
)
def test_azure_finds_the_account(cloud_settings: pytest.MonkeyPatch, location: str, url: str) -> None:
    assert open_objects(location).bucket._container.url == url


def test_azure_needs_an_account(cloud_settings: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT")
    with fails("AS787"):
        open_objects("az://features/x")


def test_a_wrong_key_of_azure(azure_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_KEY", "d3Jvbmc=")
    with fails("AS782", "AS781"):
        open_objects(f"az://features/x?endpoint={azure_endpoint}").get("HEAD.json")


def test_google_honours_the_emulators_host(gcs_endpoint: str) -> None:
    blobs, key = open_objects("gs://features/emulated"), fresh()
    blobs.put(key, b"1", replaces=None)
    assert list(open_objects(f"gs://features/emulated?endpoint={gcs_endpoint}").list("")) == [key]


def test_a_client_that_is_not_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "azure.storage.blob", None)
    monkeypatch.delitem(sys.modules, "asof.registry.azure", raising=False)
    with pytest.raises(DiagnosticError, match=r"azure\.storage\.blob") as raised:
        open_registry("az://features/x", root=tmp_path)
    (found,) = raised.value.diagnostics
    assert (found.code, found.notes) == ("AS785", ("install it: pip install 'asof-compiler[azure]'",))


def test_a_host_that_does_not_answer(cloud_settings: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch) -> None:
    # Google's client asks for credentials before it connects, but not for an emulator.
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:9")
    once = Patience(tries=2, first=0.0, connect=0.2, answer=0.2)
    for location in ("s3://b/x?path_style=true&endpoint={}", "gs://b/x?endpoint={}", "az://b/x?endpoint={}"):
        with fails("AS703"):
            open_objects(location.format("http://127.0.0.1:9/a"), patience=once).get("HEAD.json")


def test_pauses_double_and_heed_what_the_store_asks_for() -> None:
    slept: list[float] = []
    patience = Patience(tries=5, first=1.0, longest=3.0, asked_for=10.0, sleep=slept.append)
    for attempt in patience.attempts():
        attempt.wait(60.0 if attempt.number == 2 else 0.0)
    first, second, asked, last = slept
    assert 0.5 <= first <= 1.0 <= second <= 2.0
    assert (asked, 1.5 <= last <= 3.0) == (10.0, True)
