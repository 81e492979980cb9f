"""Normal forms of users' SQL: a cheap one for hashing, and one that resolved queries are compared in."""

from __future__ import annotations

from functools import lru_cache
from itertools import count

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import Scope, build_scope, traverse_scope

from asof.compiler.query.syntax import SqlSyntaxError, parse, parse_expression
from asof.compiler.query.total import is_total

_ATOMS = (exp.Column, exp.Literal, exp.Paren)
_FLIPPED = {exp.GT: exp.LT, exp.GTE: exp.LTE}


@lru_cache(maxsize=65_536)
def canonical_sql(text: str, dialect: str) -> str:
    """A query or expression without layout, comments, case of keywords and needless parentheses.

    Text that cannot be parsed is its own canonical form.
    """
    try:
        tree: exp.Expr = parse(text, dialect)
    except SqlSyntaxError:
        try:
            tree = parse_expression(text, dialect)
        except SqlSyntaxError:
            return text
    while isinstance(tree, exp.Paren):
        tree = tree.this
    try:
        return _bare(tree).sql(dialect, copy=False, comments=False)
    except SqlglotError:
        return text


def _bare(tree: exp.Expr) -> exp.Expr:
    """Drop parentheses around what binds tightest by itself."""
    for paren in list(tree.find_all(exp.Paren)):
        inner = paren.this
        if isinstance(inner, _ATOMS) and _needless_in(paren.parent):
            paren.replace(inner)
    return tree


def _is_name(key: exp.Expr) -> bool:
    """A sort key that cannot fail; an ordinal that is still one points at no column."""
    return isinstance(key, exp.Ordered) and isinstance(key.this, exp.Column)


def _needless_in(holder: exp.Expr | None) -> bool:
    """``(t).x`` is a field, and ``t.x`` may be a column."""
    return holder is not None and not isinstance(holder, exp.Dot | exp.Bracket)


def plain(query: exp.Query, dialect: str) -> exp.Query:
    """The normal form of a qualified query, made from a copy: the same rows, written in one way.

    CTEs stand where they are used, tables are called by position, what no one reads is left out of inner
    queries, the outermost ORDER BY is dropped, comparisons point one way and conjunctions are sorted. The
    caller has made sure that ``query`` is deterministic and has no recursion.
    """
    made = query.copy()
    _inline_ctes(made)
    _prune(made, dialect)
    _call_by_position(made)
    order = made.args.get("order")
    if isinstance(made, exp.Select) and order is not None and all(_is_name(key) for key in order.expressions):
        made.set("order", None)
    return _expressions(made, dialect)


_READS_ALIASES = ("distinct", "order", "having", "qualify", "limit", "offset")


def _inline_ctes(query: exp.Query) -> None:
    # Inner CTEs come first, so a copy of an outer one already holds what it reads.
    for scope in traverse_scope(query):
        for name, (node, source) in list(scope.selected_sources.items()):
            cte = source.expression.parent if isinstance(source, Scope) else None
            if isinstance(node, exp.Table) and isinstance(cte, exp.CTE):
                _put_in_place(node, cte, name)
    for holder in list(query.find_all(exp.With)):
        holder.pop()


def _put_in_place(table: exp.Table, cte: exp.CTE, name: str) -> None:
    columns = [exp.to_identifier(c) for c in (table.alias_column_names or cte.alias_column_names)]
    alias = exp.TableAlias(this=exp.to_identifier(name), columns=columns)
    inner = exp.Subquery(this=cte.this.copy(), alias=alias)
    inner.set("joins", table.args.get("joins"))
    table.replace(inner)


def _prune(query: exp.Query, dialect: str) -> None:
    """Leave out inner projections that nothing reads, from the outside in."""
    root = build_scope(query)
    for scope in reversed(list(root.traverse())) if root else ():
        select = scope.expression
        holder = select.parent
        if not isinstance(select, exp.Select) or not isinstance(holder, exp.Subquery) or not scope.parent:
            continue
        if any(select.args.get(clause) for clause in _READS_ALIASES) or not isinstance(
            scope.parent.expression, exp.Select
        ):
            continue
        if holder.parent is None or not isinstance(holder.parent, exp.From | exp.Join) or holder.alias_column_names:
            continue
        read = {c.name for c in scope.parent.expression.find_all(exp.Column) if c.table == holder.alias}
        grouped = select.args.get("group") is not None
        kept = [p for p in select.expressions if p.alias_or_name in read or not _droppable(p, grouped, dialect)]
        select.set("expressions", kept or select.expressions[:1])


def _droppable(item: exp.Expr, grouped: bool, dialect: str) -> bool:
    """Without GROUP BY an aggregate is what makes many rows one, whether it is read or not."""
    return is_total(item.unalias(), dialect) and (grouped or item.find(exp.AggFunc) is None)


def _call_by_position(query: exp.Query) -> None:
    numbers = count()
    for scope in traverse_scope(query):
        if not isinstance(scope.expression, exp.Select):
            continue
        for name in list(scope.selected_sources):
            _rename(scope, name, f"_t{next(numbers)}")


def _rename(scope: Scope, old: str, new: str) -> None:
    node = scope.selected_sources[old][0]
    for column in scope.expression.find_all(exp.Column):
        if column.table == old:
            column.set("table", exp.to_identifier(new))
    holder = node if isinstance(node, exp.Table) else node.parent
    alias = holder.args.get("alias") if holder is not None else None
    if isinstance(alias, exp.TableAlias):
        alias.set("this", exp.to_identifier(new))
    elif holder is not None:
        holder.set("alias", exp.TableAlias(this=exp.to_identifier(new)))


def _expressions(tree: exp.Query, dialect: str) -> exp.Query:
    for paren in list(tree.find_all(exp.Paren)):
        inner, holder = paren.this, paren.parent
        called = isinstance(inner, exp.Func) and not isinstance(inner, exp.Binary)
        alone = isinstance(holder, exp.Where | exp.Having | exp.Alias)
        if _needless_in(holder) and (isinstance(inner, _ATOMS) or called or alone):
            paren.replace(inner)
    for node in list(tree.find_all(*_FLIPPED)):
        flipped = _FLIPPED[type(node)](this=node.expression, expression=node.this)
        flipped.type = node.type
        node.replace(flipped)
    for node in list(tree.find_all(exp.EQ, exp.NEQ)):
        left, right = node.this, node.expression
        if left.sql(dialect) > right.sql(dialect):
            node.set("this", right)
            node.set("expression", left)
    for node in reversed(list(tree.find_all(exp.And, exp.Or))):
        if type(node.parent) is not type(node):
            _sort(node, dialect)
    return tree


def _sort(node: exp.Connector, dialect: str) -> None:
    parts = [p.unnest() if isinstance(p.unnest(), type(node)) else p for p in node.flatten(unnest=False)]
    if not all(is_total(part, dialect) for part in parts):
        return
    ordered = sorted(parts, key=lambda part: part.sql(dialect))
    made = ordered[0].copy()
    for part in ordered[1:]:
        made = type(node)(this=made, expression=part.copy())
    node.set("this", made.this)
    node.set("expression", made.expression)
