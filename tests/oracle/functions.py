"""The aggregate functions of the language, each over a non-empty list of values, oldest first."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from asof.compiler.model import Aggregation


def central_moment(values: Sequence[float], power: int) -> float:
    mean = sum(values) / len(values)
    return sum((value - mean) ** power for value in values) / len(values)


def var_pop(values: Sequence[float]) -> float:
    return central_moment(values, 2)


def var_samp(values: Sequence[float]) -> float | None:
    return central_moment(values, 2) * len(values) / (len(values) - 1) if len(values) > 1 else None


def skew(values: Sequence[float]) -> float | None:
    """Of the population; NULL of fewer than three values or of equal ones."""
    spread = var_pop(values)
    return central_moment(values, 3) / spread**1.5 if len(values) >= 3 and len(set(values)) > 1 else None


def kurtosis(values: Sequence[float]) -> float | None:
    """Excess kurtosis of the population; NULL of fewer than four values or of equal ones."""
    spread = var_pop(values)
    return central_moment(values, 4) / spread**2 - 3 if len(values) >= 4 and len(set(values)) > 1 else None


def mode(values: Sequence[object]) -> object:
    """The most frequent value; of equally frequent ones the smallest."""
    return min(Counter(values).items(), key=lambda item: (-item[1], item[0]))[0]


def percentile(values: Sequence[float], p: float) -> float:
    """At ``p`` of the way from the smallest to the greatest, linear between neighbours."""
    ordered, place = sorted(values), p * (len(values) - 1)
    below = min(int(place), len(values) - 2) if len(values) > 1 else 0
    above = min(below + 1, len(values) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below]) if above != below else float(ordered[0])


def one_or_all(values: list[float]) -> object:
    return values[0] if len(values) == 1 else values


def text(key: object) -> str:
    """A value as the key of a map."""
    return str(key).lower() if isinstance(key, bool) else str(key)


def root(value: float | None) -> float | None:
    return None if value is None else math.sqrt(value)


def distinct(values: Iterable[object]) -> list[object]:
    """Each value once, where it occurs first."""
    return list(dict.fromkeys(values))


def listed(oldest_first: list[object], a: Aggregation) -> list[object]:
    return oldest_first if a.order == "asc" else oldest_first[::-1]


FUNCTIONS: Mapping[str, Callable[..., object]] = {  # of non-empty values, oldest first
    "sum": lambda v, a: sum(v),
    "mean": lambda v, a: sum(v) / len(v),
    "min": lambda v, a: min(v),
    "max": lambda v, a: max(v),
    "var_pop": lambda v, a: var_pop(v),
    "var_samp": lambda v, a: var_samp(v),
    "stddev_pop": lambda v, a: root(var_pop(v)),
    "stddev_samp": lambda v, a: root(var_samp(v)),
    "skew": lambda v, a: skew(v),
    "kurtosis": lambda v, a: kurtosis(v),
    "first": lambda v, a: v[0],
    "last": lambda v, a: v[-1],
    "first_n": lambda v, a: listed(v[: a.n], a),
    "last_n": lambda v, a: listed(v[-a.n :], a),
    "first_distinct_n": lambda v, a: listed(distinct(v)[: a.n], a),
    "last_distinct_n": lambda v, a: listed(distinct(v[::-1])[: a.n][::-1], a),
    "top_n": lambda v, a: sorted(v, reverse=True)[: a.n],
    "bottom_n": lambda v, a: sorted(v)[: a.n],
    "percentile": lambda v, a: (
        [percentile(v, p) for p in a.percentiles] if a.percentiles[1:] else percentile(v, *a.percentiles)
    ),
    "mode": lambda v, a: mode(v),
    "histogram": lambda v, a: {text(value): count for value, count in Counter(v).items()},
    "any": lambda v, a: any(v),
    "all": lambda v, a: all(v),
}
