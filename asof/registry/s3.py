"""S3 and what speaks like it: single requests, conditional by If-None-Match and If-Match."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import boto3
from botocore import exceptions as broken
from botocore.config import Config

from asof.compiler.diagnostics import DiagnosticError
from asof.compiler.source import NOWHERE
from asof.registry.base import DENIED, NO_BUCKET, NO_CREDENTIALS, UNAVAILABLE, UNSAFE_STORE, WRONG_CLOCK, Tag
from asof.registry.location import bad_option
from asof.registry.objects import Fault, ObjectBlobs, Outcome, Stamp, said

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from asof.compiler.diagnostics import Rule
    from asof.registry.location import Location
    from asof.registry.patience import Patience

OPTIONS = ("endpoint", "kms", "path_style", "profile", "region", "requester_pays", "sse")

_STAMP = "asof"
# Older clients know no LoginError.
_SIGNED_OUT = (broken.TokenRetrievalError, broken.SSOError, getattr(broken, "LoginError", broken.SSOError))
_UNSIGNED = (broken.NoCredentialsError, broken.CredentialRetrievalError, broken.PartialCredentialsError)
_CLOCK = ("RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture")
_BAD_KEYS = (
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidToken",
    "TokenRefreshRequired",
)
_HARD: dict[str, tuple[Rule, str]] = {
    "NoSuchBucket": (NO_BUCKET, "create it, or correct the location in asof.yaml"),
    "NotImplemented": (UNSAFE_STORE, "the store does not know conditional writes; use one that does"),
    **dict.fromkeys(_CLOCK, (WRONG_CLOCK, "set this machine's clock: timedatectl set-ntp true")),
    **dict.fromkeys(_BAD_KEYS, (NO_CREDENTIALS, "the credentials found are wrong or have expired: renew them")),
}
_ALLOW = (
    "allow s3:GetObject, s3:PutObject and s3:ListBucket; kms:GenerateDataKey and kms:Decrypt for a KMS key;"
    " s3:DeleteObject for `asof registry check` and gc"
)
_NONE_FOUND = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or AWS_PROFILE, or add ?profile= to the location"


def open_s3(location: Location, patience: Patience) -> ObjectBlobs:
    """A registry at ``s3://bucket/prefix``; credentials and defaults are boto3's own."""
    return ObjectBlobs(S3Bucket(location, patience), location.prefix, patience)


class S3Bucket:
    """A bucket behind boto3's client, which repeats nothing by itself."""

    def __init__(self, location: Location, patience: Patience) -> None:
        location.allow(OPTIONS)
        self.place = location.place
        self._clock: datetime | None = None
        self._bucket: dict[str, Any] = {"Bucket": location.bucket}
        if location.switch("requester_pays"):
            self._bucket["RequestPayer"] = "requester"
        self._encryption = _encryption(location)
        self._client = self._connected(location, patience)

    def read(self, key: str) -> tuple[bytes, Tag] | None:
        try:
            found = self._client.get_object(**self._bucket, Key=key)
            body: bytes = found["Body"].read()
        except Exception as error:
            if _is_missing(error):
                return None
            raise self._failed(error) from error
        return body, Tag(found["ETag"])

    def look(self, key: str) -> tuple[Tag, Stamp] | None:
        try:
            # Not HEAD: its 404 has no body, and would not tell a missing key from a missing bucket.
            found = self._client.get_object(**self._bucket, Key=key)
            found["Body"].close()
        except Exception as error:
            if _is_missing(error):
                return None
            raise self._failed(error) from error
        return Tag(found["ETag"]), Stamp.parse(found.get("Metadata", {}).get(_STAMP, ""))

    def write(self, key: str, body: bytes, stamp: Stamp, replaces: Tag | None) -> Tag:
        condition = {"IfNoneMatch": "*"} if replaces is None else {"IfMatch": replaces}
        about = {"Metadata": {_STAMP: str(stamp)}, "ContentType": "application/octet-stream", **self._encryption}
        try:
            made = self._client.put_object(**self._bucket, Key=key, Body=body, **about, **condition)
        except Exception as error:
            raise self._failed(error) from error
        date = made["ResponseMetadata"].get("HTTPHeaders", {}).get("date")
        self._clock = parsedate_to_datetime(date) if date else None
        return Tag(made["ETag"])

    def page(self, prefix: str, marker: str, size: int) -> tuple[list[str], str]:
        more = {"ContinuationToken": marker} if marker else {}
        try:
            found = self._client.list_objects_v2(**self._bucket, Prefix=prefix, MaxKeys=size, **more)
        except Exception as error:
            raise self._failed(error) from error
        return [entry["Key"] for entry in found.get("Contents", ())], found.get("NextContinuationToken", "")

    def remove(self, key: str) -> None:
        try:
            self._client.delete_object(**self._bucket, Key=key)
        except Exception as error:
            raise self._failed(error) from error

    def remove_versions(self, prefix: str) -> int:
        try:
            versions = list(self._versions(prefix))
            for key, version in versions:
                self._client.delete_object(**self._bucket, Key=key, VersionId=version)
        except Exception as error:
            raise self._failed(error) from error
        return len(versions)

    def clock(self) -> datetime | None:
        return self._clock

    def _versions(self, prefix: str) -> Iterator[tuple[str, str]]:
        for found in self._client.get_paginator("list_object_versions").paginate(**self._bucket, Prefix=prefix):
            for entry in (*found.get("Versions", ()), *found.get("DeleteMarkers", ())):
                yield entry["Key"], entry["VersionId"]

    def _connected(self, location: Location, patience: Patience) -> Any:
        config = Config(
            retries={"total_max_attempts": 1, "mode": "standard"},
            connect_timeout=patience.connect,
            read_timeout=patience.answer,
            max_pool_connections=32,
            s3={"addressing_style": "path"} if location.switch("path_style") else None,
        )
        try:
            session = boto3.Session(profile_name=location.option("profile"), region_name=location.option("region"))
            return session.client("s3", endpoint_url=location.option("endpoint"), config=config)
        except broken.ProfileNotFound:
            raise bad_option(location, "profile: there is none of that name in ~/.aws/config") from None
        except (broken.BotoCoreError, ValueError) as error:
            raise bad_option(location, said(error)) from error

    def _failed(self, error: Exception) -> Exception:
        if isinstance(error, broken.ClientError):
            return self._answered(error)
        if isinstance(
            error, broken.NoCredentialsError | broken.CredentialRetrievalError | broken.PartialCredentialsError
        ):
            return self._error(NO_CREDENTIALS, said(error), _NONE_FOUND)
        if isinstance(error, _SIGNED_OUT):
            return self._error(NO_CREDENTIALS, said(error), "sign in again: aws sso login")
        if isinstance(error, broken.ParamValidationError):
            return self._error(UNAVAILABLE, said(error))
        if isinstance(error, broken.ConnectTimeoutError | broken.EndpointConnectionError | broken.ProxyConnectionError):
            return Fault(Outcome.NOT_DONE, said(error))
        if isinstance(error, broken.BotoCoreError | OSError):
            return Fault(Outcome.UNKNOWN, said(error))
        return error

    def _answered(self, error: broken.ClientError) -> Exception:
        about = error.response.get("Error", {})
        code = str(about.get("Code", ""))
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        text = said(f"{code}: {about.get('Message') or status}")
        if code in _HARD:
            broken_rule, hint = _HARD[code]
            return self._error(broken_rule, text, hint)
        if status == 412 or code == "NoSuchKey":
            return Fault(Outcome.REFUSED, text)
        if status == 409 or status == 429 or code in ("SlowDown", "RequestLimitExceeded", "Throttling"):
            return Fault(Outcome.NOT_DONE, text, after=_asked(error))
        # A 404 that names neither bucket nor key is not the store's, or only the half of its answer.
        if status >= 500 or status == 404 or code == "RequestTimeout" or not status:
            return Fault(Outcome.UNKNOWN, text, after=_asked(error))
        if status in (401, 403):
            return self._error(DENIED, text, _ALLOW)
        return self._error(UNAVAILABLE, text)

    def _error(self, broken_rule: Rule, text: str, hint: str = "") -> DiagnosticError:
        return DiagnosticError(broken_rule.at(NOWHERE, f"{self.place}: {text}", notes=(hint,) if hint else ()))


def _is_missing(error: Exception) -> bool:
    """Whether a 404 is about the key; one about the bucket, or from anything in between, is no answer."""
    return isinstance(error, broken.ClientError) and error.response.get("Error", {}).get("Code") == "NoSuchKey"


def _encryption(location: Location) -> dict[str, str]:
    key, kind = location.option("kms"), location.option("sse")
    if key:
        return {"ServerSideEncryption": kind or "aws:kms", "SSEKMSKeyId": key}
    return {"ServerSideEncryption": kind} if kind else {}


def _asked(error: broken.ClientError) -> float:
    given = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("retry-after", "")
    return float(given) if given.isdigit() else 0.0
