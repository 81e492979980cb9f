"""What each aggregate function asks for: which keys, which types, which windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asof.compiler import shape, types
from asof.compiler.check import rules
from asof.compiler.features import COUNTS
from asof.compiler.query import SqlSyntaxError, outline

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asof.compiler.check.scope import Scope
    from asof.compiler.model import Aggregation, FeatureView
    from asof.compiler.types import Type

_NUMERIC = frozenset(
    [
        "sum",
        "mean",
        "var_pop",
        "var_samp",
        "stddev_pop",
        "stddev_samp",
        "skew",
        "kurtosis",
        "percentile",
        "approx_percentile",
    ]
)
_ORDERED = frozenset(["min", "max", "top_n", "bottom_n"])
_TAKE_N = frozenset(["first_n", "last_n", "first_distinct_n", "last_distinct_n", "top_n", "bottom_n"])
_IN_TIME = frozenset(["first", "last", "first_n", "last_n", "first_distinct_n", "last_distinct_n"])
_LISTED_IN_TIME = _IN_TIME - {"first", "last"}
_PERCENTILES = frozenset({"percentile", "approx_percentile"})
_KEYS = (types.STRING, types.INT32, types.INT64, types.BOOL, types.UUID)
"""What has the same text in every engine, and so can be the key of a map."""
_COMPARED = frozenset({"mode", "count_distinct", "approx_count_distinct", "first_distinct_n", "last_distinct_n"})
_UNORDERED_TYPES = (types.Array, types.Map, types.Struct, types.Vector)


def check_aggregation(
    scope: Scope, aggregation: Aggregation, at: int, columns: Mapping[str, Type] | None, owner: str
) -> None:
    """Keys, types and windows of one aggregation; ``columns`` is None where the source declares none."""
    place = ("aggregations", at)
    _check_keys(scope, aggregation, *place)
    kind = scope.column(aggregation.column, columns, owner, *place, "column")
    if kind is not None:
        _check_type(scope, aggregation, kind, *place)
    key = scope.column(aggregation.by, columns, owner, *place, "by")
    if key is not None and key not in _KEYS:
        message = f"the keys of a map are strings, integers or booleans; `{aggregation.by}` is {key}"
        scope.report(rules.AGGREGATION_TYPE, message, *place, "by")
    for index, window in enumerate(aggregation.windows):
        if window.length is not None and not window.length.microseconds:
            scope.report(rules.WINDOW, "a window of no length holds no row", *place, "windows", index)
        elif window in aggregation.windows[:index]:
            scope.report(rules.WINDOW, f"the window {window.suffix} is there already", *place, "windows", index)


def check_inputs(scope: Scope, view: FeatureView) -> None:
    """The types of what is aggregated of a query's rows: known, and such that the functions make sense of them."""
    base = shape.upstream(scope.repo, view)
    try:
        there = {name for name, _ in outline(base.query, scope.repo.project.sql_dialect).columns}
    except SqlSyntaxError:
        return
    kinds = shape.column_types(scope.repo, view)
    for at, aggregation in enumerate(view.aggregations):
        place = ("aggregations", at)
        if (kind := kinds.get(aggregation.column)) is not None:
            _check_type(scope, aggregation, kind, *place)
        for field, name in (("column", aggregation.column), ("by", aggregation.by)):
            needed = name in there and name not in kinds and (field == "by" or aggregation.function not in COUNTS)
            if needed:
                message = f"nothing tells the type of `{name}`, which the query of `{base.name}` computes"
                hint = f"say it in the query, as in CAST(... AS BIGINT) AS {name}, or declare the source's columns"
                scope.report(rules.NO_TYPE, message, *place, field, hint=hint)
        key = kinds.get(aggregation.by)
        if key is not None and key not in _KEYS:
            message = f"the keys of a map are strings, integers or booleans; `{aggregation.by}` is {key}"
            scope.report(rules.AGGREGATION_TYPE, message, *place, "by")


def _check_keys(scope: Scope, aggregation: Aggregation, *place: str | int) -> None:
    function = aggregation.function
    if not aggregation.column and function != "count":
        scope.report(rules.AGGREGATION_KEYS, f"`{function}` needs a `column`", *place, "function")
    needs: tuple[tuple[str, bool, bool, bool], ...] = (
        ("n", aggregation.n != 0, function in _TAKE_N, True),
        ("percentiles", bool(aggregation.percentiles), function in _PERCENTILES, True),
        ("order", aggregation.order != "asc", function in _LISTED_IN_TIME, False),
        ("include_nulls", aggregation.include_nulls, function in _IN_TIME, False),
    )
    for key, written, wanted, required in needs:
        if written and not wanted:
            scope.report(rules.AGGREGATION_KEYS, f"`{function}` cannot use `{key}`", *place, key, key=True)
        elif required and wanted and not written:
            scope.report(rules.AGGREGATION_KEYS, f"`{function}` needs `{key}`", *place, "function")


def _check_type(scope: Scope, aggregation: Aggregation, kind: Type, *place: str | int) -> None:
    function = aggregation.function
    if function in _NUMERIC and not types.is_numeric(kind) and not (kind == types.BOOL and function in ("sum", "mean")):
        problem = "numbers"
    elif function in ("any", "all") and kind != types.BOOL:
        problem = "booleans"
    elif function in _ORDERED and (isinstance(kind, _UNORDERED_TYPES) or kind == types.JSON):
        problem = "values with an order"
    elif function == "histogram" and kind not in _KEYS:
        problem = "strings, integers or booleans"
    elif isinstance(kind, _UNORDERED_TYPES) and function in _COMPARED:
        problem = "values that can be compared"
    else:
        return
    message = f"`{function}` takes {problem}; `{aggregation.column}` is {kind}"
    scope.report(rules.AGGREGATION_TYPE, message, *place, "column")
