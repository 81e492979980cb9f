"""Spines that are queries, or that a saved dataset names, over the data sources of the repo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from asof.compiler import shape, stored, tree
from asof.compiler.diagnostics import DiagnosticError
from asof.compiler.dialects import DIALECTS
from asof.compiler.model import Column, SavedDataset
from asof.compiler.pit.request import Names
from asof.compiler.query import SqlSyntaxError, outputs_of
from asof.compiler.relation import Binder
from asof.compiler.source import NOWHERE
from asof.compiler.types import INT64, TIMESTAMP
from asof.ops.python_rows import UNREADABLE_SPINE
from asof.ops.selection import bad_request
from asof.ops.spine import read_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from asof.compiler.model import Repo
    from asof.compiler.types import Type
    from asof.engines.base import Engine


def query_rows(repo: Repo, sql: str, *, engine: Engine, target: str = "", columns: Sequence[Column] = ()) -> pa.Table:
    """The rows of a query in the repo's dialect whose tables are data sources, views or the store's own tables.

    ``columns`` declare types where the engine has none of its own (SQLite); by default what the sources declare.
    Raises DiagnosticError: AS761 for a query that does not parse, AS508 for one that does not translate, AS724 from
    the engine.
    """
    dialect = DIALECTS[engine.dialect]
    try:
        # A source is often called like its table, which the common table expression must not hide.
        ctes = tree.Ctes(dialect.identifier_length, shape.query_tables(repo, sql, target))
        binder = Binder(repo=repo, target=target, dialect=dialect, names=Names(), ctes=ctes, made={}, witnesses={})
        bound = binder.parse_query(sql, "spine")
    except SqlSyntaxError as error:
        raise DiagnosticError(UNREADABLE_SPINE.at(NOWHERE, f"the spine's query does not parse: {error}")) from error
    name = ctes.add("spine", bound, "the query of the spine")
    query = ctes.over(tree.select([exp.Star()], tree.cte(name)))
    engine.execute(dialect.prologue)
    if not columns and dialect.data_type(TIMESTAMP) == dialect.data_type(INT64):
        columns = _typed(repo, sql)
    return engine.query(query.sql(dialect=dialect.name, identify=True), columns).read_all()


def _typed(repo: Repo, sql: str) -> list[Column]:
    """The columns of the query with the types that sources declare; none unless all are known."""
    found = outputs_of(repo, sql)
    typed = [Column(name=output.name, type=output.type) for output in found if output.type is not None]
    return typed if len(typed) == len(found) else []


def dataset_rows(
    repo: Repo, name: str, *, engine: Engine, root: Path, target: str = "", kinds: Mapping[str, Type] | None = None
) -> pa.Table:
    """The spine of a saved dataset with its labels, as the dataset defines it.

    ``kinds`` are types of columns in a CSV file that the dataset does not declare.
    """
    dataset = saved_dataset(repo, name)
    spine = dataset.spine
    file = dataset_file(dataset, root=root, kinds=kinds)
    if file is not None:
        return file
    if spine.query:
        return query_rows(repo, spine.query, engine=engine, target=target, columns=spine.columns)
    if spine.table:
        return engine.query(f"SELECT * FROM {spine.table}", spine.columns).read_all()  # noqa: S608
    source = repo.source(spine.source)
    if source is None:
        raise bad_request(f"saved dataset {name!r} has no spine that can be read")
    columns = [Column(name=name, type=kind) for name, kind in stored.view_columns(source).items()]
    typed = columns if len(columns) == len(stored.stored_columns(source)) else ()
    return query_rows(repo, f'SELECT * FROM "{source.name}"', engine=engine, target=target, columns=typed)  # noqa: S608


def dataset_file(dataset: SavedDataset, *, root: Path, kinds: Mapping[str, Type] | None = None) -> pa.Table | None:
    """The spine of a saved dataset where it is a file, which takes no engine to read."""
    spine = dataset.spine
    if not spine.path:
        return None
    return read_table(spine.path, root=root, kinds={**(kinds or {}), **{c.name: c.type for c in spine.columns}})


def saved_dataset(repo: Repo, name: str) -> SavedDataset:
    """The saved dataset of that name. Raises DiagnosticError (AS760)."""
    found = repo.dataset(name)
    if found is None:
        known = [d.name for d in repo.definitions.values() if isinstance(d, SavedDataset)]
        raise bad_request(f"there is no saved dataset {name!r}; there is {', '.join(known) or 'none'}")
    return found
