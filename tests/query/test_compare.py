"""Two queries are called harmless only where that is proven."""

from __future__ import annotations

import pytest

from asof.compiler.query import canonical_sql, compare, parse
from asof.compiler.query.edits import Edit, EditGroup, edits
from tests.query.random_queries import SCHEMA

CASES = [
    ("SELECT k, a FROM t", "select  k,a from t -- x", "equivalent"),
    ("SELECT k, a FROM t", "SELECT x.a, (x.k) AS k FROM t AS x", "equivalent"),
    ("SELECT k FROM t WHERE a > 1 AND b = 2", "SELECT k FROM t WHERE 2 = b AND 1 < a", "equivalent"),
    ("WITH c AS (SELECT k, a FROM t) SELECT k FROM c", "SELECT k FROM (SELECT k, a, f FROM t) AS z", "equivalent"),
    ("SELECT k, count(*) AS n FROM t GROUP BY 1", "SELECT k, count(*) AS n FROM t GROUP BY k", "equivalent"),
    ("SELECT k, a FROM t", "SELECT k, f, a FROM t", "additive"),
    ("SELECT k FROM t", "SELECT k, TRY_CAST(s AS INT) AS n FROM t", "additive"),
    ("SELECT k FROM t", "SELECT k, count(*) OVER (PARTITION BY a) AS n FROM t", "additive"),
    ("SELECT k, sum(a) AS s FROM t GROUP BY k", "SELECT k, sum(a) AS s, max(f) AS m FROM t GROUP BY k", "additive"),
    ("WITH c AS (SELECT k FROM t) SELECT k FROM c", "WITH c AS (SELECT k, f FROM t) SELECT k, f FROM c", "additive"),
    ("SELECT DISTINCT k FROM t", "SELECT DISTINCT k, a FROM t", "unproven"),
    ("SELECT k FROM t UNION SELECT k FROM u", "SELECT k, 1 AS o FROM t UNION SELECT k, 1 AS o FROM u", "unproven"),
    ("SELECT k FROM t LIMIT 2", "SELECT k, a FROM t LIMIT 2", "unproven"),
    ("SELECT k FROM t", "SELECT k, unnest([1, 2]) AS n FROM t", "unproven"),
    ("SELECT k FROM t", "SELECT k, max(a) AS m FROM t", "unproven"),
    ("SELECT k FROM t", "SELECT k, max(a) AS m, min(a) AS n FROM t", "unproven"),
    ("SELECT k FROM t", "SELECT k, CAST(s AS INT) AS n FROM t", "unproven"),
    ("SELECT k FROM t", "SELECT k, a // b AS n FROM t", "unproven"),
    ("SELECT k FROM t", "SELECT k, random() AS r FROM t", "unproven"),
    ("SELECT k, a FROM t ORDER BY 1", "SELECT k, a FROM t ORDER BY 0", "unproven"),
    ("SELECT k, count(*) AS n FROM t GROUP BY 1", "SELECT a, k, count(*) AS n FROM t GROUP BY 1, 2", "unproven"),
    (
        "SELECT k FROM t QUALIFY rank() OVER (ORDER BY a) = 1",
        "SELECT k, f FROM t QUALIFY rank() OVER (ORDER BY a) = 1",
        "unproven",
    ),
    ("SELECT k FROM t WHERE a > 1", "SELECT k FROM t WHERE a >= 1", "unproven"),
    ("SELECT k, a FROM t", "SELECT k FROM t", "unproven"),
    ("SELECT k FROM t", "SELECT k FROM", "unproven"),
]


@pytest.mark.parametrize(("old", "new", "kind"), CASES)
def test_the_verdict(old: str, new: str, kind: str) -> None:
    found = compare(old, new, SCHEMA.get, "duckdb")
    assert (found.kind, bool(found.reasons)) == (kind, True)


def test_a_new_column_that_orders_rows_is_not_merely_additive() -> None:
    old, new = "SELECT k FROM t", "SELECT k, ts FROM t"
    assert compare(old, new, SCHEMA.get, "duckdb").kind == "additive"
    assert compare(old, new, SCHEMA.get, "duckdb", ("ts",)).kind == "unproven"


def test_edits_are_told_by_group() -> None:
    found = compare("SELECT k, a FROM t", "SELECT k, b AS a, f FROM t WHERE a > 1", SCHEMA.get, "duckdb")
    assert found.edits == (
        Edit(group=EditGroup.ROWS, text="rows must also meet a condition", new="a > 1"),
        Edit(group=EditGroup.VALUES, text="a is computed otherwise", old="a", new="b"),
        Edit(group=EditGroup.PROJECTION, text="f is added", new="f"),
    )


EDITS = [
    (
        "SELECT k FROM t WHERE a > 1 AND b = 2",
        "SELECT k FROM t WHERE b = 2 AND a > 3",
        "rows: rows meet another condition",
        "a > 1",
        "a > 3",
    ),
    (
        "SELECT DISTINCT k FROM t",
        "SELECT k FROM t",
        "rows: repeated rows stay",
        "",
        "",
    ),
    (
        "SELECT k FROM t GROUP BY k",
        "SELECT k FROM t GROUP BY k, a",
        "rows: rows are grouped by something else",
        "GROUP BY k",
        "GROUP BY k, a",
    ),
    (
        "SELECT t.k FROM t",
        "SELECT t.k FROM t JOIN u ON u.k = t.k",
        "joins: the join of u is new",
        "",
        "JOIN u ON u.k = t.k",
    ),
    (
        "SELECT k FROM t",
        "SELECT k FROM u",
        "joins: rows are read from something else",
        "t",
        "u",
    ),
    (
        "SELECT sum(a) OVER (ORDER BY k) AS s FROM t",
        "SELECT sum(a) OVER () AS s FROM t",
        "windows: s is computed otherwise",
        "SUM(a) OVER (ORDER BY k)",
        "SUM(a) OVER ()",
    ),
    (
        "SELECT k, a FROM t",
        "SELECT k FROM t",
        "projection: a is gone",
        "a",
        "",
    ),
    (
        "SELECT k, a FROM t",
        "SELECT a, k FROM t",
        "cosmetic: the order of columns changes",
        "",
        "",
    ),
    (
        "SELECT k FROM t ORDER BY k",
        "SELECT k FROM t",
        "cosmetic: the result is not sorted",
        "ORDER BY k",
        "",
    ),
    (
        "WITH c AS (SELECT k FROM t WHERE a > 1) SELECT k FROM c",
        "WITH c AS (SELECT k FROM t WHERE a > 2) SELECT k FROM c",
        "rows: rows meet another condition in c",
        "a > 1",
        "a > 2",
    ),
    (
        "SELECT k FROM (SELECT k FROM t) AS q",
        "SELECT k FROM (SELECT k FROM t WHERE a = 1) AS q",
        "rows: rows must also meet a condition in q",
        "",
        "a = 1",
    ),
    (
        "SELECT k FROM t UNION SELECT k FROM u",
        "SELECT k FROM t UNION ALL SELECT k FROM u",
        "rows: UNION no longer drops repeated rows",
        "",
        "",
    ),
    (
        "SELECT k FROM t UNION SELECT k FROM u",
        "SELECT k FROM t",
        "rows: rows come from another kind of query",
        "SELECT k FROM t UNION SELECT k FROM u",
        "SELECT k FROM t",
    ),
]


@pytest.mark.parametrize(("old", "new", "said", "was", "now"), EDITS)
def test_an_edit_says_what_it_is_about_and_shows_the_part(old: str, new: str, said: str, was: str, now: str) -> None:
    (found,) = edits(parse(old, "duckdb"), parse(new, "duckdb"), "duckdb")
    assert (f"{found.group}: {found.text}", found.old, found.new) == (said, was, now)


@pytest.mark.parametrize("text", ["SELECT a FROM t", "select (a)\n from  t -- c", "SELECT /* x */ a FROM t"])
def test_layout_does_not_count(text: str) -> None:
    assert canonical_sql(text, "duckdb") == "SELECT a FROM t"


def test_what_cannot_be_read_is_its_own_canonical_form() -> None:
    assert canonical_sql("SELECT FROM (", "duckdb") == "SELECT FROM ("


def test_a_column_of_a_table_that_nobody_reads_here_is_no_reason_to_doubt() -> None:
    old, new = (f"SELECT k, f AS n FROM t WHERE {where} GROUP BY k, f, n" for where in ("a > 1", "1 < a"))
    assert compare(old, new, SCHEMA.get, "duckdb").kind == "equivalent"
    both = "SELECT t.k, t.f AS n FROM t JOIN u ON t.k = u.k WHERE {} GROUP BY t.k, t.f, n"
    doubted = compare(both.format("t.a > 1"), both.format("1 < t.a"), SCHEMA.get, "duckdb")
    assert (doubted.kind, doubted.reasons) == ("unproven", ("'n' is both a column and an alias",))
