"""Google Cloud Storage: single requests, conditional by the generation of an object."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import requests
import urllib3
from google.api_core import exceptions as answered
from google.auth import exceptions as unsigned
from google.cloud import storage
from google.cloud.storage.exceptions import DataCorruption

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

# The error says it in one line; without a handler the client's log would come before it.
logging.getLogger("google").addHandler(logging.NullHandler())

OPTIONS = ("endpoint", "kms", "project", "user_project")

_STAMP = "asof"
_ALLOW = "grant roles/storage.objectUser on the bucket (objects.get, create, delete and list)"
_NONE_FOUND = "run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS"


def open_gcs(location: Location, patience: Patience) -> ObjectBlobs:
    """A registry at ``gs://bucket/prefix``; credentials are Google's application default ones."""
    return ObjectBlobs(GCSBucket(location, patience), location.prefix, patience)


class GCSBucket:
    """A bucket behind Google's client, which repeats nothing by itself."""

    def __init__(self, location: Location, patience: Patience) -> None:
        location.allow(OPTIONS)
        self.place = location.place
        self._clock: datetime | None = None
        self._kms = location.option("kms")
        # Every call gets these: the client's own repetitions would hide what became of the first request.
        self._once: dict[str, Any] = {"retry": None, "timeout": (patience.connect, patience.answer)}
        self._client = self._connected(location)
        self._bucket = self._client.bucket(location.bucket, user_project=location.option("user_project"))

    def read(self, key: str) -> tuple[bytes, Tag] | None:
        # Two requests: a download alone would not say which generation it is.
        blob = self._found(key)
        if blob is None:
            return None
        try:
            body: bytes = blob.download_as_bytes(if_generation_match=blob.generation, raw_download=True, **self._once)
        except (answered.PreconditionFailed, answered.NotFound) as error:
            raise Fault(Outcome.NOT_DONE, "it was replaced while it was read") from error
        except Exception as error:
            raise self._failed(error) from error
        return body, Tag(str(blob.generation))

    def look(self, key: str) -> tuple[Tag, Stamp] | None:
        blob = self._found(key)
        return blob and (Tag(str(blob.generation)), Stamp.parse((blob.metadata or {}).get(_STAMP, "")))

    def write(self, key: str, body: bytes, stamp: Stamp, replaces: Tag | None) -> Tag:
        if replaces is not None and not replaces.isdigit():
            raise Fault(Outcome.REFUSED, "no generation has this tag")
        blob = self._bucket.blob(key, kms_key_name=self._kms)
        blob.metadata = {_STAMP: str(stamp)}
        try:
            # Generation 0 means that there is none.
            expected = int(replaces or 0)
            blob.upload_from_string(body, "application/octet-stream", if_generation_match=expected, **self._once)
        except Exception as error:
            raise self._failed(error) from error
        self._clock = blob.updated
        return Tag(str(blob.generation))

    def page(self, prefix: str, marker: str, size: int) -> tuple[list[str], str]:
        try:
            found = self._bucket.list_blobs(prefix=prefix, max_results=size, page_token=marker or None, **self._once)
            keys = [blob.name for blob in next(found.pages, ())]
        except Exception as error:
            raise self._failed(error) from error
        return keys, found.next_page_token or ""

    def remove(self, key: str) -> None:
        try:
            self._bucket.blob(key).delete(**self._once)
        except Exception as error:
            if not _no_object(error):
                raise self._failed(error) from error

    def remove_versions(self, prefix: str) -> int:
        try:
            versions = list(self._bucket.list_blobs(prefix=prefix, versions=True, **self._once))
            for blob in versions:
                blob.delete(if_generation_match=blob.generation, **self._once)
        except Exception as error:
            raise self._failed(error) from error
        return len(versions)

    def clock(self) -> datetime | None:
        return self._clock

    def _found(self, key: str) -> Any:
        blob = self._bucket.blob(key)
        try:
            blob.reload(**self._once)
        except Exception as error:
            if _no_object(error):
                return None
            raise self._failed(error) from error
        return blob

    def _connected(self, location: Location) -> Any:
        endpoint = location.option("endpoint")
        try:
            # Without an endpoint of our own the client honours STORAGE_EMULATOR_HOST.
            return storage.Client(
                project=location.option("project"), client_options={"api_endpoint": endpoint} if endpoint else None
            )
        except unsigned.GoogleAuthError as error:
            raise self._error(NO_CREDENTIALS, said(error), _NONE_FOUND) from error
        except (OSError, ValueError) as error:
            raise bad_option(location, said(error)) from error

    def _failed(self, error: Exception) -> Exception:
        if isinstance(error, answered.GoogleAPICallError):
            return self._answered(error)
        if isinstance(error, unsigned.TransportError | requests.ConnectTimeout):
            return Fault(Outcome.NOT_DONE, said(error))
        if isinstance(error, unsigned.GoogleAuthError):
            if "iat and exp" in str(error):
                return self._error(WRONG_CLOCK, said(error), "set this machine's clock: timedatectl set-ntp true")
            return self._error(NO_CREDENTIALS, said(error), _NONE_FOUND)
        if isinstance(error, requests.RequestException | urllib3.exceptions.HTTPError | DataCorruption | OSError):
            return Fault(Outcome.UNKNOWN, said(error))
        return error

    def _answered(self, error: Any) -> Exception:
        status = int(error.code or 0)
        # The message names the whole request; what the service itself says of it is in the errors.
        text = said(error.errors[0].get("message") if error.errors else HTTPStatus(status).phrase if status else error)
        if status == 412 or _no_object(error):
            return Fault(Outcome.REFUSED, text)
        if status in (409, 429):
            return Fault(Outcome.NOT_DONE, text, after=_asked(error))
        if status == 404 and "bucket does not exist" in text:
            return self._error(NO_BUCKET, text, "create it, or correct the location in asof.yaml")
        # A 404 that names neither bucket nor object is not the store's, or only the half of its answer.
        if status >= 500 or status in (404, 408) or status < 300:
            return Fault(Outcome.UNKNOWN, text, after=_asked(error))
        if status == 401:
            return self._error(NO_CREDENTIALS, text, _NONE_FOUND)
        if status == 403:
            return self._error(DENIED, text, _ALLOW)
        return self._error(UNAVAILABLE, f"{status} {text}")

    def _error(self, broken_rule: Rule, text: str, hint: str = "") -> DiagnosticError:
        return DiagnosticError(broken_rule.at(NOWHERE, f"{self.place}: {text}", notes=(hint,) if hint else ()))


def _no_object(error: Exception) -> bool:
    """Whether a 404 is about the object; one about the bucket, or from anything in between, is no answer."""
    return isinstance(error, answered.NotFound) and "No such object" in str(error.message)


def _asked(error: Any) -> float:
    headers = getattr(error.response, "headers", None) or {}
    given = headers.get("Retry-After", "")
    return float(given) if given.isdigit() else 0.0
