"""What part each field of the language plays: the one table behind hashes and change classes."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from asof.compiler import model

if TYPE_CHECKING:
    from collections.abc import Mapping

    import msgspec


class Role(StrEnum):
    """What an edit of a field can do, before anything is proven about the edit."""

    SEMANTIC = "semantic"
    """Values can change."""
    INTERFACE = "interface"
    """Names, types and keys that readers rely on; values can change as well."""
    SQL = "sql"
    """Semantic, and hashed in the canonical form of its SQL."""
    METADATA = "metadata"
    """For people and for the guards of plan and check; no value depends on it."""
    IDENTITY = "identity"
    """How an object got its name; of no consequence once applied."""
    PARTS = "parts"
    """A struct, or a list of structs, whose fields have roles of their own."""


_M, _S, _I, _Q, _P = Role.METADATA, Role.SEMANTIC, Role.INTERFACE, Role.SQL, Role.PARTS

_OBJECT = {
    "name": _I,
    "description": _M,
    "owner": _M,
    "tags": _M,
    "protect": _M,
    "deprecated": _M,
    "moved_from": Role.IDENTITY,
    "allow": _M,
}

_VIEW = _OBJECT | {
    "entities": _I,
    "source": _S,
    "query": _Q,
    "timing": _P,
    "schema": _P,
    "ttl": _S,
    "max_age": _S,
    "online": _I,
    "aggregations": _P,
}

ROLES: Mapping[type[msgspec.Struct], Mapping[str, Role]] = {
    model.Column: {"name": _I, "type": _I, "description": _M, "tags": _M},
    model.Deprecation: {"since": _M, "use": _M, "remove_after": _M},
    model.Entity: _OBJECT | {"join_keys": _P},
    model.Timing: {
        "timestamp_field": _S,
        "created_timestamp_column": _S,
        "unique": _S,
        "delay": _S,
        "visibility": _S,
        "timezone": _S,
        "timestamp_unit": _S,
        "valid_to": _S,
    },
    model.Location: {"path": _S, "table": _S, "query": _Q},
    model.Stream: {
        "bootstrap_servers": _S,
        "topic": _S,
        "stream": _S,
        "region": _S,
        "format": _S,
        "watermark_delay": _S,
    },
    model.DataSource: _OBJECT
    | {
        "type": _S,
        "location": _P,
        # The target in hand has its own location in ``location`` already; these are the others'.
        "targets": _M,
        "columns": _P,
        "timing": _P,
        "field_mapping": _S,
        "date_partition_column": _S,
        "stream": _P,
        "batch_source": _S,
    },
    model.Window: {"length": _S, "offset": _S, "name": _I},
    model.Aggregation: {
        "function": _S,
        "column": _S,
        "windows": _P,
        "name": _I,
        "where": _Q,
        "by": _S,
        "bounds": _S,
        "n": _S,
        "percentiles": _S,
        "order": _S,
        "include_nulls": _S,
        "description": _M,
        "tags": _M,
    },
    model.FeatureView: _VIEW,
    model.StreamFeatureView: _VIEW | {"stream": _S},
    model.Expression: {"name": _I, "type": _I, "expression": _Q, "description": _M, "tags": _M},
    model.OnDemandFeatureView: _OBJECT | {"sources": _S, "features": _P},
    model.FeatureRef: {"name": _I, "alias": _I},
    model.ServiceItem: {"view": _I, "features": _P, "alias": _I, "join_key_map": _S},
    model.FeatureService: _OBJECT | {"features": _P, "full_feature_names": _I},
    model.Spine: {"source": _S, "table": _S, "path": _S, "query": _Q, "columns": _P},
    model.SavedDataset: _OBJECT | {"spine": _P, "timestamp_field": _S, "labels": _I, "service": _S},
    # Nothing reads a test: whatever it says, no value of any feature depends on it.
    model.FeatureTest: _OBJECT | {"view": _M, "service": _M, "given": _M, "spine": _M, "expect": _M},
}
