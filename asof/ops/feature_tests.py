"""Feature tests: rows given to sources, a spine, and what a view or service must then yield.

Each test runs the real training query on DuckDB in memory, where tables with the given rows stand in for the
sources; nothing of the target's stores is touched. Tests share the session, and those that ask for the same its query.
"""

from __future__ import annotations

import json
import math
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa
import yaml

from asof.compiler.diagnostics import Diagnostic, DiagnosticError, Fix, rule
from asof.compiler.model import DataSource, FeatureTest, Location, Store
from asof.compiler.types import Map
from asof.engines import connect
from asof.engines.arrow import arrow_type
from asof.engines.json_values import to_json
from asof.ops.feature_test_rows import BAD_TEST, INSTANT, cell, columns_of, selected, source_columns, span_of
from asof.ops.historical import Compiler, historical

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from asof.compiler.model import Repo
    from asof.compiler.source import Origin
    from asof.compiler.types import Type
    from asof.engines.base import Engine

UNEXPECTED_VALUE = rule("AS765", "feature test yields another value")

_PREFIX = "given__"

Row = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class TestResult:
    """One test: passed where nothing was found. ``found`` are the rows that came out; None where it could not run.

    ``wrong`` are the places (row from 0, feature) where they differ from ``expected``, both as JSON holds them.
    """

    __test__ = False

    test: FeatureTest
    diagnostics: tuple[Diagnostic, ...]
    expected: tuple[Mapping[str, object], ...] = ()
    found: tuple[Mapping[str, object], ...] | None = None
    wrong: frozenset[tuple[int, str]] = frozenset()

    @property
    def passed(self) -> bool:
        return not self.diagnostics


def run_feature_tests(repo: Repo, names: Sequence[str] = ()) -> tuple[TestResult, ...]:
    """Run the tests of ``repo`` (or those named), in order of their names; each is independent of the others."""
    tests = [d for d in repo.definitions.values() if isinstance(d, FeatureTest) and (not names or d.name in names)]
    bench = _Bench(repo)
    try:
        return tuple(bench.run(test) for test in tests)
    finally:
        bench.close()


@dataclass
class _Bench:
    """A session with a table for every batch source, which each test fills with its own rows."""

    repo: Repo
    engine: Engine | None = None
    holds: dict[str, Sequence[Mapping[str, object]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.sources = [d for d in self.repo.definitions.values() if isinstance(d, DataSource) and d.type == "batch"]
        self.tables = _with_tables(self.repo, self.sources)
        self.compiler = Compiler(self.tables, in_memory=True)

    def run(self, test: FeatureTest) -> TestResult:
        try:
            return self._compare(test, self._answers(test))
        except DiagnosticError as error:
            self.close()  # whatever the engine was at when it stopped
            found = tuple(replace(found, address=found.address or test.address) for found in error.diagnostics)
            return TestResult(test=test, diagnostics=found)

    def close(self) -> None:
        if self.engine is not None:
            self.engine.close()
        self.engine = None
        self.holds.clear()

    def _answers(self, test: FeatureTest) -> pa.Table:
        if self.engine is None:
            self.engine = connect(Store(type="duckdb", options=(("threads", 1),)), root=Path())
        given = dict(test.given)
        for source in self.sources:
            rows = given.get(source.name, ())
            if self.holds.get(source.name) != rows:
                table = self._given(test, source.name, rows)
                self.engine.load(_PREFIX + source.name, table.to_reader())
                self.holds[source.name] = rows
        wanted = columns_of(self.repo, test).spine
        extra = {name for row in test.spine for name in row} - wanted.keys()
        if extra:
            raise self._refused(test, f"the spine has {', '.join(sorted(extra))}, which no feature needs", "spine")
        spine = self._table(test, ("spine",), test.spine, wanted)
        selection = selected(self.repo, test)
        reader = historical(
            self.tables, selection, spine, engine=self.engine, timestamp=INSTANT, compiler=self.compiler
        )
        return reader.read_all()

    def _given(self, test: FeatureTest, source: str, rows: Sequence[Mapping[str, object]]) -> pa.Table:
        known = source_columns(self.repo, source)
        if rows and not known:
            raise self._refused(test, f"source {source!r} declares no columns, so rows have no types", "given")
        for row in rows:
            for name in row.keys() - known.keys():
                raise self._refused(test, f"source {source!r} has no column {name!r}", "given", source)
        return self._table(test, ("given", source), rows, known)

    def _table(
        self,
        test: FeatureTest,
        pointer: tuple[str, ...],
        rows: Sequence[Mapping[str, object]],
        types: Mapping[str, Type],
    ) -> pa.Table:
        columns: dict[str, pa.Array] = {}
        for name, made in types.items():
            values = []
            for place, row in enumerate(rows):
                try:
                    values.append(cell(row.get(name), made))
                except ValueError as error:
                    raise self._refused(test, f"{name}: {error}", *pointer, place, name) from None
            columns[name] = pa.array(values, arrow_type(made))
        return pa.table(columns)

    def _compare(self, test: FeatureTest, found: pa.Table) -> TestResult:
        """Row by row, the columns that the test names: what it leaves out may be anything."""
        if len(test.expect) != found.num_rows:
            message = f"the spine has {found.num_rows} rows and expect has {len(test.expect)}"
            raise self._refused(test, message, "expect")
        columns = columns_of(self.repo, test)
        types = {**columns.spine, **columns.expect}
        rows = found.to_pylist()
        said: list[Diagnostic] = []
        wrong: set[tuple[int, str]] = set()
        for place, (expected, row) in enumerate(zip(test.expect, rows, strict=True)):
            for name, value in expected.items():
                if name not in row:
                    span = span_of(self.repo, test, "expect", place, name)
                    message = f"row {place + 1}: there is no feature {name!r}"
                    said.append(BAD_TEST.at(span, message, address=test.address))
                elif not self._equal(test, (place, name), value, row[name], types[name]):
                    said.append(self._unexpected(test, place, name, row[name]))
                    wrong.add((place, name))
        return TestResult(
            test=test,
            diagnostics=tuple(said),
            expected=test.expect,
            found=tuple({name: to_json(value) for name, value in row.items()} for row in rows),
            wrong=frozenset(wrong),
        )

    def _equal(self, test: FeatureTest, at: tuple[int, str], expected: object, found: object, kind: Type) -> bool:
        try:
            wanted = pa.array([cell(expected, kind)], arrow_type(kind)).to_pylist()[0]
        except ValueError as error:
            raise self._refused(test, f"{at[1]}: {error}", "expect", *at) from None
        if isinstance(kind, Map) and wanted is not None and found is not None:
            return _same(dict(wanted), dict(found))  # type: ignore[call-overload]
        return _same(_document(wanted), _document(found)) if kind.text == "json" else _same(wanted, found)

    def _unexpected(self, test: FeatureTest, place: int, name: str, found: object) -> Diagnostic:
        expected = test.expect[place][name]
        span = span_of(self.repo, test, "expect", place, name)
        message = f"row {place + 1}: {name} is {_shown(found)}, expected {_shown(expected)}"
        origin = self.repo.origins.get(test.address)
        fixes: tuple[Fix, ...] = ()
        if origin is not None and _written_inline(origin, "expect", place, name):
            text = json.dumps(to_json(found), ensure_ascii=False)
            fixes = (Fix(title="expect what comes out", span=span, text=text),)
        label = f"is {_shown(found)}"
        return UNEXPECTED_VALUE.at(span, message, label=label, address=test.address, fixes=fixes)

    def _refused(self, test: FeatureTest, message: str, *pointer: str | int) -> DiagnosticError:
        return DiagnosticError(BAD_TEST.at(span_of(self.repo, test, *pointer), message, address=test.address))


def _with_tables(repo: Repo, sources: Sequence[DataSource]) -> Repo:
    """``repo`` with a table in the place of every batch source."""
    swapped = {
        source.address: msgspec.structs.replace(
            source, location=Location(table=_PREFIX + source.name), targets=(), date_partition_column=""
        )
        for source in sources
    }
    return replace(repo, definitions={**repo.definitions, **swapped})


def _written_inline(origin: Origin, part: str, *pointer: str | int) -> bool:
    """Whether the value stands in a row of its own between two places of one text, so that another can stand there.

    Rows of CSV have no places, and a block ends where something else begins.
    """
    node = origin.node_at(part, *pointer)
    if not isinstance(origin.node_at(part), yaml.SequenceNode):
        return False
    if isinstance(node, yaml.CollectionNode):
        return bool(node.flow_style)
    return isinstance(node, yaml.ScalarNode) and node.style not in ("|", ">")


def _same(expected: object, found: object) -> bool:
    """Equality of two values of one type; fractions to nine digits, as people write them."""
    if isinstance(expected, float) and isinstance(found, float):
        both = math.isnan(expected) and math.isnan(found)
        return both or math.isclose(expected, found, rel_tol=1e-9, abs_tol=1e-12)
    if isinstance(expected, list) and isinstance(found, list):
        return len(expected) == len(found) and all(map(_same, expected, found))
    if isinstance(expected, dict) and isinstance(found, dict):
        return expected.keys() == found.keys() and all(_same(value, found[key]) for key, value in expected.items())
    return expected == found


def _document(value: object) -> object:
    """JSON by what it says, however it is laid out."""
    with suppress(ValueError, TypeError):
        return json.loads(value)  # type: ignore[arg-type]
    return value


def _shown(value: object) -> str:
    return "NULL" if value is None else str(to_json(value))
