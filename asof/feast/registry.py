"""A registry's messages as values: one project of it, in Feast's own words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from asof.compiler.diagnostics import DiagnosticError, nearest, rule
from asof.compiler.source import NOWHERE
from asof.feast.model import (
    Aggregation,
    Code,
    Dataset,
    Entity,
    Field,
    OnDemandView,
    Place,
    Project,
    Projection,
    Service,
    Source,
    View,
)
from asof.feast.wire import SOURCE_TYPES, VALUE_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from asof.feast.wire import Message

NO_PROJECT = rule("AS902", "which project of the registry is meant is not clear")

DUMMY_ENTITY = "__dummy"
"""Feast gives a view without entities this one."""

_KINDS = {
    "STREAM_KAFKA": "kafka",
    "STREAM_KINESIS": "kinesis",
    "PUSH_SOURCE": "push",
    "REQUEST_SOURCE": "request",
}
_OPTIONS = {
    "file": "file_options",
    "bigquery": "bigquery_options",
    "redshift": "redshift_options",
    "snowflake": "snowflake_options",
    "spark": "spark_options",
    "trino": "trino_options",
    "athena": "athena_options",
    "custom": "custom_options",
}
_LISTED = (
    "entities",
    "feature_views",
    "stream_feature_views",
    "on_demand_feature_views",
    "label_views",
    "feature_services",
    "saved_datasets",
)


def projects(registry: Message) -> tuple[str, ...]:
    """The names of the projects that hold anything, sorted; "" for objects of an old registry without one."""
    named = {p.spec.name for p in registry.projects} | {p.project for p in registry.project_metadata}
    holding = {item.spec.project for field in _LISTED for item in getattr(registry, field)}
    holding |= {source.project for source in registry.data_sources}
    return tuple(sorted((named | holding) - {""})) or (("",) if holding else ())


def project(registry: Message, name: str, where: str) -> Project:
    """One project of the registry; ``name`` may be empty where there is only one. Raises DiagnosticError (AS902)."""
    known = projects(registry)
    if not known:
        raise DiagnosticError(NO_PROJECT.at(NOWHERE, f"{where} holds no definitions"))
    if not name and len(known) > 1:
        said = f"{where} holds {len(known)} projects: {', '.join(known)}"
        raise DiagnosticError(NO_PROJECT.at(NOWHERE, said, notes=("name one: --project NAME",)))
    if name and known != ("",) and name not in known:
        said = f"{where} holds no project {name!r}; it holds {', '.join(known)}"
        hint = nearest(name, known)
        raise DiagnosticError(NO_PROJECT.at(NOWHERE, said, notes=(hint,) if hint else ()))
    name = name or known[0]

    def mine(field: str) -> list[Message]:
        found = (i.spec for i in getattr(registry, field) if i.spec.project in (name, ""))
        return sorted(found, key=lambda item: str(item.name))

    spec = next((p.spec for p in registry.projects if p.spec.name == name), None)
    left = [("permission", item.name) for item in mine("permissions")]
    left += [("validation reference", v.name) for v in registry.validation_references if v.project in (name, "")]
    return Project(
        **(_common(spec) if spec is not None else {"name": name}),
        entities=tuple(
            Entity(**_common(e), join_key=e.join_key or e.name, value_type=_value_type(e.value_type))
            for e in mine("entities")
            if e.name != DUMMY_ENTITY
        ),
        sources=tuple(
            _source(s) for s in sorted(registry.data_sources, key=lambda s: str(s.name)) if s.project in (name, "")
        ),
        views=(*map(_view, mine("feature_views")), *map(_stream_view, mine("stream_feature_views"))),
        on_demand=tuple(map(_on_demand, mine("on_demand_feature_views"))),
        services=tuple(map(_service, mine("feature_services"))),
        datasets=tuple(map(_dataset, mine("saved_datasets"))),
        labels=tuple(map(_label_view, mine("label_views"))),
        left=tuple(sorted(left)),
    )


def _common(spec: Message) -> dict[str, Any]:
    return {
        "name": spec.name,
        "description": spec.description,
        "owner": getattr(spec, "owner", ""),
        "tags": _pairs(spec.tags),
    }


def _pairs(given: Message) -> tuple[tuple[str, str], ...]:
    """A map; on the wire its order means nothing."""
    return tuple(sorted(given.items()))


def _value_type(number: int) -> str:
    return VALUE_TYPES.get(number, f"unknown ({number})")


def _micros(duration: Message) -> int:
    return int(duration.seconds) * 1_000_000 + int(duration.nanos) // 1000


def _fields(given: Iterable[Message]) -> tuple[Field, ...]:
    return tuple(
        Field(
            **_common(f),
            value_type=_value_type(f.value_type),
            vector_length=f.vector_length if f.vector_index else 0,
        )
        for f in given
    )


def _source(source: Message, depth: int = 0) -> Source:
    kind = SOURCE_TYPES.get(source.type, "")
    stream, made = _KINDS.get(kind, "batch"), _common(source)
    kafka, kinesis = source.kafka_options, source.kinesis_options
    message = kafka.message_format if stream == "kafka" else kinesis.record_format
    written = "avro" if message.HasField("avro_format") else "protobuf" if message.HasField("proto_format") else "json"
    return Source(
        **made,
        kind=stream,  # type: ignore[arg-type]  # one of the five, by the table above
        class_name=source.data_source_class_type.rpartition(".")[2],
        place=_place(source),
        timestamp_field=source.timestamp_field,
        created_timestamp_column=source.created_timestamp_column,
        timestamp_is_date=source.timestamp_field_type.upper() == "DATE",
        date_partition_column=source.date_partition_column,
        field_mapping=_pairs(source.field_mapping),
        batch=_source(source.batch_source, depth + 1) if source.HasField("batch_source") and depth < 1 else None,
        columns=_fields(source.request_data_options.schema),
        bootstrap_servers=kafka.kafka_bootstrap_servers,
        topic=kafka.topic,
        stream=kinesis.stream_name,
        region=kinesis.region,
        message_format=written,
        watermark_delay=_micros(kafka.watermark_delay_threshold),
    )


def _place(holder: Message) -> Place:
    """Of a source or of the storage of a dataset: the one kind of options that it has."""
    engine = next((engine for engine, field in _OPTIONS.items() if holder.HasField(field)), "")
    if not engine:
        return Place()
    options = getattr(holder, _OPTIONS[engine])
    if engine == "file":
        delta = options.file_format.HasField("delta_format")
        return Place(engine=engine, path=options.uri, delta=delta, endpoint=options.s3_endpoint_override)
    if engine == "custom":
        return _configured(options.configuration, getattr(holder, "data_source_class_type", ""))
    spaces = [getattr(options, part, "") for part in ("data_source", "database", "schema")]
    # Athena's own catalog needs no name.
    named = [part for part in spaces if part and part != "AwsDataCatalog"]
    return Place(
        engine=engine,
        table=".".join([*named, options.table]) if options.table else "",
        query=options.query,
        path=getattr(options, "path", ""),
        delta=getattr(options, "file_format", "") == "delta",
        partition_format=getattr(options, "date_partition_column_format", ""),
    )


def _configured(configuration: bytes, class_name: str) -> Place:
    """Sources outside of Feast's core describe themselves in JSON; table and query have these names in all of them."""
    try:
        told = json.loads(configuration)
    except (ValueError, RecursionError):
        told = None
    known = told if isinstance(told, dict) else {}
    table, query = (v if isinstance(v := known.get(key), str) else "" for key in ("table", "query"))
    table = table or (v if isinstance(v := known.get("table_ref"), str) else "")
    return Place(engine=class_name.rpartition(".")[2] or "custom", table=table, query=query)


def _transformation(spec: Message) -> Code | None:
    given = spec.feature_transformation
    if given.HasField("substrait_transformation"):
        return Code(mode="substrait", substrait=True)
    function = given.user_defined_function if given.HasField("user_defined_function") else None
    if function is None and hasattr(spec, "user_defined_function") and spec.HasField("user_defined_function"):
        function = spec.user_defined_function
    if function is None or not (function.name or function.body_text):
        return None
    return Code(mode=spec.mode or getattr(function, "mode", ""), text=function.body_text)


def _keyed(spec: Message) -> dict[str, Any]:
    return {
        **_common(spec),
        "entities": tuple(name for name in spec.entities if name != DUMMY_ENTITY),
        "keys": tuple(f for f in _fields(spec.entity_columns) if f.name != f"{DUMMY_ENTITY}_id"),
        "features": _fields(spec.features),
        "ttl": _micros(spec.ttl),
        "online": spec.online,
        "batch": _source(spec.batch_source) if spec.HasField("batch_source") else None,
        "stream": _source(spec.stream_source) if spec.HasField("stream_source") else None,
        "code": _transformation(spec),
        "disabled": spec.disabled,
    }


def _view(spec: Message) -> View:
    return View(**_keyed(spec), reads=tuple(view.name for view in spec.source_views))


def _label_view(spec: Message) -> View:
    source = _source(spec.source) if spec.HasField("source") else None
    return View(
        **_common(spec),
        kind="label view",
        entities=tuple(name for name in spec.entities if name != DUMMY_ENTITY),
        keys=_fields(spec.entity_columns),
        features=_fields(spec.features),
        batch=source.batch or source if source is not None else None,
        stream=source if source is not None and source.kind != "batch" else None,
    )


def _stream_view(spec: Message) -> View:
    return View(
        **_keyed(spec),
        kind="stream feature view",
        aggregations=tuple(
            Aggregation(
                column=a.column,
                function=a.function,
                window=_micros(a.time_window),
                slide=_micros(a.slide_interval),
                name=a.name,
            )
            for a in spec.aggregations
        ),
    )


def _projection(given: Message) -> Projection:
    return Projection(
        view=given.feature_view_name,
        features=tuple(f.name for f in given.feature_columns),
        alias=given.feature_view_name_alias if given.feature_view_name_alias != given.feature_view_name else "",
        join_key_map=_pairs(given.join_key_map),
        version=given.version_tag or None,
    )


def _on_demand(spec: Message) -> OnDemandView:
    sources = [source for _, source in sorted(spec.sources.items())]
    whole = [s.feature_view.spec for s in sources if s.HasField("feature_view")]
    return OnDemandView(
        **_common(spec),
        features=_fields(spec.features),
        views=(
            *(Projection(view=view.name, features=tuple(f.name for f in view.features)) for view in whole),
            *(_projection(s.feature_view_projection) for s in sources if s.HasField("feature_view_projection")),
        ),
        requests=tuple(_source(s.request_data_source) for s in sources if s.HasField("request_data_source")),
        code=_transformation(spec) or Code(),
        written_online=spec.write_to_online_store,
        disabled=spec.disabled,
    )


def _service(spec: Message) -> Service:
    return Service(
        **_common(spec),
        items=tuple(map(_projection, spec.features)),
        logged=spec.HasField("logging_config"),
        precomputed=spec.precompute_online,
    )


def _dataset(spec: Message) -> Dataset:
    return Dataset(
        **_common(spec),
        join_keys=tuple(spec.join_keys),
        features=tuple(spec.features),
        service=spec.feature_service_name,
        place=_place(spec.storage),
    )
