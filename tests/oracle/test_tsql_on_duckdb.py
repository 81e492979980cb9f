"""T-SQL's statements, transpiled by sqlglot and run on DuckDB, which is not SQL Server: they mean what the oracle says.

That SQL Server takes them as they stand, a grammar that is not sqlglot's must say, and documentation beyond it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlglot
from sqlfluff.core import FluffConfig, Linter
from sqlglot import exp

from asof.compiler.dialects import DIALECTS
from asof.compiler.types import BOOL
from tests.engines.duckdb import DuckDB
from tests.engines.transpiled import Transpiled
from tests.oracle.cases import Case, agree, check
from tests.oracle.prove import CASES as MANY
from tests.oracle.prove import prove
from tests.sql.test_golden import CASES, compiled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from asof.compiler.types import Type
    from tests.engines.base import Row

MACROS = (
    "CREATE MACRO varp(x) AS var_pop(x)",
    "CREATE MACRO var(x) AS var_samp(x)",
    "CREATE MACRO stdevp(x) AS stddev_pop(x)",
)


FOREIGN = ("LATERAL", "MATERIALIZED", " NULLS ", "INTERVAL '", "WINDOW [", "LIMIT ", " IS TRUE")
"""Other dialects' words, some of which sqlfluff's grammar lets pass."""


class TSQLOnDuckDB(Transpiled):
    """DuckDB compares text by code point anyway, and has neither that collation nor VARCHAR(MAX)."""

    def __init__(self) -> None:
        super().__init__("tsql", MACROS)

    def run(self, sql: str, prologue: Sequence[str] = (), types: Sequence[Type] | None = None) -> list[Row]:
        tree = sqlglot.parse_one(sql, read="tsql").transform(_as_duckdbs)
        return DuckDB.run(self, tree.sql(dialect="duckdb"), ("SET TimeZone = 'UTC'",), types)


def _as_duckdbs(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.DataType):
        node.set("expressions", [one for one in node.expressions if one.name.upper() != "MAX"])
        if node.this == exp.DType.BIT:
            node.set("this", exp.DType.BOOLEAN)
        if node.this == exp.DType.FLOAT:
            # FLOAT has 64 bits in T-SQL; sqlglot takes it for the FLOAT of 32 bits.
            node.set("this", exp.DType.DOUBLE)
    if isinstance(node, exp.Join) and isinstance(node.this, exp.Lateral):
        node.set("on", exp.true())
        node.this.set("cross_apply", None)
    if isinstance(node, exp.Div) and node.expression.name in ("86400000000", "1000000"):
        # Whole numbers divide as such in T-SQL; sqlglot would divide them as floats and round.
        return exp.IntDiv(this=node.this.transform(_as_duckdbs), expression=node.expression)
    return node.this.transform(_as_duckdbs) if isinstance(node, exp.Collate) else node


@pytest.fixture(scope="module")
def runner() -> Iterator[TSQLOnDuckDB]:
    made = TSQLOnDuckDB()
    yield made
    made.connection.close()


@pytest.mark.proof
def test_tsqls_statements_transpiled_to_duckdb_equal_the_oracle(runner: TSQLOnDuckDB) -> None:
    prove(runner, lambda engine, case, _: check(engine, case))


@pytest.mark.proof
@pytest.mark.parametrize("strategy", ["frame", "pairs"])
def test_its_other_strategies_transpiled_to_duckdb_equal_the_oracle(runner: TSQLOnDuckDB, strategy: str) -> None:
    def body(engine: TSQLOnDuckDB, case: Case, _: int) -> None:
        agree(case.rows(engine, latest=strategy), case.expected())  # type: ignore[arg-type]

    prove(runner, body, 0.2)


def accepted(sql: str) -> bool:
    """By sqlfluff's grammar of T-SQL."""
    made = Linter(config=FluffConfig(overrides={"dialect": "tsql"})).parse_string(sql)
    whole = all("unparsable" not in found.tree.type_set() for found in made.parsed_variants if found.tree)
    return whole and not made.violations


@pytest.mark.parametrize("case", CASES)
def test_the_grammar_of_tsql_accepts_it(case: str) -> None:
    assert accepted(compiled(case, "tsql").sql)


@pytest.mark.proof
def test_the_grammar_of_tsql_accepts_what_is_generated(runner: TSQLOnDuckDB) -> None:
    def body(_: TSQLOnDuckDB, case: Case, __: int) -> None:
        for strategy in DIALECTS["tsql"].strategies:
            sql = case.compiled("tsql", strategy).sql
            assert accepted(sql), sql
            assert not any(word in sql for word in FOREIGN), sql

    prove(runner, body, 10 / MANY)


@pytest.mark.parametrize(
    "foreign",
    [
        "SELECT a FROM t LIMIT 1",
        "WITH a AS MATERIALIZED (SELECT 1 AS b) SELECT b FROM a",
    ],
)
def test_the_grammar_of_tsql_refuses_what_tsql_lacks(foreign: str) -> None:
    assert not accepted(foreign)


def test_a_condition_becomes_a_bit_by_case() -> None:
    condition = exp.GT(this=exp.column("a", quoted=True), expression=exp.Literal.number(1))
    written = DIALECTS["tsql"].written(DIALECTS["tsql"].cast(condition, BOOL))
    assert written.sql("tsql") == "CAST(CASE WHEN [a] > 1 THEN 1 WHEN NOT ([a] > 1) THEN 0 END AS BIT)"
    assert accepted(f"SELECT {written.sql('tsql')} AS x FROM t")


def test_text_beyond_ascii_is_national_and_parameters_have_an_at() -> None:
    dialect = DIALECTS["tsql"]
    assert dialect.written(exp.Literal.string("ключ")).sql("tsql") == "N'ключ'"
    assert dialect.written(exp.Placeholder(this="as_of")).sql("tsql") == "@as_of"
