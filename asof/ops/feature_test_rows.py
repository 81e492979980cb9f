"""The cells of feature tests: which type each has, and its value as Arrow takes it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from asof.compiler.diagnostics import DiagnosticError, nearest, rule
from asof.compiler.model import DataSource, FeatureTest, ServiceItem
from asof.compiler.pit.resolve import outputs
from asof.compiler.source import NOWHERE, Span
from asof.compiler.types import TIMESTAMP, Array, Map, Struct, Type, Vector
from asof.engines.json_values import from_json
from asof.ops.selection import Selection, select, spine_columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from asof.compiler.diagnostics import Diagnostic
    from asof.compiler.model import Repo

BAD_TEST = rule("AS766", "feature test cannot run")

INSTANT = "event_timestamp"
_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class TestColumns:
    """The columns that the rows of a test can have, with their types: of each source, the spine and what comes out."""

    __test__ = False

    given: Mapping[str, Mapping[str, Type]]
    spine: Mapping[str, Type]
    expect: Mapping[str, Type]


def columns_of(repo: Repo, test: FeatureTest) -> TestColumns:
    """The columns of ``test``. Raises DiagnosticError for what cannot be asked for."""
    made = outputs(repo, selected(repo, test).request())
    return TestColumns(
        given={name: source_columns(repo, name) for name, _ in test.given},
        spine={**spine_columns(repo, made), INSTANT: TIMESTAMP},
        expect={output.column.name: output.column.type for output in made if output.column.type is not None},
    )


def selected(repo: Repo, test: FeatureTest) -> Selection:
    """What the test asks for."""
    if test.service:
        return select(repo, service=test.service)
    return Selection(items=(ServiceItem(view=test.view),), name=test.view)


def source_columns(repo: Repo, name: str) -> Mapping[str, Type]:
    """The columns that rows given to a source can have; its timestamps need no declaration."""
    source = repo.definitions.get(f"data_source/{name}")
    if not isinstance(source, DataSource):
        return {}
    known = {column.name: column.type for column in source.columns}
    for column in (source.timing.timestamp_field, source.timing.created_timestamp_column):
        if column and known:
            known.setdefault(column, TIMESTAMP)
    return known


def cell(value: object, wanted: Type) -> object:
    """A value of YAML or CSV, where all is text, as Arrow takes it. Raises ValueError with words for people."""
    if isinstance(value, str):
        if wanted.text == "bool":
            value = _BOOLEANS.get(value.strip().lower(), value)
        elif isinstance(wanted, Array | Map | Struct | Vector):
            try:
                value = json.loads(value)
            except ValueError:
                raise ValueError(f"{value!r} is not a value of type {wanted}: write it as JSON") from None
    return from_json(value, wanted)


def check_rows(repo: Repo) -> Iterator[Diagnostic]:
    """Every cell that has another type than its column, in the tests of a repo without errors."""
    for test in repo.definitions.values():
        if isinstance(test, FeatureTest):
            try:
                found = columns_of(repo, test)
            except DiagnosticError:  # what stands in the way of compiling is said where it is compiled
                continue
            for source, rows in test.given:
                yield from _check(repo, test, rows, found.given[source], ("given", source))
            yield from _check(repo, test, test.spine, found.spine, ("spine",))
            yield from _check(repo, test, test.expect, {**found.spine, **found.expect}, ("expect",))


def _check(
    repo: Repo,
    test: FeatureTest,
    rows: Sequence[Mapping[str, object]],
    types: Mapping[str, Type],
    pointer: tuple[str, ...],
) -> Iterator[Diagnostic]:
    for place, row in enumerate(rows):
        for name, value in row.items():
            said = ""
            if name in types:
                try:
                    cell(value, types[name])
                except ValueError as error:
                    said = f"row {place + 1}: {name}: {error}"
            elif pointer == ("spine",):
                said = f"row {place + 1}: no feature needs {name!r} in the spine"
            elif pointer == ("expect",):
                hint = nearest(name, types)
                said = f"row {place + 1}: there is no feature {name!r}" + (f"; {hint}" if hint else "")
            if said:
                yield BAD_TEST.at(span_of(repo, test, *pointer, place, name), said, address=test.address)


def span_of(repo: Repo, test: FeatureTest, *pointer: str | int) -> Span:
    """Where a part of the test was written."""
    origin = repo.origins.get(test.address)
    return origin.value(*pointer) if origin is not None else NOWHERE
