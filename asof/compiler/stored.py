"""What a data source stores, and how views see it: other names, and every time an instant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from asof.compiler import types
from asof.compiler.identity import by_identity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asof.compiler.model import DataSource, Repo, Timing
    from asof.compiler.types import Type


def batch_source(repo: Repo, source: DataSource) -> DataSource:
    """The source that keeps the history: of a stream or push source its ``batch_source``."""
    return repo.source(source.batch_source) or source


def timing_for_views(source: DataSource) -> Timing:
    """A source's timing under the names that views use; stored names are understood as well."""
    timing = source.timing
    if not (source.columns and source.field_mapping):
        return timing
    return msgspec.structs.replace(
        timing,
        timestamp_field=used_name(source, timing.timestamp_field),
        created_timestamp_column=used_name(source, timing.created_timestamp_column),
        valid_to=used_name(source, timing.valid_to),
        unique=tuple(used_name(source, name) for name in timing.unique),
    )


def used_name(source: DataSource, name: str) -> str:
    """The name that views use for a column of the source, given that name or the stored one."""
    names = dict(source.field_mapping) if source.columns else {}
    if name not in names:
        return name
    is_used = any(names.get(column.name, column.name) == name for column in source.columns)
    return name if is_used else names[name]


@by_identity
def times_of(source: DataSource) -> tuple[str, ...]:
    """The names that views use for the source's times."""
    timing = timing_for_views(source)
    named = (timing.timestamp_field, timing.created_timestamp_column, timing.valid_to)
    return tuple(name for name in named if name)


def stored_columns(source: DataSource) -> tuple[tuple[str, str, Type | None], ...]:
    """(stored name, name for views, type) of what is read from a source; nothing where it declares no columns."""
    if not source.columns:
        return ()
    mapping = dict(source.field_mapping)
    found = [(c.name, mapping.get(c.name, c.name), c.type) for c in source.columns]
    stored = {name: column for column, name in source.field_mapping}
    timing = timing_for_views(source)
    known = {name for _, name, _ in found}
    wanted = (*times_of(source), *timing.unique)
    return (
        *found,
        *((stored.get(name, name), name, None) for name in dict.fromkeys(wanted) if name and name not in known),
    )


@by_identity
def view_columns(source: DataSource) -> Mapping[str, Type]:
    """Names and types of a source's columns as views see them: however a time is stored, it is an instant."""
    stored = {name: kind for _, name, kind in stored_columns(source) if kind is not None}
    return stored | dict.fromkeys(times_of(source) if source.columns else (), types.TIMESTAMP)
