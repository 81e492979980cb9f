"""Sources of Feast as sources of asof: where rows are, when they happened, which columns views read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from asof.compiler.query import SqlSyntaxError, parse
from asof.feast.documents import Document, Note
from asof.feast.lower.context import duration, head, renamed
from asof.feast.lower.names import is_column_name, valid_name
from asof.feast.types import type_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asof.feast.lower.context import Context
    from asof.feast.model import Place, Source

ON_DEMAND = "on_demand.yaml"
_DATE = re.compile(r"%Y-%m-%d")
_PATHLIKE = re.compile(r"[/\\]|\.(parquet|csv|pq|delta)$")


def gather(context: Context) -> None:
    """Every source of the project by name; Feast keeps copies of them inside of views."""
    project = context.project
    for source in project.sources:
        _keep(context, source)
    for view in (*project.views, *project.labels):
        for inner in (view.batch, view.stream):
            if inner is not None:
                _keep(context, inner)
    for on_demand in project.on_demand:
        for request in on_demand.requests:
            _keep(context, request)
    views = {view.name.lower() for view in (*project.views, *project.on_demand)}
    for name, source in context.found.items():
        wanted = _short_name(source, name)
        if wanted.lower() in views:
            # asof's `source:` and queries name sources and views alike.
            wanted = f"{wanted}_source"
        context.sources.of(name, wanted)


def _keep(context: Context, source: Source) -> None:
    if source.batch is not None:
        _keep(context, source.batch)
    name = context.named(source)
    known = context.found.get(name)
    if known is None or (known.kind == "batch" and known.place == type(known.place)() != source.place):
        context.found[name] = source


def _short_name(source: Source, name: str) -> str:
    """A source that bears the name of its place gets a shorter one: ``data/driver.parquet`` is driver."""
    if not _PATHLIKE.search(name) and name == source.name:
        return name
    last = re.split(r"[/\\]", name.rstrip("/\\"))[-1] or name
    return valid_name(re.sub(r"\.(parquet|csv|pq|delta)$", "", last), "source")


def declare(context: Context, source: Source, used: str, kind: str) -> str:
    """Have ``source`` declare what views call ``used``; the type that it has there, which may be another view's."""
    stored = {name: column for column, name in source.field_mapping}.get(used, used)
    columns = context.columns.setdefault(context.named(source), {})
    return columns.setdefault(stored, kind)


def declare_times(context: Context, source: Source) -> None:
    """Have ``source`` declare its times and its partition."""
    if source.timestamp_field:
        declare(context, source, source.timestamp_field, "date" if source.timestamp_is_date else "timestamp")
    if source.created_timestamp_column:
        declare(context, source, source.created_timestamp_column, "timestamp")


def documents(context: Context) -> Iterator[Document]:
    """One document a source, in the file of its family."""
    for name, source in context.found.items():
        match source.kind:
            case "batch":
                yield _batch(context, name, source)
            case "request":
                yield _request(context, name, source)
            case _:
                yield _stream(context, name, source)


def family(context: Context, source: Source | None) -> str:
    """The file for what belongs to a batch source: the source, its streams, and the views that read it."""
    return f"features/{context.sources.of(context.named(source))}.yaml" if source is not None else "features/other.yaml"


def _batch(context: Context, name: str, source: Source) -> Document:
    made = context.sources.of(name)
    about, file = f"data source {name}", family(context, source)
    declare_times(context, source)
    columns = dict(context.columns.get(name, {}))
    notes = [*(renamed("data source", name, made, asked_for=False) if name == source.name else ())]
    partition = _partition(about, source, columns, notes)
    if not columns:
        text = "is left out: no view reads it and it has no timestamp, so that nothing tells its columns."
        return Document(file=file, body=None, notes=(*notes, Note(about=about, text=text, by_hand=False)))
    body = head("DataSource", made, source)
    body |= _place(context, about, source.place, made, notes)
    if source.timestamp_field:
        body["timestamp_field"] = source.timestamp_field
        if source.created_timestamp_column:
            body["created_timestamp_column"] = source.created_timestamp_column
    else:
        notes.append(Note(about=about, text="has no timestamp_field: views that read it need one. Add it here."))
    mapping = {stored: used for stored, used in source.field_mapping if stored in columns and is_column_name(used)}
    if mapping:
        body["field_mapping"] = mapping
    if partition:
        body["date_partition_column"] = partition
    body["columns"] = [{"name": column, "type": kind} for column, kind in columns.items()]
    return Document(file=file, body=body, notes=tuple(notes))


def _partition(about: str, source: Source, columns: dict[str, str], notes: list[Note]) -> str:
    """The partition column, declared in ``columns``; "" where there is none that asof can use."""
    name = source.date_partition_column
    if not name:
        return ""
    kind = columns.get(name) or ("date" if source.place.engine == "bigquery" else "string")
    written = source.place.partition_format
    if kind not in ("date", "string") or (written and not _DATE.fullmatch(written)):
        why = f"it is a {kind}" if kind not in ("date", "string") else f"its format is {written}"
        text = f"date_partition_column {name} is left out: asof prunes by a date or by text as YYYY-MM-DD, and {why}."
        notes.append(Note(about=about, text=text))
        return ""
    if name not in columns:
        columns[name] = kind
        text = (
            f"Feast does not say what type the partition column {name} has: {kind} is the usual one. Correct it here."
        )
        notes.append(Note(about=about, text=text))
    return name


def _place(context: Context, about: str, place: Place, name: str, notes: list[Note]) -> dict[str, Any]:
    """``path``, ``table`` or ``query``; always one of them, so that the document is valid."""
    if place.endpoint:
        text = (
            f"s3_endpoint_override {place.endpoint} is left out: set the endpoint where DuckDB finds its S3 settings."
        )
        notes.append(Note(about=about, text=text))
    if place.query and not _is_sql(place.query, context.around.dialect):
        text = (
            f"its query is not SQL of {context.around.dialect}, the sql_dialect of asof.yaml. Write it so in place of "
            "the table here."
        )
        notes.append(Note(about=about, text=text, code=place.query))
        return {"table": name}
    if place.query:
        text = f"the query is as it was in Feast; it is read as {context.around.dialect}, the sql_dialect of asof.yaml."
        notes.append(Note(about=about, text=text, by_hand=False))
        return {"query": place.query.strip()}
    if place.table:
        return {"table": place.table}
    if place.path and place.delta:
        text = (
            "is a Delta table. asof reads Parquet and CSV: name a table of the offline store here, or a query over it."
        )
        notes.append(Note(about=about, text=text))
        return {"path": context.around.relocated(place.path)}
    if place.path:
        return {"path": _files(about, context.around.relocated(place.path), notes)}
    text = (
        f"is of the class {place.engine or 'unknown'}, which says nothing about where its rows are. "
        "Correct the table here."
    )
    notes.append(Note(about=about, text=text))
    return {"table": name}


def _is_sql(text: str, dialect: str) -> bool:
    try:
        parse(text, dialect)
    except SqlSyntaxError:
        return False
    return True


def _files(about: str, path: str, notes: list[Note]) -> str:
    """A folder is read whole in Feast; asof asks for a pattern."""
    last = re.split(r"[/\\]", path)[-1]
    if path.endswith("/") or ("." not in last and "*" not in last):
        made = f"{path.rstrip('/')}/**/*.parquet"
        notes.append(
            Note(about=about, text=f"the folder {path} is written as a pattern of Parquet files.", by_hand=False)
        )
        return made
    return path


def _request(context: Context, name: str, source: Source) -> Document:
    made, about = context.sources.of(name), f"request source {name}"
    notes = [*renamed("request source", name, made, asked_for=False)]
    columns = []
    for field in source.columns:
        kind, remark = type_of(field)
        if not is_column_name(field.name):
            notes.append(Note(about=about, text=f"the field {field.name[:80]!r} is left out: asof takes no such name."))
            continue
        if remark:
            notes.append(Note(about=f"{about}, {field.name}", text=f"{remark}."))
        columns.append({"name": field.name, "type": kind})
    if not columns:
        text = "is left out: it has no fields."
        return Document(file=ON_DEMAND, body=None, notes=(*notes, Note(about=about, text=text, by_hand=False)))
    body = head("DataSource", made, source) | {"type": "request", "columns": columns}
    return Document(file=ON_DEMAND, body=body, notes=tuple(notes))


def usable_stream(source: Source) -> bool:
    """Whether the stream says enough for a document: what asof requires of its kind."""
    if source.kind == "kafka":
        return bool(source.bootstrap_servers and source.topic)
    return source.kind == "push" or bool(source.stream and source.region)


def history(context: Context, stream: Source) -> Source | None:
    """The batch source that keeps a stream's history: its own, or that of a view that it feeds."""
    if stream.batch is not None:
        return stream.batch
    name = context.named(stream)
    views = context.project.views
    return next((v.batch for v in views if v.stream is not None and context.named(v.stream) == name and v.batch), None)


def _stream(context: Context, name: str, source: Source) -> Document:
    made, about = context.sources.of(name), f"{source.kind} source {name}"
    behind = history(context, source)
    file = family(context, behind)
    notes = [*renamed(f"{source.kind} source", name, made)]
    if not usable_stream(source):
        text = "is left out: it does not say which stream it is. Views that it feeds read their batch source."
        return Document(file=file, body=None, notes=(*notes, Note(about=about, text=text)))
    body = head("DataSource", made, source) | {"type": source.kind}
    if behind is not None:
        body["batch_source"] = context.sources.of(context.named(behind))
    else:
        text = "has no batch source: name one here (batch_source), training sets are made of it."
        notes.append(Note(about=about, text=text))
    if source.kind == "kafka":
        body |= {"bootstrap_servers": source.bootstrap_servers, "topic": source.topic}
    if source.kind == "kinesis":
        body |= {"stream": source.stream, "region": source.region}
    if source.message_format != "json":
        body["format"] = source.message_format
    wait, told = duration(about, "watermark_delay", source.watermark_delay)
    body |= wait
    notes += told
    return Document(file=file, body=body, notes=tuple(notes))
