"""Makers of small syntax trees. Every identifier is quoted, whatever it is called."""

from __future__ import annotations

import hashlib
from functools import reduce
from typing import TYPE_CHECKING

from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def identifier(name: str) -> exp.Identifier:
    """``name``, quoted."""
    return exp.Identifier(this=name, quoted=True)


def column(table: str, name: str) -> exp.Column:
    """``"table"."name"``, or ``"name"`` alone where ``table`` is ""."""
    return exp.Column(this=identifier(name), table=identifier(table) if table else None)


def named(value: exp.Expr, name: str) -> exp.Alias:
    """``value AS "name"``."""
    return exp.Alias(this=value, alias=identifier(name))


def table(name: str, alias: str = "") -> exp.Table:
    """``"a"."b" AS "alias"`` for ``a.b``."""
    *path, last = name.split(".")
    db, catalog = (path[-1] if path else None), (path[-2] if len(path) > 1 else None)
    return exp.Table(
        this=identifier(last),
        db=identifier(db) if db else None,
        catalog=identifier(catalog) if catalog else None,
        alias=exp.TableAlias(this=identifier(alias)) if alias else None,
    )


def cte(name: str, alias: str = "") -> exp.Table:
    """A reference to a common table expression, which is never split on dots."""
    return exp.Table(this=identifier(name), alias=exp.TableAlias(this=identifier(alias)) if alias else None)


def derived(query: exp.Query, alias: str) -> exp.Subquery:
    """``(query) AS "alias"``."""
    return exp.Subquery(this=query, alias=exp.TableAlias(this=identifier(alias)))


def select(values: Iterable[exp.Expr], source: exp.Expr | None = None) -> exp.Select:
    """``SELECT values FROM source``."""
    made = exp.Select(expressions=list(values))
    if source is not None:
        made.set("from_", exp.From(this=source))
    return made


def all_of(conditions: Sequence[exp.Expr]) -> exp.Expr:
    """The conjunction; TRUE of nothing."""
    if not conditions:
        return exp.true()
    return reduce(lambda left, right: exp.And(this=left, expression=right), conditions)


def join(query: exp.Select, other: exp.Expr, on: Sequence[exp.Expr], *, side: str = "", method: str = "") -> exp.Select:
    """``query`` with one more join, in place."""
    query.append("joins", exp.Join(this=other, on=all_of(on), side=side or None, method=method or None))
    return query


def where(query: exp.Select, conditions: Sequence[exp.Expr]) -> exp.Select:
    """``query`` with a WHERE clause of ``conditions``, in place; none for nothing."""
    if conditions:
        query.set("where", exp.Where(this=all_of(conditions)))
    return query


def equal(left: str, right: str, names: Iterable[str]) -> list[exp.Expr]:
    """``left.name = right.name`` for each name."""
    return [exp.EQ(this=column(left, name), expression=column(right, name)) for name in names]


def present(value: exp.Expr) -> exp.Expr:
    """``value IS NOT NULL``."""
    return exp.Is(this=value, expression=exp.Not(this=exp.Null()))


def called(value: exp.Expr, name: str) -> exp.Expr:
    """``value AS "name"``, or a column as it stands where that is its name already."""
    return value if isinstance(value, exp.Column) and value.name == name else named(value, name)


def case(condition: exp.Expr, value: exp.Expr) -> exp.Case:
    """``CASE WHEN condition THEN value END``."""
    return exp.Case(ifs=[exp.If(this=condition, true=value)])


def latest_first(value: exp.Expr) -> exp.Ordered:
    """``value DESC NULLS LAST``: NULL loses."""
    return exp.Ordered(this=value, desc=True, nulls_first=False)


def earliest_first(value: exp.Expr) -> exp.Ordered:
    """The exact reverse of ``latest_first``."""
    return exp.Ordered(this=value, desc=False, nulls_first=True)


class Ctes:
    """The WITH clause of a statement under construction: names handed out once, in order, none too long."""

    def __init__(self, longest: int | None, tables: Iterable[str] = ()) -> None:
        """``tables`` are names of real tables, which must not be hidden."""
        self._longest = longest
        self._tables = {name.lower() for name in tables}
        self._made: dict[str, exp.CTE] = {}

    def add(self, wanted: str, query: exp.Query, comment: str, *, materialized: bool | None = None) -> str:
        """Put ``query`` under a name like ``wanted``, with a comment on why it is there; returns the name."""
        name = self._free(wanted)
        first: exp.Expr = query
        while isinstance(first, exp.Union):  # the comment of a union would be written before its last arm
            first = first.this
        first.comments = [f" {comment} "]
        self._made[name] = exp.CTE(this=query, alias=exp.TableAlias(this=identifier(name)), materialized=materialized)
        return name

    def hides(self, name: str) -> bool:
        """Whether a common table expression of that name would hide a real table."""
        return name.lower() in self._tables

    def over(self, query: exp.Select) -> exp.Select:
        """``WITH ... query``, in place."""
        if self._made:
            query.set("with_", exp.With(expressions=list(self._made.values())))
        return query

    def _free(self, wanted: str) -> str:
        name, count = shortened(wanted, self._longest), 1
        taken = self._tables | {made.lower() for made in self._made}
        while name.lower() in taken:
            count += 1
            name = shortened(f"{wanted}_{count}", self._longest)
        return name


def shortened(name: str, longest: int | None) -> str:
    """``name`` if it fits ``longest`` bytes, else its head and a digest of the whole."""
    if longest is None or len(name.encode()) <= longest:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name.encode()[: longest - 9].decode(errors='ignore')}_{digest}"
