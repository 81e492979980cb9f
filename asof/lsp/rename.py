"""A new name for an object, everywhere at once, and ``moved_from`` so that the next plan moves it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from asof.compiler.diagnostics import with_article
from asof.compiler.model import SLUGS, VIEW_KINDS, FeatureService
from asof.compiler.removal import removal
from asof.compiler.yaml_reader import span_of
from asof.lsp.mentions import Mentions, names_at
from asof.lsp.positions import Positions
from asof.lsp.slots import Names, slot_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from asof.compiler.model import Repo
    from asof.compiler.source import Origin, Span
    from asof.lsp.mentions import Mention

NAME = re.compile(r"[A-Za-z](_?[A-Za-z0-9])*")
LONGEST = 63
_ROWS = ("DataSource", *VIEW_KINDS)


class RefusedError(ValueError):
    """A rename that cannot be carried out; the message is for the user."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Edit:
    """Code points ``start`` to ``end`` of a file become ``text``."""

    path: str
    start: int
    end: int
    text: str


def refuse_name(repo: Repo, address: str, name: str) -> None:
    """Raise RefusedError where an object cannot be called ``name``."""
    definition = repo.definitions[address]
    if not NAME.fullmatch(name) or len(name) > LONGEST:
        raise RefusedError(
            f"{name!r} is not a name: letters, digits and single underscores, a letter first, at most {LONGEST}"
        )
    # SQL and `source` look for sources and views by one name, so the two must not take each other's place.
    group = _ROWS if definition.kind in _ROWS else (definition.kind,)
    for other in repo.definitions.values():
        if other.kind in group and other.address != address and other.name.lower() == name.lower():
            raise RefusedError(f"there is {with_article(SLUGS[other.kind].replace('_', ' '))} {other.name!r} already")
    if any(f"{SLUGS[kind]}/{name}" in repo.broken for kind in group):
        raise RefusedError(f"{name!r} is the name of a definition that has errors")


def rename(repo: Repo, address: str, name: str, sources: Mapping[str, str]) -> tuple[Edit, ...]:
    """The edits that give an object a new name. Raises RefusedError.

    ``sources`` are the texts that ``repo`` was built from. What cannot be read may name the object, so a repo with
    definitions that cannot be built is refused.
    """
    if address in repo.others or address not in repo.origins:
        raise RefusedError(f"{address} is defined in another repo")
    if repo.broken:
        known = ", ".join(sorted({one.partition("/")[2] for one in repo.broken})[:3])
        raise RefusedError(f"mend the definitions with errors first ({known}): they may name {address}")
    refuse_name(repo, address, name)
    definition = repo.definitions[address]
    if name == definition.name:
        return ()
    renaming = _Renaming(repo, address, name, sources)
    return tuple(sorted(dict.fromkeys(renaming.edits())))


class _Renaming:
    def __init__(self, repo: Repo, address: str, name: str, sources: Mapping[str, str]) -> None:
        self.repo = repo
        self.address = address
        self.old = repo.definitions[address].name
        self.new = name
        self.mentions = Mentions(repo)
        self.texts = {path: Positions(text) for path, text in sources.items()}

    def edits(self) -> Iterator[Edit]:
        self.refuse_capture()
        for mention in self.mentions.of_object(self.address):
            if self.shows(mention.reader) and not mention.is_declaration:
                yield from self.in_service(mention)
            else:
                yield self.replaced(mention.span, mention.name)
        yield from self.moved_from()

    def replaced(self, span: Span, name: str) -> Edit:
        """The name inside of a scalar or an identifier; quotes, an address' kind and ``:feature`` stay."""
        positions = self.texts[span.path]
        start, end = positions.extent(span)
        raw = positions.text[start:end]
        at = raw.rfind(self.old) if "/" in name else raw.lower().find(self.old.lower())
        if at < 0:
            raise RefusedError(f"{span.path}:{span.line} writes {self.old!r} in a way that cannot be replaced")
        return Edit(path=span.path, start=start + at, end=start + at + len(self.old), text=self.new)

    def refuse_capture(self) -> None:
        """A query that calls something of its own by the new name would read that instead."""
        folded = self.mentions.catalog.fold(self.new)
        for reader in self.mentions.graph.downstream.get(self.address, ()):
            definition, origin = self.repo.definitions[reader], self.repo.origins.get(reader)
            for pointer in (("query",), ("spine", "query")):
                slot = slot_at(definition.kind, pointer, key=False)
                node = origin.node_at(*pointer) if origin is not None else None
                if slot is None or slot.names is not Names.QUERY or not isinstance(node, yaml.ScalarNode):
                    continue
                found = names_at(slot, node.value, self.mentions.catalog)
                if folded in found.local and any(n.table and not n.column for n in found.names):
                    raise RefusedError(f"the query of {reader} calls something of its own {self.new!r}")

    def in_service(self, mention: Mention) -> Iterator[Edit]:
        """A service that shows features as ``view__feature`` goes on doing so under the old name: models read it."""
        edit = self.replaced(mention.span, mention.name)
        origin = self.repo.origins[mention.reader]
        items = origin.node_at("features")
        for item in items.value if isinstance(items, yaml.SequenceNode) else ():
            if isinstance(item, yaml.ScalarNode) and span_of(origin.path, item) == mention.span:
                start, end = self.texts[origin.path].extent(mention.span)
                _, _, feature = item.value.partition(":")
                chosen = f", features: [{_plain(feature)}]" if feature else ""
                text = f"{{view: {self.new}{chosen}, as: {self.old}}}"
                edit = Edit(path=origin.path, start=start, end=end, text=text)
            elif isinstance(item, yaml.MappingNode):
                keys = {key.value: (key, value) for key, value in item.value}
                key, value = keys.get("view", (None, None))
                if key is None or span_of(origin.path, value) != mention.span or "as" in keys:
                    continue
                _, end = self.texts[origin.path].extent(mention.span)
                if item.flow_style:
                    text = f", as: {self.old}"
                else:
                    end = self.texts[origin.path].line_end(end)
                    text = f"{self.texts[origin.path].newline}{' ' * key.start_mark.column}as: {self.old}"
                yield Edit(path=origin.path, start=end, end=end, text=text)
        yield edit

    def shows(self, address: str) -> bool:
        """Whether it is a service whose features are called by the names of their views."""
        service = self.repo.definitions[address]
        return isinstance(service, FeatureService) and service.full_feature_names

    def moved_from(self) -> Iterator[Edit]:
        """What it was called when it was last applied: an older ``moved_from`` stays, and goes when it is undone."""
        origin = self.repo.origins[self.address]
        before = self.repo.definitions[self.address].moved_from
        if not before:
            yield inserted(origin, self.texts[origin.path], "moved_from", self.old)
        elif before == self.new and (span := removal(origin, "moved_from")) is not None:
            start, end = self.texts[origin.path].extent(span)
            yield Edit(path=origin.path, start=start, end=end, text="")


def _plain(feature: str) -> str:
    """A feature's name inside of brackets."""
    return feature if re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", feature) else json.dumps(feature, ensure_ascii=False)


def inserted(origin: Origin, positions: Positions, key: str, value: str) -> Edit:
    """A key put in after ``name``, in the way the definition is written."""
    _, end = positions.extent(origin.value("name"))
    if isinstance(origin.node, yaml.MappingNode) and origin.node.flow_style:
        return Edit(path=origin.path, start=end, end=end, text=f", {key}: {value}")
    at = positions.line_end(end)
    indent = " " * (origin.key("name").column - 1)
    return Edit(path=origin.path, start=at, end=at, text=f"{positions.newline}{indent}{key}: {value}")


def applied(text: str, edits: tuple[Edit, ...]) -> str:
    """A text with edits put in, which do not overlap."""
    for edit in sorted(edits, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text
