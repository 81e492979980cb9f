"""A registry over any ``Blobs``: one head, immutable generations, an audit trail."""

from __future__ import annotations

import gzip
import hashlib
import secrets
import zlib
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from asof.compiler.diagnostics import DiagnosticError, rule
from asof.compiler.formats import upgraded
from asof.compiler.source import NOWHERE
from asof.compiler.state import EMPTY, UNREADABLE_STATE, State, encode, state_bytes, state_from_bytes, unreadable
from asof.registry.base import Blobs, Conflict, Missing, Tag
from asof.registry.records import HEAD_FORMAT, HEAD_MIGRATIONS, Entry, Forgiven, Head, Unlock

if TYPE_CHECKING:
    from collections.abc import Callable

    from asof.compiler.formats import Migrations

HEAD = "HEAD.json"
AUDIT = "audit/"
UNLOCKS = f"{AUDIT}unlocks/"
FORGIVEN = f"{AUDIT}forgiven/"
GENERATIONS = "generations/"
JOURNAL = "journal/"
LARGEST_GENERATION = 2**30
"""Bytes that a blob may have once decompressed."""
_ALWAYS, _RATIO = 16 << 20, 200
"""Beyond 16 MiB no more than 200 times its own size: ours shrink to a tenth, and a small blob must not fill the memory
of whoever reads it."""

NO_SUCH_SERIAL = rule("AS709", "registry has no such generation")

S = TypeVar("S", bound=msgspec.Struct)
R = TypeVar("R")


def now() -> datetime:
    """The instant, in UTC."""
    return datetime.now(UTC)


class Registry:
    """Reads need two GETs and no lock; writes go through a claim (asof/registry/claim.py).

    Every method raises DiagnosticError where the registry is out of reach (AS703), damaged (AS701) or
    newer than this asof (AS702). A registry that cannot be read is never taken for an empty one.
    """

    def __init__(self, blobs: Blobs, clock: Callable[[], datetime] = now) -> None:
        self.blobs = blobs
        self.clock = clock

    def head(self) -> tuple[Head, Tag] | None:
        """The head as it is now, or None where nothing was ever applied."""
        found = self.blobs.get(HEAD)
        if found is None:
            if next(iter(self.blobs.list(GENERATIONS)), None) is None:
                return None
            # The first apply may have come in between.
            found = self.blobs.get(HEAD)
            if found is None:
                raise unreadable(f"{HEAD} is gone while generations are there; restore it from a backup")
        body, tag = found
        return _decoded(body, HEAD, Head, (HEAD_FORMAT, HEAD_MIGRATIONS)), tag

    def state(self) -> State:
        """The current generation; EMPTY where nothing was ever applied."""
        found = self.seen(self.generation_of)
        return found[1] if found else EMPTY

    def seen(self, read: Callable[[Head], R]) -> tuple[Head, R] | None:
        """The head and what ``read`` makes of it; None where nothing was ever applied.

        A reader has no claim: between its two requests an apply may commit and ``gc`` take the generation that the
        head named before. So a failure counts only while the head names the same generation as before.
        """
        found = self.head()
        while found is not None:
            try:
                return found[0], read(found[0])
            except DiagnosticError:
                later = self.head()
                if later is None or later[0].generation == found[0].generation:
                    raise
                found = later
        return None

    def generation_of(self, head: Head) -> State:
        """The generation that ``head`` points to, verified by its hash, and what is owed beside it."""
        if not head.serial:
            return State(project=head.project, target=head.target, lineage=head.lineage, owed=head.owed)
        body = self._named(head.serial, head.generation)
        state = self._generation(head.serial, head.generation, head.lineage, body)
        return msgspec.structs.replace(state, owed=head.owed)

    def prove(self, head: Head) -> None:
        """Raise DiagnosticError AS701 where the generation that ``head`` points to is gone or damaged.

        It costs the one GET of a reader, and nothing is decoded.
        """
        if head.serial:
            self._named(head.serial, head.generation)

    def at(self, serial: int) -> State:
        """An earlier generation. Raises DiagnosticError AS709 where there is none of that number, or no more."""
        found = self.head()
        if found is not None and found[0].serial == serial:
            return self.generation_of(found[0])
        entry = self._record(audit_key(serial), Entry) if found is not None and 0 < serial < found[0].serial else None
        if entry is not None and found is not None:
            body = self._body(serial, entry.generation)
            if body is None:
                message = f"generation {serial} is not kept any more (asof registry gc)"
                raise DiagnosticError(NO_SUCH_SERIAL.at(NOWHERE, message))
            return self._generation(serial, entry.generation, found[0].lineage, body)
        raise DiagnosticError(NO_SUCH_SERIAL.at(NOWHERE, f"this registry has no generation {serial}"))

    def history(self) -> tuple[Entry, ...]:
        """The audit trail, oldest generation first."""
        found = self.head()
        if found is None:
            return ()
        head = found[0]
        entries = {entry.serial: entry for key in self.trail_keys() if (entry := self._record(key, Entry))}
        if head.last is not None:
            entries.setdefault(head.last.serial, head.last)
        return tuple(entries[serial] for serial in sorted(entries) if serial <= head.serial)

    def trail_keys(self) -> list[str]:
        """Where the lines of the audit trail stand, readable or not."""
        return [key for key in self.blobs.list(AUDIT) if key.count("/") == 1]

    def trail(self) -> tuple[Entry, ...]:
        """The lines of the audit trail that can be read, oldest first, whatever the head says."""
        entries = []
        for key in self.trail_keys():
            with suppress(DiagnosticError):
                entries.append(self._record(key, Entry))
        return tuple(sorted((entry for entry in entries if entry is not None), key=lambda entry: entry.serial))

    def whole(self, entry: Entry) -> State | None:
        """The generation of a line of the trail; None where it is gone or damaged. Raises DiagnosticError AS702."""
        try:
            body = self._body(entry.serial, entry.generation)
            return state_from_bytes(body, entry.generation) if body is not None else None
        except DiagnosticError as error:
            if error.code != UNREADABLE_STATE.code:
                raise
            return None

    def since(self, serial: int) -> tuple[Entry, ...]:
        """The trail after generation ``serial``, one read for each line; it ends where a line is missing."""
        found = self.head()
        entries: list[Entry] = []
        while found is not None and serial + len(entries) < found[0].serial:
            head, after = found[0], serial + len(entries) + 1
            entry = head.last if head.last and head.last.serial == after else self._record(audit_key(after), Entry)
            if entry is None:
                break
            entries.append(entry)
        return tuple(entries)

    def unlocks(self) -> tuple[Unlock, ...]:
        """Every claim that was broken by hand, oldest first."""
        found = [unlock for key in self.blobs.list(UNLOCKS) if (unlock := self._record(key, Unlock))]
        return tuple(sorted(found, key=lambda unlock: (unlock.at, unlock.epoch)))

    def forgiven(self) -> tuple[Forgiven, ...]:
        """Every owed step that was given up by hand, oldest first."""
        given_up = [entry for key in self.blobs.list(FORGIVEN) if (entry := self._record(key, Forgiven))]
        return tuple(sorted(given_up, key=lambda entry: entry.at))

    def write_generation(self, state: State) -> str:
        """Store ``state`` under its serial and hash; returns the hash. Nobody sees it until HEAD points there."""
        body = state_bytes(state)
        digest = hashlib.sha256(body).hexdigest()
        self.write_once(_generation_key(state.serial, digest), gzip.compress(body, compresslevel=6, mtime=0))
        return digest

    def write_once(self, key: str, body: bytes) -> bool:
        """Store an immutable blob; False where the key is taken, by this very blob or an earlier attempt at it."""
        try:
            self.blobs.put(key, body, replaces=None)
        except Conflict:
            return False
        return True

    def swap(self, head: Head, replaces: Tag | None) -> tuple[Head, Tag]:
        """Replace the head, if it still bears the tag. Raises Conflict where somebody was faster."""
        made = msgspec.structs.replace(head, nonce=secrets.token_hex(16))
        try:
            return made, self.blobs.put(HEAD, encode(made), replaces=replaces)
        except Missing as error:
            raise unreadable(f"{HEAD} was removed while in use; restore it from a backup") from error

    def _generation(self, serial: int, digest: str, lineage: str, body: bytes) -> State:
        state = state_from_bytes(body, digest)
        if (state.serial, state.lineage) != (serial, lineage):
            key = _generation_key(serial, digest)
            raise unreadable(f"{key} is generation {state.serial} of another registry")
        return state

    def _named(self, serial: int, digest: str) -> bytes:
        """The generation that a head names: it has to be there."""
        body = self._body(serial, digest)
        if body is None:
            raise unreadable(f"{_generation_key(serial, digest)} is missing; restore it from a backup")
        return body

    def _body(self, serial: int, digest: str) -> bytes | None:
        """A generation as it was written, compared with its hash; None where it is not kept."""
        key = _generation_key(serial, digest)
        found = self.blobs.get(key)
        if found is None:
            return None
        body = inflated(found[0], key)
        if hashlib.sha256(body).hexdigest() != digest:
            raise unreadable(f"{key} is damaged: its contents do not match its name")
        return body

    def _record(self, key: str, kind: type[S]) -> S | None:
        found = self.blobs.get(key)
        return _decoded(found[0], key, kind) if found else None


def head_from_json(document: dict[str, Any]) -> Head:
    """A head out of an export, brought up to date. Raises ValueError, DiagnosticError AS702 for a newer one."""
    return msgspec.convert(upgraded(document, HEAD_FORMAT, HEAD_MIGRATIONS), Head)


def _generation_key(serial: int, digest: str) -> str:
    return f"{GENERATIONS}{serial}-{digest}.json.gz"


def audit_key(serial: int) -> str:
    """Where the line of a generation stands."""
    return f"{AUDIT}{serial}.json"


def inflated(body: bytes, key: str) -> bytes:
    """What was compressed into the blob ``key``. Raises DiagnosticError AS701 where it is damaged or too large."""
    inflate = zlib.decompressobj(wbits=31)
    most = min(LARGEST_GENERATION, max(_ALWAYS, _RATIO * len(body)))
    try:
        made = inflate.decompress(body, most)
    except zlib.error as error:
        raise unreadable(f"{key} is damaged: {error}") from error
    if not inflate.eof:
        why = "it is larger than asof reads" if len(made) == most else "it is cut short"
        raise unreadable(f"{key} is damaged: {why}")
    return made


def _decoded(body: bytes, key: str, kind: type[S], versions: tuple[int, Migrations] | None = None) -> S:
    try:
        document = msgspec.json.decode(body, type=dict[str, Any])
        return msgspec.convert(upgraded(document, *versions) if versions else document, kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise unreadable(f"{key} is damaged: {error}") from error
