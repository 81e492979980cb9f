"""A forge's REST API: JSON there and back, and files."""

from __future__ import annotations

import json
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from asof.compiler.diagnostics import DiagnosticError, rule
from asof.compiler.source import NOWHERE
from asof.version import __version__

if TYPE_CHECKING:
    from collections.abc import Container

REFUSED = rule("AS790", "the forge cannot be asked")

_SECONDS = 60
_SAID = 300


class Client:
    """One API below ``address``. Credentials are for its own host: where that sends us elsewhere, they stay behind.

    Everything raises DiagnosticError AS790 where the forge refuses, or is not there.
    """

    def __init__(self, address: str, credentials: dict[str, str], *, accept: str = "application/json") -> None:
        if urlsplit(address).scheme not in ("https", "http"):
            raise DiagnosticError(REFUSED.at(NOWHERE, f"{address!r} is no address of an API"))
        self.address = address.rstrip("/")
        self.credentials = credentials
        self.accept = accept

    def get(self, path: str) -> Any:
        """The JSON at ``path``."""
        return self._json("GET", path, self._ask("GET", path))

    def find(self, path: str) -> Any | None:
        """The JSON at ``path``; None where it is not there, or not for us."""
        found = self._ask("GET", path, absent=(401, 403, 404))
        return None if found is None else self._json("GET", path, found)

    def send(self, method: str, path: str, body: object) -> Any:
        """Send JSON; the answer's."""
        return self._json(method, path, self._ask(method, path, json.dumps(body).encode()))

    def download(self, path: str) -> bytes | None:
        """The file at ``path``; None where there is none."""
        return self._ask("GET", path, absent=(404, 410))

    def _ask(self, method: str, path: str, body: bytes | None = None, *, absent: Container[int] = ()) -> bytes | None:
        """The body of the answer; None for a status of ``absent``."""
        try:
            with urlopen(self._request(method, path, body), timeout=_SECONDS) as answer:  # noqa: S310
                found: bytes = answer.read()
                return found
        except HTTPError as error:
            if error.code in absent:
                return None
            raise _refused(method, path, _said(error)) from None
        except (HTTPException, OSError) as error:
            raise _refused(method, path, str(error)) from None

    def _request(self, method: str, path: str, body: bytes | None) -> Request:
        request = Request(f"{self.address}{path}", data=body, method=method)  # noqa: S310 - checked when it was made
        request.add_header("Accept", self.accept)
        request.add_header("User-Agent", f"asof/{__version__}")
        if body is not None:
            request.add_header("Content-Type", "application/json")
        for name, value in self.credentials.items():
            request.add_unredirected_header(name, value)
        return request

    def _json(self, method: str, path: str, body: bytes | None) -> Any:
        try:
            return json.loads(body or b"")
        except ValueError:
            raise _refused(method, path, "its answer is no JSON") from None


def _said(error: HTTPError) -> str:
    """The status and what the forge says of it; its answers hold no credentials."""
    try:
        text = error.read(_SAID * 4).decode("utf-8", "replace")
        found = json.loads(text)
        text = str(found.get("message") or found.get("error") or text) if isinstance(found, dict) else text
    except (OSError, ValueError, HTTPException):
        text = str(error.reason)
    return f"{error.code}: {' '.join(text.split())[:_SAID]}"


def _refused(method: str, path: str, why: str) -> DiagnosticError:
    return DiagnosticError(REFUSED.at(NOWHERE, f"{method} {path.partition('?')[0]}: {why}"))
