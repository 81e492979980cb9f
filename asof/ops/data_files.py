"""Files that sources read: a plan says which are not there, since data may come later and a slip does not mend."""

from __future__ import annotations

import glob
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


class DataFile(msgspec.Struct, frozen=True, kw_only=True):
    """A path on this machine, perhaps a pattern, that a source reads; and what is said where nothing is there."""

    path: str
    finding: Diagnostic


def data_files(repo: Repo, target: str) -> tuple[DataFile, ...]:
    """Those of the sources of ``repo`` in ``target``, but what a definition accepts."""
    # Whoever has a kept plan pays for no checks.
    from asof.compiler.check.policies import without_allowed

    found = {item.address: (path, item) for path, item in _of_sources(repo, target)}
    kept = without_allowed(repo, (item for _, item in found.values()))
    return tuple(DataFile(path=found[item.address][0], finding=item) for item in kept)


def missing(root: Path, files: Iterable[DataFile]) -> tuple[Diagnostic, ...]:
    """What is to be said of the ``files`` that are not there; relative paths start at ``root``."""
    return tuple(file.finding for file in files if not any(glob.iglob(str(root / file.path), recursive=True)))


def _of_sources(repo: Repo, target: str) -> Iterator[tuple[str, Diagnostic]]:
    from asof.compiler.check.rules import AWAITED

    for address, source in repo.definitions.items():
        if not isinstance(source, DataSource):
            continue
        others = dict(source.targets)
        path = others.get(target, source.location).path
        if not path or "://" in path or written_in_environment(path):
            continue
        origin = repo.origins.get(address)
        pointer = ("targets", target, "path") if target in others else ("path",)
        span = origin.value(*pointer) if origin is not None else NOWHERE
        note = "if it comes later, nothing is amiss; compute and materialize need it"
        yield path, AWAITED.at(span, f"nothing is there: {path}", address=address, notes=(note,))
