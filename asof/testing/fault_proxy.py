"""A proxy that stands between a client and an HTTP server and does what networks and servers do on bad days.

with fault_proxy("http://127.0.0.1:9000") as proxy:
    client = connect(proxy.endpoint)
    proxy.next(Fault(when="before", status=503), methods=("PUT",))
"""

from __future__ import annotations

import http.client
import socket
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

_OF_ONE_HOP = frozenset({"connection", "keep-alive", "proxy-connection", "transfer-encoding", "content-length"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What happens to one request.

    ``status`` is answered in place of the server's own answer; 0 cuts the connection. ``when`` says whether the
    server sees the request before that (``after``) or never (``before``). ``cut_body`` passes the answer on, but
    only its first bytes, and ``cut_request`` the request. ``delay`` seconds pass first.
    """

    when: Literal["before", "after"] = "before"
    status: int | None = None
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_body: int | None = None
    cut_request: int | None = None
    delay: float = 0.0


CUT_BEFORE = Fault(when="before", status=0)
CUT_AFTER = Fault(when="after", status=0)


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it came by."""

    method: str
    path: str
    fault: Fault | None


class FaultProxy:
    """The script of faults, and what came by. Threads may share it."""

    def __init__(self, upstream: str) -> None:
        parts = urlsplit(upstream)
        self.upstream = (parts.hostname or "", parts.port or 80)
        self.path = parts.path
        self.port = 0
        self.seen: list[Seen] = []
        self._script: list[tuple[Fault, Collection[str], int]] = []
        self._lock = threading.Lock()
        self.pick: Callable[[str, str], Fault | None] | None = None
        """What happens to requests that the script says nothing about."""

    @property
    def endpoint(self) -> str:
        """The URL that a client is given in place of the server's."""
        return f"http://127.0.0.1:{self.port}{self.path}"

    def next(self, fault: Fault, *, methods: Collection[str] = (), times: int = 1) -> None:
        """Let ``fault`` happen to the next requests, of those ``methods`` if any are named."""
        with self._lock:
            self._script.append((fault, methods, times))

    def clear(self) -> None:
        """Forget the script and what was seen."""
        with self._lock:
            self._script.clear()
            self.seen.clear()
            self.pick = None

    def fault_for(self, method: str, path: str) -> Fault | None:
        """What happens to this request; each entry of the script is used up."""
        chosen = self.pick(method, path) if self.pick else None
        with self._lock:
            for index, (fault, methods, times) in enumerate(self._script):
                if not methods or method in methods:
                    chosen = fault
                    self._script[index : index + 1] = [(fault, methods, times - 1)] if times > 1 else []
                    break
            self.seen.append(Seen(method, path, chosen))
            return chosen


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    proxy: FaultProxy

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        """Silence."""

    def _pass(self) -> None:
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.send_response_only(100)
            self.end_headers()
        body = self._body()
        fault = self.proxy.fault_for(self.command, self.path) or Fault(when="after")
        time.sleep(fault.delay)
        if fault.cut_request is not None:
            self._forward_part(body[: fault.cut_request], len(body))
            return self._cut()
        if fault.when == "before" and fault.status is not None:
            return self._reply(fault) if fault.status else self._cut()
        status, headers, answer = self._forward(body)
        if fault.status is not None:
            return self._reply(fault) if fault.status else self._cut()
        if fault.cut_body is not None:
            self._send(status, headers, answer[: fault.cut_body], length=len(answer))
            return self._cut()
        return self._send(status, headers, answer, length=len(answer))

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass  # noqa: N815 - the base class calls these names

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _forwarded_headers(self) -> dict[str, str]:
        return {name: value for name, value in self.headers.items() if name.lower() not in (*_OF_ONE_HOP, "expect")}

    def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(*self.proxy.upstream, timeout=60)
        try:
            headers = self._forwarded_headers()
            if body or self.command in ("PUT", "POST"):
                headers["Content-Length"] = str(len(body))
            connection.request(self.command, self.path, body=body or None, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def _forward_part(self, part: bytes, length: int) -> None:
        """Send the beginning of a request and hang up."""
        with suppress(OSError), socket.create_connection(self.proxy.upstream, timeout=5) as upstream:
            headers = {**self._forwarded_headers(), "Content-Length": str(length)}
            head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            upstream.sendall(f"{self.command} {self.path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + part)

    def _reply(self, fault: Fault) -> None:
        self._send(fault.status or 0, list(fault.headers.items()), fault.body, length=len(fault.body))

    def _send(self, status: int, headers: list[tuple[str, str]], body: bytes, *, length: int) -> None:
        self.send_response_only(status)
        given = [(name, value) for name, value in headers if name.lower() not in _OF_ONE_HOP]
        for name, value in given:
            self.send_header(name, value)
        # The answer to a HEAD names a length and has no body.
        told = next((value for name, value in headers if name.lower() == "content-length"), "0")
        if status not in (204, 304):
            self.send_header("Content-Length", told if self.command == "HEAD" else str(length))
        self.end_headers()
        self.wfile.write(body)

    def _cut(self) -> None:
        self.wfile.flush()
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client or server that went away is what this proxy is for."""


@contextmanager
def fault_proxy(upstream: str) -> Iterator[FaultProxy]:
    """A proxy before the server at the URL ``upstream``; it ends with the context."""
    proxy = FaultProxy(upstream)
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": proxy}))
    proxy.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
