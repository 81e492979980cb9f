"""Commands that tidy definition files: one layout for all, and what the linter finds, mended where that is safe."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from asof import api_explore
from asof.cli.session import ExitCode, Session, Target, Usage
from asof.compiler.diagnostics import Level, has_errors
from asof.views import frames, listings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from asof.compiler.layout import Formatted
    from asof.compiler.repairs import Repaired

_STDIN = "-"
_YAML = (".yaml", ".yml")


def fmt(
    context: typer.Context,
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATH",
            show_default=False,
            help="Files or folders; all of the repo by default. - is standard input.",
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit with 3 where a file would change.")
    ] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Write nothing; show what would change.")] = False,
) -> int:
    """Lay definition files out in one way. Comments, grouping, anchors and SQL stay as they are."""
    from asof.views import tidied

    session: Session = context.obj
    if paths and _STDIN in paths:
        return _stdin(session, paths, check=check, diff=diff)
    made = api_explore.formatted(_files(session, paths or ()))
    _report(session, made)
    changed = [one for one in made if one.changed]
    if diff:
        for one in changed:
            session.terminal.say(tidied.diff(one.path, one.before, one.after, colour=session.terminal.colour))
    if not (check or diff):
        _write(session, changed)
    session.terminal.note(tidied.summary(made, written=not (check or diff)))
    code = ExitCode.INVALID if any(has_errors(one.diagnostics) for one in made) else ExitCode.OK
    if check and changed and code is ExitCode.OK:
        code = ExitCode.UNFORMATTED
    found = [item for one in made for item in one.diagnostics]
    return session.end(
        code,
        files=len(made),
        changed=[one.path for one in changed],
        diagnostics=listings.diagnostics_json(found),
        **(
            {"diff": {one.path: tidied.diff(one.path, one.before, one.after, colour=False) for one in changed}}
            if diff
            else {}
        ),
    )


def _stdin(session: Session, paths: Sequence[str], *, check: bool, diff: bool) -> ExitCode:
    from asof.views import tidied

    if len(paths) > 1:
        raise Usage("- stands alone: standard input is one file")
    (made,) = api_explore.formatted({"<stdin>": sys.stdin.buffer.read()})
    _report(session, (made,))
    code = ExitCode.INVALID if has_errors(made.diagnostics) else ExitCode.OK
    if check and made.changed:
        code = ExitCode.UNFORMATTED
    if diff:
        session.terminal.say(tidied.diff(made.path, made.before, made.after, colour=session.terminal.colour))
    elif not check and not session.terminal.json:
        sys.stdout.buffer.write(made.after.encode())
        sys.stdout.buffer.flush()
    return session.end(
        code, changed=made.changed, text=made.after, diagnostics=listings.diagnostics_json(made.diagnostics)
    )


def _write(session: Session, made: Sequence[Formatted | Repaired]) -> None:
    """Put the new texts into the files. Raises Usage for the first that cannot be written."""
    from asof.ops.file_errors import plainly

    for one in made:
        try:
            api_explore.write(session.root, {one.path: one.after})
        except OSError as error:
            raise Usage(plainly(error, session.root / one.path)) from error


def _report(session: Session, made: Sequence[Formatted]) -> None:
    found = tuple(item for one in made for item in one.diagnostics)
    sources = {one.path: one.before for one in made}
    if found:
        session.terminal.note(frames.render(found, sources, colour=session.terminal.colour))


def _files(session: Session, paths: Sequence[str]) -> Mapping[str, bytes]:
    """Files of the repo below ``paths``; a file that is named is taken whether the repo ignores it or not."""
    from asof.ops.repo_files import read_repo

    files, unread = read_repo(session.root)
    if unread:
        session.terminal.note(frames.render(unread, {}, colour=session.terminal.colour))
    known = dict(files.texts) if files is not None else {}
    if not paths:
        return known
    chosen: dict[str, bytes] = {}
    for path in paths:
        place = (Path.cwd() / path).resolve()
        if place.is_dir():
            inside = {p: data for p, data in known.items() if (session.root / p).resolve().is_relative_to(place)}
            if not inside:
                raise Usage(f"{path} holds no definition files of the repo in {session.root}")
            chosen |= inside
        elif place.is_file() and place.suffix not in _YAML:
            raise Usage(f"{path} is no definition file: these end in .yaml or .yml")
        elif place.is_file():
            relative = place.relative_to(session.root) if place.is_relative_to(session.root) else place
            chosen[relative.as_posix()] = place.read_bytes()
        else:
            raise Usage(f"there is no {path}")
    return chosen


def lint(
    context: typer.Context,
    fix: Annotated[
        bool, typer.Option("--fix", help="Put the safe fixes into the files, and show what is left.")
    ] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Write nothing; show what --fix would change.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 9 for warnings as for errors.")] = False,
    target: Target = "",
) -> int:
    """Find what is valid and yet worth a look: features that exist twice, what nobody uses, needless words.

    A finding is accepted by `allow: {CODE: why}` on its object. Errors are shown as by `asof validate`.
    """
    from asof.views import tidied

    session: Session = context.obj
    made = api_explore.lint(session.root, target=target)
    mended = api_explore.repaired(made) if fix or diff else ()
    rounds = 0
    fixed: list[dict[str, object]] = []
    if diff:
        for one in mended:
            session.terminal.say(tidied.diff(one.path, one.before, one.after, colour=session.terminal.colour))
    while fix and not diff and mended and rounds < _ROUNDS:
        _write(session, mended)
        fixed += tidied.fixes_json(mended)
        session.terminal.say(tidied.fixed(mended))
        made = api_explore.lint(session.root, target=target)
        mended = api_explore.repaired(made)
        rounds += 1
    if made.found:
        session.terminal.note(frames.render(made.found, made.sources, colour=session.terminal.colour))
    session.terminal.say(tidied.linted(made, can_fix=not fix))
    bad = has_errors(made.found) or (strict and any(item.level is Level.WARNING for item in made.found))
    return session.end(
        ExitCode.INVALID if bad else ExitCode.OK,
        diagnostics=listings.diagnostics_json(made.found),
        accepted=tidied.accepted_json(made),
        fixed=fixed,
        **(
            {"diff": {one.path: tidied.diff(one.path, one.before, one.after, colour=False) for one in mended}}
            if diff
            else {}
        ),
    )


_ROUNDS = 10
"""Fixes that touch each other's text are put in one after the other."""
