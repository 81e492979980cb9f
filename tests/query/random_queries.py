"""Random queries over two small tables, and random edits of them, harmless and harmful."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp

from asof.compiler.types import BOOL, FLOAT64, INT32, INT64, STRING, TIMESTAMP

if TYPE_CHECKING:
    from random import Random

SCHEMA = {
    "t": {"k": INT64, "a": INT32, "b": INT32, "f": FLOAT64, "s": STRING, "p": BOOL, "ts": TIMESTAMP},
    "u": {"k": INT64, "d": FLOAT64, "n": STRING, "a": INT32},
}
NUMBERS = {"t": ("a", "b", "f"), "u": ("d", "a")}
TEXTS = {"t": ("s",), "u": ("n",)}


def load(connection, rng: Random) -> None:
    """Fill both tables anew: NULLs, duplicates, numbers at the edge of overflow, texts that are no numbers."""
    connection.execute(
        "CREATE OR REPLACE TABLE t (k BIGINT, a INT, b INT, f DOUBLE, s VARCHAR, p BOOL, ts TIMESTAMPTZ)"
    )
    connection.execute("CREATE OR REPLACE TABLE u (k BIGINT, d DOUBLE, n VARCHAR, a INT)")
    edge = [None, 0, 1, 1, 2, 3, -1, *([2_147_483_647] if rng.random() < 0.5 else [])]
    texts = [None, "x", "x", "y", "7"]
    times = [None, "2024-01-01 00:00:00+00", "2024-01-02 00:00:00+00"]
    pick = rng.choice
    for _ in range(rng.randint(0, 7)):
        row = [pick([None, 1, 2, 3]), pick(edge), pick(edge), pick([None, 0.0, 0.5, 2.0]), pick(texts)]
        connection.execute("INSERT INTO t VALUES (?,?,?,?,?,?,?)", [*row, pick([None, True, False]), pick(times)])
    for _ in range(rng.randint(0, 5)):
        row = [pick([None, 1, 2, 3]), pick([None, 0.0, 1.5]), pick(texts), pick(edge)]
        connection.execute("INSERT INTO u VALUES (?,?,?,?)", row)


def scalar(rng: Random, table: str, of: str, depth: int = 0) -> str:
    """An expression over the columns of ``table``, which goes by the name ``of``."""
    number = f"{of}.{rng.choice(NUMBERS[table])}"
    text = f"{of}.{rng.choice(TEXTS[table])}"
    choices = [
        number,
        number,
        text,
        f"{of}.k",
        str(rng.randint(0, 3)),
        f"{number} + {rng.randint(0, 2)}",
        f"{number} * {rng.choice(NUMBERS[table])}" if of == table else f"{number} * 2.5",
        f"{number} // {number}",
        f"{number} / 2",
        f"{number} * 0.5",
        f"CAST({number} AS DOUBLE)",
        f"CAST({text} AS INT)",
        f"TRY_CAST({text} AS INT)",
        f"lower({text})",
        f"coalesce({number}, 0)",
        f"nullif({number}, 1)",
        f"abs({number})",
        f"CASE WHEN {condition(rng, table, of)} THEN {number} END" if depth < 2 else number,
    ]
    return rng.choice(choices)


def condition(rng: Random, table: str, of: str, depth: int = 0) -> str:
    number = f"{of}.{rng.choice(NUMBERS[table])}"
    text = f"{of}.{rng.choice(TEXTS[table])}"
    choices = [
        f"{number} > {rng.randint(0, 2)}",
        f"{rng.randint(0, 2)} < {number}",
        f"{number} = {rng.randint(0, 2)}",
        f"{text} = 'x'",
        f"{number} IS NOT NULL",
        f"{number} IN (0, 1)",
        f"NOT {number} >= 1",
        f"{number} <> {of}.{rng.choice(NUMBERS[table])}",
        f"CAST({text} AS INT) > 1",
        f"EXISTS (SELECT 1 FROM u AS z WHERE z.k = {of}.k)",
        f"{of}.k IN (SELECT k FROM u)",
    ]
    if depth < 2 and rng.random() < 0.4:
        left, right = (condition(rng, table, of, depth + 1) for _ in range(2))
        return f"({left}) {rng.choice(['AND', 'OR'])} ({right})" if rng.random() < 0.5 else f"{left} AND {right}"
    return rng.choice(choices)


def aggregate(rng: Random, of: str) -> str:
    return rng.choice(
        [
            "count(*)",
            f"count({of}.a)",
            f"count(DISTINCT {of}.a)",
            f"sum({of}.a)",
            f"min({of}.a)",
            f"max({of}.a)",
            f"avg({of}.a)",
            f"sum({of}.a + 1)",
            f"first({of}.a)",
            f"list({of}.a)",
            f"count(*) FILTER (WHERE {of}.a > 0)",
        ]
    )


def window(rng: Random, of: str) -> str:
    over = rng.choice([f"PARTITION BY {of}.k", f"ORDER BY {of}.a", f"PARTITION BY {of}.k ORDER BY {of}.a", ""])
    call = rng.choice(["count(*)", f"sum({of}.a)", "rank()", "row_number()", f"max({of}.a)", f"lag({of}.a)"])
    return f"{call} OVER ({over})"


def core(rng: Random) -> str:
    """One SELECT."""
    table = rng.choice(["t", "t", "u"])
    of = rng.choice([table, "x"])
    source = f"{table} AS {of}"
    head = ""
    joined = ""
    if rng.random() < 0.35:
        inner = f"SELECT * FROM {table}"
        if rng.random() < 0.7:
            columns = ", ".join(SCHEMA[table])
            inner = f"SELECT {rng.choice(['', '', 'DISTINCT '])}{columns} FROM {table}"
            inner += f" WHERE {condition(rng, table, table)}" if rng.random() < 0.5 else ""
        if rng.random() < 0.5:
            head, source = f"WITH c AS ({inner}) ", f"c AS {of}"
        else:
            source = f"({inner}) AS {of}"
    if rng.random() < 0.3:
        kind = rng.choice(["JOIN", "LEFT JOIN", "FULL JOIN", "CROSS JOIN", "SEMI JOIN"])
        joined = f" {kind} u AS w" + ("" if kind == "CROSS JOIN" else rng.choice([f" ON w.k = {of}.k", " USING (k)"]))
    where = f" WHERE {condition(rng, table, of)}" if rng.random() < 0.5 else ""
    style = rng.random()
    if style < 0.2:
        keys = [f"{of}.k"] + ([f"{of}.a"] if rng.random() < 0.3 else [])
        items = [*keys, *(f"{aggregate(rng, of)} AS m{i}" for i in range(rng.randint(1, 2)))]
        group = ", ".join(str(i + 1) for i in range(len(keys))) if rng.random() < 0.3 else ", ".join(keys)
        having = f" HAVING count(*) > {rng.randint(0, 1)}" if rng.random() < 0.3 else ""
        return f"{head}SELECT {', '.join(items)} FROM {source}{joined}{where} GROUP BY {group}{having}"
    if style < 0.28:
        items = [f"{aggregate(rng, of)} AS m{i}" for i in range(rng.randint(1, 2))]
        return f"{head}SELECT {', '.join(items)} FROM {source}{joined}{where}"
    items = [f"{of}.k", *(f"{scalar(rng, table, of)} AS e{i}" for i in range(rng.randint(1, 3)))]
    if rng.random() < 0.15:
        items.append(f"{window(rng, of)} AS win")
    if rng.random() < 0.1 and not joined:
        items = ["*"]
    distinct = "DISTINCT " if rng.random() < 0.12 else ""
    tail = rng.choice(["", "", "", "", " ORDER BY 1", " ORDER BY 1 LIMIT 2"])
    return f"{head}SELECT {distinct}{', '.join(items)} FROM {source}{joined}{where}{tail}"


def query(rng: Random) -> str:
    made = core(rng)
    if rng.random() < 0.1:
        return f"SELECT k, a FROM t {rng.choice(['UNION', 'UNION ALL', 'EXCEPT'])} SELECT k, a FROM u"
    if rng.random() < 0.1 and "LIMIT" not in made and not made.startswith("WITH"):
        return f"SELECT * FROM ({made}) AS q"
    return made


def edited(text: str, rng: Random) -> str:
    """``text`` after one to three edits."""
    tree = sqlglot.parse_one(text, read="duckdb")
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        rng.choice(EDITS)(tree, rng)
    made = tree.sql("duckdb", pretty=rng.random() < 0.3)
    return made.lower().replace("'x'", "'x'") if rng.random() < 0.05 else made


def _select(tree: exp.Expr, rng: Random) -> exp.Select:
    return rng.choice(list(tree.find_all(exp.Select)))


def _source(select: exp.Select) -> tuple[str, str]:
    """(table of columns, its name here) of the first thing that a SELECT reads."""
    head = select.args["from_"].this if select.args.get("from_") else None
    if head is None:
        return "t", "t"
    names = {c.name for c in head.find_all(exp.Table)} | {head.name}
    return ("u" if "u" in names and "t" not in names else "t"), head.alias_or_name


def add_column(tree: exp.Expr, rng: Random) -> None:
    select = _select(tree, rng)
    made = rng.choice([scalar, scalar, lambda r, t, o: window(r, o), lambda r, t, o: aggregate(r, o)])
    table, of = _source(select)
    place = rng.randint(0, len(select.expressions))
    select.expressions.insert(
        place, sqlglot.parse_one(f"{made(rng, table, of)} AS n{rng.randint(0, 9)}", read="duckdb")
    )
    select.set("expressions", select.expressions)


def add_to_all(tree: exp.Expr, rng: Random) -> None:
    for select in list(tree.find_all(exp.Select)):
        table, of = _source(select)
        item = sqlglot.parse_one(f"{scalar(rng, table, of)} AS extra", read="duckdb")
        select.set("expressions", [*select.expressions, item])


def drop_column(tree: exp.Expr, rng: Random) -> None:
    select = _select(tree, rng)
    if len(select.expressions) > 1:
        select.set("expressions", rng.sample(select.expressions, len(select.expressions) - 1))


def shuffle_columns(tree: exp.Expr, rng: Random) -> None:
    select = _select(tree, rng)
    select.set("expressions", rng.sample(select.expressions, len(select.expressions)))


def swap_sides(tree: exp.Expr, rng: Random) -> None:
    flips = {exp.GT: exp.LT, exp.LT: exp.GT, exp.EQ: exp.EQ, exp.And: exp.And, exp.Or: exp.Or, exp.NEQ: exp.NEQ}
    found = [n for n in tree.find_all(*flips) if type(n) in flips]
    if found:
        node = rng.choice(found)
        node.replace(flips[type(node)](this=node.expression.copy(), expression=node.this.copy()))


def swap_wrongly(tree: exp.Expr, rng: Random) -> None:
    found = list(tree.find_all(exp.GT, exp.LT, exp.Add, exp.Sub, exp.Mul, exp.And, exp.Or))
    if found:
        node = rng.choice(found)
        kind = rng.choice([exp.GTE, exp.LTE, exp.GT] if isinstance(node, exp.GT | exp.LT) else [exp.Sub, exp.Add])
        if isinstance(node, exp.Connector):
            kind = exp.Or if isinstance(node, exp.And) else exp.And
        node.replace(kind(this=node.this.copy(), expression=node.expression.copy()))


def change_literal(tree: exp.Expr, rng: Random) -> None:
    found = [n for n in tree.find_all(exp.Literal) if not n.is_string]
    if found:
        rng.choice(found).replace(exp.Literal.number(rng.randint(0, 3)))


def change_column(tree: exp.Expr, rng: Random) -> None:
    found = [n for n in tree.find_all(exp.Column) if n.name in ("a", "b")]
    if found:
        rng.choice(found).set("this", exp.to_identifier(rng.choice(["a", "b", "f"])))


def change_join(tree: exp.Expr, rng: Random) -> None:
    for join in tree.find_all(exp.Join):
        join.set("side", rng.choice([None, "LEFT", "RIGHT", "FULL"]))


def change_where(tree: exp.Expr, rng: Random) -> None:
    select = _select(tree, rng)
    table, of = _source(select)
    if select.args.get("where") and rng.random() < 0.3:
        select.set("where", None)
    else:
        select.where(condition(rng, table, of), copy=False, dialect="duckdb")


def toggle_distinct(tree: exp.Expr, rng: Random) -> None:
    select = _select(tree, rng)
    select.set("distinct", None if select.args.get("distinct") else exp.Distinct())


def add_clause(tree: exp.Expr, rng: Random) -> None:
    select = _select(tree, rng)
    _, of = _source(select)
    clause = rng.randint(0, 3)
    if clause == 0:
        select.limit(rng.randint(0, 3), copy=False)
    elif clause == 1:
        select.set("qualify", exp.Qualify(this=sqlglot.parse_one(f"row_number() OVER (ORDER BY {of}.k) = 1")))
    elif clause == 2:
        select.set("expressions", [*select.expressions, sqlglot.parse_one("unnest([1, 2]) AS un", read="duckdb")])
    else:
        select.set(
            "order", None if select.args.get("order") else sqlglot.parse_one("SELECT 1 ORDER BY 1").args["order"]
        )


def rename_alias(tree: exp.Expr, rng: Random) -> None:
    select = _select(tree, rng)
    head = select.args["from_"].this if select.args.get("from_") else None
    if head is None or not head.alias:
        return
    old, new = head.alias, rng.choice(["x1", "q2", "w"])
    head.args["alias"].set("this", exp.to_identifier(new))
    for column in select.find_all(exp.Column):
        if column.table == old:
            column.set("table", exp.to_identifier(new))


def rename_output(tree: exp.Expr, rng: Random) -> None:
    found = list(tree.find_all(exp.Alias))
    if found:
        rng.choice(found).set("alias", exp.to_identifier(rng.choice(["a", "b", "e0", "e1", "z"])))


def inline_cte(tree: exp.Expr, rng: Random) -> None:
    holder = tree.args.get("with_")
    if holder:
        body = {cte.alias: cte.this for cte in holder.expressions}
        tree.set("with_", None)
        for table in list(tree.find_all(exp.Table)):
            if table.name in body:
                alias = exp.TableAlias(this=exp.to_identifier(table.alias_or_name))
                table.replace(exp.Subquery(this=body[table.name].copy(), alias=alias))


def wrap(tree: exp.Expr, rng: Random) -> None:
    found = list(tree.find_all(exp.Column, exp.GT, exp.LT, exp.And))
    if found:
        node = rng.choice(found)
        node.replace(exp.Paren(this=node.copy()))


def unqualify(tree: exp.Expr, rng: Random) -> None:
    for column in tree.find_all(exp.Column):
        if rng.random() < 0.5:
            column.set("table", None)


def group_by_names(tree: exp.Expr, rng: Random) -> None:
    for select in tree.find_all(exp.Select):
        group = select.args.get("group")
        if group:
            keys = [select.expressions[int(k.name) - 1].copy() if k.is_int else k for k in group.expressions]
            if rng.random() < 0.3:
                keys.reverse()
            group.set("expressions", keys)


EDITS = (
    add_column,
    add_column,
    add_column,
    add_to_all,
    drop_column,
    shuffle_columns,
    swap_sides,
    swap_sides,
    swap_wrongly,
    change_literal,
    change_column,
    change_join,
    change_where,
    toggle_distinct,
    add_clause,
    rename_alias,
    rename_alias,
    rename_output,
    inline_cte,
    inline_cte,
    wrap,
    unqualify,
    group_by_names,
)
