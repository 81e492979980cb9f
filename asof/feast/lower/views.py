"""Entities and views of Feast as those of asof."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asof.compiler.types import KEY_TYPES
from asof.feast.documents import Document, Note
from asof.feast.lower.context import duration, head, renamed
from asof.feast.lower.names import is_column_name
from asof.feast.lower.sources import declare, declare_times, family, history, usable_stream
from asof.feast.model import Entity
from asof.feast.types import INTERNAL_TAGS, key_type, type_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asof.feast.lower.context import Context
    from asof.feast.model import Aggregation, Field, Source, View

ENTITIES = "entities.yaml"
FUNCTIONS = {
    "sum": "sum",
    "max": "max",
    "min": "min",
    "count": "count",
    "mean": "mean",
    "avg": "mean",
    "count_distinct": "count_distinct",
    "std": "stddev_samp",
    "var": "var_samp",
}
"""Feast's aggregation functions -> asof's."""
_RESULTS = {
    "count": "int64",
    "count_distinct": "int64",
    "mean": "float64",
    "stddev_samp": "float64",
    "var_samp": "float64",
}


def entities(context: Context) -> Iterator[Document]:
    """One document an entity; its join key has the type that views found for it."""
    known = {entity.name: entity for entity in context.project.entities}
    for view in (*context.project.views, *context.project.labels):
        for name in view.entities:
            if name not in known:
                known[name] = Entity(name=name, join_key=name)
    for entity in known.values():
        yield _entity(context, entity)


def _entity(context: Context, entity: Entity) -> Document:
    made, about = context.entities.of(entity.name), f"entity {entity.name}"
    notes = [*renamed("entity", entity.name, made, asked_for=False)]
    found = _key_types(context.project.views, entity) or _key_types(context.project.labels, entity)
    said = key_type(entity.value_type)
    kind = next(iter(found), said) or _in_file(context, entity) or "string"
    if len(found) > 1 or (said and kind != said):
        others = ", ".join(dict.fromkeys([*list(found)[1:], *([said] if said and said != kind else [])]))
        text = (
            f"views and entity disagree on the type of {entity.join_key}: {kind} here, {others} "
            "elsewhere. Correct it here."
        )
        notes.append(Note(about=about, text=text))
    if not found and not said and not _in_file(context, entity):
        text = f"nothing says what type the join key {entity.join_key} has: string is a guess. Correct it here."
        notes.append(Note(about=about, text=text))
    key = entity.join_key
    if not is_column_name(key):
        key = "key"
        notes.append(
            Note(about=about, text=f"asof takes no join key called {entity.join_key[:80]!r}. Correct it here.")
        )
    context.key_types[entity.name] = (key, kind)
    body = head("Entity", made, entity) | {"join_keys": [{"name": key, "type": kind}]}
    return Document(file=ENTITIES, body=body, notes=tuple(notes))


def _key_types(views: tuple[View, ...], entity: Entity) -> dict[str, None]:
    """The types that views have for the entity's join key, in their order."""
    return dict.fromkeys(
        kind
        for view in views
        if entity.name in view.entities
        for key in view.keys
        if key.name == entity.join_key and (kind := key_type(key.value_type))
    )


def _in_file(context: Context, entity: Entity) -> str:
    """The type of the join key in a file that a view of the entity reads, where it can be a key."""
    views = (v for v in context.project.views if entity.name in v.entities and v.batch is not None)
    found = next((kind for v in views if v.batch and (kind := context.stored(v.batch, entity.join_key))), "")
    return found if found in map(str, KEY_TYPES) else ""


def views(context: Context) -> Iterator[Document]:
    """One document a view, in the file of its batch source. Entities must have been lowered before."""
    for view in context.project.views:
        yield _view(context, view)


def _view(context: Context, view: View) -> Document:
    made, about = context.views.of(view.name), f"{view.kind} {view.name}"
    file = family(context, view.batch)
    notes = [*renamed(view.kind, view.name, made), *_asides(about, view)]
    keys = tuple(dict.fromkeys(context.key_types[name] for name in view.entities))
    stream = view.stream if view.stream is not None and usable_stream(view.stream) else None
    batch = history(context, stream) if stream is not None else view.batch
    if batch is not None:
        for key, kind in keys:
            declare(context, batch, key, kind)
        declare_times(context, batch)
    why = _cannot(view, batch)
    if why is not None:
        context.left[view.name] = "it has no batch source" if batch is None else "its features are computed by Python"
        return Document(file=file, body=None, notes=(*notes, why))
    assert batch is not None  # noqa: S101 - _cannot has seen to it
    streamed = stream is not None and (view.kind == "stream feature view" or stream.kind != "push")
    body = head("StreamFeatureView" if streamed else "FeatureView", made, view)
    if view.entities:
        body["entities"] = list(dict.fromkeys(context.entities.of(name) for name in view.entities))
    body["stream" if streamed else "source"] = context.sources.of(context.named(stream or batch))
    ttl, told = duration(about, "ttl", view.ttl)
    body |= ttl
    notes += told
    if not view.online:
        body["online"] = False
    windows = _aggregations(about, view, notes)
    computed = {window["name"] for item in windows for window in item["windows"]}
    schema, kinds = _schema(context, about, view, batch, {key for key, _ in keys} | computed, notes)
    if not schema and not windows:
        context.left[view.name] = "it has no features"
        text = "is left out: it has no features that asof could name."
        return Document(file=file, body=None, notes=(*notes, Note(about=about, text=text)))
    if schema:
        body["schema"] = schema
    if windows:
        body["aggregations"] = windows
        notes += _inputs(context, about, view, batch)
    context.features[view.name] = kinds | dict.fromkeys(computed, "float64")
    context.keys[view.name] = tuple(key for key, _ in keys)
    return Document(file=file, body=body, notes=tuple(notes))


def label_views(context: Context) -> Iterator[Document]:
    """Labels are columns of a spine here: their source declares them, and a comment says how to use it as one."""
    for view in context.project.labels:
        notes: list[Note] = []
        labels = ", ".join(field.name for field in view.features)
        if view.batch is not None and view.batch.kind == "batch":
            keys = [context.key_types[name] for name in view.entities if name in context.key_types]
            for key, kind in keys:
                declare(context, view.batch, key, kind)
            declare_times(context, view.batch)
            _schema(context, f"label view {view.name}", view, view.batch, {key for key, _ in keys}, notes)
            spine = f"source: {context.sources.of(context.named(view.batch))}"
        else:
            spine = "the table that keeps them"
        text = (
            "asof has no label views: labels are columns of the spine. Write a SavedDataset in datasets.yaml with "
            f"spine: {{{spine}}}, labels: [{labels}] and the service whose features they are joined with."
        )
        notes.append(Note(about=f"label view {view.name}", text=text))
        yield Document(file=family(context, view.batch), body=None, notes=tuple(notes))


def _cannot(view: View, batch: Source | None) -> Note | None:
    """Why the view cannot be carried over at all."""
    about = f"{view.kind} {view.name}"
    if batch is None:
        text = "is left out: it has no batch source. Add a DataSource with its history, and a view that reads it."
        return Note(about=about, text=text)
    if view.code is None or view.kind == "stream feature view":
        return None
    what = f"Python (mode {view.code.mode})" if view.code.mode else "Python"
    text = (
        f"is left out: its features are computed by {what}, which is not run here. Write them in SQL: a FeatureView in "
        "this file with a query over the source, and timestamp_field, entities and schema of its own. The source must "
        f"declare the columns that the query reads. {_listed(view.features)}"
    )
    return Note(about=about, text=text, code=view.code.text)


def _listed(features: tuple[Field, ...]) -> str:
    return "Its features: " + ", ".join(f"{f.name} ({type_of(f)[0]})" for f in features) + "."


def _asides(about: str, view: View) -> Iterator[Note]:
    if view.disabled:
        yield Note(
            about=about, text="is disabled in Feast; here it is like any other. Remove it where it is not wanted."
        )
    if view.reads:
        names = ", ".join(view.reads)
        text = (
            f"Feast derives it from {names} and keeps the rows in the sink, which is read here. Keep the job that "
            "fills the sink, or write a query over those views in place of the source."
        )
        yield Note(about=about, text=text)
    if view.code is not None and view.kind == "stream feature view":
        text = (
            "Python transforms the stream's rows before they are stored; it is not run here, and features are read "
            "from the batch source, as Feast does for training sets. Where the batch source does not hold them, write "
            "the transformation in SQL: `query` over the stream's name in place of what is read now."
        )
        yield Note(about=about, text=text, code=view.code.text)


def _schema(
    context: Context, about: str, view: View, source: Source, taken: set[str], notes: list[Note]
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The features with their latest values, and the type of each as the source has it."""
    seen = {name.lower() for name in taken}
    schema: list[dict[str, Any]] = []
    kinds: dict[str, str] = {}
    for field in view.features:
        if field.name in taken:
            continue
        if not is_column_name(field.name) or field.name.lower() in seen:
            why = "another has it in other letters" if field.name.lower() in seen else "asof takes no such name"
            notes.append(Note(about=about, text=f"the feature {field.name[:80]!r} is left out: {why}."))
            continue
        seen.add(field.name.lower())
        wanted, remark = type_of(field)
        if remark and (exact := context.stored(source, field.name)):
            wanted, remark = exact, ""
        kind = declare(context, source, field.name, wanted)
        if kind != wanted:
            text = (
                f"was {wanted}; another view, or its source, says {kind}, and a column has one type. "
                "Correct it in both."
            )
            notes.append(Note(about=f"{about}, {field.name}", text=text))
        elif remark:
            notes.append(Note(about=f"{about}, {field.name}", text=f"{remark}."))
        kinds[field.name] = kind
        schema.append(column(field, kind))
    return schema, kinds


def column(field: Field, kind: str) -> dict[str, Any]:
    """A feature as an item of a schema."""
    tags = {key: value for key, value in field.tags if key not in INTERNAL_TAGS}
    return {
        "name": field.name,
        "type": kind,
        **({"description": field.description} if field.description else {}),
        **({"tags": tags} if tags else {}),
    }


def _aggregations(about: str, view: View, notes: list[Note]) -> list[dict[str, Any]]:
    """Aggregations by function and column, their windows together, each under the name that Feast gives it."""
    made: dict[tuple[str, str], dict[str, Any]] = {}
    taken: set[str] = set()
    for item in view.aggregations:
        function = FUNCTIONS.get(item.function.lower())
        name = _window_name(view, item)
        if function is None or not is_column_name(item.column) or not is_column_name(name) or name.lower() in taken:
            text = (
                f"the aggregation {item.function}({item.column}) is left out: asof has no such function, "
                "column or name."
            )
            notes.append(Note(about=about, text=text))
            continue
        window, told = duration(about, "length", item.window)
        notes += told
        taken.add(name.lower())
        entry = made.setdefault((function, item.column), {"function": function, "column": item.column, "windows": []})
        entry["windows"].append({"length": window.get("length", "lifetime"), "name": name})
    if made:
        text = (
            "windows end exactly at the instant that is asked about, online and offline; Feast's stream engine moves "
            "them by the slide interval, and its training sets read the batch source without aggregating."
        )
        notes.append(Note(about=about, text=text, by_hand=False))
    return list(made.values())


def _window_name(view: View, item: Aggregation) -> str:
    """Feast's name for the feature, or the column's where the schema lists that one instead."""
    listed = {field.name for field in view.features}
    alone = sum(other.column == item.column for other in view.aggregations) == 1
    if item.feature_name not in listed and item.column in listed and alone:
        return item.column
    return item.feature_name


def _inputs(context: Context, about: str, view: View, source: Source) -> Iterator[Note]:
    """Have the source declare what is aggregated; Feast says the types of results only."""
    listed = {field.name: type_of(field)[0] for field in view.features}
    for item in view.aggregations:
        function = FUNCTIONS.get(item.function.lower())
        if function is None or not is_column_name(item.column):
            continue
        known = listed.get(item.column)
        result = listed.get(item.feature_name, "float64") if function not in _RESULTS else "float64"
        before = len(context.columns.get(context.named(source), {}))
        kind = declare(context, source, item.column, known or result)
        if known is None and len(context.columns[context.named(source)]) > before:
            text = (
                f"Feast does not say what type the column {item.column} has: {kind} is a guess. Correct "
                "it in the source."
            )
            yield Note(about=about, text=text)
