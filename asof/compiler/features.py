"""The features of a view with their types: latest values as declared, aggregates as their function gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asof.compiler import types
from asof.compiler.model import Column, DataSource, FeatureView

if TYPE_CHECKING:
    from asof.compiler.model import Aggregation, Repo


def features_of(repo: Repo, view: FeatureView) -> tuple[Column, ...]:
    """What ``view`` serves, in declared order: its schema, then one feature for each window."""
    return (
        *view.schema,
        *(
            Column(
                name=aggregation.feature_name(window), type=result_type(aggregation, _input(repo, view, aggregation))
            )
            for aggregation in view.aggregations
            for window in aggregation.windows
        ),
    )


_COUNTS = frozenset({"count", "count_distinct", "approx_count_distinct"})
_KEEP = frozenset({"min", "max", "first", "last", "mode"})
_LISTS = frozenset({"first_n", "last_n", "first_distinct_n", "last_distinct_n", "top_n", "bottom_n"})


def result_type(aggregation: Aggregation, column: types.Type) -> types.Type:
    """The type of one feature of ``aggregation`` over a column of type ``column``."""
    made = _plain(aggregation, column)
    return types.Map(types.STRING, made) if aggregation.by else made


def _plain(aggregation: Aggregation, column: types.Type) -> types.Type:
    function = aggregation.function
    if function in _COUNTS:
        return types.INT64
    if function in ("any", "all"):
        return types.BOOL
    if function in _KEEP:
        return column
    if function in _LISTS:
        return types.Array(column)
    if function == "histogram":
        return types.Map(types.STRING, types.INT64)
    if function == "sum" and (column in types.INTEGERS or isinstance(column, types.Decimal)):
        return types.INT64 if column in types.INTEGERS else column
    if len(aggregation.percentiles) > 1:
        return types.Array(types.FLOAT64)
    return types.FLOAT64


def _input(repo: Repo, view: FeatureView, aggregation: Aggregation) -> types.Type:
    """The declared type of the column that is aggregated; a double where nothing declares it."""
    for column in _declared(repo, view):
        if column.name == aggregation.column:
            return column.type
    return types.FLOAT64


def _declared(repo: Repo, view: FeatureView) -> tuple[Column, ...]:
    source = repo.source(view.source)
    if isinstance(source, DataSource):
        names = dict(source.field_mapping)
        return tuple(Column(name=names.get(c.name, c.name), type=c.type) for c in source.columns)
    upstream = repo.view(view.source) if view.source else None
    return upstream.schema if isinstance(upstream, FeatureView) else view.schema
