"""What nothing carries out yet is said while validating, at its place."""

from __future__ import annotations

from asof import online
from asof.compiler import support
from asof.compiler.check import check
from asof.compiler.diagnostics import Diagnostic, Level
from asof.compiler.dialects import STORES, WINDOW_STRATEGIES, of_store
from asof.compiler.load import load
from asof.compiler.source import RepoFiles
from asof.schema import document

PROJECT = """\
version: 1
project: shop
targets:
  local:
    registry: .asof/registry
    offline: {type: sqlite, path: x.db}
"""
VIEWS = """\
kind: Entity
name: customer
join_keys: [{name: customer, type: string}]
---
kind: DataSource
name: orders
table: orders
timestamp_field: at
timezone: Europe/Berlin
columns:
  - {name: customer, type: string}
  - {name: at, type: timestamp}
  - {name: amount, type: float64}
---
kind: DataSource
name: clicks
type: push
batch_source: orders
columns:
  - {name: customer, type: string}
---
kind: FeatureView
name: amounts
entities: [customer]
source: orders
aggregations:
  - {function: percentile, column: amount, percentiles: [0.5], windows: [1d]}
"""

ASKS = """\
kind: Entity
name: customer
join_keys: [{name: customer, type: string}]
---
kind: FeatureView
name: spending
entities: [customer]
query: SELECT customer, amount, at FROM orders
timestamp_field: at
schema: [{name: amount, type: float64}]
"""


def findings(project: str, views: str) -> list[Diagnostic]:
    loaded = load(RepoFiles(project="asof.yaml", texts={"asof.yaml": project.encode(), "v.yaml": views.encode()}))
    assert loaded.repo is not None
    assert not loaded.diagnostics
    return list(check(loaded.repo))


def test_what_no_engine_computes_yet_is_a_warning_where_it_stands() -> None:
    found = [(d.code, d.level, d.span.path, d.span.line) for d in findings(PROJECT, VIEWS)]
    warning = Level.WARNING
    assert found == [
        ("AS502", warning, "v.yaml", 9),
        ("AS512", warning, "v.yaml", 17),
    ]


def test_a_definition_without_a_usable_name_is_an_error_and_not_left_out() -> None:
    for text in ("kind: Entity\nname: 7\n", "kind: Entity\njoin_keys: [{name: k, type: string}]\n"):
        loaded = load(RepoFiles(project="asof.yaml", texts={"asof.yaml": PROJECT.encode(), "v.yaml": text.encode()}))
        assert any(d.level is Level.ERROR and d.span.path == "v.yaml" for d in loaded.diagnostics)


def test_what_ownership_does_not_cover_is_an_error_where_it_is_named() -> None:
    errors = [d for d in findings(PROJECT + "ownership: {prefixes: [shop_]}\n", VIEWS) if d.level is Level.ERROR]
    assert {d.code for d in errors} == {"AS513"}
    assert {d.span.path for d in errors} == {"v.yaml"}
    assert "names that start with shop_" in errors[0].message


def test_two_targets_in_one_store_are_warned_about() -> None:
    where = "\n    registry: {n}\n    offline: {{type: duckdb, path: {n}}}\n    online: {{type: sqlite, path: {p}}}\n"
    head = "version: 1\nproject: shop\ntargets:\n"

    def warned(*paths: str) -> list[str]:
        text = head + "".join(f"  t{n}:{where.format(n=f't{n}', p=path)}" for n, path in enumerate(paths))
        return [d.message for d in findings(text, "") if d.code == "AS516"]

    assert warned("a.db", "b.db") == []
    assert warned("'${env:PLACE}'", "'${env:PLACE}'") == []
    (said,) = warned("a.db", "b.db", "a.db")
    assert said.startswith("target 't2' has the same online store as 't0'")


def test_a_store_is_the_same_however_it_works() -> None:
    offline = "    offline: {type: duckdb, path: lake.db"
    text = f"version: 1\nproject: shop\ntargets:\n  a:\n    registry: a\n{offline}}}\n"
    text += f"  b:\n    registry: b\n{offline}, windows: pairs, threads: 2}}\n"
    said = [d.message for d in findings(text, ASKS) if d.code == "AS516"]
    assert said == [
        "target 'b' has the same offline store as 'a': neither may touch what the other one made",
    ]


def test_the_compiler_knows_exactly_the_online_stores_that_open() -> None:
    assert frozenset(online.ONLINE_STORES) == support.ONLINE_STORES


def test_a_target_chooses_among_its_dialects_ways_to_the_latest_value() -> None:
    head = (
        "version: 1\nproject: shop\ntargets:\n  t:\n    registry: r\n    offline: {{type: {}, path: x, latest: {}}}\n"
    )
    assert not findings(head.format("sqlite", "pairs"), "")
    loaded = load(RepoFiles(project="asof.yaml", texts={"asof.yaml": head.format("sqlite", "lateral").encode()}))
    assert [(d.code, d.span.line) for d in loaded.diagnostics] == [("AS207", 6)]


def test_the_schema_and_the_dialects_know_the_same_strategies() -> None:
    for store in STORES:
        settings = document("project")["$defs"][f"offline_{store}"]["properties"]
        dialect = of_store(store)
        assert dialect is not None
        assert settings["latest"]["enum"] == list(dialect.strategies)
        assert settings["windows"]["enum"] == list(WINDOW_STRATEGIES)
