"""The features of a repo one by one: what each is, and how fresh it is when it is served."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from asof.compiler import shape
from asof.compiler.duration import Duration
from asof.compiler.model import FeatureView, OnDemandFeatureView

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from asof.compiler.model import Repo


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One feature. ``made_of`` is its aggregate, expression or column in words; ``description`` may be its view's."""

    view: str
    name: str
    address: str
    type: str
    made_of: str
    description: str
    owner: str
    tags: Mapping[str, str]
    ttl: Duration | None
    """How old a latest value may be when it is read; None is any age, and so of windows."""
    max_age: Duration | None
    """How long ago a value that is served may have been computed; None is any time."""
    delay: Duration
    """How long after its event a row may be seen."""

    @property
    def reference(self) -> str:
        """``view:feature``, as training sets and online reads take it."""
        return f"{self.view}:{self.name}"

    @property
    def freshness(self) -> str:
        """The same three in words."""
        parts = [f"seen {self.delay} after its event" if self.delay.microseconds else ""]
        parts.append(f"a value older than {self.ttl} is not served (ttl)" if self.ttl else "")
        parts.append(f"served until {self.max_age} after it was computed (max_age)" if self.max_age else "")
        return "; ".join(part for part in parts if part) or "a value of any age is served"


def features_of(repo: Repo, view: FeatureView | OnDemandFeatureView) -> Iterator[Feature]:
    """The features of a view, in declared order."""
    kinds = shape.feature_types(repo, view)
    tagged = shape.column_tags(view)
    notes = _descriptions(view)
    windows = shape.windows(view) if isinstance(view, FeatureView) else {}
    stored = isinstance(view, FeatureView)
    age = shape.max_age(view) if isinstance(view, FeatureView) else None
    for name in shape.features(view):
        yield Feature(
            view=view.name,
            name=name,
            address=view.address,
            type=str(kinds[name]),
            made_of=_made_of(view, name),
            description=notes.get(name, ""),
            owner=view.owner,
            tags=dict(tagged.get(name, {})),
            ttl=view.ttl if isinstance(view, FeatureView) and name not in windows else None,
            max_age=Duration(age) if age is not None else None,
            delay=shape.timing_of(repo, view).delay if stored and isinstance(view, FeatureView) else Duration(0),
        )


def every_feature(repo: Repo) -> Iterator[Feature]:
    """The features of all views, in the order of the repo."""
    for definition in repo.definitions.values():
        if isinstance(definition, FeatureView | OnDemandFeatureView):
            yield from features_of(repo, definition)


def _descriptions(view: FeatureView | OnDemandFeatureView) -> Mapping[str, str]:
    if isinstance(view, OnDemandFeatureView):
        return {feature.name: getattr(feature, "description", "") for feature in view.features}
    windowed = {name: aggregation.description for name, (aggregation, _) in shape.windows(view).items()}
    return {column.name: column.description for column in view.schema} | windowed


def _made_of(view: FeatureView | OnDemandFeatureView, name: str) -> str:
    if isinstance(view, OnDemandFeatureView):
        return next(feature.expression for feature in view.features if feature.name == name)
    found = shape.windows(view).get(name)
    if found is None:
        return f"latest {name}"
    aggregation, window = found
    column = f" of {aggregation.column}" if aggregation.column else ""
    return f"{aggregation.function}{column} over {window.length or 'all time'}"
