"""Spines: the rows that features are wanted for, from wherever they come, checked before anything runs."""

from __future__ import annotations

import csv
import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from asof.compiler.diagnostics import Diagnostic, DiagnosticError, nearest
from asof.compiler.source import NOWHERE
from asof.compiler.support import NO_SUCH_COLUMN
from asof.compiler.types import BOOL, BYTES, DATE, FLOATS, INTEGERS, JSON, STRING, UUID, Decimal
from asof.engines.arrow import INSTANT, arrow_type, instants
from asof.ops.file_errors import plainly
from asof.ops.python_rows import UNREADABLE_SPINE, WRONG_TYPE, is_rows, json_rows, table_of_python, unreadable

if TYPE_CHECKING:
    from asof.compiler.types import Type

ENDINGS = (".parquet", ".pq", ".csv", ".json", ".jsonl")

_IN_CSV = INTEGERS | FLOATS | {BOOL, STRING, BYTES, DATE, JSON, UUID}
"""What is read from texts as declared. Times are instants by what they look like, whatever the column is."""
_CSV_COLUMN = re.compile(r"In CSV column #(\d+)")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SQL = re.compile(r"\s*(?:--[^\n]*\n\s*)*(?:SELECT|WITH|FROM|VALUES|TABLE)\b", re.IGNORECASE)


def is_sql(spine: str) -> bool:
    """Whether a text is a query rather than a path."""
    return _SQL.match(spine) is not None and bool(re.search(r"\s", spine.strip()))


def read_table(spine: object, *, root: Path, kinds: Mapping[str, Type] | None = None) -> pa.Table:
    """Rows from a table or frame, from dicts, or from the path of a file.

    That is a pyarrow Table or RecordBatchReader, a pandas or polars frame, a dict of lists or a list of dicts. A path
    ends in .parquet, .csv, .json (rows or columns) or .jsonl; relative ones start at ``root``. Columns of a CSV file
    and of dicts have the types of ``kinds`` (columns that the features need), others what they look like. Raises
    DiagnosticError (AS761, AS762).
    """
    if isinstance(spine, str | Path):
        return _read_file(root / spine, kinds or {})
    if isinstance(spine, Mapping) or is_rows(spine):
        return table_of_python(spine, kinds or {})
    if isinstance(spine, pa.Table):
        return spine
    if type(spine).__module__.partition(".")[0] == "pandas":
        return pa.Table.from_pandas(spine, preserve_index=False)
    if hasattr(spine, "__arrow_c_stream__"):
        return pa.table(spine)
    held = f"a {type(spine).__name__}"
    if isinstance(spine, Sequence) and spine:
        held += f" of {type(spine[0]).__name__}"
    raise unreadable(f"rows are a table, a frame, dicts or a path, and of a spine a query; this is {held}")


def _read_file(path: Path, kinds: Mapping[str, Type]) -> pa.Table:
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise unreadable(f"{path.name}: a file of rows ends in .parquet, .csv, .json or .jsonl")
    try:
        if ending in (".json", ".jsonl"):
            return table_of_python(json_rows(path), kinds)
        return _read_csv(path, kinds) if ending == ".csv" else pq.read_table(path)
    except OSError as error:
        raise unreadable(plainly(error, path)) from error
    except pa.ArrowException as error:
        raise unreadable(f"{path.name}: {_with_names(str(error), path)}") from error


def _read_csv(path: Path, kinds: Mapping[str, Type]) -> pa.Table:
    """The rows of a CSV file: texts stay as they stand where a text is wanted, whatever they look like."""
    wanted = {name: arrow_type(kind) for name, kind in kinds.items() if kind in _IN_CSV or isinstance(kind, Decimal)}
    try:
        return pa_csv.read_csv(path, convert_options=pa_csv.ConvertOptions(column_types=wanted))
    except pa.ArrowInvalid:
        # pandas writes whole numbers with gaps as 1.0; ``prepared`` takes those, and no fractions.
        loose = {name: kind for name, kind in wanted.items() if not pa.types.is_integer(kind)}
        if loose.keys() == wanted.keys():
            raise
        table = pa_csv.read_csv(path, convert_options=pa_csv.ConvertOptions(column_types=loose))
        whole = (table.schema.field(name).type for name in wanted.keys() - loose.keys() if name in table.column_names)
        if not all(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind) for kind in whole):
            raise
        return table


def _with_names(message: str, path: Path) -> str:
    """Arrow counts columns where a reader looks for names."""
    number = _CSV_COLUMN.search(message)
    if number is None:
        return message
    with path.open(newline="", encoding="utf-8", errors="replace") as text:
        names = next(csv.reader(text), [])
    at = int(number[1])
    return _CSV_COLUMN.sub(f"column {names[at]!r}" if at < len(names) else number[0], message)


def span_of(times: pa.ChunkedArray) -> tuple[datetime | None, datetime | None]:
    """The first and the last of some instants; None and None where there are none that Python's calendar has."""
    ends = pc.min_max(times.cast(pa.int64())).as_py()
    if ends["min"] is None:
        return None, None
    try:
        first, last = (_EPOCH + timedelta(microseconds=ends[name]) for name in ("min", "max"))
    except OverflowError:
        return None, None
    return first, last


def prepared(table: pa.Table, wanted: Mapping[str, Type], *, timestamp: str, row_id: str) -> pa.Table:
    """What an engine needs of a spine: ``row_id`` from 0, the instants, and the ``wanted`` columns in their types.

    Raises DiagnosticError with everything that is wrong: AS505 a column is missing, AS762 a type does not
    fit, AS761 two columns have one name.
    """
    found: list[Diagnostic] = []
    names = table.column_names
    for name in sorted({name for name in names if names.count(name) > 1}):
        found.append(UNREADABLE_SPINE.at(NOWHERE, f"the spine has several columns named {name!r}"))
    made: dict[str, pa.ChunkedArray] = {row_id: pa.chunked_array([pa.array(range(table.num_rows), pa.int64())])}
    for name, made_of in {**wanted, timestamp: None}.items():
        if name not in names:
            what = "the timestamp" if made_of is None else f"{made_of}"
            hint = nearest(name, names)
            message = f"the spine has no column {name!r} ({what}){'; ' + hint if hint else ''}"
            found.append(NO_SUCH_COLUMN.at(NOWHERE, message, notes=(f"it has {', '.join(names) or 'none'}",)))
        elif names.count(name) == 1:
            try:
                made[name] = fitted(table, name, made_of)
            except DiagnosticError as error:
                found += error.diagnostics
    if found:
        raise DiagnosticError(*found)
    return pa.table(made)


def fitted(table: pa.Table, name: str, wanted: Type | None) -> pa.ChunkedArray:
    """A column as the type of a key or request field; None is an instant. Raises DiagnosticError (AS762)."""
    try:
        return _fitted(table.column(name), wanted)
    except (pa.ArrowException, ValueError, TypeError):
        expected = "a timestamp" if wanted is None else str(wanted)
        held = "texts of which some are none" if wanted == UUID else str(table.schema.field(name).type)
        message = f"the spine's column {name!r} holds {held}, not {expected}"
        raise DiagnosticError(WRONG_TYPE.at(NOWHERE, message)) from None


def _fitted(column: pa.ChunkedArray, wanted: Type | None) -> pa.ChunkedArray:
    """``column`` as the type of a key or request field; None is the spine's timestamp."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    made = INSTANT if wanted is None else arrow_type(wanted)
    if wanted == UUID and not pa.types.is_null(column.type):
        return _uuids(column)
    if column.type == made:
        return column
    if pa.types.is_null(column.type):
        return column.cast(made)
    if made == INSTANT:
        return _moments(column)
    if wanted in INTEGERS:
        return _whole(column, made)
    if _family(column.type) != _family(made):
        raise TypeError(str(column.type))
    return column.cast(made)


def _family(kind: pa.DataType) -> str:
    """Types between which a cast keeps the meaning; a number never becomes a text."""
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.string_view():
        return "text"
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "number"
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return "bytes"
    return "nested" if pa.types.is_nested(kind) else str(kind.id)


def _whole(column: pa.ChunkedArray, made: pa.DataType) -> pa.ChunkedArray:
    if pa.types.is_floating(column.type):
        # pandas turns whole numbers with gaps into floats and the gaps into NaN.
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    elif not pa.types.is_integer(column.type):
        raise TypeError(str(column.type))
    try:
        return column.cast(made)
    except pa.ArrowInvalid:
        # A number too great for the key's type is no entity's; it still compares as a number.
        return column.cast(pa.int64())


def _uuids(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """UUIDs, or texts in any of their spellings, in the one that equal ones share. Raises ValueError for others."""
    if column.type != pa.uuid() and _family(column.type) != "text":
        raise TypeError(str(column.type))
    texts = [None if value is None else str(uuid.UUID(str(value))) for value in column.to_pylist()]
    return pa.chunked_array([pa.array(texts, pa.string())])


def _moments(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        try:
            return column.cast(INSTANT)
        except pa.ArrowInvalid:
            column = column.cast(pa.timestamp("us"))
    if not (pa.types.is_timestamp(column.type) or pa.types.is_date(column.type)):
        raise TypeError(str(column.type))
    return instants(column)
