"""What is valid and yet worth a look: features that exist twice, what nobody uses, what needs not be said.

`asof lint` asks for these; a plan does not wait for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from asof.compiler.check.duplicates import twice
from asof.compiler.check.rules import PLANNED
from asof.compiler.diagnostics import RULES, Fix, Label, Level, rule
from asof.compiler.graph import graph_of
from asof.compiler.model import SLUGS, VIEW_KINDS
from asof.compiler.removal import removal
from asof.compiler.scalars import read_plain
from asof.compiler.source import NOWHERE
from asof.schema.parts import below, parts_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from asof.compiler.diagnostics import Diagnostic
    from asof.compiler.model import Repo
    from asof.compiler.source import Origin, Pointer
    from asof.schema.parts import Parts

DEFAULT = rule("AS330", "a key says what holds without it", Level.NOTE)
UNUSED_ALLOW = rule("AS331", "an accepted finding that is not there", Level.WARNING)
TWICE = rule("AS332", "a feature that exists already", Level.WARNING)
UNUSED = rule("AS333", "an object that no service or training set needs", Level.WARNING)

_ENDS = ("feature_service/", "saved_dataset/")
_STARTS = (SLUGS["Entity"], SLUGS["DataSource"], *(SLUGS[kind] for kind in VIEW_KINDS))


def lints(repo: Repo) -> Iterator[Diagnostic]:
    """Every lint of a repo without errors; what other repos own is theirs to tidy."""
    yield from _defaults(repo)
    yield from _twice(repo)
    yield from _unused(repo)


def unused_allows(repo: Repo, accepted: Collection[tuple[str, str]]) -> Iterator[Diagnostic]:
    """Suppressions that suppress nothing; ``accepted`` holds (address, code) of those that do."""
    for address, definition in repo.definitions.items():
        for code, _ in definition.allow if address not in repo.others else ():
            if (address, code) in accepted or code in PLANNED or code not in RULES or RULES[code].level is Level.ERROR:
                continue
            origin = repo.origins.get(address)
            span = origin.key("allow", code) if origin else NOWHERE
            message = f"{code} does not occur here, so there is nothing to accept"
            yield UNUSED_ALLOW.at(span, message, address=address, fixes=_removed(origin, "allow", code))


def _removed(origin: Origin | None, *pointer: str) -> tuple[Fix, ...]:
    span = removal(origin, *pointer) if origin is not None else None
    return (Fix(title="take it out", span=span, text="", safe=True),) if span is not None else ()


def _defaults(repo: Repo) -> Iterator[Diagnostic]:
    for address, definition in repo.definitions.items():
        origin = repo.origins.get(address)
        if origin is not None:
            for pointer, value in _redundant(definition.kind, origin.node, parts_of(definition.kind), ()):
                keys = tuple(step for step in pointer if isinstance(step, str))
                fixes = _removed(origin, *keys) if keys == pointer else ()
                message = f"`{pointer[-1]}: {value}` is what holds without it"
                yield DEFAULT.at(origin.key(*pointer), message, address=address, fixes=fixes)


def _redundant(kind: str, node: yaml.Node, parts: Parts, pointer: Pointer) -> Iterator[tuple[Pointer, str]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = below(kind, parts, str(key.value))
            here = (*pointer, str(key.value))
            if isinstance(value, yaml.ScalarNode):
                stated = [part["default"] for part in inner if "default" in part]
                plain = value.value if value.style else read_plain(value.value).value
                if any(plain == default and type(plain) is type(default) for default in stated):
                    yield here, value.value
            else:
                yield from _redundant(kind, value, inner, here)
    elif isinstance(node, yaml.SequenceNode):
        inner = below(kind, parts, 0)
        for at, item in enumerate(node.value):
            yield from _redundant(kind, item, inner, (*pointer, at))


def _twice(repo: Repo) -> Iterator[Diagnostic]:
    for first, second in twice(repo):
        origin, other = repo.origins.get(second.address), repo.origins.get(first.address)
        here = origin.value(*second.pointer) if origin else NOWHERE
        there = (Label(span=other.value(*first.pointer), text="and here"),) if other else ()
        message = f"{second.address}:{second.name} is the same feature as {first.address}:{first.name}"
        note = "read the one that is there, or say in `allow` why both are needed"
        if second.address not in repo.others:
            yield TWICE.at(here, message, address=second.address, secondary=there, notes=(note,))


def _unused(repo: Repo) -> Iterator[Diagnostic]:
    ends = [address for address in repo.definitions if address.startswith(_ENDS)]
    if not ends:
        return
    used = {*ends, *graph_of(repo).above(*ends)}
    for address, definition in repo.definitions.items():
        if address.split("/")[0] in _STARTS and address not in used and address not in repo.others:
            origin = repo.origins.get(address)
            what = SLUGS[definition.kind].replace("_", " ")
            message = f"no service and no saved dataset needs the {what} `{definition.name}`"
            yield UNUSED.at(origin.value("name") if origin else NOWHERE, message, address=address)
