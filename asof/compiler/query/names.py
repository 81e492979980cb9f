"""Every table and column that a query names is looked up, and every one that is not there is reported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

from asof.compiler.query import rules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asof.compiler.query.catalog import Catalog
    from asof.compiler.query.findings import Findings

_FILES = (exp.Func, exp.Anonymous)


@dataclass(frozen=True, slots=True)
class _Shape:
    """The columns of one thing in a FROM clause; ``open`` where there may be others than these."""

    columns: tuple[str, ...] = ()
    open: bool = False


_OPEN = _Shape(open=True)


def check_names(tree: exp.Query, catalog: Catalog, findings: Findings) -> None:
    """Report unknown tables, unknown and ambiguous columns, and set operations of unequal width.

    ``tree`` has normalised identifiers. What depends on an unknown table is not reported again.
    """
    _Names(catalog, findings).check(tree)


class _Names:
    def __init__(self, catalog: Catalog, findings: Findings) -> None:
        self.catalog = catalog
        self.findings = findings
        self.outputs: dict[int, _Shape] = {}
        self.shapes: dict[int, Mapping[str, _Shape]] = {}

    def check(self, tree: exp.Query) -> None:
        scopes = traverse_scope(tree)
        for scope in scopes:
            self.shapes[id(scope)] = {name: self.shape(name, scope) for name in scope.sources}
            self.outputs[id(scope)] = self.output(scope)
        for scope in scopes:
            for column in scope.find_all(exp.Column):
                self.column(column, scope)

    def shape(self, name: str, scope: Scope) -> _Shape:
        source = scope.sources[name]
        if isinstance(source, Scope):
            known = self.outputs.get(id(source), _OPEN)
            return self.renamed(known, source.expression.parent)
        if scope.expression.find(exp.Pivot):
            return _OPEN
        return self.renamed(self.table(source), source) if isinstance(source, exp.Table) else _OPEN

    def renamed(self, shape: _Shape, holder: exp.Expr | None) -> _Shape:
        """``FROM t AS x(a, b)`` names the first columns anew."""
        names = tuple(holder.alias_column_names) if isinstance(holder, exp.DerivedTable | exp.CTE | exp.Table) else ()
        return _Shape(names + shape.columns[len(names) :], shape.open) if names else shape

    def table(self, table: exp.Table) -> _Shape:
        if isinstance(table.this, _FILES):
            message = "declare a DataSource for it: then its columns are known and its times are kept"
            self.findings.add(rules.PHYSICAL_TABLE, table, "a query cannot read files or call table functions", message)
            return _OPEN
        if table.db:
            self.findings.add(
                rules.PHYSICAL_TABLE,
                table,
                f"{table.db}.{table.name} is a table of a database",
                "declare a DataSource with this table and read that",
            )
            return _OPEN
        found = self.catalog.table(table.name)
        if found is None:
            known = [d.name for d in self.catalog.names.values()]
            message = f"there is no source or view {table.name!r}"
            self.findings.misspelt(rules.UNKNOWN_TABLE, table.this, message, table.name, known)
            return _OPEN
        if found.refusal:
            self.findings.add(rules.UNREADABLE_TABLE, table.this, f"{found.name!r}: {found.refusal}")
            return _OPEN
        return _OPEN if found.columns is None else _Shape(tuple(found.columns))

    def output(self, scope: Scope) -> _Shape:
        query = scope.expression
        if isinstance(query, exp.SetOperation):
            left, right = (self.outputs.get(id(s), _OPEN) for s in (scope.set_operation_scopes or (None, None)))
            if not (left.open or right.open or query.args.get("by_name")) and len(left.columns) != len(right.columns):
                message = f"the first half yields {len(left.columns)} columns, the second {len(right.columns)}"
                self.findings.add(rules.UNION_WIDTH, query.expression, message)
            return left
        if not isinstance(query, exp.Select):
            return _OPEN
        names: list[str] = []
        for item in query.expressions:
            if item.is_star:
                star = self.star(item, scope)
                if star.open:
                    return _OPEN
                names.extend(star.columns)
            elif isinstance(item, exp.Columns | exp.Aliases):
                return _OPEN
            else:
                names.append(item.alias_or_name)
        return _Shape(tuple(names))

    def star(self, item: exp.Expr, scope: Scope) -> _Shape:
        star = item.this if isinstance(item, exp.Column) else item
        if not isinstance(star, exp.Star) or star.args.get("except_") or star.args.get("rename"):
            return _OPEN
        shapes = self.shapes[id(scope)]
        of = item.table if isinstance(item, exp.Column) else ""
        chosen = [shapes[of]] if of in shapes else list(shapes.values()) if not of else [_OPEN]
        joined = {i.name for j in scope.expression.args.get("joins") or () for i in j.args.get("using") or ()}
        if any(s.open for s in chosen) or any(j.method == "NATURAL" for j in scope.expression.args.get("joins") or ()):
            return _OPEN
        names: list[str] = []
        for shape in chosen:
            names.extend(c for c in shape.columns if not (c in joined and c in names))
        return _Shape(tuple(names))

    def column(self, column: exp.Column, scope: Scope) -> None:
        if isinstance(column.this, exp.Star):
            if column.table and not self.visible(column.table, scope):
                self.unknown_qualifier(column, scope)
            return
        if column.table:
            self.qualified(column, scope)
        else:
            self.unqualified(column, scope)

    def visible(self, name: str, scope: Scope | None) -> _Shape | None:
        """The shape of the table ``name``, here or (for correlated subqueries) further out."""
        while scope is not None:
            if name in self.shapes[id(scope)]:
                return self.shapes[id(scope)][name]
            scope = scope.parent
        return None

    def qualified(self, column: exp.Column, scope: Scope) -> None:
        shape = self.visible(column.table, scope)
        if shape is None:
            if not self.owners(column.table, scope):
                self.unknown_qualifier(column, scope)
        elif not shape.open and column.name not in shape.columns:
            message = f"{column.table!r} has no column {column.name!r}"
            self.findings.misspelt(rules.UNKNOWN_COLUMN, column.this, message, column.name, shape.columns)

    def unknown_qualifier(self, column: exp.Column, scope: Scope) -> None:
        known = sorted(self.shapes[id(scope)])
        hint = f"this query reads {', '.join(known)}" * bool(known)
        message = f"{column.table!r} is not a table of this query"
        self.findings.misspelt(rules.UNKNOWN_TABLE, column.args["table"], message, column.table, known, hint)

    def owners(self, name: str, scope: Scope) -> list[str]:
        shapes = self.shapes[id(scope)]
        return [table for table, shape in shapes.items() if name in shape.columns]

    def unqualified(self, column: exp.Column, scope: Scope) -> None:
        name = column.name
        owners = self.owners(name, scope)
        if len(owners) > 1:
            if not self.shared(name, scope) and not self.is_alias(column, scope):
                tables = " and ".join(owners)
                hint = f"write {owners[0]}.{name} or {owners[1]}.{name}"
                self.findings.add(rules.AMBIGUOUS_COLUMN, column, f"{name!r} is a column of {tables}", hint)
            return
        if owners or self.is_alias(column, scope) or self.outer(name, scope):
            return
        columns = [c for shape in self.shapes[id(scope)].values() for c in shape.columns]
        tables = ", ".join(sorted(self.shapes[id(scope)]))
        message = f"no table of this query has a column {name!r}" + (f" (it reads {tables})" if tables else "")
        self.findings.misspelt(rules.UNKNOWN_COLUMN, column, message, name, columns)

    def shared(self, name: str, scope: Scope) -> bool:
        joins = scope.expression.args.get("joins") or ()
        return any(j.method == "NATURAL" or name in {i.name for i in j.args.get("using") or ()} for j in joins)

    def is_alias(self, column: exp.Column, scope: Scope) -> bool:
        """An output column by its name: allowed where the dialect looks there."""
        query = scope.expression
        if not isinstance(query, exp.Select):
            return isinstance(query, exp.SetOperation) and column.name in query.named_selects
        aliases = [item for item in query.expressions if isinstance(item, exp.Alias) and item.alias == column.name]
        if not aliases or column.find_ancestor(exp.Alias) is aliases[0]:
            return False
        clause = column.find_ancestor(exp.Order, exp.Group, exp.Select)
        return self.catalog.dialect != "postgres" or isinstance(clause, exp.Order | exp.Group)

    def outer(self, name: str, scope: Scope) -> bool:
        """A whole row, an open table's column, or a column of an enclosing query."""
        at: Scope | None = scope
        while at is not None:
            shapes = self.shapes[id(at)]
            if name in shapes or any(s.open or name in s.columns for s in shapes.values()):
                return True
            at = at.parent
        return False
