"""Large services: 200 views and 2,000 features, in one statement or in stages, equal to each view asked alone."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import sqlglot

from asof.compiler.certificate import Certificate, Claim, Leak, certify
from asof.compiler.dialects import DIALECTS
from asof.compiler.duration import Duration
from asof.compiler.model import Aggregation, Column, DataSource, Entity, FeatureView, ServiceItem, Timing, Window
from asof.compiler.pit import SpineSpec, TrainingRequest, training_query
from asof.compiler.types import FLOAT64, INT64, TIMESTAMP
from tests.oracle.cases import Case, agree, repo, table
from tests.oracle.prove import prove

if TYPE_CHECKING:
    from asof.compiler.emit import Compiled
    from tests.engines import Runner

NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)
LATEST, WINDOWS = 6, 4
"""Features of a view: latest values, and windows of one sum."""


def service(views: int) -> Case:
    """``views`` views of ten features each, over five sources, for seven rows of a spine."""
    entity = Entity(name="driver", join_keys=(Column(name="driver", type=INT64),))
    values = tuple(Column(name=f"v{number}", type=FLOAT64) for number in range(LATEST))
    columns = (Column(name="driver", type=INT64), Column(name="at", type=TIMESTAMP), Column(name="n", type=INT64))
    sources = [
        DataSource(
            name=f"source{number}",
            location=table(f"source{number}"),
            columns=columns + values,
            timing=Timing(timestamp_field="at", unique=("n",)),
        )
        for number in range(5)
    ]
    lengths = tuple(Window(length=Duration(days * 86_400_000_000)) for days in range(1, WINDOWS + 1))
    made = [
        FeatureView(
            name=f"view{number}",
            entities=("driver",),
            source=f"source{number % 5}",
            schema=values,
            ttl=Duration((number + 1) * 3_600_000_000),
            aggregations=(Aggregation(function="sum", column="n", windows=lengths),),
        )
        for number in range(views)
    ]
    rows = [
        (number % 3, NOON - timedelta(hours=number), number, *(number / (place + 1) for place in range(LATEST)))
        for number in range(40)
    ]
    spine = [(number % 4, NOON - timedelta(hours=5 * number)) for number in range(7)]
    return Case(
        definitions=[entity, *sources, *made],
        rows_of={source.name: rows[place:] for place, source in enumerate(sources)},
        spine_columns=[("driver", INT64), ("event_timestamp", TIMESTAMP)],
        spine=spine,
        items=[ServiceItem(view=view.name) for view in made],
        full_feature_names=True,
    )


SIZES = {"duckdb": 200, "sqlite": 199, "postgres": 160}
"""SQLite gives back 2,000 columns and the spine has two; PostgreSQL gives back 1,664."""


@pytest.mark.proof
@pytest.mark.parametrize("dialect", SIZES)
def test_a_service_of_200_views_equals_its_views_asked_alone(
    dialect: str, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    runner: Runner = request.getfixturevalue(f"{dialect}_runner")
    case = service(SIZES[dialect])
    begun = time.perf_counter()
    query = case.compiled(dialect)
    compiled = time.perf_counter() - begun
    begun = time.perf_counter()
    together = case.rows(runner)
    ran = time.perf_counter() - begun
    sizes = [len(text.encode()) for text in (*query.stages, query.sql)]
    with capsys.disabled():
        print(
            f"\n{dialect}: {len(query.columns)} columns, compiled in {compiled:.1f} s, compiled and run in {ran:.1f} s;"
            f" {len(query.stages) // 2} stages, longest statement {max(sizes):,} bytes of {sum(sizes):,}"
        )
    limit = DIALECTS[dialect].max_statement_bytes
    assert limit is None or max(sizes) <= limit
    for item in case.items:
        alone = replace(case, items=(item,)).rows(runner)
        agree(alone, [{name: row[name] for name in alone[0]} for row in together])
    assert any(value is not None for name, value in together[0].items() if name.startswith("view0__"))


def test_sqlite_needs_stages_and_each_is_certified() -> None:
    query = service(199).compiled("sqlite")
    assert len(query.stages) > 4
    tables = [name for name, _ in query.stage_certificates]
    assert len(tables) + 1 == len(query.stages) // 2
    covered = {rows for _, certificate in query.stage_certificates for rows, _ in certificate.paths}
    assert covered == {f"view{number}_rows" for number in range(199)}
    assert query.text.index(query.stages[-1]) < query.text.index(query.sql)


LIMITS = {
    "joins": {"max_joins": 6},
    "columns of a table": {"max_table_columns": 2, "max_statement_bytes": 7_000},
    "bytes": {"max_statement_bytes": 7_000},
}


STAGED = [(dialect, limit) for dialect in ("duckdb", "postgres", "sqlite") for limit in LIMITS]


@pytest.mark.parametrize(("dialect", "limit"), [*STAGED, ("clickhouse", "bytes")])
def test_staged_equals_the_oracle(
    dialect: str, limit: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Limits so small that generated cases need stages, on the engines whose stages can run here."""
    engine: Runner = request.getfixturevalue(f"{dialect}_runner")
    staged = 0

    def body(runner: Runner, case: Case, _: int) -> None:
        nonlocal staged
        query = case.compiled(runner.dialect)
        staged += bool(query.stages)
        agree(case.rows(runner), case.expected())

    for name, value in LIMITS[limit].items():
        monkeypatch.setattr(DIALECTS[dialect], name, value, raising=False)
    prove(engine, body, 0.2)
    assert staged


def compiled(dialect: str, views: int) -> Compiled:
    case = service(views)
    spine = SpineSpec(relation="asked", columns=("driver", "event_timestamp"), timestamp="event_timestamp")
    request = TrainingRequest(items=tuple(case.items), full_feature_names=True, spine=spine)
    return training_query(repo(*case.definitions), request, target=dialect, dialect=dialect)


@pytest.mark.parametrize(("dialect", "views"), [("sqlite", 200), ("postgres", 167), ("redshift", 160)])
def test_too_many_columns_name_the_way_out(dialect: str, views: int) -> None:
    made = compiled(dialect, views)
    assert made.query is None
    assert [diagnostic.code for diagnostic in made.diagnostics] == ["AS514"]
    assert "split the service" in made.diagnostics[0].notes[0]


def test_an_engine_without_temporary_tables_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DIALECTS["duckdb"], "temporary", "none", raising=False)
    monkeypatch.setattr(DIALECTS["duckdb"], "max_statement_bytes", 9_000, raising=False)
    made = compiled("duckdb", 5)
    assert [diagnostic.code for diagnostic in made.diagnostics] == ["AS514"]


def test_stages_of_tsql_are_hash_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DIALECTS["tsql"], "max_statement_bytes", 9_000, raising=False)
    query = compiled("tsql", 5).query
    assert query is not None
    assert query.stages[0] == "DROP TABLE IF EXISTS [#asof_stage_spine]"
    assert "INTO [#asof_stage_spine]" in query.stages[1]
    assert "FROM [#asof_stage_spine]" in query.stages[3]


def test_a_last_statement_that_mixes_rows_of_stages_is_refused() -> None:
    def proof(sql: str) -> Certificate | Leak:
        claim = Claim(spine="spine", row="_row", instant="_at", sources={}, stages=frozenset({"stage"}))
        tree = sqlglot.parse_one(sql, read="duckdb")
        return certify(tree, claim)  # type: ignore[arg-type]

    spine = (
        'WITH "spine" AS (SELECT * FROM "numbered") SELECT "spine"."k", "stage"."f" FROM "spine" LEFT JOIN "stage" ON '
    )
    assert isinstance(proof(f'{spine} "stage"."_row" = "spine"."_row"'), Certificate)
    assert isinstance(proof(f'{spine} "stage"."_row" <= "spine"."_row"'), Leak)
    assert isinstance(proof(f'{spine} "stage"."k" = "spine"."k"'), Leak)
    assert isinstance(proof(spine.replace('"stage" ON ', '"other" ON "other"."_row" = "spine"."_row"')), Leak)
