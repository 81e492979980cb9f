"""What an edit of a query is about: its parts that differ, grouped and worded for the reviewer of a plan."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec
from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class EditGroup(StrEnum):
    """What the edited part decides on, from the most to the least far-reaching."""

    ROWS = "rows"
    JOINS = "joins"
    WINDOWS = "windows"
    VALUES = "values"
    PROJECTION = "projection"
    COSMETIC = "cosmetic"


class Edit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One part of a query that differs; ``old`` and ``new`` are its SQL, "" where it was not or is no more."""

    group: EditGroup
    text: str
    old: str = ""
    new: str = ""


_CLAUSES = (
    (EditGroup.ROWS, "group", "rows are grouped", "rows are no longer grouped", "rows are grouped by something else"),
    (EditGroup.ROWS, "qualify", "rows are chosen by a window", "no window chooses rows", "a window chooses other rows"),
    (EditGroup.ROWS, "limit", "only so many rows stay", "no number of rows is the limit", "another number of rows"),
    (EditGroup.ROWS, "offset", "the first rows are left out", "the first rows stay", "other rows are left out"),
    (EditGroup.ROWS, "sample", "a sample of the rows is taken", "all rows are taken", "another sample is taken"),
    (EditGroup.WINDOWS, "windows", "a named window is new", "a named window is gone", "a named window changes"),
    (EditGroup.COSMETIC, "order", "the result is sorted", "the result is not sorted", "the result is sorted otherwise"),
)
"""(group, clause, what it means that it came, that it went, that it changed)"""
_CONDITIONS = (
    (
        "where",
        "rows must also meet a condition",
        "rows need not meet a condition any more",
        "rows meet another condition",
    ),
    (
        "having",
        "groups must also meet a condition",
        "groups need not meet a condition any more",
        "groups meet another condition",
    ),
)
LAYOUT = Edit(group=EditGroup.COSMETIC, text="only the layout changes")


def edits(old: exp.Query, new: exp.Query, dialect: str) -> tuple[Edit, ...]:
    """Every part in which two queries differ, by group: rows, joins, windows, values, projection, cosmetic."""
    groups = list(EditGroup)
    found = sorted(_Edits(dialect).between(old, new), key=lambda edit: groups.index(edit.group))
    return tuple(dict.fromkeys(found)) or (LAYOUT,)


class _Edits:
    """Two queries walked side by side. ``where`` names the part of the query that is looked at, for the reader."""

    def __init__(self, dialect: str) -> None:
        self.dialect = dialect

    def between(self, old: exp.Expr, new: exp.Expr, where: str = "") -> Iterator[Edit]:
        if old == new:
            return
        if isinstance(old, exp.SetOperation) and type(old) is type(new):
            yield from self.of_set_operation(old, new, where)
        elif isinstance(old, exp.Select) and isinstance(new, exp.Select):
            old, new = _headed(old), _headed(new)
            yield from self.of_ctes(old, new, where)
            yield from self.of_sources(old, new, where)
            yield from self.of_clauses(old, new, where)
            yield from self.of_columns(old, new, where)
        else:
            yield self.edit(EditGroup.ROWS, f"rows come from another kind of query{where}", old, new)

    def of_set_operation(self, old: exp.SetOperation, new: exp.Expr, where: str) -> Iterator[Edit]:
        name = type(old).__name__.upper()
        if bool(old.args.get("distinct")) != bool(new.args.get("distinct")):
            kept = "now drops" if new.args.get("distinct") else "no longer drops"
            yield Edit(group=EditGroup.ROWS, text=f"{name} {kept} repeated rows{where}")
        yield from self.between(old.this, new.this, f"{where} in the first half of {name}")
        yield from self.between(old.expression, new.args["expression"], f"{where} in the second half of {name}")
        yield from self.of_ctes(old, new, where)

    def of_ctes(self, old: exp.Expr, new: exp.Expr, where: str) -> Iterator[Edit]:
        was, now = _ctes(old), _ctes(new)
        for name in [*was, *(n for n in now if n not in was)]:
            if name not in now:
                yield self.edit(EditGroup.ROWS, f"WITH {name} is gone{where}", was[name], None)
            elif name not in was:
                yield self.edit(EditGroup.ROWS, f"WITH {name} is new{where}", None, now[name])
            else:
                yield from self.between(was[name], now[name], f"{where} in {name}")

    def of_sources(self, old: exp.Select, new: exp.Select, where: str) -> Iterator[Edit]:
        was, now = _source(old), _source(new)
        if isinstance(was, exp.Subquery) and isinstance(now, exp.Subquery) and was.alias == now.alias:
            yield from self.between(was.this, now.this, f"{where} in {was.alias or 'a subquery'}")
        elif was != now and not _same_table(was, now):
            yield self.edit(EditGroup.JOINS, f"rows are read from something else{where}", was, now)
        joined = {}, {}  # type: tuple[dict[str, exp.Expr], dict[str, exp.Expr]]
        for select, found in zip((old, new), joined, strict=True):
            for at, join in enumerate((select.args.get("joins") or []) + (select.args.get("laterals") or [])):
                found[join.alias_or_name or str(at)] = join
        for name in [*joined[0], *(n for n in joined[1] if n not in joined[0])]:
            one, two = joined[0].get(name), joined[1].get(name)
            if one == two:
                continue
            happened = "is new" if one is None else "is gone" if two is None else "changes"
            yield self.edit(EditGroup.JOINS, f"the join of {name} {happened}{where}", one, two)

    def of_clauses(self, old: exp.Select, new: exp.Select, where: str) -> Iterator[Edit]:
        for clause, came, went, changed in _CONDITIONS:
            was, now = (_conjuncts(select, clause) for select in (old, new))
            gone, added = [c for c in was if c not in now], [c for c in now if c not in was]
            if gone or added:
                text = changed if gone and added else came if added else went
                yield Edit(group=EditGroup.ROWS, text=text + where, old=self.joined(gone), new=self.joined(added))
        if bool(old.args.get("distinct")) != bool(new.args.get("distinct")):
            text = "repeated rows are dropped" if new.args.get("distinct") else "repeated rows stay"
            yield Edit(group=EditGroup.ROWS, text=text + where)
        elif old.args.get("distinct") != new.args.get("distinct"):
            yield self.edit(EditGroup.ROWS, f"DISTINCT{where}", old.args["distinct"], new.args["distinct"])
        for group, clause, came, went, changed in _CLAUSES:
            one, two = old.args.get(clause), new.args.get(clause)
            if one != two:
                text = came if not one else went if not two else changed
                yield self.edit(group, text + where, one, two)

    def of_columns(self, old: exp.Select, new: exp.Select, where: str) -> Iterator[Edit]:
        was = {item.alias_or_name: item.unalias() for item in old.expressions}
        now = {item.alias_or_name: item.unalias() for item in new.expressions}
        for name in was:
            if name not in now:
                yield self.edit(EditGroup.PROJECTION, f"{name} is gone{where}", was[name], None)
            elif was[name] != now[name]:
                windowed = was[name].find(exp.Window) or now[name].find(exp.Window)
                group = EditGroup.WINDOWS if windowed else EditGroup.VALUES
                yield self.edit(group, f"{name} is computed otherwise{where}", was[name], now[name])
        for name in now:
            if name not in was:
                yield self.edit(EditGroup.PROJECTION, f"{name} is added{where}", None, now[name])
        kept = [name for name in was if name in now]
        if kept != [name for name in now if name in was]:
            yield Edit(group=EditGroup.COSMETIC, text=f"the order of columns changes{where}")

    def edit(self, group: EditGroup, text: str, old: object, new: object) -> Edit:
        return Edit(group=group, text=text, old=self.sql(old), new=self.sql(new))

    def joined(self, conditions: Sequence[exp.Expr]) -> str:
        return " AND ".join(self.sql(condition) for condition in conditions)

    def sql(self, part: object) -> str:
        if isinstance(part, list):
            return ", ".join(self.sql(item) for item in part)
        if not isinstance(part, exp.Expr):
            return ""
        shown = part.copy()
        for column in shown.find_all(exp.Column):
            if _WRITTEN in column.meta:
                column.set("table", column.meta[_WRITTEN])
        return shown.sql(self.dialect, comments=False).strip()


_HEAD = "_head"
_WRITTEN = "asof_written"
"""How a column that stands under ``_HEAD`` was written, so that a fragment shows what its author wrote."""


def _headed(select: exp.Select) -> exp.Select:
    """A copy in which columns of the first table say so, whatever it is called: a new alias is no edit."""
    made = select.copy()
    head = _source(made)
    alone = not (made.args.get("joins") or made.args.get("laterals"))
    name = head.alias_or_name if head is not None else ""
    for column in made.find_all(exp.Column):
        if column.find_ancestor(exp.Select) is made and (column.table == name or (alone and not column.table)):
            column.meta[_WRITTEN] = column.args.get("table")
            column.set("table", exp.to_identifier(_HEAD))
    return made


def _same_table(old: exp.Expr | None, new: exp.Expr | None) -> bool:
    """Whether two tables differ in nothing but their aliases."""
    tables = [part.copy() for part in (old, new) if isinstance(part, exp.Table)]
    for table in tables:
        table.set("alias", None)
    return len(tables) == 2 and tables[0] == tables[1]


def _ctes(query: exp.Expr) -> dict[str, exp.Expr]:
    holder = query.args.get("with_")
    return {cte.alias: cte.this for cte in holder.expressions} if isinstance(holder, exp.With) else {}


def _source(select: exp.Select) -> exp.Expr | None:
    head = select.args.get("from_")
    return head.this if isinstance(head, exp.From) else None


def _conjuncts(select: exp.Select, clause: str) -> list[exp.Expr]:
    holder = select.args.get(clause)
    if not isinstance(holder, exp.Expr):
        return []
    condition = holder.this.unnest()
    return list(condition.flatten()) if isinstance(condition, exp.And) else [condition]
