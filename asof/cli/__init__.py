"""argv -> api -> views -> exit code; nothing else."""

from __future__ import annotations

import signal
import sys
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asof.cli.dispatch import global_first
    from asof.cli.session import ExitCode

__all__ = ["ExitCode", "global_first", "main", "script"]

_PLACES = {"ExitCode": "asof.cli.session", "global_first": "asof.cli.dispatch"}
_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code. Who presses Ctrl-C while it still starts sees no traceback."""
    try:
        return int(import_module("asof.cli.dispatch").run(arguments))
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        return _INTERRUPTED


def script() -> NoReturn:
    """Run the command line of this process and end it; once the exit code is known Ctrl-C changes it no more."""
    code = main()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(code)


def __getattr__(name: str) -> object:
    # All that takes time to import is imported inside of `main`.
    if name in _PLACES:
        return getattr(import_module(_PLACES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
