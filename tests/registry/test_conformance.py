"""Every place where a registry may live keeps the same promises: on a disk, and behind real protocols."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from asof.registry import open_objects
from asof.registry.local import LocalBlobs
from asof.testing.blob_stores import BlobsSuite, RemoteBlobsSuite

if TYPE_CHECKING:
    from pathlib import Path

    from asof.registry.base import Blobs
    from asof.registry.patience import Patience


class TestFolder(BlobsSuite):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path / "registry"

    def connect(self) -> Blobs:
        return LocalBlobs(self.folder)


class TestS3(RemoteBlobsSuite):
    @pytest.fixture(autouse=True)
    def _server(self, s3_endpoint: str) -> None:
        self.endpoint = s3_endpoint

    def connect_to(self, endpoint: str, patience: Patience) -> Blobs:
        return open_objects(f"s3://features/conformance?endpoint={endpoint}&path_style=true", patience=patience)


class TestGCS(RemoteBlobsSuite):
    @pytest.fixture(autouse=True)
    def _server(self, gcs_endpoint: str) -> None:
        self.endpoint = gcs_endpoint

    def connect_to(self, endpoint: str, patience: Patience) -> Blobs:
        return open_objects(f"gs://features/conformance?endpoint={endpoint}", patience=patience)


class TestAzure(RemoteBlobsSuite):
    @pytest.fixture(autouse=True)
    def _server(self, azure_endpoint: str) -> None:
        self.endpoint = azure_endpoint

    def connect_to(self, endpoint: str, patience: Patience) -> Blobs:
        return open_objects(f"az://features/conformance?endpoint={endpoint}", patience=patience)
