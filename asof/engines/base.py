"""The port of an offline store: a connection that runs compiled SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from asof.compiler.diagnostics import DiagnosticError, rule
from asof.compiler.source import NOWHERE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from asof.compiler.model import Column
    from asof.compiler.types import Type

ENGINE_FAILED = rule("AS724", "offline store refused a statement")
BATCH_ROWS = 65_536
"""Rows in a batch of a result: large enough to be fast, small enough to bound memory."""


class Engine(Protocol):
    """One session of an offline store. Its time zone is UTC; it is not shared between threads.

    Every method raises DiagnosticError (AS724) with the engine's own words where the engine refuses.
    Ctrl-C ends a method, and the statement with it, within two seconds: KeyboardInterrupt; ``close`` may follow.
    While a result is being read no other method may be called.
    """

    @property
    def dialect(self) -> str:
        """The dialect that statements must be compiled for, a key of ``asof.compiler.dialects``."""

    def columns(self, relation: str) -> Mapping[str, Type | None]:
        """Names and types of what ``SELECT * FROM relation`` yields; None is a type the language has not."""

    def execute(self, statements: Iterable[str]) -> None:
        """Run statements in order, each on its own."""

    def query(self, sql: str, columns: Sequence[Column] = ()) -> pa.RecordBatchReader:
        """Stream the rows of one SELECT, in its order, in batches of about ``BATCH_ROWS``.

        With ``columns`` (a compiled query's own) the result has exactly these names and types;
        without them it has the types that the engine reports.
        """

    def load(self, name: str, rows: pa.RecordBatchReader) -> None:
        """Make the temporary table ``name`` (replacing one of that name), visible to this session only."""

    def close(self) -> None:
        """End the session; its temporary tables go with it."""


def in_batches(rows: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    """The rows in batches of at most ``BATCH_ROWS``, whatever the size of the reader's own."""
    for batch in rows:
        for start in range(0, batch.num_rows, BATCH_ROWS):
            yield batch.slice(start, BATCH_ROWS)


def refused(engine: str, error: Exception, *ways_out: str) -> DiagnosticError:
    """The engine's complaint, without what drivers print around it."""
    return DiagnosticError(ENGINE_FAILED.at(NOWHERE, f"{engine}: {str(error).strip()}", notes=ways_out))
