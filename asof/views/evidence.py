"""The words and tables for what was found out beside a plan: edits of SQL, counter-examples, previews. Plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asof.views import wording

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from asof.compiler.query.edits import Edit
    from asof.ops.evidence import Example, Preview, Shift

_FRAGMENT = 70
_CELL = 28
_NAME = 60
EXAMPLE_TITLE = "differs on these rows, found by running both:"
COLUMNS = ("feature", "changed", "nulls", "distinct", "mean", "median", "PSI")
PSI_HINT = "PSI below 0.1: hardly any shift; 0.1 to 0.25: some; above: a large one."
_LARGE = 0.25
_SOME = 0.1


def edited(edit: Edit) -> str:
    """``rows: rows meet another one: fare > 0 -> fare > 5``"""
    old, new = (_clipped(wording.plain(text), _FRAGMENT) for text in (edit.old, edit.new))
    parts = f": {old} -> {new}" if old and new else f": {old or new}" if old or new else ""
    return f"{edit.group}: {wording.plain(edit.text)}{parts}"


def example_said(example: Example) -> str:
    """What became of the search, where there are no rows to show."""
    if example.why:
        return f"not tried on generated rows: {wording.plain(example.why)}"
    return f"no difference found in {example.tried:,} generated rows, which is no proof"


def example_table(example: Example) -> tuple[str, ...]:
    """The rows as a table of equal columns, its head first; no lines where there are none."""
    if not example.rows:
        return ()
    head = ("", *(wording.plain(column) for column in example.columns))
    empty = ("",) * len(example.columns)
    body = [[wording.plain(cell) for cell in (row.side, *(row.cells or empty))] for row in example.rows]
    first, *lines = table(head, body)
    width = max(len(row[0]) for row in body) + 2
    said = [
        row.side.ljust(width) + row.said if row.said else line for row, line in zip(example.rows, lines, strict=True)
    ]
    left = left_out(example)
    return (first, *said, *((f"... and {left}",) if left else ()))


def left_out(example: Example) -> str:
    """``2 more rows, 14 more columns``; "" where all is shown."""
    rows = wording.number(example.more, "more row", "more rows") if example.more else ""
    columns = wording.number(example.hidden, "more column", "more columns") if example.hidden else ""
    return ", ".join(part for part in (rows, columns) if part)


def previewed(found: Preview) -> str:
    """``Preview over 10,000 of 336,776 rows of spine.parquet``"""
    of = f"{found.rows:,}" if found.rows == found.of else f"{found.rows:,} of {found.of:,}"
    return f"Preview over {of} rows of {_clipped(wording.plain(found.spine), 100)}"


def preview_rows(found: Preview) -> tuple[tuple[str, ...], ...]:
    """A row of figures for each feature, under ``COLUMNS``; the largest shift first."""
    return tuple(
        (
            wording.plain(f"{shift.view}:{shift.feature}"),
            f"{shift.changed:,} ({percent(shift.share)})",
            _pair(percent(shift.old.nulls / max(shift.rows, 1)), percent(shift.new.nulls / max(shift.rows, 1))),
            _pair(f"{shift.old.distinct:,}", f"{shift.new.distinct:,}"),
            _pair(figure(shift.old.mean), figure(shift.new.mean)),
            _median(shift),
            f"{shift.psi:.3f}",
        )
        for shift in ordered(found)
    )


def ordered(found: Preview) -> tuple[Shift, ...]:
    """The shifts, the largest first."""
    return tuple(sorted(found.shifts, key=lambda s: (-s.psi, -s.changed, s.view, s.feature)))


def preview_lines(found: Preview, *, keys: bool = True) -> tuple[str, ...]:
    """The figures, the first differing keys of each feature (where wanted), and what was skipped."""
    lines = list(table(COLUMNS, preview_rows(found))) if found.shifts else []
    for shift in ordered(found) if keys else ():
        if shift.differing:
            lines += ["", wording.plain(f"{shift.view}:{shift.feature} differs first at")]
            lines += [f"  {line}" for line in differing_table(shift)]
    lines += [wording.plain(f"skipped {s.view}: {s.why}") for s in found.skipped]
    return tuple(lines) or ("No value of a feature can change.",)


def differing_table(shift: Shift) -> tuple[str, ...]:
    """The first rows of the spine whose value is another one."""
    names = tuple(wording.plain(name) for name, _ in shift.differing[0].keys)
    body = [[wording.plain(c) for c in (*(v for _, v in row.keys), row.old, row.new)] for row in shift.differing]
    return table((*names, "old", "new"), body)


def size_of_shift(psi: float) -> str:
    """``small``, ``some`` or ``large``, by the usual bounds of the index."""
    return "large" if psi > _LARGE else "some" if psi > _SOME else "small"


def percent(share: float) -> str:
    """``0 %``, ``0.04 %``, ``12.5 %``, ``100 %``: never 0 or 100 where it is not."""
    value = share * 100
    if value in (0, 100):
        return f"{value:.0f} %"
    return f"{min(max(value, 0.01), 99.99):.{1 if 1 <= value <= 99 else 2}f} %"


def figure(value: float | None) -> str:
    """A number in a few digits; "" for none."""
    return "" if value is None else f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}"


def table(head: Sequence[str], body: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """Text in columns of equal width, two spaces apart; the first is a name and is cut only where it is very long."""
    rows = [[_clipped(cell, _CELL if at else _NAME) for at, cell in enumerate(row)] for row in (head, *body)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(head))]
    return tuple("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)


def _median(shift: Shift) -> str:
    if not (shift.old.quantiles or shift.new.quantiles):
        return ""
    old, new = (figure(side.quantiles[2]) if side.quantiles else "none" for side in (shift.old, shift.new))
    return _pair(old, new)


def _pair(old: str, new: str) -> str:
    return old if old == new else f"{old or 'none'} -> {new or 'none'}"


def _clipped(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."
