"""Small repos in memory, loaded and checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asof.compiler.check import check
from asof.compiler.diagnostics import has_errors
from asof.compiler.load import load
from asof.compiler.source import RepoFiles

if TYPE_CHECKING:
    from asof.compiler.model import Repo

PROJECT = """\
version: 1
project: shop
targets:
  local:
    registry: .asof/registry
    offline: {type: duckdb, path: x.duckdb}
"""
SHOP = """\
kind: Entity
name: customer
owner: crm
join_keys: [{name: customer, type: string}]
---
kind: DataSource
name: orders
owner: sales
table: orders
timestamp_field: paid_at
field_mapping: {amt: amount}
columns:
  - {name: customer, type: string}
  - {name: paid_at, type: timestamp}
  - {name: amt, type: float64}
  - {name: country, type: string}
  - {name: channel, type: string}
---
kind: DataSource
name: request
type: request
columns: [{name: basket, type: float64}]
---
kind: FeatureView
name: spending
owner: growth
description: How much a customer spends.
entities: [customer]
source: orders
schema: [{name: channel, type: string}]
aggregations:
  - {function: sum, column: amount, name: spent, where: country = 'NL', windows: [7d]}
  - {function: count, name: orders, windows: [7d]}
---
kind: FeatureView
name: cleaned
owner: growth
entities: [customer]
query: |
  WITH big AS (SELECT customer, paid_at, amount * 2 AS doubled, country FROM orders WHERE amount > 0)
  SELECT customer, paid_at, doubled FROM big WHERE country <> 'XX'
timestamp_field: paid_at
schema: [{name: doubled, type: float64}]
---
kind: FeatureView
name: further
owner: risk
entities: [customer]
source: cleaned
schema: [{name: doubled, type: float64}]
---
kind: FeatureView
name: beyond
owner: risk
entities: [customer]
source: spending
aggregations: [{function: max, column: amount, name: most, windows: [1d]}]
---
kind: OnDemandFeatureView
name: ratio
owner: risk
sources: [spending, request]
features:
  - {name: share, type: float64, expression: "request.basket / NULLIF(spent_7d, 0)"}
---
kind: FeatureService
name: churn
owner: ml
tags: {tier: "1"}
features:
  - {view: spending, features: [{name: spent_7d, as: spent}, orders_7d]}
  - further
  - ratio
---
kind: SavedDataset
name: training
owner: ml
service: churn
timestamp_field: at
labels: [left]
spine:
  query: SELECT customer, paid_at AS at, channel = 'x' AS left FROM orders WHERE country = 'NL'
"""


def repo(definitions: str = SHOP, project: str = PROJECT) -> Repo:
    """The repo of one definition file, which must have no errors."""
    texts = {"asof.yaml": project.encode(), "features.yaml": definitions.encode()}
    loaded = load(RepoFiles(project="asof.yaml", texts=texts))
    assert loaded.repo is not None
    assert not has_errors(loaded.diagnostics), loaded.diagnostics
    found = check(loaded.repo)
    assert not has_errors(found), found
    return loaded.repo
