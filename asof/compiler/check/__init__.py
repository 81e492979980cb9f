"""Whether definitions that read well on their own fit together; no database is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from asof.compiler import model
from asof.compiler.check import rules
from asof.compiler.check.capabilities import check_capabilities
from asof.compiler.check.former_names import check_former_name
from asof.compiler.check.lints import lints, unused_allows
from asof.compiler.check.policies import check_allow, check_settings, house_rules, without_allowed
from asof.compiler.check.scope import Scope
from asof.compiler.check.services import check_dataset, check_service, check_test
from asof.compiler.check.sources import check_entity, check_source
from asof.compiler.check.targets import check_targets
from asof.compiler.check.views import check_cycles, check_on_demand, check_view
from asof.compiler.diagnostics import Diagnostic, Level, has_errors, in_order
from asof.compiler.ownership import outside
from asof.compiler.query import check_sql

if TYPE_CHECKING:
    from collections.abc import Iterable

    from asof.compiler.model import AnyDefinition, Repo


def check(repo: Repo, *, target: str = "") -> tuple[Diagnostic, ...]:
    """References, shapes, names, house rules and SQL, in reading order.

    House rules are as severe as in ``target`` ("" is the default). What could not be loaded is known by name
    (``repo.broken``): nobody is told that it is missing.
    """
    return in_order(without_allowed(repo, _everything(repo, target)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Linted:
    """What is left to say about a repo, and what its definitions accept, each in reading order."""

    found: tuple[Diagnostic, ...]
    accepted: tuple[Diagnostic, ...]


def lint(repo: Repo, loaded: Iterable[Diagnostic] = ()) -> Linted:
    """All that ``check`` finds and what was found while loading, with lints on top where nothing of it is an error.

    Whoever accepts a finding that is not there is told so.
    """
    found = [*loaded, *_everything(repo)]
    if not repo.broken and not has_errors(found):
        found += lints(repo)
    kept = set(without_allowed(repo, found))
    accepted = [item for item in found if item not in kept]
    if not repo.broken and not has_errors(found):
        kept.update(unused_allows(repo, {(item.address, item.code) for item in accepted}))
    return Linted(found=in_order(kept), accepted=in_order(accepted))


def _everything(repo: Repo, target: str = "") -> list[Diagnostic]:
    found: list[Diagnostic] = [*check_targets(repo), *check_settings(repo)]
    scopes = {address: Scope(repo, definition, found) for address, definition in repo.definitions.items()}
    for address, definition in repo.definitions.items():
        _check_kind(scopes[address], definition)
        _check_life(scopes[address], definition)
        if address not in repo.others:
            check_allow(scopes[address], definition)
    found += outside(repo)
    check_cycles(repo, scopes)
    found += check_sql(repo)
    if not repo.broken and not has_errors(found):
        found += check_capabilities(repo)
    found += house_rules(repo, target, sound=not repo.broken and not has_errors(found))
    # What other repos define is theirs to mend, unless this one breaks it.
    return [f for f in found if f.address not in repo.others or f.level is Level.ERROR]


def _check_kind(scope: Scope, definition: AnyDefinition) -> None:
    match definition:
        case model.Entity():
            check_entity(scope, definition)
        case model.DataSource():
            check_source(scope, definition)
        case model.FeatureView():
            check_view(scope, definition)
        case model.OnDemandFeatureView():
            check_on_demand(scope, definition)
        case model.FeatureService():
            check_service(scope, definition)
        case model.SavedDataset():
            check_dataset(scope, definition)
        case model.FeatureTest():
            check_test(scope, definition)


def _check_life(scope: Scope, definition: AnyDefinition) -> None:
    """``moved_from`` names what is gone; ``deprecated.use`` what is there."""
    slug = model.SLUGS[definition.kind]
    check_former_name(scope, definition)
    use = definition.deprecated.use if definition.deprecated else ""
    address = use if "/" in use else f"{slug}/{use}"
    if use and address not in scope.repo.definitions and address not in scope.repo.broken:
        scope.report(rules.REPLACEMENT, f"there is no {address}", "deprecated", "use")
