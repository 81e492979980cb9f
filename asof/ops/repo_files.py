"""Reading a feature repo from disk: which files belong to it, within bounds, and none from outside."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from asof.compiler.diagnostics import Diagnostic, rule
from asof.compiler.owners import FILES as OWNERS_FILES
from asof.compiler.patterns import path_pattern
from asof.compiler.policy_files import FOLDER as POLICIES
from asof.compiler.source import NOWHERE, RepoFiles, Span
from asof.ops.checkout import folder_in_checkout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TOO_LARGE = rule("AS110", "a file is too large")
LINK_OUT = rule("AS114", "a link leaves the repo")
TOO_MANY = rule("AS115", "the repo holds too many files")
CASE_ONLY = rule("AS116", "two paths differ in case only")
NO_PROJECT = rule("AS118", "there is no asof.yaml")
UNREADABLE = rule("AS119", "a file cannot be read")

PROJECT, IGNORE = "asof.yaml", ".asofignore"
MAX_FILE_BYTES = 16 * 1024 * 1024
MAX_FILES = 100_000
_CSV_FILE = re.compile(rb"""\bcsv_file['"]?\s*:\s*['"]?([^'"\s,}#]+\.csv)\b""")
_SKIPPED = frozenset({"build", "node_modules", "__pycache__"})


def read_repo(root: Path) -> tuple[RepoFiles | None, tuple[Diagnostic, ...]]:
    """Read asof.yaml and every ``*.yaml`` and ``*.yml`` under ``root`` but what .asofignore names.

    The files are None where there is no asof.yaml to start from.
    """
    return _read(root, _Walk.files)


def read_project(root: Path) -> tuple[RepoFiles | None, tuple[Diagnostic, ...]]:
    """asof.yaml by itself, on the same terms: what runs is what was applied, whatever the definitions say by now."""
    return _read(root, _Walk.project)


def _read(root: Path, paths: Callable[[_Walk], Iterator[str]]) -> tuple[RepoFiles | None, tuple[Diagnostic, ...]]:
    walk = _Walk(root)
    if not (root / PROJECT).is_file():
        note = "run `asof init` to make one, or name the repo with --repo"
        return None, (NO_PROJECT.at(NOWHERE, f"there is no {PROJECT} in {root.resolve()}", notes=(note,)),)
    texts: dict[str, bytes] = {}
    for path in paths(walk):
        data = walk.read(path)
        if data is not None:
            texts[path] = data
    if PROJECT not in texts:
        return None, tuple(walk.found)
    named = {found.decode("utf-8", "replace") for data in texts.values() for found in _CSV_FILE.findall(data)}
    tables = {path: data for path in sorted(named) if (data := walk.table(path)) is not None}
    beside, folder = _beside(walk)
    files = RepoFiles(project=PROJECT, texts=texts, tables=tables, beside=beside, folder=folder)
    return files, tuple(walk.found)


def _beside(walk: _Walk) -> tuple[dict[str, bytes], str]:
    """``policies/*.sql``, the owners file of the repo or of the checkout around it, and where its patterns start."""
    paths = sorted(f"{POLICIES}/{path.name}" for path in (walk.root / POLICIES).glob("*.sql"))
    found = {path: data for path in paths if walk.is_regular(path) and (data := walk.read(path)) is not None}
    inside = folder_in_checkout(walk.root)
    up = "/".join([".."] * (inside.count("/") + 1)) + "/" if inside else ""
    for start, folder in (("", ""), (up, inside)) if inside else (("", ""),):
        for name in OWNERS_FILES:
            path = f"{start}{name}"
            if (walk.root / path).is_file() and (data := walk.read(path)) is not None:
                return found | {path: data}, folder
    return found, ""


def belongs(root: Path, path: str) -> bool:
    """Whether ``read_repo`` would read a file at ``path`` (relative, forward slashes), were it there."""
    walk = _Walk(root)
    parts = PurePosixPath(path).parts
    if not path.endswith((".yaml", ".yml")) or any(part.startswith(".") or part in _SKIPPED for part in parts):
        return False
    folders = ["/".join(parts[:depth]) for depth in range(1, len(parts))]
    return not (walk.is_ignored(path, is_folder=False) or any(walk.is_ignored(f, is_folder=True) for f in folders))


def replace_text(path: Path, text: str) -> None:
    """Give a file new content in one step: whoever reads it sees the old text or the new one."""
    beside = path.with_name(f".{path.name}.asof-new")
    beside.write_bytes(text.encode())
    if path.exists():
        beside.chmod(path.stat().st_mode & 0o7777)
    beside.replace(path.resolve())


class _Walk:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = root.resolve()
        self.found: list[Diagnostic] = []
        ignored = root / IGNORE
        lines = ignored.read_text(encoding="utf-8", errors="replace").splitlines() if ignored.is_file() else []
        self.patterns = tuple(line.rstrip() for line in lines if line.strip() and not line.startswith("#"))

    def files(self) -> Iterator[str]:
        """Paths relative to the root, sorted, with forward slashes."""
        paths = sorted(self.folder(self.root, PurePosixPath()))
        if len(paths) > MAX_FILES:
            self.found.append(TOO_MANY.at(_at(PROJECT), f"{len(paths):,} files; {MAX_FILES:,} is the most"))
            paths = [path for path in paths if path == PROJECT]
        folded: dict[str, str] = {}
        for path in paths:
            other = folded.setdefault(path.casefold(), path)
            if other != path:
                note = "they are one file on macOS and Windows"
                self.found.append(CASE_ONLY.at(_at(path), f"`{path}` and `{other}` differ in case only", notes=(note,)))
            yield path

    def project(self) -> Iterator[str]:
        """asof.yaml, unless it leads out of the repo."""
        if self.leads_out(self.root / PROJECT):
            self.link_out(PurePosixPath(PROJECT))
        else:
            yield PROJECT

    def folder(self, folder: Path, inside: PurePosixPath) -> Iterator[str]:
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            self.found.append(UNREADABLE.at(_at(str(inside)), f"the folder cannot be read: {error.strerror}"))
            return
        for entry in entries:
            path = inside / entry.name
            if entry.name.startswith(".") or entry.name in _SKIPPED or self.is_ignored(str(path), entry.is_dir()):
                continue
            is_definition = entry.name.endswith((".yaml", ".yml"))
            if (entry.is_dir() or is_definition) and self.leads_out(entry):
                self.link_out(path)
            elif entry.is_dir(follow_symlinks=False):
                yield from self.folder(folder / entry.name, path)
            elif is_definition and entry.is_file():
                yield str(path)

    def table(self, path: str) -> bytes | None:
        """A CSV file that a definition seems to name; None where it is not there, or not in the repo."""
        place = self.root / path
        try:
            there = place.is_file() and place.resolve().is_relative_to(self.home)
        except (OSError, ValueError):
            there = False
        return self.read(path) if there else None

    def leads_out(self, entry: os.DirEntry[str] | Path) -> bool:
        return entry.is_symlink() and not Path(entry).resolve().is_relative_to(self.home)

    def link_out(self, path: PurePosixPath) -> None:
        message = f"`{path}` is a link to something outside of the repo"
        self.found.append(LINK_OUT.at(_at(str(path)), message, notes=("it is not followed",)))

    def is_regular(self, path: str) -> bool:
        """Whether ``path`` is a file of the repo; a link that leaves it is reported and is none."""
        inside = (self.root / path).resolve().is_relative_to(self.home)
        if not inside:
            message = f"`{path}` is a link to something outside of the repo"
            self.found.append(LINK_OUT.at(_at(path), message, notes=("it is not followed",)))
        return inside and (self.root / path).is_file() and not self.is_ignored(path, is_folder=False)

    def is_ignored(self, path: str, is_folder: bool) -> bool:
        ignored = False
        for pattern in self.patterns:
            wanted = pattern.removeprefix("!")
            if wanted.endswith("/") and not is_folder:
                continue
            if path_pattern(wanted.rstrip("/")).fullmatch(path):
                ignored = not pattern.startswith("!")
        return ignored

    def read(self, path: str) -> bytes | None:
        try:
            size = (self.root / path).stat().st_size
            if size > MAX_FILE_BYTES:
                message = f"`{path}` has {size:,} bytes; {MAX_FILE_BYTES:,} is the most"
                self.found.append(TOO_LARGE.at(_at(path), message))
                return None
            return (self.root / path).read_bytes()
        except OSError as error:
            self.found.append(UNREADABLE.at(_at(path), f"`{path}` cannot be read: {error.strerror}"))
            return None


def _at(path: str) -> Span:
    return Span(path=path, line=1, column=1, end_line=1, end_column=1)
