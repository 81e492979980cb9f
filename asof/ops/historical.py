"""Training sets: every row of a spine as it was given, and beside it what was known at its instant."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from asof.compiler.diagnostics import DiagnosticError, rule
from asof.compiler.model import Column
from asof.compiler.pit import SpineSpec, training_query
from asof.compiler.pit.resolve import outputs
from asof.compiler.source import NOWHERE
from asof.compiler.support import CLASH
from asof.compiler.types import STRING
from asof.engines.arrow import arrow_schema, type_of
from asof.engines.json_values import to_json
from asof.ops.file_errors import plainly, refuse_unwritable
from asof.ops.selection import spine_columns
from asof.ops.spine import prepared, span_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from asof.compiler.emit import Compiled
    from asof.compiler.model import Repo
    from asof.compiler.pit.request import TrainingRequest
    from asof.engines.base import Engine
    from asof.ops.selection import Selection

    Progress = Callable[[int, int], None]
    """Called with rows done and rows in all."""

UNWRITABLE = rule("AS763", "result cannot be written")

_SPINE = "asof_spine"
_ROW = "asof_row"


class Compiler:
    """Compiles for one repo, and the same request only once."""

    def __init__(self, repo: Repo, *, in_memory: bool = False) -> None:
        self.repo = repo
        self.in_memory = in_memory
        self._made: dict[tuple[TrainingRequest, str, str], Compiled] = {}

    def training(self, request: TrainingRequest, *, target: str, dialect: str) -> Compiled:
        """The query of a training set."""
        # When the rows of a spine begin and end says which partitions are read; tables in memory have none.
        if self.in_memory:
            request = replace(request, spine=replace(request.spine, earliest=None, latest=None))
        key = (request, target, dialect)
        if key not in self._made:
            self._made[key] = training_query(self.repo, request, target=target, dialect=dialect)
        return self._made[key]


def historical(
    repo: Repo,
    selection: Selection,
    spine: pa.Table,
    *,
    engine: Engine,
    target: str = "",
    timestamp: str = "event_timestamp",
    progress: Progress | None = None,
    compiler: Compiler | None = None,
) -> pa.RecordBatchReader:
    """Stream ``spine`` with the selected features: as many rows, in the same order, its own columns first.

    ``spine`` has the join keys, the request fields of on-demand features and ``timestamp`` (naive values are UTC).
    Its columns come back untouched: only what the features need goes to the engine. Until the reader is read to
    its end the engine is busy. Raises DiagnosticError: AS50x for what cannot be compiled, AS504 where a feature
    and a column of the spine have one name, AS505, AS761 and AS762 for the spine, AS724 from the engine.
    """
    wanted = outputs(repo, selection.request())
    features = tuple(output.column for output in wanted)
    _refuse_clashes(spine, [column.name for column in features])
    needed = spine_columns(repo, wanted)
    sent = prepared(spine, needed, timestamp=timestamp, row_id=_ROW)
    names = tuple(sent.column_names)
    earliest, latest = span_of(sent.column(timestamp))
    given_rows = SpineSpec(
        relation=_SPINE, columns=names, timestamp=timestamp, row_id=_ROW, earliest=earliest, latest=latest
    )
    request = selection.request(given_rows)
    compiled = (compiler or Compiler(repo)).training(request, target=target, dialect=engine.dialect)
    if compiled.query is None:
        raise DiagnosticError(*compiled.diagnostics)
    engine.execute(compiled.query.prologue)
    engine.load(_SPINE, sent.to_reader())
    engine.execute(compiled.query.stages)
    given = tuple(Column(name=name, type=type_of(sent.schema.field(name).type) or STRING) for name in names)
    made = tuple(Column(name=column.name, type=column.type or STRING) for column in features)
    answer = engine.query(compiled.query.sql, given + made)
    schema = pa.schema([*spine.schema, *arrow_schema(made)])
    return pa.RecordBatchReader.from_batches(schema, _joined(spine, answer, schema, len(given), progress))


def refuse_spine(repo: Repo, selection: Selection, spine: pa.Table, *, timestamp: str) -> None:
    """Raise what ``historical`` would about the columns of ``spine``, whatever its rows hold; no engine is needed."""
    wanted = outputs(repo, selection.request())
    _refuse_clashes(spine, [output.column.name for output in wanted])
    prepared(spine.slice(0, 0), spine_columns(repo, wanted), timestamp=timestamp, row_id=_ROW)


def _joined(
    spine: pa.Table, answer: pa.RecordBatchReader, schema: pa.Schema, given: int, progress: Progress | None
) -> Iterator[pa.RecordBatch]:
    """Batches of the answer beside the spine's own rows, which the row numbers prove to be the same."""
    done = 0
    for batch in answer:
        rows = pa.array(range(done, done + batch.num_rows), pa.int64())
        if not batch.column(0).equals(rows):
            raise AssertionError("the engine gave the rows of the spine in another order or number")
        own = spine.slice(done, batch.num_rows).combine_chunks()
        columns = [_one(column) for column in own.columns] + batch.columns[given:]
        done += batch.num_rows
        yield pa.RecordBatch.from_arrays(columns, schema=schema)
        if progress is not None:
            progress(done, spine.num_rows)
    if done != spine.num_rows:
        raise AssertionError(f"the engine gave {done} rows for {spine.num_rows} of the spine")


def _one(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)


def _refuse_clashes(spine: pa.Table, features: Sequence[str]) -> None:
    taken = {name.lower() for name in spine.column_names}
    found = [
        CLASH.at(NOWHERE, f"the feature {name!r} has the name of a column of the spine", notes=(_WAYS_OUT,))
        for name in features
        if name.lower() in taken
    ]
    if found:
        raise DiagnosticError(*found)


_WAYS_OUT = "rename the column, give the feature an alias in the service, or ask for full feature names"


def read_query(engine: Engine, sql: str, columns: Sequence[Column] = ()) -> pa.Table:
    """The rows of a spine that is a query in the engine's own dialect.

    SQLite has no timestamps: there, give ``columns`` the types that the numbers stand for.
    """
    return engine.query(sql, columns).read_all()


def refuse_path(path: Path) -> None:
    """Raise what ``save`` would, before there is a result. Raises DiagnosticError (AS763)."""
    if path.suffix.lower() not in (".parquet", ".pq", ".csv"):
        raise _unwritable(f"{path.name}: the ending says the format, .parquet or .csv")
    try:
        refuse_unwritable(path, folders=True)
    except OSError as error:
        raise _unwritable(plainly(error, path)) from error


def save(result: pa.RecordBatchReader, path: Path) -> int:
    """Write a result as Parquet, or CSV by the path's ending; return its number of rows.

    In CSV lists, maps and structs are JSON text. The file appears whole or not at all. Raises DiagnosticError (AS763).
    """
    refuse_path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, scratch = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise _unwritable(f"{path}: {error.strerror}") from error
    try:
        os.chmod(scratch, 0o666 & ~_umask())
        with open(handle, "wb") as file:
            rows = _write(result, file, csv=path.suffix.lower() == ".csv")
            file.flush()
            os.fsync(file.fileno())
        os.replace(scratch, path)
    except (pa.ArrowException, OSError) as error:
        raise _unwritable(f"{path}: {error}") from error
    finally:
        with suppress(FileNotFoundError):
            os.unlink(scratch)
    return rows


def _write(result: pa.RecordBatchReader, file: object, *, csv: bool) -> int:
    rows = 0
    schema = pa.schema([(f.name, _csv_type(f.type)) for f in result.schema]) if csv else result.schema
    with pa_csv.CSVWriter(file, schema) if csv else pq.ParquetWriter(file, schema) as writer:
        for batch in result:
            columns = [_as_csv(column) for column in batch.columns] if csv else batch.columns
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))
            rows += batch.num_rows
    return rows


def _csv_type(kind: pa.DataType) -> pa.DataType:
    return pa.string() if pa.types.is_nested(kind) else kind


def _as_csv(column: pa.Array) -> pa.Array:
    """Lists, maps and structs as JSON text: CSV has no other way to hold them."""
    if not pa.types.is_nested(column.type):
        return column
    values = column.to_pylist(maps_as_pydicts="strict")
    texts = [None if value is None else json.dumps(to_json(value), ensure_ascii=False) for value in values]
    return pa.array(texts, pa.string())


def _umask() -> int:
    """What new files are not allowed; the system tells only by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _unwritable(message: str) -> DiagnosticError:
    return DiagnosticError(UNWRITABLE.at(NOWHERE, message))
