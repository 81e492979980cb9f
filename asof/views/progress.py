"""How far a command has got: one line that is redrawn on a terminal, elsewhere a line every ten seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from time import monotonic
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from types import TracebackType

REDRAW_SECONDS = 0.1
BEAT_SECONDS = 1.0
"""How often a terminal shows that an engine is still at work, though no row has come."""
LINE_SECONDS = 10.0
"""How often a log of CI gets a line."""


@dataclass(slots=True, kw_only=True)
class ProgressBar:
    """Call it with (done, total, what) as work goes on; total 0 means unknown.

    As a context it also shows, from a thread of its own, that something is at work before the first row comes, and
    wipes the line at the end. With ``quiet`` it writes to a terminal only: the answer is a document.
    """

    stream: TextIO
    width: int
    what: str = ""
    quiet: bool = False
    _drawn: float = field(default=0.0, init=False)
    _state: tuple[int, int, str] | None = field(default=None, init=False)
    _began: float = field(default_factory=monotonic, init=False)
    _ended: Event = field(default_factory=Event, init=False)
    _lock: Lock = field(default_factory=Lock, init=False)
    _thread: Thread | None = field(default=None, init=False)

    def __call__(self, done: int, total: int, what: str) -> None:
        with self._lock:
            self._state = (done, total, what)
            if not self.stream.isatty():
                return
            now = monotonic()
            if now - self._drawn < REDRAW_SECONDS and done != total:
                return
            self._draw(now, bar(done, total, what, width=self.width))

    def __enter__(self) -> ProgressBar:
        self._began = monotonic()
        if self.stream.isatty() or not self.quiet:
            self._thread = Thread(target=self._beat, daemon=True, name="asof-progress")
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._drawn:
            self.stream.write("\r\x1b[K")
            self.stream.flush()

    def _beat(self) -> None:
        drawn = self.stream.isatty()
        while not self._ended.wait(BEAT_SECONDS if drawn else LINE_SECONDS):
            with self._lock:
                now = monotonic()
                seconds = now - self._began
                if not drawn:
                    self.stream.write(f"{self._line(seconds)}\n")
                    self.stream.flush()
                elif self._state is None:
                    self._draw(now, self._line(seconds)[: self.width])

    def _line(self, seconds: float) -> str:
        if self._state is None:
            return f"{self.what}: the engine is at work, {seconds:,.0f} s"
        done, total, what = self._state
        share = f" of {total:,} ({min(done / total, 1.0):.0%})" if total else ""
        return f"{what}: {done:,}{share} rows, {seconds:,.0f} s"

    def _draw(self, now: float, text: str) -> None:
        self._drawn = now
        self.stream.write(f"\r\x1b[K{text}")
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
