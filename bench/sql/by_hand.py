"""The queries that a good engineer would write for each engine, as quick as we could make them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.sql.work import Work

_MAX_BY = (
    "SELECT s.rid, max_by(e.v, {pair}) AS v, max_by(e.n, {pair}) AS n "
    "FROM spine s JOIN e{{n}} e ON e.k = s.k AND e.at <= s.t GROUP BY s.rid"
)
_ASOF = "SELECT s.rid AS rid, e.v AS v, e.n AS n FROM spine s ASOF JOIN e{n} e ON e.k = s.k AND s.t >= e.at"
_DISTINCT_ON = (
    "SELECT DISTINCT ON (s.rid) s.rid, e.v, e.n FROM spine s JOIN e{n} e ON e.k = s.k AND e.at <= s.t "
    "ORDER BY s.rid, e.at DESC, e.id DESC"
)
_NEWEST_THEN_FETCH = (
    "SELECT DISTINCT ON (f.rid) f.rid, e.v, e.n FROM (SELECT s.rid, s.k, max(e.at) AS at FROM spine s "
    "JOIN e{n} e ON e.k = s.k AND e.at <= s.t GROUP BY s.rid, s.k) f JOIN e{n} e ON e.k = f.k AND e.at = f.at "
    "ORDER BY f.rid, e.id DESC"
)
_LATEST = {
    "duckdb": {"range join, max_by": _MAX_BY.format(pair="(e.at, e.id)"), "asof": _ASOF},
    "postgres, indexed": {
        "distinct on": _DISTINCT_ON,
        "lateral": "SELECT s.rid, e.v, e.n FROM spine s CROSS JOIN LATERAL (SELECT v, n FROM e{n} e "
        "WHERE e.k = s.k AND e.at <= s.t ORDER BY e.at DESC, e.id DESC LIMIT 1) e",
    },
    "postgres, no index": {"distinct on": _DISTINCT_ON, "newest, then fetch": _NEWEST_THEN_FETCH},
    "clickhouse": {
        "join, argMax": "SELECT s.rid AS rid, argMax(e.v, (e.at, e.id)) AS v, argMax(e.n, (e.at, e.id)) AS n "
        "FROM spine s JOIN e{n} e ON e.k = s.k WHERE e.at <= s.t GROUP BY s.rid",
        "asof": _ASOF,
    },
    "spark": {
        "range join, max_by": _MAX_BY.format(pair="struct(e.at, e.id)"),
        "timeline, last_value": "SELECT rid, v.v AS v, v.n AS n FROM (SELECT rid, last_value(e, true) OVER "
        "(PARTITION BY k ORDER BY at, rid NULLS FIRST, e.id) AS v FROM (SELECT k, at, NULL AS rid, "
        "struct(id, v, n) AS e FROM e{n} UNION ALL SELECT k, t, rid, NULL FROM spine)) WHERE rid IS NOT NULL",
    },
}


def by_hand(work: Work, engine: str) -> dict[str, str]:
    """Name -> a query that gives the same columns in the order of ``rid``; the first is exact where times tie."""
    if work.windows:
        return {"range join, group by": _windows(engine)}
    return {name: _latest(work, arm, engine) for name, arm in _LATEST[engine].items()}


def _latest(work: Work, arm: str, engine: str) -> str:
    ctes = ", ".join(f"x{n} AS ({arm.format(n=n)})" for n in range(work.views))
    columns = ", ".join(f"x{n}.v AS v{n}, x{n}.n AS n{n}" for n in range(work.views))
    joins = " ".join(f"LEFT JOIN x{n} ON x{n}.rid = s.rid" for n in range(work.views))
    made = f"WITH {ctes} SELECT s.rid AS rid, s.k AS k, s.t AS t, {columns} FROM spine s {joins} ORDER BY s.rid"
    return f"{made} SETTINGS join_use_nulls = 1" if engine == "clickhouse" else made


def _windows(engine: str) -> str:
    bounds = ("INTERVAL 1 HOUR", "INTERVAL 1 DAY", "INTERVAL 30 DAY")
    if engine.startswith("postgres"):
        bounds = ("INTERVAL '1 hour'", "INTERVAL '1 day'", "INTERVAL '30 days'")
    counts = ", ".join(f"count(CASE WHEN e.at >= s.t - {b} THEN e.n END) AS c{i}" for i, b in enumerate(bounds))
    sums = ", ".join(
        f"CAST(sum(CASE WHEN e.at >= s.t - {b} THEN e.n END) AS BIGINT) AS s{i}" for i, b in enumerate(bounds)
    )
    if engine == "clickhouse":
        sums = sums.replace("AS BIGINT)", "AS Nullable(Int64))")
    names = ", ".join(f"{kind}{i}" for kind in "cs" for i in range(3))
    shown = names.replace("c0, c1, c2", "coalesce(c0, 0) AS c0, coalesce(c1, 0) AS c1, coalesce(c2, 0) AS c2")
    inner = (
        f"SELECT s.rid AS rid, {counts}, {sums} FROM spine s JOIN e0 e ON e.k = s.k "
        f"WHERE e.at < s.t AND e.at >= s.t - {bounds[-1]} GROUP BY s.rid"
    )
    made = f"SELECT s.rid AS rid, s.k AS k, s.t AS t, {shown} FROM spine s LEFT JOIN ({inner}) x ON x.rid = s.rid"
    tail = " SETTINGS join_use_nulls = 1" if engine == "clickhouse" else ""
    return f"{made} ORDER BY s.rid{tail}"
