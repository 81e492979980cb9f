"""The HTML report: one file that loads nothing, in which no text of a definition is anything but text."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from asof import templates
from asof.ops.evidence import Bar, Differing, Example, ExampleRow, Preview, Shift, Side, Skipped, evidence_of
from asof.views.pictures import picture
from asof.views.plan_html import page
from asof.views.plan_markdown import LONGEST, comment
from asof.views.side_by_side import side_by_side
from tests.scenarios.scenario import FILES, read
from tests.views.plans import HOSTILE, plan_of, report_of


class Seen(HTMLParser):
    """Tags with their attributes, and the text of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[str, list[str]] = {"script": [], "style": []}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] in self.inside:
            self.inside[self.tags[-1][0]].append(data)


def shift(*, text: str = "amount", changed: int = 3, kind: str = "number") -> Shift:
    return Shift(
        view=text,
        feature=text,
        kind=kind,
        rows=10,
        changed=changed,
        psi=0.3,
        old=Side(nulls=1, distinct=4, mean=2.0, quantiles=(1.0, 1.5, 2.0, 2.5, 3.0)),
        new=Side(nulls=0, distinct=5, mean=3.0, quantiles=(1.0, 1.5, 3.0, 3.5, 4.0)),
        bars=(Bar(label=text, old=4, new=1), Bar(label=f"{text} to 3", old=5, new=9), Bar(label="NULL", old=1, new=0)),
        differing=(Differing(keys=((text, text),), old=text, new=text),),
    )


def hostile_page() -> str:
    made = plan_of(14, text=HOSTILE, owner=HOSTILE, blocked=2)
    rows = (ExampleRow(side=HOSTILE, cells=(HOSTILE,)), ExampleRow(side="old", said=HOSTILE))
    example = Example(address="feature_view/v00000", pointer="/query", columns=(HOSTILE,), rows=rows, more=2)
    untried = Example(address="feature_view/v00001", pointer="/query", why=HOSTILE)
    preview = Preview(
        spine=HOSTILE,
        rows=10,
        of=20,
        shifts=(shift(text=HOSTILE), shift(text=HOSTILE, kind="category"), shift(text=HOSTILE, changed=0)),
        skipped=(Skipped(view=HOSTILE, why=HOSTILE),),
    )
    return page(report_of(made, evidence=evidence_of(made, (example, untried), preview)))


def test_hostile_text_is_text() -> None:
    text = hostile_page()
    seen = Seen(text)
    kinds = [tag for tag, _ in seen.tags]
    assert kinds.count("script") == kinds.count("style") == 1
    assert "".join(seen.inside["script"]).rstrip() == templates.report_part("report.js").rstrip()
    assert not [(tag, name) for tag, attributes in seen.tags for name in attributes if name.startswith("on")]
    assert not [a for _, attributes in seen.tags for a in ("src", "href", "action", "style") if a in attributes]
    assert "alert(1)" in text
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_nothing_but_its_own_style_and_script_may_run_or_load() -> None:
    text = page(report_of(plan_of(7)))
    policy = next(a["content"] for tag, a in Seen(text).tags if tag == "meta" and "http-equiv" in a)
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    for name in ("report.css", "report.js"):
        digest = base64.b64encode(hashlib.sha256(templates.report_part(name).encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"https?://|@import|url\(", templates.report_part("report.css"))


def test_the_page_says_what_there_is() -> None:
    text = page(report_of(plan_of(7)))
    for needed in ("value change", "feature_view/v00002", "What apply will do", "asof apply plan.json", "Reaches"):
        assert needed in text
    assert len([1 for tag, a in Seen(text).tags if tag == "article" and "data-search" in a]) == 7


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_every_scenario_has_a_page(path) -> None:
    report = read(path).report
    text = page(report)
    assert text.startswith("<!doctype html>")
    assert report.plan is not None or "in the definitions.</h1>" in text
    if report.plan is not None and report.plan.blocked:
        assert "Nothing can be applied while an action is blocked" in text


def test_a_mass_change_is_a_page_of_a_few_megabytes() -> None:
    assert len(page(report_of(plan_of(5_000)))) < 30_000_000


def test_a_comment_shows_a_preview_as_far_as_there_is_room() -> None:
    made = plan_of(7)
    for count, told in ((3, "Preview: 3 features compared"), (4_000, "in the HTML report")):
        shifts = tuple(shift(text=f"f{n}") for n in range(count))
        found = evidence_of(made, preview=Preview(spine=HOSTILE, rows=10, of=10, shifts=shifts))
        text = comment(report_of(made, evidence=found))
        assert told in text or "more lines" in text
        assert len(text.encode()) <= LONGEST


def test_the_picture_is_in_the_box_and_in_words() -> None:
    for kind in ("number", "category"):
        drawn = picture(shift(kind=kind))
        assert all(0 <= s.x <= 340 and s.x + s.width <= 340.5 and s.y + s.height <= drawn.height for s in drawn.shapes)
        assert "NULL: 1 old, 0 new" in drawn.said
        assert {s.side for s in drawn.shapes} == {"old", "new"}


def test_texts_stand_side_by_side_with_their_words_marked() -> None:
    lines = side_by_side("SELECT a\nFROM t\nWHERE a > 1", "SELECT a\nFROM t\nWHERE a > 22\nLIMIT 3")
    assert [line.kind for line in lines] == ["same", "same", "changed", "changed"]
    assert [part for part, marked in lines[2].old if marked] == ["1"]
    assert [part for part, marked in lines[2].new if marked] == ["22"]
    assert (lines[3].old_number, lines[3].new_number) == (0, 4)
    both = "\n".join(str(n) for n in range(40))
    lines = side_by_side(both + "\nold", both + "\nnew")
    assert [line.kind for line in lines] == ["skipped", "same", "same", "same", "changed"]
