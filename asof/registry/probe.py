"""Whether a place keeps what a registry needs: tried out under a scratch name, which is removed again."""

from __future__ import annotations

import secrets
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from threading import Barrier
from typing import TYPE_CHECKING, Protocol

from asof.compiler.diagnostics import DiagnosticError
from asof.registry import folder_of, open_objects, open_registry
from asof.registry.base import UNSAFE_STORE, WRONG_CLOCK, Conflict, Missing
from asof.registry.local import LocalBlobs
from asof.registry.patience import Patience

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from asof.registry.base import Blobs, Tag
    from asof.registry.objects import ObjectBlobs

SCRATCH = "check-"
_ROUNDS, _CONTENDERS = 3, 8
_LARGE = 2**20
_SUSPICIOUS, _USELESS = timedelta(seconds=15), timedelta(seconds=60)
"""Clock differences: a lease lasts two minutes, and appliers on several machines compare it with their own clocks."""


class Status(StrEnum):
    """What came of one step."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One step: its name, what came of it, and what to do about that."""

    step: str
    status: Status
    text: str
    code: str = ""
    notes: tuple[str, ...] = ()


class _Broken(Exception):  # noqa: N818 - what is looked for
    """The place does not keep a promise."""


def probe(location: str, *, root: Path, clock: Callable[[], datetime] | None = None) -> tuple[Finding, ...]:
    """Try everything that a registry does at ``location``; what it writes for that is gone afterwards."""
    try:
        found = open_registry(location, root=root).head()
        folder = folder_of(location, root=root)
        patience = Patience(tries=4)
        place = _Folder(folder) if folder else _Bucket(open_objects(location, start=_scratch("-"), patience=patience))
    except DiagnosticError as error:
        return (_failed("open", error), *_skipped(_Steps.READING + _Steps.WRITING))
    head = found[0] if found else None
    says = f"holds {head.project}, target {head.target}, serial {head.serial}" if head else "reachable, and empty"
    opened = Finding(step="open", status=Status.OK, text=says)
    return (opened, *_Steps(place, clock or (lambda: datetime.now(UTC))).run())


def passed(findings: tuple[Finding, ...]) -> bool:
    """Whether a registry may live there."""
    return all(finding.status in (Status.OK, Status.WARNING) for finding in findings)


class _Place(Protocol):
    """A scratch place: blobs, and what else is to be known about them."""

    blobs: Blobs

    def clean(self) -> int | None:
        """Remove whatever is left, old versions too; how many versions there were, or None if nobody knows."""

    def clock(self) -> datetime | None:
        """The time that the place has."""


class _Folder:
    def __init__(self, root: Path) -> None:
        self._scratch = root / _scratch("")
        self._made = [folder for folder in (root, *root.parents) if not folder.exists()]
        self._files = LocalBlobs(self._scratch)
        self.blobs: Blobs = self._files

    def clean(self) -> int | None:
        shutil.rmtree(self._scratch, ignore_errors=True)
        for folder in self._made:
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
        return 0

    def clock(self) -> datetime | None:
        return self._files.clock()


class _Bucket:
    def __init__(self, blobs: ObjectBlobs) -> None:
        self._objects = blobs
        self.blobs: Blobs = blobs

    def clean(self) -> int | None:
        for key in tuple(self.blobs.list("")):
            self.blobs.delete(key)
        try:
            return self._objects.delete_versions()
        except DiagnosticError:
            return None

    def clock(self) -> datetime | None:
        return self._objects.clock()


class _Steps:
    """The steps, in the order in which one builds on the other."""

    READING = ("list", "read", "delete")
    WRITING = ("create", "replace", "race", "large", "clock")

    def __init__(self, place: _Place, clock: Callable[[], datetime]) -> None:
        self.place = place
        self.blobs = place.blobs
        self.now = clock

    def run(self) -> Iterator[Finding]:
        """Read, then write; if what is written could not be removed again, nothing is written."""
        waiting = list(self.READING + self.WRITING)
        written = False
        try:
            while waiting:
                finding = self._one(waiting.pop(0))
                yield finding
                if finding.status is Status.FAILED:
                    break
                # Where versions are kept, even the deletion of nothing leaves a mark.
                written = written or finding.step == "delete"
        finally:
            swept = self._sweep() if written else None
        yield from _skipped(tuple(waiting))
        if swept is not None:
            yield swept

    def _one(self, step: str) -> Finding:
        act: Callable[[], str | Finding] = getattr(self, f"_{step}")
        try:
            said = act()
        except DiagnosticError as error:
            return _failed(step, error)
        except (_Broken, Conflict) as error:
            text = f"{error}: a registry here would lose changes"
            return Finding(step=step, status=Status.FAILED, text=text, code=UNSAFE_STORE.code)
        return said if isinstance(said, Finding) else Finding(step=step, status=Status.OK, text=said)

    def _list(self) -> str:
        tuple(self.blobs.list(""))
        return "keys can be listed"

    def _read(self) -> str:
        if self.blobs.get("nothing") is not None:
            raise _Broken("a key that was never written is there")
        return "a missing key is told from a forbidden one"

    def _delete(self) -> str:
        self.blobs.delete("nothing")
        return "what is written can be removed"

    def _create(self) -> str:
        tag = self._put("a", b"1", None)
        self._expect("a", b"1", tag)
        self._refuses("a", None, Conflict, "a blob was created twice")
        self._expect("a", b"1", tag)
        return "a blob is created once, and seen at once"

    def _replace(self) -> str:
        first = self._put("b", b"1", None)
        second = self._put("b", b"2", first)
        self._expect("b", b"2", second)
        self._refuses("b", first, Conflict, "a stale blob was replaced")
        self._refuses("never", second, Missing, "a blob that was not there was replaced")
        self._expect("b", b"2", second)
        return "a blob is replaced only by those who saw it"

    def _race(self) -> str:
        for number in range(_ROUNDS):
            key = f"race-{number}"
            start = Barrier(_CONTENDERS)

            def contend(me: int, key: str = key, start: Barrier = start) -> bool:
                start.wait()
                try:
                    self._put(key, str(me).encode(), None)
                except Conflict:
                    return False
                return True

            with ThreadPoolExecutor(_CONTENDERS) as pool:
                winners = sum(pool.map(contend, range(_CONTENDERS)))
            if winners != 1:
                raise _Broken(f"{winners} of {_CONTENDERS} won a race for one key")
        return f"of {_CONTENDERS} writers at once one wins, {_ROUNDS} times out of {_ROUNDS}"

    def _large(self) -> str:
        body = secrets.token_bytes(_LARGE)
        self._expect("large", body, self._put("large", body, None))
        return "a blob of 1 MiB comes back as it was"

    def _clock(self) -> str | Finding:
        theirs, ours = self.place.clock(), self.now()
        if theirs is None:
            return "the place has no clock of its own"
        apart = abs(ours - theirs)
        text = f"this machine and the store are {apart.total_seconds():.0f} s apart"
        finding = Finding(step="clock", status=Status.OK, text=text)
        if apart <= _SUSPICIOUS:
            return finding
        status = Status.FAILED if apart > _USELESS else Status.WARNING
        note = "a lease of two minutes would run out early or late: timedatectl set-ntp true"
        return replace(finding, status=status, code=WRONG_CLOCK.code, notes=(note,))

    def _sweep(self) -> Finding:
        try:
            versions = self.place.clean()
            left = tuple(self.blobs.list(""))
        except DiagnosticError as error:
            return _failed("clean", error)
        if left:
            return Finding(step="clean", status=Status.FAILED, text=f"these keys stay behind: {', '.join(left)}")
        if versions is None:
            text = "nothing is left; whether old versions are kept cannot be seen"
            note = "if they are, those of this check go with the bucket's own lifecycle rule"
            return Finding(step="clean", status=Status.WARNING, text=text, notes=(note,))
        if versions:
            text = f"nothing is left; the bucket keeps versions ({versions} of this check are removed as well)"
            note = "every replaced HEAD.json stays as a version: a lifecycle rule should end old ones after some weeks"
            return Finding(step="clean", status=Status.OK, text=text, notes=(note,))
        return Finding(step="clean", status=Status.OK, text="nothing is left")

    def _put(self, key: str, body: bytes, replaces: Tag | None) -> Tag:
        return self.blobs.put(key, body, replaces=replaces)

    def _expect(self, key: str, body: bytes, tag: Tag) -> None:
        if self.blobs.get(key) != (body, tag):
            raise _Broken("a read did not see the write before it")
        if key not in self.blobs.list(key):
            raise _Broken("a list did not show the write before it")

    def _refuses(self, key: str, replaces: Tag | None, kind: type[Conflict], otherwise: str) -> None:
        try:
            self._put(key, b"x", replaces)
        except kind:
            return
        raise _Broken(otherwise)


def _scratch(end: str) -> str:
    return f"{SCRATCH}{secrets.token_hex(6)}{end}"


def _failed(step: str, error: DiagnosticError) -> Finding:
    found = error.diagnostics[0]
    return Finding(step=step, status=Status.FAILED, text=found.message, code=found.code, notes=found.notes)


def _skipped(steps: tuple[str, ...]) -> tuple[Finding, ...]:
    why = "not tried, because of what failed before"
    return tuple(Finding(step=step, status=Status.SKIPPED, text=why) for step in steps)
