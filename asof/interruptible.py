"""Engine calls that Ctrl-C can end: each runs in a thread of its session while the calling thread waits for signals.

Python handles a signal between two of its own instructions, never inside an engine's C code; and an engine forgets an
interrupt that comes before its statement has begun. So the calling thread wakes up every ``TELL_SECONDS``, and once it
is interrupted it repeats the interrupt until the call has ended.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
import weakref
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_Result = TypeVar("_Result")

TELL_SECONDS = 0.05
"""Between two looks at signals, and between two interrupts of one call."""
PATIENCE_SECONDS = 1.5
"""How long an interrupted call may go on before it is left behind: some phases of an engine hear no interrupt."""
_INTERRUPTED = 130
_END = object()
_local = threading.local()


class StoppedError(Exception):
    """Work of a thread that another thread has stopped."""


class Stop:
    """A request to end the engine calls of some threads; those that are entered see it within ``TELL_SECONDS``."""

    def __init__(self) -> None:
        self.asked = False

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Let the calls of this thread end when ``asked`` is set."""
        before = getattr(_local, "stop", None)
        _local.stop = self
        try:
            yield
        finally:
            _local.stop = before


def checkpoint() -> None:
    """Raise StoppedError if the work of this thread is to end; called between two statements or two batches."""
    stop: Stop | None = getattr(_local, "stop", None)
    if stop is not None and stop.asked:
        raise StoppedError


class _Call(Stop, Generic[_Result]):
    """One piece of work on its way through a worker's thread."""

    def __init__(self, work: Callable[[], _Result]) -> None:
        super().__init__()
        self._work = work
        self._result: list[_Result] = []
        self._error: BaseException | None = None
        self._done = False
        self._claimed = threading.Lock()
        self._running = threading.Lock()
        self._running.acquire()

    def claim(self) -> bool:
        """Whether it is the caller's: the worker's to begin it, or the waiting thread's to withdraw it."""
        return self._claimed.acquire(blocking=False)

    def begin(self) -> None:
        try:
            with self.entered():
                checkpoint()
                self._result.append(self._work())
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            self._error = error
        finally:
            self._done = True
            self._running.release()

    def ended(self, seconds: float) -> bool:
        """Whether it ends within ``seconds``; signals are handled meanwhile."""
        if not self._done:
            # A signal may end this thread's work just after the lock is taken: the lock only wakes it up.
            self._running.acquire(timeout=seconds)
        return self._done

    def result(self) -> _Result:
        if self._error is not None:
            try:
                raise self._error
            finally:
                self._error = None  # it holds this frame by its traceback
        return self._result.pop()


class Worker:
    """The thread of one engine session, in which its calls run one after the other.

    ``stop(seconds)`` interrupts the statement that runs, if one does; ``seconds`` have passed since the first such
    call. It is called from the waiting thread, again and again.
    """

    def __init__(self, stop: Callable[[float], None]) -> None:
        self._stop = stop
        self._calls: SimpleQueue[_Call[object] | None] = SimpleQueue()
        self._current: _Call[object] | None = None
        self._thread: threading.Thread | None = None

    def run(self, work: Callable[[], _Result], *, seconds: float | None = None) -> _Result:
        """What ``work`` returns or raises.

        Raises KeyboardInterrupt once the engine has stopped, StoppedError if the Stop of this thread is asked, and
        TimeoutError if ``work`` takes longer than ``seconds``.
        """
        if threading.current_thread() is self._thread:
            return work()
        call = _Call(work)
        limit = None if seconds is None else time.monotonic() + seconds
        try:
            self._give(call)
            while not call.ended(TELL_SECONDS):
                checkpoint()
                if limit is not None and (late := time.monotonic() - limit) > 0:
                    call.asked = True
                    self._stop(late)
        except BaseException:
            self._interrupt(call)
            raise
        if seconds is not None and call.asked:
            raise TimeoutError(f"it took longer than {seconds:g} seconds")
        return call.result()

    def each(self, items: Iterator[_Result]) -> Iterator[_Result]:
        """The items, each of which is made by a call of its own."""
        while (item := self.run(lambda: next(items, _END))) is not _END:
            yield item  # type: ignore[misc]

    @property
    def idle(self) -> bool:
        """Whether no call goes on that was left behind."""
        return self._current is None or self._current.ended(0)

    def close(self, work: Callable[[], None]) -> None:
        """Run ``work``, the last call, and end the thread. A call that goes on nevertheless is interrupted."""
        current = self._current
        if current is not None and not current.ended(0):
            self._interrupt(current)
        call = _Call(work)
        self._give(call)
        self._calls.put(None)
        self._thread = None
        end = time.monotonic() + PATIENCE_SECONDS
        while not call.ended(TELL_SECONDS):
            # Closing may take its time, unless it waits behind a call that was left behind.
            if current is not None and not current.ended(0) and time.monotonic() > end:
                return
        call.result()

    def _give(self, call: _Call[_Result]) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=_follow, args=(self._calls,), name="asof-engine", daemon=True)
            self._thread.start()
            weakref.finalize(self, self._calls.put, None).atexit = False
        self._current = call  # type: ignore[assignment]
        self._calls.put(call)  # type: ignore[arg-type]

    def _interrupt(self, call: _Call[_Result]) -> None:
        """Interrupt ``call`` until it has ended. Further Ctrl-C shorten nothing and break nothing."""
        call.asked = True
        if call.claim():
            return
        start = time.monotonic()
        while (waited := time.monotonic() - start) < PATIENCE_SECONDS:
            try:
                if call.ended(0):
                    return
                self._stop(waited)
                if call.ended(TELL_SECONDS):
                    return
            except KeyboardInterrupt:
                continue
        atexit.register(_leave, call.ended)


def _follow(calls: SimpleQueue[_Call[object] | None]) -> None:
    while (call := calls.get()) is not None:
        if call.claim():
            call.begin()
        del call  # its result belongs to the thread that waited


def _leave(ended: Callable[[float], bool]) -> None:
    """End a process whose engine still works: tearing Python down around it would crash instead."""
    if not ended(0):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(_INTERRUPTED)
