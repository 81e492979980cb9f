"""The picture of a feature: old and new values over each other, as shapes in the units of an SVG's view box."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from asof.views.wording import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asof.ops.evidence import Bar, Shift

WIDTH = 340
_HEIGHT = 120
_BASE = 100
"""Where the bars of a histogram stand; below is room for the ends of its axis."""
_NULL_WIDTH = 24
_GAP = 12
_LINE = 22
_NAME = 110


class Shape(NamedTuple):
    """A rectangle; ``side`` is old or new, ``title`` what a reader sees who points at it."""

    side: str
    x: float
    y: float
    width: float
    height: float
    title: str


class Label(NamedTuple):
    """A text at a place; ``anchor`` as in SVG."""

    x: float
    y: float
    anchor: str
    text: str


class Picture(NamedTuple):
    """All of it, and in words for those who do not see it."""

    height: int
    shapes: tuple[Shape, ...]
    labels: tuple[Label, ...]
    said: str


def picture(shift: Shift) -> Picture:
    """A histogram of numbers, or a bar for each of the commonest values of anything else."""
    drawn = _names(shift.bars) if shift.kind == "category" else _histogram(shift.bars, shift.rows)
    said = plain(f"old and new values of {shift.feature}: " + "; ".join(_told(bar) for bar in shift.bars))
    return drawn._replace(said=said)


def _told(bar: Bar) -> str:
    return f"{bar.label}: {bar.old:,} old, {bar.new:,} new"


def _histogram(bars: Sequence[Bar], rows: int) -> Picture:
    """Steps of a scale, and NULLs beside them as a share of all rows, so that many of them do not flatten the rest."""
    nulls = [bar for bar in bars if bar.label == "NULL"]
    steps = [bar for bar in bars if bar.label != "NULL"]
    room = WIDTH - (_NULL_WIDTH + _GAP if nulls else 0)
    width = room / max(len(steps), 1)
    most = max((n for bar in steps for n in (bar.old, bar.new)), default=0) or 1
    shapes = [
        _column(side, at * width + 0.5, width - 1, count, most, bar)
        for at, bar in enumerate(steps)
        for side, count in (("old", bar.old), ("new", bar.new))
    ]
    labels = []
    if steps:
        low, high = steps[0].label.partition(" to ")[0], steps[-1].label.rpartition(" to ")[2]
        labels = [Label(0, _HEIGHT - 4, "start", low)]
        if len(steps) > 1:
            labels.append(Label(room, _HEIGHT - 4, "end", high))
    for bar in nulls:
        x = WIDTH - _NULL_WIDTH
        shapes += [_column(side, x, _NULL_WIDTH, n, rows, bar) for side, n in (("old", bar.old), ("new", bar.new))]
        labels.append(Label(WIDTH - _NULL_WIDTH / 2, _HEIGHT - 4, "middle", "null"))
    return Picture(_HEIGHT, tuple(shapes), tuple(labels), "")


def _column(side: str, x: float, width: float, count: int, most: int, bar: Bar) -> Shape:
    height = round(count / most * (_BASE - 4), 2)
    return Shape(side, round(x, 2), round(_BASE - height, 2), round(width, 2), height, plain(_told(bar)))


def _names(bars: Sequence[Bar]) -> Picture:
    most = max((n for bar in bars for n in (bar.old, bar.new)), default=0) or 1
    shapes, labels = [], []
    for at, bar in enumerate(bars):
        top = at * _LINE
        for side, count, y in (("old", bar.old, top + 3), ("new", bar.new, top + 11)):
            width = round(count / most * (WIDTH - _NAME - 8), 2)
            shapes.append(Shape(side, _NAME, y, width, 7, plain(_told(bar))))
        text = plain(bar.label)
        labels.append(Label(_NAME - 8, top + 14, "end", text if len(text) <= 16 else f"{text[:14]}…"))
    return Picture(max(len(bars) * _LINE, _LINE), tuple(shapes), tuple(labels), "")
