"""An error inside SQL stands at its own line and column of the YAML file, however the scalar is written."""

from __future__ import annotations

import pytest

from asof.compiler.query import check_sql
from asof.compiler.source import Origin
from tests.query.repos import origin, repo, view

STYLES = {
    "literal": "name: v\nquery: |\n    SELECT driver, at,\n      fair\n    FROM trips\n",
    "literal, indented twice": "name: v\nquery: |2\n      SELECT driver, at,\n      fair\n    FROM trips\n",
    "literal, chomped, comment": "name: v\nquery: |-   # why\n\n  SELECT driver, at, fair\n  FROM trips\n",
    "folded": "name: v\nquery: >\n  SELECT driver, at,\n  fair\n\n  FROM trips\n",
    "folded, more indented": "name: v\nquery: >-\n  SELECT driver, at,\n     fair\n  FROM trips\n",
    "plain": "name: v\nquery: SELECT driver, at, fair FROM trips\n",
    "plain over lines": "name: v\nquery: SELECT driver, at,\n    fair\n    FROM trips\n",
    "single quotes": "name: v\nquery: 'SELECT ''it''''s'' AS x, driver, at, fair FROM trips'\n",
    "double quotes": "name: v\nquery: \"SELECT '\\u00e9\\t' AS x, driver,\\n at, fair FROM trips\"\n",
    "double quotes over lines": 'name: v\nquery: "SELECT driver, \\\n  at,\n\n  fair FROM trips"\n',
    "beyond ASCII": "name: v\nquery: |\n  SELECT 'é漢😀' AS x, driver, at, fair FROM trips\n",
    "windows line ends": "name: v\r\nquery: |\r\n  SELECT driver, at,\r\n    fair\r\n  FROM trips\r\n",
    "flow map": "{name: v, query: 'SELECT driver, at, fair FROM trips'}\n",
}


@pytest.mark.parametrize("style", STYLES)
def test_an_unknown_column_is_underlined_where_it_is_written(style: str) -> None:
    text = STYLES[style]
    made = origin(text)
    query = next(v.value for k, v in made.node.value if k.value == "query")
    [found] = check_sql(repo(view(query), origins={"feature_view/v": made}))
    line = next(i for i, content in enumerate(text.split("\n"), 1) if "fair" in content)
    column = text.split("\n")[line - 1].index("fair") + 1
    assert (found.code, found.span.path) == ("AS403", "views.yaml")
    assert (found.span.line, found.span.column) == (line, column)
    assert (found.span.end_line, found.span.end_column) == (line, column + 4)
    assert [fix.title for fix in found.fixes] == ["did you mean 'fare'?"]


def test_without_the_text_of_the_file_the_whole_scalar_is_meant() -> None:
    made = origin(STYLES["plain"])
    blind = Origin(made.path, made.node)
    [found] = check_sql(repo(view("SELECT driver, at, fair FROM trips"), origins={"feature_view/v": blind}))
    assert (found.span.line, found.span.column) == (2, 8)


def test_a_syntax_error_is_underlined_too() -> None:
    made = origin("query: |\n  SELECT driver, at\n  FRM trips x y\n")
    [found] = check_sql(repo(view("SELECT driver, at\nFRM trips x y\n"), origins={"feature_view/v": made}))
    assert (found.code, found.span.line, found.span.column) == ("AS401", 3, 7)
