"""What an edit of a query is about, in a few words for the reader of a plan."""

from __future__ import annotations

from sqlglot import exp

_GROUPS = (
    ("rows", ("where", "group", "having", "qualify", "distinct", "limit", "offset", "sample")),
    ("joins", ("from_", "joins", "laterals")),
    ("windows", ("windows",)),
    ("cosmetic", ("order",)),
)


def edits(old: exp.Query, new: exp.Query, dialect: str) -> tuple[str, ...]:
    """``group: what`` for each kind of edit between two queries: rows, joins, windows, values, projection, cosmetic."""
    if not isinstance(old, exp.Select) or not isinstance(new, exp.Select):
        return () if old == new else ("rows: a set operation changes",)
    found: list[str] = []
    for group, clauses in _GROUPS:
        changed = [c.strip("_").upper() for c in clauses if old.args.get(c) != new.args.get(c)]
        if changed:
            found.append(f"{group}: {', '.join(changed)}")
    if old.args.get("with_") != new.args.get("with_"):
        found.append("rows: WITH")
    was = {item.alias_or_name: item.unalias() for item in old.expressions}
    now = {item.alias_or_name: item.unalias() for item in new.expressions}
    for name in sorted(set(was) & set(now)):
        if was[name] != now[name]:
            windowed = was[name].find(exp.Window) or now[name].find(exp.Window)
            group = "windows" if windowed else "values"
            found.append(f"{group}: {name} was {was[name].sql(dialect)}, is {now[name].sql(dialect)}")
    found += [f"projection: {name} is added" for name in now if name not in was]
    found += [f"projection: {name} is gone" for name in was if name not in now]
    return tuple(found) or ("cosmetic: layout",)
