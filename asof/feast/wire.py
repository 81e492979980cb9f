"""Feast's registry on the wire: which field has which number, as far as an import needs them.

The protobuf runtime reads by this table; Feast need not be installed and none of its code runs. Fields that are not
listed (pickled functions, materialization history, state) are skipped. Numbers are facts of Feast 0.67; older
registries have fewer fields, never others under the same numbers.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    duration_pb2,
    json_format,
    message,
    message_factory,
    timestamp_pb2,
)

from asof.compiler.diagnostics import DiagnosticError, rule
from asof.compiler.source import NOWHERE

NOT_A_REGISTRY = rule("AS901", "the file is not a Feast registry")

Message = Any
"""A message of the runtime: fields are attributes, repeated ones are sequences."""

_COMMON = {"name": (1, "string"), "project": (2, "string")}
_SOURCE_OPTIONS = {"table": (1, "string"), "query": (2, "string")}
_SCHEMA_OPTIONS = {**_SOURCE_OPTIONS, "schema": (3, "string"), "database": (4, "string")}

MESSAGES: dict[str, dict[str, tuple[int, str]]] = {
    "Registry": {
        "entities": (1, "Entity*"),
        "feature_views": (6, "FeatureView*"),
        "feature_services": (7, "FeatureService*"),
        "on_demand_feature_views": (8, "OnDemandFeatureView*"),
        "saved_datasets": (11, "SavedDataset*"),
        "data_sources": (12, "DataSource*"),
        "validation_references": (13, "ValidationReference*"),
        "stream_feature_views": (14, "StreamFeatureView*"),
        "project_metadata": (15, "ProjectMetadata*"),
        "permissions": (16, "Permission*"),
        "projects": (17, "Project*"),
        "label_views": (19, "LabelView*"),
    },
    "Project": {"spec": (1, "ProjectSpec")},
    "ProjectSpec": {"name": (1, "string"), "description": (2, "string"), "tags": (3, "map"), "owner": (4, "string")},
    "ProjectMetadata": {"project": (1, "string")},
    "Permission": {"spec": (1, "PermissionSpec")},
    "PermissionSpec": _COMMON,
    "ValidationReference": {"name": (1, "string"), "project": (3, "string")},
    "Entity": {"spec": (1, "EntitySpec")},
    "EntitySpec": {
        "name": (1, "string"),
        "value_type": (2, "ValueType"),
        "description": (3, "string"),
        "join_key": (4, "string"),
        "tags": (8, "map"),
        "project": (9, "string"),
        "owner": (10, "string"),
    },
    "Field": {
        "name": (1, "string"),
        "value_type": (2, "ValueType"),
        "tags": (3, "map"),
        "description": (4, "string"),
        "vector_index": (5, "bool"),
        "vector_length": (7, "int32"),
    },
    "DataSource": {
        "type": (1, "SourceType"),
        "field_mapping": (2, "map"),
        "timestamp_field": (3, "string"),
        "date_partition_column": (4, "string"),
        "created_timestamp_column": (5, "string"),
        "file_options": (11, "FileOptions"),
        "bigquery_options": (12, "TableOptions"),
        "kafka_options": (13, "KafkaOptions"),
        "kinesis_options": (14, "KinesisOptions"),
        "redshift_options": (15, "SchemaOptions"),
        "custom_options": (16, "CustomOptions"),
        "data_source_class_type": (17, "string"),
        "request_data_options": (18, "RequestOptions"),
        "snowflake_options": (19, "SchemaOptions"),
        "name": (20, "string"),
        "project": (21, "string"),
        "description": (23, "string"),
        "tags": (24, "map"),
        "owner": (25, "string"),
        "batch_source": (26, "DataSource"),
        "spark_options": (27, "SparkOptions"),
        "timestamp_field_type": (28, "string"),
        "trino_options": (30, "TableOptions"),
        "athena_options": (35, "AthenaOptions"),
    },
    "FileOptions": {"file_format": (1, "FileFormat"), "uri": (2, "string"), "s3_endpoint_override": (3, "string")},
    "FileFormat": {"parquet_format": (1, "Nothing"), "delta_format": (2, "Nothing")},
    "Nothing": {},
    "TableOptions": _SOURCE_OPTIONS,
    "SchemaOptions": _SCHEMA_OPTIONS,
    "AthenaOptions": {**_SOURCE_OPTIONS, "database": (3, "string"), "data_source": (4, "string")},
    "SparkOptions": {
        **_SOURCE_OPTIONS,
        "path": (3, "string"),
        "file_format": (4, "string"),
        "date_partition_column_format": (5, "string"),
    },
    "CustomOptions": {"configuration": (1, "bytes")},
    "KafkaOptions": {
        "kafka_bootstrap_servers": (1, "string"),
        "topic": (2, "string"),
        "message_format": (3, "StreamFormat"),
        "watermark_delay_threshold": (4, "Duration"),
    },
    "KinesisOptions": {"region": (1, "string"), "stream_name": (2, "string"), "record_format": (3, "StreamFormat")},
    "StreamFormat": {"avro_format": (1, "Nothing"), "proto_format": (2, "Nothing"), "json_format": (3, "Nothing")},
    "RequestOptions": {"schema": (3, "Field*")},
    "Function": {"name": (1, "string"), "body_text": (3, "string"), "mode": (4, "string")},
    "Substrait": {"substrait_plan": (1, "bytes")},
    "Transformation": {"user_defined_function": (1, "Function"), "substrait_transformation": (2, "Substrait")},
    "FeatureView": {"spec": (1, "FeatureViewSpec")},
    "FeatureViewSpec": {
        **_COMMON,
        "entities": (3, "string*"),
        "features": (4, "Field*"),
        "tags": (5, "map"),
        "ttl": (6, "Duration"),
        "batch_source": (7, "DataSource"),
        "online": (8, "bool"),
        "stream_source": (9, "DataSource"),
        "description": (10, "string"),
        "owner": (11, "string"),
        "entity_columns": (12, "Field*"),
        "source_views": (14, "FeatureViewSpec*"),
        "feature_transformation": (15, "Transformation"),
        "mode": (16, "string"),
        "disabled": (20, "bool"),
    },
    "LabelView": {"spec": (1, "LabelViewSpec")},
    "LabelViewSpec": {
        **_COMMON,
        "entities": (3, "string*"),
        "features": (4, "Field*"),
        "tags": (5, "map"),
        "source": (7, "DataSource"),
        "description": (9, "string"),
        "owner": (10, "string"),
        "entity_columns": (11, "Field*"),
    },
    "Aggregation": {
        "column": (1, "string"),
        "function": (2, "string"),
        "time_window": (3, "Duration"),
        "slide_interval": (4, "Duration"),
        "name": (5, "string"),
    },
    "StreamFeatureView": {"spec": (1, "StreamFeatureViewSpec")},
    "StreamFeatureViewSpec": {
        **_COMMON,
        "entities": (3, "string*"),
        "features": (4, "Field*"),
        "entity_columns": (5, "Field*"),
        "description": (6, "string"),
        "tags": (7, "map"),
        "owner": (8, "string"),
        "ttl": (9, "Duration"),
        "batch_source": (10, "DataSource"),
        "stream_source": (11, "DataSource"),
        "online": (12, "bool"),
        "user_defined_function": (13, "Function"),
        "mode": (14, "string"),
        "aggregations": (15, "Aggregation*"),
        "feature_transformation": (17, "Transformation"),
        "disabled": (23, "bool"),
    },
    "OnDemandFeatureView": {"spec": (1, "OnDemandFeatureViewSpec")},
    "OnDemandFeatureViewSpec": {
        **_COMMON,
        "features": (3, "Field*"),
        "sources": (4, "map:OnDemandSource"),
        "user_defined_function": (5, "Function"),
        "description": (6, "string"),
        "tags": (7, "map"),
        "owner": (8, "string"),
        "feature_transformation": (10, "Transformation"),
        "mode": (11, "string"),
        "write_to_online_store": (12, "bool"),
        "singleton": (15, "bool"),
        "disabled": (19, "bool"),
    },
    "OnDemandSource": {
        "feature_view": (1, "FeatureView"),
        "request_data_source": (2, "DataSource"),
        "feature_view_projection": (3, "Projection"),
    },
    "Projection": {
        "feature_view_name": (1, "string"),
        "feature_columns": (2, "Field*"),
        "feature_view_name_alias": (3, "string"),
        "join_key_map": (4, "map"),
        "version_tag": (10, "int32"),
    },
    "FeatureService": {"spec": (1, "FeatureServiceSpec")},
    "FeatureServiceSpec": {
        **_COMMON,
        "features": (3, "Projection*"),
        "tags": (4, "map"),
        "description": (5, "string"),
        "owner": (6, "string"),
        "logging_config": (7, "Nothing"),
        "precompute_online": (8, "bool"),
    },
    "SavedDataset": {"spec": (1, "SavedDatasetSpec")},
    "SavedDatasetSpec": {
        **_COMMON,
        "features": (3, "string*"),
        "join_keys": (4, "string*"),
        "storage": (6, "Storage"),
        "tags": (7, "map"),
        "feature_service_name": (8, "string"),
        "description": (11, "string"),
    },
    "Storage": {
        "file_options": (4, "FileOptions"),
        "bigquery_options": (5, "TableOptions"),
        "redshift_options": (6, "SchemaOptions"),
        "snowflake_options": (7, "SchemaOptions"),
        "trino_options": (8, "TableOptions"),
        "spark_options": (9, "SparkOptions"),
        "custom_options": (10, "CustomOptions"),
        "athena_options": (11, "AthenaOptions"),
    },
}
"""Message -> field -> (number, type). ``*`` is repeated; ``map`` is text to text, ``map:X`` text to X."""

_SCALARS = ("BYTES", "STRING", "INT32", "INT64", "DOUBLE", "FLOAT", "BOOL", "UNIX_TIMESTAMP")

ENUMS: dict[str, dict[str, int]] = {
    "ValueType": {
        "INVALID": 0,
        **{name: number for number, name in enumerate(_SCALARS, 1)},
        **{f"{name}_LIST": number for number, name in enumerate(_SCALARS, 11)},
        "NULL": 19,
        "MAP": 20,
        "MAP_LIST": 21,
        **{f"{name}_SET": number for number, name in enumerate(_SCALARS, 22)},
        "PDF_BYTES": 30,
        "IMAGE_BYTES": 31,
        **{
            name: number
            for number, name in enumerate(
                (
                    "JSON", "JSON_LIST", "STRUCT", "STRUCT_LIST", "UUID", "TIME_UUID", "UUID_LIST", "TIME_UUID_LIST",
                    "UUID_SET", "TIME_UUID_SET", "VALUE_LIST", "VALUE_SET", "DECIMAL", "DECIMAL_LIST", "DECIMAL_SET",
                    "SCALAR_MAP", "ZONED_TIMESTAMP",
                ),
                32,
            )
        },
    },
    "SourceType": {
        "INVALID": 0,
        "BATCH_FILE": 1,
        "BATCH_BIGQUERY": 2,
        "STREAM_KAFKA": 3,
        "STREAM_KINESIS": 4,
        "BATCH_REDSHIFT": 5,
        "CUSTOM_SOURCE": 6,
        "REQUEST_SOURCE": 7,
        "BATCH_SNOWFLAKE": 8,
        "PUSH_SOURCE": 9,
        "BATCH_TRINO": 10,
        "BATCH_SPARK": 11,
        "BATCH_ATHENA": 12,
        "BATCH_ICEBERG": 13,
    },
}  # fmt: skip
"""Enum -> name -> number."""

VALUE_TYPES = {number: name for name, number in ENUMS["ValueType"].items()}
SOURCE_TYPES = {number: name for name, number in ENUMS["SourceType"].items()}

SQL_TABLES = {
    "projects": ("project_proto", "projects"),
    "entities": ("entity_proto", "entities"),
    "data_sources": ("data_source_proto", "data_sources"),
    "feature_views": ("feature_view_proto", "feature_views"),
    "stream_feature_views": ("feature_view_proto", "stream_feature_views"),
    "on_demand_feature_views": ("feature_view_proto", "on_demand_feature_views"),
    "label_views": ("feature_view_proto", "label_views"),
    "feature_services": ("feature_service_proto", "feature_services"),
    "saved_datasets": ("saved_dataset_proto", "saved_datasets"),
    "validation_references": ("validation_reference_proto", "validation_references"),
    "permissions": ("permission_proto", "permissions"),
}
"""Table of a SQL registry -> the column that holds one message a row, and the registry's field it belongs to."""

_PACKAGE = "asof.feast"
_PRIMITIVE = {"string": 9, "bytes": 12, "bool": 8, "int32": 5}
_KNOWN = {"Duration": ".google.protobuf.Duration", "Timestamp": ".google.protobuf.Timestamp"}
_REPEATED, _SINGLE, _MESSAGE, _ENUM = 3, 1, 11, 14


def read(data: bytes, where: str) -> Message:
    """The registry in ``data``, as Feast's file registries keep it. Raises DiagnosticError (AS901)."""
    return _parsed("Registry", data, where)


def read_rows(rows: dict[str, list[bytes]], where: str) -> Message:
    """The registry whose SQL tables hold ``rows``: table -> its messages. Raises DiagnosticError (AS901)."""
    made = _class("Registry")()
    for table, messages in rows.items():
        field = SQL_TABLES[table][1]
        kind = MESSAGES["Registry"][field][1].removesuffix("*")
        getattr(made, field).extend(_parsed(kind, data, f"{where}, table {table}") for data in messages)
    return made


def read_dump(text: str, where: str) -> Message:
    """The registry in what ``feast registry-dump`` prints. Raises DiagnosticError (AS901)."""
    made = _class("Registry")()
    try:
        document = json.loads(text)
        if not isinstance(document, dict):
            raise ValueError("it is not a JSON object")
        known = {key: value for key, value in document.items() if isinstance(value, list)}
        # Nesting is bounded by the runtime's own default of 100.
        json_format.ParseDict(known, made, ignore_unknown_fields=True)
        if isinstance(project := document.get("project"), str):
            made.projects.add().spec.name = project
    except (ValueError, TypeError, AttributeError, RecursionError, json_format.Error) as error:
        raise _not_one(where, str(error)) from error
    return made


def _parsed(kind: str, data: bytes, where: str) -> Message:
    made = _class(kind)()
    try:
        made.ParseFromString(data)
    except (message.DecodeError, RecursionError) as error:
        raise _not_one(where, "its bytes are not Feast's protobuf messages") from error
    return made


def _not_one(where: str, why: str) -> DiagnosticError:
    said = f"{where}: {why[:200]}"
    note = "a registry is what `feast apply` writes (registry.db), or what `feast registry-dump` prints"
    return DiagnosticError(NOT_A_REGISTRY.at(NOWHERE, said, notes=(note,)))


def _class(name: str) -> Message:
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"{_PACKAGE}.{name}"))


@cache
def _pool() -> Message:
    """The table as descriptors, in a pool of its own: Feast may be imported in the same process."""
    pool = descriptor_pool.DescriptorPool()
    for known in (duration_pb2, timestamp_pb2):
        pool.AddSerializedFile(known.DESCRIPTOR.serialized_pb)
    made = descriptor_pb2.FileDescriptorProto(
        name="asof_feast.proto",
        package=_PACKAGE,
        syntax="proto3",
        dependency=[duration_pb2.DESCRIPTOR.name, timestamp_pb2.DESCRIPTOR.name],
    )
    for name, values in ENUMS.items():
        enum = made.enum_type.add(name=name)
        for word, number in values.items():
            # Values of one scope share a namespace; the JSON form is taken apart by these names.
            enum.value.add(name=word, number=number)
        if name == "SourceType":
            enum.value[0].name = "INVALID_SOURCE"
    for name, fields in MESSAGES.items():
        _describe(made.message_type.add(name=name), fields)
    pool.AddSerializedFile(made.SerializeToString())
    return pool


def _describe(made: Message, fields: dict[str, tuple[int, str]]) -> None:
    for name, (number, kind) in fields.items():
        repeated = kind.endswith("*") or kind.startswith("map")
        field = made.field.add(name=name, number=number, label=_REPEATED if repeated else _SINGLE)
        if kind.startswith("map"):
            entry = made.nested_type.add(name="".join(word.title() for word in name.split("_")) + "Entry")
            entry.options.map_entry = True
            _type(entry.field.add(name="key", number=1, label=_SINGLE), "string")
            _type(entry.field.add(name="value", number=2, label=_SINGLE), kind.partition(":")[2] or "string")
            field.type, field.type_name = _MESSAGE, entry.name
        else:
            _type(field, kind.removesuffix("*"))


def _type(field: Message, kind: str) -> None:
    if kind in _PRIMITIVE:
        field.type = _PRIMITIVE[kind]
    else:
        field.type = _ENUM if kind in ENUMS else _MESSAGE
        field.type_name = _KNOWN.get(kind, f".{_PACKAGE}.{kind}")
