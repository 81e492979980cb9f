"""The texts of a repo -> its definitions: read, validated against the schemas, lowered to the model."""

from __future__ import annotations

import gc
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from asof import schema
from asof.compiler import codec
from asof.compiler.diagnostics import Diagnostic, Fix, Label, Level, correction, in_order, rule
from asof.compiler.lower import Lowering, lower_project
from asof.compiler.model import SLUGS, VIEW_KINDS, AnyDefinition, Project, Repo
from asof.compiler.scalars import Doubt
from asof.compiler.settings import setting_problems, stray_references
from asof.compiler.source import Origin, Span
from asof.compiler.violations import start_of, violations
from asof.compiler.yaml_reader import Document, read, span_of, walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import yaml

    from asof.compiler.source import Pointer, RepoFiles

DOUBTFUL_TEXT = rule("AS111", "a text that other YAML readers take for something else", Level.WARNING)
NOT_A_MAP = rule("AS201", "a document is not a map")
NO_KIND = rule("AS202", "a document does not say its kind")
UNKNOWN_KIND = rule("AS203", "an unknown kind")
DEFINED_TWICE = rule("AS301", "two definitions share a name")

_NAME_LINE = re.compile(r"""^name:[ \t]+["']?([A-Za-z0-9_]+)["']?[ \t]*(?:#.*)?$""", re.MULTILINE)
_ROWS = ("given", "spine", "expect")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A repo as far as it could be built. ``sources`` holds the texts by path, for code frames."""

    repo: Repo | None
    diagnostics: tuple[Diagnostic, ...]
    sources: Mapping[str, str]


def load(files: RepoFiles) -> Loaded:
    """Build every definition that can be built and report what is wrong with the others.

    ``repo`` is None only where asof.yaml itself cannot be used.
    """
    sources = files.decoded()
    with _no_collection():
        loading = _Loading(tables=files.tables)
        for path in sorted(files.texts):
            if path != files.project:
                loading.file(path, files.texts[path], sources[path])
        project, project_origin = loading.project(
            files.project, files.texts.get(files.project, b""), sources.get(files.project, "")
        )
    origins = dict(loading.origins)
    repo = None
    if project is not None and project_origin is not None:
        origins[""] = project_origin
        definitions = dict(sorted(loading.definitions.items()))
        repo = Repo(project=project, definitions=definitions, origins=origins, broken=frozenset(loading.broken))
    return Loaded(repo=repo, diagnostics=in_order(loading.found), sources=sources)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Thousands of long-lived nodes and no garbage: collecting here only costs, most of the time in fact."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@dataclass(slots=True)
class _Loading:
    found: list[Diagnostic] = field(default_factory=list)
    definitions: dict[str, AnyDefinition] = field(default_factory=dict)
    origins: dict[str, Origin] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    taken: dict[tuple[str, str], Origin] = field(default_factory=dict)
    tables: Mapping[str, bytes] = field(default_factory=dict)

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
        doubts = _doubts(document, rows=kind == "FeatureTest", address=address)
        self.found.extend(d for d in doubts if d.span not in said)
        if wrong or not isinstance(name, str):
            self.found.extend(wrong)
            self.broken.update([address] if address else [])
            return
        lowering = Lowering(origin, address, self.tables)
        lowered = lowering.definition(value)
        if lowering.found:
            self.found.extend(lowering.found)
            self.broken.add(address)
        elif not self.is_taken(kind, name, origin):
            self.definitions[address] = codec.definition_from_json(lowered)
            self.origins[address] = origin

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

    def is_taken(self, kind: str, name: str, origin: Origin) -> bool:
        """Report a name that another definition of the kind has, in whatever case: engines fold it."""
        group = "view" if kind in VIEW_KINDS else SLUGS[kind].replace("_", " ")
        key = (group, name.lower())
        first = self.taken.setdefault(key, origin)
        if first is origin:
            return False
        here = Label(span=first.value("name"), text="first defined here")
        message = f"there is a {group} `{name}` already"
        earlier = str(first.node_at("name").value)
        if earlier != name:
            message = f"the {group} names `{name}` and `{earlier}` differ in case only"
            self.broken.add(f"{SLUGS[kind]}/{name}")
        self.found.append(
            DEFINED_TWICE.at(origin.value("name"), message, address=f"{SLUGS[kind]}/{name}", secondary=(here,))
        )
        return True

    def poison(self, name: str) -> None:
        """Remember a definition that could not be read, whatever it was, so that nobody is told it is missing."""
        self.broken.update(f"{slug}/{name}" for slug in SLUGS.values())

    def project(self, path: str, data: bytes, text: str) -> tuple[Project | None, Origin | None]:
        reading = read(path, data)
        self.found.extend(reading.diagnostics)
        documents = [document for document in reading.documents if document.value is not None]
        if len(documents) != 1 or not isinstance(documents[0].value, dict):
            if not reading.diagnostics:
                span = documents[1].node if len(documents) > 1 else documents[0].node if documents else None
                where = span_of(path, span) if span is not None else _beginning(path)
                self.found.append(NOT_A_MAP.at(where, "asof.yaml holds one map: version, project, targets"))
            return None, None
        document = documents[0]
        origin, value = Origin(path, document.node, text), documents[0].value
        self.found.extend(_doubts(document, rows=False))
        problems = setting_problems(document.node, path)
        self.found.extend(problems)
        if not schema.accepts("project")(value):
            self.found.extend(violations("project", value, origin))
            return None, None
        return codec.project_from_json(lower_project(value)), origin


def _beginning(path: str) -> Span:
    return Span(path=path, line=1, column=1, end_line=1, end_column=1)


def _doubts(document: Document, *, rows: bool, address: str = "") -> Iterator[Diagnostic]:
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
