"""Features that are computed twice: the same expression over the same rows, whatever they are called."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from asof.compiler import shape
from asof.compiler.lineage import Lineage
from asof.compiler.model import FeatureView, OnDemandFeatureView
from asof.compiler.query.normal import canonical_sql
from asof.compiler.query.trace import named_columns, split_query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from asof.compiler.model import Repo
    from asof.compiler.source import Pointer


class Place(NamedTuple):
    """A feature and where it is defined."""

    address: str
    name: str
    pointer: Pointer


def twice(repo: Repo) -> Iterator[tuple[Place, Place]]:
    """(first, second) of features that have the same values by construction, in the order of addresses.

    What cannot be compared (a query that is more than one SELECT) is taken for different.
    """
    seen: dict[object, Place] = {}
    lineage = Lineage(repo)
    for definition in repo.definitions.values():
        found: Iterator[tuple[object, Place]] = iter(())
        if isinstance(definition, FeatureView):
            found = _of_view(repo, definition)
        elif isinstance(definition, OnDemandFeatureView):
            found = _of_on_demand(repo, definition, lineage)
        for identity, place in found:
            first = seen.setdefault(identity, place)
            if first is not place:
                yield first, place


def _of_view(repo: Repo, view: FeatureView) -> Iterator[tuple[object, Place]]:
    base = shape.upstream(repo, view)
    read: Callable[[str], str]
    if base.query:
        split = split_query(base.query, repo.project.sql_dialect)
        if split is None:
            return
        rows, outputs = split
        timing = base.timing
        read = _reader(outputs)
    else:
        try:
            rows, timing = shape.source_of(repo, base).address, shape.timing_of(repo, base)
        except KeyError:
            return
        read = str
    times = msgspec.structs.replace(
        timing,
        timestamp_field=read(timing.timestamp_field),
        created_timestamp_column=read(timing.created_timestamp_column),
        unique=tuple(read(name) for name in timing.unique),
        valid_to=read(timing.valid_to) if timing.valid_to else "",
    )
    keys = tuple(read(key.name) for key in shape.join_keys(repo, view))
    same_rows = (rows, keys, times)
    for at, column in enumerate(view.schema):
        identity: object = (same_rows, "latest", read(column.name), view.ttl, column.type)
        yield identity, Place(view.address, column.name, ("schema", at, "name"))
    for at, item in enumerate(view.aggregations):
        where = canonical_sql(item.where, repo.project.sql_dialect) if item.where else ""
        named = named_columns(item.where, repo.project.sql_dialect) if item.where else ()
        plain = msgspec.structs.replace(
            item,
            name="",
            windows=(),
            description="",
            tags=(),
            column=read(item.column) if item.column else "",
            by=read(item.by) if item.by else "",
            where=where,
        )
        filtered = tuple(read(name) for _, name in named)
        for place, window in enumerate(item.windows):
            identity = (same_rows, plain, filtered, window.length, window.offset)
            yield identity, Place(view.address, item.feature_name(window), ("aggregations", at, "windows", place))


def _reader(outputs: Mapping[str, str]) -> Callable[[str], str]:
    return lambda name: outputs.get(name, outputs.get(name.lower(), name))


def _of_on_demand(repo: Repo, view: OnDemandFeatureView, lineage: Lineage) -> Iterator[tuple[object, Place]]:
    columns = lineage.columns(view.address)
    for at, feature in enumerate(view.features):
        text = canonical_sql(feature.expression, repo.project.sql_dialect)
        identity = (text, frozenset(columns.get(feature.name, ())), feature.type)
        yield identity, Place(view.address, feature.name, ("features", at, "name"))
