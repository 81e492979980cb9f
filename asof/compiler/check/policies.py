"""House rules from asof.yaml, and findings that a definition accepts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from asof.compiler.check import rules
from asof.compiler.diagnostics import RULES, Level
from asof.compiler.model import FeatureView

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from asof.compiler.check.scope import Scope
    from asof.compiler.diagnostics import Diagnostic, Rule
    from asof.compiler.model import AnyDefinition, Policy, Repo


def check_policies(scope: Scope, definition: AnyDefinition) -> None:
    """Report what breaks the house rules of asof.yaml."""
    for policy in scope.repo.project.policies:
        options: dict[str, Any] = dict(policy.options)
        kinds = options.get("kinds")
        if policy.severity == "off" or (kinds and definition.kind not in kinds):
            continue
        if definition.kind == "FeatureTest" and not kinds:
            continue
        level = Level.ERROR if policy.severity == "error" else Level.WARNING
        for broken, message in _breaches(policy, options, definition):
            scope.report(broken, message, "name", level=level)


def _breaches(policy: Policy, options: dict[str, Any], definition: AnyDefinition) -> Iterator[tuple[Rule, str]]:
    name = definition.name
    if policy.rule == "require_owner" and not definition.owner:
        yield rules.OWNER, f"`{name}` has no owner"
    elif policy.rule == "require_description" and not definition.description:
        yield rules.DESCRIPTION, f"`{name}` has no description"
    elif policy.rule == "require_ttl" and isinstance(definition, FeatureView):
        if definition.schema and definition.ttl is None:
            yield rules.TTL, f"`{name}` has no ttl: values of any age are served"
    elif policy.rule == "require_tags":
        for key in options.get("keys", ()):
            if key not in dict(definition.tags):
                yield rules.TAGS, f"`{name}` has no tag `{key}`"
    elif policy.rule == "naming" and not re.fullmatch(options.get("pattern", ".*"), name):
        yield rules.NAMING, f"`{name}` does not match {options['pattern']}"


def check_allow(scope: Scope, definition: AnyDefinition) -> None:
    """Only a known finding that is not an error can be accepted."""
    for code, _ in definition.allow:
        if code not in RULES:
            scope.report(rules.ALLOW, f"there is no finding {code}", "allow", code, key=True)
        elif RULES[code].level is Level.ERROR:
            scope.report(rules.ALLOW, f"{code} is an error and cannot be accepted", "allow", code, key=True)


def without_allowed(repo: Repo, found: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
    """Leave out what the definition concerned accepts; an error is never left out, but a house rule may be."""
    for item in found:
        definition = repo.definitions.get(item.address)
        accepted = dict(definition.allow) if definition is not None else {}
        if item.code not in accepted or RULES[item.code].level is Level.ERROR:
            yield item
