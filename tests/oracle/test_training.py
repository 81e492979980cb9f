"""Generated repos and data: every engine says what the oracle says, and irrelevant changes change nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings

from asof.compiler.dialects import DIALECTS
from tests.oracle.cases import Case, agree, check
from tests.oracle.generate import INSTANTS, cases, stored_as
from tests.oracle.prove import prove

if TYPE_CHECKING:
    from tests.engines import Runner


def test_training_rows_equal_the_oracles(engine: Runner) -> None:
    prove(engine, lambda runner, case, _: check(runner, case))


def test_every_strategy_gives_the_same_rows(engine: Runner) -> None:
    """The dialect's other ways to the latest value, the plain form among them, and to windows."""
    strategies = DIALECTS[engine.dialect].strategies

    def body(runner: Runner, case: Case, seed: int) -> None:
        agree(case.rows(runner, latest=strategies[seed % len(strategies)], windows="pairs"), case.expected())

    prove(engine, body, 0.3)


def test_the_order_of_source_rows_changes_nothing(engine: Runner) -> None:
    def body(runner: Runner, case: Case, seed: int) -> None:
        shuffled = {name: Random(seed).sample(rows, len(rows)) for name, rows in case.rows_of.items()}
        agree(replace(case, rows_of=shuffled).rows(runner), case.rows(runner))

    prove(engine, body, 0.2)


def test_duplicated_spine_rows_change_no_other_row(engine: Runner) -> None:
    def body(runner: Runner, case: Case, _: int) -> None:
        rows = replace(case, spine=[row for row in case.spine for _ in range(2)]).rows(runner)
        agree(rows[::2], case.rows(runner))
        agree(rows[1::2], case.rows(runner))

    prove(engine, body, 0.2)


def test_rows_after_the_last_question_change_nothing(engine: Runner) -> None:
    def body(runner: Runner, case: Case, _: int) -> None:
        future = max((row[1] for row in case.spine if isinstance(row[1], datetime)), default=INSTANTS[0])
        agree(later(case, future + timedelta(days=2)).rows(runner), case.rows(runner))

    prove(engine, body, 0.2)


def test_a_view_has_the_same_values_alone_and_among_others(engine: Runner) -> None:
    def body(runner: Runner, case: Case, _: int) -> None:
        together = case.rows(runner)
        for item in case.items:
            rows = replace(case, items=(item,)).rows(runner)
            agree(rows, [{name: row[name] for name in rows[0]} for row in together] if rows else [])

    prove(engine, body, 0.2)


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


def test_the_generator_reaches_what_it_is_for() -> None:
    """Guards the guards: over the default cases, each feature of the language occurs with data behind it."""
    seen: set[str] = set()

    @settings(max_examples=400, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
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
