"""The verbs of an editor: a repo with texts that are not saved yet, built again at each key stroke."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from asof import api
from asof.compiler.diagnostics import Diagnostic, DiagnosticError, in_order
from asof.compiler.load import Known, load
from asof.compiler.model import Ownership
from asof.compiler.source import RepoFiles

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from asof.compiler.model import Repo
    from asof.compiler.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A repo as far as it could be built. ``diagnostics`` are those of reading and loading.

    ``last`` has what stands now and, where that cannot be built, what stood there last; None if nothing ever could be
    built. ``sources`` are the texts by path.
    """

    repo: Repo | None
    last: Repo | None
    diagnostics: tuple[Diagnostic, ...]
    sources: Mapping[str, str]
    texts: Mapping[str, bytes] = field(default_factory=dict)
    sound: Known = field(default_factory=dict)
    others: State | None = None
    """What the registry holds, in a repo that shares it."""
    cut_off: bool = False
    """The registry cannot be read, so nobody knows which names others define."""


def build(root: Path, buffers: Mapping[str, str], before: Built | None = None, *, ask_registry: bool = True) -> Built:
    """The repo at ``root`` with ``buffers`` in the place of files; what is equal to ``before`` is not read again.

    A buffer counts only where ``read_repo`` would read a file. Only a repo that shares its registry asks it.
    """
    from asof.ops.repo_files import PROJECT, belongs, read_repo

    files, unread = read_repo(root)
    on_disk = dict(files.texts) if files is not None else {}
    open_here = {
        path: text.encode("utf-8", "surrogatepass")
        for path, text in buffers.items()
        if path in on_disk or belongs(root, path)
    }
    texts = on_disk | open_here
    last = before.last if before is not None else None
    if PROJECT not in texts:
        return Built(repo=None, last=last, diagnostics=in_order(unread), sources={})
    if files is None:
        unread = ()
    sound = before.sound if before is not None else {}
    known = {path: sound[path] for path in sound if before and before.texts.get(path) == texts.get(path)}
    loaded = load(RepoFiles(project=PROJECT, texts=texts), known)
    made = Built(
        repo=loaded.repo,
        last=_with_last(loaded.repo, last),
        diagnostics=in_order((*unread, *loaded.diagnostics)),
        sources=loaded.sources,
        texts=texts,
        sound=loaded.sound,
        others=before.others if before is not None else None,
    )
    return _shared(root, made, ask=ask_registry)


def _with_last(repo: Repo | None, last: Repo | None) -> Repo | None:
    if repo is None or last is None:
        return repo or last
    kept = {a: d for a, d in last.definitions.items() if a in repo.broken and a not in repo.definitions}
    origins = {a: o for a, o in last.origins.items() if a in kept}
    definitions = dict(sorted((kept | dict(repo.definitions)).items()))
    return replace(repo, definitions=definitions, origins=origins | dict(repo.origins))


def _shared(root: Path, made: Built, *, ask: bool) -> Built:
    from asof.compiler.ownership import with_others

    if made.repo is None or made.repo.project.ownership == Ownership():
        return made
    others = made.others
    if ask or others is None:
        try:
            others = api.registry_of(root, made.repo.project, "").state()
        except DiagnosticError as error:
            return replace(made, diagnostics=in_order((*made.diagnostics, *error.diagnostics)), cut_off=True)
        except OSError:
            return replace(made, cut_off=True)
    last = with_others(made.last, others) if made.last is not None else None
    return replace(made, repo=with_others(made.repo, others), last=last, others=others)


def check(built: Built, *, lints: bool) -> tuple[Diagnostic, ...]:
    """Everything there is to say about a repo; ``lints`` adds what `asof lint` says."""
    from asof.compiler.check import check as check_repo
    from asof.compiler.check import lint
    from asof.compiler.check.policies import without_allowed

    if built.repo is None or built.cut_off:
        return built.diagnostics
    if lints:
        return lint(built.repo, built.diagnostics).found
    return in_order((*without_allowed(built.repo, built.diagnostics), *check_repo(built.repo)))
