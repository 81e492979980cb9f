"""Every statement of every dialect is read by grammars that are not sqlglot's, which refuse what they must."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from asof.compiler.dialects import DIALECTS
from asof.compiler.materialize import materialize_query
from tests.golden import ROOT
from tests.grammars import GRAMMARS, complaints
from tests.grammars.gaps import GAPS
from tests.grammars.refused import EVERYWHERE, NEIGHBOURS
from tests.oracle.generate import cases
from tests.oracle.prove import CASES, EXPLORE
from tests.sql.repos import EARNINGS, LAST_RIDE, TAXI

if TYPE_CHECKING:
    from pathlib import Path

    from asof.compiler.model import FeatureView
    from tests.grammars.gaps import Gap
    from tests.oracle.cases import Case

SHARE = 0.04
"""Of the generated cases: sqlfluff takes half a second for a statement."""
GOLDENS = sorted((ROOT / "sql" / "golden").glob("*.sql"))
REPOS = ROOT / "repos" / "golden"
OF_REPOS = sorted(REPOS.rglob("*.sql"))
WAREHOUSES = {"driver_stats_snowflake": "snowflake", "credit_scoring": "redshift", "fraud_detection": "bigquery"}
"""Example repo -> the dialect it compiles to, where that is not duckdb's."""
EVERY = sorted(GRAMMARS)


def test_every_dialect_has_a_grammar() -> None:
    assert DIALECTS.keys() <= GRAMMARS.keys() == NEIGHBOURS.keys()


def test_every_dialect_has_goldens() -> None:
    assert {path.name.split(".")[-2] for path in GOLDENS} == DIALECTS.keys()


@pytest.mark.proof
@pytest.mark.parametrize("path", GOLDENS, ids=lambda path: path.stem)
def test_the_grammars_accept_every_golden(path: Path) -> None:
    assert complaints(path.name.split(".")[-2], path.read_text(encoding="utf-8")) == {}


@pytest.mark.proof
@pytest.mark.parametrize("path", OF_REPOS, ids=lambda path: str(path.relative_to(REPOS)))
def test_the_grammars_accept_what_the_example_repos_compile_to(path: Path) -> None:
    dialect = WAREHOUSES.get(path.relative_to(REPOS).parts[0], "duckdb")
    assert complaints(dialect, path.read_text(encoding="utf-8")) == {}


@pytest.mark.proof
@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_the_grammars_accept_what_is_generated(dialect: str) -> None:
    """Names hold quotes, spaces, semicolons and letters of other alphabets; each strategy in turn."""
    strategies = DIALECTS[dialect].strategies
    seen = 0

    @settings(
        max_examples=max(1, int(CASES * SHARE)),
        deadline=None,
        database=None,
        derandomize=not EXPLORE,
        phases=(Phase.generate, Phase.shrink) if EXPLORE else (Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases(without=DIALECTS[dialect].unsupported))
    def over(case: Case) -> None:
        nonlocal seen
        query = case.compiled(dialect, strategies[seen % len(strategies)])
        seen += 1
        for statement in (*query.prologue, query.sql):
            assert complaints(dialect, statement) == {}, statement

    over()
    assert seen


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
@pytest.mark.parametrize("view", [LAST_RIDE, EARNINGS], ids=lambda view: view.name)
def test_the_grammars_accept_the_parameter_of_a_materialization(view: FeatureView, dialect: str) -> None:
    made = materialize_query(TAXI, view, target="local", dialect=dialect, as_of=None)
    assert made.query is not None
    assert complaints(dialect, made.query.sql) == {}


@pytest.mark.parametrize("dialect", EVERY)
@pytest.mark.parametrize("wrong", EVERYWHERE)
def test_each_grammar_refuses_what_is_wrong_everywhere(dialect: str, wrong: str) -> None:
    lenient = [name for name, judge in GRAMMARS[dialect].items() if not judge(EVERYWHERE[wrong])]
    assert lenient == []


@pytest.mark.parametrize(
    ("dialect", "foreign"), [(dialect, sql) for dialect in EVERY for sql in NEIGHBOURS[dialect]], ids=str
)
def test_the_syntax_of_neighbours_is_refused(dialect: str, foreign: str) -> None:
    assert complaints(dialect, foreign)


@pytest.mark.parametrize("dialect", EVERY)
def test_each_grammar_accepts_a_plain_statement(dialect: str) -> None:
    plain = "WITH a AS (SELECT 1 AS b) SELECT b, ROW_NUMBER() OVER (PARTITION BY b ORDER BY b) AS c FROM a"
    assert complaints(dialect, plain) == {}


@pytest.mark.parametrize("gap", GAPS, ids=lambda gap: f"{gap.grammar} {gap.dialect} {gap.pattern}")
def test_each_gap_is_still_there_and_its_stand_in_fills_it(gap: Gap) -> None:
    judge = GRAMMARS[gap.dialect][gap.grammar]
    assert judge(gap.example), "the grammar has learned it: remove the gap"
    stand_in = re.sub(gap.pattern, gap.stand_in, gap.example)
    assert judge(stand_in) == []
    assert len(gap.reason) > 20
