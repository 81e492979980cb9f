"""A small feature repo with everything that serving has to get right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from asof import api

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = """
version: 1
project: shop
targets:
  local:
    registry: .asof/registry
    offline: {type: duckdb, path: .asof/offline.duckdb}
    online: {type: sqlite, path: .asof/online.db}
"""

DEFINITIONS = """
kind: Entity
name: customer
join_keys: [{name: customer_id, type: int64}]
---
kind: Entity
name: pair
join_keys: [{name: a, type: string}, {name: b, type: string}]
---
kind: DataSource
name: orders
path: data/orders.parquet
timestamp_field: ordered_at
created_timestamp_column: written_at
columns:
  - {name: customer_id, type: int64}
  - {name: amount, type: float64}
  - {name: note, type: string}
  - {name: ordered_at, type: timestamp}
  - {name: written_at, type: timestamp}
---
kind: DataSource
name: links
path: data/links.parquet
timestamp_field: seen_at
delay: 10m
columns:
  - {name: a, type: string}
  - {name: b, type: string}
  - {name: strength, type: int32}
  - {name: seen_at, type: timestamp}
---
kind: DataSource
name: asked
type: request
columns: [{name: discount, type: float64}]
---
kind: FeatureView
name: last_order
entities: [customer]
source: orders
ttl: 1d
schema: [{name: amount, type: float64}, {name: note, type: string}, {name: ordered_at, type: timestamp}]
---
kind: FeatureView
name: order_stats
entities: [customer]
source: orders
aggregations:
  - {function: count, name: orders, windows: [1h, 7d]}
  - {function: sum, column: amount, name: spent, windows: [7d]}
---
kind: FeatureView
name: link
entities: [pair]
source: links
schema: [{name: strength, type: int32}]
---
kind: OnDemandFeatureView
name: offer
sources: [last_order, order_stats, asked]
features:
  - {name: reduced, type: float64, expression: "amount * (1 - discount)"}
  - {name: share, type: float64, expression: "amount / NULLIF(spent_7d, 0)"}
---
kind: FeatureService
name: checkout
features: [last_order, order_stats, offer]
---
kind: SavedDataset
name: returns
service: checkout
spine:
  query: SELECT customer_id, ordered_at AS event_timestamp, 0.5 AS discount, amount > 10 AS returned FROM orders
labels: [returned]
"""

HOUR = 3_600_000_000
T0 = 1_700_000_000_000_000


def moments(*microseconds: int | None) -> pa.Array:
    return pa.array(microseconds, pa.int64()).cast(pa.timestamp("us", "UTC"))


def make_shop(root: Path) -> Path:
    """Write the repo and its data into ``root``."""
    (root / "data").mkdir(parents=True)
    (root / "asof.yaml").write_text(PROJECT)
    (root / "shop.yaml").write_text(DEFINITIONS)
    orders = pa.table(
        {
            "customer_id": [1, 1, 1, 2, 3],
            "amount": [10.0, 20.0, 21.0, None, 5.0],
            "note": ["first", "second", "", None, "é"],
            "ordered_at": moments(T0, T0 + HOUR, T0 + HOUR, T0 + HOUR, T0 - 48 * HOUR),
            "written_at": moments(T0, T0 + HOUR, T0 + HOUR + 1, None, T0),
        }
    )
    links = pa.table(
        {
            "a": ["1", "11"],
            "b": ["11", "1"],
            "strength": pa.array([111, 222], pa.int32()),
            "seen_at": moments(T0, T0 + HOUR),
        }
    )
    pq.write_table(orders, root / "data/orders.parquet")
    pq.write_table(links, root / "data/links.parquet")
    return root


def apply(root: Path) -> None:
    """Apply the repo to its local target."""
    checked = api.check(root)
    assert checked.repo is not None, checked.diagnostics
    assert not [d for d in checked.diagnostics if d.level == "error"], checked.diagnostics
    # What was filled may be replaced.
    made = api.plan(root, checked.repo, allow_destroy=("*",))
    api.apply(root, checked.repo.project, made, progress=lambda _: None)
