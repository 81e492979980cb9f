"""Which features are asked for: a service by name, or a list such as ``["weather", "carrier_delays:late_7d"]``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from asof.compiler import shape
from asof.compiler.diagnostics import DiagnosticError, nearest, rule
from asof.compiler.model import FeatureRef, FeatureService, FeatureView, OnDemandFeatureView, Repo, ServiceItem
from asof.compiler.pit.request import SpineSpec, TrainingRequest
from asof.compiler.pit.resolve import Computed, Output, needed, outputs
from asof.compiler.source import NOWHERE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from asof.compiler.types import Type

BAD_REQUEST = rule("AS760", "request for features is not understood")

NO_SPINE = SpineSpec(relation="", columns=(), timestamp="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Features to serve, in order; ``name`` is what compiled SQL and progress call them."""

    items: tuple[ServiceItem, ...]
    full_feature_names: bool = False
    name: str = "training"

    def request(self, spine: SpineSpec = NO_SPINE) -> TrainingRequest:
        """The compiler's request for these features."""
        return TrainingRequest(
            items=self.items, spine=spine, full_feature_names=self.full_feature_names, name=self.name
        )


def select(
    repo: Repo, *, features: Sequence[str] = (), service: str = "", full_feature_names: bool = False
) -> Selection:
    """The selection of a service, or of ``view`` and ``view:feature`` names in the order given.

    Raises DiagnosticError (AS760) where neither or both are given, or the service does not exist;
    AS506 for a view or feature that does not exist.
    """
    if bool(features) == bool(service):
        raise bad_request("ask for features or for a service, one of the two")
    if isinstance(features, str):
        raise bad_request(f"features is a list of names, not the text {features!r}")
    if service:
        found = repo.service(service)
        if found is None:
            known = [d.name for d in repo.definitions.values() if isinstance(d, FeatureService)]
            hint = nearest(service, known)
            raise bad_request(f"there is no service {service!r}{'; ' + hint if hint else ''}")
        full = full_feature_names or found.full_feature_names
        return Selection(items=found.features, full_feature_names=full, name=service)
    grouped: dict[str, list[FeatureRef]] = {}
    for text in features:
        view, _, feature = text.partition(":")
        refs = grouped.setdefault(view, [])
        if feature:
            refs.append(FeatureRef(name=feature))
    whole = {text for text in features if ":" not in text}
    items = tuple(
        ServiceItem(view=view, features=() if view in whole else tuple(refs)) for view, refs in grouped.items()
    )
    chosen = Selection(items=items, full_feature_names=full_feature_names)
    outputs(repo, chosen.request())
    return chosen


def spine_columns(repo: Repo, selected: Sequence[Output]) -> Mapping[str, Type]:
    """The columns that each row of a spine must bring besides its timestamp: join keys and request fields."""
    found: dict[str, Type] = {}
    for output in selected:
        for one in needed(repo, output.value):
            name, keys = one.group
            view = repo.view(name)
            if isinstance(view, FeatureView):
                types = {key.name: key.type for key in shape.join_keys(repo, view)}
                found |= {column: types[key] for key, column in keys}
        if isinstance(output.value, Computed):
            found |= dict(request_fields(repo, output.value.view))
    return found


def spine_types(repo: Repo, chosen: Selection) -> Mapping[str, Type]:
    """``spine_columns`` of all that is asked for."""
    return spine_columns(repo, outputs(repo, chosen.request()))


def request_fields(repo: Repo, view: OnDemandFeatureView) -> Iterator[tuple[str, Type]]:
    """What the caller must know for an on-demand view, and for those it reads."""
    for name in view.sources:
        source, further = repo.source(name), repo.view(name)
        if source is not None and source.type == "request":
            yield from ((column.name, column.type) for column in source.columns)
        elif isinstance(further, OnDemandFeatureView):
            yield from request_fields(repo, further)


def bad_request(message: str, *notes: str) -> DiagnosticError:
    """The answer to a request that cannot be carried out."""
    return DiagnosticError(BAD_REQUEST.at(NOWHERE, message, notes=notes))
