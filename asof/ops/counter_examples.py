"""Counter-examples: a few rows on which the old and the new version of a query differ, found by running both.

DuckDB runs them in memory on generated rows; it sees no file, no network and no store. Nothing that is found, or not
found, changes what a plan says of a change: a difference confirms it, and the lack of one proves nothing.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from functools import partial
from random import Random
from typing import TYPE_CHECKING

import duckdb
import msgspec

from asof.compiler.trials import OUT_OF_TIME
from asof.engines.sandbox import sandbox
from asof.ops.evidence import Example, ExampleRow
from asof.ops.sample_rows import Values, as_table, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from asof.compiler.trials import Trial, Versions
    from asof.ops.sample_rows import Row, Rows

SHOWN = 5
COLUMNS = 8
_SIZES = (4, 8, 12, 16, 16, 16, 16, 16)
"""Rows of each table in one sample; there are as many samples."""
_SHRINKS = 60
_SECONDS_EACH = 0.3
_SECONDS_ALL = 2.0
_STATEMENT_SECONDS = 1.0
_DATA_ERRORS = (duckdb.ConversionException, duckdb.InvalidInputException, duckdb.OutOfRangeException)
"""What a query raises because of a value; where a table has an offending one is the engine's choice."""

Output = Counter[tuple[str, ...]]


class Budget:
    """So many seconds of work in all; None is as many as it takes."""

    def __init__(self, seconds: float | None = _SECONDS_ALL, clock: Callable[[], float] = time.thread_time) -> None:
        self._clock = clock
        self._end = None if seconds is None else clock() + seconds

    def over(self) -> bool:
        """Whether they are spent."""
        return self._end is not None and self._clock() >= self._end

    def part(self) -> Budget:
        """What one query may take of it."""
        made = Budget(None if self._end is None else _SECONDS_EACH, self._clock)
        if self._end is not None and made._end is not None:
            made._end = min(made._end, self._end)
        return made


def counter_examples(trials: Iterable[Trial], budget: Budget) -> tuple[Example, ...]:
    """An Example for each trial, in order.

    The same trials give the same examples, as far as the time goes: the generator is seeded by the two queries.
    """
    found = []
    for trial in trials:
        if trial.versions is None or budget.over():
            why = trial.why or OUT_OF_TIME
            found.append(Example(address=trial.address, pointer=trial.pointer, why=why))
        else:
            found.append(Search(trial.versions, budget).example(trial.address, trial.pointer))
    return tuple(found)


class _CannotRunError(Exception):
    """The message says why."""


class Search:
    """The search for rows on which two versions differ."""

    def __init__(self, versions: Versions, budget: Budget) -> None:
        self.versions = versions
        self.budget = budget
        self.values = Values(versions)
        digest = hashlib.sha256(f"{versions.old}\0{versions.new}".encode()).digest()
        self.rng = Random(int.from_bytes(digest[:8], "big"))  # noqa: S311 - to be repeated, not to be secret
        self.tried = 0

    def example(self, address: str, pointer: str) -> Example:
        """The smallest rows found, as a table."""
        try:
            with sandbox() as self.box:
                self.budget = self.budget.part()
                rows = self.difference()
                if rows is not None:
                    return self.shown(address, pointer, self.shrunk(rows))
        except _CannotRunError as error:
            return Example(address=address, pointer=pointer, why=str(error))
        return Example(address=address, pointer=pointer, tried=self.tried, why="" if self.tried else OUT_OF_TIME)

    def difference(self) -> Rows | None:
        """Generated rows on which the versions differ; those on which one of them fails only for want of others."""
        failing = None
        for size in _SIZES:
            if self.budget.over():
                break
            rows = self.values.rows(self.versions.tables, size, self.rng)
            self.tried += size
            if self.differs(rows):
                return rows
            if failing is None and self.differs(rows, failures=True):
                failing = rows
        return failing

    def differs(self, rows: Rows, *, failures: bool = False) -> bool:
        """Whether the versions differ on these rows, and on the same rows turned round: an order decides nothing."""
        for given in (rows, {table: found[::-1] for table, found in rows.items()}):
            old, new = self.outputs(given)
            if (old is None or new is None) and not (failures and (old is None) != (new is None)):
                return False
            if old == new:
                return False
        return True

    def outputs(self, rows: Rows) -> tuple[Output | None, Output | None]:
        """What both versions give, in the columns that both have; None where one fails on a value."""
        for table, columns in self.versions.tables.items():
            self.box.connection.register(table, as_table(columns, rows[table]))
        (names, old), (others, new) = self.answer(self.versions.old), self.answer(self.versions.new)
        common = _common(names, others)
        return tuple(  # type: ignore[return-value]
            None if found is None else Counter(tuple(row[given.index(n)] for n in common) for row in found)
            for given, found in ((names, old), (others, new))
        )

    def answer(self, sql: str) -> tuple[list[str], list[tuple[str, ...]] | None]:
        """Columns and rows, values as text; no rows where a value makes it fail. Raises _CannotRunError."""
        try:
            names, found = self.box.answer(sql, seconds=_STATEMENT_SECONDS)
        except _DATA_ERRORS:
            return [], None
        except TimeoutError as error:
            raise _CannotRunError("it runs too long, even on a few rows") from error
        except duckdb.Error as error:
            first = str(error).strip().partition("\n")[0]
            raise _CannotRunError(f"DuckDB does not run it: {first}") from error
        return names, [tuple(written(value) for value in row) for row in found]

    def shrunk(self, rows: Rows) -> Rows:
        """Fewer rows, and plainer values, that still make the difference."""
        failing = not self.differs(rows)
        rows = self.halved(rows, failing=failing)
        left = _SHRINKS
        for smaller in _smaller(rows):
            made = smaller(rows)
            if made == rows:
                continue
            if left == 0 or self.budget.over():
                return rows
            left -= 1
            if self.differs(made, failures=failing):
                rows = made
        for table, columns in self.versions.tables.items():
            for at in range(len(rows[table])):
                for name, kind in columns.items():
                    plain = self.values.pool(kind)[0]
                    if left == 0 or self.budget.over():
                        return rows
                    if rows[table][at][name] == plain:
                        continue
                    left -= 1
                    made = {**rows, table: [r | {name: plain} if i == at else r for i, r in enumerate(rows[table])]}
                    if self.differs(made, failures=failing):
                        rows = made
        return rows

    def halved(self, rows: Rows, *, failing: bool) -> Rows:
        """Half of a table's rows, then half of these, while they make the difference: a few steps in any case."""
        going = True
        while going:
            going = False
            for table in rows:
                half = len(rows[table]) // 2
                for start, end in ((0, half), (half, len(rows[table]))) if half else ():
                    made = _without(rows, table, start, end)
                    if self.differs(made, failures=failing):
                        rows, going = made, True
                        break
        return rows

    def shown(self, address: str, pointer: str, rows: Rows) -> Example:
        """The rows that are given, then those that only one version gives."""
        old_rows, new_rows = self.outputs(rows)
        common = _common(self.answer(self.versions.old)[0], self.answer(self.versions.new)[0])
        inputs = list(dict.fromkeys(column for columns in self.versions.tables.values() for column in columns))
        columns = [*inputs, *(name for name in common if name not in inputs)]
        lines = [
            ExampleRow(side=table, cells=tuple(written(row[c]) if c in row else "" for c in columns))
            for table, found in rows.items()
            for row in found
        ]
        for side, mine, theirs in (("old", old_rows, new_rows), ("new", new_rows, old_rows)):
            lines += _given_by(side, mine, theirs, common, columns)
        outputs = len([line for line in lines if line.side in ("old", "new")])
        kept = [*lines[: len(lines) - outputs][: SHOWN - min(outputs, 2)], *lines[len(lines) - outputs :]][:SHOWN]
        wide = Example(
            address=address,
            pointer=pointer,
            columns=tuple(columns),
            rows=tuple(kept),
            more=len(lines) - len(kept),
            tried=self.tried,
        )
        return narrowed(wide)


def _given_by(
    side: str, mine: Output | None, theirs: Output | None, common: Sequence[str], columns: Sequence[str]
) -> list[ExampleRow]:
    if mine is None:
        return [ExampleRow(side=side, said="fails on this")]
    found = [
        ExampleRow(side=side, cells=tuple(row[common.index(c)] if c in common else "" for c in columns))
        for row in sorted((mine - (theirs or Counter())).elements())
    ]
    return found or [ExampleRow(side=side, said="no such row")]


def narrowed(wide: Example) -> Example:
    """The example with at most ``COLUMNS`` columns: those in which its rows differ come first, then the leftmost."""
    told = [len({row.cells[at] for row in wide.rows if row.cells} - {""}) > 1 for at in range(len(wide.columns))]
    chosen = sorted(sorted(range(len(told)), key=lambda at: (not told[at], at))[:COLUMNS])
    return msgspec.structs.replace(
        wide,
        columns=tuple(wide.columns[at] for at in chosen),
        rows=tuple(
            msgspec.structs.replace(row, cells=tuple(row.cells[at] for at in chosen if row.cells)) for row in wide.rows
        ),
        hidden=len(told) - len(chosen),
    )


def _common(old: list[str], new: list[str]) -> list[str]:
    """The columns that both versions give; those of the other where one fails."""
    return [name for name in old if name in new] if old and new else old or new


def _smaller(rows: Rows) -> Iterator[Callable[[Rows], Rows]]:
    """Ways to leave one row out."""
    for table in rows:
        for at in reversed(range(len(rows[table]))):
            yield partial(_without, table=table, start=at, end=at + 1)


def _without(rows: Rows, table: str, start: int, end: int) -> Rows:
    kept: list[Row] = [*rows[table][:start], *rows[table][end:]]
    return {**rows, table: kept}
