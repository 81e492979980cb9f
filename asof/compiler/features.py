"""The types of aggregated features."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asof.compiler import types

if TYPE_CHECKING:
    from asof.compiler.model import Aggregation

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
    return types.Array(types.FLOAT64) if len(aggregation.percentiles) > 1 else types.FLOAT64
