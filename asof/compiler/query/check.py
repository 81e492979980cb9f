"""Every piece of SQL in a repo, checked: AS4xx, each at its own line and column."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.optimizer.normalize_identifiers import normalize_identifiers

from asof.compiler.diagnostics import in_order, nearest
from asof.compiler.model import DataSource, FeatureView, OnDemandFeatureView, SavedDataset
from asof.compiler.query import functions, leaks, rules, semantics
from asof.compiler.query.analysis import Analysis, NotUnderstoodError, Output, normalised, outputs, qualified
from asof.compiler.query.casts import cast_of
from asof.compiler.query.catalog import Catalog, timing_columns
from asof.compiler.query.fields import with_fields
from asof.compiler.query.findings import Findings
from asof.compiler.query.names import check_names
from asof.compiler.query.sql_types import fits, of_sql
from asof.compiler.query.syntax import SqlSyntaxError, inputs, parse, parse_expression

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from asof.compiler.diagnostics import Diagnostic
    from asof.compiler.model import Repo
    from asof.compiler.types import Type

Pointer = tuple["str | int", ...]
Scope = dict[tuple[str, str], "Type | None"]
"""(qualifier, column) -> type: what a scalar expression may name; "" qualifies nothing."""
_ROW = "_row"


def check_sql(repo: Repo) -> tuple[Diagnostic, ...]:
    """Everything that is wrong with the SQL in the definitions of ``repo``, in reading order."""
    catalog = Catalog(repo)
    found: list[Diagnostic] = []
    for definition in repo.definitions.values():
        if isinstance(definition, DataSource):
            found += _check_source(catalog, definition)
        elif isinstance(definition, FeatureView):
            if definition.query:
                found += analyse_view(repo, definition, catalog)[1]
            found += _check_wheres(catalog, definition)
            found += leaks.windows_beyond_ttl(repo, definition)
        elif isinstance(definition, OnDemandFeatureView):
            found += _check_on_demand(catalog, definition)
    for definition in repo.definitions.values():
        if isinstance(definition, SavedDataset) and definition.spine.query:
            analysis, wrong = analyse_spine(repo, definition, catalog)
            found += [*wrong, *leaks.labels_in_features(catalog, definition, analysis)]
    return in_order(found)


def analyse_view(
    repo: Repo, view: FeatureView, catalog: Catalog | None = None
) -> tuple[Analysis | None, tuple[Diagnostic, ...]]:
    """What the view's query means, and what is wrong with it; no analysis where it has none or cannot be resolved."""
    if not view.query:
        return None, ()
    catalog = catalog or Catalog(repo)
    findings = Findings(repo, view.address, ("query",), view.query)
    analysis = _analyse(catalog, view.query, findings)
    if analysis is not None:
        catalog.analyses[view.name] = analysis
        for name, declared, pointer in _declared(repo, view):
            _check_output(catalog, analysis, findings, (name, declared, pointer))
    return analysis, tuple(findings.found)


def analyse_spine(
    repo: Repo, dataset: SavedDataset, catalog: Catalog | None = None
) -> tuple[Analysis | None, tuple[Diagnostic, ...]]:
    """The same for the spine's query of a saved dataset: labels and the timestamp must be among its output."""
    catalog = catalog or Catalog(repo)
    findings = Findings(repo, dataset.address, ("spine", "query"), dataset.spine.query)
    analysis = _analyse(catalog, dataset.spine.query, findings)
    if analysis is not None:
        wanted: list[tuple[str, Type | None, Pointer]] = [(dataset.timestamp_field, None, ("timestamp_field",))]
        wanted += [(name, None, ("labels", i)) for i, name in enumerate(dataset.labels)]
        wanted += [(c.name, c.type, ("spine", "columns", i)) for i, c in enumerate(dataset.spine.columns)]
        for declared in wanted:
            _check_output(catalog, analysis, findings, declared)
    return analysis, tuple(findings.found)


def outputs_of(repo: Repo, text: str) -> tuple[Output, ...]:
    """The columns that a query over sources and views gives; none where it cannot be resolved."""
    analysis = _analyse(Catalog(repo), text, Findings(repo, "", (), text))
    return analysis.outputs if analysis else ()


def _analyse(catalog: Catalog, text: str, findings: Findings) -> Analysis | None:
    dialect = catalog.dialect
    try:
        query = parse(text, dialect)
    except SqlSyntaxError as error:
        _add_syntax(findings, error)
        return None
    semantics.check_text(query, dialect, findings)
    semantics.check_stars(query, findings)
    tree = normalised(query, dialect)
    before = len(findings.found)
    check_names(tree, catalog, findings)
    if len(findings.found) > before:
        return None
    tables = inputs(tree)
    schema = catalog.schema(tables)
    try:
        resolved = qualified(tree, schema, dialect, copy=False)
    except NotUnderstoodError as error:
        findings.add(rules.UNRESOLVED, None, str(error))
        return None
    semantics.check_conditions(resolved, findings)
    semantics.check_types(resolved, dialect, findings)
    semantics.check_aggregates(resolved, findings)
    _check_repeated(resolved, findings)
    volatile = [*functions.clocks(query, dialect), *functions.volatiles(query)]
    return Analysis(
        query=resolved,
        outputs=outputs(resolved, schema),
        inputs=tuple(sorted(table.name for name in tables if (table := catalog.table(name)))),
        volatile=tuple(node.sql(dialect) for node in volatile),
    )


def _check_repeated(query: exp.Query, findings: Findings) -> None:
    seen: set[str] = set()
    for item in query.selects:
        name = item.alias_or_name
        if name in seen:
            findings.add(rules.REPEATED_OUTPUT, item, f"there is a column {name!r} already: name this one with AS")
        seen.add(name)


def _declared(repo: Repo, view: FeatureView) -> list[tuple[str, Type | None, Pointer]]:
    """What a view's query must yield: (column, type or None, where it is declared)."""
    wanted: dict[str, tuple[str, Type | None, Pointer]] = {}
    for i, name in enumerate(view.entities):
        entity = repo.entity(name)
        for key in entity.join_keys if entity else ():
            wanted.setdefault(key.name, (key.name, key.type, ("entities", i)))
    for name, field in zip(timing_columns(repo, view), ("timestamp_field", "created_timestamp_column"), strict=False):
        wanted.setdefault(name, (name, None, (field,)))
    for i, name in enumerate(view.timing.unique):
        wanted.setdefault(name, (name, None, ("unique", i)))
    for i, feature in enumerate(view.schema):
        wanted[feature.name] = (feature.name, feature.type, ("schema", i, "type"))
    for i, aggregation in enumerate(view.aggregations):
        for field, name in (("column", aggregation.column), ("by", aggregation.by)):
            if name:
                wanted.setdefault(name, (name, None, ("aggregations", i, field)))
    return list(wanted.values())


def _check_output(
    catalog: Catalog, analysis: Analysis, findings: Findings, declared: tuple[str, Type | None, Pointer]
) -> None:
    name, wanted, pointer = declared
    output = analysis.output(catalog.fold(name))
    if any(item.is_star for item in analysis.query.selects):
        return
    if output is None:
        hint = nearest(name, [o.name for o in analysis.outputs])
        findings.elsewhere(rules.MISSING_OUTPUT, pointer, f"the query yields no column {name!r}", hint)
    elif wanted is not None and output.type is None:
        message = f"the type of {name!r} cannot be inferred; {wanted} is taken on trust"
        findings.elsewhere(rules.UNKNOWN_TYPE, pointer, message)
    elif wanted is not None and output.type is not None and not fits(output.type, wanted):
        if catalog.dialect == "sqlite":
            return
        item = next(i for i in analysis.query.selects if i.alias_or_name == output.name)
        cast = f"write {cast_of(findings, item, wanted, catalog.dialect)}"
        findings.add(rules.OUTPUT_TYPE, item, f"{name!r} is {output.type} here and {wanted} where it is declared", cast)


def _check_source(catalog: Catalog, source: DataSource) -> list[Diagnostic]:
    found: list[Diagnostic] = []
    texts: list[tuple[str, Pointer]] = [(source.location.query, ("query",))]
    texts += [(location.query, ("targets", target, "query")) for target, location in source.targets]
    for text, pointer in texts:
        if text:
            findings = Findings(catalog.repo, source.address, pointer, text)
            try:
                parse(text, catalog.dialect)
            except SqlSyntaxError as error:
                _add_syntax(findings, error)
            found += findings.found
    return found


def _check_wheres(catalog: Catalog, view: FeatureView) -> list[Diagnostic]:
    wheres = [(i, a.where) for i, a in enumerate(view.aggregations) if a.where]
    if not wheres:
        return []
    columns: Mapping[str, Type | None] | None = None
    if view.source:
        table = catalog.table(catalog.fold(view.source))
        columns = table.columns if table else None
    elif view.query:
        analysis = catalog.analyses.get(view.name)
        columns = {o.name: o.type for o in analysis.outputs} if analysis else None
    scope = None if columns is None else {("", name): kind for name, kind in columns.items()}
    found: list[Diagnostic] = []
    for i, where in wheres:
        findings = Findings(catalog.repo, view.address, ("aggregations", i, "where"), where)
        tree = analyse_expression(where, catalog, scope, findings)
        if tree is not None:
            semantics.check_boolean(tree, findings, "where")
        found += findings.found
    return found


def _check_on_demand(catalog: Catalog, view: OnDemandFeatureView) -> list[Diagnostic]:
    scope = _on_demand_scope(catalog, view)
    found: list[Diagnostic] = []
    for i, feature in enumerate(view.features):
        findings = Findings(catalog.repo, view.address, ("features", i, "expression"), feature.expression)
        tree = analyse_expression(feature.expression, catalog, scope, findings)
        kind = of_sql(tree.type) if tree is not None else None
        if tree is not None and kind and not fits(kind, feature.type) and catalog.dialect != "sqlite":
            cast = f"write {cast_of(findings, tree, feature.type, catalog.dialect)}"
            findings.add(rules.OUTPUT_TYPE, tree, f"{feature.name!r} is {kind} here and declared {feature.type}", cast)
        found += findings.found
    return found


def _on_demand_scope(catalog: Catalog, view: OnDemandFeatureView) -> Scope | None:
    """What on-demand expressions may name; None where an input is unknown (reported by the reference checks)."""
    scope: Scope = {}
    for name in view.sources:
        columns: dict[str, Type | None] = {}
        found = catalog.repo.view(name) or catalog.repo.source(name)
        if isinstance(found, FeatureView):
            columns = {c.name: c.type for c in found.schema}
            columns |= {a.feature_name(w): None for a in found.aggregations for w in a.windows}
        elif isinstance(found, OnDemandFeatureView):
            columns = {f.name: f.type for f in found.features}
        elif isinstance(found, DataSource):
            columns = {c.name: c.type for c in found.columns}
        else:
            return None
        for column, kind in columns.items():
            scope[(catalog.fold(name), catalog.fold(column))] = kind
    return scope


def analyse_expression(text: str, catalog: Catalog, scope: Scope | None, findings: Findings) -> exp.Expr | None:
    """The typed tree of a scalar expression; None (and findings) where it is wrong or ``scope`` is not known."""
    dialect = catalog.dialect
    try:
        tree = parse_expression(text, dialect)
    except SqlSyntaxError as error:
        _add_syntax(findings, error)
        return None
    semantics.check_text(tree, dialect, findings)
    refused = (exp.AggFunc, exp.Query, exp.Window, exp.Explode, exp.Unnest)
    for node in tree.find_all(*refused):
        if node.find_ancestor(*refused) is None:
            what = "an aggregate" if isinstance(node, exp.AggFunc) else f"a {type(node).__name__.lower()}"
            findings.add(rules.NOT_ROW_LOCAL, node, f"{what} has no place here: only the columns of one row do")
            return None
    if not scope:
        return None
    known = {name for _, name in scope}
    tree = normalize_identifiers(tree, dialect=dialect)
    tree = with_fields(tree, lambda table, name: (table, name) in scope or (not table and name in known))
    before = len(findings.found)
    for column in list(tree.find_all(exp.Column)):
        _resolve(column, scope, findings)
    if len(findings.found) > before:
        return None
    typed = _typed(tree, scope, dialect)
    semantics.check_types(typed, dialect, findings)
    return typed


def _typed(tree: exp.Expr, scope: Scope, dialect: str) -> exp.Expr:
    """The tree with types: those of its columns are found by selecting it from what it reads."""
    schema: dict[str, dict[str, Type | None]] = {}
    for (table, name), kind in scope.items():
        schema.setdefault(table or _ROW, {})[name] = kind
    return qualified(_crossed(tree, schema), schema, dialect).selects[0].unalias()


def _crossed(tree: exp.Expr, tables: Iterable[str]) -> exp.Select:
    first, *rest = tables
    query = exp.Select(expressions=[tree]).from_(exp.to_table(first))
    for table in rest:
        query = query.join(exp.to_table(table), join_type="cross")
    return query


def _resolve(column: exp.Column, scope: Scope, findings: Findings) -> None:
    owners = [q for q, name in scope if name == column.name and column.table in ("", q)]
    if len(owners) == 1:
        column.set("table", exp.to_identifier(owners[0] or _ROW))
    elif owners:
        hint = f"write {owners[0]}.{column.name} or {owners[1]}.{column.name}"
        findings.add(rules.AMBIGUOUS_COLUMN, column, f"{column.name!r} is a column of {' and '.join(owners)}", hint)
    else:
        known = [name for q, name in scope if column.table in ("", q)]
        written = f"{column.table}.{column.name}" if column.table else column.name
        message = f"there is no column {written!r} here"
        if known:
            findings.misspelt(rules.UNKNOWN_COLUMN, column, message, column.name, known)
        else:
            hint = nearest(column.table, [q for q, _ in scope if q])
            findings.add(rules.UNKNOWN_COLUMN, column, message, hint)


def _add_syntax(findings: Findings, error: SqlSyntaxError) -> None:
    lines = findings.text.split("\n")
    start = sum(len(line) + 1 for line in lines[: error.line - 1]) + error.column - 1
    findings.add_at(rules.SYNTAX, start, start + error.length, error.message)
