"""The conformance suite has teeth: each promise that a store breaks is found by the test that is named for it."""

from __future__ import annotations

import hashlib
import threading
import time
from typing import TYPE_CHECKING

import pytest

from asof.registry import open_objects
from asof.registry.base import Conflict, Missing, Tag, checked
from asof.registry.objects import ObjectBlobs
from asof.testing.blob_stores import BlobsSuite

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asof.registry.base import Blobs


class Place:
    """What connections share: blobs with a number that counts writes, and the listing as it was a write ago."""

    def __init__(self) -> None:
        self.blobs: dict[str, tuple[bytes, int]] = {}
        self.listed: list[str] = []
        self.count = 0
        self.lock = threading.RLock()


class Memory:
    """``Blobs`` in memory that keep every promise; each subclass breaks one."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def get(self, key: str) -> tuple[bytes, Tag] | None:
        with self.place.lock:
            found = self.place.blobs.get(checked(key))
            return (found[0], Tag(str(found[1]))) if found else None

    def put(self, key: str, body: bytes, *, replaces: Tag | None) -> Tag:
        with self.place.lock:
            self.allow(self.get(key), replaces)
            return self.keep(key, body)

    def allow(self, found: tuple[bytes, Tag] | None, replaces: Tag | None) -> None:
        if replaces is not None and found is None:
            raise Missing
        if (found[1] if found else None) != replaces:
            raise Conflict

    def keep(self, key: str, body: bytes) -> Tag:
        self.place.listed = sorted(self.place.blobs)
        self.place.count += 1
        self.place.blobs[key] = (body, self.place.count)
        return Tag(str(self.place.count))

    def list(self, prefix: str) -> Iterator[str]:
        with self.place.lock:
            yield from (key for key in sorted(self.place.blobs) if key.startswith(prefix))

    def delete(self, key: str) -> None:
        with self.place.lock:
            self.place.blobs.pop(checked(key), None)


class TestMemory(BlobsSuite):
    """What the suite asks can be kept: it is not the suite that fails those below."""

    @pytest.fixture(autouse=True)
    def _place(self) -> None:
        self.place = Place()

    def connect(self) -> Blobs:
        return Memory(self.place)


class CreatesTwice(Memory):
    def allow(self, found: tuple[bytes, Tag] | None, replaces: Tag | None) -> None:
        if replaces is not None:
            super().allow(found, replaces)


class ReplacesStale(Memory):
    def allow(self, found: tuple[bytes, Tag] | None, replaces: Tag | None) -> None:
        super().allow(found, found[1] if found and replaces else replaces)


class ReplacesMissing(Memory):
    def allow(self, found: tuple[bytes, Tag] | None, replaces: Tag | None) -> None:
        super().allow(found, replaces if found else None)


class TagsByContent(Memory):
    """Two blobs of the same bytes have one tag, and so have a blob and its twin of long ago: only that is told."""

    def get(self, key: str) -> tuple[bytes, Tag] | None:
        found = super().get(key)
        return (found[0], Tag(str(len(found[0])))) if found else None

    def keep(self, key: str, body: bytes) -> Tag:
        super().keep(key, body)
        return Tag(str(len(body)))


class LooksThenWrites(Memory):
    """Checks the condition first and writes later, as a client without conditions would."""

    def put(self, key: str, body: bytes, *, replaces: Tag | None) -> Tag:
        self.allow(self.get(key), replaces)
        time.sleep(0.01)
        with self.place.lock:
            return self.keep(key, body)


class ListsLate(Memory):
    def list(self, prefix: str) -> Iterator[str]:
        yield from (key for key in self.place.listed if key.startswith(prefix))


class ReadsLate(Memory):
    """A cache that nobody tells."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.cache: dict[str, tuple[bytes, Tag]] = {}

    def get(self, key: str) -> tuple[bytes, Tag] | None:
        found = super().get(key)
        return self.cache.setdefault(key, found) if found else None


class ListsTheFirstPage(Memory):
    def list(self, prefix: str) -> Iterator[str]:
        yield from list(super().list(prefix))[:3]


class ListsFolders(Memory):
    """A prefix is a folder here: what only begins with the same letters is left out."""

    def list(self, prefix: str) -> Iterator[str]:
        yield from (k for k in super().list(prefix) if not prefix or prefix.endswith("/") or k == prefix)


class CutsLarge(Memory):
    def keep(self, key: str, body: bytes) -> Tag:
        return super().keep(key, body[: 8 * 2**20])


class WritesInPieces(Memory):
    def keep(self, key: str, body: bytes) -> Tag:
        self.place.blobs[key] = (body[: len(body) // 2], self.place.count)
        self.place.lock.release()
        time.sleep(0.01)
        self.place.lock.acquire()
        return super().keep(key, body)


class TakesAnyKey(Memory):
    def put(self, key: str, body: bytes, *, replaces: Tag | None) -> Tag:
        return super().put(hashlib.sha256(key.encode()).hexdigest(), body, replaces=replaces)


class DeletesOnce(Memory):
    def delete(self, key: str) -> None:
        del self.place.blobs[key]


BROKEN = {
    CreatesTwice: ("test_a_blob_is_created_once", "test_of_many_who_create_a_blob_one_wins"),
    ReplacesStale: ("test_a_blob_is_replaced_only_by_those_who_saw_it", "test_of_many_who_replace_a_blob_one_wins"),
    ReplacesMissing: ("test_a_blob_that_is_not_there_is_not_replaced",),
    TagsByContent: ("test_a_blob_is_replaced_only_by_those_who_saw_it",),
    LooksThenWrites: ("test_of_many_who_create_a_blob_one_wins", "test_no_increment_of_a_counter_is_lost"),
    ListsLate: ("test_a_write_is_seen_by_everybody_at_once",),
    ReadsLate: ("test_a_write_is_seen_by_everybody_at_once",),
    ListsTheFirstPage: ("test_keys_come_in_order_and_page_by_page",),
    ListsFolders: ("test_keys_come_in_order_and_page_by_page",),
    CutsLarge: ("test_a_large_blob_comes_back_as_it_was",),
    WritesInPieces: ("test_a_reader_never_sees_half_a_blob",),
    TakesAnyKey: ("test_a_key_cannot_lead_anywhere_else",),
    DeletesOnce: ("test_deleting_may_be_repeated",),
}


@pytest.mark.parametrize(("store", "test"), [(store, test) for store, tests in BROKEN.items() for test in tests])
def test_a_broken_promise_is_found(store: type[Memory], test: str) -> None:
    place = Place()

    class Suite(BlobsSuite):
        def connect(self) -> Blobs:
            return store(place)

    with pytest.raises((AssertionError, KeyError)):
        getattr(Suite(), test)()


@pytest.mark.parametrize(
    "test",
    [
        "test_a_blob_is_created_once",
        "test_a_blob_is_replaced_only_by_those_who_saw_it",
        "test_a_blob_that_is_not_there_is_not_replaced",
        "test_a_tag_of_another_blob_replaces_nothing",
    ],
)
def test_a_server_that_ignores_conditions_does_not_pass(unsafe_endpoint: str, test: str) -> None:
    """Even if nobody proved at the first write what this server does: that check is taken out here."""

    class Unsafe(BlobsSuite):
        def connect(self) -> Blobs:
            found = open_objects(f"s3://features/unsafe?path_style=true&endpoint={unsafe_endpoint}")
            assert isinstance(found, ObjectBlobs)
            found._proven |= {True, False}
            return found

    with pytest.raises(AssertionError):
        getattr(Unsafe(), test)()
