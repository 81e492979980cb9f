"""A Feast project as documents of asof, with notes where the two do not say the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asof.feast.documents import Document, Note
from asof.feast.lower import services, sources, views
from asof.feast.lower.context import Context, Surroundings

if TYPE_CHECKING:
    from asof.feast.model import Project

PROJECT = "asof.yaml"
_WAYS = {
    "validation reference": "is left in Feast: it is a pickled profile. FeatureTests and policies say what must hold.",
    "permission": "is left in Feast: who may do what is decided where the YAML is reviewed, and by the stores.",
}


def lower(project: Project, around: Surroundings) -> tuple[Document, ...]:
    """The definitions of ``project`` as documents; asof.yaml is not among them."""
    context = Context(project, around)
    sources.gather(context)
    entities = tuple(views.entities(context))
    lowered = tuple(views.views(context))
    labels = tuple(views.label_views(context))
    on_demand = tuple(services.on_demand_views(context))
    read = tuple(services.services(context))
    return (
        *entities,
        *sources.documents(context),
        *lowered,
        *labels,
        *on_demand,
        *read,
        *services.datasets(context),
        *(Document(file=PROJECT, body=None, notes=(Note(about=f"{k} {n}", text=_WAYS[k]),)) for k, n in project.left),
        *(Document(file=PROJECT, body=None, notes=(Note(about=at, text=f"{t}."),)) for at, t in project.unread),
    )


__all__ = ["PROJECT", "Surroundings", "lower"]
