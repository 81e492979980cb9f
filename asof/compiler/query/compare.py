"""Whether one query may replace another: proven the same, proven to only gain columns, or not proven."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sqlglot import exp

from asof.compiler.query import functions
from asof.compiler.query.analysis import NotUnderstoodError, normalised, qualified
from asof.compiler.query.edits import LAYOUT, edits
from asof.compiler.query.normal import canonical_sql, plain
from asof.compiler.query.semantics import is_aggregated, loose_columns
from asof.compiler.query.syntax import SqlSyntaxError, parse
from asof.compiler.query.total import is_total

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from asof.compiler.query.edits import Edit
    from asof.compiler.types import Type

_ORDERED = (
    exp.RowNumber,
    exp.Ntile,
    exp.First,
    exp.Last,
    exp.FirstValue,
    exp.LastValue,
    exp.NthValue,
    exp.Lag,
    exp.Lead,
    exp.AnyValue,
    exp.ArrayAgg,
    exp.GroupConcat,
    exp.ArgMax,
    exp.ArgMin,
    exp.Mode,
    exp.ApproxDistinct,
    exp.ApproxQuantile,
    exp.ApproxTopK,
)
_OPAQUE = (exp.Anonymous, exp.AnonymousAggFunc, exp.Lateral, exp.Pivot, exp.Star, exp.Columns)
_ROWS_FROM_VALUES = (exp.Unnest, exp.Explode, exp.UDTF, exp.Posexplode, exp.Inline)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The verdict, and short reasons for people. ``edits`` are the parts that differ, by group.

    ``equivalent``: the same columns and rows. ``additive``: the same, and more columns. ``unproven``:
    anything else, harmless or not.
    """

    kind: Literal["equivalent", "additive", "unproven"]
    reasons: tuple[str, ...] = ()
    edits: tuple[Edit, ...] = ()


class _UnprovenError(Exception):
    """The proof fails; the message says where."""


def compare(
    old: str,
    new: str,
    columns: Callable[[str], Mapping[str, Type | None] | None],
    dialect: str,
    keys: tuple[str, ...] = (),
) -> Comparison:
    """Compare two queries. ``columns`` says what is known of a table that they read, None where nothing is.

    ``keys`` are columns by which readers order or find rows: gaining one of them is not additive.
    """
    if canonical_sql(old, dialect) == canonical_sql(new, dialect):
        return Comparison(kind="equivalent", reasons=("only the layout changes",), edits=(LAYOUT,))
    try:
        before, after = (normalised(parse(text, dialect), dialect) for text in (old, new))
    except SqlSyntaxError as error:
        return Comparison(kind="unproven", reasons=(f"a query cannot be read: {error}",))
    described = edits(before, after, dialect)
    names = {table.name for query in (before, after) for table in query.find_all(exp.Table)}
    schema = {name: known for name in sorted(names) if (known := columns(name)) is not None}
    try:
        return _proven(before, after, schema, dialect, keys, described)
    except (_UnprovenError, NotUnderstoodError) as error:
        return Comparison(kind="unproven", reasons=(str(error),), edits=described)


def unknown_tables(old: str, new: str, dialect: str) -> Comparison:
    """What can be said of two queries over tables that nobody describes."""
    why = "nothing is known of the tables that the query reads"
    try:
        before, after = (normalised(parse(text, dialect), dialect) for text in (old, new))
    except SqlSyntaxError:
        return Comparison(kind="unproven", reasons=(why,))
    return Comparison(kind="unproven", reasons=(why,), edits=edits(before, after, dialect))


def _proven(
    before: exp.Query,
    after: exp.Query,
    schema: Mapping[str, Mapping[str, Type | None]],
    dialect: str,
    keys: tuple[str, ...],
    described: tuple[Edit, ...],
) -> Comparison:
    forms: list[exp.Query] = []
    for query in (before, after):
        _require_plain_names(query, schema)
        _require_real_ordinals(query)
        resolved = qualified(query, schema, dialect)
        _require_determinism(query, resolved, dialect)
        forms.append(plain(resolved, dialect))
    one, two = forms
    if one.sql(dialect) == two.sql(dialect):
        return Comparison(kind="equivalent", reasons=("both say the same once normalised",), edits=described)
    added = _added(one, two, dialect)
    clash = sorted(set(added) & set(keys))
    if clash:
        raise _UnprovenError(f"readers order or find rows by the new column {clash[0]!r}")
    if not added:
        return Comparison(kind="equivalent", reasons=("the same columns, in another order",), edits=described)
    text = f"gains {', '.join(sorted(added))}; rows and other columns stay as they are"
    return Comparison(kind="additive", reasons=(text,), edits=described)


def _added(old: exp.Query, new: exp.Query, dialect: str) -> tuple[str, ...]:
    """Names of the columns that ``new`` has beyond ``old``. Raises _UnprovenError where anything else differs."""
    if not isinstance(old, exp.Select) or not isinstance(new, exp.Select):
        if old.sql(dialect) != new.sql(dialect):
            raise _UnprovenError("the halves of a set operation decide its rows by all their columns")
        return ()
    _require_same_rows(old, new, dialect)
    was = {item.alias_or_name: item for item in old.expressions}
    now = {item.alias_or_name: item for item in new.expressions}
    if len(was) != len(old.expressions) or len(now) != len(new.expressions):
        raise _UnprovenError("two columns share a name")
    for name, item in was.items():
        if name not in now:
            raise _UnprovenError(f"the column {name!r} is gone")
        if item.sql(dialect) != now[name].sql(dialect):
            raise _UnprovenError(f"the value of {name!r} changes")
    added = tuple(name for name in now if name not in was)
    for name in added:
        _require_harmless(old, now[name].unalias(), name, dialect)
    return added


def _require_same_rows(old: exp.Select, new: exp.Select, dialect: str) -> None:
    for clause in {*old.args, *new.args} - {"expressions", "from_", "joins"}:
        if _text(old.args.get(clause), dialect) != _text(new.args.get(clause), dialect):
            raise _UnprovenError(f"{clause.strip('_').upper()} changes, and with it which rows there are")
    sources: list[list[exp.Expr]] = []
    for select in (old, new):
        head = select.args.get("from_")
        sources.append([*([head] if head else []), *(select.args.get("joins") or [])])
    if len(sources[0]) != len(sources[1]):
        raise _UnprovenError("it reads other tables")
    for was, now in zip(*sources, strict=True):
        _require_same_source(was, now, dialect)


def _require_same_source(was: exp.Expr, now: exp.Expr, dialect: str) -> None:
    for part in {*was.args, *now.args} - {"this"}:
        if _text(was.args.get(part), dialect) != _text(now.args.get(part), dialect):
            raise _UnprovenError("a join changes")
    if type(was) is not type(now):
        raise _UnprovenError("a join changes")
    one, two = was.this, now.this
    if isinstance(one, exp.Subquery) and isinstance(two, exp.Subquery):
        for part in {*one.args, *two.args} - {"this"}:
            if _text(one.args.get(part), dialect) != _text(two.args.get(part), dialect):
                raise _UnprovenError("a join changes")
        if one.alias_column_names and _text(one, dialect) != _text(two, dialect):
            raise _UnprovenError("columns are renamed by position")
        _added(one.this, two.this, dialect)
    elif _text(one, dialect) != _text(two, dialect):
        raise _UnprovenError("it reads other tables")


def _require_harmless(select: exp.Select, item: exp.Expr, name: str, dialect: str) -> None:
    if select.args.get("distinct"):
        raise _UnprovenError(f"DISTINCT tells rows apart by {name!r} as well")
    # The old columns alone decide: two new aggregates must not vouch for each other.
    aggregated = select.args.get("group") is not None or any(is_aggregated(i) for i in select.expressions)
    if is_aggregated(item) and not aggregated:
        raise _UnprovenError(f"the aggregate {name!r} would make many rows one")
    if aggregated and loose_columns(item, select):
        raise _UnprovenError(f"{name!r} is neither grouped nor aggregated")
    if not is_total(item, dialect):
        raise _UnprovenError(f"{name!r} may fail on some rows: TRY_CAST and floating point never do")


def _require_plain_names(query: exp.Query, schema: Mapping[str, Mapping[str, Type | None]]) -> None:
    """An alias that hides a column is read as either, depending on clause and engine."""
    known = {name for table in schema.values() for name in table}
    known |= {name for inner in query.find_all(exp.Query) if inner is not query for name in inner.named_selects}
    for select in query.find_all(exp.Select):
        aliases = {item.alias: item for item in select.expressions if isinstance(item, exp.Alias)}
        hiding = {n for n, item in aliases.items() if n in known and _bare_name(item) != n}
        for column in select.find_all(exp.Column) if hiding else ():
            if (
                not column.table
                and column.name in hiding
                and column.find_ancestor(exp.Alias) is not aliases[column.name]
            ):
                raise _UnprovenError(f"{column.name!r} is both a column and an alias")


def _bare_name(item: exp.Alias) -> str:
    return item.this.name if isinstance(item.this, exp.Column) else ""


def _require_real_ordinals(query: exp.Query) -> None:
    """``ORDER BY 0`` is an error on engines, and the last column to sqlglot."""
    for clause in query.find_all(exp.Order, exp.Group):
        for key in clause.expressions:
            bare = key.this if isinstance(key, exp.Ordered) else key
            if isinstance(bare, exp.Neg) or (
                isinstance(bare, exp.Literal) and not (bare.is_int and int(bare.name) > 0)
            ):
                raise _UnprovenError(f"{bare.name} is not the number of a column")


def _require_determinism(query: exp.Query, resolved: exp.Query, dialect: str) -> None:
    for node in (*functions.clocks(query, dialect), *functions.volatiles(query)):
        raise _UnprovenError(f"{node.sql(dialect)} is not the same each time")
    for node in resolved.walk():
        if isinstance(node, exp.With) and node.args.get("recursive"):
            raise _UnprovenError("recursion is beyond the proof")
        if isinstance(node, exp.Select | exp.SetOperation) and (node.args.get("limit") or node.args.get("offset")):
            raise _UnprovenError("LIMIT and OFFSET choose rows by an order that may have ties")
        if isinstance(node, exp.Distinct) and node.args.get("on"):
            raise _UnprovenError("DISTINCT ON chooses rows by an order that may have ties")
        if isinstance(node, exp.Qualify):
            raise _UnprovenError("QUALIFY chooses rows by window functions")
        if isinstance(node, _ROWS_FROM_VALUES) and not isinstance(node, exp.Subquery | exp.Values):
            raise _UnprovenError("UNNEST makes rows out of values")
        if isinstance(node, _ORDERED) or (isinstance(node, exp.WindowSpec) and node.args.get("kind") != "RANGE"):
            raise _UnprovenError("a function depends on the order of rows, which may have ties")
        if isinstance(node, _OPAQUE) and not isinstance(node.parent, exp.Count):
            raise _UnprovenError(f"{node.sql(dialect)} is beyond the proof")
        if isinstance(node, exp.Group) and {k for k, v in node.args.items() if v} - {"expressions"}:
            raise _UnprovenError("GROUP BY ALL, ROLLUP and CUBE are beyond the proof")
        if isinstance(node, exp.Column) and not node.table and node.find_ancestor(exp.Order) is None:
            raise _UnprovenError(f"{node.name!r} is not a column of a known table")
        if isinstance(node, exp.Join) and (node.method or node.args.get("using")):
            raise _UnprovenError("a NATURAL or AS-OF join picks its columns or rows by itself")


def _text(value: object, dialect: str) -> str:
    if isinstance(value, exp.Expr):
        return value.sql(dialect)
    if isinstance(value, list):
        return "; ".join(_text(item, dialect) for item in value)
    return str(value or "")
