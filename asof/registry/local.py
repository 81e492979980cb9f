"""A registry in a folder of a local file system."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from asof.registry.base import Conflict, Missing, Tag, checked, unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_LOCK = ".lock"
_UNFINISHED = ".writing-"


class LocalBlobs:
    """``Blobs`` as files under ``root``. Writers in several processes and threads may share it.

    A blob is written under another name, forced to disk, and only then given its name: by ``link``, which
    refuses a name that is taken, or under a lock by ``rename``. The folder is forced to disk as well.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._written: float | None = None

    def get(self, key: str) -> tuple[bytes, Tag] | None:
        path = self.root / checked(key)
        try:
            body = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise unavailable(str(path), error) from error
        return body, _tag(body)

    def put(self, key: str, body: bytes, *, replaces: Tag | None) -> Tag:
        path = self.root / checked(key)
        self._written = None
        try:
            _make_folder(path.parent)
            if replaces is None:
                self._written = _create(path, body)
            else:
                with self._locked():
                    found = self.get(key)
                    if found is None:
                        raise Missing(key)
                    if found[1] != replaces:
                        raise Conflict(key)
                    self._written = _write(path, body, os.replace)
        except OSError as error:
            raise unavailable(str(path), error) from error
        return _tag(body)

    def list(self, prefix: str) -> Iterator[str]:
        # The root itself may not be there yet; any other failure to read it is not the same as empty.
        folder = self.root / prefix.rpartition("/")[0]
        try:
            with os.scandir(folder) as entries:
                names = sorted(f"{entry.name}/" if entry.is_dir() else entry.name for entry in entries)
        except FileNotFoundError:
            return
        except OSError as error:
            raise unavailable(str(folder), error) from error
        head = prefix.rpartition("/")[2]
        above = prefix[: len(prefix) - len(head)]
        for name in names:
            if not name.startswith(head) or name == _LOCK or name.startswith(_UNFINISHED):
                continue
            if name.endswith("/"):
                yield from self.list(above + name)
            else:
                yield above + name

    def delete(self, key: str) -> None:
        path = self.root / checked(key)
        try:
            path.unlink(missing_ok=True)
            if path.parent.is_dir():
                _sync(path.parent)
        except OSError as error:
            raise unavailable(str(path), error) from error

    def clock(self) -> datetime | None:
        """The modification time that the file system gave the last blob written, UTC."""
        return None if self._written is None else datetime.fromtimestamp(self._written, UTC)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        # The lock belongs to the open file, so it goes with the process that held it, however that ends.
        handle = os.open(self.root / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def _tag(body: bytes) -> Tag:
    return Tag(hashlib.sha256(body).hexdigest())


def _create(path: Path, body: bytes) -> float:
    """Write a file that must not exist yet; return its modification time, seconds since 1970."""

    def link(unfinished: Path, final: Path) -> None:
        os.link(unfinished, final)
        unfinished.unlink()

    try:
        return _write(path, body, link)
    except FileExistsError as error:
        raise Conflict(path.name) from error


def _write(path: Path, body: bytes, name: Callable[[Path, Path], None]) -> float:
    unfinished = path.with_name(f"{_UNFINISHED}{secrets.token_hex(8)}")
    try:
        with unfinished.open("xb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
            written = os.fstat(file.fileno()).st_mtime
        name(unfinished, path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    _sync(path.parent)
    return written


def _make_folder(folder: Path) -> None:
    """``folder`` with its parents, each one's entry forced to disk."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync(folder.parent)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
