"""A feature repo of any size: ten features a view, ten views an entity, a source and a service for each entity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VIEWS_PER_ENTITY = 10
FEATURES = 10
COLUMNS = VIEWS_PER_ENTITY * FEATURES

_PROJECT = """\
version: 1
project: synthetic
sql_dialect: duckdb
targets:
  local:
    registry: {registry}
    offline: {{type: duckdb, path: .asof/offline.duckdb}}
    online: {{type: sqlite, path: .asof/online.db}}
"""


def write_repo(root: Path, views: int, *, registry: str = ".asof/registry") -> None:
    """Write a repo of ``views`` views (a multiple of ten) to the empty folder ``root``, a file for each entity.

    Of ten views one has a query, three aggregate over windows and six give latest values.
    """
    (root / "asof.yaml").write_text(_PROJECT.format(registry=registry), encoding="utf-8")
    (root / "data").mkdir()
    columns = ", ".join(f"0.5::DOUBLE AS {column(index)}" for index in range(COLUMNS))
    duckdb.execute(
        f"COPY (SELECT 1::BIGINT AS entity_id, TIMESTAMPTZ '2026-01-01 00:00:00+00' AS happened_at, {columns}) "
        f"TO '{root / 'data' / 'events.parquet'}'"
    )
    for number in range(views // VIEWS_PER_ENTITY):
        (root / f"entity_{number}.yaml").write_text("---\n".join(_documents(number)), encoding="utf-8")


def change_one_line(root: Path) -> None:
    """Another ttl for one view: the last one of the first file."""
    path = root / "entity_0.yaml"
    before, found, after = path.read_text(encoding="utf-8").rpartition("ttl: ")
    days, line, rest = after.partition("\n")
    path.write_text(f"{before}{found}{int(days.removesuffix('d')) + 1}d{line}{rest}", encoding="utf-8")


def column(index: int) -> str:
    """The name of a column of the sources."""
    return f"f{index}"


def _documents(number: int) -> Iterator[str]:
    head = f"description: Made to be measured.\nowner: team_{number % 7}\n"
    names = [f"view_{number}_{index}" for index in range(VIEWS_PER_ENTITY)]
    declared = "".join(f"  - {{name: {column(index)}, type: float64}}\n" for index in range(COLUMNS))
    yield f"kind: Entity\nname: entity_{number}\n{head}join_keys:\n  - {{name: entity_id, type: int64}}\n"
    yield (
        f"kind: DataSource\nname: events_{number}\n{head}path: data/events.parquet\ntimestamp_field: happened_at\n"
        f"columns:\n  - {{name: entity_id, type: int64}}\n  - {{name: happened_at, type: timestamp}}\n{declared}"
    )
    for index, name in enumerate(names):
        yield f"kind: FeatureView\nname: {name}\n{head}entities: [entity_{number}]\n{_body(number, index)}"
    yield f"kind: FeatureService\nname: service_{number}\n{head}features: [{', '.join(names)}]\n"


def _body(number: int, index: int) -> str:
    columns = [column(index * FEATURES + offset) for offset in range(FEATURES)]
    schema = "schema:\n" + "".join(f"  - {{name: {name}, type: float64}}\n" for name in columns)
    if index == 0:
        selected = "".join(f",\n    {name} * {number + 1} AS {name}" for name in columns)
        return (
            f"query: |\n  SELECT\n    entity_id,\n    happened_at{selected}\n  FROM events_{number}\n"
            f"timestamp_field: happened_at\nttl: 7d\n{schema}"
        )
    if index <= 3:
        means = "".join(
            f"  - {{function: mean, column: {name}, name: {name}_mean, windows: [1d, 30d]}}\n"
            for name in columns[: FEATURES // 2]
        )
        return f"source: events_{number}\naggregations:\n{means}"
    return f"source: events_{number}\nttl: {index}d\n{schema}"
