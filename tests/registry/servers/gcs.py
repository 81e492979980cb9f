"""A server of Google Cloud Storage's JSON API, for tests: objects, generations, versions, preconditions; nothing else.

Statuses, messages and headers are those of Google's own storage-testbench.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

import google_crc32c

if TYPE_CHECKING:
    from collections.abc import Iterator

_BUCKET = re.compile(r"/storage/v1/b/([^/]+)(/o)?")
_OBJECT = re.compile(r"(?:/download)?/storage/v1/b/([^/]+)/o/(.+)")
_UPLOAD = re.compile(r"/upload/storage/v1/b/([^/]+)/o")


@dataclass(frozen=True)
class Blob:
    name: str
    body: bytes
    type: str
    metadata: dict[str, str]
    generation: int
    updated: str

    @property
    def etag(self) -> str:
        return f"etag{self.generation}"

    def resource(self, bucket: str) -> dict[str, Any]:
        return {
            "kind": "storage#object",
            "bucket": bucket,
            "name": self.name,
            "generation": str(self.generation),
            "metageneration": "1",
            "size": str(len(self.body)),
            "etag": self.etag,
            "contentType": self.type,
            "metadata": self.metadata,
            "updated": self.updated,
            "timeCreated": self.updated,
            "md5Hash": _md5(self.body),
            "crc32c": base64.b64encode(google_crc32c.Checksum(self.body).digest()).decode(),
        }


@dataclass
class Bucket:
    live: dict[str, Blob] = field(default_factory=dict)
    old: list[Blob] = field(default_factory=list)
    versioning: bool = False

    def retire(self, name: str) -> None:
        gone = self.live.pop(name, None)
        if gone is not None and self.versioning:
            self.old.append(gone)


@dataclass
class Upload:
    bucket: str
    about: dict[str, Any]
    type: str
    query: dict[str, str]
    body: bytearray = field(default_factory=bytearray)


class Store:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.buckets: dict[str, Bucket] = {}
        self.uploads: dict[str, Upload] = {}
        self.numbers = itertools.count(1_700_000_000_000_001)


class Answer(Exception):  # noqa: N818 - not always an error
    """What a request comes to, wherever in the handling of it that turned out."""

    def __init__(self, status: int, body: bytes = b"", **headers: object) -> None:
        super().__init__(status)
        self.status, self.body, self.headers = status, body, headers


def _document(status: int, made: object) -> Answer:
    return Answer(status, json.dumps(made).encode(), Content_Type="application/json")


def _error(status: int, message: str, reason: str) -> Answer:
    inner = [{"message": message, "reason": reason, "domain": "global"}]
    return _document(status, {"error": {"code": status, "message": message, "errors": inner}})


def _md5(body: bytes) -> str:
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


def _check(query: dict[str, str], blob: Blob | None) -> None:
    """Generation 0 means that there is no live object."""
    generation, metageneration = (blob.generation, 1) if blob else (0, 0)
    for name, have in (("Generation", generation), ("Metageneration", metageneration)):
        wanted, unwanted = query.get(f"if{name}Match"), query.get(f"if{name}NotMatch")
        if wanted is not None and int(wanted) != have:
            message = "At least one of the pre-conditions you specified did not hold."
            raise _error(412, message, "conditionNotMet")
        if unwanted is not None and int(unwanted) == have:
            raise Answer(304)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    store: Store

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def do_PUT(self) -> None:
        self._answer(self._continue)

    def do_DELETE(self) -> None:
        self._answer(self._delete)

    def _answer(self, act: Any) -> None:
        parts = urlsplit(self.path)
        self.path_only, self.query = parts.path, dict(parse_qsl(parts.query))
        self.content = self._received()
        if self.content is None:  # cut short: a store keeps nothing of it
            self.close_connection = True
            return
        try:
            with self.store.lock:
                act()
        except Answer as answer:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name.replace("_", "-"), str(value))
            if answer.status not in (204, 304):
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

    def _received(self) -> bytes | None:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            length = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(length)
            return body if len(body) == length else None
        body = b""
        while size := int(self.rfile.readline().split(b";")[0] or b"0", 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _bucket(self, name: str) -> Bucket:
        found = self.store.buckets.get(name)
        if found is None:
            raise _error(404, "The specified bucket does not exist.", "notFound")
        return found

    def _keep(self, bucket: str, name: str, body: bytes, type_: str, metadata: dict[str, str], query: Any) -> None:
        place = self._bucket(bucket)
        _check(query, place.live.get(name))
        place.retire(name)
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        made = Blob(name, body, type_, metadata, next(self.store.numbers), now)
        place.live[name] = made
        raise _document(200, made.resource(bucket))

    def _post(self) -> None:
        if self.path_only == "/storage/v1/b":
            about = json.loads(self.content)
            self.store.buckets[about["name"]] = Bucket(versioning=about.get("versioning", {}).get("enabled", False))
            raise _document(200, {"kind": "storage#bucket", "name": about["name"], "id": about["name"]})
        found = _UPLOAD.fullmatch(self.path_only)
        if found is None:
            raise _error(404, "Not Found", "notFound")
        bucket = found[1]
        self._bucket(bucket)
        if self.query.get("uploadType") == "multipart":
            return self._multipart(bucket)
        if self.query.get("uploadType") == "resumable":
            number = str(next(self.store.numbers))
            type_ = self.headers.get("X-Upload-Content-Type", "")
            self.store.uploads[number] = Upload(bucket, json.loads(self.content or b"{}"), type_, self.query)
            place = f"http://{self.headers['Host']}{self.path_only}?uploadType=resumable&upload_id={number}"
            raise Answer(200, Location=place)
        return self._keep(bucket, self.query["name"], self.content, self.headers["Content-Type"], {}, self.query)

    def _multipart(self, bucket: str) -> None:
        found = re.search(r'boundary="?([^";]+)', self.headers["Content-Type"])
        assert found is not None
        first, second = self.content.split(b"--" + found[1].encode())[1:3]
        about = json.loads(first.split(b"\r\n\r\n", 1)[1])
        head, media = second.split(b"\r\n\r\n", 1)
        type_ = re.search(rb"(?i)content-type:\s*([^\r\n]+)", head)
        name = about.get("name") or self.query["name"]
        metadata = about.get("metadata", {})
        self._keep(bucket, name, media.removesuffix(b"\r\n"), type_[1].decode() if type_ else "", metadata, self.query)

    def _continue(self) -> None:
        upload = self.store.uploads[self.query["upload_id"]]
        upload.body += self.content
        total = self.headers.get("Content-Range", "/*").rpartition("/")[2]
        if total == "*" or len(upload.body) < int(total):
            raise Answer(308, Range=f"bytes=0-{len(upload.body) - 1}")
        del self.store.uploads[self.query["upload_id"]]
        name = upload.about.get("name") or upload.query["name"]
        # The precondition counts when the object is finished.
        self._keep(upload.bucket, name, bytes(upload.body), upload.type, upload.about.get("metadata", {}), upload.query)

    def _get(self) -> None:
        listing = _BUCKET.fullmatch(self.path_only)
        if listing is not None:
            place = self._bucket(listing[1])
            if not listing[2]:
                raise _document(200, {"kind": "storage#bucket", "name": listing[1]})
            raise _document(200, self._listed(listing[1], place))
        bucket, name = self._named()
        found = self._bucket(bucket).live.get(name)
        if found is None:
            raise _error(404, f"No such object: {bucket}/{name}", "notFound")
        _check(self.query, found)
        if self.query.get("alt") == "media" or self.path_only.startswith("/download"):
            about = {"x_goog_generation": found.generation, "x_goog_hash": f"md5={_md5(found.body)}"}
            raise Answer(200, found.body, ETag=found.etag, Content_Type=found.type, **about)
        raise _document(200, found.resource(bucket))

    def _listed(self, bucket: str, place: Bucket) -> dict[str, Any]:
        kept = [*place.live.values(), *(place.old if self.query.get("versions", "").lower() == "true" else ())]
        wanted = sorted((b for b in kept if b.name.startswith(self.query.get("prefix", ""))), key=lambda b: b.name)
        start, size = int(self.query.get("pageToken", 0)), int(self.query.get("maxResults", 1000))
        made: dict[str, Any] = {"kind": "storage#objects"}
        made["items"] = [blob.resource(bucket) for blob in wanted[start : start + size]]
        return made | ({"nextPageToken": str(start + size)} if len(wanted) > start + size else {})

    def _delete(self) -> None:
        bucket, name = self._named()
        place = self._bucket(bucket)
        number = self.query.get("generation")
        every = [*place.old, *filter(None, [place.live.get(name)])]
        found = [b for b in every if b.name == name and str(b.generation) == number] if number else None
        if not (found if number else name in place.live):
            raise _error(404, f"No such object: {bucket}/{name}", "notFound")
        if found:
            place.old = [blob for blob in place.old if blob not in found]
            if place.live.get(name) in found:
                del place.live[name]
        else:
            _check(self.query, place.live[name])
            place.retire(name)
        raise Answer(204)

    def _named(self) -> tuple[str, str]:
        found = _OBJECT.fullmatch(self.path_only)
        if found is None:
            raise _error(404, "Not Found", "notFound")
        return found[1], unquote(found[2])


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is none of the server's business."""


@contextmanager
def gcs_server() -> Iterator[str]:
    """The endpoint of a new server, which ends with the context."""
    handler = type("Handler", (_Handler,), {"store": Store()})
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
