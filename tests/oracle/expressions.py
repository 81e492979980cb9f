"""``python -m tests.oracle.expressions``: generated expressions on the engine of their own dialect and on each target.

Every expression is typed and runs over a table of edge values, on its own engine as it was written and on the target as
it was translated. What is refused counts as refused; a value that differs is a fault. An error of the own dialect must
be an error of the target, and the other way round. But SQLite has no NaN: infinities, of which it comes, are left out.
Floats near the end of their range are left out where PostgreSQL is one of the two: there they are an error.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from asof.compiler.dialects import DIALECTS
from asof.compiler.meaning import Reader, RefusedError, Writer
from asof.compiler.query import parse_expression
from asof.compiler.translate import quoted
from asof.compiler.types import BOOL, DATE, FLOAT64, INT32, INT64, STRING, TIMESTAMP

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from asof.compiler.types import Type
    from tests.engines import Runner

COLUMNS: tuple[tuple[str, Type], ...] = (
    ("row", INT64), ("a", INT64), ("b", INT64), ("c", INT32), ("x", FLOAT64), ("y", FLOAT64), ("s", STRING),
    ("p", BOOL), ("q", BOOL), ("d", DATE), ("e", DATE), ("t", TIMESTAMP), ("u", TIMESTAMP),
)  # fmt: skip
WHOLE = (None, 0, 1, -1, 2, -2, 3, 7, -7, 60, 2**31 - 1, -(2**31), 2**53 + 1, 2**63 - 1, -(2**63))
NARROW = (None, 0, 1, -1, 5, -5, 2**31 - 1, -(2**31))
FLOATS = (
    None, 0.0, 0.5, -0.5, 1.5, 2.5, -2.5, 3.5, 2.7, -2.7, 0.49999999999999994, 2.675, 1e15, 2.0**53, 1e18, -1e19, 1e308,
    math.inf, -math.inf, math.nan, 1e-300, 2147483647.5, -2147483648.5, 2.0**63, -(2.0**63), 100.0,
)  # fmt: skip
TEXTS = (None, "", " ", "a", "A", "abc", "Abé", "ÉCOLE", "ß", "日本", "a%b", "x*y", "1", " 12 ", "[a]", "a_b", "ab\\c")
DAYS = (
    None, date(1969, 12, 31), date(1970, 1, 1), date(2024, 2, 29), date(2024, 1, 31), date(1999, 12, 31),
    date(2100, 3, 1), date(1900, 1, 1),
)  # fmt: skip
TIMES = (
    None, datetime(1969, 12, 31, 23, 59, 59, 999999, UTC), datetime(1970, 1, 1, tzinfo=UTC),
    datetime(2024, 2, 29, 12, 30, 15, 1, UTC), datetime(2024, 1, 31, 23, 59, 59, tzinfo=UTC),
    datetime(1969, 7, 20, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC),
)  # fmt: skip
PATTERNS = ("a%", "%", "A_c", "_", "x*%", "[a]", "%b", "É%")
ERROR = "error"
OWN = ("duckdb", "postgres")
TARGETS = ("duckdb", "postgres", "sqlite", "bigquery", "clickhouse", "spark")


def rows(size: int, chance: random.Random) -> list[tuple[object, ...]]:
    """A table of edge values: each column's in turn, and then by chance."""
    pools: list[Sequence[object]] = [WHOLE, WHOLE, NARROW, FLOATS, FLOATS, TEXTS, (None, True, False)]
    pools += [(None, True, False), DAYS, DAYS, TIMES, TIMES]
    made: list[tuple[object, ...]] = []
    for number in range(size):
        values = (
            pool[number] if number < len(pool) and chance.random() < 0.5 else chance.choice(pool) for pool in pools
        )
        made.append((number, *values))
    return made


class Grammar:
    """Makes expressions of a type, in words that DuckDB and PostgreSQL share or each has of its own."""

    def __init__(self, dialect: str, chance: random.Random) -> None:
        self.dialect = dialect
        self.chance = chance

    def make(self, kind: Type, depth: int) -> str:
        """An expression of this type with at most ``depth`` levels of operators."""
        if depth == 0:
            return self.leaf(kind)
        one = self.chance.choice(self.forms(kind))
        return one(depth - 1)

    def leaf(self, kind: Type) -> str:
        pools = {
            INT64: ("a", "b", "c", "0", "1", "-1", "2", "60", "a"),
            INT32: ("c", "2", "c"),
            FLOAT64: ("x", "y", "x", "y", "CAST(2.5 AS DOUBLE PRECISION)", "CAST(a AS DOUBLE PRECISION)"),
            STRING: ("s", "s", "'a'", "'É'", "''"),
            BOOL: ("p", "q", "TRUE", "a > 1", "s IS NULL"),
            DATE: ("d", "e", "DATE '2024-01-31'", "DATE '1969-12-31'"),
            TIMESTAMP: ("t", "u", "TIMESTAMPTZ '1969-12-31 12:00:00+00'"),
        }
        return self.chance.choice(pools[kind])

    def forms(self, kind: Type) -> list[Callable[[int], str]]:
        m = self.make
        pick = self.chance.choice
        symbols = ("=", "<>", "<", "<=", ">", ">=")
        either: list[Callable[[int], str]] = [
            lambda n: f"CASE WHEN {m(BOOL, n)} THEN {m(kind, n)} ELSE {m(kind, n)} END",
            lambda n: f"COALESCE({m(kind, n)}, {m(kind, n)})",
            lambda n: f"(CASE WHEN {m(BOOL, n)} THEN {m(kind, n)} END)",
        ]
        if kind == INT64:
            divide = "//" if self.dialect == "duckdb" else "/"
            return [
                lambda n: f"({m(INT64, n)} {pick('+-*')} {m(INT64, n)})",
                lambda n: f"({m(INT64, n)} {pick((divide, '%'))} {m(INT64, n)})",
                lambda n: f"CAST({m(FLOAT64, n)} AS {pick(('BIGINT', 'INTEGER'))})",
                lambda n: f"CAST({pick(('2.5', '-2.5', '0.75', '2.7'))} AS BIGINT)",
                lambda n: f"CAST({m(INT64, n)} AS {pick(('BIGINT', 'INTEGER'))})",
                lambda n: f"ABS({m(INT64, n)})",
                lambda n: f"(- {m(INT64, n)})",
                lambda n: f"LENGTH({m(STRING, n)})",
                lambda n: f"({m(DATE, n)} - {m(DATE, n)})",
                lambda n: f"NULLIF({m(INT64, n)}, {pick(('0', '1', m(INT64, n)))})",
                lambda n: f"{pick(('GREATEST', 'LEAST'))}({m(INT64, n)}, {m(INT64, n)})",
                *either,
            ]
        if kind == FLOAT64:
            own: list[Callable[[int], str]] = [lambda n: f"ROUND({m(FLOAT64, n)})"]
            if self.dialect == "duckdb":
                own += [
                    lambda n: f"({m(INT64, n)} / {m(INT64, n)})",
                    lambda n: f"({m(INT64, n)} / NULLIF({m(INT64, n)}, 0))",
                ]
            return [
                *own, *own,
                lambda n: f"({m(FLOAT64, n)} {pick('+-*')} {m(FLOAT64, n)})",
                lambda n: f"({m(FLOAT64, n)} {pick('+-*')} {pick(('2', '1.5', '100'))})",
                lambda n: f"({m(FLOAT64, n)} / {m(FLOAT64, n)})",
                lambda n: f"({m(FLOAT64, n)} / {pick(('0', '2', '60.0', 'NULLIF(y, 0)', 'a', 'NULLIF(a, 0)'))})",
                lambda n: f"CAST({m(INT64, n)} AS DOUBLE PRECISION)",
                lambda n: f"{pick(('ABS', 'FLOOR', 'CEIL', 'SQRT', 'LN', 'SIN'))}({m(FLOAT64, n)})",
                lambda n: f"NULLIF({m(FLOAT64, n)}, 0)",
                *either,
            ]  # fmt: skip
        if kind == BOOL:
            comparable = (INT64, FLOAT64, STRING, DATE, TIMESTAMP)
            same = pick(comparable)
            return [
                lambda n: f"({m(same, n)} {pick(symbols)} {m(same, n)})",
                lambda n: f"({m(same, n)} {pick(symbols)} {m(same, n)})",
                lambda n: f"({m(FLOAT64, n)} {pick(symbols)} {pick((m(INT64, n), '1.5', '2'))})",
                lambda n: f"({m(INT64, n)} {pick(symbols)} 1.5)",
                lambda n: f"({m(DATE, n)} {pick(symbols)} '2024-01-31')",
                lambda n: f"({m(TIMESTAMP, n)} {pick(symbols)} {m(DATE, n)})",
                lambda n: f"({m(BOOL, n)} {pick(('AND', 'OR'))} {m(BOOL, n)})",
                lambda n: f"(NOT {m(BOOL, n)})",
                lambda n: f"({m(STRING, n)} {pick(('LIKE', 'NOT LIKE'))} '{pick(PATTERNS)}')",
                lambda n: f"({m(same, n)} IS {pick(('NULL', 'NOT NULL'))})",
                lambda n: f"({m(INT64, n)} IN (1, 2, 60))",
                lambda n: f"({m(INT64, n)} BETWEEN {m(INT64, n)} AND {m(INT64, n)})",
                lambda n: f"({m(INT64, n)} IS DISTINCT FROM {m(INT64, n)})",
                *either,
            ]
        if kind == STRING:
            return [
                lambda n: f"({m(STRING, n)} || {m(STRING, n)})",
                lambda n: f"CAST({m(pick((INT64, BOOL, DATE, FLOAT64)), n)} AS VARCHAR)",
                lambda n: f"{pick(('LOWER', 'UPPER', 'TRIM'))}({m(STRING, n)})",
                lambda n: f"SUBSTRING({m(STRING, n)}, {pick('123')}, {pick('012')})",
                lambda n: f"REPLACE({m(STRING, n)}, 'a', 'bc')",
                *either,
            ]
        if kind == DATE:
            return [lambda n: f"CAST({m(TIMESTAMP, n)} AS DATE)", lambda n: f"({m(DATE, n)} + 3)", *either]
        return [
            lambda n: f"({m(TIMESTAMP, n)} {pick('+-')} INTERVAL '{pick('15')}' {pick(('DAY', 'HOUR', 'MINUTE'))})",
            lambda n: f"CAST({m(DATE, n)} AS {pick(('TIMESTAMP', 'TIMESTAMPTZ'))})",
            *either,
        ]


def translated(text: str, own: str, target: str) -> tuple[str, Type] | None:
    """The expression for ``target`` and its type; None where it is refused."""
    known = dict(COLUMNS)
    tree = parse_expression(text, own)
    reader = Reader(own, lambda column: known.get(column.name))
    try:
        made = Writer(reader, DIALECTS[target]).written(tree)
    except RefusedError:
        return None
    kind = reader.kind(tree)
    if kind is None or kind.text not in {k.text for _, k in COLUMNS}:
        return None
    return quoted(made, own).sql(target), kind


def values(runner: Runner, sql: Sequence[str], kinds: Sequence[Type], size: int) -> list[list[object]]:
    """The values of each expression, row by row; ``ERROR`` where the engine refuses to compute one."""
    prologue = DIALECTS[runner.dialect].prologue
    mark = "`" if runner.dialect in ("bigquery", "spark") else '"'

    def run(expressions: Sequence[str], types: Sequence[Type], where: str = "") -> list[tuple[object, ...]]:
        items = ", ".join(f"{one} AS v{place}" for place, one in enumerate(expressions))
        text = f"SELECT {items} FROM {mark}edges{mark} {where} ORDER BY {mark}row{mark}"
        return runner.run(text, prologue, types)

    try:
        found = run(sql, kinds)
        return [[row[place] for row in found] for place in range(len(sql))]
    except Exception:  # noqa: BLE001 - whatever an engine raises is its answer
        if len(sql) > 1:
            half = len(sql) // 2
            return values(runner, sql[:half], kinds[:half], size) + values(runner, sql[half:], kinds[half:], size)
    one: list[object] = []
    for row in range(size):
        try:
            one.append(run(sql, kinds, f"WHERE {mark}row{mark} = {row}")[0][0])
        except Exception:  # noqa: BLE001
            one.append(ERROR)
    return [one]


def same(own: Any, other: Any, target: str) -> bool:
    """Whether two answers are one. NaN is NULL in SQLite, and a float beyond its range an error in PostgreSQL."""
    if isinstance(own, datetime) and isinstance(other, datetime):
        return own.replace(tzinfo=UTC) == other.replace(tzinfo=UTC)
    if target == "sqlite" and other == ERROR and isinstance(own, float) and math.isnan(own):
        return True
    if own == ERROR or other == ERROR:
        return bool(own == other)
    if isinstance(own, float) and math.isnan(own):
        return other is None if target == "sqlite" else isinstance(other, float) and math.isnan(other)
    if isinstance(own, float) and isinstance(other, float | int):
        return own == other or math.isclose(own, other, rel_tol=1e-12)
    return type(own) is type(other) and own == other


def deep(text: str) -> bool:
    """Whether there are operators in operators: then engines differ in what they compute at all, and so in errors."""
    return text.count("(") > 1


def differences(
    own: Runner, target: Runner, *, count: int, seed: int, size: int = 40, depth: int = 2
) -> tuple[list[str], int]:
    """What differs, as text for people, and how many of ``count`` expressions were not refused."""
    chance = random.Random(seed)
    grammar = Grammar(own.dialect, chance)
    table = rows(size, chance)
    if target.dialect == "sqlite":
        table = [tuple(None if isinstance(v, float) and not math.isfinite(v) else v for v in row) for row in table]
    if "postgres" in (own.dialect, target.dialect):
        table = [tuple(1.5 if v in (1e308, 1e-300) else v for v in row) for row in table]
    found: list[str] = []
    passed = 0
    # Outside of transactions: an error would end one.
    own.load("edges", COLUMNS, table)
    if target is not own:
        target.load("edges", COLUMNS, table)
    for _ in range(0, count, 50):
        texts, made, kinds = [], [], []
        for _ in range(50):
            text = grammar.make(
                chance.choice((INT64, FLOAT64, STRING, BOOL, DATE, TIMESTAMP)), chance.randint(1, depth)
            )
            one = translated(text, own.dialect, target.dialect)
            if one is not None:
                texts.append(text)
                made.append(one[0])
                kinds.append(one[1])
        if not texts:
            continue
        passed += len(texts)
        wanted = values(own, texts, kinds, size)
        given = values(target, made, kinds, size)
        for text, sql, left, right in zip(texts, made, wanted, given, strict=True):
            for row, one, other in zip(table, left, right, strict=True):
                if not same(one, other, target.dialect) and not (deep(text) and ERROR in (one, other)):
                    named = {name: row[i] for i, (name, _) in enumerate(COLUMNS) if name in text}
                    found.append(f"{text}\n  {sql}\n  {named}: {own.dialect} {one!r}, {target.dialect} {other!r}")
                    break
    return found, passed


def main(arguments: list[str]) -> int:
    """Run pairs of dialects; exit 1 where one differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.oracle.expressions", description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100_000, help="expressions for each pair (default: 100,000)")
    parser.add_argument("--own", action="append", choices=OWN)
    parser.add_argument("--target", action="append", choices=TARGETS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--depth", type=int, default=2)
    chosen = parser.parse_args(arguments)
    from tests.oracle.chunks import STARTERS

    wrong = 0
    for own in chosen.own or OWN:
        for target in chosen.target or TARGETS:
            if own == target:
                continue
            with STARTERS[own]() as left, STARTERS[target]() as right:
                found, passed = differences(left, right, count=chosen.count, seed=chosen.seed, depth=chosen.depth)
            wrong += len(found)
            print(f"{own} -> {target}: {passed} of {chosen.count} translated, {len(found)} differ", flush=True)
            for text in found[:20]:
                print(text)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
