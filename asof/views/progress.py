"""A progress bar: one line on a terminal, nothing in a pipe."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic
from typing import TextIO

_REDRAW_SECONDS = 0.1


@dataclass(slots=True, kw_only=True)
class ProgressBar:
    """Call it with (done, total, what) as work goes on; total 0 means unknown. ``close`` wipes the line."""

    stream: TextIO
    width: int
    _drawn: float = field(default=0.0, init=False)

    def __call__(self, done: int, total: int, what: str) -> None:
        if not self.stream.isatty():
            return
        now = monotonic()
        if now - self._drawn < _REDRAW_SECONDS and done != total:
            return
        self._drawn = now
        self.stream.write(f"\r\x1b[K{bar(done, total, what, width=self.width)}")
        self.stream.flush()

    def close(self) -> None:
        if self._drawn:
            self.stream.write("\r\x1b[K")
            self.stream.flush()


def bar(done: int, total: int, what: str, *, width: int) -> str:
    """One line: ``training set  [#######------]  54%  180,000 of 336,776``."""
    if not total:
        return f"{what}  {done:,}"[:width]
    share = min(done / total, 1.0)
    figures = f"{share:4.0%}  {done:,} of {total:,}"
    room = max(min(40, width - len(what) - len(figures) - 6), 4)
    filled = round(room * share)
    return f"{what}  [{'#' * filled}{'-' * (room - filled)}]  {figures}"
