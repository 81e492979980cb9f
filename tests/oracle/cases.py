"""A case: a repo, the rows of its sources, a spine and the features asked for; and how an engine is held to the oracle.

``Case.rows(runner)`` is what the engine says, ``Case.expected()`` what the oracle says, both as lists of dicts in the
spine's order.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from asof.compiler.dialects import DIALECTS
from asof.compiler.model import (
    AnyDefinition,
    DataSource,
    Location,
    Project,
    Repo,
    ServiceItem,
    Store,
    Target,
)
from asof.compiler.pit import SpineSpec, TrainingRequest, training_query
from asof.compiler.types import DATE, FLOATS, INT64, TIMESTAMP, Array, Map, Type
from tests.engines import NAIVE, Runner
from tests.engines.sqlite import read
from tests.oracle.oracle import Row, World, training_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from asof.compiler.dialects import LatestStrategy, WindowStrategy
    from asof.compiler.pit import CompiledQuery

PROJECT = Project(
    version=1,
    project="proof",
    targets=tuple(Target(name=name, registry=".asof/registry", offline=Store(type=name)) for name in DIALECTS),
)
SPINE = "asked"
ROW_ID = "spine row"


def repo(*definitions: AnyDefinition) -> Repo:
    return Repo(project=PROJECT, definitions={d.address: d for d in sorted(definitions, key=lambda d: d.address)})


def table(name: str) -> Location:
    """Where the rows of the source of that name are loaded."""
    return Location(table=f"stored_{name}")


@dataclass(frozen=True, kw_only=True)
class Case:
    """Rows are tuples in the order of the declared columns. ``meaning``: SQL text -> what it means in Python."""

    definitions: Sequence[AnyDefinition]
    rows_of: Mapping[str, Sequence[tuple[object, ...]]]
    spine_columns: Sequence[tuple[str, Type | str]]
    spine: Sequence[tuple[object, ...]]
    items: Sequence[ServiceItem]
    timestamp: str = "event_timestamp"
    full_feature_names: bool = False
    meaning: Mapping[str, Any] = field(default_factory=dict)
    extent_known: bool = False
    """Whether the compiler is told the first and the last instant of the spine."""

    @property
    def repo(self) -> Repo:
        return repo(*self.definitions)

    @property
    def world(self) -> World:
        tables = {}
        for source in self.sources():
            names = [column.name for column in source.columns]
            tables[source.name] = [dict(zip(names, row, strict=True)) for row in self.rows_of.get(source.name, ())]
        return World(self.repo, tables, self.meaning)

    def sources(self) -> list[DataSource]:
        return [d for d in self.definitions if isinstance(d, DataSource) and d.type != "request"]

    def spine_rows(self) -> list[Row]:
        names = [name for name, _ in self.spine_columns]
        return [dict(zip(names, row, strict=True)) for row in self.spine]

    def expected(self) -> list[dict[str, object]]:
        """What the oracle says."""
        return training_rows(
            self.world, self.items, self.spine_rows(), self.timestamp, full_feature_names=self.full_feature_names
        )

    def compiled(
        self, dialect: str, latest: LatestStrategy | None = None, windows: WindowStrategy | None = None
    ) -> CompiledQuery:
        """The training query; a diagnostic fails the test."""
        times = [row[self.timestamp] for row in self.spine_rows()]
        known = [time for time in times if isinstance(time, datetime)] if self.extent_known else []
        spine = SpineSpec(
            relation=SPINE,
            columns=tuple(name for name, _ in self.spine_columns),
            timestamp=self.timestamp,
            row_id=ROW_ID,
            earliest=min(known, default=None),
            latest=max(known, default=None),
        )
        request = TrainingRequest(items=tuple(self.items), full_feature_names=self.full_feature_names, spine=spine)
        made = training_query(self.repo, request, target=dialect, dialect=dialect, latest=latest, windows=windows)
        if made.query is None:
            pytest.fail("\n".join(str(diagnostic) for diagnostic in made.diagnostics))
        return made.query

    def load(self, runner: Runner) -> None:
        """The rows of the sources that are tables, and the spine, into the engine."""
        for source in self.sources():
            if source.location.path:
                continue  # files stand where they were written
            runner.load(source.location.table, stored_columns(source), self.rows_of.get(source.name, ()))
        rows = [(number, *row) for number, row in enumerate(self.spine)]
        runner.load(SPINE, [(ROW_ID, INT64), *self.spine_columns], rows)

    def rows(
        self, runner: Runner, latest: LatestStrategy | None = None, windows: WindowStrategy | None = None
    ) -> list[dict[str, object]]:
        """What the engine says."""
        query = self.compiled(runner.dialect, latest, windows)
        with runner.scratch():
            self.load(runner)
            return named_rows(runner, query, self.spine_columns)


def named_rows(
    runner: Runner, query: CompiledQuery, given: Sequence[tuple[str, Type | str]] = ()
) -> list[dict[str, object]]:
    """Run a compiled query; values decoded by its own column types, or those of the spine."""
    known = dict(given)
    kinds = [column.type or known.get(column.name) for column in query.columns]
    types = [kind if isinstance(kind, Type) else TIMESTAMP for kind in kinds]
    rows = runner.run(query.sql, (*query.prologue, *query.stages), types)
    names = [column.name for column in query.columns]
    assert len(set(names)) == len(names), f"a name comes twice: {names}"
    made = [dict(zip(names, map(decoded, row, types), strict=True)) for row in rows]
    if DIALECTS[runner.dialect].lists_can_be_null:
        return made
    return [{name: None if value in ([], {}) else value for name, value in row.items()} for row in made]


def decoded(value: object, kind: Type) -> object:
    """Lists and maps as Python has them, and what came inside of JSON typed again."""
    if value is None or not isinstance(kind, Array | Map):
        return value
    held = json.loads(value) if isinstance(value, str) else value
    if isinstance(kind, Array):
        assert isinstance(held, list), f"{held!r} is no list"
        return [item(one, kind.element) for one in held]
    entries = held.items() if isinstance(held, dict) else held
    return {key: item(one, kind.value) for key, one in entries}  # type: ignore[attr-defined]


def item(value: object, kind: Type) -> object:
    """An item of a list or a map."""
    if isinstance(value, str) and kind in (TIMESTAMP, DATE):
        return datetime.fromisoformat(value) if kind == TIMESTAMP else date.fromisoformat(value)
    if isinstance(value, str) and kind in FLOATS:
        return float(value)  # SQLite's JSON has infinities and NaN as text, and so all floats
    if isinstance(kind, Array | Map):
        return decoded(value, kind)
    return value if isinstance(value, bool) else read(value, kind)


def stored_columns(source: DataSource) -> list[tuple[str, Type | str]]:
    """How the source's columns are declared in the engine: without a zone where the source names one."""
    naive = bool(source.timing.timezone)
    return [(c.name, NAIVE if naive and c.type == TIMESTAMP else c.type) for c in source.columns]


def agree(got: Sequence[Row], wanted: Sequence[Row]) -> None:
    """Row for row, in order, with the same types; floats within 1e-9."""
    assert len(got) == len(wanted), f"{len(got)} rows for {len(wanted)}"
    for number, (left, right) in enumerate(zip(got, wanted, strict=True)):
        assert list(left) == list(right), f"columns {list(left)}, expected {list(right)}"
        for name, value in right.items():
            assert same(left[name], value), f"row {number} {dict(right)}: {name} is {left[name]!r}, expected {value!r}"


def same(got: object, wanted: object) -> bool:
    if isinstance(wanted, datetime) and wanted.tzinfo is None:
        return isinstance(got, datetime) and got.replace(tzinfo=None) == wanted
    if type(got) is not type(wanted):
        return False
    if isinstance(wanted, list):
        return len(got) == len(wanted) and all(map(same, got, wanted))  # type: ignore[arg-type]
    if isinstance(wanted, dict):
        return got.keys() == wanted.keys() and all(same(got[key], wanted[key]) for key in wanted)  # type: ignore[attr-defined,index]
    return got == pytest.approx(wanted, rel=1e-9, abs=1e-9) if isinstance(wanted, float) else got == wanted


def check(runner: Runner, case: Case) -> None:
    """The engine says what the oracle says."""
    agree(case.rows(runner), case.expected())


def with_spine(case: Case, spine: Sequence[tuple[object, ...]]) -> Case:
    return replace(case, spine=spine)
