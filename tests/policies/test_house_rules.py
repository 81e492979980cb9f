"""House rules of asof.yaml: by target, as warnings or errors, in checks and in plans."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from asof.compiler.check import check, lint
from asof.compiler.check.restricted import restricted
from asof.compiler.classify import ChangeClass
from asof.compiler.model import (
    Deprecation,
    Expression,
    FeatureService,
    FeatureView,
    OnDemandFeatureView,
    Policy,
    Project,
    Repo,
    ServiceItem,
    Timing,
)
from asof.compiler.policies import freezes, frozen
from asof.compiler.types import STRING
from tests.plan.world import PROJECT, WORLD, column, edited, plan_of, repo_with, without


def project(rule: str, severity: Any = "error", targets: Any = (), **options: Any) -> Project:
    policy = Policy(rule=rule, severity=severity, targets=targets, options=tuple(sorted(options.items())))
    return msgspec.structs.replace(PROJECT, policies=(policy,))


def under(rules: Project, repo: Repo = WORLD) -> Repo:
    return repo_with(*repo.definitions.values(), project=rules)


def codes(repo: Repo, target: str = "") -> set[tuple[str, str]]:
    return {(found.code, str(found.level)) for found in check(repo, target=target) if found.code >= "AS650"}


def test_a_rule_is_as_severe_as_the_target_has_it() -> None:
    repo = under(project("require_description", "warn", (("production", "error"),), kinds=["Entity"]))
    assert codes(repo) == {("AS651", "warning")}
    assert codes(repo, "production") == {("AS651", "error")}
    assert not plan_of(repo, repo).blocked
    off = under(project("require_description", "error", (("local", "off"),)))
    assert codes(off) == set()


def test_only_what_warns_can_be_accepted() -> None:
    accepted = edited("entity/city", allow=(("AS650", "nobody's"),))
    rules = {"kinds": ["Entity"]}
    assert codes(under(project("require_owner", "warn", **rules), accepted)) == set()
    assert codes(under(project("require_owner", "error", **rules), accepted)) == {("AS650", "error")}


def test_what_only_plans_find_can_be_accepted_and_is_not_missed_by_lint() -> None:
    rules = project("deprecate_first", "warn")
    accepting = under(rules, edited("feature_view/recent", allow=(("AS658", "it was a mistake"),)))
    assert "AS331" not in {found.code for found in lint(accepting).found}
    assert not any(found.code == "AS322" for found in check(accepting))
    gone = without(accepting, "feature_view/recent")
    assert not plan_of(gone, accepting).warnings
    assert [w.code for w in plan_of(without(under(rules), "feature_view/recent"), under(rules)).warnings] == ["AS658"]


def test_what_breaks_was_deprecated_in_the_generation_before() -> None:
    rules = project("deprecate_first")
    was = under(rules)
    gone = without(was, "feature_view/recent")
    assert [(b.code, b.policy) for b in plan_of(gone, was).blocked if b.policy] == [("AS658", "deprecate_first")]
    deprecated = edited("feature_view/recent", was, deprecated=Deprecation(since="2026-01-01"))
    assert not plan_of(deprecated, was).blocked
    assert not [b for b in plan_of(without(deprecated, "feature_view/recent"), deprecated).blocked if b.policy]


def test_values_of_what_was_tagged_stay_though_the_tag_goes_in_the_same_change() -> None:
    was = under(project("stable_values", tags={"tier": "g*"}), edited("feature_view/fares", tags=(("tier", "gold"),)))
    untagged = edited("feature_view/fares", was, tags=(), aggregations__1__where="tip > 1")
    assert [(b.code, b.address) for b in plan_of(untagged, was).blocked] == [("AS659", "feature_view/fares")]
    assert not plan_of(edited("feature_view/fares", was, description="new"), was).blocked


def mailing(*more: Any, feature: str = "cut", expression: str = "left(town, 2)", tags: Any = (), **source: Any) -> Repo:
    town = column("town", STRING, tags=(("pii", "yes"),))
    view = FeatureView(name="towns", entities=("driver",), source="trips", schema=(column("town", STRING),))
    made = OnDemandFeatureView(
        name="made",
        sources=("towns",),
        features=(Expression(name=feature, type=STRING, expression=expression, tags=tags),),
    )
    trips = WORLD.definitions["data_source/trips"]
    columns = (*getattr(trips, "columns", ()), town)
    described = msgspec.structs.replace(trips, **({"columns": columns} | source))
    mail = FeatureService(name="mail_all", features=(ServiceItem(view="made"),))
    kept = without(WORLD, "data_source/trips").definitions.values()
    return repo_with(*kept, described, view, made, mail, *more)


def breaches(repo: Repo, service: str = "mail*") -> list[str]:
    return [message for _, message in restricted(repo, [{"tags": {"pii": "yes"}, "services": [service]}])]


def test_a_tag_is_followed_through_views_and_expressions() -> None:
    (message,) = breaches(mailing())
    assert "data_source/trips.town" in message
    assert not breaches(mailing(), "letters")


def test_a_tag_of_the_same_key_ends_the_way() -> None:
    assert not breaches(mailing(tags=(("pii", "no"),)))


def test_a_tag_of_a_source_holds_for_its_columns_declared_or_not() -> None:
    for declared in (mailing(), mailing(columns=())):
        trips = msgspec.structs.replace(declared.definitions["data_source/trips"], tags=(("pii", "yes"),))
        tagged = repo_with(*without(declared, "data_source/trips").definitions.values(), trips)
        assert len(breaches(tagged)) == 1


def test_a_query_that_cannot_be_traced_carries_all_that_it_reads() -> None:
    timing = Timing(timestamp_field="ended_at")
    query = "SELECT driver_id, ended_at, COLUMNS('to.*') FROM trips"
    dark = FeatureView(name="dark", entities=("driver",), query=query, timing=timing, schema=(column("town", STRING),))
    mail = FeatureService(name="mail_dark", features=(ServiceItem(view="dark"),))
    assert len(breaches(mailing(dark, mail), "mail_dark")) == 1


def test_sizes_are_counted_with_windows_and_whole_views() -> None:
    repo = under(project("max_features", "warn", view=4, service=5))
    assert {d.address for d in check(repo) if d.code == "AS657"} == {
        "feature_view/fares",
        "feature_service/everything",
    }


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        (project("naming", pattern="[a-z"), "AS667"),
        (project("freeze", windows=[{"from": "Christmas", "until": "2026-12-27"}]), "AS667"),
        (project("freeze", windows=[{"from": "2026-12-27", "until": "2026-12-24"}]), "AS667"),
        (project("require_owner", "off", (("staging", "error"),)), "AS321"),
    ],
)
def test_a_rule_that_cannot_be_followed_is_told(rules: Project, code: str) -> None:
    assert code in {found.code for found in check(under(rules))}


def test_a_freeze_holds_from_its_first_instant_to_before_its_last() -> None:
    windows = [
        {"from": "2026-12-20", "until": "2027-01-04T09:00:00+01:00", "reason": "peak"},
        {"from": "2026-12-24", "until": "2026-12-27"},
    ]
    rules = project("freeze", "off", (("production", "error"),), windows=windows, allow=["metadata"])
    assert freezes(rules, "local", [ChangeClass.VALUE_CHANGE]) == ()
    assert freezes(rules, "production", [ChangeClass.METADATA]) == ()
    held = freezes(rules, "production", [ChangeClass.METADATA, ChangeClass.ADDITIVE])
    times = {
        datetime(2026, 12, 19, 23, 59, 59, tzinfo=UTC): None,
        datetime(2026, 12, 20, tzinfo=UTC): "2027-01-04T08:00:00Z",
        datetime(2026, 12, 25, tzinfo=UTC): "2027-01-04T08:00:00Z",
        datetime(2027, 1, 4, 8, tzinfo=UTC): None,
    }
    for now, until in times.items():
        found = frozen(held, now)
        assert (found.until if found else None) == until
