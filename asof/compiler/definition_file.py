"""One file of definitions by itself: read, validated against the schemas, lowered to the model."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from asof import schema
from asof.compiler import codec
from asof.compiler.diagnostics import Diagnostic, Fix, Level, correction, rule
from asof.compiler.lower import Lowering
from asof.compiler.model import SLUGS, AnyDefinition
from asof.compiler.scalars import Doubt
from asof.compiler.settings import stray_references
from asof.compiler.source import Origin
from asof.compiler.violations import start_of, violations
from asof.compiler.yaml_reader import Document, read, span_of, walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import yaml

    from asof.compiler.source import Pointer

DOUBTFUL_TEXT = rule("AS111", "a text that other YAML readers take for something else", Level.WARNING)
NOT_A_MAP = rule("AS201", "a document is not a map")
NO_KIND = rule("AS202", "a document does not say its kind")
UNKNOWN_KIND = rule("AS203", "an unknown kind")

_NAME_LINE = re.compile(r"""^name:[ \t]+["']?([A-Za-z0-9_]+)["']?[ \t]*(?:#.*)?$""", re.MULTILINE)
_ROWS = ("given", "spine", "expect")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one file adds to a repo, in the order it is written; ``origins`` go with ``definitions``."""

    definitions: tuple[AnyDefinition, ...]
    origins: tuple[Origin, ...]
    found: tuple[Diagnostic, ...] = ()
    broken: frozenset[str] = frozenset()

    @property
    def sound(self) -> bool:
        """Whether every document became a definition and nothing is to be said about any."""
        return not self.found and not self.broken


def read_part(path: str, data: bytes, text: str, tables: Mapping[str, bytes] = MappingProxyType({})) -> Part:
    """Every definition of a file that can be built, and what is wrong with the others.

    ``tables`` are the CSV files of the repo that its rows may stand in.
    Of a sound file no YAML node stays in memory: they weigh a hundred times what they say.
    """
    reading = _Part(tables=tables)
    reading.file(path, data, text)
    part = Part(
        definitions=tuple(reading.definitions),
        origins=tuple(reading.origins),
        found=tuple(reading.found),
        broken=frozenset(reading.broken),
    )
    return known_part(path, data, text, part.definitions) if part.sound else part


def known_part(path: str, data: bytes, text: str, definitions: tuple[AnyDefinition, ...]) -> Part:
    """The part of a sound file whose ``definitions`` are known; it is read only once somebody asks for a place."""
    again = _Again(path, data)
    origins = tuple(Origin(path, partial(again.node, index), text) for index in range(len(definitions)))
    return Part(definitions=definitions, origins=origins)


class _Again:
    """A file that was read before, read again when the first place in it is wanted."""

    def __init__(self, path: str, data: bytes) -> None:
        self.path = path
        self.data = data
        self.nodes: tuple[yaml.Node, ...] | None = None

    def node(self, index: int) -> yaml.Node:
        """The node of the definition at ``index``: in a sound file every document that is not empty has one."""
        if self.nodes is None:
            documents = read(self.path, self.data).documents
            self.nodes = tuple(document.node for document in documents if document.value is not None)
        return self.nodes[index]


@dataclass(slots=True)
class _Part:
    tables: Mapping[str, bytes]
    found: list[Diagnostic] = field(default_factory=list)
    definitions: list[AnyDefinition] = field(default_factory=list)
    origins: list[Origin] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)

    def file(self, path: str, data: bytes, text: str) -> None:
        reading = read(path, data)
        self.found.extend(reading.diagnostics)
        for unread in reading.unread:
            for name in _NAME_LINE.findall(unread):
                self.poison(name)
        for document in reading.documents:
            if document.value is not None:
                if b"${env:" in data:
                    self.found.extend(stray_references(document.node, path))
                self.document(document, text)

    def document(self, document: Document, text: str) -> None:
        origin, value = Origin(document.path, document.node, text), document.value
        kind = self.kind(value, origin)
        if not isinstance(value, dict):
            return
        name = value.get("name")
        if not kind:
            if isinstance(name, str):
                self.poison(name)
            return
        # Without a name, or with a number for one, the schema has its say and no address is broken.
        address = f"{SLUGS[kind]}/{name}" if isinstance(name, str) else ""
        wrong = () if schema.accepts(kind)(value) else violations(kind, value, origin, address)
        said = {found.span for found in wrong}
        doubtful = doubts(document, rows=kind == "FeatureTest", address=address)
        self.found.extend(d for d in doubtful if d.span not in said)
        if wrong or not isinstance(name, str):
            self.found.extend(wrong)
            self.broken.update([address] if address else [])
            return
        lowering = Lowering(origin, address, self.tables)
        lowered = lowering.definition(value)
        if lowering.found:
            self.found.extend(lowering.found)
            self.broken.add(address)
        else:
            self.definitions.append(codec.definition_from_json(lowered))
            self.origins.append(origin)
            self.found.extend(lowering.noted)

    def kind(self, value: object, origin: Origin) -> str:
        """The document's kind, or "" after saying what is wrong with it."""
        if not isinstance(value, dict):
            self.found.append(NOT_A_MAP.at(origin.value(), "a definition is a map that starts with `kind:`"))
            return ""
        kind = value.get("kind")
        if isinstance(kind, str) and kind in SLUGS:
            return kind
        if "kind" not in value:
            note = f"kinds: {', '.join(SLUGS)}"
            self.found.append(NO_KIND.at(start_of(origin), "the key `kind` is missing", notes=(note,)))
            return ""
        span, written = origin.value("kind"), str(kind)
        word, safe = correction(written, SLUGS)
        fixes = (Fix(title=f"did you mean {word!r}?", span=span, text=word, safe=safe),) if word else ()
        notes = (f"kinds: {', '.join(SLUGS)}",)
        self.found.append(UNKNOWN_KIND.at(span, f"there is no kind `{written}`", fixes=fixes, notes=notes))
        return ""

    def poison(self, name: str) -> None:
        """Remember a definition that could not be read, whatever it was, so that nobody is told it is missing."""
        self.broken.update(f"{slug}/{name}" for slug in SLUGS.values())


def doubts(document: Document, *, rows: bool, address: str = "") -> Iterator[Diagnostic]:
    """Texts that YAML 1.1 reads otherwise; dates are expected in test rows and in ``deprecated``."""
    if not document.doubtful:
        return
    places = {id(node): pointer for pointer, node in walk(document.node)}
    for node, doubt, other in document.doubtful:
        pointer = places.get(id(node), ())
        if doubt is Doubt.DATE and _wants_date(pointer, rows=rows):
            continue
        yield _doubt(document.path, node, other, address)


def _wants_date(pointer: Pointer, *, rows: bool) -> bool:
    return bool(pointer) and (pointer[0] == "deprecated" or (rows and pointer[0] in _ROWS))


def _doubt(path: str, node: yaml.ScalarNode, other: str, address: str) -> Diagnostic:
    span = span_of(path, node)
    fix = Fix(title="put it in quotes", span=span, text=f'"{node.value}"', safe=True)
    message = f"`{node.value}` is text here and {other} to readers of YAML 1.1"
    return DOUBTFUL_TEXT.at(span, message, address=address, fixes=(fix,))
