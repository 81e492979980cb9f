"""Feature tests: rows given to sources, a spine, and what a view or service must then yield.

Each test runs the real training query on DuckDB in memory, where tables with the given rows stand in for the
sources; nothing of the target's stores is touched.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa

from asof.compiler.diagnostics import Diagnostic, DiagnosticError, rule
from asof.compiler.model import DataSource, FeatureTest, Location, ServiceItem, Store
from asof.compiler.pit.resolve import outputs
from asof.compiler.source import NOWHERE, Span
from asof.compiler.types import TIMESTAMP, Type
from asof.engines import connect
from asof.engines.arrow import arrow_type
from asof.engines.json_values import from_json, to_json
from asof.ops.historical import historical
from asof.ops.selection import Selection, select, spine_columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from asof.compiler.model import Repo
    from asof.engines.base import Engine

UNEXPECTED_VALUE = rule("AS765", "feature test yields another value")
BAD_TEST = rule("AS766", "feature test cannot run")

_TIMESTAMP = "event_timestamp"
_PREFIX = "given__"


@dataclass(frozen=True, slots=True, kw_only=True)
class TestResult:
    """One test: passed where nothing was found."""

    __test__ = False

    test: FeatureTest
    diagnostics: tuple[Diagnostic, ...]

    @property
    def passed(self) -> bool:
        return not self.diagnostics


def run_feature_tests(repo: Repo, names: Sequence[str] = ()) -> tuple[TestResult, ...]:
    """Run the tests of ``repo`` (or those named), in order of their names; each is independent of the others."""
    tests = [d for d in repo.definitions.values() if isinstance(d, FeatureTest) and (not names or d.name in names)]
    return tuple(TestResult(test=test, diagnostics=_run(repo, test)) for test in tests)


def _run(repo: Repo, test: FeatureTest) -> tuple[Diagnostic, ...]:
    engine = connect(Store(type="duckdb", options=(("threads", 1),)), root=Path())
    try:
        given = dict(test.given)
        for source in _batch_sources(repo):
            engine.load(_PREFIX + source.name, _rows_of(repo, test, source, given.get(source.name, ())).to_reader())
        return _compare(repo, test, _answers(_with_tables(repo), test, engine))
    except DiagnosticError as error:
        return tuple(replace(found, address=found.address or test.address) for found in error.diagnostics)
    finally:
        engine.close()


def _answers(repo: Repo, test: FeatureTest, engine: Engine) -> pa.Table:
    if test.service:
        selection = select(repo, service=test.service)
    else:
        selection = Selection(items=(ServiceItem(view=test.view),), name=test.name)
    wanted = dict(spine_columns(repo, outputs(repo, selection.request())))
    extra = {name for row in test.spine for name in row} - wanted.keys() - {_TIMESTAMP}
    if extra:
        raise _cannot_run(repo, test, f"the spine has {', '.join(sorted(extra))}, which no feature needs", "spine")
    spine = _table(repo, test, "spine", (), test.spine, {**wanted, _TIMESTAMP: TIMESTAMP})
    return historical(repo, selection, spine, engine=engine, timestamp=_TIMESTAMP).read_all()


def _batch_sources(repo: Repo) -> list[DataSource]:
    return [d for d in repo.definitions.values() if isinstance(d, DataSource) and d.type == "batch"]


def _with_tables(repo: Repo) -> Repo:
    """``repo`` with a table in the place of every batch source."""
    swapped = {
        source.address: msgspec.structs.replace(
            source, location=Location(table=_PREFIX + source.name), targets=(), date_partition_column=""
        )
        for source in _batch_sources(repo)
    }
    return replace(repo, definitions={**repo.definitions, **swapped})


def _rows_of(repo: Repo, test: FeatureTest, source: DataSource, rows: Sequence[Mapping[str, object]]) -> pa.Table:
    if not source.columns and rows:
        raise _cannot_run(repo, test, f"source {source.name!r} declares no columns, so rows have no types", "given")
    types = {column.name: column.type for column in source.columns}
    known = {stored: types[stored] for stored in types}
    for row in rows:
        for name in row.keys() - known.keys():
            raise _cannot_run(repo, test, f"source {source.name!r} has no column {name!r}", "given", source.name)
    for name in (source.timing.timestamp_field, source.timing.created_timestamp_column):
        if name and name not in known:
            known[name] = TIMESTAMP
    return _table(repo, test, "given", (source.name,), rows, known)


def _table(
    repo: Repo,
    test: FeatureTest,
    part: str,
    where: tuple[str, ...],
    rows: Sequence[Mapping[str, object]],
    types: Mapping[str, Type],
) -> pa.Table:
    columns: dict[str, pa.Array] = {}
    for name, made in types.items():
        values = []
        for place, row in enumerate(rows):
            try:
                values.append(from_json(row.get(name), made))
            except ValueError as error:
                raise _cannot_run(repo, test, f"{name}: {error}", part, *where, place, name) from None
        columns[name] = pa.array(values, arrow_type(made))
    return pa.table(columns)


def _compare(repo: Repo, test: FeatureTest, found: pa.Table) -> tuple[Diagnostic, ...]:
    """Row by row, the columns that the test names: what it leaves out may be anything."""
    if len(test.expect) != found.num_rows:
        message = f"the spine has {found.num_rows} rows and expect has {len(test.expect)}"
        raise _cannot_run(repo, test, message, "expect")
    wrong: list[Diagnostic] = []
    for place, (expected, row) in enumerate(zip(test.expect, found.to_pylist(), strict=True)):
        for name, value in expected.items():
            span = _span(repo, test, "expect", place, name)
            if name not in row:
                message = f"row {place + 1}: there is no feature {name!r}"
                wrong.append(BAD_TEST.at(span, message, address=test.address))
            elif not _same(value, row[name]):
                message = f"row {place + 1}: {name} is {_shown(row[name])}, expected {_shown(value)}"
                label = f"is {_shown(row[name])}"
                wrong.append(UNEXPECTED_VALUE.at(span, message, label=label, address=test.address))
    return tuple(wrong)


def _same(expected: object, found: object) -> bool:
    """Equality of a value in YAML and one of a type; fractions to nine digits, as people write them."""
    if isinstance(expected, float | int) and isinstance(found, float) and not isinstance(expected, bool):
        return math.isclose(expected, found, rel_tol=1e-9, abs_tol=1e-12)
    return _plain(expected) == _plain(found)


def _plain(value: object) -> object:
    """A value as JSON; a text that is a moment as that moment."""
    if isinstance(value, str):
        try:
            return to_json(from_json(value, TIMESTAMP))
        except ValueError:
            return value
    if isinstance(value, list) and value and all(isinstance(item, tuple) for item in value):
        return {str(key): _plain(item) for key, item in value}
    made = to_json(value)
    return float(made) if isinstance(made, int) and not isinstance(made, bool) and abs(made) < 2**53 else made


def _shown(value: object) -> str:
    return "NULL" if value is None else str(to_json(value))


def _cannot_run(repo: Repo, test: FeatureTest, message: str, *pointer: str | int) -> DiagnosticError:
    return DiagnosticError(BAD_TEST.at(_span(repo, test, *pointer), message, address=test.address))


def _span(repo: Repo, test: FeatureTest, *pointer: str | int) -> Span:
    origin = repo.origins.get(test.address)
    return origin.value(*pointer) if origin is not None else NOWHERE
