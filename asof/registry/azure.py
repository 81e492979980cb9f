"""Azure Blob Storage: single requests, conditional by the ETag of a blob."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

from azure.core import MatchConditions
from azure.core import exceptions as broken
from azure.storage.blob import ContainerClient

from asof.compiler.diagnostics import DiagnosticError
from asof.compiler.source import NOWHERE
from asof.registry.base import DENIED, NO_BUCKET, NO_CREDENTIALS, UNAVAILABLE, WRONG_CLOCK, Tag
from asof.registry.location import bad_option
from asof.registry.objects import Fault, ObjectBlobs, Outcome, Stamp, said

if TYPE_CHECKING:
    from datetime import datetime

    from asof.compiler.diagnostics import Rule
    from asof.registry.location import Location
    from asof.registry.patience import Patience

# The error says it in one line; without a handler the client's log would follow on ten.
logging.getLogger("azure").addHandler(logging.NullHandler())

OPTIONS = ("account", "encryption_scope", "endpoint")

_STAMP = "asof"
_WHOLE = 2**30
"""Bytes that go in one request: a blob in blocks would be there before its last block is."""
_ALLOW = "grant the role Storage Blob Data Contributor on the container"
_NONE_FOUND = (
    "set AZURE_STORAGE_CONNECTION_STRING, or AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN, or sign in: az login"
)
_NO_CONTAINER = ("ContainerNotFound", "ContainerBeingDeleted", "ResourceNotFound", "FilesystemNotFound")


def open_azure(location: Location, patience: Patience) -> ObjectBlobs:
    """A registry at ``az://container/prefix`` or ``abfss://container@account.dfs.core.windows.net/prefix``."""
    return ObjectBlobs(AzureBucket(location, patience), location.prefix, patience)


class AzureBucket:
    """A container behind Azure's client, which repeats nothing by itself."""

    def __init__(self, location: Location, patience: Patience) -> None:
        location.allow(OPTIONS)
        self.place = location.place
        self._clock: datetime | None = None
        scope = location.option("encryption_scope")
        self._encryption = {"encryption_scope": scope} if scope else {}
        self._container = self._connected(location, patience)

    def read(self, key: str) -> tuple[bytes, Tag] | None:
        try:
            found = self._container.download_blob(key)
            body: bytes = found.readall()
        except Exception as error:
            if _is_missing(error):
                return None
            raise self._failed(error) from error
        return body, Tag(found.properties.etag)

    def look(self, key: str) -> tuple[Tag, Stamp] | None:
        try:
            found = self._container.get_blob_client(key).get_blob_properties()
        except Exception as error:
            if _is_missing(error):
                return None
            raise self._failed(error) from error
        return Tag(found.etag), Stamp.parse((found.metadata or {}).get(_STAMP, ""))

    def write(self, key: str, body: bytes, stamp: Stamp, replaces: Tag | None) -> Tag:
        condition: dict[str, Any] = {"overwrite": False}
        if replaces is not None:
            condition = {"overwrite": True, "etag": replaces, "match_condition": MatchConditions.IfNotModified}
        about = {"metadata": {_STAMP: str(stamp)}, **self._encryption}
        try:
            made = self._container.get_blob_client(key).upload_blob(body, **condition, **about)
        except Exception as error:
            raise self._failed(error) from error
        self._clock = made.get("date")
        return Tag(made["etag"])

    def page(self, prefix: str, marker: str, size: int) -> tuple[list[str], str]:
        try:
            found = self._container.list_blobs(name_starts_with=prefix, include=["metadata"], results_per_page=size)
            pages = found.by_page(marker or None)
            # Accounts with a hierarchical namespace list folders among the blobs.
            keys = [blob.name for blob in next(pages, ()) if not (blob.metadata or {}).get("hdi_isfolder")]
        except Exception as error:
            raise self._failed(error) from error
        return keys, pages.continuation_token or ""

    def remove(self, key: str) -> None:
        try:
            self._container.delete_blob(key)
        except Exception as error:
            if not _is_missing(error):
                raise self._failed(error) from error

    def remove_versions(self, prefix: str) -> int:
        try:
            found = list(self._container.list_blobs(name_starts_with=prefix, include=["versions"]))
            # The current version goes first, and without its id: it has none where versions are not kept.
            for blob in sorted(found, key=lambda blob: not blob.is_current_version):
                current = blob.is_current_version or not blob.version_id
                self._container.delete_blob(blob.name, **({} if current else {"version_id": blob.version_id}))
            left = list(self._container.list_blobs(name_starts_with=prefix, include=["versions"]))
            for blob in left:
                self._container.delete_blob(blob.name, version_id=blob.version_id)
        except Exception as error:
            raise self._failed(error) from error
        return len(found)

    def clock(self) -> datetime | None:
        return self._clock

    def _connected(self, location: Location, patience: Patience) -> Any:
        once: dict[str, Any] = {
            "retry_total": 0,
            "connection_timeout": patience.connect,
            "read_timeout": patience.answer,
            "max_single_put_size": _WHOLE,
            "max_single_get_size": _WHOLE,
        }
        connection = os.environ.get("AZURE_STORAGE_CONNECTION_STRING")
        account = location.account.partition(".")[0] or location.option("account")
        try:
            if connection and not location.account:
                return ContainerClient.from_connection_string(connection, location.bucket, **once)
            return ContainerClient(self._url(location, account), location.bucket, self._credential(), **once)
        except (ValueError, broken.AzureError) as error:
            raise bad_option(location, said(error)) from error

    def _url(self, location: Location, account: str | None) -> str:
        if endpoint := location.option("endpoint"):
            return endpoint
        named = account or os.environ.get("AZURE_STORAGE_ACCOUNT")
        if not named:
            message = "which storage account? Write az://container@account/prefix, or set AZURE_STORAGE_ACCOUNT"
            raise bad_option(location, message)
        # What follows the account's name differs in the clouds of governments; abfss names the gateway of folders.
        _, _, domain = location.account.partition(".")
        return f"https://{named}.{domain.replace('dfs.', 'blob.', 1) or 'blob.core.windows.net'}"

    def _credential(self) -> Any:
        given = os.environ.get("AZURE_STORAGE_KEY") or os.environ.get("AZURE_STORAGE_SAS_TOKEN")
        if given:
            return given
        try:
            from azure.identity import DefaultAzureCredential
        except ImportError:
            raise self._error(NO_CREDENTIALS, "no credentials in the environment", _NONE_FOUND) from None
        return DefaultAzureCredential()

    def _failed(self, error: Exception) -> Exception:
        if isinstance(error, broken.ClientAuthenticationError) and not error.status_code:
            return self._error(NO_CREDENTIALS, said(error), _NONE_FOUND)
        if isinstance(error, broken.IncompleteReadError):
            return Fault(Outcome.UNKNOWN, said(error))
        if isinstance(error, broken.HttpResponseError) and error.status_code:
            return self._answered(error, int(error.status_code))
        if isinstance(error, broken.ServiceRequestError):
            return Fault(Outcome.NOT_DONE, said(error))
        if isinstance(error, broken.AzureError | OSError):
            return Fault(Outcome.UNKNOWN, said(error))
        return error

    def _answered(self, error: Any, status: int) -> Exception:
        code = _code(error)
        text = f"{code}: {said(error)}".removeprefix(": ")
        if code in _NO_CONTAINER:
            return self._error(NO_BUCKET, text, "create it, or correct the location in asof.yaml")
        if status == 412 or code in ("BlobAlreadyExists", "BlobNotFound"):
            return Fault(Outcome.REFUSED, text)
        if status in (409, 429) or code == "ServerBusy":
            return Fault(Outcome.NOT_DONE, text, after=_asked(error))
        # A 404 that names neither container nor blob is not the store's.
        if status >= 500 or status in (404, 408):
            return Fault(Outcome.UNKNOWN, text, after=_asked(error))
        if code == "AuthenticationFailed":
            if "date header too old" in str(error):
                return self._error(WRONG_CLOCK, text, "set this machine's clock: timedatectl set-ntp true")
            return self._error(NO_CREDENTIALS, text, "the key or token found is wrong or has expired: renew it")
        if status in (401, 403):
            return self._error(DENIED, text, _ALLOW)
        return self._error(UNAVAILABLE, text)

    def _error(self, broken_rule: Rule, text: str, hint: str = "") -> DiagnosticError:
        return DiagnosticError(broken_rule.at(NOWHERE, f"{self.place}: {text}", notes=(hint,) if hint else ()))


def _is_missing(error: Exception) -> bool:
    """Whether a 404 is about the blob; one about the container, or from anything in between, is no answer."""
    return _code(error) == "BlobNotFound"


def _code(error: Exception) -> str:
    """Azure's name for what went wrong; "" where the answer was not Azure's."""
    code = getattr(error, "error_code", None) or ""
    return str(getattr(code, "value", code))


def _asked(error: Any) -> float:
    given = error.response.headers.get("Retry-After", "") if error.response is not None else ""
    return float(given) if given.isdigit() else 0.0
