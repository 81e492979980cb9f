"""What the targets of asof.yaml ask for and nothing carries out yet: known before anybody tries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asof.compiler import support
from asof.compiler.diagnostics import Level
from asof.compiler.dialects import STORES, of_store
from asof.compiler.model import FeatureView
from asof.compiler.source import NOWHERE
from asof.compiler.store_options import place_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from asof.compiler.diagnostics import Diagnostic, Rule
    from asof.compiler.model import Repo, Store, Target


def check_targets(repo: Repo) -> Iterator[Diagnostic]:
    """One warning for each store that is not supported yet, and an error for each that two targets write to.

    The definitions are none the worse for the former; the verb that needs the store refuses with an error.
    """
    origin = repo.origins.get("")
    for target in repo.project.targets:
        for broken, said, pointer in (*_not_yet(target), *_unopened(target, _asks(repo))):
            span = origin.value("targets", target.name, *pointer) if origin else NOWHERE
            yield broken.at(span, said, level=Level.WARNING)
    for name, other, role in _same_stores(repo):
        said = f"target {name!r} has the same {role} store as {other!r}: neither may touch what the other one made"
        yield support.SAME_STORE.at(origin.value("targets", name, role) if origin else NOWHERE, said)


def _same_stores(repo: Repo) -> Iterator[tuple[str, str, str]]:
    """Target, an earlier one and the store in which both make tables or views of the same names.

    A store that an environment variable chooses may be another one in each environment.
    """
    for role in ("online", *(("offline",) if _asks(repo) else ())):
        seen: dict[Store, str] = {}
        for target in repo.project.targets:
            store: Store | None = getattr(target, role)
            if store is None or any("${env:" in str(value) for _, value in store.options):
                continue
            place = place_of(store)
            if place in seen:
                yield target.name, seen[place], role
            seen.setdefault(place, target.name)


def _asks(repo: Repo) -> bool:
    """Whether a view is written as a query, and so has a view of its own in the offline store."""
    return any(isinstance(d, FeatureView) and d.query for d in repo.definitions.values())


def refusals(target: Target, *, views: bool = False) -> tuple[Diagnostic, ...]:
    """The same as errors, for a verb that would open them; ``views``: it makes views in the offline store."""
    found = (*_not_yet(target), *_unopened(target, views))
    return tuple(broken.at(NOWHERE, said, level=Level.ERROR) for broken, said, _ in found)


def _unopened(target: Target, views: bool) -> Iterator[tuple[Rule, str, tuple[str, ...]]]:
    kind = target.offline.type
    if views and of_store(kind) is not None and kind not in support.OFFLINE_STORES:
        said = (
            f"target {target.name!r}: SQL is made for {kind}, and nothing opens it yet: `asof apply` cannot make the "
        )
        said += "views over queries there, and refuses this target"
        yield support.UNOPENED, said, ("offline", "type")


def _not_yet(target: Target) -> Iterator[tuple[Rule, str, tuple[str, ...]]]:
    who = f"target {target.name!r}: "
    if of_store(target.offline.type) is None:
        said = f"{target.offline.type} is not supported yet as an offline store; SQL is made for {_listed(STORES)}"
        yield support.NO_DIALECT, who + said, ("offline", "type")
    if target.online is not None and target.online.type not in support.ONLINE_STORES:
        known = _listed(support.ONLINE_STORES)
        said = f"{target.online.type} is not supported yet as an online store, so `asof apply` refuses this target; "
        said += f"only {known} can be served from today"
        yield support.NO_ONLINE_STORE, who + said, ("online", "type")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
