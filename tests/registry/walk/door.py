"""The user's door, cheaply: asof is imported once, and each command is a fork of that, with a folder and a clock of
its own. Whatever may befall a command (a death, a full disk, a clock that is wrong) is arranged here.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import io
import os
import pickle
import pkgutil
import resource
import select
import signal
import sys
import threading
import time
import traceback
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LONGEST_SECONDS = 120.0

_SKIPPED = ("asof.testing", "asof.lsp", "asof.registry.azure", "asof.registry.gcs", "asof.templates")
_EFFECTS = frozenset({
    "commit", "execute", "executemany", "fsync", "link", "open", "rename", "replace", "rollback", "sendall", "unlink",
    "write",
})  # fmt: skip
"""Calls into C after which the world outside may be another: at each of them a process can be made to die."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What befalls one command.

    ``dies_at``: killed at the n-th effect (0: never); ``dies_after``: killed after so many seconds (0: never);
    ``ahead``: how far its clock is ahead of the registry's; ``later``: how much time has passed for both;
    ``file_limit``: bytes that a file may grow to; ``unprivileged``: root
    too is bound by the permissions of files.
    """

    dies_at: int = 0
    dies_after: float = 0.0
    ahead: timedelta = timedelta()
    later: timedelta = timedelta()
    file_limit: int | None = None
    unprivileged: bool = False

    def __str__(self) -> str:
        words = []
        if self.dies_at:
            words.append(f"killed at effect {self.dies_at}")
        if self.dies_after:
            words.append(f"killed after {self.dies_after:.3f} s")
        if self.ahead:
            words.append(f"clock ahead by {self.ahead}")
        if self.file_limit is not None:
            words.append(f"no file over {self.file_limit} bytes")
        if self.unprivileged:
            words.append("nothing may be written")
        return ", ".join(words)


CALM = Trouble()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A command that has ended: its exit status (negative for a signal) and what it wrote."""

    args: tuple[str, ...]
    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err

    @property
    def complaint(self) -> str:
        """What it complained of; where it did not, the end of what it wrote."""
        begin = self.text.find("error[")
        return self.text[begin:][:900] if begin >= 0 else self.text[-900:]


@dataclass(slots=True)
class Door:
    """Forks commands; ``cpu_seconds`` is what all of them took, ``kills`` how many were killed on purpose."""

    cpu_seconds: float = 0.0
    commands: int = 0
    kills: int = 0
    _warm: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        for module in pkgutil.walk_packages(importlib.import_module("asof").__path__, "asof."):
            if not module.name.startswith(_SKIPPED):
                importlib.import_module(module.name)
        for name in ("duckdb", "pyarrow", "pyarrow.csv", "sqlite3", "sqlglot", "typer.main"):
            importlib.import_module(name)
        _build_once()

    def warm(self, root: Path, env: Mapping[str, str], entity: str, view: str) -> None:
        """Run what starts no thread once in this process, so that what it works out once is there in every fork."""
        for args in (("apply", "--yes"), ("--json", "materialize"), ("--json", "drift")):
            self.run(args, root, env)
        here, silent, kept = Path.cwd(), os.open(os.devnull, os.O_WRONLY), os.dup(1)
        get = ("--json", "online", "get", "-e", entity, "--features", view)
        try:
            os.chdir(root)
            os.dup2(silent, 1)
            for args in (("validate",), ("registry", "verify"), ("--json", "plan", "--no-examples"), get):
                importlib.import_module("asof.cli").main(list(args))
            sys.stdout.flush()
        finally:
            os.dup2(kept, 1)
            os.chdir(here)
        gc.collect()
        gc.freeze()

    @staticmethod
    def has(*command: str) -> bool:
        """Whether this asof knows ``registry repair`` and the like."""
        app = importlib.import_module("asof.cli.app")
        group = app.app if len(command) == 1 else getattr(app, command[0])
        return any(known.name == command[-1] for known in group.registered_commands)

    def run(self, args: tuple[str, ...], root: Path, env: Mapping[str, str], trouble: Trouble = CALM) -> Ran:
        """One command, run to its end or to the end of its process."""
        verb = next((word for word in args if not word.startswith("--")), "")
        learn = not str(trouble) and verb not in self._warm
        streams = [os.pipe() for _ in range(3)]
        child = os.fork()
        if child == 0:
            _be_the_command(args, root, env, trouble, streams, learn=learn)
        for _, writing in streams:
            os.close(writing)
        limit = trouble.dies_after or LONGEST_SECONDS
        texts, late = _read_all(child, [reading for reading, _ in streams], limit)
        _, status, usage = os.wait4(child, 0)
        self.cpu_seconds += usage.ru_utime + usage.ru_stime
        self.commands += 1
        code = os.waitstatus_to_exitcode(status)
        self.kills += code == -signal.SIGKILL
        if late and not trouble.dies_after:
            texts[1] += f"\ndid not end within {LONGEST_SECONDS:.0f} s: Traceback unknown"
        if learn:
            self._warm.add(verb)
            for name in filter(None, texts[2].split("\n")):
                with contextlib.suppress(ImportError):
                    importlib.import_module(name)
            # No fork looks for garbage among what all of them share: that would copy every page of it.
            gc.collect()
            gc.freeze()
        return Ran(args=args, code=code, out=texts[0], err=texts[1])

    def call(self, act: Callable[[], Any]) -> Any:
        """What ``act`` returns, run in a fork: this process opens nothing itself. Raises RuntimeError."""
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            try:
                answer = pickle.dumps((True, act()))
            except BaseException:  # noqa: BLE001 - the child's outermost frame
                answer = pickle.dumps((False, traceback.format_exc()))
            with os.fdopen(writing, "wb") as stream:
                stream.write(answer)
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as stream:
            body = stream.read()
        _, _, usage = os.wait4(child, 0)
        self.cpu_seconds += usage.ru_utime + usage.ru_stime
        good, value = pickle.loads(body)
        if not good:
            raise RuntimeError(value)
        return value


def _build_once() -> None:
    """Typer makes its parser of forty commands from annotations each time it is called: here once for all forks."""
    main = importlib.import_module("typer.main")
    app = importlib.import_module("asof.cli.app").app
    parsers = {id(app): main.get_command(app)}
    real = main.get_command
    main.get_command = lambda typer: parsers.get(id(typer)) or real(typer)


def _read_all(child: int, pipes: list[int], limit: float) -> tuple[list[str], bool]:
    """All that a child writes until it ends; whether its time was up, so that it was killed."""
    end, late = time.monotonic() + limit, False
    bodies = {pipe: bytearray() for pipe in pipes}
    still = list(pipes)
    while still:
        ready, _, _ = select.select(still, [], [], max(0.0, end - time.monotonic()))
        if not ready and not late:
            late, end = True, time.monotonic() + LONGEST_SECONDS
            os.kill(child, signal.SIGKILL)
        for pipe in ready:
            block = os.read(pipe, 1 << 16)
            bodies[pipe] += block
            if not block:
                still.remove(pipe)
                os.close(pipe)
    return [bytes(bodies[pipe]).decode(errors="replace") for pipe in pipes], late


def _be_the_command(
    args: tuple[str, ...],
    root: Path,
    env: Mapping[str, str],
    trouble: Trouble,
    streams: list[tuple[int, int]],
    *,
    learn: bool,
) -> None:
    """The child: never returns."""
    code = 1
    gc.disable()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(streams[0][1], 1)
        os.dup2(streams[1][1], 2)
        sys.stdout = io.TextIOWrapper(os.fdopen(1, "wb", closefd=False), encoding="utf-8")
        sys.stderr = io.TextIOWrapper(os.fdopen(2, "wb", closefd=False), encoding="utf-8", line_buffering=True)
        os.chdir(root)
        os.environ.update(env)
        importlib.import_module("asof.registry.store").datetime = _clock(trouble.ahead + trouble.later)
        _let_pass(trouble.later)
        before = set(sys.modules)
        if trouble.file_limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (trouble.file_limit, trouble.file_limit))
        if trouble.unprivileged:
            _give_up_overriding()
        if trouble.dies_at:
            Killer(trouble.dies_at).install()
        code = importlib.import_module("asof.cli").main(list(args))
        if learn:
            os.write(streams[2][1], "\n".join(sorted(set(sys.modules) - before)).encode())
    except BaseException:  # noqa: BLE001 - the child's outermost frame
        traceback.print_exc()
    finally:
        with contextlib.suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _give_up_overriding() -> None:
    """Root writes whatever the permissions say, by two capabilities: this process does without them."""
    if os.geteuid() == 0:
        header = (ctypes.c_uint32 * 2)(0x20080522, 0)
        sets = (ctypes.c_uint32 * 6)()
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.capget(header, sets) or libc.capset(header, _without(sets)):
            raise OSError(ctypes.get_errno(), "capset")


def _without(sets: Any) -> Any:
    for place in (0, 1):
        sets[place] &= ~(1 << 1 | 1 << 2)
    return sets


def _let_pass(later: timedelta) -> None:
    """The registry's own clock goes on with the machine's."""
    for module, name in (("local", "LocalBlobs"), ("objects", "ObjectBlobs")):
        blobs = getattr(importlib.import_module(f"asof.registry.{module}"), name)
        real = blobs.clock

        def clock(self: Any, real: Any = real) -> datetime | None:
            at = real(self)
            return None if at is None else at + later

        blobs.clock = clock


def _clock(ahead: timedelta) -> type[datetime]:
    class Ahead(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return datetime.now(tz) + ahead  # type: ignore[return-value]

    return Ahead


class Killer:
    """Counts effects of this process (both ends of each) and ends it at the n-th, without a word."""

    def __init__(self, dies_at: int) -> None:
        self.left = dies_at
        self._lock = threading.Lock()

    def install(self) -> None:
        threading.setprofile(self._see)
        sys.setprofile(self._see)

    def _see(self, frame: Any, event: str, arg: Any) -> None:
        if event in ("c_call", "c_return"):
            name = getattr(arg, "__name__", "")
        elif event == "call" and frame.f_code.co_name == "execute" and "psycopg" in frame.f_code.co_filename:
            name = "execute"
        else:
            return
        if name in _EFFECTS:
            with self._lock:
                self.left -= 1
                if self.left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
