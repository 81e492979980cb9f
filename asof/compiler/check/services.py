"""Services, saved datasets and tests: what is asked for must be there, under one name each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asof.compiler import shape, types
from asof.compiler.check import rules
from asof.compiler.check.scope import columns_of
from asof.compiler.diagnostics import correction
from asof.compiler.model import DataSource, FeatureService, FeatureView, OnDemandFeatureView

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asof.compiler.check.scope import Scope
    from asof.compiler.model import FeatureTest, SavedDataset, ServiceItem
    from asof.compiler.types import Type


def check_service(scope: Scope, service: FeatureService) -> None:
    """Views and features exist, keys are theirs, and every output column has one name."""
    outputs: dict[str, str] = {}
    for at, item in enumerate(service.features):
        view = scope.find("view", item.view, "features", at, "view")
        if not isinstance(view, FeatureView | OnDemandFeatureView):
            continue
        known = shape.features(view)
        for place, ref in enumerate(item.features):
            if ref.name not in known:
                _unknown_feature(scope, view.name, ref.name, known, ("features", at, "features", place))
        _check_key_map(scope, item, at, view)
        _check_outputs(scope, service, view, at, outputs)


def _unknown_feature(
    scope: Scope, view: str, name: str, known: tuple[str, ...], pointer: tuple[str | int, ...]
) -> None:
    word, safe = correction(name, known)
    message = f"the view `{view}` has no feature `{name}`"
    if not word:
        scope.report(rules.UNKNOWN, message, *pointer, hint=f"it has {', '.join(known[:8])}")
    elif scope.is_written(f"{view}:{name}", *pointer):
        scope.report(rules.UNKNOWN, message, *pointer, word=f"{view}:{word}", safe=safe)
    elif scope.is_written(name, *pointer):
        scope.report(rules.UNKNOWN, message, *pointer, word=word, safe=safe)
    else:
        scope.report(rules.UNKNOWN, message, *pointer, "name", word=word, safe=safe)


def _check_key_map(scope: Scope, item: ServiceItem, at: int, view: FeatureView | OnDemandFeatureView) -> None:
    keys = _keys_of(scope, view)
    if keys is None:
        return
    for key, _ in item.join_key_map:
        if key not in keys:
            hint = f"its join keys: {', '.join(sorted(keys))}" if keys else "it has no join keys of its own"
            message = f"`{key}` is not a join key of `{view.name}`"
            scope.report(rules.KEY_MAP, message, "features", at, "join_key_map", key, key=True, hint=hint)


def _keys_of(scope: Scope, view: FeatureView | OnDemandFeatureView) -> set[str] | None:
    """The join keys that a view is looked up by; None where something behind it could not be built."""
    if isinstance(view, FeatureView):
        known = all(scope.repo.entity(name) is not None for name in view.entities)
        return {key.name for key in shape.join_keys(scope.repo, view)} if known else None
    keys: set[str] = set()
    for name in view.sources:
        behind = scope.repo.view(name)
        if isinstance(behind, FeatureView):
            further = _keys_of(scope, behind)
            if further is None:
                return None
            keys |= further
        elif behind is not None or scope.repo.source(name) is None:
            return None
    return keys


def _check_outputs(
    scope: Scope, service: FeatureService, view: FeatureView | OnDemandFeatureView, at: int, outputs: dict[str, str]
) -> None:
    item = service.features[at]
    for feature, column in shape.named_features(view, item, full_feature_names=service.full_feature_names):
        first = outputs.setdefault(column.lower(), here := f"{item.alias or view.name}:{feature}")
        if first is not here:
            hint = "give the feature another name (`{name, as}`), or set full_feature_names: true"
            message = f"`{first}` and `{here}` would both be the column `{column}`"
            scope.report(rules.OUTPUT_CLASH, message, "features", at, hint=hint)
            return


def check_dataset(scope: Scope, dataset: SavedDataset) -> None:
    """The spine has the time and labels that are asked of it."""
    scope.find("service", dataset.service, "service")
    spine = dataset.spine
    columns: Mapping[str, Type] | None = {c.name: c.type for c in spine.columns} or None
    if spine.source:
        source = scope.find("source", spine.source, "spine", "source")
        columns = columns_of(source) if isinstance(source, DataSource) else None
    if columns is None or spine.query:
        return
    for name, pointer in (
        (dataset.timestamp_field, ("timestamp_field",)),
        *((label, ("labels", at)) for at, label in enumerate(dataset.labels)),
    ):
        if name not in columns:
            word, safe = correction(name, columns)
            safe = safe and scope.is_written(name, *pointer)
            scope.report(rules.SPINE, f"the spine has no column `{name}`", *pointer, word=word, safe=safe)
        elif pointer == ("timestamp_field",) and columns[name] not in (types.TIMESTAMP, types.DATE, *types.INTEGERS):
            scope.report(rules.NOT_A_TIMESTAMP, f"`{name}` is {columns[name]}, not a timestamp", *pointer)


def check_test(scope: Scope, test: FeatureTest) -> None:
    """Rows fit the sources they are given to, and each spine row has an expected one."""
    if test.view:
        scope.find("view", test.view, "view")
    if test.service:
        scope.find("service", test.service, "service")
    for name, rows in test.given:
        source = scope.find("source", name, "given", name, key=True)
        columns = columns_of(source) if isinstance(source, DataSource) else None
        for at, row in enumerate(rows):
            for column in row:
                if columns is not None and column not in columns and not _stored(source, column):
                    word, safe = correction(column, columns)
                    message = f"`{name}` has no column `{column}`"
                    place = ("given", name, at, column)
                    safe = safe and word not in row and scope.is_row(*place)
                    if scope.is_row(*place):
                        scope.report(rules.TEST_ROWS, message, *place, key=True, word=word, safe=safe)
                    else:
                        hint = f"did you mean `{word}`?" if word else ""
                        scope.report(rules.TEST_ROWS, message, *place, key=True, hint=hint)
    if len(test.expect) != len(test.spine):
        message = f"{len(test.spine)} rows go in and {len(test.expect)} are expected: each spine row yields one"
        scope.report(rules.TEST_ROWS, message, "expect", key=True)


def _stored(source: object, name: str) -> bool:
    return isinstance(source, DataSource) and any(column.name == name for column in source.columns)
