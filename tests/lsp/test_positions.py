from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from asof.compiler.source import Span
from asof.lsp.positions import Place, Positions


def test_columns_count_in_the_units_of_the_client() -> None:
    text = "a: é😋x\nb"
    x = text.index("x")
    assert Positions(text, "utf-16").place(x) == Place(0, 6)
    assert Positions(text, "utf-8").place(x) == Place(0, 9)
    assert Positions(text, "utf-32").place(x) == Place(0, 5)
    assert Positions(text, "utf-16").offset(Place(0, 6)) == x
    assert Positions(text, "utf-16").offset(Place(0, 5)) == x - 1, "half of a pair is before the whole"


def test_lines_end_in_three_ways_and_past_the_end_is_the_end() -> None:
    positions = Positions("a\r\nbc\rd\ne")
    assert [positions.offset(Place(line, 99)) for line in range(5)] == [1, 5, 7, 9, 9]
    assert positions.place(3) == Place(1, 0)
    assert positions.newline == "\r\n"


def test_spans_count_lines_as_yaml_does() -> None:
    text = "a: x\x85b: y\u2028c: z"
    positions = Positions(text)
    span = Span(path="", line=3, column=4, end_line=3, end_column=5)
    assert positions.extent(span) == (text.index("z"), len(text))
    assert positions.place(text.index("z")) == Place(0, text.index("z")), "an editor sees one line"


def test_a_byte_order_mark_is_no_column() -> None:
    span = Span(path="", line=1, column=1, end_line=1, end_column=5)
    assert Positions("\ufeffkind: Entity").extent(span) == (1, 5)


@given(st.text(alphabet="ab\r\n\x85\u2028é😋\ud800"), st.sampled_from(["utf-8", "utf-16", "utf-32"]))
def test_there_and_back(text: str, units: str) -> None:
    positions = Positions(text, units)
    for offset in range(len(text) + 1):
        back = positions.offset(positions.place(offset))
        assert back == offset or text[back : offset + 1] == "\r\n", "between \\r and \\n is before both"
