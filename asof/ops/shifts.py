"""How far one feature moves: its old and its new values over the same rows, in a few figures and a picture."""

from __future__ import annotations

import math
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

import pyarrow as pa
import pyarrow.compute as pc

from asof.engines.arrow import instants
from asof.ops.evidence import Bar, Differing, Shift, Side
from asof.ops.sample_rows import written

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
DIFFERING = 5
BARS = 20
CATEGORIES = 10
_TOLERANCE = 1e-9
"""Relative: engines add fractions up in any order, and a changed plan may change that order."""
_HALF = 0.5
"""Added to every bin of the stability index, so that an empty one does not make it infinite."""


def shift(view: str, feature: str, old: pa.ChunkedArray, new: pa.ChunkedArray, spine: pa.Table) -> Shift:
    """``old`` and ``new`` are the values of a feature for the rows of ``spine``, in its order."""
    kinds = {_kind(old.type), _kind(new.type)}
    kind = kinds.pop() if len(kinds) == 1 else "category"
    numeric = kind != "category"
    was, now = (_AS[kind](values) for values in (old, new))
    changed = _changed(was, now, numeric=numeric)
    now = pc.if_else(changed, now, was)  # what counts as equal counts as the same value
    places = pc.indices_nonzero(changed).to_pylist()
    bins = _bins(was, now) if numeric else _categories(was, now)
    return Shift(
        view=view,
        feature=feature,
        kind=kind,
        rows=len(old),
        changed=len(places),
        psi=stability_index(*bins),
        old=_side(was, numeric=kind == "number"),
        new=_side(now, numeric=kind == "number"),
        bars=_bars(was, now, _written_time if kind == "time" else _written_number)
        if numeric
        else _category_bars(was, now),
        differing=tuple(_differing(spine, old, new, place) for place in places[:DIFFERING]),
    )


def stability_index(old: Sequence[int], new: Sequence[int]) -> float:
    """The population stability index of two counts over the same bins: the sum of (q - p) ln(q / p).

    p and q are the shares of old and new values in a bin, half a value added to each bin.
    """
    p, q = ([(n + _HALF) / (sum(counts) + _HALF * len(counts)) for n in counts] for counts in (old, new))
    return math.fsum((b - a) * math.log(b / a) for a, b in zip(p, q, strict=True))


def _kind(found: pa.DataType) -> str:
    if pa.types.is_integer(found) or pa.types.is_floating(found) or pa.types.is_decimal(found):
        return "number"
    return "time" if pa.types.is_timestamp(found) or pa.types.is_date(found) else "category"


def _numbers(values: pa.ChunkedArray) -> pa.ChunkedArray:
    return values.cast(pa.float64(), safe=False)


def _seconds(values: pa.ChunkedArray) -> pa.ChunkedArray:
    microseconds = instants(values).cast(pa.int64()).cast(pa.float64(), safe=False)
    return pc.divide(microseconds, 1e6)


def _written_number(value: float) -> str:
    return f"{value:.6g}"


def _written_time(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}"


def _texts(values: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_string(values.type):
        return values
    made = (None if value is None else _text(value) for value in values.to_pylist())
    return pa.chunked_array([pa.array(list(made), pa.string())])


_AS: Mapping[str, Callable[[pa.ChunkedArray], pa.ChunkedArray]] = {
    "number": _numbers,
    "time": _seconds,
    "category": _texts,
}


def _text(value: object) -> str:
    return value if isinstance(value, str) else written(value)


def _changed(old: pa.ChunkedArray, new: pa.ChunkedArray, *, numeric: bool) -> pa.ChunkedArray:
    """Whether each row's value is another one: NULL is equal to NULL, NaN to NaN."""
    differs = pc.not_equal(old, new)
    if numeric:
        apart = pc.abs(pc.subtract(old, new))
        scale = pc.max_element_wise(pc.abs(old), pc.abs(new))
        within = pc.less_equal(apart, pc.multiply(scale, _TOLERANCE))
        both_nan = pc.and_(pc.is_nan(old), pc.is_nan(new))
        differs = pc.and_(differs, pc.invert(pc.or_(within, both_nan)))
    return pc.or_(pc.xor(pc.is_null(old), pc.is_null(new)), pc.fill_null(differs, fill_value=False))


def _side(values: pa.ChunkedArray, *, numeric: bool) -> Side:
    distinct = pc.count_distinct(values, mode="only_valid").as_py()
    finite = _finite(values) if numeric else values[:0]
    if not len(finite):
        return Side(nulls=values.null_count, distinct=distinct)
    mean = pc.mean(finite).as_py()
    quantiles = tuple(pc.quantile(finite, q=list(QUANTILES)).to_pylist())
    return Side(nulls=values.null_count, distinct=distinct, mean=_known(mean), quantiles=quantiles)


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _finite(values: pa.ChunkedArray) -> pa.ChunkedArray:
    return values.filter(pc.fill_null(pc.is_finite(values), fill_value=False))


def _bins(old: pa.ChunkedArray, new: pa.ChunkedArray) -> tuple[list[int], list[int]]:
    """Values in bins that end at the old values' deciles, then those that are no finite number, then NULLs."""
    finite = _finite(old)
    tenths = [n / 10 for n in range(1, 10)]
    found = pc.quantile(finite, q=tenths, interpolation="lower").to_pylist() if len(finite) else []
    edges = sorted(set(found))
    return _counted(old, edges), _counted(new, edges)


def _counted(values: pa.ChunkedArray, edges: Sequence[float]) -> list[int]:
    finite = _finite(values)
    below = [_count(pc.less_equal(finite, edge)) for edge in edges]
    steps = [after - before for before, after in zip([0, *below], [*below, len(finite)], strict=True)]
    return [*steps, len(values) - values.null_count - len(finite), values.null_count]


def _count(flags: pa.ChunkedArray) -> int:
    return cast("int", pc.sum(flags).as_py() or 0)


def _tally(values: pa.ChunkedArray) -> Counter[str]:
    return Counter({item["values"]: item["counts"] for item in pc.value_counts(values.drop_null()).to_pylist()})


def _categories(old: pa.ChunkedArray, new: pa.ChunkedArray) -> tuple[list[int], list[int]]:
    """The commonest old values each by itself, then all others, then NULLs."""
    was, now = _tally(old), _tally(new)
    names = sorted(was, key=lambda name: (-was[name], name))[:CATEGORIES]
    return _split(was, names, old.null_count), _split(now, names, new.null_count)


def _split(tally: Mapping[str, int], names: Sequence[str], nulls: int) -> list[int]:
    listed = [tally.get(name, 0) for name in names]
    return [*listed, sum(tally.values()) - sum(listed), nulls]


def _bars(old: pa.ChunkedArray, new: pa.ChunkedArray, told: Callable[[float], str]) -> tuple[Bar, ...]:
    """Equal steps between the 1st and the 99th percentile of all values; what lies beyond is in the outer ones."""
    sides = (_finite(old), _finite(new))
    ends = [pc.quantile(side, q=[0.01, 0.99], interpolation="nearest").to_pylist() for side in sides if len(side)]
    if not ends:
        return _null_bar(old, new)
    low, high = min(end[0] for end in ends), max(end[1] for end in ends)
    steps = BARS if high > low else 1
    edges = [low + (high - low) * n / steps for n in range(steps + 1)]
    counts = [_counted(side, edges[1:-1])[:-2] for side in sides]
    made = (
        Bar(label=f"{told(edges[n])} to {told(edges[n + 1])}", old=counts[0][n], new=counts[1][n]) for n in range(steps)
    )
    return (*made, *_null_bar(old, new))


def _category_bars(old: pa.ChunkedArray, new: pa.ChunkedArray) -> tuple[Bar, ...]:
    was, now = _tally(old), _tally(new)
    names = sorted({**was, **now}, key=lambda name: (-max(was[name], now[name]), name))[:CATEGORIES]
    made = tuple(Bar(label=name, old=was[name], new=now[name]) for name in names)
    rest = Bar(
        label="other",
        old=was.total() - sum(b.old for b in made),
        new=now.total() - sum(b.new for b in made),
    )
    return (*made, *((rest,) if rest.old or rest.new else ()), *_null_bar(old, new))


def _null_bar(old: pa.ChunkedArray, new: pa.ChunkedArray) -> tuple[Bar, ...]:
    nulls = Bar(label="NULL", old=old.null_count, new=new.null_count)
    return (nulls,) if nulls.old or nulls.new else ()


def _differing(spine: pa.Table, old: pa.ChunkedArray, new: pa.ChunkedArray, place: int) -> Differing:
    row = spine.slice(place, 1).to_pylist()[0]
    return Differing(
        keys=tuple((name, _text(value) if value is not None else "NULL") for name, value in row.items()),
        old=written(old[place].as_py()),
        new=written(new[place].as_py()),
    )
