"""Ctrl-C and SIGTERM during an apply: the step in flight is finished, and nobody loses track of what was done."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from asof.views.terminal import Terminal


@contextmanager
def stopping(terminal: Terminal) -> Iterator[Callable[[], bool]]:
    """Whether somebody asked to stop. Who asks again does not wait for the step in flight: KeyboardInterrupt."""
    asked: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return

    def ask(number: int, _: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)
        # The signal may come in the middle of a line that is being written; Python refuses a second one then.
        with suppress(RuntimeError):
            terminal.note("Stopping after the step in flight; once more to leave it in doubt.")

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
