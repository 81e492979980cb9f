"""Policies as queries: what they see, what they must not see, and how they fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from asof.compiler.plan import Plan, plan_bytes, plan_from_bytes
from asof.compiler.policy_files import SqlPolicy, read_policy
from asof.ops import sql_policies
from asof.ops.plan_tables import TABLES
from asof.ops.sql_policies import judged, unusable
from tests.plan.world import WORLD, edited, plan_of, without
from tests.policies.repos import with_policies

CHANGED = edited("feature_view/fares", aggregations__1__where="tip > 1")


def policy(sql: str, **more: str) -> SqlPolicy:
    return SqlPolicy(path="policies/p.sql", name="p", sql=sql, **more)


def judge(sql: str, **more: str) -> Plan:
    return judged(plan_of(CHANGED), with_policies(CHANGED, policy(sql, **more)))


@pytest.mark.parametrize("table", TABLES)
def test_every_table_is_there_and_holds_something(table: str) -> None:
    sql = f"SELECT '' AS address, '{table} ' || count(*) AS message FROM {table}"
    assert not unusable([policy(sql)])
    (breach,) = judge(sql).blocked
    assert breach.policy == "p"
    empty = breach.message.endswith(" 0")
    assert empty == (table == "tags"), "the small world has no tags"


def test_a_plan_is_judged_the_same_each_time_and_reads_back() -> None:
    sql = "SELECT address, 'x' AS message FROM features UNION ALL SELECT address, 'y' FROM features"
    one, other = judge(sql), judge(sql)
    assert plan_bytes(one) == plan_bytes(other)
    assert plan_from_bytes(plan_bytes(one)) == one
    assert [b.address for b in one.blocked] == sorted(b.address for b in one.blocked)


def test_severity_level_and_remedy_come_from_the_row_then_the_head() -> None:
    sql = "SELECT 'entity/city' AS address, 'm' AS message, {} AS level, {} AS remedy"
    warned = judge(sql.format("'warn'", "'r'"), severity="error").warnings
    assert [(w.code, w.message, w.remedy) for w in warned] == [("AS661", "entity/city: m", "r")]
    blocked = judge(sql.format("NULL", "NULL"), remedy="head").blocked
    assert [(b.message, b.remedy) for b in blocked] == [("entity/city: m", "head")]
    off = judge(sql.format("NULL", "NULL"), severity="off")
    assert not off.blocked
    assert "p" not in off.policies


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a AS address, 'x' AS message FROM a, changes",
        "SELECT address, 'x' AS message FROM 'policies/p.sql'",
        "SELECT content AS address, 'x' AS message FROM read_text('/etc/hostname')",
        "SELECT file AS address, 'x' AS message FROM glob('/*')",
        "SELECT * FROM read_csv('https://example.com/x.csv')",
        "COPY changes TO '/tmp/asof_policy.csv'",
        "ATTACH '/tmp/asof_policy.db' AS x",
        "SET threads = 4",
        "INSTALL httpfs",
        "PRAGMA database_list",
        "SELECT address, 'x' AS message FROM changes; DROP TABLE changes",
        "SELECT address, random()::VARCHAR AS message FROM changes",
        "SELECT address, current_date::VARCHAR AS message FROM changes",
        "SELECT address FROM changes",
        "SELECT address, 'x' AS message, 1 AS extra FROM changes",
        "",
        "SELECT",
    ],
)
def test_what_is_no_query_over_the_plan_is_refused_with_a_place(sql: str) -> None:
    found = unusable([policy(sql)])
    assert [d.code for d in found] == ["AS662"]
    assert found[0].span.path == "policies/p.sql"
    assert found[0].span.line >= 1


def test_one_that_runs_too_long_or_says_too_much_counts_as_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_policies, "SECONDS", 0.2)
    endless = "SELECT '' AS address, count(*)::VARCHAR AS message FROM range(10000000000) AS a"
    assert [(b.code, "longer than" in b.message) for b in judge(endless).blocked] == [("AS663", True)]
    much = "SELECT a::VARCHAR AS address, 'x' AS message FROM range(5000) AS r(a)"
    assert "more than 1,000" in judge(much, severity="warn").warnings[0].message
    strange = "SELECT '' AS address, 'x' AS message, 'fatal' AS level"
    assert [b.code for b in judge(strange).blocked] == ["AS663"]
    fails = "SELECT address, error(address) AS message FROM changes"
    assert [b.code for b in judge(fails).blocked] == ["AS663"]


def test_the_head_of_a_file_is_read_up_to_the_query() -> None:
    text = "\n-- name: a_b\n-- severity: warn\n-- just a remark: really\nSELECT 1\n-- severity: fatal\n"
    read, wrong = read_policy("policies/x.sql", text)
    assert (read, wrong) == (SqlPolicy(path="policies/x.sql", name="a_b", severity="warn", sql=text), ())
    for bad in ("-- severity: fatal\nSELECT 1", "-- name: A b\nSELECT 1"):
        assert [d.code for d in read_policy("policies/x.sql", bad)[1]] == ["AS664"]
    assert [d.code for d in read_policy("policies/Big Name.sql", "SELECT 1")[1]] == ["AS664"]


@pytest.mark.parametrize("word", ["sevrity", "Severity", "names", "remdy", "descripton"])
def test_a_slip_in_the_head_is_told_with_the_word_that_was_meant(word: str) -> None:
    read, (wrong,) = read_policy("policies/x.sql", f"-- ours\n-- {word}: warn\nSELECT 1\n")
    assert read is None
    assert (wrong.code, wrong.span.line) == ("AS664", 2)
    assert "did you mean" in wrong.message


@pytest.mark.parametrize("comment", ["-- note: x", "-- see: the wiki", "-- sevrity warn", "-- owner: me"])
def test_other_comments_may_say_what_they_like(comment: str) -> None:
    read, wrong = read_policy("policies/x.sql", f"{comment}\nSELECT 1\n-- sevrity: x\n")
    assert read is not None
    assert not wrong


def test_the_policy_of_the_docs_finds_a_value_change_under_a_worse_class() -> None:
    text = (Path(__file__).parents[2] / "docs" / "policies.md").read_text(encoding="utf-8")
    sql = text.split("```sql\n")[1].split("```")[0]
    read, wrong = read_policy("policies/tested_values.sql", sql)
    assert read is not None
    assert not wrong
    was = without(WORLD, "feature_test/fares_add_up")
    changed = edited("feature_view/fares", was, aggregations__1__where="tip > 1")
    (_, mean) = changed.definitions["feature_view/fares"].aggregations  # type: ignore[union-attr]
    fewer = edited("feature_view/fares", changed, aggregations=(mean,))
    for repo, worst in ((changed, "value_change"), (fewer, "interface_break")):
        made = plan_of(repo, was)
        assert [str(c.change_class) for c in made.changes if c.address == "feature_view/fares"] == [worst]
        found = [b.address for b in judged(made, with_policies(repo, read)).blocked if b.code == "AS661"]
        assert found == ["feature_view/fares"]


def test_a_repo_without_policies_is_left_as_it_is() -> None:
    made = plan_of(CHANGED)
    assert judged(made, WORLD) is made
