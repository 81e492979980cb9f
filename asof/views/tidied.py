"""What the formatter and the linter did, would do, and what is left."""

from __future__ import annotations

from collections import Counter
from difflib import unified_diff
from typing import TYPE_CHECKING

from asof.views.listings import counted
from asof.views.terminal import CYAN, GREEN, RED, paint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asof.api_explore import Lint
    from asof.compiler.layout import Formatted
    from asof.compiler.repairs import Repaired

_TINTS = {"+": GREEN, "-": RED, "@": CYAN}


def diff(path: str, before: str, after: str, *, colour: bool) -> str:
    """A unified diff of one file."""
    lines = unified_diff(before.splitlines(), after.splitlines(), f"a/{path}", f"b/{path}", lineterm="")
    return "\n".join(
        paint(line, _TINTS.get(line[:1], "0"), colour=colour) if line[:1] in _TINTS else line for line in lines
    )


def summary(made: Sequence[Formatted], *, written: bool) -> str:
    """``3 files changed, 12 as they should be.``"""
    changed = [one.path for one in made if one.changed]
    left = sum(bool(one.diagnostics) for one in made)
    parts = [f"{len(changed)} {_files(len(changed))} {'changed' if written else 'would change'}"] if changed else []
    good = len(made) - len(changed) - left
    parts += [f"{good} {'as they should be' if good != 1 else 'as it should be'}"] if good or not parts else []
    parts += [f"{left} not formatted"] if left else []
    return "".join(f"{path}\n" for path in changed) + ", ".join(parts) + "."


def _files(count: int) -> str:
    return "file" if count == 1 else "files"


def fixed(mended: Sequence[Repaired]) -> str:
    """A line for each fix that was put in."""
    return "\n".join(
        f"fixed {item.code} {one.path}:{item.span.line}: {item.message}" for one in mended for item, _ in one.fixes
    )


def fixes_json(mended: Sequence[Repaired]) -> list[dict[str, object]]:
    """The same for machines."""
    return [
        {"code": item.code, "path": one.path, "line": item.span.line, "title": fix.title, "text": fix.text}
        for one in mended
        for item, fix in one.fixes
    ]


def linted(made: Lint, *, can_fix: bool) -> str:
    """How much was found, what can be mended, and what is accepted by which objects."""
    safe = sum(any(fix.safe for fix in item.fixes) for item in made.found)
    lines = [counted(made.found)[:1].upper() + counted(made.found)[1:]]
    if safe and can_fix:
        it = "it" if safe == 1 else "them"
        lines.append(f"{safe} with a safe fix: asof lint --fix puts {it} in, asof lint --diff shows {it}.")
    if made.accepted:
        codes = ", ".join(f"{n} {code}" for code, n in sorted(Counter(i.code for i in made.accepted).items()))
        lines.append(f"Accepted where they are: {codes}.")
    return "\n".join(lines)


def accepted_json(made: Lint) -> list[dict[str, object]]:
    """Findings that an object accepts, each with its reason."""
    return [
        {
            "code": item.code,
            "address": item.address,
            "message": item.message,
            "reason": made.reasons.get((item.address, item.code), ""),
        }
        for item in made.accepted
    ]
