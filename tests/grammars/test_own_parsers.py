"""The parsers of the engines themselves read every golden and generated statement, and refuse what they must."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from asof.compiler.dialects import DIALECTS
from tests.grammars.refused import EVERYWHERE, NEIGHBOURS
from tests.oracle.prove import prove
from tests.sql.test_golden import CASES, compiled, over_files

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.oracle.cases import Case

PARSERS = ("bigquery", "clickhouse", "spark")
LENIENT = {
    ("bigquery", "LATERAL"): "GoogleSQL's parser reads it; the analyzer, with BigQuery's features, refuses it",
    ("clickhouse", "MATERIALIZED"): "ClickHouse reads the word and inlines the table all the same",
    ("spark", "SELECT a FROM t WHERE"): "WHERE at the end is an alias: Spark reserves no words by default",
}
"""(Dialect, what is in the statement) -> why its own parser takes what other grammars refuse."""


def bigquery(runner: Any) -> Callable[[str], list[str]]:
    from zetasql.api import Parser
    from zetasql.core.exceptions import ServerError

    parser = Parser(runner.language)

    def complaints(sql: str) -> list[str]:
        try:
            parser.parse_statement(sql)
        except ServerError as error:
            return [str(error)]
        return []

    return complaints


def clickhouse(runner: Any) -> Callable[[str], list[str]]:
    def complaints(sql: str) -> list[str]:
        try:
            runner.session.query(f"EXPLAIN AST {sql}")
        except RuntimeError as error:
            return [str(error)]
        return []

    return complaints


def spark(runner: Any) -> Callable[[str], list[str]]:
    from pyspark.errors import ParseException

    parser = runner.session._jsparkSession.sessionState().sqlParser()

    def complaints(sql: str) -> list[str]:
        try:
            parser.parsePlan(sql)
        except ParseException as error:
            return [str(error)]
        return []

    return complaints


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.xdist_group(f"engine-{name}")) for name in PARSERS])
def own(request: pytest.FixtureRequest) -> tuple[str, Any, Callable[[str], list[str]]]:
    """A dialect, its engine, and what the engine's parser complains of."""
    runner = request.getfixturevalue(f"{request.param}_runner")
    make = {"bigquery": bigquery, "clickhouse": clickhouse, "spark": spark}[request.param]
    return request.param, runner, make(runner)


def test_it_reads_the_goldens(own: tuple[str, Any, Callable[[str], list[str]]]) -> None:
    dialect, _, complaints = own
    for case in CASES:
        assert complaints(compiled(case, dialect).sql) == []


def test_it_reads_statements_over_objects_of_buckets_which_are_not_run_here(
    own: tuple[str, Any, Callable[[str], list[str]]],
) -> None:
    """All that is proven of Spark over s3:// or s3a://; tests/oracle/test_buckets.py has the engines that run them."""
    dialect, _, complaints = own
    if DIALECTS[dialect].reads_files:
        assert complaints(over_files(dialect).sql) == []


@pytest.mark.proof
def test_it_reads_what_is_generated(own: tuple[str, Any, Callable[[str], list[str]]]) -> None:
    dialect, runner, complaints = own
    strategies = DIALECTS[dialect].strategies

    def body(_: Any, case: Case, seed: int) -> None:
        query = case.compiled(dialect, strategies[seed % len(strategies)])
        if dialect == "spark":
            for statement in query.prologue:
                runner.session.sql(statement)  # the parser reads ASOF joins where they are switched on
        assert complaints(query.sql) == [], query.sql

    prove(runner, body, 2)


def test_it_refuses_what_is_wrong(own: tuple[str, Any, Callable[[str], list[str]]]) -> None:
    """All of the negative corpus but what is listed as lenient; and that is still read."""
    dialect, _, complaints = own
    for wrong in (*EVERYWHERE.values(), *NEIGHBOURS[dialect]):
        lenient = any(dialect == name and part in wrong and _whole(part, wrong) for name, part in LENIENT)
        assert (complaints(wrong) == []) is lenient, wrong


def _whole(part: str, wrong: str) -> bool:
    """Where the part is a statement it is the whole of it."""
    return not part.startswith("SELECT") or part == wrong
