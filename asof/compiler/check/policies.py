"""House rules from asof.yaml, and findings that a definition accepts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from asof.compiler import shape
from asof.compiler.check import rules
from asof.compiler.check.restricted import restricted
from asof.compiler.check.scope import Scope
from asof.compiler.diagnostics import RULES, Level
from asof.compiler.instants import instant
from asof.compiler.model import FeatureService, FeatureView, OnDemandFeatureView
from asof.compiler.source import NOWHERE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from asof.compiler.diagnostics import Diagnostic, Rule
    from asof.compiler.model import AnyDefinition, Policy, Repo
    from asof.compiler.source import Pointer


def house_rules(repo: Repo, target: str = "", *, sound: bool = True) -> tuple[Diagnostic, ...]:
    """What breaks the house rules of asof.yaml as they are in a target ("" is the default one).

    What is traced by lineage is left out where the repo is not ``sound``.
    """
    chosen = repo.project.target(target)
    name = chosen.name if chosen else target
    found: list[Diagnostic] = []
    held = [(policy, severity) for policy in repo.project.policies if (severity := policy.severity_in(name)) != "off"]
    levels = {policy.rule: Level.ERROR if severity == "error" else Level.WARNING for policy, severity in held}
    for definition in repo.definitions.values() if held else ():
        if definition.address in repo.others:
            continue
        scope = Scope(repo, definition, found)
        for policy, _ in held:
            options: dict[str, Any] = dict(policy.options)
            kinds = options.get("kinds")
            if definition.kind not in kinds if kinds else definition.kind == "FeatureTest":
                continue
            sizes = _sizes(repo, options, definition) if policy.rule == "max_features" else ()
            for broken, message in (*_breaches(policy, options, definition), *sizes):
                scope.report(broken, message, "name", level=levels[policy.rule])
    for policy, _ in held if sound else ():
        if policy.rule == "restricted_tags":
            options = dict(policy.options)
            for service, message in restricted(repo, options["rules"]):
                Scope(repo, service, found).report(rules.RESTRICTED, message, "features", level=levels[policy.rule])
    return tuple(found)


def check_settings(repo: Repo) -> Iterator[Diagnostic]:
    """What asof.yaml says about policies and approvals and cannot mean."""
    project, origin = repo.project, repo.origins.get("")
    known = {target.name for target in project.targets}
    named: list[tuple[Pointer, str]] = [
        (("policies", p.rule, "targets", name), name) for p in project.policies for name, _ in p.targets
    ]
    if project.approvals is not None:
        named += [(("approvals", "targets", at), name) for at, name in enumerate(project.approvals.targets)]
    for pointer, name in named:
        if name not in known:
            span = origin.key(*pointer) if origin else NOWHERE
            yield rules.UNKNOWN_TARGET.at(span, f"there is no target `{name}` in asof.yaml")
    for policy in project.policies:
        for pointer, message in _unusable(policy):
            span = origin.value("policies", policy.rule, *pointer) if origin else NOWHERE
            yield rules.BAD_POLICY.at(span, message)


def _unusable(policy: Policy) -> Iterator[tuple[Pointer, str]]:
    options: dict[str, Any] = dict(policy.options)
    if policy.rule == "naming" and "pattern" in options:
        try:
            re.compile(options["pattern"])
        except (re.error, RecursionError, OverflowError) as error:
            yield ("pattern",), f"the pattern is no regular expression: {error}"
    for at, window in enumerate(options.get("windows", ())) if policy.rule == "freeze" else ():
        read = {key: instant(str(window[key])) for key in ("from", "until")}
        for key, found in read.items():
            if found is None:
                yield ("windows", at, key), f"`{window[key]}` is no date: write '2026-12-20' or '2026-12-20T18:00:00Z'"
        if read["from"] and read["until"] and read["until"] <= read["from"]:
            yield ("windows", at, "until"), "the freeze is over before it begins"


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
    elif policy.rule == "naming" and not _matches(options.get("pattern", ".*"), name):
        yield rules.NAMING, f"`{name}` does not match {options['pattern']}"


def _matches(pattern: str, name: str) -> bool:
    try:
        return re.fullmatch(pattern, name) is not None
    except (re.error, RecursionError, OverflowError):  # said once, of asof.yaml
        return True


def _sizes(repo: Repo, options: dict[str, Any], definition: AnyDefinition) -> Iterator[tuple[Rule, str]]:
    if isinstance(definition, FeatureView | OnDemandFeatureView):
        count, most = len(shape.features(definition)), options.get("view")
    elif isinstance(definition, FeatureService):
        views = ((repo.view(item.view), item) for item in definition.features)
        count = sum(len(item.features or shape.features(view)) for view, item in views if view is not None)
        most = options.get("service")
    else:
        return
    if most is not None and count > most:
        yield rules.TOO_MANY, f"`{definition.name}` has {count:,} features; {most:,} is the most"


def check_allow(scope: Scope, definition: AnyDefinition) -> None:
    """Only a known finding that is not an error can be accepted."""
    for code, _ in definition.allow:
        if code not in RULES:
            scope.report(rules.ALLOW, f"there is no finding {code}", "allow", code, key=True)
        elif RULES[code].level is Level.ERROR:
            scope.report(rules.ALLOW, f"{code} is an error and cannot be accepted", "allow", code, key=True)


def without_allowed(repo: Repo, found: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
    """Leave out what the definition concerned accepts; an error is never left out, a house rule that is one neither."""
    for item in found:
        definition = repo.definitions.get(item.address)
        accepted = dict(definition.allow) if definition is not None else {}
        if item.code not in accepted or item.level is Level.ERROR:
            yield item
