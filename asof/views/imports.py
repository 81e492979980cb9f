"""What an import brought over, and what somebody must look at: each with its file and line."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, Any

from asof.views.listings import counted
from asof.views.terminal import BOLD, DIM, YELLOW, paint

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from asof.feast.documents import Placed
    from asof.ops.feast_import import Imported
    from asof.views.terminal import Terminal


def summary(made: Imported, folder: Path, *, dry_run: bool, terminal: Terminal) -> str:
    """For people: counts first, then what is to be written by hand, then what is good to know."""
    carried = ", ".join(f"{number} {kind}" for kind, number in made.carried.items()) or "nothing"
    hands = [placed for placed in made.notes if placed.note.by_hand]
    asides = [placed for placed in made.notes if not placed.note.by_hand]
    count = f"{len(made.files)} file{'s' if len(made.files) > 1 else ''}"
    lines = [
        f"Read the Feast project {made.project} from {made.place}.",
        f"Carried over: {carried}.",
        f"{'Would write' if dry_run else 'Wrote'} {count} to {folder}: {', '.join(made.files)}.",
    ]
    if hands:
        lines += ["", paint(f"To be looked at ({len(hands)})", BOLD, YELLOW, colour=terminal.colour)]
        lines += _listed(hands, terminal)
    if asides:
        lines += ["", paint(f"Good to know ({len(asides)})", BOLD, colour=terminal.colour)]
        lines += _listed(asides, terminal)
    found = f" with {counted(made.diagnostics)[:-1]}" if made.diagnostics else ""
    here = "" if str(folder) == "." else f" -C {folder}"
    lines += ["", f"`asof{here} validate` passes{found}; `asof{here} plan` says what would be done."]
    if any(str(d.level) == "error" for d in made.diagnostics):
        lines[-1] = f"`asof{here} validate` fails: {counted(made.diagnostics)} Correct the files where it says so."
    return "\n".join(lines)


def _listed(notes: list[Placed], terminal: Terminal) -> Iterator[str]:
    for placed in notes:
        about = f"{placed.note.about}: " if placed.note.about else ""
        yield f"  {paint(f'{placed.file}:{placed.line}', DIM, colour=terminal.colour)}"
        yield from (f"    {line}" for line in wrap(about + placed.note.text, max(40, terminal.width - 6)))


def as_json(made: Imported, *, dry_run: bool) -> dict[str, Any]:
    """The same for machines; ``code`` is the source text that a note shows."""
    return {
        "project": made.project,
        "registry": made.place,
        "dry_run": dry_run,
        "files": list(made.files),
        "carried": dict(made.carried),
        "notes": [
            {
                "file": placed.file,
                "line": placed.line,
                "about": placed.note.about,
                "text": placed.note.text,
                "code": placed.note.code,
                "by_hand": placed.note.by_hand,
            }
            for placed in made.notes
        ],
    }
