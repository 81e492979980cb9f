"""Finding a Feast registry and reading it: a repo's folder, a file, a bucket or a SQL database. Nothing is run."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from asof.compiler.diagnostics import DiagnosticError, rule
from asof.compiler.source import NOWHERE
from asof.feast import settings, wire
from asof.feast.settings import FILE, Settings
from asof.registry import OBJECT_STORES, open_objects
from asof.sqlite_file import open_reader
from asof.version import installed_by

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from asof.feast.wire import Message

NO_REGISTRY = rule("AS904", "there is no Feast registry to read")

LARGEST = 512 * 1024 * 1024
"""Bytes of a registry that are read into memory; a project of 10,000 views takes 10 MB."""

_MOST_FILES = 2000
_SQLITE = b"SQLite format 3\x00"
_BUSY_SECONDS = 5.0
_DUMP = "run `feast registry-dump > registry.json` where Feast works, then `asof import feast registry.json`"
_MAKE = "`feast apply` makes one; or run `feast registry-dump > registry.json` and import that"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A registry, the project that is asked for ("" where nothing says), and where Feast's relative paths start.

    Without a registry there are the texts of Python files, by path.
    """

    registry: Message | None
    place: str
    project: str
    settings: Settings | None
    folder: Path | None
    python: Mapping[str, str] = field(default_factory=dict)


def find(place: str) -> Found:
    """The registry at ``place``. Raises DiagnosticError: AS901, AS903, AS904, and those of object stores."""
    if "://" in place:
        return Found(registry=_remote(place, Path()), place=_shown(place), project="", settings=None, folder=None)
    path = Path(place)
    if path.is_dir():
        return _repo(path)
    if path.suffix in (".yaml", ".yml"):
        return _named_by(path)
    return Found(registry=_file(path), place=place, project="", settings=None, folder=None)


def _repo(folder: Path) -> Found:
    """A repo as `feast init` lays it out: feature_store.yaml in the folder, or in feature_repo/ below it."""
    for place in (folder / FILE, folder / "feature_repo" / FILE):
        if place.is_file():
            return _named_by(place)
    said = f"{folder} has no {FILE}"
    raise DiagnosticError(NO_REGISTRY.at(NOWHERE, said, notes=("name the folder that has it, or a registry file",)))


def _named_by(path: Path) -> Found:
    """The registry that a feature_store.yaml names, and what else it says."""
    said = settings.parse(_read(path), path.name)
    folder = path.parent
    place = os.path.expandvars(said.registry)
    if said.registry_type not in ("file", "sql"):
        told = f"{path}: a registry of the type {said.registry_type} cannot be read from here"
        raise DiagnosticError(NO_REGISTRY.at(NOWHERE, told, notes=(_DUMP,)))
    if "://" in place:
        registry, shown = _remote(place, folder), _shown(place)
    else:
        if not (folder / place).is_file():
            return _definitions(path, said)
        registry, shown = _file(folder / place), str(folder / place)
    return Found(registry=registry, place=shown, project=os.path.expandvars(said.project), settings=said, folder=folder)


def _definitions(path: Path, said: Settings) -> Found:
    """Where there is no registry yet: the Python itself, to be read as far as that goes without running it."""
    folder = path.parent
    paths = sorted(p for p in folder.rglob("*.py") if p.name != "__init__.py" and ".venv" not in p.parts)[:_MOST_FILES]
    texts = {p.relative_to(folder).as_posix(): _read(p).decode("utf-8", "replace") for p in paths}
    texts = {name: text for name, text in texts.items() if "feast" in text}
    if not texts:
        told = f"{path} names the registry {said.registry}, which is not there, and no Python file defines anything"
        raise DiagnosticError(NO_REGISTRY.at(NOWHERE, told, notes=(_MAKE,)))
    listed = ", ".join(sorted(texts)[:3]) + (", ..." if len(texts) > 3 else "")
    shown = f"{listed} (there is no registry at {said.registry})"
    return Found(registry=None, place=shown, project=said.project, settings=said, folder=folder, python=texts)


def _file(path: Path) -> Message:
    """A registry in a file: Feast's own, a SQLite database, or the JSON of `feast registry-dump`."""
    if not path.is_file():
        raise DiagnosticError(NO_REGISTRY.at(NOWHERE, f"there is no file {path}", notes=(_MAKE,)))
    with path.open("rb") as file:
        start = file.read(len(_SQLITE))
    if start == _SQLITE:
        return _sqlite(path)
    return _bytes(_read(path), str(path))


def _bytes(data: bytes, where: str) -> Message:
    if data.lstrip()[:1] == b"{":
        return wire.read_dump(data.decode("utf-8", "replace"), where)
    return wire.read(data, where)


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST:
            raise DiagnosticError(NO_REGISTRY.at(NOWHERE, f"{path} is larger than {LARGEST >> 20} MB", notes=(_DUMP,)))
        return path.read_bytes()
    except OSError as error:
        raise DiagnosticError(NO_REGISTRY.at(NOWHERE, f"{path}: {error.strerror}")) from error


def _remote(place: str, folder: Path) -> Message:
    scheme = place.partition("://")[0]
    kind = scheme.partition("+")[0]
    if scheme == "file":
        return _file(Path(place.removeprefix("file://")))
    if scheme in OBJECT_STORES:
        return _bucket(place)
    if kind == "sqlite":
        # sqlite:///relative and sqlite:////absolute, as SQLAlchemy has them.
        return _sqlite(folder / place.partition("://")[2].partition("?")[0].removeprefix("/"))
    if kind in ("postgresql", "postgres"):
        return _postgres(place.replace(scheme, "postgresql", 1))
    raise DiagnosticError(NO_REGISTRY.at(NOWHERE, f"a registry at {kind}:// cannot be read from here", notes=(_DUMP,)))


def _bucket(place: str) -> Message:
    location, mark, options = place.partition("?")
    folder, _, key = location.rpartition("/")
    if not key or folder.count("/") < 2:
        raise DiagnosticError(NO_REGISTRY.at(NOWHERE, f"{location} names no file in a bucket"))
    try:
        found = open_objects(f"{folder}{mark}{options}").get(key)
    except ValueError as error:
        raise DiagnosticError(NO_REGISTRY.at(NOWHERE, f"{location}: {error}")) from error
    if found is None:
        raise DiagnosticError(NO_REGISTRY.at(NOWHERE, f"there is no {location}", notes=(_MAKE,)))
    return _bytes(found[0], location)


def _sqlite(path: Path) -> Message:
    if not path.is_file():
        raise DiagnosticError(NO_REGISTRY.at(NOWHERE, f"there is no file {path}", notes=(_MAKE,)))
    try:
        with closing(open_reader(path.absolute(), busy=_BUSY_SECONDS, shown=str(path))) as file:

            def read() -> Message:
                database = file.connection
                known = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
                return _tables(known, lambda sql: database.execute(sql), str(path))

            return file.steadily(read)
    except sqlite3.Error as error:
        raise DiagnosticError(wire.NOT_A_REGISTRY.at(NOWHERE, f"{path}: {error}")) from error


def _postgres(url: str) -> Message:
    where = _shown(url)
    try:
        import psycopg
    except ImportError as error:
        note = f"install it: {installed_by('postgres')}"
        raise DiagnosticError(NO_REGISTRY.at(NOWHERE, f"{where}: {error}", notes=(note,))) from error
    try:
        with psycopg.connect(url, connect_timeout=20) as database:
            database.read_only = True
            asked = "SELECT table_name FROM information_schema.tables WHERE table_schema = ANY (current_schemas(false))"
            known = {name for (name,) in database.execute(asked)}
            return _tables(known, lambda sql: database.execute(sql), where)
    except psycopg.Error as error:
        # The driver's own words name host and user, never the password.
        said = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise DiagnosticError(NO_REGISTRY.at(NOWHERE, f"{where}: {said}")) from error


def _tables(known: set[str], rows: Callable[[str], Iterable[tuple[bytes]]], where: str) -> Message:
    """The registry in the tables that this version of Feast made."""
    if not known & wire.SQL_TABLES.keys():
        raise DiagnosticError(wire.NOT_A_REGISTRY.at(NOWHERE, f"{where} has none of the tables of a Feast registry"))
    read: dict[str, list[bytes]] = {}
    size = 0
    for table, (column, _) in wire.SQL_TABLES.items():
        if table not in known:
            continue
        read[table] = []
        for (value,) in rows(f"SELECT {column} FROM {table}"):  # noqa: S608 - names of the table above
            if not isinstance(value, bytes | memoryview):
                raise DiagnosticError(wire.NOT_A_REGISTRY.at(NOWHERE, f"{where}: {table}.{column} holds no bytes"))
            size += len(value)
            if size > LARGEST:
                raise DiagnosticError(NO_REGISTRY.at(NOWHERE, f"{where} is larger than {LARGEST >> 20} MB"))
            read[table].append(bytes(value))
    return wire.read_rows(read, where)


def _shown(url: str) -> str:
    """A URL as messages may have it: without user, password and options."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
        host = parts.netloc if parts.scheme in OBJECT_STORES else f"{parts.hostname or ''}{port}"
    except ValueError:
        return f"{url.partition('://')[0]}://..."
    return f"{parts.scheme}://{host}{parts.path}"
