"""Entities and data sources: keys, columns and times."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asof.compiler import types
from asof.compiler.check import rules
from asof.compiler.model import DataSource
from asof.compiler.stored import stored_columns, used_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asof.compiler.check.scope import Scope
    from asof.compiler.model import Entity
    from asof.compiler.types import Type

_DAY = 86_400_000_000


def check_entity(scope: Scope, entity: Entity) -> None:
    """Join keys are distinct and of types whose equality is exact."""
    scope.repeated(((c.name, ("join_keys", at, "name")) for at, c in enumerate(entity.join_keys)), "join keys")
    for at, key in enumerate(entity.join_keys):
        if key.type not in types.KEY_TYPES:
            allowed = ", ".join(sorted(map(str, types.KEY_TYPES)))
            message = f"a join key cannot be {key.type}"
            scope.report(rules.KEY_TYPE, message, "join_keys", at, "type", hint=f"equality must be exact: {allowed}")


def check_source(scope: Scope, source: DataSource) -> None:
    """Everything that a source says of its columns is true of them."""
    scope.repeated(((c.name, ("columns", at, "name")) for at, c in enumerate(source.columns)), "columns")
    stored = {c.name: c.type for c in source.columns} or None
    for name, _ in source.field_mapping:
        if stored is not None and name not in stored:
            scope.report(
                rules.UNKNOWN_COLUMN, f"`{source.name}` stores no column `{name}`", "field_mapping", name, key=True
            )
    renamed = [(dict(source.field_mapping).get(c.name, c.name), c.name) for c in source.columns]
    seen: dict[str, str] = {}
    for used, name in renamed:
        if used.lower() in seen and name.lower() != used.lower():
            message = f"two columns would be called `{used}`"
            scope.report(rules.REPEATED_NAME, message, "field_mapping", name)
        seen[used.lower()] = name
    check_timing(scope, source)
    partition = scope.column(source.date_partition_column, stored, source.name, "date_partition_column")
    if partition not in (None, types.STRING, types.DATE):
        message = f"`{source.date_partition_column}` is {partition}, neither a date nor its text"
        scope.report(rules.PARTITION, message, "date_partition_column", hint="partitions are dates or YYYY-MM-DD")
    for target, _ in source.targets:
        if scope.repo.project.target(target) is None:
            message = f"asof.yaml has no target `{target}`"
            scope.report(rules.UNKNOWN_TARGET, message, "targets", target, key=True)
    if source.batch_source:
        batch = scope.find("source", source.batch_source, "batch_source")
        if isinstance(batch, DataSource) and batch.type != "batch":
            message = f"`{batch.name}` is a {batch.type} source; history is kept by a batch source"
            scope.report(rules.WRONG_KIND, message, "batch_source")


def check_timing(scope: Scope, source: DataSource) -> None:
    """The times of a source. Those of a query are looked up in what it yields, by the SQL checks."""
    timing = source.timing
    kinds = {name: kind for _, name, kind in stored_columns(source) if kind is not None} or None
    for field, name in (
        ("timestamp_field", timing.timestamp_field),
        ("created_timestamp_column", timing.created_timestamp_column),
        ("valid_to", timing.valid_to),
    ):
        kind = scope.column(used_name(source, name), kinds, source.name, field)
        if kind in (None, types.TIMESTAMP, types.DATE) or (kind in types.INTEGERS and timing.timestamp_unit):
            continue
        hint = "say what it counts: timestamp_unit" if kind in types.INTEGERS else "declare it as timestamp or date"
        scope.report(rules.NOT_A_TIMESTAMP, f"`{name}` is {kind}, not a timestamp", field, hint=hint)
    _check_days(scope, source, kinds or {})
    for at, name in enumerate(timing.unique):
        scope.column(used_name(source, name), kinds, source.name, "unique", at)


def _check_days(scope: Scope, source: DataSource, kinds: Mapping[str, Type]) -> None:
    """A date is its midnight: what happened during the day would be seen before it has happened."""
    timing = source.timing
    waits = timing.visibility == "created"
    field, name = "timestamp_field", timing.timestamp_field
    if waits:
        field, name = "created_timestamp_column", timing.created_timestamp_column
    if kinds.get(used_name(source, name)) != types.DATE or (not waits and timing.delay.microseconds >= _DAY):
        return
    hint = "give it a delay of 1d or more" if not waits else "store the time at which a row was written"
    scope.report(rules.DAY, f"`{name}` is a date: rows of a day are seen from its midnight on", field, hint=hint)
