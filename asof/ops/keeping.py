"""What can be made again and is kept to save the time: files under .asof/cache, which anybody may delete.

Each file begins with the SHA-256 of the rest, of its name and of the code that wrote it. What was cut short, edited or
written by other code does not match and is no file at all. Nothing kept is ever run: readers decode plain values.
"""

from __future__ import annotations

import hashlib
import secrets
import sys
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import asof.version

FOLDER = ".asof/cache"
_SEAL_BYTES = 32
_LIBRARIES = ("msgspec", "sqlglot", "yaml")
"""Those whose next version may read the same files otherwise."""


def kept(root: Path, name: str) -> bytes | None:
    """What was kept under ``name`` in the repo at ``root``; None where there is nothing that can be relied on."""
    try:
        found = (root / FOLDER / name).read_bytes()
    except OSError:
        return None
    body = found[_SEAL_BYTES:]
    return body if found[:_SEAL_BYTES] == _seal(name, body) else None


def keep(root: Path, name: str, body: bytes) -> None:
    """Keep ``body``, if the folder can be written: nothing ever depends on it."""
    path = root / FOLDER / name
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(_seal(name, body) + body)
        unfinished.replace(path)
    except OSError:
        with suppress(OSError):
            unfinished.unlink()


@cache
def code() -> str:
    """Which code this is, its libraries included: in a checkout it changes without a new version."""
    digest = hashlib.sha256(f"{asof.version.__version__} {sys.version}\n".encode())
    home = Path(asof.version.__file__).parent
    own = [path for path in sorted(home.rglob("*")) if path.suffix in (".py", ".json")]
    specs = [find_spec(name) for name in _LIBRARIES]
    for path in (*own, *(Path(spec.origin) for spec in specs if spec is not None and spec.origin)):
        found = path.stat()
        digest.update(f"{path} {found.st_size} {found.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _seal(name: str, body: bytes) -> bytes:
    digest = hashlib.sha256(f"{name}\0{code()}\0".encode())
    digest.update(body)
    return digest.digest()
