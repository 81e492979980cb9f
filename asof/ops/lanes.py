"""Steps that do not depend on each other, side by side: one lane for each store, several where a store allows it."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from threading import Event, Lock
from typing import TYPE_CHECKING, Protocol, Self

from asof.compiler.diagnostics import DiagnosticError, rule
from asof.compiler.source import NOWHERE
from asof.interruptible import TELL_SECONDS, Stop

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from asof.compiler.infrastructure import Step
    from asof.ops.infrastructure import Infrastructure


LEFT = rule("AS623", "a table or view is left in a store that cannot be opened from here")


class Watcher(Protocol):
    """Whoever follows the steps; called from several threads, never from two at once."""

    def begins(self, step: Step) -> None:
        """Called before a step; what it raises keeps the step from being done."""

    def ended(self, step: Step) -> None:
        """Called after a step."""

    def failed(self, step: Step, error: DiagnosticError) -> bool:
        """Called after a step that a store refused; whether the steps after it are done all the same."""


class StepError(Exception):
    """A step that failed, and how."""

    def __init__(self, step: Step, error: Exception) -> None:
        super().__init__(step.id)
        self.step = step
        self.error = error


class Lanes:
    """Carries out steps of one phase, which touch different resources and therefore may run in any order.

    Steps of one lane run in their order, in a thread of the lane's own with connections of its own. Use as a
    context manager: leaving closes what the lanes opened.
    """

    def __init__(self, infrastructure: Infrastructure) -> None:
        self._main = infrastructure
        self._threads: dict[str, ThreadPoolExecutor] = {}
        self._opened: dict[str, Infrastructure] = {}
        self._lock = Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for lane, thread in self._threads.items():
            thread.submit(self._close, lane).result()
            thread.shutdown()

    def run(self, steps: Sequence[Step], watcher: Watcher) -> None:
        """Do all steps. After a failure those in flight end and no other begins; Ctrl-C ends their statements too.

        Raises StepError for a step that failed, and whatever ``watcher`` raises.
        """
        lanes: dict[str, list[Step]] = {}
        for step in steps:
            lanes.setdefault(self._main.lane(step.resource), []).append(step)
        if len(lanes) == 1 and not self._threads:
            self._follow(self._main, steps, watcher, Event())
            return
        stop, at_once = Event(), Stop()
        running: list[Future[None]] = []
        try:
            for lane, ours in lanes.items():
                running.append(self._start(lane, ours, watcher, stop, at_once))
            waiting: Iterable[Future[None]] = running
            while waiting:
                # Without a timeout a signal that comes just before the wait is seen only after it.
                done, waiting = wait(waiting, TELL_SECONDS, return_when=FIRST_COMPLETED)
                if any(future.exception() for future in done):
                    stop.set()
        except BaseException:
            stop.set()
            at_once.asked = True
            wait(running)
            raise
        errors = [error for future in running if (error := future.exception()) is not None]
        if errors:
            raise next((error for error in errors if isinstance(error, StepError)), errors[0])

    def _start(self, lane: str, steps: Sequence[Step], watcher: Watcher, stop: Event, at_once: Stop) -> Future[None]:
        if lane not in self._threads:
            self._threads[lane] = ThreadPoolExecutor(1, thread_name_prefix=f"asof-{lane}")
        return self._threads[lane].submit(self._in_thread, lane, steps, watcher, stop, at_once)

    def _in_thread(self, lane: str, steps: Sequence[Step], watcher: Watcher, stop: Event, at_once: Stop) -> None:
        # A connection belongs to the thread that opened it.
        if lane not in self._opened:
            self._opened[lane] = self._main.another()
        with at_once.entered():
            self._follow(self._opened[lane], steps, watcher, stop)

    def _follow(self, infrastructure: Infrastructure, steps: Sequence[Step], watcher: Watcher, stop: Event) -> None:
        for step in steps:
            if stop.is_set():
                return
            with self._lock:
                watcher.begins(step)
            try:
                perform(step, infrastructure)
            except DiagnosticError as error:
                with self._lock:
                    goes_on = watcher.failed(step, error)
                if not goes_on:
                    raise StepError(step, error) from error
                continue
            except Exception as error:
                raise StepError(step, error) from error
            with self._lock:
                watcher.ended(step)

    def _close(self, lane: str) -> None:
        if lane in self._opened:
            self._opened.pop(lane).close()


def perform(step: Step, infrastructure: Infrastructure) -> None:
    """The effect of one step of expand or contract. Raises DiagnosticError; AS623 for what is left on purpose."""
    match step.action:
        case "create":
            infrastructure.create(step.resource)
        case "alter" | "replace":
            infrastructure.alter(step.resource)
        case "drop":
            infrastructure.drop(step.resource)
        case "leave":
            raise DiagnosticError(LEFT.at(NOWHERE, step.reason))
        case other:
            raise ValueError(f"step {step.id} has the unknown action {other!r}")
