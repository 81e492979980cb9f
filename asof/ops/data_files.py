"""Files that sources read: a plan says which are not there, since data may come later and a slip does not mend."""

from __future__ import annotations

import glob
import hashlib
import os
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from asof.compiler.diagnostics import Diagnostic  # noqa: TC001 - msgspec reads the annotation
from asof.compiler.model import DataSource
from asof.compiler.source import NOWHERE
from asof.compiler.store_options import written_in_environment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from asof.compiler.model import Repo
    from asof.compiler.source import Pointer


class Awaited(msgspec.Struct, frozen=True, kw_only=True):
    """A path on this machine, perhaps a pattern, at which nothing was, and what is said of it."""

    path: str
    finding: Diagnostic


class DataFiles(msgspec.Struct, frozen=True, kw_only=True):
    """What sources read on this machine: paths at which something was, and those at which nothing was."""

    found: tuple[str, ...]
    awaited: tuple[Awaited, ...]
    stats: str = ""
    """A digest of the names, sizes and times of the files at all of these paths."""


def data_files(root: Path, repo: Repo, target: str) -> DataFiles:
    """Look the sources of ``repo`` in ``target`` up; relative paths start at ``root``.

    What a definition accepts is not awaited. Where a path was written is read for those alone that are.
    """
    # Whoever has a kept plan pays for no checks.
    from asof.compiler.check.policies import without_allowed

    found, missing = [], {}
    for address, path, pointer in _of_sources(repo, target):
        if _is_there(root, path):
            found.append(path)
        else:
            missing[address] = (path, _finding(repo, address, path, pointer))
    kept = without_allowed(repo, (item for _, item in missing.values()))
    awaited = tuple(Awaited(path=missing[item.address][0], finding=item) for item in kept)
    there = tuple(dict.fromkeys(found))
    return DataFiles(found=there, awaited=awaited, stats=_stats(root, there))


def still_found(root: Path, files: DataFiles) -> bool:
    """Whether all that was there still is, as it was."""
    return all(_is_there(root, path) for path in files.found) and _stats(root, files.found) == files.stats


def _stats(root: Path, paths: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        for file in sorted(glob.iglob(str(root / path), recursive=True)):
            with suppress(OSError):
                stat = os.stat(file)
                digest.update(f"{file}\0{stat.st_size}\0{stat.st_mtime_ns}\0".encode(errors="surrogateescape"))
    return digest.hexdigest()


def findings(root: Path, files: DataFiles) -> tuple[Diagnostic, ...]:
    """What is to be said of those that were not there, and are not by now."""
    return tuple(file.finding for file in files.awaited if not _is_there(root, file.path))


def is_local(path: str) -> bool:
    """Whether it is a path of this machine that is written out."""
    return bool(path) and "://" not in path and not written_in_environment(path)


def _is_there(root: Path, path: str) -> bool:
    return any(glob.iglob(str(root / path), recursive=True))


def _of_sources(repo: Repo, target: str) -> Iterator[tuple[str, str, Pointer]]:
    """(address, path, where the path stands in the definition) of what this machine can tell."""
    for address, source in repo.definitions.items():
        if not isinstance(source, DataSource):
            continue
        path = source.location_in(target).path
        if is_local(path):
            yield address, path, ("targets", target, "path") if target in dict(source.targets) else ("path",)


def _finding(repo: Repo, address: str, path: str, pointer: Pointer) -> Diagnostic:
    from asof.compiler.check.rules import AWAITED

    origin = repo.origins.get(address)
    span = origin.value(*pointer) if origin is not None else NOWHERE
    note = "if it comes later, nothing is amiss; compute and materialize need it"
    return AWAITED.at(span, f"nothing is there: {path}", address=address, notes=(note,))
