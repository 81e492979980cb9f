"""Generated repos and data: every engine says what the oracle says, and irrelevant changes change nothing."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.oracle.cases import Case, agree, check
from tests.oracle.generate import INSTANTS, cases, stored_as

if TYPE_CHECKING:
    from tests.engines import Runner

EXPLORE = "ASOF_CASES" in os.environ
CASES = int(os.environ.get("ASOF_CASES", "150"))
"""Cases for each engine. The default run is the same every time and fails fast; with ASOF_CASES set it explores,
and shrinks what it finds (which takes minutes)."""


def thorough(share: float = 1) -> settings:
    return settings(
        max_examples=max(1, int(CASES * share)),
        deadline=None,
        database=None,
        derandomize=not EXPLORE,
        phases=(Phase.generate, Phase.shrink) if EXPLORE else (Phase.generate,),
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )


def zones(runner: Runner) -> bool:
    """Whether the engine knows time zones (SQLite has none: a source that names one is refused)."""
    return runner.dialect != "sqlite"


@thorough()
@given(data=st.data())
def test_training_rows_equal_the_oracles(engine: Runner, data: st.DataObject) -> None:
    check(engine, data.draw(cases(zones=zones(engine))))


@thorough(0.2)
@given(data=st.data(), seed=st.integers(0, 2**32))
def test_the_order_of_source_rows_changes_nothing(engine: Runner, data: st.DataObject, seed: int) -> None:
    case = data.draw(cases(zones=zones(engine)))
    shuffled = {name: Random(seed).sample(rows, len(rows)) for name, rows in case.rows_of.items()}
    agree(replace(case, rows_of=shuffled).rows(engine), case.rows(engine))


@thorough(0.2)
@given(data=st.data())
def test_duplicated_spine_rows_change_no_other_row(engine: Runner, data: st.DataObject) -> None:
    case = data.draw(cases(zones=zones(engine)))
    doubled = [row for row in case.spine for _ in range(2)]
    rows = replace(case, spine=doubled).rows(engine)
    agree(rows[::2], case.rows(engine))
    agree(rows[1::2], case.rows(engine))


@thorough(0.2)
@given(data=st.data())
def test_rows_after_the_last_question_change_nothing(engine: Runner, data: st.DataObject) -> None:
    case = data.draw(cases(zones=zones(engine)))
    future = max((row[1] for row in case.spine if isinstance(row[1], datetime)), default=INSTANTS[0])
    agree(later(case, future + timedelta(days=2)).rows(engine), case.rows(engine))


def later(case: Case, moment: datetime) -> Case:
    """The case with a copy of each source row that happens at ``moment``."""
    grown = {}
    for source in case.sources():
        at = [column.name for column in source.columns].index(source.timing.timestamp_field)
        kind = "zone" if source.timing.timezone else source.timing.timestamp_unit or str(source.columns[at].type)
        happens = stored_as(kind)[1](moment)
        rows = list(case.rows_of[source.name])
        grown[source.name] = rows + [(*row[:at], happens, *row[at + 1 :]) for row in rows]
    return replace(case, rows_of=grown)


@thorough(0.2)
@given(data=st.data())
def test_a_view_has_the_same_values_alone_and_among_others(engine: Runner, data: st.DataObject) -> None:
    case = data.draw(cases(zones=zones(engine)))
    together = case.rows(engine)
    for item in case.items:
        rows = replace(case, items=(item,)).rows(engine)
        agree(rows, [{name: row[name] for name in rows[0]} for row in together] if rows else [])


def test_the_generator_reaches_what_it_is_for() -> None:
    """Guards the guards: over the default cases, each feature of the language occurs with data behind it."""
    seen: set[str] = set()

    @settings(max_examples=150, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(cases())
    def look(case: Case) -> None:
        rows = case.expected()
        for row in rows:
            for name, value in row.items():
                if "__" in name and value is not None:
                    seen.add(name.split("__")[0] if "__a" not in name else "aggregation")
        for source in case.sources():
            seen.update({source.timing.visibility, source.timing.timezone, source.timing.timestamp_unit})

    look()
    wanted = {"view0", "role", "upper", "demand", "picked", "aggregation", "created", "Europe/Berlin", "seconds"}
    assert wanted <= seen, wanted - seen
