"""Calls of Feast's classes as values: what a definition in Python says by its keyword arguments."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from asof.feast.model import (
    Aggregation,
    Code,
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
from asof.feast.types import NESTED_TAG, STRUCT_TAG, VALUE_TYPE_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from asof.feast.model import ViewKind

Arguments = dict[str, Any]
"""Keyword arguments that could be read, by name; the others are missing."""


@dataclass(frozen=True, slots=True)
class TypeName:
    """A type of Feast: its ValueType, and the tags that a registry would keep of it."""

    value_type: str
    text: str
    tags: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Format:
    """AvroFormat, ParquetFormat, ...: the first half of the name."""

    name: str


SCALARS = {name: TypeName(value, name) for name, value in VALUE_TYPE_NAMES.items()}
_SOURCES = {
    "FileSource": "file",
    "BigQuerySource": "bigquery",
    "SnowflakeSource": "snowflake",
    "RedshiftSource": "redshift",
    "AthenaSource": "athena",
    "SparkSource": "spark",
    "TrinoSource": "trino",
    "PostgreSQLSource": "PostgreSQLSource",
    "ClickhouseSource": "ClickhouseSource",
}
_STREAMS = {"KafkaSource": "kafka", "KinesisSource": "kinesis", "PushSource": "push", "RequestSource": "request"}
_FORMATS = ("ParquetFormat", "DeltaFormat", "AvroFormat", "JsonFormat", "ProtoFormat")
DECORATORS = ("on_demand_feature_view", "stream_feature_view", "batch_feature_view")
CLASSES = frozenset(
    {
        *_SOURCES, *_STREAMS, *_FORMATS, *DECORATORS, "Entity", "Field", "FeatureView", "BatchFeatureView",
        "StreamFeatureView", "LabelView", "FeatureService", "Aggregation", "Project", "Array", "Set", "Struct",
        "timedelta",
    }
)  # fmt: skip
"""The classes and functions whose calls are understood."""


def is_read(name: str) -> bool:
    """Whether a call of ``name`` can be read: a class of Feast, or a source that somebody else wrote."""
    return name in CLASSES or name.endswith("Source")


def made(name: str, positional: list[Any], given: Arguments, code: str = "") -> object:
    """The value of a call of the class ``name``; None where it says too little. ``code``: of a decorated function."""
    if name in ("Array", "Set", "Struct"):
        return _collection(name, positional)
    if name == "timedelta":
        return _duration(positional, given)
    if name in _FORMATS:
        return Format(name.removesuffix("Format").lower())
    if positional and name in ("Entity", "Field", "FeatureService"):
        given.setdefault("name", positional[0])
    builder = _BUILDERS.get(name)
    if builder is None:
        builder = _stream if name in _STREAMS else _source
    given["class"] = name
    return builder(given, code)


def _collection(name: str, positional: list[Any]) -> TypeName | None:
    match name, positional:
        case "Struct", [dict() as fields] if all(isinstance(kind, TypeName) for kind in fields.values()):
            parts = ", ".join(f'"{field}": "{kind.text}"' for field, kind in fields.items())
            return TypeName("STRUCT", name, ((STRUCT_TAG, f"{{{parts}}}"),))
        case _, [TypeName() as inner] if inner.text.startswith(("Array(", "Set(")):
            text = f"{name}({inner.text})"
            return TypeName("VALUE_LIST" if name == "Array" else "VALUE_SET", text, ((NESTED_TAG, text),))
        case _, [TypeName() as inner]:
            suffix = "LIST" if name == "Array" else "SET"
            return TypeName(f"{inner.value_type}_{suffix}", f"{name}({inner.text})", inner.tags)
    return None


def _duration(positional: list[Any], given: Arguments) -> timedelta | None:
    try:
        return timedelta(*positional, **given)
    except (TypeError, ValueError, OverflowError):
        return None


def _micros(value: object) -> int:
    return value // timedelta(microseconds=1) if isinstance(value, timedelta) else 0


def _text(given: Mapping[str, Any], key: str) -> str:
    value = given.get(key)
    return value if isinstance(value, str) else ""


def _tags(given: Arguments, key: str = "tags") -> tuple[tuple[str, str], ...]:
    value = given.get(key)
    return tuple(sorted((str(k), str(v)) for k, v in value.items())) if isinstance(value, dict) else ()


def _common(given: Arguments) -> dict[str, Any]:
    return {
        "name": _text(given, "name"),
        "description": _text(given, "description"),
        "owner": _text(given, "owner"),
        "tags": _tags(given),
    }


def _listed(given: Arguments, key: str, kind: type | tuple[type, ...]) -> tuple[Any, ...]:
    value = given.get(key)
    return tuple(item for item in value if isinstance(item, kind)) if isinstance(value, list | tuple) else ()


def _field(given: Arguments, _code: str) -> Field | None:
    kind = given.get("dtype")
    if not isinstance(kind, TypeName) or not _text(given, "name"):
        return None
    common = _common(given)
    length = given.get("vector_length")
    return Field(
        **(common | {"tags": tuple(sorted((*common["tags"], *kind.tags)))}),
        value_type=kind.value_type,
        vector_length=length if given.get("vector_index") is True and isinstance(length, int) else 0,
    )


def _entity(given: Arguments, _code: str) -> Entity | None:
    keys = _listed(given, "join_keys", str)
    common = _common(given)
    if not common["name"]:
        return None
    return Entity(
        **common, join_key=keys[0] if keys else common["name"], value_type=_text(given, "value_type") or "INVALID"
    )


def _timed(given: Arguments) -> dict[str, Any]:
    return {
        "class_name": given["class"],
        "timestamp_field": _text(given, "timestamp_field"),
        "created_timestamp_column": _text(given, "created_timestamp_column"),
        "timestamp_is_date": _text(given, "timestamp_field_type") == "DATE",
        "date_partition_column": _text(given, "date_partition_column"),
        "field_mapping": _tags(given, "field_mapping"),
    }


def _source(given: Arguments, _code: str) -> Source | None:
    spaces = [_text(given, key) for key in ("data_source", "database", "schema")] if "table" in given else []
    table = ".".join([*(s for s in spaces if s and s != "AwsDataCatalog"), _text(given, "table")]) if spaces else ""
    path, query = _text(given, "path"), _text(given, "query")
    name = _text(given, "name") or table or path
    if not name:
        return None
    kind = given.get("file_format")
    place = Place(
        engine=_SOURCES.get(given["class"]) or str(given["class"]),
        path=path,
        table=table,
        query=query,
        delta=kind in (Format("delta"), "delta"),
        endpoint=_text(given, "s3_endpoint_override"),
        partition_format=_text(given, "date_partition_column_format"),
    )
    return Source(**(_common(given) | {"name": name}), **_timed(given), place=place)


def _stream(given: Arguments, _code: str) -> Source | None:
    common, batch, kind = _common(given), given.get("batch_source"), given.get("message_format")
    kind = kind or given.get("record_format")
    if not common["name"]:
        return None
    return Source(
        **common,
        **_timed(given),
        kind=_STREAMS[given["class"]],  # type: ignore[arg-type]  # one of the four
        batch=batch if isinstance(batch, Source) else None,
        columns=_listed(given, "schema", Field),
        bootstrap_servers=_text(given, "kafka_bootstrap_servers"),
        topic=_text(given, "topic"),
        stream=_text(given, "stream_name"),
        region=_text(given, "region"),
        message_format={"avro": "avro", "proto": "protobuf"}.get(kind.name if isinstance(kind, Format) else "", "json"),
        watermark_delay=_micros(given.get("watermark_delay_threshold")),
    )


def _view(given: Arguments, code: str) -> View | None:
    common, source = _common(given), given.get("source")
    if not common["name"]:
        return None
    entities, schema = _listed(given, "entities", Entity), _listed(given, "schema", Field)
    keys = {entity.join_key for entity in entities}
    stream = source if isinstance(source, Source) and source.kind != "batch" else None
    sink = given.get("sink_source")
    batch = stream.batch if stream is not None else source if isinstance(source, Source) else sink
    read = source if isinstance(source, list | tuple) else [source]
    name = given["class"].lower()
    kind: ViewKind = "stream feature view" if "stream" in name else "label view" if "label" in name else "feature view"
    return View(
        **common,
        kind=kind,
        entities=tuple(entity.name for entity in entities),
        keys=tuple(field for field in schema if field.name in keys),
        features=tuple(field for field in schema if field.name not in keys),
        ttl=_micros(given.get("ttl")),
        online=given.get("online", "batch" not in name) is not False,
        batch=batch if isinstance(batch, Source) else None,
        stream=stream,
        reads=tuple(view.name for view in read if isinstance(view, View)),
        aggregations=_listed(given, "aggregations", Aggregation),
        code=Code(mode=_text(given, "mode") or "python", text=code) if code or "udf" in given else None,
        disabled=given.get("enabled") is False,
    )


def _aggregation(given: Arguments, _code: str) -> Aggregation | None:
    if not _text(given, "function"):
        return None
    window = _micros(given.get("time_window"))
    return Aggregation(
        column=_text(given, "column"),
        function=_text(given, "function"),
        window=window,
        slide=_micros(given.get("slide_interval")) or window,
        name=_text(given, "name"),
    )


def projection(item: object) -> Projection | None:
    """A view, or what a service takes of it."""
    if isinstance(item, View | OnDemandView):
        return Projection(view=item.name, features=tuple(field.name for field in item.features))
    return item if isinstance(item, Projection) else None


def changed(item: object, method: str, argument: object) -> Projection | None:
    """``view[["a"]]``, ``view.with_name("b")`` and ``view.with_join_key_map({...})``."""
    base = projection(item)
    match method, argument:
        case _ if base is None:
            return None
        case "select", list() | tuple() as names if all(isinstance(name, str) for name in names):
            return replace(base, features=tuple(names))
        case "with_name", str():
            return replace(base, alias=argument)
        case "with_join_key_map", dict() as mapped:
            return replace(base, join_key_map=tuple(sorted((str(k), str(v)) for k, v in mapped.items())))
    return None


def _on_demand(given: Arguments, code: str) -> OnDemandView | None:
    common = _common(given)
    sources = given.get("sources")
    if not common["name"]:
        return None
    items = (
        sources if isinstance(sources, list | tuple) else list(sources.values()) if isinstance(sources, dict) else []
    )
    return OnDemandView(
        **common,
        features=_listed(given, "schema", Field),
        views=tuple(found for item in items if (found := projection(item)) is not None),
        requests=tuple(item for item in items if isinstance(item, Source)),
        code=Code(mode=_text(given, "mode") or "pandas", text=code),
        written_online=given.get("write_to_online_store") is True,
        disabled=given.get("enabled") is False,
    )


def _service(given: Arguments, _code: str) -> Service | None:
    common, items = _common(given), given.get("features")
    if not common["name"]:
        return None
    return Service(
        **common,
        items=tuple(found for item in items or () if (found := projection(item)) is not None),
        logged="logging_config" in given,
        precomputed=given.get("precompute_online") is True,
    )


def _project(given: Arguments, _code: str) -> Project | None:
    return Project(**_common(given)) if _text(given, "name") else None


_BUILDERS: dict[str, Callable[[Arguments, str], object]] = {
    "Field": _field,
    "Entity": _entity,
    "FeatureView": _view,
    "BatchFeatureView": _view,
    "StreamFeatureView": _view,
    "LabelView": _view,
    "batch_feature_view": _view,
    "stream_feature_view": _view,
    "on_demand_feature_view": _on_demand,
    "FeatureService": _service,
    "Aggregation": _aggregation,
    "Project": _project,
}
