"""What the operating system says about a file, in words that say what to look at."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def plainly(error: OSError, path: Path) -> str:
    """``there is no file nope.json``; the system's own words for what is rare."""
    match error.errno:
        case errno.ENOENT if not path.parent.is_dir():
            return f"there is no folder {path.parent}, for {path.name}"
        case errno.ENOENT:
            return f"there is no file {path}"
        case errno.EISDIR:
            return f"{path} is a folder, not a file"
        case errno.ENOTDIR | errno.EEXIST:
            return f"{path}: a file stands where a folder is needed"
        case errno.EACCES | errno.EPERM:
            return f"{path}: no permission to read or write it"
        case errno.EROFS:
            return f"{path} is on a file system that is read-only"
        case errno.ENOSPC:
            return f"{path}: no space is left for it"
    return f"{path}: {error.strerror or error}"
