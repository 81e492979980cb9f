"""The verbs that look around in a repo; as in asof/api.py, one function each. None of them changes anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from asof import api
from asof.compiler.diagnostics import DiagnosticError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from asof.api_checks import Checked
    from asof.compiler.diagnostics import Diagnostic
    from asof.compiler.feature_list import Feature
    from asof.compiler.layout import Formatted
    from asof.compiler.lineage import Column, Reached, Use
    from asof.compiler.lookup import Hit
    from asof.compiler.model import AnyDefinition, Project, Repo
    from asof.compiler.picture import Picture
    from asof.compiler.repairs import Repaired
    from asof.registry.records import Entry


def picture(
    root: Path,
    repo: Repo,
    *,
    columns: bool,
    focus: Sequence[str] = (),
    up: int | None = None,
    down: int | None = None,
    changed: bool = False,
    target: str = "",
) -> Picture:
    """The graph of the repo to draw, around ``focus``; ``changed`` compares with the registry. Raises NotFoundError."""
    from asof.compiler.lookup import address_of
    from asof.compiler.picture import Change
    from asof.compiler.picture import picture as draw

    changes = None
    if changed:
        from asof.compiler.diff import Action

        made = api.plan(root, repo, target=target)
        changes = {
            c.address: Change(change=c.change_class.value, kind=_kind(c.address), deleted=c.action is Action.DELETE)
            for c in made.changes
        }
    centre = [address_of(repo, text) for text in focus]
    return draw(repo, columns=columns, focus=centre, up=up, down=down, changes=changes)


def _kind(address: str) -> str:
    from asof.compiler.model import SLUGS

    return next(kind for kind, slug in SLUGS.items() if slug == address.split("/")[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One object and what is around it. ``sql`` and ``history`` only where they were asked for."""

    address: str
    definition: AnyDefinition
    path: str
    line: int
    text: str
    """The document as written."""
    upstream: tuple[str, ...]
    downstream: tuple[str, ...]
    consumers: tuple[tuple[str, str], ...]
    """(address, owner) of the services, saved datasets and tests below, near or far."""
    columns: Mapping[str, Mapping[Column, Use]]
    sql: Mapping[str, str]
    history: tuple[tuple[Entry, str], ...]
    """Generations that changed it, newest first, and how: added, changed, deleted."""


def show(root: Path, checked: Checked, text: str, *, target: str, sql: bool, history: bool) -> Shown:
    """An object by its address or name. Raises NotFoundError, and DiagnosticError where SQL cannot be made."""
    from asof.compiler.lineage import Lineage
    from asof.compiler.lookup import address_of

    repo = checked.sound
    if repo is None:
        raise DiagnosticError(*checked.diagnostics)
    address = address_of(repo, text)
    lineage = Lineage(repo)
    graph = lineage.graph
    origin = repo.origins.get(address)
    span = origin.value() if origin is not None else None
    ends = ("feature_service/", "saved_dataset/", "feature_test/")
    return Shown(
        address=address,
        definition=repo.definitions[address],
        path=span.path if span else "",
        line=span.line if span else 0,
        text=_document(checked.sources.get(span.path, ""), span.line) if span else "",
        upstream=graph.above(address),
        downstream=graph.below(address),
        consumers=tuple((a, repo.definitions[a].owner) for a in graph.below(address) if a.startswith(ends)),
        columns=lineage.columns(address),
        sql=_statements(root, repo, address, target) if sql else {},
        history=_history(root, repo.project, address, target) if history else (),
    )


def _document(text: str, line: int) -> str:
    """The lines of the document that begins at ``line``, up to the next marker, comments above it included."""
    lines = text.splitlines()
    start = line - 1
    while start > 0 and not lines[start - 1].startswith(("---", "...")):
        start -= 1
    end = next((n for n in range(line, len(lines)) if lines[n].startswith(("---", "..."))), len(lines))
    return "\n".join(lines[start:end]).strip("\n")


def _statements(root: Path, repo: Repo, address: str, target: str) -> Mapping[str, str]:
    from asof.compiler.artifacts import artifacts
    from asof.compiler.diagnostics import has_errors

    chosen = api.target_of(repo.project, target).name
    serial = api.registry_serial(root, repo.project, chosen)
    made = artifacts(repo, target=chosen, serial=serial, only=address)
    if has_errors(made.diagnostics):
        raise DiagnosticError(*made.diagnostics)
    return {path: text for path, text in made.files.items() if not path.endswith("manifest.json")}


def _history(root: Path, project: Project, address: str, target: str) -> tuple[tuple[Entry, str], ...]:
    registry = api.registry_of(root, project, target)
    found: list[tuple[Entry, str]] = []
    before = None
    for entry in registry.history():
        try:
            now = registry.at(entry.serial).objects.get(address)
        except DiagnosticError:  # gc has removed it
            continue
        if now != before:
            found.append((entry, "deleted" if now is None else "added" if before is None else "changed"))
        before = now
    return tuple(reversed(found))


def listed(repo: Repo, *, kind: str = "", owner: str = "", tags: Sequence[tuple[str, str]] = ()) -> tuple[str, ...]:
    """Addresses of a kind, of an owner, and with all of ``tags``; a tag without a value stands for any."""
    return tuple(
        address
        for address, definition in repo.definitions.items()
        if (not kind or definition.kind == kind)
        and (not owner or definition.owner == owner)
        and all(key in dict(definition.tags) and value in ("", dict(definition.tags)[key]) for key, value in tags)
    )


def features(repo: Repo, *, owner: str = "", tags: Sequence[tuple[str, str]] = ()) -> tuple[Feature, ...]:
    """Features of views of an owner, with all of ``tags``, their own or their view's."""
    from asof.compiler.feature_list import every_feature

    def tagged(feature: Feature) -> bool:
        own = {**dict(repo.definitions[feature.address].tags), **feature.tags}
        return all(key in own and value in ("", own[key]) for key, value in tags)

    return tuple(f for f in every_feature(repo) if (not owner or f.owner == owner) and tagged(f))


def feature(repo: Repo, text: str) -> tuple[Feature, tuple[tuple[str, str], ...]]:
    """The feature of ``VIEW:FEATURE``, and (address, owner) of what reads it, near or far. Raises NotFoundError."""
    from asof.compiler.feature_list import every_feature
    from asof.compiler.lookup import NotFoundError, column_of

    address, name = column_of(repo, text)
    found = next((f for f in every_feature(repo) if (f.address, f.name) == (address, name)), None)
    if found is None:
        raise NotFoundError(f"{name!r} of {address} is no feature")
    hit = {reached.column.address for reached in impact(repo, text).reached} - {address}
    return found, tuple((one, repo.definitions[one].owner or "-") for one in sorted(hit))


def search(repo: Repo, text: str) -> tuple[Hit, ...]:
    """Objects in which every word occurs, best first."""
    from asof.compiler.lookup import search as look

    return look(repo, text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """Who is hit by a change of one column, or of any column of an object (``column`` is "")."""

    address: str
    column: str
    reached: tuple[Reached, ...]
    objects: tuple[tuple[str, str], ...]
    """(address, owner) of every object that reads it, near or far, columns or not."""

    @property
    def owners(self) -> tuple[str, ...]:
        """The owners of what is hit, sorted."""
        hit = {r.column.address for r in self.reached} | ({a for a, _ in self.objects} if not self.column else set())
        return tuple(sorted({owner for address, owner in self.objects if address in hit and owner}))


def impact(repo: Repo, text: str) -> Impact:
    """Who is hit by ``SOURCE.COLUMN``, ``VIEW:FEATURE`` or an address. Raises NotFoundError."""
    from asof.compiler.lineage import Column, Lineage
    from asof.compiler.lookup import column_of

    address, column = column_of(repo, text)
    lineage = Lineage(repo)
    named = (lineage.spelling(address, column),) if column else tuple(lineage.columns(address))
    objects = lineage.graph.below(address)
    return Impact(
        address=address,
        column=column,
        reached=lineage.reach_of(Column(address, name) for name in named),
        objects=tuple((a, repo.definitions[a].owner) for a in objects),
    )


def explain(code: str) -> str | None:
    """The page of a diagnostic code as Markdown; None where there is no such code."""
    from asof.ops.pages import diagnostic_page

    return diagnostic_page(code)


def codes() -> tuple[str, ...]:
    """Every code that has a page."""
    from asof.ops.pages import diagnostic_codes

    return diagnostic_codes()


def formatted(files: Mapping[str, bytes]) -> tuple[Formatted, ...]:
    """Files in the one layout, by path; nothing is written."""
    from asof.compiler.layout import formatted as lay_out
    from asof.ops.repo_files import PROJECT

    return tuple(lay_out(path, data, project=path.split("/")[-1] == PROJECT) for path, data in files.items())


def write(root: Path, changed: Mapping[str, str]) -> None:
    """Put new texts of files in the place of the old ones."""
    from asof.ops.repo_files import replace_text

    for path, text in changed.items():
        replace_text(root / path, text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lint:
    """What the linter found, and what definitions accept with which reason; ``sources`` are texts by path."""

    found: tuple[Diagnostic, ...]
    accepted: tuple[Diagnostic, ...]
    reasons: Mapping[tuple[str, str], str]
    """(address, code) -> why."""
    sources: Mapping[str, str]


def lint(root: Path, *, target: str = "") -> Lint:
    """Everything that ``asof validate`` finds, and lints."""
    from asof.compiler.check import lint as look

    made = api.loaded(root, target=target)
    if made.repo is None:
        return Lint(found=made.diagnostics, accepted=(), reasons={}, sources=made.sources)
    linted = look(made.repo, made.diagnostics)
    reasons = {(a, code): why for a, d in made.repo.definitions.items() for code, why in d.allow}
    return Lint(found=linted.found, accepted=linted.accepted, reasons=reasons, sources=made.sources)


def repaired(made: Lint) -> tuple[Repaired, ...]:
    """The files that safe fixes would change; nothing is written."""
    from asof.compiler.repairs import repaired as mend

    return mend(made.found, made.sources)
