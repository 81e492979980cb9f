"""Object stores of tests: each a real server on a free port, and how a registry's location names it."""

from __future__ import annotations

import os
import socket
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.engines.npm import installed, node
from tests.engines.process import daemon

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PACKAGES = Path(__file__).parent / "node"
AZURITE_ACCOUNT = "devstoreaccount1"
# The key that every Azurite has, published in its documentation.
AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@contextmanager
def moto_server() -> Iterator[str]:
    port = _free_port()
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with daemon(command, _answers(port), dict(os.environ), {}):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def azurite_server() -> Iterator[str]:
    """The endpoint of the account; ``AZURITE_KEY`` opens it."""
    port = _free_port()
    program = installed("object-stores", PACKAGES) / "node_modules/azurite/dist/src/blob/main.js"
    options = ["--inMemoryPersistence", "--silent", "--disableTelemetry", "--skipApiVersionCheck"]
    command = [node(), str(program), "--blobHost", "127.0.0.1", "--blobPort", str(port), *options]
    with daemon(command, _answers(port), dict(os.environ), {}):
        yield f"http://127.0.0.1:{port}/{AZURITE_ACCOUNT}"


@contextmanager
def s3rver_server(folder: Path, bucket: str) -> Iterator[str]:
    """A server that takes every write, whatever its condition: what a registry must refuse."""
    port = _free_port()
    program = installed("object-stores", PACKAGES) / "node_modules/s3rver/bin/s3rver.js"
    options = ["-d", str(folder), "-a", "127.0.0.1", "-p", str(port), "--configure-bucket", bucket, "--silent"]
    with daemon([node(), str(program), *options], _answers(port), dict(os.environ), {}):
        yield f"http://127.0.0.1:{port}"


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _answers(port: int) -> Callable[[], bool]:
    def answers() -> bool:
        with socket.socket() as client:
            client.settimeout(0.3)
            return client.connect_ex(("127.0.0.1", port)) == 0

    return answers
