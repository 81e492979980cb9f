"""Approximate functions keep the error that their dialect states, on data where an exact answer is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from asof.compiler.dialects import DIALECTS
from asof.compiler.model import Aggregation, Column, DataSource, Entity, FeatureView, ServiceItem, Timing, Window
from asof.compiler.types import FLOAT64, INT64, TIMESTAMP
from tests.oracle.cases import Case, table

if TYPE_CHECKING:
    from tests.engines import Runner

pytestmark = pytest.mark.proof

NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)
DISTINCT, ROWS = 1_000, 2_000
PERCENTILES = (0.1, 0.5, 0.99)
UNMEASURED = {"bigquery": ("approx_count_distinct",)}
"""BigQuery's evaluator parses APPROX_COUNT_DISTINCT and cannot compute it."""
CUSTOMER = Entity(name="customer", join_keys=(Column(name="customer", type=INT64),))
VISITS = DataSource(
    name="visits",
    location=table("visits"),
    columns=(
        Column(name="customer", type=INT64),
        Column(name="at", type=TIMESTAMP),
        Column(name="page", type=INT64),
        Column(name="seconds", type=FLOAT64),
    ),
    timing=Timing(timestamp_field="at"),
)


def test_approximations_keep_the_error_that_they_state(engine: Runner) -> None:
    dialect = DIALECTS[engine.dialect]
    wanted = [
        Aggregation(function="approx_count_distinct", name="pages", column="page", windows=(Window(),)),
        *(
            Aggregation(
                function="approx_percentile",
                name=f"p{p * 100:.0f}",
                column="seconds",
                percentiles=(p,),
                windows=(Window(),),
            )
            for p in PERCENTILES
        ),
    ]
    refused = {*dialect.unsupported, *UNMEASURED.get(engine.dialect, ())}
    aggregations = tuple(one for one in wanted if one.function not in refused)
    view = FeatureView(name="habits", entities=("customer",), source="visits", aggregations=aggregations)
    rows = [(1, NOON - timedelta(seconds=n + 1), n % DISTINCT, float(n * 7919 % ROWS)) for n in range(ROWS)]
    case = Case(
        definitions=(CUSTOMER, VISITS, view),
        rows_of={"visits": rows},
        spine_columns=(("customer", INT64), ("event_timestamp", TIMESTAMP)),
        spine=((1, NOON), (2, NOON)),
        items=(ServiceItem(view="habits"),),
    )
    found, nobody = case.rows(engine)
    for one in aggregations:
        value, none = found[f"{one.name}_lifetime"], nobody[f"{one.name}_lifetime"]
        error = dialect.approximations.get(one.function, 0)
        if one.function == "approx_count_distinct":
            assert isinstance(value, int)
            assert abs(value - DISTINCT) <= DISTINCT * error
            assert none == 0
        else:
            assert isinstance(value, float)
            assert abs(value / (ROWS - 1) - one.percentiles[0]) <= max(error, 1e-9) + 1 / ROWS * bool(error)
            assert none is None


SAMPLES = {"duckdb": (200, 20_000, 1_000), "clickhouse": (40, 300_000, 1_000)}
"""Dialect -> samples, values of each to count, and ranks of each to look for."""
MEASURED = {
    "duckdb": (
        "SELECT abs(approx_count_distinct(hash(g, i)) - {n}) / {n}.0 FROM range({samples}) AS a(g), range({n}) AS b(i)"
        " GROUP BY g",
        "SELECT abs(sum(CAST(x <= q AS INT)) / {n}.0 - 0.5) FROM (SELECT x, g, approx_quantile(x, 0.5) OVER"
        " (PARTITION BY g) AS q FROM (SELECT g, hash(g, i) % 1000000007 AS x FROM range({samples}) AS a(g),"
        " range({n}) AS b(i))) GROUP BY g",
    ),
    "clickhouse": (
        "SELECT abs(uniq(cityHash64(g, i)) - {n}) / {n} FROM (SELECT number % {samples} AS g,"
        " intDiv(number, {samples}) AS i FROM numbers({samples} * {n})) GROUP BY g",
        "SELECT abs(sum(x <= q) / {n} - 0.5) FROM (SELECT x, g, quantileTDigest(0.5)(x) OVER (PARTITION BY g) AS q"
        " FROM (SELECT number % {samples} AS g, sipHash64(number) % 1000000007 AS x FROM numbers({samples} * {n})))"
        " GROUP BY g",
    ),
}


@pytest.mark.parametrize("dialect", sorted(SAMPLES))
def test_the_stated_error_is_kept_and_not_loose(dialect: str, request: pytest.FixtureRequest) -> None:
    """95 samples in 100 keep it; a third of it would be broken."""
    runner = request.getfixturevalue(f"{dialect}_runner")
    samples, *sizes = SAMPLES[dialect]
    functions = ("approx_count_distinct", "approx_percentile")
    for function, size, sql in zip(functions, sizes, MEASURED[dialect], strict=True):
        found = sorted(row[0] for row in runner.run(sql.format(n=size, samples=samples)))
        stated = DIALECTS[dialect].approximations[function]
        seen = found[int(len(found) * 0.95)]
        assert stated / 3 <= seen <= stated, f"{function}: {seen}"
