"""Sources as they are declared beside what is really there: said where they are declared, before anything is built.

Files of this machine are looked into each time: footers of Parquet files, the header and first rows of
CSV files. What was found in a file is kept until the file or its declaration changes. Stores are asked only on demand.
"""

from __future__ import annotations

import glob
import hashlib
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from asof.compiler.check import rules
from asof.compiler.diagnostics import DiagnosticError, nearest
from asof.compiler.dialects import of_store
from asof.compiler.dialects.paths import parsed
from asof.compiler.model import DataSource
from asof.compiler.support import span_of
from asof.ops.data_files import is_local
from asof.ops.keeping import keep, kept
from asof.ops.source_types import reads_as, remedy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from asof.compiler.diagnostics import Diagnostic
    from asof.compiler.model import Location, Repo, Target
    from asof.compiler.types import Type
    from asof.engines.base import Engine

NAME = "sources"
MOST_FILES = 200
"""Files of one source that are looked into: the first and the last of a longer list."""
MOST_ROWS = 2_000
"""Rows of a CSV file that are read as they are declared."""


class Flaw(msgspec.Struct, frozen=True):
    """What is wrong with a column ("" is the source as a whole): the code of the finding, and its text."""

    column: str
    code: str
    message: str
    hint: str = ""


def check_files(root: Path, repo: Repo, target: Target) -> tuple[Diagnostic, ...]:
    """What is wrong with files of this machine that sources read in ``target``: AS518, AS519, AS520."""
    dialect = of_store(target.offline.type)
    if dialect is None or not dialect.reads_files:
        return ()
    cache = _Cache(root)
    found: list[Diagnostic] = []
    for source, location in _sources(repo, target.name):
        if not is_local(location.path) or not source.columns or dialect.unread(parsed(location.path)):
            continue
        flaws: dict[str, Flaw] = {}
        lacking: dict[str, list[Flaw]] = {}
        files = sorted(glob.glob(str(root / location.path), recursive=True))
        if len(files) > MOST_FILES:
            files = files[: MOST_FILES // 2] + files[-MOST_FILES // 2 :]
        for file in files:
            for flaw in cache.of(root, file, source):
                if flaw.code == rules.NO_STORED_COLUMN.code:
                    lacking.setdefault(flaw.column, []).append(flaw)
                else:
                    flaws.setdefault(flaw.column, flaw)
        # A column that came later is NULL in older files; one that no file has is a slip.
        flaws |= {column: said[0] for column, said in lacking.items() if len(said) == len(files)}
        found += _said(repo, source, flaws.values(), target.name)
    cache.close()
    return tuple(found)


def check_stores(root: Path, repo: Repo, target: Target) -> tuple[Diagnostic, ...]:
    """The same for what the offline store of ``target`` holds. Raises DiagnosticError where it cannot be opened."""
    from asof import engines
    from asof.compiler.source_sql import readable

    found: list[Diagnostic] = []
    with closing(engines.connect(target.offline, root=root, read_only=True)) as engine:
        for source, location in _sources(repo, target.name):
            if location.path and is_local(location.path):
                continue
            try:
                relation = readable(repo, source, target.name, engine.dialect)
                stored = engine.columns(relation)
            except DiagnosticError as error:
                flaws = [Flaw("", rules.UNREADABLE_SOURCE.code, said.message) for said in error.diagnostics]
            else:
                named = parsed(location.path).columns if location.path else ()
                flaws = list(_flaws(location.table or "what it reads", stored, _declared(source, named)))
            found += _said(repo, source, flaws, target.name)
    return tuple(found)


class _Cache:
    """What was found in files; entries that nothing asked for are forgotten."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.used: dict[str, list[Flaw]] = {}
        self.engine: Engine | None = None
        body = kept(root, NAME)
        try:
            self.known = msgspec.json.decode(body, type=dict[str, list[Flaw]]) if body else {}
        except msgspec.DecodeError:
            self.known = {}

    def of(self, root: Path, file: str, source: DataSource) -> list[Flaw]:
        try:
            stat = Path(file).stat()
        except OSError as error:
            return [Flaw("", rules.UNREADABLE_SOURCE.code, f"{file}: {error.strerror}")]
        declared = [(c.name, str(c.type)) for c in source.columns]
        asked = msgspec.json.encode([file, stat.st_size, stat.st_mtime_ns, declared, source.timing.timezone])
        key = hashlib.sha256(asked).hexdigest()
        if key not in self.used:
            self.used[key] = self.known[key] if key in self.known else self._looked(root, file, source)
        return self.used[key]

    def _looked(self, root: Path, file: str, source: DataSource) -> list[Flaw]:
        shown = str(Path(file).relative_to(root)) if Path(file).is_relative_to(root) else file
        if parsed(file).is_csv:
            return list(self._csv(file, shown, source))
        return list(_parquet(file, shown, source))

    def _csv(self, file: str, shown: str, source: DataSource) -> Iterator[Flaw]:
        from asof import engines
        from asof.compiler.model import Store
        from asof.compiler.source_sql import first_rows

        if self.engine is None:
            self.engine = engines.connect(Store(type="duckdb"), root=self.root, read_only=True)
        path = file.replace("'", "''")
        columns = _declared(source, parsed(file).columns)
        try:
            names = self.engine.columns(f"READ_CSV('{path}', header = TRUE, all_varchar = TRUE)")
        except DiagnosticError as error:
            yield Flaw("", rules.UNREADABLE_SOURCE.code, f"{shown}: {_first_lines(error)}")
            return
        yield from _lacking(shown, names, columns)
        there = {name: kind for name, kind in columns.items() if name in names}
        for name, kind in there.items():
            try:
                self.engine.query(first_rows(file, {name: kind}, source, MOST_ROWS)).read_all()
            except DiagnosticError as error:
                text = _first_lines(error).replace(file, shown)
                yield Flaw(name, rules.STORED_TYPE.code, text, f"correct the file, or declare `{name}` otherwise")

    def close(self) -> None:
        if self.engine is not None:
            self.engine.close()
        if self.used != self.known:
            keep(self.root, NAME, msgspec.json.encode(self.used))


def _first_lines(error: DiagnosticError) -> str:
    """What DuckDB complains of, without the settings that it lists below."""
    message = error.diagnostics[0].message.removeprefix("duckdb: ").removeprefix("Invalid Input Error: ")
    return " ".join(message.partition("\n\n")[0].split())


def _parquet(file: str, shown: str, source: DataSource) -> Iterator[Flaw]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from asof.engines.arrow import type_of
    from asof.ops.file_errors import plainly

    try:
        schema = pq.read_schema(file)
    except (pa.ArrowException, OSError) as error:
        text = plainly(error, Path(file)) if isinstance(error, OSError) else f"{shown}: {error}"
        yield Flaw("", rules.UNREADABLE_SOURCE.code, str(text))
        return
    stored = {field.name: type_of(field.type) for field in schema}
    # A column without a single value has any type.
    known = {field.name for field in schema if not pa.types.is_null(field.type)}
    columns = _declared(source, parsed(file).columns)
    yield from _flaws(shown, stored, columns, sure=known)


def _flaws(
    shown: str, stored: Mapping[str, Type | None], columns: Mapping[str, Type], *, sure: set[str] | None = None
) -> Iterator[Flaw]:
    yield from _lacking(shown, stored, columns)
    lower = {name.lower(): name for name in stored}
    for name, kind in columns.items():
        at = lower.get(name.lower())
        held = stored[at] if at is not None and (sure is None or at in sure) else None
        if held is not None and not reads_as(held, kind):
            message = f"{shown}: column {name} is {held}, and declared {kind}"
            yield Flaw(name, rules.STORED_TYPE.code, message, remedy(held, kind))


def _lacking(shown: str, stored: Mapping[str, object], columns: Mapping[str, Type]) -> Iterator[Flaw]:
    lower = {name.lower() for name in stored}
    for name in columns:
        if name.lower() not in lower:
            hint = nearest(name, list(stored)) or f"it has {', '.join(stored) or 'none'}"
            yield Flaw(name, rules.NO_STORED_COLUMN.code, f"{shown} has no column {name}", hint)


def _declared(source: DataSource, named: tuple[str, ...]) -> dict[str, Type]:
    return {column.name: column.type for column in source.columns if column.name not in named}


def _sources(repo: Repo, target: str) -> Iterator[tuple[DataSource, Location]]:
    for address, source in repo.definitions.items():
        if isinstance(source, DataSource) and address not in repo.others and source.type != "request":
            location = source.location_in(target)
            if location.path or location.table or location.query:
                yield source, location


def _said(repo: Repo, source: DataSource, flaws: Iterable[Flaw], target: str) -> Iterator[Diagnostic]:
    known = {rule.code: rule for rule in (rules.NO_STORED_COLUMN, rules.STORED_TYPE, rules.UNREADABLE_SOURCE)}
    places = {column.name: at for at, column in enumerate(source.columns)}
    for flaw in flaws:
        field = "name" if flaw.code == rules.NO_STORED_COLUMN.code else "type"
        pointer: tuple[str | int, ...] = ("columns", places[flaw.column], field) if flaw.column in places else ("path",)
        if pointer == ("path",):
            kind = next((name for name in ("path", "table", "query") if getattr(source.location_in(target), name)), "")
            pointer = ("targets", target, kind) if target in dict(source.targets) else (kind,)
        notes = (flaw.hint,) if flaw.hint else ()
        span = span_of(repo, source.address, *pointer)
        yield known[flaw.code].at(span, flaw.message, address=source.address, notes=notes)
