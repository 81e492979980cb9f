"""`asof lsp`: the server put together, at standard input and output."""

from __future__ import annotations

import logging
import os

from asof.lsp.requests import REQUESTS
from asof.lsp.server import LIFE, Server


def server() -> Server:
    """A server that answers everything it says it can."""
    made = Server()
    for method, follow in LIFE:
        made.feature(method)(follow)
    for method, options, answer in REQUESTS:
        made.feature(method, options)(answer)
    return made


def serve() -> None:
    """Speak with the editor until it hangs up. What libraries log would show tracebacks in the editor's own log."""
    if not os.environ.get("ASOF_TRACEBACK"):
        for name in ("pygls", "asyncio"):
            logging.getLogger(name).addHandler(logging.NullHandler())
            logging.getLogger(name).propagate = False
    server().start_io()
