"""Functions that queries in definitions may call when they are translated from one dialect to another.

sqlglot prints what it cannot translate as it stands, so silence is no proof: only what stands here, and was
run on the engines, passes.
"""

from __future__ import annotations

COMMON = frozenset(
    {
        "ABS", "AVG", "CEIL", "COALESCE", "COUNT", "FLOOR", "LENGTH", "LOWER", "MAX", "MIN", "NULLIF", "REPLACE",
        "ROUND", "ROW_NUMBER", "SUBSTRING", "SUM", "TRIM", "UPPER", "SIN", "COS", "TAN", "RADIANS", "DEGREES", "SQRT",
        "EXP", "LN", "POW", "RANK", "DENSE_RANK", "LAG", "LEAD", "FIRST_VALUE", "LAST_VALUE", "IF", "CASE", "CAST",
    }
)  # fmt: skip
