"""Bringing a Feast project over: read its registry, write the files, say what `asof validate` finds in them."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from asof.compiler.check import check
from asof.compiler.diagnostics import DiagnosticError, in_order
from asof.compiler.load import load
from asof.compiler.source import NOWHERE, RepoFiles
from asof.engines.arrow import type_of
from asof.feast import python_source, registry, settings
from asof.feast.lower import PROJECT, Surroundings, lower
from asof.feast.yaml_text import written
from asof.ops.feast_registry import find
from asof.ops.scaffold import NOT_EMPTY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asof.compiler.diagnostics import Diagnostic
    from asof.compiler.types import Type
    from asof.feast.documents import Placed

_GITIGNORE = ".gitignore"
_IGNORED = ".asof/*\n!.asof/schema/\nbuild/\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What came of it. ``carried``: kind -> how many; ``diagnostics``: what `asof validate` says about the files."""

    project: str
    place: str
    files: Mapping[str, str]
    carried: Mapping[str, int]
    notes: tuple[Placed, ...]
    diagnostics: tuple[Diagnostic, ...]


def import_feast(place: str, out: Path, *, project: str = "", force: bool = False, dry_run: bool = False) -> Imported:
    """Read the Feast project at ``place`` and write its definitions into ``out``.

    Raises DiagnosticError: AS190 where files would be overwritten (not with ``force``), AS901 to AS904 where the
    project cannot be read, and those of the stores behind s3://, gs:// and az://.
    """
    found = find(place)
    read = (
        python_source.read(found.python, project or found.project)
        if found.registry is None
        else registry.project(found.registry, project or found.project, found.place)
    )
    top, dialect = settings.document(read, found.settings)
    around = Surroundings(
        dialect=dialect,
        relocated=lambda path: relocated(path, found.folder, out),
        stored=lambda path, column: str(_schema(path, found.folder).get(column) or ""),
    )
    documents = (top, *lower(read, around))
    made = written(documents)
    # A .gitignore that is there is its owner's; without one what a plan keeps would be committed by mistake.
    files = made.files if (out / _GITIGNORE).exists() else {**made.files, _GITIGNORE: _IGNORED}
    if not dry_run:
        _write(out, files, force=force)
    loaded = load(RepoFiles(project=PROJECT, texts={path: text.encode() for path, text in made.files.items()}))
    return Imported(
        project=read.name,
        place=found.place,
        files=files,
        carried=Counter(d.body["kind"] for d in documents if d.body is not None and "kind" in d.body),
        notes=made.notes,
        diagnostics=in_order((*loaded.diagnostics, *(check(loaded.repo) if loaded.repo is not None else ()))),
    )


def relocated(path: str, folder: Path | None, out: Path) -> str:
    """``path``, which Feast reads from ``folder``, as a repo at ``out`` must write it.

    Without a folder a relative path stays as it is. What lies inside of ``out`` is never absolute: the registry
    keeps no path of a machine.
    """
    if "://" in path and not path.startswith("file://"):
        return path
    path = path.removeprefix("file://")
    if folder is None and not os.path.isabs(path):
        return path
    home, real = out.resolve(), ((folder or out).resolve() / path)
    if os.path.isabs(path) and not real.is_relative_to(home):
        return path
    return Path(os.path.relpath(real, home)).as_posix() + ("/" if path.endswith("/") else "")


def _schema(path: str, folder: Path | None) -> Mapping[str, Type | None]:
    """The types of a local Parquet file's columns; nothing of what is elsewhere, or is something else."""
    place = (folder or Path()) / path.removeprefix("file://")
    return _parquet(place) if "://" not in str(place) and place.suffix in (".parquet", ".pq") else {}


@lru_cache(maxsize=256)
def _parquet(place: Path) -> Mapping[str, Type | None]:
    import pyarrow.parquet

    try:
        return {column.name: type_of(column.type) for column in pyarrow.parquet.read_schema(place)}
    except (OSError, pyarrow.ArrowException):
        return {}


def _write(out: Path, files: Mapping[str, str], *, force: bool) -> None:
    taken = sorted(path for path in files if (out / path).exists())
    if taken and not force:
        note = "name another folder (--out), or pass --force to overwrite them"
        said = f"{out} has {', '.join(taken)} already; nothing was written"
        raise DiagnosticError(NOT_EMPTY.at(NOWHERE, said, notes=(note,)))
    for path, text in files.items():
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        (out / path).write_text(text, encoding="utf-8")
