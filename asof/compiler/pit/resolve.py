"""From a request to groups: which view, under which keys, must yield which features, and what comes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from asof.compiler import shape, support
from asof.compiler.diagnostics import DiagnosticError, nearest
from asof.compiler.model import FeatureView, OnDemandFeatureView, ServiceItem
from asof.compiler.pit.request import OutputColumn
from asof.compiler.source import NOWHERE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from asof.compiler.diagnostics import Diagnostic
    from asof.compiler.model import Expression, Repo
    from asof.compiler.pit.request import TrainingRequest

KeyMap = tuple[tuple[str, str], ...]
"""(join key, the spine's column), in the order of the view's keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A feature of a group: one value for each row of the spine."""

    group: tuple[str, KeyMap]
    feature: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Computed:
    """An on-demand feature; ``view`` and the keys under which its inputs are looked up."""

    view: OnDemandFeatureView
    feature: Expression
    item: ServiceItem


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """A column of the answer and where its value comes from."""

    column: OutputColumn
    value: Input | Computed


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Features of one view under one choice of keys: they are computed together."""

    view: FeatureView
    role: str
    keys: KeyMap
    features: tuple[str, ...]

    @property
    def identity(self) -> tuple[str, KeyMap]:
        return (self.view.name, self.keys)


def outputs(repo: Repo, request: TrainingRequest) -> tuple[Output, ...]:
    """The features asked for, in order. Raises DiagnosticError for one that does not exist."""
    made: list[Output] = []
    for item in request.items:
        view = repo.view(item.view)
        if view is None:
            raise DiagnosticError(_unknown(f"view {item.view!r}", item.view, _views(repo)))
        names = shape.features(view)
        kinds = shape.feature_types(repo, view)
        for name, shown in shape.named_features(view, item, full_feature_names=request.full_feature_names):
            if name not in names:
                raise DiagnosticError(_unknown(f"feature {name!r} of view {item.view!r}", name, names))
            column = OutputColumn(name=shown, type=kinds[name], lineage=(f"{view.address}.{name}",))
            made.append(Output(column=column, value=value_of(repo, item, name)))
    return tuple(made)


def value_of(repo: Repo, item: ServiceItem, name: str) -> Input | Computed:
    """Where the feature ``name`` of the item's view comes from."""
    view = repo.view(item.view)
    if isinstance(view, OnDemandFeatureView):
        feature = next(f for f in view.features if f.name == name)
        return Computed(view=view, feature=feature, item=item)
    if view is None:
        raise ValueError(f"no view {item.view!r}")
    return Input(group=(view.name, _keys(repo, view, item)), feature=name)


def groups(repo: Repo, request: TrainingRequest, wanted: Iterable[Input]) -> tuple[Group, ...]:
    """The groups behind ``wanted``, each once, in the order of first mention."""
    found: dict[tuple[str, KeyMap], list[str]] = {}
    for one in wanted:
        found.setdefault(one.group, []).append(one.feature)
    roles = {item.view: item.alias for item in reversed(request.items) if item.alias and not _plain(request, item.view)}
    made = []
    for (name, keys), features in found.items():
        view = repo.view(name)
        if not isinstance(view, FeatureView):
            raise TypeError(f"{name} has no rows of its own")
        alias = next(
            (i.alias for i in request.items if i.view == name and i.alias and _keys(repo, view, i) == keys), ""
        )
        ordered = tuple(f for f in shape.features(view) if f in features)
        made.append(Group(view=view, role=alias or roles.get(name, name), keys=keys, features=ordered))
    return tuple(made)


def needed(repo: Repo, value: Input | Computed) -> Iterator[Input]:
    """The inputs behind a value: itself, or all features of the views an on-demand view reads."""
    if isinstance(value, Input):
        yield value
        return
    for source in value.view.sources:
        view = repo.view(source)
        if view is not None:
            item = ServiceItem(view=source, join_key_map=value.item.join_key_map)
            for name in shape.features(view):
                yield from needed(repo, value_of(repo, item, name))


def _plain(request: TrainingRequest, view: str) -> bool:
    return any(item.view == view and not item.alias for item in request.items)


def _keys(repo: Repo, view: FeatureView, item: ServiceItem) -> KeyMap:
    renamed = dict(item.join_key_map)
    return tuple((key.name, renamed.get(key.name, key.name)) for key in shape.join_keys(repo, view))


def _views(repo: Repo) -> list[str]:
    return [d.name for d in repo.definitions.values() if isinstance(d, FeatureView | OnDemandFeatureView)]


def _unknown(what: str, name: str, known: Iterable[str]) -> Diagnostic:
    hint = nearest(name, known)
    return support.UNKNOWN_FEATURE.at(NOWHERE, f"there is no {what}{'; ' + hint if hint else ''}")
