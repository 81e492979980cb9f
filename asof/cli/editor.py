"""The command that an editor starts."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from asof.cli.session import ExitCode, Session, Usage
from asof.version import installed_by

_PACKAGES = ("pygls", "lsprotocol", "cattrs", "attrs")


def lsp(
    context: typer.Context,
    stdio: Annotated[bool, typer.Option("--stdio", help="What many editors pass; there is no other way.")] = False,
) -> int:
    """Serve an editor: diagnostics, completion, hover, rename and more, over the Language Server Protocol.

    An editor starts it and speaks with it at standard input and output; docs/editor.md has the settings.
    """
    session: Session = context.obj
    try:
        from asof.lsp.stdio import serve
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _PACKAGES:
            raise
        raise Usage(f"the editor's server needs a package that is not installed: {installed_by('lsp')}") from None
    if sys.stdin.isatty() and not stdio:
        session.terminal.note(
            "This speaks with an editor, not with you; docs/editor.md says how to set one up. Ctrl-C ends it."
        )
    serve()
    return ExitCode.OK
