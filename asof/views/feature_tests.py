"""Feature tests for people: a line for each, and a table of the rows where one yields something else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from asof.views.terminal import BOLD, DIM, GREEN, RED, paint
from asof.views.wording import number, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asof.compiler.repairs import Repaired
    from asof.ops.feature_tests import TestResult

_ROWS = 20
_WIDEST = 40


def outcome(results: Sequence[TestResult], updated: Sequence[Repaired] = (), *, colour: bool) -> str:
    """A line for each test, how those that failed differ, what was written, and the score."""
    parts = []
    for result in results:
        mark = paint("ok    ", GREEN, colour=colour) if result.passed else paint("FAILED", BOLD, RED, colour=colour)
        parts.append(f"{mark}  {result.test.name}")
        if result.found is not None and not result.passed:
            parts += ["", table(result, colour=colour), ""]
    for file in updated:
        cells = number(len(file.fixes), "expected value was", "expected values were")
        parts.append(f"{file.path}: {cells} rewritten. Read the change before you commit it.")
    passed = sum(result.passed for result in results)
    parts.append(f"{passed} of {len(results)} tests passed.")
    return "\n".join(parts)


def table(result: TestResult, *, colour: bool) -> str:
    """Rows that differ, by the columns that the test expects: a minus line with what was expected, a plus line with
    what came out, and in both only the cells that differ; the spine stands beside them."""
    keys = list(dict.fromkeys(name for row in result.test.spine for name in row))
    names = list(dict.fromkeys(name for row in result.expected for name in row if name not in keys))
    places = sorted({place for place, _ in result.wrong})
    lines = [["", "row", *keys, *names]]
    for place in places[:_ROWS]:
        spine, expected, found = result.test.spine[place], result.expected[place], (result.found or ())[place]
        given = [_cell(spine.get(name)) for name in keys]
        lines.append(["-", str(place + 1), *given])
        lines.append(["+", "", *("" for _ in keys)])
        for name in names:
            wrong = (place, name) in result.wrong
            same = _cell(expected[name]) if name in expected else ""
            lines[-2].append(_cell(expected[name]) if wrong else same)
            lines[-1].append(_cell(found.get(name)) if wrong else "")
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    shown = [_line(lines[0], widths, DIM, colour=colour)]
    for at, line in enumerate(lines[1:]):
        marked = {i + 2 + len(keys) for i, name in enumerate(names) if (places[at // 2], name) in result.wrong}
        shown.append(_line(line, widths, RED if line[0] == "-" else GREEN, colour=colour, only=marked | {0}))
    if len(places) > _ROWS:
        shown.append(f"    {len(places) - _ROWS:,} more rows differ.")
    return "\n".join(shown)


def _line(cells: list[str], widths: list[int], code: str, *, colour: bool, only: set[int] | None = None) -> str:
    padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
    painted = [paint(c, code, colour=colour and (only is None or at in only)) for at, c in enumerate(padded)]
    return ("    " + "  ".join(painted)).rstrip()


def _cell(value: object) -> str:
    if value is None:
        return "NULL"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    shown = plain(text)
    return shown if len(shown) <= _WIDEST else shown[: _WIDEST - 3] + "..."
