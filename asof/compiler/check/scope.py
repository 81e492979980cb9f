"""What the checks share: looking names up, and reporting where they were written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from asof.compiler import model, shape, stored
from asof.compiler.check import rules
from asof.compiler.diagnostics import Diagnostic, Fix, Level, Rule, correction, with_article
from asof.compiler.source import NOWHERE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from asof.compiler.model import AnyDefinition, Repo
    from asof.compiler.types import Type

Pointer = tuple["str | int", ...]
GROUPS: dict[str, tuple[str, ...]] = {
    "entity": ("Entity",),
    "source": ("DataSource",),
    "view": model.VIEW_KINDS,
    "service": ("FeatureService",),
    "source or view": ("DataSource", *model.VIEW_KINDS),
}


class Scope:
    """One definition under check. Names that could not be built are known, and never reported."""

    def __init__(self, repo: Repo, definition: AnyDefinition, found: list[Diagnostic]) -> None:
        self.repo = repo
        self.definition = definition
        self.found = found

    def report(
        self,
        broken: Rule,
        message: str,
        *pointer: str | int,
        key: bool = False,
        hint: str = "",
        word: str = "",
        safe: bool = False,
        level: Level | None = None,
        notes: tuple[str, ...] = (),
    ) -> None:
        """A finding at ``pointer``; ``word`` is what the text there should probably be, ``safe`` if surely so."""
        address = self.definition.address
        origin = self.repo.origins.get(address)
        span = NOWHERE if origin is None else origin.key(*pointer) if key else origin.value(*pointer)
        fixes = (Fix(title=f"did you mean {word!r}?", span=span, text=word, safe=safe),) if word else ()
        told = (hint, *notes) if hint else notes
        self.found.append(broken.at(span, message, address=address, notes=told, fixes=fixes, level=level))

    def find(self, group: str, name: str, *pointer: str | int, key: bool = False) -> AnyDefinition | None:
        """The definition of that name, or None after saying that there is none."""
        addresses = [f"{model.SLUGS[kind]}/{name}" for kind in GROUPS[group]]
        for address in addresses:
            if address in self.repo.definitions:
                found = self.repo.definitions[address]
                self.note_deprecation(found, *pointer)
                return found
        if not self.repo.broken.isdisjoint(addresses):
            return None
        names = [d.name for d in self.repo.definitions.values() if d.kind in GROUPS[group]]
        other = [d for d in self.repo.definitions.values() if d.name == name]
        hint = f"there is {with_article(model.SLUGS[other[0].kind].replace('_', ' '))} of that name" if other else ""
        word, safe = ("", False) if other else correction(name, names)
        safe = safe and self.is_written(name, *pointer, key=key)
        message = f"there is no {group} `{name}`"
        self.report(rules.UNKNOWN, message, *pointer, key=key, hint=hint, word=word, safe=safe)
        return None

    def is_written(self, text: str, *pointer: str | int, key: bool = False) -> bool:
        """Whether ``text`` is all that stands at ``pointer``: then another word can take its place."""
        origin = self.repo.origins.get(self.definition.address)
        node = origin.node_at(*pointer) if origin is not None else None
        return key or (isinstance(node, yaml.ScalarNode) and node.value == text)

    def note_deprecation(self, used: AnyDefinition, *pointer: str | int) -> None:
        if used.deprecated is not None and self.definition.deprecated is None:
            instead = f"use `{used.deprecated.use}` instead" if used.deprecated.use else ""
            message = f"`{used.name}` is deprecated since {used.deprecated.since}"
            self.report(rules.DEPRECATED, message, *pointer, hint=instead)

    def is_row(self, *pointer: str | int) -> bool:
        """Whether a row is written as a map, so that each of its keys has a place of its own (CSV has none)."""
        origin = self.repo.origins.get(self.definition.address)
        return origin is not None and isinstance(origin.node_at(*pointer[:-1]), yaml.MappingNode)

    def column(self, name: str, columns: Mapping[str, Type] | None, owner: str, *pointer: str | int) -> Type | None:
        """The type of a column, or None after saying that ``owner`` has none of that name."""
        if columns is None or not name:
            return None
        if name not in columns:
            word, safe = correction(name, columns)
            safe = safe and self.is_written(name, *pointer)
            self.report(rules.UNKNOWN_COLUMN, f"`{owner}` has no column `{name}`", *pointer, word=word, safe=safe)
            return None
        return columns[name]

    def repeated(self, names: Iterable[tuple[str, Pointer]], what: str) -> None:
        """Report names used a second time. Case counts for nothing: most engines fold it."""
        seen: dict[str, str] = {}
        for name, pointer in names:
            first = seen.get(name.lower())
            seen[name.lower()] = first or name
            if first is not None:
                clash = f"`{name}` is used twice" if first == name else f"`{first}` and `{name}` differ in case only"
                self.report(rules.REPEATED_NAME, f"{what}: {clash}", *pointer)

    def is_broken(self, name: str) -> bool:
        """Whether something of that name was written but could not be built."""
        return any(f"{slug}/{name}" in self.repo.broken for slug in model.SLUGS.values())


def columns_of(source: model.DataSource) -> Mapping[str, Type] | None:
    """The columns of a source as views see them; None where it declares none."""
    return stored.view_columns(source) if source.columns else None


def source_behind(repo: Repo, view: model.FeatureView) -> model.DataSource | None:
    """The batch source a view without SQL reads in the end; None if a query stands between, or a break."""
    base = shape.upstream(repo, view)
    if base.query:
        return None
    try:
        return shape.source_of(repo, base)
    except KeyError:
        return None
