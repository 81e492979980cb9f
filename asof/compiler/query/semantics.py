"""What is wrong with SQL whose names are right: types, aggregates, functions, clocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from asof.compiler.diagnostics import nearest
from asof.compiler.query import functions, rules
from asof.compiler.query.sql_types import family, name_in, of_sql
from asof.compiler.types import BOOL

if TYPE_CHECKING:
    from asof.compiler.query.findings import Findings

_COMPARED = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ)
_ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod)
_RANKS = (exp.RowNumber, exp.FirstValue, exp.LastValue, exp.NthValue, exp.Lag, exp.Lead)


def check_text(tree: exp.Expr, dialect: str, findings: Findings) -> None:
    """Report unknown functions, clocks and other volatile functions of a tree as parsed."""
    for function in tree.find_all(exp.Func):
        name = functions.written_name(function, findings.text)
        if name and not functions.exists(name, dialect):
            hint = nearest(name, functions.names_in(dialect))
            findings.add(rules.UNKNOWN_FUNCTION, function, f"{dialect} has no function {name!r}", hint)
    for node in functions.clocks(tree, dialect):
        findings.add(
            rules.CLOCK,
            node,
            f"{node.sql(dialect)} is the time at which the query runs, not the time a row is asked about",
            "compute ages from the event time instead, or in an on-demand feature from a request field",
        )
    for node in functions.volatiles(tree):
        findings.add(rules.VOLATILE, node, f"{node.sql(dialect)} gives another value each time it is computed")


def check_stars(tree: exp.Query, findings: Findings) -> None:
    """Note each ``SELECT *``."""
    for select in tree.find_all(exp.Select):
        for item in select.expressions:
            if item.is_star and not isinstance(item, exp.AggFunc):
                effect = "a column added to what it reads then counts as a change of this query's values"
                start = item if "start" in item.meta else select
                findings.add(rules.STAR, start, "every column is taken, whatever they will be", effect)


def check_conditions(tree: exp.Expr, findings: Findings) -> None:
    """Report WHERE, HAVING, QUALIFY, FILTER and ON conditions that are not true or false."""
    for node in tree.find_all(exp.Where, exp.Having, exp.Qualify, exp.Join):
        condition = node.args.get("on") if isinstance(node, exp.Join) else node.this
        if isinstance(condition, exp.Expr):
            check_boolean(condition, findings, type(node).__name__.upper())


def check_boolean(condition: exp.Expr, findings: Findings, clause: str) -> None:
    """Report ``condition`` where its type is known and not bool."""
    found = of_sql(condition.type)
    if found is not None and found != BOOL:
        findings.add(rules.NOT_BOOLEAN, condition, f"{clause} wants true or false, and this is {found}")


def check_types(tree: exp.Expr, dialect: str, findings: Findings) -> None:
    """Report comparisons and arithmetic whose two sides do not go together, and UNION columns that clash."""
    if dialect == "sqlite":
        return
    for node in tree.find_all(*_COMPARED, *_ARITHMETIC):
        _check_sides(node, dialect, findings)
    for union in tree.find_all(exp.SetOperation):
        for index, (left, right) in enumerate(zip(union.this.selects, union.expression.selects, strict=False), 1):
            one, two = of_sql(left.type), of_sql(right.type)
            if one and two and family(one) != family(two):
                message = f"column {index} is {one} in the first half and {two} in the second"
                findings.add(rules.TYPE_CLASH, right, message, f"CAST(... AS {name_in(one, dialect)})")


def _check_sides(node: exp.Expr, dialect: str, findings: Findings) -> None:
    left, right = node.this.unnest(), node.expression.unnest()
    one, two = of_sql(left.type), of_sql(right.type)
    if one is None or two is None or isinstance(left, exp.Interval) or isinstance(right, exp.Interval):
        return
    sides = {family(one), family(two)}
    if isinstance(node, _COMPARED):
        # A text literal takes the other side's type, as in event_time > '2024-01-01'.
        literal = any(isinstance(side, exp.Literal) and side.is_string for side in (left, right))
        clash = len(sides) > 1 and not literal
    else:
        clash = bool(sides & {"string", "bool"}) and "number" in sides | {"number"} and "time" not in sides
    if clash:
        verb = "compared with" if isinstance(node, _COMPARED) else "combined with"
        other = name_in(one if family(two) == "string" else two, dialect)
        side = findings.written(right if family(two) == "string" else left)
        findings.add(rules.TYPE_CLASH, node, f"{one} is {verb} {two}", f"write CAST({side} AS {other})")


def check_aggregates(tree: exp.Query, findings: Findings) -> None:
    """Report aggregates where none may stand, and columns that are neither grouped nor aggregated."""
    for node in tree.find_all(exp.AggFunc):
        clause = node.find_ancestor(exp.Where, exp.Group, exp.Join, exp.AggFunc, exp.Window, exp.Select)
        if isinstance(clause, exp.Where | exp.Group | exp.Join):
            name = type(clause).__name__.upper()
            findings.add(rules.MISPLACED_AGGREGATE, node, f"{name} sees single rows", "use HAVING")
        elif isinstance(clause, exp.AggFunc) and not isinstance(clause.parent, exp.Window) and not _wraps(clause):
            findings.add(rules.MISPLACED_AGGREGATE, node, "an aggregate of an aggregate needs a subquery")
    for select in tree.find_all(exp.Select):
        _check_grouping(select, findings)


def _wraps(node: exp.Expr) -> bool:
    return isinstance(node, exp.IgnoreNulls | exp.RespectNulls | exp.Filter | exp.WithinGroup)


def _check_grouping(select: exp.Select, findings: Findings) -> None:
    group = select.args.get("group")
    if group is None and not any(is_aggregated(item) for item in select.expressions):
        return
    if group is not None and {k for k, v in group.args.items() if v} - {"expressions"}:
        return
    keys = set(group.expressions) if group is not None else set()
    having = select.args.get("having")
    for item in [*select.expressions, *([having.this] if having else [])]:
        for column in _loose(item.unalias(), keys):
            if column.find_ancestor(exp.Select) is select:
                hint = "put it into GROUP BY, or say which of its values is meant: MIN, MAX, ..."
                message = f"{column.name!r} has many values in a group, and none is chosen"
                findings.add(rules.UNGROUPED_COLUMN, column, message, hint)


def is_aggregated(item: exp.Expr) -> bool:
    """Whether ``item`` holds an aggregate of its own select: neither a window function nor in a subquery."""
    here = item.find_ancestor(exp.Select)
    return any(
        not isinstance(node, _RANKS) and not _windowed(node) and node.find_ancestor(exp.Select) is here
        for node in item.find_all(exp.AggFunc)
    )


def loose_columns(item: exp.Expr, select: exp.Select) -> list[exp.Column]:
    """Columns of ``item`` that are neither grouped by ``select`` nor inside an aggregate."""
    group = select.args.get("group")
    return _loose(item, set(group.expressions) if group is not None else set())


def _windowed(node: exp.Expr) -> bool:
    holder = node.parent
    while holder is not None and _wraps(holder):
        node, holder = holder, holder.parent
    return isinstance(holder, exp.Window) and holder.this is node


def _loose(node: exp.Expr, keys: set[exp.Expr]) -> list[exp.Column]:
    """Columns under ``node`` outside aggregates, subqueries and what is grouped by."""
    if node in keys or (isinstance(node, exp.AggFunc) and not _windowed(node)) or isinstance(node, exp.Query):
        return []
    if isinstance(node, exp.Column):
        return [node]
    return [column for child in node.iter_expressions() for column in _loose(child, keys)]
