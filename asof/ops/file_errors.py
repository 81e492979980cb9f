"""What the operating system says about a file, in words that say what to look at."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def refuse_unwritable(path: Path, *, folders: bool = False) -> None:
    """Raise the OSError that writing ``path`` would end in; ``folders`` that are missing are to be made on the way."""
    if path.is_dir():
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if path.exists() and not os.access(path, os.W_OK):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    place = path.absolute().parent
    while folders and not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir():
        number = errno.ENOTDIR if place.exists() else errno.ENOENT
        raise OSError(number, os.strerror(number), str(path))
    if not path.exists() and not os.access(place, os.W_OK | os.X_OK):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES), str(path))


def refuse_folder(folder: Path) -> None:
    """Raise the OSError that writing files into ``folder``, which is made where it is missing, would end in."""
    try:
        refuse_unwritable(folder / "file", folders=True)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(folder)) from None


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
