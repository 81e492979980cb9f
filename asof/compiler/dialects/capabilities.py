"""What a dialect may be unable to do: the keys of ``Dialect.unsupported``, and what ``asof dialects`` lists."""

from __future__ import annotations

FUNCTIONS = (
    "count", "sum", "mean", "min", "max", "var_pop", "var_samp", "stddev_pop", "stddev_samp", "skew", "kurtosis",
    "first", "last", "first_n", "last_n", "first_distinct_n", "last_distinct_n", "top_n", "bottom_n",
    "count_distinct", "approx_count_distinct", "percentile", "approx_percentile", "percentiles", "histogram", "mode",
    "any", "all",
)  # fmt: skip
"""Aggregate functions; ``percentiles`` is percentile or approx_percentile with several of them: an array."""

BY = "by"
NULLS_IN_LISTS = "NULLs in lists"
TIME_ZONES = "time zones"
FILES = "files"
KEYLESS = "views without entities"
DOTS = "dots in names"

CAPABILITIES = (*FUNCTIONS, BY, NULLS_IN_LISTS, TIME_ZONES, FILES, KEYLESS, DOTS)
