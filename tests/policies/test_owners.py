"""Lines of an owners file: what they cover, and whom a plan asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from asof.compiler.model import SLUGS, Approvals
from asof.compiler.owners import Owners, read_owners
from tests.plan.world import PROJECT, WORLD, edited, plan_of, repo_with

if TYPE_CHECKING:
    from asof.compiler.diagnostics import Diagnostic


def read(path: str, text: str, folder: str = "") -> tuple[Owners, tuple[Diagnostic, ...]]:
    return read_owners(path, text, folder, kinds=SLUGS.values())


COVERED = [
    ("*", "a/b/c.yaml", True),
    ("*.yaml", "a/b/c.yaml", True),
    ("/a/", "a/b/c.yaml", True),
    ("a/", "x/a/b.yaml", True),
    ("/a", "x/a/b.yaml", False),
    ("/a/*", "a/b.yaml", True),
    ("/a/*", "a/b/c.yaml", False),
    ("a/**/c.yaml", "a/x/y/c.yaml", True),
    ("b.yaml", "a/b.yaml", True),
    ("/b.yaml", "a/b.yaml", False),
    ("b.yaml/", "a/b.yaml", False),
]


@pytest.mark.parametrize(("pattern", "path", "covered"), COVERED)
def test_a_pattern_covers_files_as_on_github(pattern: str, path: str, covered: bool) -> None:
    owners, wrong = read("OWNERS", f"{pattern} @acme/team")
    assert not wrong
    assert owners.of("feature_view/x", path, ()) == (("@acme/team",) if covered else ())


def test_the_last_line_for_a_file_counts_and_lines_by_address_and_tag_add_to_it() -> None:
    text = "* @all\n/a/ @a @b # why\n/a/free.yaml\naddress:feature_view/f* @f\ntag:tier=gold @gold\ntag:pii @privacy\n"
    owners, _ = read("OWNERS", text)
    assert owners.of("entity/x", "z.yaml", ()) == ("@all",)
    assert owners.of("entity/x", "a/z.yaml", ()) == ("@a", "@b")
    assert owners.of("entity/x", "a/free.yaml", ()) == ()
    assert owners.of("feature_view/fares", "a/z.yaml", (("tier", "gold"), ("pii", "no"))) == (
        "@a",
        "@b",
        "@f",
        "@gold",
        "@privacy",
    )


def test_patterns_start_where_the_file_stands() -> None:
    owners, _ = read("../OWNERS", "/features/x.yaml @x", folder="features")
    assert owners.of("entity/x", "x.yaml", ()) == ("@x",)


def test_a_line_that_is_none_is_told_and_passed_over() -> None:
    owners, wrong = read("OWNERS", "/a/ pricing team@\n[Section] @x\n!b @x\n/c/ me@acme.com")
    assert [(d.code, d.span.line) for d in wrong] == [("AS665", 1), ("AS665", 2), ("AS665", 3)]
    assert [rule.pattern for rule in owners.rules] == ["/c/"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("address:feature_servce/* @x", "did you mean 'feature_service'?"),
        ("address:model/* @x", "there is no kind `model`"),
        ("/a/ bad", "`bad` is neither @user, @org/team nor an e-mail address"),
        ("/a/ @x owner", "`owner` is neither"),
    ],
)
def test_a_kind_that_does_not_exist_and_an_owner_without_a_handle_are_told(line: str, said: str) -> None:
    owners, (wrong,) = read("OWNERS", f"* @all\n{line}\n")
    assert (wrong.code, wrong.span.line) == ("AS665", 2)
    assert said in wrong.message
    assert [rule.pattern for rule in owners.rules] == ["*"]


def test_kinds_may_be_patterns_and_owners_handles_teams_and_addresses() -> None:
    text = "address:*/fare* @a\naddress:feature_* @b\naddress:*view/x @acme/b me@acme.com\n"
    owners, wrong = read("OWNERS", text)
    assert not wrong
    assert owners.of("feature_view/fares", "", ()) == ("@a", "@b")


def test_approvals_ask_from_a_class_on_and_both_sides_of_what_changes_hands() -> None:
    wanted = Approvals(changed="value_change", reached="value_change", also=(("destructive", ("board",)),))
    project = msgspec.structs.replace(PROJECT, approvals=wanted)
    was = repo_with(*WORLD.definitions.values(), project=project)
    quiet = plan_of(edited("feature_view/fares", was, description="new"), was)
    assert quiet.approvals == ()
    loud = plan_of(edited("feature_view/fares", was, owner="ops@rides", aggregations__1__where="tip > 1"), was)
    assert {a.by: (a.changed, a.reached) for a in loud.approvals} == {
        "ops@rides": (("feature_view/fares",), ()),
        "pricing@rides": (("feature_view/fares",), ()),
    }
    assert [(w.code, w.address) for w in loud.warnings] == [("AS666", "feature_service/everything")]
    elsewhere = msgspec.structs.replace(project, approvals=msgspec.structs.replace(wanted, targets=("production",)))
    moved = repo_with(*was.definitions.values(), project=elsewhere)
    assert plan_of(edited("feature_view/fares", moved, aggregations__1__where="tip > 1"), moved).approvals == ()
