"""Certificates: what is bounded by the question's instant passes, and every way around it is named."""

from __future__ import annotations

import re

import pytest
import sqlglot

from asof.compiler.certificate import Certificate, Claim, Leak, Witness, certify
from asof.compiler.dialects import DIALECTS
from asof.compiler.pit import training_query
from tests.sql.repos import TAXI, request

CLAIM = Claim(spine="spine", row="_row", instant="_at", sources={"f": Witness(event="_event", field="ts")})
DELAYED = Claim(
    spine="spine", row="_row", instant="_at", sources={"f": Witness(event="_event", field="ts", delay=60_000_000)}
)
KNOWN = Claim(
    spine="spine", row="_row", instant="_at", sources={"f": Witness(event="_event", field="ts", created="_created")}
)
HEAD = """WITH spine AS (SELECT row_number() OVER () AS _row, k, t AS _at FROM bookings),
f AS (SELECT k, CAST(ts AS TIMESTAMPTZ) AS _event, created AS _created, v FROM facts)"""
LINE = """, line AS (SELECT NULL AS _row, k, _event AS _at, v FROM f UNION ALL SELECT _row, k, _at, NULL FROM spine)"""


def judged(sql: str, claim: Claim = CLAIM) -> Certificate | Leak:
    tree = sqlglot.parse_one(f"{HEAD}{sql}", read="duckdb")
    assert isinstance(tree, sqlglot.exp.Query)
    return certify(tree, claim)


PROVEN = {
    "a join bounded by the instant": """
        , hit AS (SELECT s._row, f.v FROM spine s JOIN f ON f.k = s.k AND f._event <= s._at)
        SELECT s.k, h.v FROM spine s LEFT JOIN hit h ON h._row = s._row""",
    "the bound in WHERE": """
        , hit AS (SELECT s._row, f.v FROM spine s, f WHERE f.k = s.k AND s._at > f._event)
        SELECT s.k, h.v FROM spine s LEFT JOIN hit h ON h._row = s._row""",
    "the optional side of an outer join": """
        , hit AS (SELECT s._row, f.v FROM spine s LEFT JOIN f ON f.k = s.k AND f._event <= s._at)
        SELECT s.k, h.v FROM spine s JOIN hit h ON h._row = s._row""",
    "groups by the spine's row": """
        , hit AS (SELECT s._row, MAX(f.v) AS v FROM spine s JOIN f ON f.k = s.k AND f._event <= s._at GROUP BY s._row)
        SELECT s.k, h.v FROM spine s LEFT JOIN hit h ON h._row = s._row""",
    "a frame that ends at the instant": LINE
    + """
        , w AS (SELECT _row, SUM(v) OVER (PARTITION BY k ORDER BY _at
                RANGE BETWEEN INTERVAL '1' DAY PRECEDING AND CURRENT ROW) AS v FROM line)
        SELECT s.k, w.v FROM spine s LEFT JOIN w ON w._row = s._row""",
    "a frame of rows in the order of time": LINE
    + """
        , w AS (SELECT _row, MAX(v) OVER (PARTITION BY k ORDER BY _at, _row NULLS FIRST
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS v FROM line)
        SELECT s.k, w.v FROM spine s LEFT JOIN w ON w._row = s._row""",
    "the last record of a time line": LINE
    + """
        , w AS (SELECT _row, LAST_VALUE(CASE WHEN _row IS NULL THEN v END IGNORE NULLS) OVER (PARTITION BY k
                ORDER BY _at, _row NULLS FIRST ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS v FROM line)
        SELECT s.k, w.v FROM spine s LEFT JOIN w ON w._row = s._row""",
    "values looked up by their place on a time line": LINE
    + """
        , numbered AS (SELECT *, CASE WHEN _row IS NULL THEN ROW_NUMBER() OVER so_far END AS _place FROM line WINDOW
                so_far AS (PARTITION BY k ORDER BY _at, _row ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW))
        , placed AS (SELECT *, MAX(_place) OVER so_far AS _newest FROM numbered WINDOW
                so_far AS (PARTITION BY k ORDER BY _at, _row ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW))
        , w AS (SELECT _row, NTH_VALUE(v, _newest) OVER so_far AS v FROM placed WINDOW
                so_far AS (PARTITION BY k ORDER BY _at, _row ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW))
        SELECT s.k, w.v FROM spine s LEFT JOIN w ON w._row = s._row""",
    "running totals by a frame for each end of a window": LINE
    + """
        , upto AS (SELECT _row, SUM(v) OVER now AS till_now, SUM(v) OVER start AS till_start FROM line WINDOW
                now AS (PARTITION BY k ORDER BY _at RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW),
                start AS (PARTITION BY k ORDER BY _at RANGE BETWEEN UNBOUNDED PRECEDING AND INTERVAL '1' DAY PRECEDING))
        , hit AS (SELECT _row, till_now - till_start AS v FROM upto WHERE _row IS NOT NULL)
        SELECT s.k, h.v FROM spine s LEFT JOIN hit h ON h._row = s._row""",
    "running totals at the edges of windows": """
        , edges AS (SELECT _row, 'end' AS _edge, k, _at FROM spine AS q
                    UNION ALL SELECT _row, 'start' AS _edge, k, _at - INTERVAL '1' DAY AS _at FROM spine AS q)
        , line AS (SELECT NULL AS _row, NULL AS _edge, f.k, f._event AS _at, f.v FROM f
                   UNION ALL SELECT _row, _edge, k, _at, NULL AS v FROM edges)
        , upto AS (SELECT _row, _edge, SUM(v) OVER (PARTITION BY k ORDER BY _at
                   RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS v FROM line)
        , hit AS (SELECT _row, MAX(CASE WHEN _edge = 'end' THEN v END) AS v FROM upto
                  WHERE _row IS NOT NULL GROUP BY _row)
        SELECT s.k, h.v FROM spine s LEFT JOIN hit h ON h._row = s._row""",
    "rows of the keys that are asked about": """
        , keys AS (SELECT k FROM spine AS q UNION SELECT k FROM spine AS r)
        , some AS (SELECT f.k, f._event, f.v FROM f JOIN keys ON keys.k = f.k)
        , hit AS (SELECT s._row, some.v FROM spine s JOIN some ON some.k = s.k AND some._event <= s._at)
        SELECT s.k, h.v FROM spine s LEFT JOIN hit h ON h._row = s._row""",
    "a lateral probe": """
        , hit AS (SELECT s._row, n.v FROM spine s JOIN LATERAL
                  (SELECT f.v FROM f WHERE f.k = s.k AND f._event <= s._at ORDER BY f._event DESC LIMIT 1) n ON TRUE)
        SELECT s.k, h.v FROM spine s LEFT JOIN hit h ON h._row = s._row""",
}

SO_FAR = "(PARTITION BY k ORDER BY _at, _row ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"
ANSWER = " SELECT s.k, w.v FROM spine s LEFT JOIN w ON w._row = s._row"

LEAKS = {
    "the row after this one, whatever the frame": LINE
    + f", w AS (SELECT _row, LEAD(v) OVER {SO_FAR} AS v FROM line) {ANSWER}",
    "a share of all rows, whatever the frame": LINE
    + f", w AS (SELECT _row, CUME_DIST() OVER {SO_FAR} AS v FROM line) {ANSWER}",
    "a time line with a column that looks ahead": LINE
    + f""", longer AS (SELECT *, MAX(v) OVER (PARTITION BY k ORDER BY _at, _row
                ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS most FROM line)
        , w AS (SELECT _row, MAX(most) OVER {SO_FAR} AS v FROM longer) {ANSWER}""",
    "a time line with an aggregate of all of it": LINE
    + f", longer AS (SELECT *, MAX(v) AS most FROM line), w AS (SELECT _row, MAX(most) OVER {SO_FAR} AS v FROM longer)"
    + ANSWER,
    "a time line with another clock": LINE
    + f""", longer AS (SELECT *, MIN(v) OVER {SO_FAR} AS _at FROM line)
        , w AS (SELECT _row, MAX(v) OVER {SO_FAR} AS v FROM longer) {ANSWER}""",
    "a time line with other rows": LINE
    + f""", longer AS (SELECT *, ROW_NUMBER() OVER {SO_FAR} AS _row FROM line)
        , w AS (SELECT _row, MAX(v) OVER {SO_FAR} AS v FROM longer) {ANSWER}""",
    "a longer time line itself": LINE
    + f", longer AS (SELECT *, MAX(v) OVER {SO_FAR} AS most FROM line) SELECT l.most FROM longer l",
    "part of a time line": LINE
    + f""", longer AS (SELECT *, MAX(v) OVER {SO_FAR} AS most FROM line WHERE v > 0)
        , w AS (SELECT _row, MAX(most) OVER {SO_FAR} AS v FROM longer) {ANSWER}""",
    "a frame of rows that ends after the row": LINE
    + """
        , w AS (SELECT _row, MAX(v) OVER (PARTITION BY k ORDER BY _at, _row NULLS FIRST
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 FOLLOWING) AS v FROM line)
        SELECT s.k, w.v FROM spine s LEFT JOIN w ON w._row = s._row""",
    "a frame of rows that do not stand in the order of time": LINE
    + """
        , w AS (SELECT _row, MAX(v) OVER (PARTITION BY k ORDER BY _row, _at
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS v FROM line)
        SELECT s.k, w.v FROM spine s LEFT JOIN w ON w._row = s._row""",
    "a frame of rows that runs backwards": LINE
    + """
        , w AS (SELECT _row, MAX(v) OVER (PARTITION BY k ORDER BY _at DESC, _row
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS v FROM line)
        SELECT s.k, w.v FROM spine s LEFT JOIN w ON w._row = s._row""",
    "a join without a bound": """
        , hit AS (SELECT s._row, f.v FROM spine s JOIN f ON f.k = s.k)
        SELECT s.k, h.v FROM spine s LEFT JOIN hit h ON h._row = s._row""",
    "the bound the wrong way round": """
        , hit AS (SELECT s._row, f.v FROM spine s JOIN f ON f.k = s.k AND f._event >= s._at)
        SELECT s.k, h.v FROM spine s LEFT JOIN hit h ON h._row = s._row""",
    "a bound after the instant": """
        , hit AS (SELECT s._row, f.v FROM spine s JOIN f ON f.k = s.k AND f._event <= s._at + INTERVAL '1' DAY)
        SELECT s.k, h.v FROM spine s LEFT JOIN hit h ON h._row = s._row""",
    "a bound under OR": """
        , hit AS (SELECT s._row, f.v FROM spine s JOIN f ON f.k = s.k AND (f._event <= s._at OR f.v > 0))
        SELECT s.k, h.v FROM spine s LEFT JOIN hit h ON h._row = s._row""",
    "a bound under NOT": """
        , hit AS (SELECT s._row, f.v FROM spine s JOIN f ON f.k = s.k AND NOT f._event <= s._at)
        SELECT s.k, h.v FROM spine s LEFT JOIN hit h ON h._row = s._row""",
    "the kept side of an outer join": """
        , hit AS (SELECT s._row, f.v FROM f LEFT JOIN spine s ON f.k = s.k AND f._event <= s._at)
        SELECT s.k, h.v FROM spine s LEFT JOIN hit h ON h._row = s._row""",
    "a right join": """
        , hit AS (SELECT s._row, f.v FROM spine s RIGHT JOIN f ON f.k = s.k AND f._event <= s._at)
        SELECT s.k, h.v FROM spine s LEFT JOIN hit h ON h._row = s._row""",
    "a table read past the rows": """
        , hit AS (SELECT s._row, x.v FROM spine s JOIN facts x ON x.k = s.k AND x._event <= s._at)
        SELECT s.k, h.v FROM spine s LEFT JOIN hit h ON h._row = s._row""",
    "rows read once with a bound and once without": """
        , hit AS (SELECT s._row, f.v FROM spine s JOIN f ON f.k = s.k AND f._event <= s._at)
        SELECT s.k, h.v, f.v FROM spine s LEFT JOIN hit h ON h._row = s._row LEFT JOIN f ON f.k = s.k""",
    "a subquery in an expression": """
        SELECT s.k, (SELECT MAX(f.v) FROM f WHERE f.k = s.k) AS v FROM spine s""",
    "a semi-join": """
        SELECT s.k FROM spine s WHERE EXISTS (SELECT 1 FROM f WHERE f.k = s.k)""",
    "one arm of a union": """
        , hit AS (SELECT s._row, f.v FROM spine s JOIN f ON f.k = s.k AND f._event <= s._at
                  UNION ALL SELECT s._row, f.v FROM spine s JOIN f ON f.k = s.k)
        SELECT s.k, h.v FROM spine s LEFT JOIN hit h ON h._row = s._row""",
    "values joined back on the key": """
        , hit AS (SELECT s._row, s.k, f.v FROM spine s JOIN f ON f.k = s.k AND f._event <= s._at)
        SELECT s.k, h.v FROM spine s LEFT JOIN hit h ON h.k = s.k""",
    "values of several questions in one group": """
        , hit AS (SELECT s.k, MAX(f.v) AS v FROM spine s JOIN f ON f.k = s.k AND f._event <= s._at GROUP BY s.k)
        SELECT s.k, h.v FROM spine s LEFT JOIN hit h ON h.k = s.k""",
    "values of several questions in one window": """
        , hit AS (SELECT s._row, MAX(f.v) OVER (PARTITION BY s.k) AS v
                  FROM spine s JOIN f ON f.k = s.k AND f._event <= s._at)
        SELECT s.k, h.v FROM spine s LEFT JOIN hit h ON h._row = s._row""",
    "the instant of another row": """
        , hit AS (SELECT s._row, f.v FROM spine s JOIN spine o ON o.k = s.k JOIN f ON f.k = s.k AND f._event <= o._at)
        SELECT s.k, h.v FROM spine s LEFT JOIN hit h ON h._row = s._row""",
    "aggregates before the bound": """
        , total AS (SELECT k, MIN(_event) AS _event, SUM(v) AS v FROM f GROUP BY k)
        , hit AS (SELECT s._row, x.v FROM spine s JOIN total x ON x.k = s.k AND x._event <= s._at)
        SELECT s.k, h.v FROM spine s LEFT JOIN hit h ON h._row = s._row""",
    "a frame without an upper bound": LINE + """
        , w AS (SELECT _row, SUM(v) OVER (PARTITION BY k ORDER BY _at
                RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS v FROM line)
        SELECT s.k, w.v FROM spine s LEFT JOIN w ON w._row = s._row""",
    "a frame that ends after the instant": LINE + """
        , w AS (SELECT _row, SUM(v) OVER (PARTITION BY k ORDER BY _at
                RANGE BETWEEN INTERVAL '1' DAY PRECEDING AND INTERVAL '1' HOUR FOLLOWING) AS v FROM line)
        SELECT s.k, w.v FROM spine s LEFT JOIN w ON w._row = s._row""",
    "a frame that runs backwards": LINE + """
        , w AS (SELECT _row, SUM(v) OVER (PARTITION BY k ORDER BY _at DESC
                RANGE BETWEEN INTERVAL '1' DAY PRECEDING AND CURRENT ROW) AS v FROM line)
        SELECT s.k, w.v FROM spine s LEFT JOIN w ON w._row = s._row""",
    "a window without order": LINE + """
        , w AS (SELECT _row, SUM(v) OVER (PARTITION BY k) AS v FROM line)
        SELECT s.k, w.v FROM spine s LEFT JOIN w ON w._row = s._row""",
    "a time line grouped by key": LINE + """
        , w AS (SELECT k, SUM(v) AS v FROM line GROUP BY k)
        SELECT s.k, w.v FROM spine s LEFT JOIN w ON w.k = s.k""",
    "running totals at an edge after the instant": """
        , edges AS (SELECT _row, 'end' AS _edge, k, _at FROM spine AS q
                    UNION ALL SELECT _row, 'start' AS _edge, k, _at + INTERVAL '1' DAY AS _at FROM spine AS q)
        , line AS (SELECT NULL AS _row, NULL AS _edge, f.k, f._event AS _at, f.v FROM f
                   UNION ALL SELECT _row, _edge, k, _at, NULL AS v FROM edges)
        , upto AS (SELECT _row, _edge, SUM(v) OVER (PARTITION BY k ORDER BY _at
                   RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS v FROM line)
        , hit AS (SELECT _row, MAX(v) AS v FROM upto WHERE _row IS NOT NULL GROUP BY _row)
        SELECT s.k, h.v FROM spine s LEFT JOIN hit h ON h._row = s._row""",
    "questions whose arms name different rows": """
        , edges AS (SELECT _row, k, _at FROM spine AS q UNION ALL SELECT k AS _row, _row AS k, _at FROM spine AS q)
        , hit AS (SELECT e._row, f.v FROM edges e JOIN f ON f.k = e.k AND f._event <= e._at)
        SELECT s.k, h.v FROM spine s LEFT JOIN hit h ON h._row = s._row""",
    "events merged with questions": """
        , line AS (SELECT NULL AS _row, k, _event AS _at, v FROM f UNION SELECT _row, k, _at, NULL AS v FROM spine AS q)
        , w AS (SELECT _row, SUM(v) OVER (PARTITION BY k ORDER BY _at
                RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS v FROM line)
        SELECT s.k, w.v FROM spine s LEFT JOIN w ON w._row = s._row""",
    "running totals by a frame that ends after the instant": LINE
    + """
        , upto AS (SELECT _row, SUM(v) OVER soon AS till_soon, SUM(v) OVER start AS till_start FROM line WINDOW
                soon AS (PARTITION BY k ORDER BY _at RANGE BETWEEN UNBOUNDED PRECEDING AND INTERVAL '1' DAY FOLLOWING),
                start AS (PARTITION BY k ORDER BY _at RANGE BETWEEN UNBOUNDED PRECEDING AND INTERVAL '1' DAY PRECEDING))
        , hit AS (SELECT _row, till_soon - till_start AS v FROM upto WHERE _row IS NOT NULL)
        SELECT s.k, h.v FROM spine s LEFT JOIN hit h ON h._row = s._row""",
    "running totals that look ahead": """
        , upto AS (SELECT k, _event, SUM(v) OVER (PARTITION BY k ORDER BY _event
                   RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS v FROM f)
        , hit AS (SELECT s._row, u.v FROM spine s ASOF LEFT JOIN upto u ON u.k = s.k AND s._at >= u._event)
        SELECT s.k, h.v FROM spine s LEFT JOIN hit h ON h._row = s._row""",
    "running totals in another order": """
        , upto AS (SELECT k, _event, SUM(v) OVER (PARTITION BY k ORDER BY v
                   RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS v FROM f)
        , hit AS (SELECT s._row, u.v FROM spine s ASOF LEFT JOIN upto u ON u.k = s.k AND s._at >= u._event)
        SELECT s.k, h.v FROM spine s LEFT JOIN hit h ON h._row = s._row""",
    "running totals by count of rows": """
        , upto AS (SELECT k, _event, SUM(v) OVER (PARTITION BY k ORDER BY _event
                   ROWS BETWEEN UNBOUNDED PRECEDING AND 1 FOLLOWING) AS v FROM f)
        , hit AS (SELECT s._row, u.v FROM spine s ASOF LEFT JOIN upto u ON u.k = s.k AND s._at >= u._event)
        SELECT s.k, h.v FROM spine s LEFT JOIN hit h ON h._row = s._row""",
    "running totals without an order": """
        , upto AS (SELECT k, _event, SUM(v) OVER (PARTITION BY k) AS v FROM f)
        , hit AS (SELECT s._row, u.v FROM spine s ASOF LEFT JOIN upto u ON u.k = s.k AND s._at >= u._event)
        SELECT s.k, h.v FROM spine s LEFT JOIN hit h ON h._row = s._row""",
    "running totals over rows joined with later ones": """
        , upto AS (SELECT f.k, f._event, SUM(g.v) OVER (PARTITION BY f.k ORDER BY f._event
                   RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS v FROM f JOIN f AS g ON g.k = f.k)
        , hit AS (SELECT s._row, u.v FROM spine s ASOF LEFT JOIN upto u ON u.k = s.k AND s._at >= u._event)
        SELECT s.k, h.v FROM spine s LEFT JOIN hit h ON h._row = s._row""",
    "running totals looked up after the instant": """
        , upto AS (SELECT k, _event, SUM(v) OVER (PARTITION BY k ORDER BY _event
                   RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS v FROM f)
        , hit AS (SELECT s._row, u.v FROM spine s ASOF LEFT JOIN upto u ON u.k = s.k AND s._at <= u._event)
        SELECT s.k, h.v FROM spine s LEFT JOIN hit h ON h._row = s._row""",
    "the time line itself": LINE + " SELECT l.v FROM line l",
    "the rows themselves": " SELECT f.v FROM f",
    "the table itself": " SELECT v FROM facts",
}  # fmt: skip


@pytest.mark.parametrize("sql", PROVEN.values(), ids=PROVEN.keys())
def test_it_is_proven(sql: str) -> None:
    assert isinstance(judged(sql), Certificate), judged(sql)


@pytest.mark.parametrize("sql", LEAKS.values(), ids=LEAKS.keys())
def test_it_is_a_leak(sql: str) -> None:
    """The path leads from the output inwards, through tables of the query, to where something is missing."""
    leak = judged(sql)
    assert isinstance(leak, Leak)
    start, *tables = leak.path
    assert start == "output"
    assert all(re.search(rf"\b{table}\b", HEAD + sql) for table in tables)
    assert leak.reason


def test_a_witness_that_is_not_the_declared_time_proves_nothing() -> None:
    claim = Claim(spine="spine", row="_row", instant="_at", sources={"f": Witness(event="_event", field="other")})
    assert isinstance(judged(PROVEN["a join bounded by the instant"], claim), Leak)


def test_a_delay_must_be_kept() -> None:
    sql = PROVEN["a join bounded by the instant"]
    assert isinstance(judged(sql, DELAYED), Leak)
    later = sql.replace("f._event <= s._at", "f._event <= s._at - INTERVAL '1' MINUTE")
    assert isinstance(judged(later, DELAYED), Certificate)
    early = sql.replace("f._event <= s._at", "f._event <= s._at - INTERVAL '59' SECOND")
    assert isinstance(judged(early, DELAYED), Leak)


def test_a_frame_keeps_the_delay_too() -> None:
    sql = PROVEN["a frame that ends at the instant"]
    assert isinstance(judged(sql, DELAYED), Leak)
    assert isinstance(judged(sql.replace("CURRENT ROW", "INTERVAL '1' MINUTE PRECEDING"), DELAYED), Certificate)


def test_visibility_by_creation_needs_both_bounds() -> None:
    sql = PROVEN["a join bounded by the instant"]
    assert isinstance(judged(sql, KNOWN), Leak)
    both = sql.replace("f._event <= s._at", "f._event <= s._at AND f._created <= s._at")
    assert isinstance(judged(both, KNOWN), Certificate)
    assert isinstance(judged(PROVEN["a frame that ends at the instant"], KNOWN), Leak)


def test_a_leak_names_the_path_to_it() -> None:
    leak = judged(LEAKS["a join without a bound"])
    assert isinstance(leak, Leak)
    assert leak.path == ("output", "hit")
    assert "the event time of f is not bounded" in leak.reason


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_what_the_builder_makes_is_proven(dialect: str) -> None:
    made = training_query(TAXI, request("last_ride", "earnings", "odds"), target="local", dialect=dialect)
    assert made.query is not None
    assert made.query.certificate.paths
