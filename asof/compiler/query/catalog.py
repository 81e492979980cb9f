"""What the tables of definitions are: the columns that a repo's sources and views show to SQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot.dialects.dialect import Dialect, NormalizationStrategy

from asof.compiler import stored, types
from asof.compiler.model import DataSource, FeatureView, OnDemandFeatureView

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from asof.compiler.model import AnyDefinition, Repo
    from asof.compiler.query.analysis import Analysis
    from asof.compiler.types import Type


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One readable table. ``columns`` is None where its source declares none: any name may be right then.

    ``refusal`` says why SQL cannot read it; such a table has no columns.
    """

    name: str
    address: str
    columns: Mapping[str, Type | None] | None
    refusal: str = ""


class Catalog:
    """The tables of one repo, looked up by name in the case rules of its dialect, each made once."""

    def __init__(self, repo: Repo) -> None:
        self.repo = repo
        self.dialect = repo.project.sql_dialect
        strategy = Dialect.get_or_raise(self.dialect).normalization_strategy
        self._folds = strategy is NormalizationStrategy.CASE_INSENSITIVE
        self.analyses: dict[str, Analysis] = {}
        self._tables: dict[str, Table] = {}
        self._names: dict[str, AnyDefinition] | None = None

    def fold(self, name: str) -> str:
        """``name`` as this dialect compares it once quotes are gone."""
        return name.lower() if self._folds else name

    @property
    def names(self) -> Mapping[str, AnyDefinition]:
        """Folded name -> definition, of every source and view. A view hides a source of its name."""
        if self._names is None:
            kinds = (DataSource, FeatureView, OnDemandFeatureView)
            found = sorted((d for d in self.repo.definitions.values() if isinstance(d, kinds)), key=_views_last)
            self._names = {self.fold(d.name): d for d in found}
        return self._names

    def table(self, name: str) -> Table | None:
        """The table of that (folded) name, with folded column names; None if there is none."""
        if name not in self._tables:
            definition = self.names.get(name)
            if definition is None:
                return None
            # A cycle of views is reported by the reference checks; here its tables merely stay open.
            self._tables[name] = Table(name=definition.name, address=definition.address, columns=None)
            self._tables[name] = self._made(definition)
        return self._tables[name]

    def schema(self, tables: Iterable[str]) -> dict[str, Mapping[str, Type | None]]:
        """The columns of those of ``tables``, (folded) names, that declare any."""
        found = {name: self.table(name) for name in tables}
        return {name: table.columns for name, table in found.items() if table and table.columns is not None}

    def _made(self, definition: AnyDefinition) -> Table:
        refusal, columns = "", None
        if isinstance(definition, DataSource):
            refusal, columns = self._of_source(definition)
        elif isinstance(definition, FeatureView):
            refusal, columns = self._of_view(definition)
        else:
            refusal = "an on-demand view is computed when asked for and has no rows"
        if columns is not None:
            columns = {self.fold(n): t for n, t in columns.items()}
        return Table(name=definition.name, address=definition.address, columns=columns, refusal=refusal)

    def _of_source(self, source: DataSource) -> tuple[str, dict[str, Type | None] | None]:
        if source.type == "request":
            return "a request source holds what a caller sends and has no rows", None
        batch = source
        if source.type != "batch":
            found = self.repo.source(source.batch_source) if source.batch_source else None
            if not source.batch_source and not any((source.location.path, source.location.table)):
                return f"a {source.type} source without a batch_source keeps no history to read", None
            batch = source if source.columns or found is None else found
        if not batch.columns:
            return "", None
        return "", dict(stored.view_columns(batch))

    def _of_view(self, view: FeatureView) -> tuple[str, dict[str, Type | None] | None]:
        if view.aggregations:
            return (
                "windowed aggregations have a value only for a point in time, so they cannot be read as a table",
                None,
            )
        columns: dict[str, Type | None] = {}
        for name in view.entities:
            entity = self.repo.entity(name)
            if entity is None:
                return "", None
            columns.update((key.name, key.type) for key in entity.join_keys)
        timing = view.timing
        above = self.table(self.fold(view.source)) if view.source else None
        for name in timing_columns(self.repo, view):
            columns[name] = (above.columns or {}).get(self.fold(name)) if above else None
        if timing.timestamp_field and columns.get(timing.timestamp_field) is None and not timing.timestamp_unit:
            columns[timing.timestamp_field] = types.TIMESTAMP
        columns.update((feature.name, feature.type) for feature in view.schema)
        return "", columns


def timing_columns(repo: Repo, view: FeatureView) -> tuple[str, ...]:
    """The event time and (if any) created column of a view: its own, else those of what it reads."""
    name, seen = view, set[str]()
    stamp, created = view.timing.timestamp_field, view.timing.created_timestamp_column
    while name.source and name.name not in seen and not (stamp and created):
        seen.add(name.name)
        above = repo.source(name.source) or repo.view(name.source)
        if isinstance(above, DataSource | FeatureView):
            stamp = stamp or above.timing.timestamp_field
            created = created or above.timing.created_timestamp_column
        if not isinstance(above, FeatureView):
            break
        name = above
    return tuple(column for column in (stamp, created) if column)


def _views_last(definition: AnyDefinition) -> tuple[bool, str]:
    return not isinstance(definition, DataSource), definition.name
