"""What definitions say together: where a view's rows come from, their times, keys and types, its features."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asof.compiler import types
from asof.compiler.features import result_type
from asof.compiler.model import Column, DataSource, Entity, FeatureView, OnDemandFeatureView, StreamFeatureView
from asof.compiler.query import SqlSyntaxError, analyse_view, outline
from asof.compiler.stored import batch_source, timing_for_views, used_name, view_columns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asof.compiler.model import Aggregation, AnyDefinition, Repo, ServiceItem, Timing, Window
    from asof.compiler.types import Type


def upstream(repo: Repo, view: FeatureView) -> FeatureView:
    """The view whose rows ``view`` reads: itself, or along ``source`` as far as that names views."""
    seen: set[str] = set()
    while not view.query and view.name not in seen:
        seen.add(view.name)
        further = repo.view(view.source)
        if repo.source(view.source) is not None or not isinstance(further, FeatureView):
            break
        view = further
    return view


def source_of(repo: Repo, view: FeatureView) -> DataSource:
    """The batch source of a view without a query. Raises KeyError where the definitions do not check."""
    name = view.source or (view.stream if isinstance(view, StreamFeatureView) else "")
    source = repo.source(name)
    if source is None:
        raise KeyError(f"{view.address} has no source")
    return batch_source(repo, source)


def timing_of(repo: Repo, view: FeatureView) -> Timing:
    """When the rows of a view happened: a query says so itself, a source for its views."""
    base = upstream(repo, view)
    return base.timing if base.query else timing_for_views(source_of(repo, base))


def partition_of(repo: Repo, view: FeatureView) -> Column | None:
    """The column by whose date the source of a view is partitioned, by the name that views use; None for queries."""
    base = upstream(repo, view)
    source = None if base.query else source_of(repo, base)
    if source is None or not source.date_partition_column:
        return None
    name = used_name(source, source.date_partition_column)
    kind = view_columns(source).get(name)
    return None if kind not in (types.DATE, types.STRING) else Column(name=name, type=kind)


def join_keys(repo: Repo, view: FeatureView) -> tuple[Column, ...]:
    """The join keys of the view's entities, in order; none for a view without entities."""
    entities = [repo.entity(name) for name in view.entities]
    return tuple(key for entity in entities if entity is not None for key in entity.join_keys)


def column_types(repo: Repo, view: FeatureView) -> Mapping[str, Type]:
    """Types of the columns that a view reads, as far as definitions tell, by the names it uses."""
    known = _declared_types(repo, view)
    return {**computed_types(repo, view), **known} if upstream(repo, view).query else known


def computed_types(repo: Repo, view: FeatureView) -> Mapping[str, Type]:
    """Types of what ``view`` aggregates and the query that it reads computes, which only an analysis of it tells.

    What that cannot tell, and what definitions tell themselves, is left out.
    """
    base = upstream(repo, view)
    wanted = {name for a in view.aggregations for name in (a.column, a.by) if name} if base.query else set()
    if wanted:
        wanted -= _declared_types(repo, view).keys()
    types_of = _COMPUTED.of(repo, base) if wanted else {}
    return {name: types_of[name] for name in sorted(wanted) if name in types_of}


def _declared_types(repo: Repo, view: FeatureView) -> Mapping[str, Type]:
    base = upstream(repo, view)
    if not base.query:
        return view_columns(source_of(repo, base))
    try:
        query = outline(base.query, repo.project.sql_dialect)
    except SqlSyntaxError:
        return {}
    passed: dict[str, Type] = {}
    for name in query.tables:
        source = repo.source(name)
        read = repo.view(name)
        if source is not None:
            passed |= view_columns(batch_source(repo, source))
        elif isinstance(read, FeatureView):
            passed |= column_types(repo, read)
    typed = {name: passed.get(column) for name, column in query.columns if column}
    declared = {c.name: c.type for c in base.schema}
    return {name: kind for name, kind in typed.items() if kind is not None} | declared


class _Computed:
    """Types of the outputs of queries, kept for one repo at a time."""

    def __init__(self) -> None:
        self.repo: Repo | None = None
        self.known: dict[str, Mapping[str, Type]] = {}

    def of(self, repo: Repo, view: FeatureView) -> Mapping[str, Type]:
        if self.repo is not repo:
            self.repo, self.known = repo, {}
        if view.address not in self.known:
            analysis, _ = analyse_view(repo, view)
            outputs = analysis.outputs if analysis is not None else ()
            self.known[view.address] = {output.name: output.type for output in outputs if output.type is not None}
        return self.known[view.address]


_COMPUTED = _Computed()


def features(view: FeatureView | OnDemandFeatureView) -> tuple[str, ...]:
    """The names of a view's features, in declared order."""
    if isinstance(view, OnDemandFeatureView):
        return tuple(feature.name for feature in view.features)
    windowed = tuple(a.feature_name(w) for a in view.aggregations for w in a.windows)
    return tuple(column.name for column in view.schema) + windowed


def named_features(
    view: FeatureView | OnDemandFeatureView, item: ServiceItem, *, full_feature_names: bool
) -> tuple[tuple[str, str], ...]:
    """(feature, name of its output column) of what a service asks of a view, in order; unknown features too."""
    prefix = f"{item.alias or item.view}__" if full_feature_names else ""
    chosen = [(ref.name, ref.alias or ref.name) for ref in item.features] or [(n, n) for n in features(view)]
    return tuple((name, prefix + shown) for name, shown in chosen)


def windows(view: FeatureView) -> Mapping[str, tuple[Aggregation, Window]]:
    """Feature name -> the aggregation and window behind it."""
    return {a.feature_name(w): (a, w) for a in view.aggregations for w in a.windows}


def max_age(view: FeatureView) -> int | None:
    """How long ago, in microseconds, a value of the view may have been computed when it is served; None: any time.

    Windows move on while stored values stand still: by default none stands for longer than the shortest window is.
    """
    if view.max_age is not None:
        return view.max_age.microseconds
    lengths = [window.length.microseconds for _, window in windows(view).values() if window.length is not None]
    return min(lengths, default=None)


def feature_types(repo: Repo, view: FeatureView | OnDemandFeatureView) -> Mapping[str, Type]:
    """The type of each feature. A column of unknown type is taken for float64."""
    if isinstance(view, OnDemandFeatureView):
        return {feature.name: feature.type for feature in view.features}
    kinds = column_types(repo, view)
    windowed = {name: result_type(a, kinds.get(a.column, types.FLOAT64)) for name, (a, _) in windows(view).items()}
    return {column.name: column.type for column in view.schema} | windowed


def physical_tables(repo: Repo, view: FeatureView, target: str) -> set[str]:
    """The real tables with plain names behind a view on ``target``."""
    base = upstream(repo, view)
    if not base.query:
        return location_tables(repo, source_of(repo, base), target)
    return query_tables(repo, base.query, target)


def query_tables(repo: Repo, query: str, target: str) -> set[str]:
    """The real tables with plain names behind a query over sources, views and tables of the store."""
    found: set[str] = set()
    for name in outline(query, repo.project.sql_dialect).tables:
        source, read = repo.source(name), repo.view(name)
        if source is not None:
            found |= location_tables(repo, source, target)
        elif isinstance(read, FeatureView):
            found |= physical_tables(repo, read, target)
        else:
            found.add(name)
    return found


def location_tables(repo: Repo, source: DataSource, target: str) -> set[str]:
    """The real tables with plain names that a source reads on ``target``."""
    source = batch_source(repo, source)
    location = source.location_in(target)
    if location.query:
        return set(outline(location.query, repo.project.sql_dialect).tables)
    return {location.table} if location.table else set()


def column_tags(definition: AnyDefinition) -> Mapping[str, Mapping[str, str]]:
    """The tags of columns that have any, by the names that readers use."""
    found: dict[str, tuple[tuple[str, str], ...]] = {}
    match definition:
        case DataSource():
            found = {used_name(definition, column.name): column.tags for column in definition.columns}
        case FeatureView():
            found = {column.name: column.tags for column in definition.schema}
            found |= {name: aggregation.tags for name, (aggregation, _) in windows(definition).items()}
        case OnDemandFeatureView():
            found = {feature.name: feature.tags for feature in definition.features}
        case Entity():
            found = {key.name: key.tags for key in definition.join_keys}
        case _:
            return {}
    return {name: dict(tags) for name, tags in found.items() if tags}
