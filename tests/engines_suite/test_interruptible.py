"""Calls of an engine that Ctrl-C ends, whatever the instant: an engine of events that forgets what engines forget."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest

from asof import interruptible
from asof.interruptible import Stop, StoppedError, Worker, checkpoint

if TYPE_CHECKING:
    from collections.abc import Iterator

GUARD = 60.0


def ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


class Forgetful:
    """An engine that hears an interrupt only while a statement runs."""

    def __init__(self) -> None:
        self.told = threading.Event()
        self.interrupts = 0
        self._ends: threading.Event | None = None
        self.worker = Worker(self.stop)

    def stop(self, seconds: float) -> None:
        self.interrupts += 1
        self.told.set()
        if self._ends is not None:
            self._ends.set()

    def statement(self) -> str:
        """Runs until it is interrupted."""
        self._ends = threading.Event()
        try:
            assert self._ends.wait(GUARD), "no interrupt came while the statement ran"
        finally:
            self._ends = None
        raise RuntimeError("interrupted")


def test_an_interrupt_while_a_statement_runs() -> None:
    engine = Forgetful()

    def work() -> str:
        ctrl_c()
        return engine.statement()

    with pytest.raises(KeyboardInterrupt):
        engine.worker.run(work)
    assert engine.worker.run(lambda: 3) == 3
    engine.worker.close(lambda: None)


def test_an_interrupt_before_the_statement_begins_is_repeated() -> None:
    engine = Forgetful()

    def work() -> str:
        ctrl_c()
        assert engine.told.wait(GUARD)
        return engine.statement()

    with pytest.raises(KeyboardInterrupt):
        engine.worker.run(work)
    assert engine.interrupts >= 2
    engine.worker.close(lambda: None)


def test_an_interrupt_between_two_statements_keeps_the_second_from_beginning() -> None:
    engine = Forgetful()
    begun: list[int] = []

    def work() -> None:
        for number in range(2):
            checkpoint()
            begun.append(number)
            ctrl_c()
            assert engine.told.wait(GUARD)

    with pytest.raises(KeyboardInterrupt):
        engine.worker.run(work)
    assert begun == [0]
    engine.worker.close(lambda: None)


def test_an_interrupt_before_the_call_begins_withdraws_it() -> None:
    engine = Forgetful()
    first = threading.Event()
    begun: list[str] = []

    def hold() -> None:
        ctrl_c()
        assert first.wait(GUARD)

    patience, interruptible.PATIENCE_SECONDS = interruptible.PATIENCE_SECONDS, 0.0
    try:
        with pytest.raises(KeyboardInterrupt):
            engine.worker.run(hold)  # left behind: the next call waits for it
    finally:
        interruptible.PATIENCE_SECONDS = patience
    threading.Timer(0.01, ctrl_c).start()
    with pytest.raises(KeyboardInterrupt):
        engine.worker.run(lambda: begun.append("second"))
    first.set()
    assert engine.worker.run(lambda: begun) == []
    engine.worker.close(lambda: None)


def test_another_ctrl_c_shortens_nothing() -> None:
    engine = Forgetful()
    ended: list[bool] = []

    def stop(seconds: float) -> None:
        if engine.interrupts < 5:
            engine.interrupts += 1
            ctrl_c()
        else:
            engine.told.set()

    def work() -> None:
        ctrl_c()
        ended.append(engine.told.wait(GUARD))

    worker = Worker(stop)
    with pytest.raises(KeyboardInterrupt):
        worker.run(work)
    assert ended == [True]
    worker.close(lambda: None)


def test_an_interrupt_at_the_instant_a_call_ends() -> None:
    worker = Worker(lambda _: None)
    start = time.monotonic()
    interrupts = 0
    for _ in range(200):
        try:
            worker.run(ctrl_c)
            time.sleep(interruptible.TELL_SECONDS)
        except KeyboardInterrupt:
            interrupts += 1
    assert interrupts == 200
    assert time.monotonic() - start < 200 * interruptible.PATIENCE_SECONDS / 2, "ended calls were waited for"
    worker.close(lambda: None)


def test_items_of_a_stream_are_made_one_by_one() -> None:
    engine = Forgetful()
    closed = threading.Event()

    def items() -> Iterator[str]:
        try:
            yield "first"
            ctrl_c()
            yield engine.statement()
        finally:
            closed.set()

    seen: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        seen.extend(engine.worker.each(items()))
    assert seen == ["first"]
    assert closed.is_set()
    engine.worker.close(lambda: None)


def test_an_error_is_the_works_own_and_ends_nothing() -> None:
    worker = Worker(lambda _: None)
    for error in (ValueError("refused"), StopIteration()):

        def work(error: Exception = error) -> None:
            raise error

        with pytest.raises(type(error)) as caught:
            worker.run(work)
        assert caught.value is error
    assert worker.run(lambda: worker.run(lambda: 4)) == 4
    worker.close(lambda: None)


def test_a_limit_ends_a_call_and_no_other() -> None:
    engine = Forgetful()
    with pytest.raises(TimeoutError, match=r"it took longer than 0\.01 seconds"):
        engine.worker.run(engine.statement, seconds=0.01)
    assert engine.worker.run(lambda: 5, seconds=GUARD) == 5
    engine.worker.close(lambda: None)


def test_a_stop_ends_the_calls_of_other_threads_and_calls_within_calls() -> None:
    outer, inner = Forgetful(), Forgetful()
    stop = Stop()
    began = threading.Event()
    errors: list[Exception] = []

    def innermost() -> str:
        began.set()
        return inner.statement()

    def lane() -> None:
        try:
            with stop.entered():
                outer.worker.run(lambda: inner.worker.run(innermost))
        except StoppedError as error:
            errors.append(error)

    thread = threading.Thread(target=lane)
    thread.start()
    assert began.wait(GUARD)
    stop.asked = True
    thread.join(GUARD)
    assert len(errors) == 1
    assert inner.interrupts >= 1
    for engine in (outer, inner):
        engine.worker.close(lambda: None)


def test_close_ends_the_call_that_goes_on_and_the_thread() -> None:
    engine = Forgetful()
    closed: list[str] = []
    calls = engine.worker
    began = threading.Event()

    def work() -> str:
        began.set()
        return engine.statement()

    def lane() -> None:
        with pytest.raises(RuntimeError, match="interrupted"):
            calls.run(work)

    other = threading.Thread(target=lane)
    other.start()
    assert began.wait(GUARD)
    thread = calls._thread
    assert thread is not None
    calls.close(lambda: closed.append("closed"))
    other.join(GUARD)
    thread.join(GUARD)
    assert closed == ["closed"]
    assert not thread.is_alive()
