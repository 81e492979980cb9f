"""The types of aggregated features."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asof.compiler import types

if TYPE_CHECKING:
    from asof.compiler.model import Aggregation

COUNTS = frozenset({"count", "count_distinct", "approx_count_distinct"})
"""Functions that are 0 of nothing; every other one is NULL, and so is every map."""
LISTS = frozenset({"first_n", "last_n", "first_distinct_n", "last_distinct_n", "top_n", "bottom_n"})
_KEEP = frozenset({"min", "max", "first", "last", "mode"})


def result_type(aggregation: Aggregation, column: types.Type, *, entry: bool = False) -> types.Type:
    """The type of one feature of ``aggregation`` over a column of type ``column``.

    ``entry``: of one entry, where ``by`` makes a map of them.
    """
    made = _plain(aggregation, column)
    return types.Map(types.STRING, made) if aggregation.by and not entry else made


def _plain(aggregation: Aggregation, column: types.Type) -> types.Type:
    function = aggregation.function
    if function in COUNTS:
        return types.INT64
    if function in ("any", "all"):
        return types.BOOL
    if function in _KEEP:
        return column
    if function in LISTS:
        return types.Array(column)
    if function == "histogram":
        return types.Map(types.STRING, types.INT64)
    if function == "sum" and (column in types.INTEGERS or column == types.BOOL):
        return types.INT64
    if function == "sum" and isinstance(column, types.Decimal):
        return column
    return types.Array(types.FLOAT64) if len(aggregation.percentiles) > 1 else types.FLOAT64
