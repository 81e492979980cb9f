"""A registry in an object store, whichever: patience, and an answer to every write whose outcome is in doubt.

A store's own file (s3.py, gcs.py, azure.py) makes single requests and says what came of them; nothing in it
tries again. All that is decided here, once: what may be repeated, and who won.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol, TypeVar

from asof.compiler.diagnostics import DiagnosticError
from asof.compiler.source import NOWHERE
from asof.registry.base import (
    UNAVAILABLE,
    UNKNOWN_OUTCOME,
    UNSAFE_STORE,
    Conflict,
    Missing,
    Tag,
    checked,
)
from asof.registry.patience import Patience

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

T = TypeVar("T")

_LONGEST = 400


class Outcome(Enum):
    """What a request that failed did to the store."""

    REFUSED = "its condition did not hold, so it did nothing"
    NOT_DONE = "it did nothing, and may be asked again"
    UNKNOWN = "it may have acted or not"


class Fault(Exception):  # noqa: N818 - an answer of the store, not yet an error
    """A request did not succeed, for a reason that may pass. What never passes is a DiagnosticError at once."""

    def __init__(self, outcome: Outcome, message: str, *, after: float = 0.0) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.after = after
        """Seconds that the store asked to wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What a write leaves on its blob, so that its writer knows it again: a token, and what it replaced."""

    token: str
    replaced: str

    @classmethod
    def new(cls, replaces: Tag | None) -> Stamp:
        """A stamp that no other write bears."""
        return cls(token=secrets.token_hex(16), replaced=_short(replaces))

    @classmethod
    def parse(cls, text: str) -> Stamp:
        """The stamp as a store gives it back; one of nobody for a blob that came here some other way."""
        token, _, replaced = text.partition(".")
        return cls(token=token, replaced=replaced)

    def __str__(self) -> str:
        return f"{self.token}.{self.replaced}"


class Bucket(Protocol):
    """One object store, a request at a time. Methods raise Fault, or DiagnosticError for what will not pass."""

    place: str
    """How messages name it; without options, since those may name what is nobody's business."""

    def read(self, key: str) -> tuple[bytes, Tag] | None:
        """A blob, whole."""

    def look(self, key: str) -> tuple[Tag, Stamp] | None:
        """A blob's tag and stamp, without its bytes."""

    def write(self, key: str, body: bytes, stamp: Stamp, replaces: Tag | None) -> Tag:
        """One conditional write."""

    def page(self, prefix: str, marker: str, size: int) -> tuple[list[str], str]:
        """Up to ``size`` keys in order, and the marker of the next page; "" at the end."""

    def remove(self, key: str) -> None:
        """Delete a blob if it is there."""

    def remove_versions(self, prefix: str) -> int:
        """Delete every version of every blob whose key starts with ``prefix``; how many there were."""

    def clock(self) -> datetime | None:
        """The store's time (UTC) as the last write had it; None if its answer had none."""


class ObjectBlobs:
    """``Blobs`` in a bucket, under ``prefix``. Threads may share it.

    The first creation and the first replacement of a process are sent twice: a store that takes the second one
    ignores conditions, and is refused (AS784) before anybody relies on it.
    """

    def __init__(self, bucket: Bucket, prefix: str, patience: Patience | None = None) -> None:
        self.bucket = bucket
        self.prefix = prefix
        self.patience = patience or Patience()
        self.page_size = 1000
        self._proven: set[bool] = set()
        self._written: datetime | None = None

    def get(self, key: str) -> tuple[bytes, Tag] | None:
        full = self._full(key)
        return self._patiently(lambda: self.bucket.read(full))

    def put(self, key: str, body: bytes, *, replaces: Tag | None) -> Tag:
        full, stamp = self._full(key), Stamp.new(replaces)
        self._written = None
        if (replaces is None) in self._proven:
            return self._write(full, body, stamp, replaces)
        # Nobody knows yet whether conditions count here: look first, lest the proof itself overwrites something.
        self._settled(full, stamp, replaces, doubt=False)
        tag = self._write(full, body, stamp, replaces)
        if tag != replaces:
            self._prove(full, body, replaces)
        return tag

    def list(self, prefix: str) -> Iterator[str]:
        marker = ""
        while True:
            here = marker
            keys, marker = self._patiently(lambda: self.bucket.page(self.prefix + prefix, here, self.page_size))  # noqa: B023
            yield from (key.removeprefix(self.prefix) for key in keys)
            if not marker:
                return

    def delete(self, key: str) -> None:
        full = self._full(key)
        self._patiently(lambda: self.bucket.remove(full))

    def clock(self) -> datetime | None:
        """The server's time at the last write, or None if the server's answer to it did not arrive."""
        return self._written

    def delete_versions(self) -> int:
        """Delete all there is under this prefix, versions of old included; how many there were."""
        return self._patiently(lambda: self.bucket.remove_versions(self.prefix))

    def _full(self, key: str) -> str:
        return self.prefix + checked(key)

    def _patiently(self, ask: Callable[[], T]) -> T:
        """Something that may be asked any number of times."""
        fault: Fault | None = None
        for attempt in self.patience.attempts():
            try:
                return ask()
            except Fault as error:
                fault = error
                attempt.wait(error.after)
        raise DiagnosticError(UNAVAILABLE.at(NOWHERE, f"{self.bucket.place}: {fault}")) from fault

    def _write(self, key: str, body: bytes, stamp: Stamp, replaces: Tag | None) -> Tag:
        doubt = False
        fault: Fault | None = None
        for attempt in self.patience.attempts():
            try:
                tag = self.bucket.write(key, body, stamp, replaces)
            except Fault as error:
                fault = error
            except DiagnosticError:
                # What stands in between may have put a page of its own in the place of the store's answer.
                mine = self._acted(key, stamp)
                if mine is not None:
                    return mine
                raise
            else:
                self._written = self.bucket.clock()
                return tag
            if fault.outcome is not Outcome.NOT_DONE:
                # A refusal is looked into as well: whatever stands in between may have sent our request twice.
                doubt = doubt or fault.outcome is Outcome.UNKNOWN
                mine = self._settled(key, stamp, replaces, doubt=doubt)
                if mine is not None:
                    return mine
            attempt.wait(fault.after)
        raise self._given_up(key, fault, doubt=doubt) from fault

    def _settled(self, key: str, stamp: Stamp, replaces: Tag | None, *, doubt: bool) -> Tag | None:
        """The tag if our write is there; None if it may still be tried. Raises Conflict if somebody else's is."""
        try:
            found = self._patiently(lambda: self.bucket.look(key))
        except DiagnosticError as error:
            if doubt:
                raise self._given_up(key, error, doubt=True) from error
            raise
        if found is None:
            if replaces is not None:
                raise Missing(key)
            return None
        tag, theirs = found
        if theirs.token == stamp.token:
            return tag
        if tag == replaces:
            return None
        if doubt and theirs.replaced != stamp.replaced:
            # Others have written since, perhaps on top of ours: nothing in the store can tell any more.
            raise self._given_up(key, Conflict(key), doubt=True)
        raise Conflict(key)

    def _acted(self, key: str, stamp: Stamp) -> Tag | None:
        """The tag if our write is there for all to see; None where it is not, or nobody can tell."""
        try:
            found = self.bucket.look(key)
        except (Fault, DiagnosticError):
            return None
        return found[0] if found is not None and found[1].token == stamp.token else None

    def _given_up(self, key: str, why: Exception | None, *, doubt: bool) -> DiagnosticError:
        if not doubt:
            return DiagnosticError(UNAVAILABLE.at(NOWHERE, f"{self.bucket.place}: {why}"))
        reason = "others have written since" if isinstance(why, Conflict) else str(why)
        message = f"{self.bucket.place}: {key.removeprefix(self.prefix)} may have been written or not: {reason}"
        return DiagnosticError(UNKNOWN_OUTCOME.at(NOWHERE, message))

    def _prove(self, key: str, body: bytes, replaces: Tag | None) -> None:
        """Repeat a write that has succeeded: its condition holds no longer, so the store has to refuse it."""
        stamp = Stamp.new(replaces)
        for attempt in self.patience.attempts():
            try:
                self.bucket.write(key, body, stamp, replaces)
            except Fault as fault:
                if fault.outcome is Outcome.REFUSED:
                    self._proven.add(replaces is None)
                    return
                attempt.wait(fault.after)
            else:
                if replaces is None:
                    self._patiently(lambda: self.bucket.remove(key))
                raise unsafe(
                    self.bucket.place, "creating a blob twice" if replaces is None else "replacing a stale blob"
                )


def said(error: object) -> str:
    """What a client says of a failure, on one line, without any URL's query and user: they may hold a secret."""
    line = " ".join(str(error).partition("\n")[0].split())
    line = re.sub(r"(?<=://)[^/\s'\"]*@", "", line)
    return re.sub(r"\?[^\s'\")]+", "?...", line)[:_LONGEST]


def unsafe(place: str, what: str) -> DiagnosticError:
    """The error for a store that overwrites what it was told to leave alone."""
    message = f"{place}: {what} succeeded: conditional writes are not honoured"
    note = "two applies at once would lose each other's changes there; use a store with conditional writes"
    return DiagnosticError(UNSAFE_STORE.at(NOWHERE, message, notes=(note,)))


def _short(tag: Tag | None) -> str:
    return "new" if tag is None else hashlib.sha256(tag.encode()).hexdigest()[:16]
