"""Object stores for the tests of registries: started once a session, each with one bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
import pytest
from azure.storage.blob import ContainerClient
from google.cloud import storage

from tests.registry.servers.gcs import gcs_server
from tests.registry.servers.stores import (
    AZURITE_ACCOUNT,
    AZURITE_KEY,
    azurite_server,
    moto_server,
    s3rver_server,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUCKET = "features"


@pytest.fixture(scope="session")
def cloud_settings() -> Iterator[pytest.MonkeyPatch]:
    """Credentials for servers of tests, and nothing of whoever runs them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN", "AZURE_STORAGE_CONNECTION_STRING"):
            patch.delenv(name, raising=False)
        patch.setenv("AWS_CONFIG_FILE", "/dev/null")
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AZURE_STORAGE_ACCOUNT", AZURITE_ACCOUNT)
        patch.setenv("AZURE_STORAGE_KEY", AZURITE_KEY)
        patch.setenv("NO_GCE_CHECK", "true")
        yield patch


@pytest.fixture(scope="session")
def s3_endpoint(cloud_settings: pytest.MonkeyPatch) -> Iterator[str]:
    with moto_server() as endpoint:
        client = boto3.client("s3", endpoint_url=endpoint)
        client.create_bucket(Bucket=BUCKET)
        client.close()
        yield endpoint


@pytest.fixture(scope="session")
def gcs_endpoint(cloud_settings: pytest.MonkeyPatch) -> Iterator[str]:
    with gcs_server() as endpoint:
        cloud_settings.setenv("STORAGE_EMULATOR_HOST", endpoint)
        client = storage.Client(project="test")
        client.create_bucket(BUCKET)
        client.close()
        yield endpoint


@pytest.fixture(scope="session")
def azure_endpoint(cloud_settings: pytest.MonkeyPatch) -> Iterator[str]:
    with azurite_server() as endpoint:
        with ContainerClient(endpoint, BUCKET, AZURITE_KEY) as container:
            container.create_container()
        yield endpoint


@pytest.fixture
def unsafe_endpoint(
    cloud_settings: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[str]:
    """An S3 server that ignores conditions, with the only key it knows."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "S3RVER")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "S3RVER")
    with s3rver_server(tmp_path / "s3rver", BUCKET) as endpoint:
        yield endpoint
