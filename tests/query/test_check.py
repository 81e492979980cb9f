"""What is wrong with a query is found once, under its own code, at its own place."""

from __future__ import annotations

import pytest

from asof.compiler.query import analyse_view, check_sql
from tests.query.repos import columns, filtered, on_demand, view_repo

QUERIES = {
    "SELECT driver, at FROM [tripz]": "AS402",
    "SELECT driver, at, [z].fare FROM trips": "AS402",
    "SELECT driver, at, [far] FROM trips": "AS403",
    "SELECT driver, at FROM trips t WHERE EXISTS (SELECT 1 FROM drivers d WHERE d.[nam] = t.city)": "AS403",
    "WITH a AS (SELECT driver AS d, at FROM trips) SELECT [driver], at FROM a": "AS403",
    "SELECT trips.driver, at, [city] FROM trips JOIN drivers ON trips.driver = drivers.driver": "AS404",
    "SELECT driver, at, [foo(fare)] AS x FROM trips": "AS405",
    "SELECT driver, at FROM trips WHERE [driver = city]": "AS406",
    "SELECT driver, at, [fare + city] AS x FROM trips": "AS406",
    "SELECT driver, at FROM trips UNION ALL SELECT [driver FROM trips]": "AS407",
    "SELECT driver, at FROM trips WHERE [sum(fare)] > 1": "AS408",
    "SELECT driver, [at], count(*) AS n FROM trips GROUP BY driver": "AS409",
    "SELECT driver, at FROM [stats]": "AS410",
    "SELECT driver, at FROM [ask]": "AS410",
    "SELECT [city AS driver], at FROM trips": "AS412",
    "SELECT driver, at, [fare AS driver] FROM trips": "AS413",
    "SELECT driver, at FROM trips WHERE [fare]": "AS414",
    "SELECT driver, at FROM [read_parquet('x')]": "AS416",
    "SELECT driver, at FROM [main.trips]": "AS416",
    "SELECT [*] FROM trips": "AS420",
    "SELECT driver, at, [now()] AS x FROM trips": "AS430",
    "SELECT driver, at, [current_date] AS x FROM trips": "AS430",
    "SELECT driver, at, [random()] AS x FROM trips": "AS431",
}


@pytest.mark.parametrize("marked", QUERIES)
def test_each_mistake_has_its_code_and_place(marked: str) -> None:
    query = marked.replace("[", "").replace("]", "")
    [found] = check_sql(view_repo(query))
    start = marked.index("[")
    assert (found.code, found.span.line, found.span.column) == (QUERIES[marked], 3, start + 3)
    written = query[found.span.column - 3 : found.span.end_column - 3]
    wanted = marked[start + 1 : marked.index("]")]
    assert written == wanted or wanted.startswith(written)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT driver, max(at) AS at, count(*) AS n FROM trips GROUP BY 1 HAVING n > 2",
        "SELECT driver, at, fare * 2 AS f2, f2 + 1 AS f3 FROM trips",
        "SELECT driver, at, count(*) AS c FROM trips GROUP BY ALL",
        "SELECT driver, at FROM trips QUALIFY row_number() OVER (PARTITION BY driver ORDER BY at) = 1",
        "SELECT driver, at, d.name FROM trips JOIN drivers AS d USING (driver)",
        "WITH a AS (SELECT driver, at FROM trips) SELECT a.driver, a.at FROM a",
        "SELECT driver, at, (SELECT max(fare) FROM trips AS o WHERE o.driver = t.driver) AS top FROM trips AS t",
        "SELECT Driver, AT FROM Trips WHERE at > '2024-01-01'",
        "SELECT driver, at, x FROM trips, UNNEST([1, 2]) AS u(x)",
        "SELECT driver, at, fare FROM latest",
        "SELECT driver, at FROM trips UNION ALL SELECT driver, at FROM trips",
    ],
)
def test_sound_queries_pass_in_silence(query: str) -> None:
    assert check_sql(view_repo(query)) == ()


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ("sum(fare)", "AS415"),
        ("row_number() over ()", "AS415"),
        ("latest.far", "AS403"),
        ("(SELECT 1)", "AS401"),
        ("fare > 1", "AS412"),
        ("now()", "AS430"),
    ],
)
def test_on_demand_expressions_see_one_row(expression: str, code: str) -> None:
    [found] = check_sql(on_demand(expression))
    assert (found.code, found.span.line, found.span.column) == (code, 4, 17)


@pytest.mark.parametrize("expression", ["fare * seats", "latest.fare + 1", "ask.seats + latest.fare"])
def test_on_demand_expressions_name_features_and_request_fields(expression: str) -> None:
    assert check_sql(on_demand(expression)) == ()


@pytest.mark.parametrize(
    ("where", "codes"),
    [("fare > 1", []), ("paid", []), ("fare", ["AS414"]), ("far > 1", ["AS403"]), ("city = 1", ["AS406"])],
)
def test_the_where_of_an_aggregation_is_true_or_false(where: str, codes: list[str]) -> None:
    assert [d.code for d in check_sql(filtered(where))] == codes


def test_types_widen_but_never_narrow() -> None:
    query = "SELECT driver, at, stops AS a, fare AS b FROM trips"
    assert check_sql(view_repo(query, columns(a="int64", b="float64"))) == ()
    narrow = check_sql(view_repo(query, columns(a="float64", b="float32")))
    assert [d.code for d in narrow] == ["AS412", "AS412"]
    assert narrow[0].notes == ("write CAST(stops AS DOUBLE) AS a",)


def test_a_declared_column_that_the_query_does_not_yield() -> None:
    [found] = check_sql(view_repo("SELECT driver, at, fare FROM trips", columns(fair="float64")))
    assert (found.code, found.notes) == ("AS411", ("did you mean 'fare'?",))


def test_every_output_column_is_traced_to_what_it_is_made_from() -> None:
    query = "WITH c AS (SELECT driver, at, fare * stops AS x FROM trips) SELECT driver, at, max(x) OVER () AS y FROM c"
    made = view_repo(query)
    analysis, wrong = analyse_view(made, made.view("v"))
    assert wrong == ()
    assert analysis.output("y").lineage == {("trips", "fare"), ("trips", "stops")}
    assert analysis.inputs == ("trips",)
