"""The comment on a pull request: short enough, the same each time, and nothing in it gets out of its place."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from asof.ops.observe import Drifted
from asof.views.markdown import block, code, folded, prose, summary
from asof.views.plan_markdown import LONGEST, comment, digest
from asof.views.plans import human
from tests.views.plans import HOSTILE, plan_of, report_of

FORGE = MarkdownIt("gfm-like", {"html": True, "linkify": False})
ANY = st.text(max_size=60)
ALLOWED = {"p", "h3", "ul", "ol", "li", "strong", "em", "code", "pre", "details", "summary", "sub", "br"}


class Page(HTMLParser):
    """The tags of a page, and the text that is not code: where forges look for people and links."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.bare = ""
        self.inside = 0
        self.comments = 0
        self.feed(html)

    def handle_comment(self, data: str) -> None:
        self.comments += 1

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs} - {"class", "start"}
        self.inside += tag == "code"

    def handle_endtag(self, tag: str) -> None:
        self.inside -= tag == "code"

    def handle_data(self, data: str) -> None:
        if not self.inside:
            self.bare += data


def shown(markdown: str) -> Page:
    return Page(FORGE.render(markdown))


def calls_nobody(page: Page) -> None:
    assert set(page.tags) <= ALLOWED
    assert page.tags.count("details") == page.tags.count("summary")
    assert not page.attributes
    for sign in ("@", "#", "://", "www.", "<", "|", "\x1b", "\u202e"):
        assert sign not in page.bare, sign
    assert not re.search(r"(?i)gh-\d|\b[0-9a-f]{40}\b", page.bare)


@pytest.mark.parametrize(("changes", "blocked"), [(7, 2), (70, 70), (5_000, 1_000)])
def test_hostile_texts_stay_where_they_are_and_call_nobody(changes: int, blocked: int) -> None:
    text = comment(report_of(plan_of(changes, text=HOSTILE, owner=HOSTILE, blocked=blocked)))
    calls_nobody(shown(text))
    assert shown(text).comments == 1
    assert not re.search(r"^\s*/\w", text, re.MULTILINE), "GitLab would take it for a command"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (1, "x" * 100_000),
        (20, "`" * 5_000),
        (300, "\U0001f600" * 400),
        (5_000, "values can change"),
        (5_000, "\U0001f600" * 100),
    ],
    ids=["one_long", "backticks", "wide", "many", "many_wide"],
)
def test_a_comment_is_never_too_long_and_always_says_how_to_apply(changes: int, text: str) -> None:
    made = plan_of(changes, text=text, owner=text[:300])
    written = comment(report_of(made))
    assert len(written) <= len(written.encode()) <= LONGEST
    assert f"--expect-sha256 {digest(made)}" in written
    if changes == 5_000:
        assert "more in the plan file" in written
    calls_nobody(shown(written))


def test_what_is_blocked_and_worst_comes_first_however_much_there_is() -> None:
    written = comment(report_of(plan_of(5_000, blocked=3)))
    titles = re.findall(r"^\*\*(\w+)", written, re.MULTILINE)
    assert titles[:3] == ["Blocked", "Destructive", "Interface"]
    assert titles[-2:] == ["Equivalent", "Metadata"]


def test_the_same_plan_gives_the_same_comment_with_a_mark_to_find_it_by() -> None:
    first, second = (comment(report_of(plan_of(50))) for _ in range(2))
    assert first == second
    assert first.startswith("<!-- asof plan rides local -->\n")


def test_a_terminal_obeys_no_text() -> None:
    text = human(plan_of(7, text=HOSTILE, owner=HOSTILE, blocked=2), colour=False, verbose=True)
    assert all(line.isprintable() for line in text.splitlines())


def test_a_long_list_is_cut_short_unless_all_is_asked_for() -> None:
    made = plan_of(700)
    assert "... 80 more: --verbose shows all" in human(made)
    assert "more: --verbose" not in human(made, verbose=True)
    assert len(human(made).splitlines()) < len(human(made, verbose=True).splitlines()) / 3


@settings(max_examples=200, deadline=None)
@given(ANY)
def test_any_text_is_only_text(text: str) -> None:
    for written in (prose(text), code(text), f"- {prose(text)}", block(text.splitlines(), "diff")):
        page = shown(f"before\n\n{written}\n\nafter")
        assert set(page.tags) <= {"p", "code", "pre", "ul", "li"}
        assert not set("@#<|") & set(page.bare)
    page = shown(folded(summary(text), block([text])))
    assert page.tags[:3] == ["details", "summary", "code"]
    assert page.tags.count("details") == 1


def test_drift_is_part_of_the_comment() -> None:
    drifted = Drifted(found="missing", id="online_table/x", store="online", address="feature_view/x", said="it is gone")
    written = comment(report_of(plan_of(1), drift=(drifted,)))
    assert "**Drift in what this plan touches** (1)\n\n- `online_table/x` in `online`: missing. it is gone" in written
