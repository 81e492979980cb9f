"""Loading a repo, of which only the files that were edited since the last time are read as YAML."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from asof.compiler import codec
from asof.compiler.load import Loaded, load
from asof.ops.keeping import keep, kept

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from asof.compiler.model import AnyDefinition
    from asof.compiler.source import RepoFiles

NAME = "definitions"
"""SHA-256 of a file's bytes -> its definitions, of every file of the repo that nothing is to be said about."""


def load_repo(root: Path, files: RepoFiles) -> Loaded:
    """What ``load`` makes of ``files``, and just that: what is kept only spares the reading of equal bytes."""
    keys = {path: hashlib.sha256(data).digest() for path, data in files.texts.items() if path != files.project}
    entries = _entries(root)
    known = {path: found for path, key in keys.items() if (found := _definitions(entries, key)) is not None}
    loaded = load(files, known)
    if not loaded.sound.keys() <= known.keys():
        made = {
            keys[path]: entries[keys[path]] if path in known else msgspec.Raw(codec.definitions_to_bytes(definitions))
            for path, definitions in loaded.sound.items()
        }
        keep(root, NAME, msgspec.msgpack.encode(made))
    return loaded


def _entries(root: Path) -> Mapping[bytes, msgspec.Raw]:
    body = kept(root, NAME)
    try:
        return msgspec.msgpack.decode(body, type=dict[bytes, msgspec.Raw]) if body else {}
    except msgspec.DecodeError:
        return {}


def _definitions(entries: Mapping[bytes, msgspec.Raw], key: bytes) -> tuple[AnyDefinition, ...] | None:
    entry = entries.get(key)
    try:
        return None if entry is None else codec.definitions_from_bytes(bytes(entry))
    except (msgspec.DecodeError, ValueError):
        return None
