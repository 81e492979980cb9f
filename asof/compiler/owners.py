"""Who answers for what, by a CODEOWNERS style file: the last line that fits a file decides, as on GitHub.

    # features/OWNERS
    *                         @acme/features
    /pricing/                 @acme/pricing
    address:feature_view/fare*  @acme/pricing    # by address, whatever the file
    tag:tier=gold             @acme/gold         # by tag

Lines by address and by tag each add their owners to those of the file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from asof.compiler.diagnostics import Diagnostic, Level, nearest, rule
from asof.compiler.patterns import name_pattern, path_pattern
from asof.compiler.source import Span

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

OWNERS_LINE = rule("AS665", "a line of the owners file is not understood", Level.WARNING)

FILES = ("OWNERS", ".github/CODEOWNERS")
"""Where such a file is looked for, in the repo and then at the top of the checkout; the first one counts."""
_ADDRESS, _TAG = "address:", "tag:"
_OWNER = re.compile(r"@[\w.+-]+(?:/[\w.-]+)?|[^@\s]+@[^@\s]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerRule:
    """One line: a pattern of files, or after ``address:`` of addresses, or ``tag:key=value``; and who owns that."""

    pattern: str
    owners: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Owners:
    """The rules of one file in order. ``folder`` is the way from where its patterns start to the feature repo."""

    rules: tuple[OwnerRule, ...] = ()
    folder: str = ""

    def of(self, address: str, path: str, tags: Iterable[tuple[str, str]]) -> tuple[str, ...]:
        """Who answers for an object, by the file it stands in ("" if it stands in none), its address and its tags."""
        by_file: tuple[str, ...] = ()
        found: dict[str, None] = {}
        where = f"{self.folder}/{path}" if self.folder else path
        pairs = tuple(tags)
        for one in self.rules:
            if one.pattern.startswith(_ADDRESS):
                hit = bool(name_pattern(one.pattern.removeprefix(_ADDRESS)).fullmatch(address))
                found |= dict.fromkeys(one.owners if hit else ())
            elif one.pattern.startswith(_TAG):
                key, _, value = one.pattern.removeprefix(_TAG).partition("=")
                hit = any(k == key and name_pattern(value or "*").fullmatch(v) for k, v in pairs)
                found |= dict.fromkeys(one.owners if hit else ())
            elif path and _covers(one.pattern, where):
                by_file = one.owners
        return tuple(dict.fromkeys((*by_file, *found)))


def read_owners(path: str, text: str, folder: str, *, kinds: Collection[str]) -> tuple[Owners, tuple[Diagnostic, ...]]:
    """The rules in a file, and AS665 for each line that is none; ``kinds`` are the first halves of addresses."""
    rules: list[OwnerRule] = []
    wrong: list[Diagnostic] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = re.sub(r"(?:^|\s)#.*", "", line).split()
        if not words:
            continue
        pattern, *owners = words
        if why := _wrong(pattern, owners, kinds):
            start = line.index(pattern) + 1
            span = Span(path=path, line=number, column=start, end_line=number, end_column=len(line.rstrip()) + 1)
            wrong.append(OWNERS_LINE.at(span, why, notes=("the line is passed over",)))
        else:
            rules.append(OwnerRule(pattern=pattern, owners=tuple(owners)))
    return Owners(rules=tuple(rules), folder=folder), tuple(wrong)


def _wrong(pattern: str, owners: list[str], kinds: Collection[str]) -> str:
    if pattern.startswith("["):
        return "sections of GitLab's are not understood"
    if pattern.startswith("!"):
        return "a pattern cannot be turned around with `!`"
    kind, slash, _ = pattern.removeprefix(_ADDRESS).partition("/")
    if pattern.startswith(_ADDRESS) and slash and not any(name_pattern(kind).fullmatch(known) for known in kinds):
        hint = nearest(kind, kinds) or f"known are {', '.join(sorted(kinds))}"
        return f"there is no kind `{kind}`; {hint}"
    strange = [owner for owner in owners if not _OWNER.fullmatch(owner)]
    return f"`{strange[0]}` is neither @user, @org/team nor an e-mail address" if strange else ""


def _covers(pattern: str, path: str) -> bool:
    """Whether the pattern fits the file or, unless it ends with ``/*``, a folder around it."""
    bare = pattern.rstrip("/")
    anchored = bare if "/" in bare or not pattern.startswith("/") else f"/{bare}"
    found = path_pattern(anchored or "**")
    parts = path.split("/")
    folders = ["/".join(parts[:length]) for length in range(1, len(parts))]
    if not pattern.endswith("/") and found.fullmatch(path):
        return True
    return not bare.endswith("/*") and any(found.fullmatch(folder) for folder in folders)
