"""What is at the cursor of text that is being typed."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from asof.compiler.yaml_reader import read, walk
from asof.lsp.outline import Role, outline, outlines
from asof.lsp.symbols import symbols
from tests.golden import ROOT

REPOS = ROOT.parent / "repos"
MARK = "§"


def cursor(marked: str) -> tuple[object, ...]:
    offset = marked.index(MARK)
    text = marked.replace(MARK, "", 1)
    found = outline(text, offset).cursor
    assert found is not None
    return (found.role.name, found.pointer, text[found.start : found.end])


@pytest.mark.parametrize(
    ("marked", "wanted"),
    [
        ("§", ("KEY", (), "")),
        ("ki§", ("KEY", (), "ki")),
        ("kind: §\nname: x", ("VALUE", ("kind",), "")),
        ("kind: Fea§", ("VALUE", ("kind",), "Fea")),
        ("name: x\n§\nsource: a", ("KEY", (), "")),
        ("source: §\nquery: b", ("VALUE", ("source",), "")),
        ("source:§", ("VALUE", ("source",), "")),
        ("entities: [§]", ("VALUE", ("entities", 0), "")),
        ("entities: [a, §]", ("VALUE", ("entities", 1), "")),
        ("entities: [a, b§", ("VALUE", ("entities", 1), "b")),
        ("schema:\n  - {name: x, ty§}", ("KEY", ("schema", 0), "ty")),
        ("schema:\n  - {name: x, type: §}", ("VALUE", ("schema", 0, "type"), "")),
        ("schema:\n  - {name: x, §\nttl: 3d", ("KEY", ("schema", 0), "")),
        ("schema:\n  - name: x\n    §\nttl: 1d", ("KEY", ("schema", 0), "")),
        ("schema:\n  - §", ("VALUE", ("schema", 0), "")),
        ("schema:\n- name: §", ("VALUE", ("schema", 0, "name"), "")),
        ("schema:\n  §", ("VALUE", ("schema",), "")),
        ("features:\n  - a\n  §", ("VALUE", ("features", 1), "")),
        ("query: |\n  SELECT §a\n  FROM b\nname: c", ("VALUE", ("query",), "  SELECT a\n  FROM b")),
        ("query: |\n  SELECT a\n§\nname: c", ("KEY", (), "")),
        ("where: >-\n  a\n  b§\nz: 1", ("VALUE", ("where",), "  a\n  b")),
        ("a: b # c§", ("NOTHING", (), "")),
        ("# §", ("NOTHING", (), "")),
        ("kind: A\n---\nkind: B\nso§", ("KEY", (), "so")),
        ('source: "x§"', ("VALUE", ("source",), "x")),
        ("given:\n  landings:\n    - {flight_id: 1, §}", ("KEY", ("given", "landings", 0), "")),
        ("{kind: A, name: §}", ("VALUE", ("name",), "")),
        ("a: &x\n  b: §", ("VALUE", ("a", "b"), "")),
        ("kind: A\r\nsource: §\r\nname: b", ("VALUE", ("source",), "")),
        ("name: x😋\nowner: 😋§", ("VALUE", ("owner",), "😋")),
    ],
)
def test_the_cursor(marked: str, wanted: tuple[object, ...]) -> None:
    assert cursor(marked) == wanted


def test_an_outline_reads_what_a_parser_reads() -> None:
    """Every scalar of every example repo, by pointer."""
    checked = 0
    for path in sorted(REPOS.rglob("*.yaml")):
        text = path.read_text()
        documents = [document for document in read(path.name, text.encode()).documents if document.value is not None]
        found = outlines(text)
        assert len(found) == len(documents), path
        for document, one in zip(documents, found, strict=True):
            for pointer, node in walk(document.node):
                if isinstance(node, yaml.ScalarNode) and node.style not in ("|", ">"):
                    entry = one.entry(*pointer)
                    assert entry is not None, (path, pointer)
                    if "\n" not in text[slice(*entry.value)]:
                        assert node.value in (str(pointer[-1]), one.scalar(*pointer)), (path, pointer)
                        checked += 1
    assert checked > 1_000


@settings(max_examples=60)
@given(st.data())
def test_any_prefix_and_any_place_can_be_asked_about(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sorted(REPOS.rglob("*.yaml"))))
    whole = path.read_text()
    text = whole[: data.draw(st.integers(0, len(whole)))] + data.draw(
        st.text(alphabet="a: -[]{}'\"|>#\n\t&*!😋", max_size=6)
    )
    offset = data.draw(st.integers(0, len(text)))
    document = outline(text, offset)
    found = document.cursor
    if found is not None:
        assert document.start <= found.start <= found.end <= len(text)
        assert found.role in Role
    for symbol in symbols(text):
        assert symbol.extent[0] <= symbol.name_at[0] <= symbol.name_at[1] <= symbol.extent[1]


def test_symbols_of_a_broken_file() -> None:
    found = symbols(
        "kind: Entity\nname: a\njoin_keys:\n  - {name: k, type\n---\n"
        "kind: FeatureView\nname: v\naggregations:\n  - function: sum\n    column: x\n"
    )
    assert [(one.name, [child.name for child in one.children]) for one in found] == [("a", ["k"]), ("v", ["x"])]
