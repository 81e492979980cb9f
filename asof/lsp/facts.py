"""What a document that is being typed reads, as far as it says: columns with their types, features, SQL in scope.

The document need not be sound; the rest of the repo is the last one that could be built.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot.errors import SqlglotError

from asof.compiler import shape, stored
from asof.compiler.model import DataSource, Entity, FeatureService, FeatureView, OnDemandFeatureView
from asof.compiler.query import SqlSyntaxError, inputs, parse
from asof.compiler.query.analysis import NotUnderstoodError, normalised, outputs, qualified
from asof.compiler.query.catalog import Catalog

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from asof.compiler.model import AnyDefinition, Repo
    from asof.compiler.source import Pointer
    from asof.lsp.outline import Outline

Columns = dict[str, str]
"""Name -> type as text, "" where it is not known."""

_FROM = re.compile(r"\b(?:from|join)\s+[\"`\[]?(\w+)[\"`\]]?(?:\s+(?:as\s+)?[\"`\[]?(\w+)[\"`\]]?)?", re.IGNORECASE)
_CLAUSES = frozenset(
    {
        *("on", "where", "group", "order", "having", "limit", "window", "qualify", "union"),
        *("join", "left", "right", "inner", "full", "cross", "using", "asof"),
    }
)


def columns_of(repo: Repo, definition: AnyDefinition | None) -> Columns:
    """What may be named of an object: columns of a source, keys and features of a view, keys of an entity."""
    found: Columns = {}
    if isinstance(definition, DataSource):
        history = definition if definition.columns else stored.batch_source(repo, definition)
        for _, name, kind in stored.stored_columns(history):
            found[name] = str(kind) if kind is not None else ""
    elif isinstance(definition, FeatureView):
        found = {key.name: str(key.type) for key in shape.join_keys(repo, definition)}
        found |= features_of(repo, definition)
    elif isinstance(definition, OnDemandFeatureView):
        found = features_of(repo, definition)
    elif isinstance(definition, Entity):
        found = {key.name: str(key.type) for key in definition.join_keys}
    elif isinstance(definition, FeatureService):
        for item in definition.features:
            view = repo.view(item.view)
            if view is not None:
                kinds = features_of(repo, view)
                names = shape.named_features(view, item, full_feature_names=definition.full_feature_names)
                found |= {shown: kinds.get(name, "") for name, shown in names}
    return found


def features_of(repo: Repo, view: FeatureView | OnDemandFeatureView) -> Columns:
    """The features of a view and their types."""
    try:
        return {name: str(kind) for name, kind in shape.feature_types(repo, view).items()}
    except (KeyError, ValueError):  # a view of a broken repo
        return dict.fromkeys(shape.features(view), "")


def rows(repo: Repo, name: str) -> Columns:
    """The columns of what ``name`` is to SQL and to views; a view shows its event time too."""
    catalog = Catalog(repo)
    table = catalog.table(catalog.fold(name))
    if table is not None and table.columns is not None:
        return {column: str(kind) if kind is not None else "" for column, kind in table.columns.items()}
    return columns_of(repo, repo.source(name) or repo.view(name))


def read_columns(repo: Repo, document: Outline) -> Columns:
    """The columns that a document reads: of its source, of its query's output, of all its sources."""
    pointer = ("spine", "query") if document.kind == "SavedDataset" else ("query",)
    query = sql_text(document, pointer)
    if query:
        return query_outputs(repo, query)
    if document.kind == "OnDemandFeatureView":
        found: Columns = {}
        for name in document.items("sources"):
            found |= columns_of(repo, repo.source(name) or repo.view(name))
        return found
    if document.kind == "SavedDataset":
        return rows(repo, document.scalar("spine", "source"))
    name = document.scalar("source") or document.scalar("stream")
    view = repo.view(name)
    if repo.source(name) is None and isinstance(view, FeatureView):
        try:
            inner = {column: str(kind) for column, kind in shape.column_types(repo, view).items()}
        except (KeyError, ValueError):
            inner = {}
        return columns_of(repo, view) | inner
    return rows(repo, name)


def own_columns(document: Outline) -> Columns:
    """The columns that a document declares itself."""
    found: Columns = {}
    for entry in document.entries:
        match entry.pointer:
            case ("columns" | "schema" | "join_keys" as key, int() as at, "name"):
                found[document.text[slice(*entry.value)]] = document.scalar(key, at, "type")
    return found


def query_outputs(repo: Repo, query: str) -> Columns:
    """The output columns of a query, types where they are known; nothing while it cannot be understood."""
    catalog = Catalog(repo)
    try:
        tree = normalised(parse(query, catalog.dialect), catalog.dialect)
        known = catalog.schema(inputs(tree))
        found = outputs(qualified(tree, known, catalog.dialect), known)
    except (SqlSyntaxError, SqlglotError, NotUnderstoodError):
        return {}
    return {one.name: str(one.type) if one.type is not None else "" for one in found}


def sql_text(document: Outline, pointer: Pointer) -> str:
    """The text at ``pointer`` as SQL: of a block text its lines, of others what stands there."""
    return document.scalar(*pointer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What can be written at a place in SQL: names of tables, and columns by name."""

    tables: tuple[str, ...]
    columns: Mapping[str, str]
    wants_table: bool


def sql_words(repo: Repo, text: str, before: str) -> Words:
    """What may follow ``before`` in the query ``text``, which need not be whole."""
    tables = tuple(sorted({d.name for d in repo.definitions.values() if isinstance(d, DataSource | FeatureView)}))
    read = _tables_in(text)
    qualifier = re.search(r"(\w+)\.\w*$", before)
    if qualifier is not None:
        name = read.get(qualifier[1].lower(), qualifier[1])
        return Words(tables=(), columns=rows(repo, name), wants_table=False)
    wants_table = re.search(r"\b(?:from|join)\s+\w*$", before, re.IGNORECASE) is not None
    columns: Columns = {}
    for name in dict.fromkeys(read.values()):
        columns |= rows(repo, name)
    return Words(tables=tables, columns={} if wants_table else columns, wants_table=wants_table)


def _tables_in(text: str) -> dict[str, str]:
    """Alias or name in lower case -> table, for each FROM and JOIN."""
    found: dict[str, str] = {}
    for table, alias in _FROM.findall(text):
        found[table.lower()] = table
        if alias and alias.lower() not in _CLAUSES:
            found[alias.lower()] = table
    return found


def objects(repo: Repo, kinds: Iterable[str]) -> tuple[AnyDefinition, ...]:
    """The objects of some kinds, by name."""
    wanted = frozenset(kinds)
    return tuple(sorted((d for d in repo.definitions.values() if d.kind in wanted), key=lambda d: d.name))
