"""On-demand views, services and saved datasets of Feast as those of asof."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asof.feast import arithmetic
from asof.feast.documents import Document, Note
from asof.feast.lower.context import head, renamed
from asof.feast.lower.names import is_column_name, valid_name
from asof.feast.lower.sources import ON_DEMAND
from asof.feast.lower.views import column
from asof.feast.types import type_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asof.feast.lower.context import Context
    from asof.feast.model import Dataset, OnDemandView, Place, Projection, Service

SERVICES, DATASETS = "services.yaml", "datasets.yaml"


def on_demand_views(context: Context) -> Iterator[Document]:
    """One document an on-demand view: the arithmetic in SQL, or a comment with the Python that is to be written so."""
    for view in context.project.on_demand:
        yield _on_demand(context, view)


def _on_demand(context: Context, view: OnDemandView) -> Document:
    made, about = context.views.of(view.name), f"on demand feature view {view.name}"
    notes = [*renamed("on demand feature view", view.name, made)]
    outputs = {field.name: type_of(field)[0] for field in view.features}
    inputs = _inputs(context, view)
    sql = None
    if inputs is not None and view.code.mode in ("", "pandas") and all(map(is_column_name, outputs)):
        sql = arithmetic.expressions(view.code.text, inputs, outputs, context.around.dialect)
    if sql is None:
        context.left[view.name] = "its features are computed by Python"
        return Document(file=ON_DEMAND, body=None, notes=(*notes, _to_write(context, about, view)))
    text = "translated from Python: plain arithmetic on 64-bit floats, which gives the same in SQL."
    notes.append(Note(about=about, text=text, by_hand=False))
    if view.written_online:
        text = "Feast computes it when rows are written; asof computes it whenever it is read."
        notes.append(Note(about=about, text=text, by_hand=False))
    body = head("OnDemandFeatureView", made, view)
    body["sources"] = _sources(context, view)
    body["features"] = []
    for field in view.features:
        item = column(field, outputs[field.name])
        body["features"].append(
            {"name": item.pop("name"), "type": item.pop("type"), "expression": sql[field.name], **item}
        )
    context.features[view.name] = outputs
    return Document(file=ON_DEMAND, body=body, notes=tuple(notes))


def _sources(context: Context, view: OnDemandView) -> list[str]:
    views = [context.views.of(item.view) for item in view.views]
    return [*views, *(context.sources.of(context.named(request)) for request in view.requests)]


def _inputs(context: Context, view: OnDemandView) -> dict[str, str] | None:
    """The columns that the Python is given and their types; None where asof could not give it the same ones."""
    if not view.views and not view.requests:
        return None
    columns: dict[str, str] = {}
    known: set[str] = set()
    for item in view.views:
        if item.view not in context.features or item.alias or item.join_key_map:
            return None
        # In SQL a name that two sources have means neither.
        columns |= {n: "ambiguous" if n in known else k for n, k in context.features[item.view].items()}
        known |= context.features[item.view].keys()
    for request in view.requests:
        columns |= {f.name: "ambiguous" if f.name in known else type_of(f)[0] for f in request.columns}
        known |= {f.name for f in request.columns}
    return columns


def _to_write(context: Context, about: str, view: OnDemandView) -> Note:
    missing = [f"{item.view} ({context.left[item.view]})" for item in view.views if item.view in context.left]
    features = ", ".join(f"{field.name}: {type_of(field)[0]}" for field in view.features)
    what = "a Substrait plan" if view.code.substrait else f"Python (mode {view.code.mode or 'pandas'})"
    why = f" It reads {', '.join(missing)}, left out as well." if missing else ""
    text = (
        f"is left out, and so it is from services: its features are computed by {what}, which is not run here.{why} "
        f"Write it as an OnDemandFeatureView in this file, with sources: [{', '.join(_sources(context, view))}] and "
        f"one SQL expression a feature ({features}), then put it back into services.yaml."
    )
    return Note(about=about, text=text, code=view.code.text)


def services(context: Context) -> Iterator[Document]:
    """One document a service, of the views that came through."""
    for service in context.project.services:
        yield _service(context, service)


def _service(context: Context, service: Service) -> Document:
    made, about = context.services.of(service.name), f"feature service {service.name}"
    notes = [*renamed("feature service", service.name, made)]
    items: list[dict[str, Any] | str] = []
    outputs: list[str] = []
    for projection in service.items:
        item = _item(context, about, projection, notes)
        if item is not None:
            items.append(_short(item))
            outputs += item.get("features", context.features[projection.view])
    for said, what in ((service.logged, "logging_config"), (service.precomputed, "precompute_online")):
        if said:
            text = f"{what} is left out: asof has no counterpart."
            notes.append(Note(about=about, text=text, by_hand=False))
    if not items:
        context.left[service.name] = "nothing in it came through"
        text = "is left out: none of its views came through. Write it again once they are."
        return Document(file=SERVICES, body=None, notes=(*notes, Note(about=about, text=text)))
    body = head("FeatureService", made, service) | {"features": items}
    if len({name.lower() for name in outputs}) < len(outputs):
        body["full_feature_names"] = True
        text = (
            "two of its views have features of one name: columns are called view__feature, as with full_feature_names."
        )
        notes.append(Note(about=about, text=text, by_hand=False))
    return Document(file=SERVICES, body=body, notes=tuple(notes))


def _item(context: Context, about: str, given: Projection, notes: list[Note]) -> dict[str, Any] | None:
    """A view of a service in its long form; None where it did not come through."""
    if given.view not in context.features:
        why = context.left.get(given.view, "the registry does not have it")
        text = f"is without {given.view}: {why}. Its features were {', '.join(given.features) or 'all'}."
        notes.append(Note(about=about, text=text))
        return None
    known = context.features[given.view]
    wanted = [name for name in given.features if name in known] if given.features else list(known)
    lost = [name for name in given.features if name not in known]
    if lost:
        notes.append(
            Note(about=about, text=f"is without {', '.join(lost)} of {given.view}: the view here has no such feature.")
        )
    if not wanted:
        return None
    item: dict[str, Any] = {"view": context.views.of(given.view)}
    if set(wanted) != set(known):
        item["features"] = wanted
    if given.alias:
        item["as"] = valid_name(given.alias, "view")
    keys = context.keys.get(given.view, ())
    mapped = {key: to for key, to in given.join_key_map if key in keys and is_column_name(to)}
    if mapped:
        item["join_key_map"] = mapped
    if given.version is not None:
        text = f"asks for version {given.version} of {given.view}; here it gets the view as it is."
        notes.append(Note(about=about, text=text))
    return item


def _short(item: dict[str, Any]) -> dict[str, Any] | str:
    """The shortest form: ``view``, or ``view:feature``."""
    if item.keys() == {"view"}:
        return str(item["view"])
    if item.keys() == {"view", "features"} and len(item["features"]) == 1:
        return f"{item['view']}:{item['features'][0]}"
    return item


def datasets(context: Context) -> Iterator[Document]:
    """One document a saved dataset: its stored rows are the spine of the same question."""
    for dataset in context.project.datasets:
        yield _dataset(context, dataset)


def _dataset(context: Context, dataset: Dataset) -> Document:
    made, about = context.datasets.of(dataset.name), f"saved dataset {dataset.name}"
    notes = [*renamed("saved dataset", dataset.name, made, asked_for=False)]
    lowered = {service.name for service in context.project.services} - context.left.keys()
    spine = _spine(context, dataset.place)
    if dataset.service not in lowered or spine is None:
        why = f"its service {dataset.service} was" if dataset.service else "it was made without a feature service"
        why = why + " left out" if dataset.service else why
        text = (
            f"is left out: {why if spine is not None else 'nothing says where its rows are'}. Write a SavedDataset "
            f"with a spine and a service. Its features were {', '.join(dataset.features) or 'not recorded'}."
        )
        return Document(file=DATASETS, body=None, notes=(*notes, Note(about=about, text=text)))
    types = dict(context.key_types.values())
    columns = [{"name": key, "type": types.get(key, "string")} for key in dataset.join_keys if is_column_name(key)]
    body = head("SavedDataset", made, dataset)
    body["spine"] = {**spine, "columns": [*columns, {"name": "event_timestamp", "type": "timestamp"}]}
    body["service"] = context.services.of(dataset.service)
    text = (
        "Feast kept the result, not the question. Its stored rows serve as the spine: keys and times are theirs, "
        "features are looked up anew. Add the label columns to spine.columns and to labels."
    )
    notes.append(Note(about=about, text=text))
    return Document(file=DATASETS, body=body, notes=tuple(notes))


def _spine(context: Context, place: Place) -> dict[str, Any] | None:
    known = {
        "query": place.query,
        "table": place.table,
        "path": context.around.relocated(place.path) if place.path else "",
    }
    return next(({key: value} for key, value in known.items() if value), None)
