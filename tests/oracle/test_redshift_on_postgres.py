"""Redshift's statements on PostgreSQL, which is not Redshift: they keep to what both understand, and mean the same.

Whether Redshift itself takes them, its documentation and grammar must say: see docs/dialects/redshift.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlfluff.core import FluffConfig, Linter

from asof.compiler.dialects import DIALECTS
from tests.engines.postgres import Postgres
from tests.oracle.cases import Case, check
from tests.oracle.prove import prove
from tests.sql.test_golden import CASES, compiled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from asof.compiler.types import Type
    from tests.engines.base import Row

pytestmark = [pytest.mark.proof, pytest.mark.xdist_group("engine-postgres")]
REDSHIFT_ONLY = "enable_case_sensitive_identifier"
"""PostgreSQL knows no such setting: there quoted names always keep their case."""


class RedshiftOnPostgres(Postgres):
    dialect = "redshift"

    def run(self, sql: str, prologue: Sequence[str] = (), types: Sequence[Type] | None = None) -> list[Row]:
        return super().run(sql, [one for one in prologue if REDSHIFT_ONLY not in one], types)


@pytest.fixture(scope="module")
def runner(postgres_dsn: str) -> Iterator[RedshiftOnPostgres]:
    """PostgreSQL cuts names at 63 bytes, Redshift at 127: here the builder is told of the shorter ones."""
    made = RedshiftOnPostgres(postgres_dsn)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(DIALECTS["redshift"]), "identifier_length", 63)
        yield made
    made.connection.close()


def test_redshifts_statements_equal_the_oracle_on_postgres(runner: RedshiftOnPostgres) -> None:
    def body(engine: RedshiftOnPostgres, case: Case, _: int) -> None:
        check(engine, case)
        assert_only_redshifts(case.compiled("redshift").sql)

    prove(runner, body)


def test_redshifts_plain_form_equals_the_oracle_on_postgres(runner: RedshiftOnPostgres) -> None:
    def body(engine: RedshiftOnPostgres, case: Case, _: int) -> None:
        rows = case.rows(engine, latest="pairs")
        assert rows == case.rows(engine)

    prove(runner, body, 0.2)


def assert_only_redshifts(sql: str) -> None:
    """PostgreSQL would take these; Redshift does not."""
    for foreign in ("LATERAL", "MATERIALIZED", "\nRANGE ", " RANGE BETWEEN", "FILTER ("):
        assert foreign not in sql, f"{foreign} in {sql}"


@pytest.mark.parametrize("case", CASES)
def test_redshifts_grammar_accepts_it(case: str) -> None:
    made = Linter(config=FluffConfig(overrides={"dialect": "redshift"})).parse_string(compiled(case, "redshift").sql)
    assert made.violations == []
    assert not any("unparsable" in variant.tree.type_set() for variant in made.parsed_variants if variant.tree)


def test_what_redshift_cannot_do_is_said() -> None:
    assert {"by", "histogram", "last_n", "percentiles"} <= DIALECTS["redshift"].unsupported.keys()
