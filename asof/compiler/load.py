"""The texts of a repo -> its definitions: each file by itself, then all of them together."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from asof import schema
from asof.compiler import codec
from asof.compiler.definition_file import NOT_A_MAP, Part, doubts, known_part, read_part
from asof.compiler.diagnostics import Diagnostic, Label, in_order, rule, with_article
from asof.compiler.lower import lower_project
from asof.compiler.model import SLUGS, VIEW_KINDS, AnyDefinition, Project, Repo
from asof.compiler.owners import Owners, read_owners
from asof.compiler.policy_files import POLICY_FILE, SqlPolicy, read_policy
from asof.compiler.settings import setting_problems
from asof.compiler.source import Origin, Span
from asof.compiler.violations import violations
from asof.compiler.yaml_reader import read, span_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asof.compiler.source import RepoFiles

DEFINED_TWICE = rule("AS301", "two definitions share a name")

Known = Mapping[str, tuple[AnyDefinition, ...]]
"""Path -> the definitions of a sound file, in the order it is written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A repo as far as it could be built. ``sources`` holds the texts by path, for code frames.

    ``sound`` are the files that nothing is to be said about, whatever the others hold.
    """

    repo: Repo | None
    diagnostics: tuple[Diagnostic, ...]
    sources: Mapping[str, str]
    sound: Known


def load(files: RepoFiles, known: Known | None = None) -> Loaded:
    """Build every definition that can be built and report what is wrong with the others.

    ``known`` holds the definitions of sound files whose bytes are those in ``files``: they are not read again.
    ``repo`` is None only where asof.yaml itself cannot be used.
    """
    sources = files.decoded()
    with _no_collection():
        loading = _Loading()
        for path in sorted(files.texts):
            if path != files.project:
                loading.add(path, _part(files, path, sources[path], known or {}), files.texts[path])
        project, project_origin = loading.project(
            files.project, files.texts.get(files.project, b""), sources.get(files.project, "")
        )
    origins = dict(loading.origins)
    repo = None
    if project is not None and project_origin is not None:
        origins[""] = project_origin
        definitions = dict(sorted(loading.definitions.items()))
        owners, policies = loading.beside(files, sources)
        repo = Repo(
            project=project,
            definitions=definitions,
            origins=origins,
            broken=frozenset(loading.broken),
            owners=owners,
            sql_policies=policies,
        )
    return Loaded(repo=repo, diagnostics=in_order(loading.found), sources=sources, sound=loading.sound)


def _part(files: RepoFiles, path: str, text: str, known: Known) -> Part:
    data, definitions = files.texts[path], known.get(path)
    return (
        read_part(path, data, text, files.tables) if definitions is None else known_part(path, data, text, definitions)
    )


@contextmanager
def _no_collection() -> Iterator[None]:
    """Thousands of long-lived values and no garbage: collecting here only costs, most of the time in fact."""
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

    sound: dict[str, tuple[AnyDefinition, ...]] = field(default_factory=dict)

    def add(self, path: str, part: Part, data: bytes) -> None:
        """What a file holds, but for names that an earlier one has."""
        # What stands in another file is not known by the bytes of this one.
        if part.sound and b"csv_file" not in data:
            self.sound[path] = part.definitions
        self.found.extend(part.found)
        self.broken.update(part.broken)
        for definition, origin in zip(part.definitions, part.origins, strict=True):
            if not self.is_taken(definition.kind, definition.name, origin):
                self.definitions[definition.address] = definition
                self.origins[definition.address] = origin

    def is_taken(self, kind: str, name: str, origin: Origin) -> bool:
        """Report a name that another definition of the kind has, in whatever case: engines fold it."""
        group = "view" if kind in VIEW_KINDS else SLUGS[kind].replace("_", " ")
        key = (group, name.lower())
        first = self.taken.setdefault(key, origin)
        if first is origin:
            return False
        here = Label(span=first.value("name"), text="first defined here")
        message = f"there is {with_article(group)} `{name}` already"
        earlier = str(first.node_at("name").value)
        if earlier != name:
            message = f"the {group} names `{name}` and `{earlier}` differ in case only"
            self.broken.add(f"{SLUGS[kind]}/{name}")
        self.found.append(
            DEFINED_TWICE.at(origin.value("name"), message, address=f"{SLUGS[kind]}/{name}", secondary=(here,))
        )
        return True

    def beside(self, files: RepoFiles, texts: Mapping[str, str]) -> tuple[Owners, tuple[SqlPolicy, ...]]:
        """What stands in the files that are no definitions."""
        owners, policies = Owners(), dict[str, SqlPolicy]()
        for path in sorted(files.beside):
            if not path.endswith(".sql"):
                owners, found = read_owners(path, texts[path], files.folder, kinds=SLUGS.values())
                self.found.extend(found)
                continue
            policy, found = read_policy(path, texts[path])
            self.found.extend(found)
            if policy is not None:
                first = policies.setdefault(policy.name, policy)
                if first is not policy:
                    message = f"there is a policy `{policy.name}` already, in {first.path}"
                    self.found.append(POLICY_FILE.at(_beginning(path), message))
        return owners, tuple(policies[name] for name in sorted(policies))

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
        self.found.extend(doubts(document, rows=False))
        problems = setting_problems(document.node, path)
        self.found.extend(problems)
        if not schema.accepts("project")(value):
            self.found.extend(violations("project", value, origin))
            return None, None
        return codec.project_from_json(lower_project(value)), origin


def _beginning(path: str) -> Span:
    return Span(path=path, line=1, column=1, end_line=1, end_column=1)
