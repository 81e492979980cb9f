"""Pictures stay whole whatever objects are called, and a page opens without a network."""

from __future__ import annotations

import itertools
import json
import re
from html.parser import HTMLParser

import msgspec
import pytest

from asof.compiler.lineage import Column, Use
from asof.compiler.picture import ColumnEdge, Node, Picture, picture
from asof.views.graph_layout import layout
from asof.views.graph_page import html
from asof.views.graph_texts import as_json, dot, mermaid
from tests.explore.world import repo

HOSTILE = [
    'a"b',
    "</script><script>alert(1)</script>",
    "a\\",
    "end",
    "x]y",
    "--> n0",
    "<b>",
    "#35;",
    "a\nb",
    "`x`",
    "{}|",
    "é\u2028",
]
KINDS = ["Entity", "DataSource", "FeatureView", "StreamFeatureView", "OnDemandFeatureView", "FeatureService"]


def hostile() -> Picture:
    nodes = tuple(
        Node(
            address=f"{place:02}/{name}",
            kind=KINDS[place % 6],
            name=name,
            owner=name,
            description=name,
            columns=(name,),
        )
        for place, name in enumerate(HOSTILE)
    )
    edges = tuple((a.address, b.address) for a, b in itertools.pairwise(nodes))
    columns = tuple(
        ColumnEdge(source=Column(a.address, a.name), target=Column(b.address, b.name), use=Use.VALUE)
        for a, b in itertools.pairwise(nodes)
    )
    return Picture(project="<&>\"'", nodes=nodes, edges=edges, columns=columns, with_columns=True)


def test_mermaid_lines_are_of_the_known_forms_only() -> None:
    safe = r"(?:[\w .<>/-]|#\d+;)*"
    forms = [
        "flowchart LR",
        rf'  n\d+(?:\(\["|\[\("|\["|\{{\{{"|\[/"|>"){safe}(?:"\]\)|"\)\]|"\]|"\}}\}}|"/\])',
        r"  n\d+ --> n\d+",
        r"  classDef \w+ [a-z0-9#:,-]+(?:px)?",
        r"  class n\d+(?:,n\d+)* \w+",
    ]
    for line in mermaid(hostile()).rstrip("\n").split("\n"):
        assert any(re.fullmatch(form, line) for form in forms), line


def test_dot_is_balanced_and_quotes_end_where_they_should() -> None:
    text = dot(hostile())
    outside = re.sub(r'"(?:[^"\\]|\\.)*"', "", text)
    assert outside.count('"') == 0
    assert text.count("<TABLE") == text.count("</TABLE>") == len(HOSTILE)
    for label in re.findall(r"label=<(.*)>\];", text):
        parser = _Balance()
        parser.feed(label)
        assert parser.open == []


class _Balance(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.scripts = 0
        self.data: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        self.loads += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.data.append(data)


def test_the_page_holds_its_data_and_loads_nothing() -> None:
    page = html(hostile())
    parser = _Balance()
    parser.feed(page)
    assert parser.open == []
    assert parser.scripts == 2
    assert parser.loads == []
    assert "http://www.w3.org/2000/svg" in page
    assert len(re.findall(r"https?://", page)) == 1
    body = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert body is not None
    assert [node["name"] for node in json.loads(body[1])["nodes"]] == HOSTILE


def test_readers_stand_to_the_right_and_nothing_overlaps() -> None:
    made = picture(repo(), columns=True)
    places = layout(made)
    for start, end in made.edges:
        assert places[start].x + places[start].width < places[end].x
    boxes = list(places.values())
    for at, one in enumerate(boxes):
        for other in boxes[at + 1 :]:
            apart = one.x + one.width <= other.x or other.x + other.width <= one.x
            assert apart or one.y + one.height <= other.y or other.y + other.height <= one.y
    assert layout(made) == places


def test_a_focus_takes_the_steps_that_were_asked_for() -> None:
    def addresses(**asked: int | None) -> set[str]:
        return {n.address for n in picture(repo(), focus=["feature_view/cleaned"], **asked).nodes}

    assert addresses(up=0, down=0) == {"feature_view/cleaned"}
    assert addresses(up=1, down=0) == {"feature_view/cleaned", "data_source/orders", "entity/customer"}
    assert addresses(up=0, down=1) == {"feature_view/cleaned", "feature_view/further"}
    assert addresses(up=0) == {
        "feature_view/cleaned",
        "feature_view/further",
        "feature_service/churn",
        "saved_dataset/training",
    }


@pytest.mark.parametrize("columns", [False, True])
def test_json_names_every_edge(columns: bool) -> None:
    made = as_json(picture(repo(), columns=columns))
    assert ("columns" in made) is columns
    assert {"from": "feature_view/cleaned", "to": "feature_view/further"} in made["edges"]  # type: ignore[operator]
    msgspec.json.encode(made)
