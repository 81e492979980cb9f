"""Lints for what no certificate can see: labels among features, windows wider than the ttl."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asof.compiler.model import DataSource, FeatureView
from asof.compiler.query import rules
from asof.compiler.query.catalog import timing_columns
from asof.compiler.source import NOWHERE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asof.compiler.diagnostics import Diagnostic
    from asof.compiler.model import Repo, SavedDataset
    from asof.compiler.query.analysis import Analysis, TableColumn
    from asof.compiler.query.catalog import Catalog


def windows_beyond_ttl(repo: Repo, view: FeatureView) -> Iterator[Diagnostic]:
    """A latest value expires after the ttl, and yet a window of the same view counts older rows."""
    origin = repo.origins.get(view.address)
    for i, aggregation in enumerate(view.aggregations if view.ttl is not None else ()):
        for j, window in enumerate(aggregation.windows):
            if window.length is None or window.length.microseconds > view.ttl.microseconds:  # type: ignore[union-attr]
                yield rules.WINDOW_BEYOND_TTL.at(
                    origin.value("aggregations", i, "windows", j) if origin else NOWHERE,
                    f"{aggregation.feature_name(window)!r} reaches back {window.suffix}, beyond the ttl of {view.ttl}",
                    address=view.address,
                    notes=("the ttl bounds latest values only: windows are not cut by it",),
                )


def labels_in_features(catalog: Catalog, dataset: SavedDataset, analysis: Analysis | None) -> Iterator[Diagnostic]:
    """A label and a feature read the same column, and the feature may see it at the very time it is asked about.

    That is so only where the feature's event time is the very column that is the spine's, with no
    delay and no wait for the created time: a row of the spine then sees its own outcome.
    """
    repo = catalog.repo
    service = repo.service(dataset.service)
    stamp = analysis.output(catalog.fold(dataset.timestamp_field)) if analysis else None
    if service is None or analysis is None or stamp is None or not stamp.copied:
        return
    origin = repo.origins.get(dataset.address)
    for i, label in enumerate(dataset.labels):
        output = analysis.output(catalog.fold(label))
        if output is None:
            continue
        for item in service.features:
            view = repo.view(item.view)
            if not isinstance(view, FeatureView) or _waits(repo, view):
                continue
            clock, values = _reads(catalog, view)
            shared = output.lineage & values - clock
            if clock and clock <= stamp.lineage and shared:
                table, column = min(shared)
                yield rules.LABEL_LEAK.at(
                    origin.value("labels", i) if origin else NOWHERE,
                    f"label {label!r} is made from {table}.{column}, which feeds {view.name!r} at the same instant",
                    address=dataset.address,
                    notes=(f"give {table!r} a delay, or the timestamp at which {column!r} became known",),
                )


def _waits(repo: Repo, view: FeatureView) -> bool:
    timings = [view.timing]
    above = repo.source(view.source) if view.source else None
    if isinstance(above, DataSource):
        timings.append(above.timing)
    return any(t.delay.microseconds or t.visibility == "created" for t in timings)


def _reads(catalog: Catalog, view: FeatureView) -> tuple[frozenset[TableColumn], frozenset[TableColumn]]:
    """(what the event time is computed from, what the feature values are), as columns of tables."""
    stamps = [catalog.fold(name) for name in timing_columns(catalog.repo, view)[:1]]
    values = [catalog.fold(c.name) for c in view.schema]
    values += [catalog.fold(a.column) for a in view.aggregations if a.column]
    if view.source:
        table = catalog.fold(view.source)
        return frozenset((table, s) for s in stamps), frozenset((table, v) for v in values)
    analysis = catalog.analyses.get(view.name)
    if analysis is None:
        return frozenset(), frozenset()
    lineage = {o.name: o.lineage for o in analysis.outputs}
    none: frozenset[TableColumn] = frozenset()
    return (
        none.union(*(lineage.get(s, none) for s in stamps)),
        none.union(*(lineage.get(v, none) for v in values)),
    )
