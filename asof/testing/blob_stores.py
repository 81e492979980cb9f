"""What a place for registries must keep. Its author subclasses the suites and runs them with pytest.

    class TestMyStore(BlobsSuite):
        def connect(self) -> Blobs:
            return MyStore(...)

A store behind HTTP subclasses ``RemoteBlobsSuite``, which puts a proxy in between that misbehaves.
"""

from __future__ import annotations

import random
import secrets
import threading
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

from asof.compiler.diagnostics import DiagnosticError
from asof.registry.base import Clocked, Conflict, Missing, Tag
from asof.registry.objects import ObjectBlobs
from asof.registry.patience import Patience
from asof.testing.fault_proxy import CUT_AFTER, CUT_BEFORE, Fault, FaultProxy, fault_proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from asof.registry.base import Blobs

Script: TypeAlias = "Callable[[str, str], Fault | None]"

CONTENDERS = 16
WRITES = ("PUT", "POST")
READS = ("GET", "HEAD")
QUICK = Patience(tries=8, first=0.005, longest=0.02, connect=5.0, answer=0.6)
"""For servers of tests: they recover at once, and nobody should wait for them."""


def fresh(name: str = "blob") -> str:
    """A key that no test has used."""
    return f"suite/{secrets.token_hex(8)}/{name}"


@contextmanager
def conflicts(kind: type[Conflict] = Conflict) -> Iterator[None]:
    """Passes where exactly that kind of conflict is raised inside."""
    try:
        yield
    except Conflict as error:
        if type(error) is not kind:
            raise AssertionError(f"{type(error).__name__}, not {kind.__name__}") from error
        return
    raise AssertionError("a conflict was expected")


@contextmanager
def fails(*codes: str) -> Iterator[None]:
    """Passes where a DiagnosticError with one of these codes is raised inside."""
    try:
        yield
    except DiagnosticError as error:
        if error.code not in codes:
            raise AssertionError(f"{error.code}, not one of {codes}") from error
        return
    raise AssertionError(f"one of {codes} was expected")


class BlobsSuite(ABC):
    """Conditions hold, reads see what was written, and of many writers one wins."""

    @abstractmethod
    def connect(self) -> Blobs:
        """A new connection to one and the same place."""

    def test_a_blob_is_created_once(self) -> None:
        blobs, key = self.connect(), fresh()
        assert blobs.get(key) is None
        tag = blobs.put(key, b"1", replaces=None)
        assert blobs.get(key) == (b"1", tag)
        with conflicts():
            blobs.put(key, b"2", replaces=None)
        with conflicts():
            self.connect().put(key, b"1", replaces=None)
        assert blobs.get(key) == (b"1", tag)

    def test_a_clock_tells_the_time_of_the_last_write(self) -> None:
        """Optional: a place without ``clock`` passes, and asof then relies on the machine's clock alone."""
        blobs, key = self.connect(), fresh()
        if not isinstance(blobs, Clocked):
            return
        assert blobs.clock() is None
        before = datetime.now(UTC)
        tag = blobs.put(key, b"1", replaces=None)
        with conflicts():
            blobs.put(key, b"2", replaces=None)
        assert blobs.clock() is None, "a write that failed has no time, and an earlier one's would be stale"
        blobs.put(key, b"2", replaces=tag)
        moment = blobs.clock()
        # Servers tell whole seconds; those of tests run on this machine.
        assert moment is not None
        assert before - timedelta(seconds=2) <= moment <= datetime.now(UTC) + timedelta(seconds=2)

    def test_a_blob_is_replaced_only_by_those_who_saw_it(self) -> None:
        blobs, key = self.connect(), fresh()
        first = blobs.put(key, b"1", replaces=None)
        second = blobs.put(key, b"2", replaces=first)
        assert first != second
        with conflicts():
            blobs.put(key, b"3", replaces=first)
        with conflicts():
            self.connect().put(key, b"3", replaces=first)
        assert blobs.get(key) == (b"2", second)
        assert self.connect().put(key, b"3", replaces=second) not in (first, second)

    def test_a_blob_that_is_not_there_is_not_replaced(self) -> None:
        blobs, key, gone = self.connect(), fresh(), fresh()
        tag = blobs.put(gone, b"1", replaces=None)
        blobs.delete(gone)
        for missing in (key, gone):
            with conflicts(Missing):
                blobs.put(missing, b"2", replaces=tag)
            assert blobs.get(missing) is None

    def test_a_tag_of_another_blob_replaces_nothing(self) -> None:
        blobs, key = self.connect(), fresh()
        tag = blobs.put(key, b"1", replaces=None)
        other = blobs.put(fresh(), b"other", replaces=None)
        for strange in (other, Tag("x"), Tag('"0"')):
            with conflicts():
                blobs.put(key, b"2", replaces=strange)
        assert blobs.get(key) == (b"1", tag)

    def test_a_write_is_seen_by_everybody_at_once(self) -> None:
        writer, reader, key = self.connect(), self.connect(), fresh()
        tag = None
        for number in range(10):
            tag = writer.put(key, str(number).encode(), replaces=tag)
            assert reader.get(key) == (str(number).encode(), tag)
            assert list(reader.list(key)) == [key]
        writer.delete(key)
        assert reader.get(key) is None
        assert list(reader.list(key)) == []

    def test_bytes_come_back_as_they_were(self) -> None:
        blobs = self.connect()
        for body in (b"", bytes(range(256)), b"\r\n--\r\n", b"\x1f\x8b\x08not gzip"):
            key = fresh("a-b_c.json.gz")
            tag = blobs.put(key, body, replaces=None)
            assert blobs.get(key) == (body, tag)

    def test_a_blob_may_be_replaced_by_the_same_bytes(self) -> None:
        blobs, key = self.connect(), fresh()
        tag = blobs.put(key, b"1", replaces=None)
        newer = blobs.put(key, b"1", replaces=tag)
        assert blobs.get(key) == (b"1", newer)

    def test_a_large_blob_comes_back_as_it_was(self) -> None:
        blobs, key = self.connect(), fresh()
        body = random.Random(7).randbytes(12 * 2**20)  # noqa: S311
        tag = blobs.put(key, body, replaces=None)
        assert blobs.get(key) == (body, tag)
        with conflicts():
            blobs.put(key, body, replaces=None)
        newer = blobs.put(key, body[::-1], replaces=tag)
        assert blobs.get(key) == (body[::-1], newer)

    def test_keys_come_in_order_and_page_by_page(self) -> None:
        blobs, folder = self.connect(), fresh("")
        if isinstance(blobs, ObjectBlobs):
            blobs.page_size = 3
        keys = [f"{folder}{name}" for name in ("a-b/1", "a/1", "a/2", "a0/1", "b.json", "b/1", "b/2", "c")]
        for key in reversed(keys):
            blobs.put(key, b"", replaces=None)
        assert list(blobs.list(folder)) == sorted(keys)
        assert list(blobs.list(f"{folder}a/")) == [f"{folder}a/1", f"{folder}a/2"]
        assert list(blobs.list(f"{folder}b")) == [f"{folder}b.json", f"{folder}b/1", f"{folder}b/2"]
        assert list(blobs.list(f"{folder}nothing")) == []

    def test_deleting_may_be_repeated(self) -> None:
        blobs, key = self.connect(), fresh()
        blobs.put(key, b"1", replaces=None)
        for _ in range(2):
            blobs.delete(key)
        assert blobs.get(key) is None
        blobs.put(key, b"2", replaces=None)

    def test_a_key_cannot_lead_anywhere_else(self) -> None:
        blobs = self.connect()
        for key in ("../x", "/x", "a//b", "a/../b", "", "a/.hidden", "a\nb", "a?b", "a%2e"):
            try:
                blobs.put(key, b"", replaces=None)
            except ValueError:
                continue
            raise AssertionError(f"{key!r} was taken for a key")

    def test_of_many_who_create_a_blob_one_wins(self) -> None:
        connections = self.connections()
        for _ in range(5):
            self.one_wins(connections, fresh(), None)

    def test_of_many_who_replace_a_blob_one_wins(self) -> None:
        connections, key = self.connections(), fresh()
        tag = connections[0].put(key, b"start", replaces=None)
        for _ in range(5):
            tag = self.one_wins(connections, key, tag)

    def one_wins(self, connections: list[Blobs], key: str, replaces: Tag | None) -> Tag:
        """A race for one write; the winner's tag."""
        won = contest(connections, lambda blobs, me: blobs.put(key, me, replaces=replaces))
        assert len(won) == 1
        found = self.connect().get(key)
        assert found is not None
        assert found[0] == won[0]
        return found[1]

    def connections(self) -> list[Blobs]:
        """Several, each shared by some of the threads of a contest."""
        return [self.connect() for _ in range(4)]

    def test_no_increment_of_a_counter_is_lost(self) -> None:
        key = fresh()
        self.connect().put(key, b"0", replaces=None)

        def count(blobs: Blobs, _: bytes) -> None:
            for _attempt in range(200):
                found = blobs.get(key)
                assert found is not None
                try:
                    blobs.put(key, str(int(found[0]) + 1).encode(), replaces=found[1])
                except Conflict:
                    continue
                return
            raise AssertionError("never got its turn")

        contest(self.connections(), count, contenders=6)
        found = self.connect().get(key)
        assert found is not None
        assert found[0] == b"6"

    def test_a_reader_never_sees_half_a_blob(self) -> None:
        blobs, key = self.connect(), fresh()
        bodies = [letter * 300_000 for letter in (b"a", b"b", b"c")]
        tag = blobs.put(key, bodies[0], replaces=None)
        done = threading.Event()

        def read() -> int:
            reader, number = self.connect(), 0
            while not done.is_set():
                found = reader.get(key)
                assert found is not None
                assert found[0] in bodies
                number += 1
            return number

        with ThreadPoolExecutor() as pool:
            reading = pool.submit(read)
            try:
                for turn in range(1, 20):
                    tag = blobs.put(key, bodies[turn % 3], replaces=tag)
            finally:
                done.set()
            assert reading.result() > 0


def contest(
    connections: Sequence[Blobs], act: Callable[[Blobs, bytes], object], contenders: int = CONTENDERS
) -> list[bytes]:
    """Let that many threads act at once; the names of those that met no conflict."""
    start = threading.Barrier(contenders)

    def run(number: int) -> bytes | None:
        me = f"{number}-{secrets.token_hex(4)}".encode()
        start.wait()
        try:
            act(connections[number % len(connections)], me)
        except Conflict:
            return None
        return me

    with ThreadPoolExecutor(contenders) as pool:
        return [name for name in pool.map(run, range(contenders)) if name is not None]


class RemoteBlobsSuite(BlobsSuite):
    """A store behind HTTP: whatever happens on the way, a write is told to have happened if and only if it has."""

    endpoint: str
    """The URL of the server under test, without any fault."""

    @abstractmethod
    def connect_to(self, endpoint: str, patience: Patience) -> Blobs:
        """A new connection through ``endpoint``, which ends at the server; no client of its own may be kept."""

    def connect(self) -> Blobs:
        return self.connect_to(self.endpoint, Patience())

    @contextmanager
    def faulty(self) -> Iterator[tuple[Blobs, FaultProxy]]:
        """A connection whose requests pass a proxy, and has proven that its store honours conditions."""
        with fault_proxy(self.endpoint) as proxy:
            blobs, key = self.connect_to(proxy.endpoint, QUICK), fresh()
            blobs.put(key, b"2", replaces=blobs.put(key, b"1", replaces=None))
            proxy.clear()
            yield blobs, proxy

    def written(self, fault: Fault, times: int = 1) -> None:
        """A creation and a replacement that meet ``fault`` succeed all the same, and once."""
        with self.faulty() as (blobs, proxy):
            key = fresh()
            proxy.next(fault, methods=WRITES, times=times)
            tag = blobs.put(key, b"1" * 100, replaces=None)
            assert self.connect().get(key) == (b"1" * 100, tag)
            proxy.next(fault, methods=WRITES, times=times)
            newer = blobs.put(key, b"2" * 100, replaces=tag)
            assert self.connect().get(key) == (b"2" * 100, newer)
            assert [seen.fault for seen in proxy.seen].count(fault) == 2 * times

    def test_a_busy_store_is_asked_again(self) -> None:
        for status in (409, 429, 500, 502, 503, 504):
            self.written(Fault(when="before", status=status), times=2)

    def test_a_store_may_say_when_to_come_back(self) -> None:
        self.written(Fault(when="before", status=503, headers={"Retry-After": "0"}))

    def test_a_connection_cut_before_the_store_acted(self) -> None:
        self.written(CUT_BEFORE, times=2)

    def test_a_connection_cut_after_the_store_acted(self) -> None:
        self.written(CUT_AFTER)

    def test_an_error_after_the_store_acted(self) -> None:
        for status in (500, 503):
            self.written(Fault(when="after", status=status))

    def test_a_refusal_of_what_has_been_done(self) -> None:
        """As when something in between sends a request twice: the second one is refused because of the first."""
        self.written(Fault(when="after", status=412))

    def test_a_page_of_somebody_else_after_the_store_acted(self) -> None:
        """As a filter of a company's network that reads the answer and shows a page of its own in its place."""
        for status in (400, 403, 404):
            self.written(Fault(when="after", status=status, body=b"not the store you wanted"))

    def test_a_busy_answer_after_the_store_acted(self) -> None:
        for status in (409, 429):
            self.written(Fault(when="after", status=status))

    def test_a_refusal_for_no_reason(self) -> None:
        self.written(Fault(when="before", status=412))

    def test_an_answer_cut_short(self) -> None:
        self.written(Fault(when="after", cut_body=0))

    def test_a_request_cut_short_is_not_kept(self) -> None:
        self.written(Fault(cut_request=40))

    def test_an_answer_that_comes_too_late(self) -> None:
        """The client gives up and asks again; then the first request arrives at the store as well."""
        self.written(Fault(delay=1.0))

    def test_requests_are_few(self) -> None:
        """A write is one request, a conflict two: the write and a look; a read at most two."""
        with self.faulty() as (blobs, proxy):
            key = fresh()
            first = blobs.put(key, b"1", replaces=None)
            second = blobs.put(key, b"2", replaces=first)
            assert len(proxy.seen) == 2
            for replaces in (None, first):
                with conflicts():
                    blobs.put(key, b"3", replaces=replaces)
            assert len(proxy.seen) == 6
            assert blobs.get(key) == (b"2", second)
            assert len(proxy.seen) <= 8

    def test_a_store_that_stays_away(self) -> None:
        with self.faulty() as (blobs, proxy):
            key = fresh()
            proxy.next(Fault(when="before", status=429), methods=WRITES, times=1000)
            with fails("AS703"):
                blobs.put(key, b"1", replaces=None)
            proxy.next(CUT_BEFORE, times=1000)
            with fails("AS703"):
                blobs.get(key)
            with fails("AS703"):
                list(blobs.list("suite/"))
            assert len(proxy.seen) <= 4 * QUICK.tries
        assert self.connect().get(key) is None

    def test_an_outcome_that_cannot_be_found_out(self) -> None:
        with self.faulty() as (blobs, proxy):
            key = fresh()
            proxy.next(CUT_AFTER, methods=WRITES)
            proxy.next(CUT_BEFORE, methods=READS, times=1000)
            with fails("AS786"):
                blobs.put(key, b"1", replaces=None)
            proxy.clear()
            assert blobs.get(key) is not None

    def test_a_cut_connection_and_a_faster_writer(self) -> None:
        with self.faulty() as (blobs, proxy):
            key, other = fresh(), self.connect()
            tag = other.put(key, b"0", replaces=None)
            proxy.pick = _once(WRITES, CUT_BEFORE, lambda: other.put(key, b"theirs", replaces=tag))
            with conflicts():
                blobs.put(key, b"mine", replaces=tag)
            found = other.get(key)
            assert found is not None
            assert found[0] == b"theirs"

    def test_a_cut_connection_and_writers_on_top_of_it(self) -> None:
        """Ours was written and then replaced: neither success nor a lost race may be claimed."""
        with self.faulty() as (blobs, proxy):
            key, other = fresh(), self.connect()
            tag = other.put(key, b"0", replaces=None)

            def replace_ours() -> None:
                found = other.get(key)
                assert found is not None
                assert found[0] == b"mine"
                other.put(key, b"theirs", replaces=found[1])

            proxy.next(CUT_AFTER, methods=WRITES)
            proxy.pick = _once(READS, None, replace_ours)
            with fails("AS786"):
                blobs.put(key, b"mine", replaces=tag)

    def test_a_doubt_is_not_forgotten(self) -> None:
        """The first request got lost, perhaps only for now; the second is refused after others have written twice."""
        with self.faulty() as (blobs, proxy):
            key, other = fresh(), self.connect()
            tag = other.put(key, b"0", replaces=None)

            def write_twice() -> None:
                other.put(key, b"theirs", replaces=other.put(key, b"perhaps ours", replaces=tag))

            proxy.next(CUT_BEFORE, methods=WRITES)
            proxy.pick = _once(WRITES, Fault(when="before", status=412), write_twice, skipped=1)
            with fails("AS786"):
                blobs.put(key, b"mine", replaces=tag)

    def test_a_missing_page_of_somebody_else_is_not_an_empty_registry(self) -> None:
        for status in (404, 403, 400):
            with self.faulty() as (blobs, proxy):
                key = fresh()
                tag = blobs.put(key, b"1", replaces=None)
                page = Fault(when="before", status=status, body=b"not the store you wanted")
                for act in (
                    lambda blobs=blobs, key=key: blobs.get(key),
                    lambda blobs=blobs: list(blobs.list("suite/")),
                ):
                    proxy.next(page, times=1000)
                    with fails("AS703", "AS781"):
                        act()
                    proxy.clear()
                for replaces in (None, tag):
                    proxy.next(page, methods=WRITES, times=1000)
                    with fails("AS703", "AS781", "AS786"):
                        blobs.put(key if replaces else fresh(), b"2", replaces=replaces)
                    proxy.clear()
                assert blobs.get(key) == (b"1", tag)

    def test_a_missing_page_that_passes(self) -> None:
        """A balancer that knows no server for a moment says 404 too, and so does the half of a real answer."""
        for fault in (Fault(when="before", status=404), Fault(when="after", cut_body=20)):
            self.written(fault)
            with self.faulty() as (blobs, proxy):
                proxy.next(fault, methods=READS)
                assert blobs.get(fresh()) is None

    def test_reads_are_repeated_until_they_are_whole(self) -> None:
        faults = [Fault(when="before", status=status) for status in (429, 500, 503)]
        faults += [CUT_BEFORE, CUT_AFTER, Fault(when="after", cut_body=10), Fault(delay=1.0)]
        with self.faulty() as (blobs, proxy):
            key = fresh()
            tag = blobs.put(key, b"x" * 5000, replaces=None)
            for fault in faults:
                proxy.next(fault, methods=READS)
                assert blobs.get(key) == (b"x" * 5000, tag)
                proxy.next(fault, methods=READS)
                assert list(blobs.list(key)) == [key]
            proxy.next(CUT_AFTER, methods=("DELETE",))
            blobs.delete(key)
            assert self.connect().get(key) is None

    def test_a_large_write_that_is_cut(self) -> None:
        """Some clients send large blobs in several requests, each of which may get lost."""
        body = random.Random(8).randbytes(9 * 2**20)  # noqa: S311
        patience = Patience(tries=6, first=0.01, longest=0.02)
        for fault in (CUT_BEFORE, CUT_AFTER, Fault(when="before", status=503), Fault(when="after", status=503)):
            for method in WRITES:
                with fault_proxy(self.endpoint) as proxy:
                    blobs, key = self.connect_to(proxy.endpoint, patience), fresh()
                    proxy.next(fault, methods=(method,))
                    tag = blobs.put(key, body, replaces=None)
                    assert self.connect().get(key) == (body, tag)

    def test_a_race_on_a_bad_day(self) -> None:
        """One request in four goes wrong; still there is one winner at most, and only one who was told so."""
        menu = [CUT_BEFORE, CUT_AFTER, *(Fault(when="before", status=s) for s in (409, 412, 429, 503))]
        menu += [Fault(when="after", status=500), Fault(delay=0.05)]
        chance = random.Random(11)  # noqa: S311
        with fault_proxy(self.endpoint) as proxy:
            connections = [self.connect_to(proxy.endpoint, QUICK) for _ in range(4)]
            proxy.pick = lambda _method, _path: chance.choice(menu) if chance.random() < 0.25 else None
            key = fresh()
            for _ in range(3):
                found = self.connect().get(key)
                tag = found[1] if found else None
                in_doubt: list[bytes] = []

                def write(blobs: Blobs, me: bytes, tag: Tag | None = tag, in_doubt: list[bytes] = in_doubt) -> None:
                    try:
                        blobs.put(key, me, replaces=tag)
                    except DiagnosticError as error:
                        in_doubt.append(me)
                        raise Conflict from error

                won = contest(connections, write, contenders=8)
                after = self.connect().get(key)
                assert after is not None
                assert after[0] in (won or in_doubt)
                assert len(won) <= 1


def _once(methods: tuple[str, ...], fault: Fault | None, act: Callable[[], object], *, skipped: int = 0) -> Script:
    """A script of one line: at the first request of these methods, or a later one, do something else first."""
    waiting: list[Callable[[], object]] = [act, *([lambda: None] * skipped)]

    def pick(method: str, _path: str) -> Fault | None:
        if method not in methods or not waiting:
            return None
        waiting.pop()()
        return None if waiting else fault

    return pick
