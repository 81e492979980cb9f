"""``asof compile``: the artifacts on disk, and none from an earlier run that are no longer made."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MANIFEST = "manifest.json"


def write_artifacts(files: Mapping[str, str], out: Path) -> tuple[str, ...]:
    """Write ``files`` (path to text) under ``out`` and return their paths, sorted.

    A file that the last manifest in the same place names and this run does not make is removed; any
    other file is left alone. Files whose text is the same are not touched, so their times stay.
    """
    for manifest in sorted(path for path in files if path.rpartition("/")[2] == MANIFEST):
        folder = manifest.removesuffix(MANIFEST)
        for stale in _listed(out / manifest) - {path.removeprefix(folder) for path in files}:
            target = (out / folder / stale).resolve()
            if target.is_relative_to((out / folder).resolve()):
                target.unlink(missing_ok=True)
    for path, text in files.items():
        place = out / path
        if not (place.is_file() and place.read_bytes() == text.encode()):
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(text.encode())
    return tuple(sorted(files))


def _listed(manifest: Path) -> set[str]:
    """The files that an earlier manifest names; none where it is missing or is not one."""
    try:
        document = json.loads(manifest.read_bytes())
    except (OSError, ValueError):
        return set()
    listed = document.get("files", {}) if isinstance(document, dict) else {}
    return {path for path in listed if isinstance(path, str)}
