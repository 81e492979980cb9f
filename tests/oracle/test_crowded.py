"""Every function over many rows of few keys equals the oracle; and the generator does show each function at work."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hypothesis import given

from tests.oracle.cases import Case, check
from tests.oracle.crowded import VALUES, crowded
from tests.oracle.generate import FUNCTIONS, TAKE_N
from tests.oracle.prove import prove, thorough

if TYPE_CHECKING:
    from tests.engines import Runner

ENOUGH = 10


def test_functions_of_crowded_rows_equal_the_oracles(engine: Runner) -> None:
    prove(engine, lambda runner, case, _: check(runner, case), drawn=crowded)


def test_crowded_rows_show_every_function_at_work() -> None:
    """Values of each function that are neither NULL nor of one row alone."""
    seen: Counter[str] = Counter()

    @thorough()
    @given(case=crowded())
    def count(case: Case) -> None:
        (view,) = (d for d in case.definitions if d.kind == "FeatureView")
        function = {f"{a.name}": a.function for a in view.aggregations}
        for row in case.expected():
            for name, value in row.items():
                made = function.get(name.split("_")[0])
                several = len(set(map(str, value))) > 1 if isinstance(value, list | dict) else value is not None
                if made is not None and several:
                    seen[made] += 1

    count()
    wanted = {f for kind, _ in VALUES.values() for f in FUNCTIONS[kind]}
    assert set(TAKE_N) <= wanted
    assert not {f: seen[f] for f in wanted if seen[f] < ENOUGH}
