"""What follows from an edit, in a sentence for the reviewer of a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asof.compiler import model
from asof.compiler.roles import Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    import msgspec

DEFAULTS: Mapping[Role, str] = {
    Role.METADATA: "no value depends on it",
    Role.IDENTITY: "it has no effect: the move was made before, or there was nothing to move",
    Role.SEMANTIC: "values can change",
    Role.SQL: "values can change",
    Role.INTERFACE: "a name, type or key that readers rely on changes",
}

CONSEQUENCES: Mapping[tuple[type[msgspec.Struct] | None, str], str] = {
    (None, "protect"): "holds from the next plan on; this one is judged by what was protected before",
    (None, "deprecated"): "whether it should still be used changes; no value does",
    (None, "moved_from"): DEFAULTS[Role.IDENTITY],
    (None, "type"): "the type of the values changes for everyone who reads them",
    (None, "alias"): "the name that readers know changes",
    (model.FeatureView, "ttl"): "how old a value may be when it is read changes; stored rows stay",
    (model.StreamFeatureView, "ttl"): "how old a value may be when it is read changes; stored rows stay",
    (None, "max_age"): "how long ago a value may have been computed when it is served changes; stored rows stay",
    (model.FeatureView, "entities"): "rows are keyed by something else",
    (model.StreamFeatureView, "entities"): "rows are keyed by something else",
    (model.FeatureView, "source"): "rows come from somewhere else",
    (model.StreamFeatureView, "source"): "rows come from somewhere else",
    (model.FeatureView, "online"): "the view's online table goes, and online reads of it end",
    (model.StreamFeatureView, "online"): "the view's online table goes, and online reads of it end",
    (model.StreamFeatureView, "stream"): "fresh rows come from another stream",
    (model.DataSource, "type"): "rows come in another way",
    (model.DataSource, "targets"): "another target reads from another place; this one does not",
    (model.DataSource, "field_mapping"): "columns reach the views under other names",
    (model.DataSource, "batch_source"): "the stream's history comes from somewhere else",
    (model.DataSource, "date_partition_column"): "other partitions are read",
    (model.Location, "path"): "rows are read from another place",
    (model.Location, "table"): "rows are read from another table",
    (model.Location, "query"): "rows come from another query",
    (model.Timing, "timestamp_field"): "rows happen at another time",
    (model.Timing, "created_timestamp_column"): "which of two rows with one event time wins changes",
    (model.Timing, "unique"): "which of two rows with one event time wins changes",
    (model.Timing, "delay"): "rows are seen earlier or later than they were",
    (model.Timing, "visibility"): "rows are seen earlier or later than they were",
    (model.Timing, "timezone"): "naive timestamps mean another instant",
    (model.Timing, "timestamp_unit"): "integer timestamps mean another instant",
    (model.Timing, "valid_to"): "rows hold for another stretch of time",
    (model.Window, "length"): "the window takes in other rows",
    (model.Window, "offset"): "the window takes in other rows",
    (model.Window, "name"): "the feature goes by another name",
    (model.Aggregation, "function"): "the same rows are aggregated differently",
    (model.Aggregation, "column"): "another column is aggregated",
    (model.Aggregation, "where"): "other rows are aggregated",
    (model.Aggregation, "bounds"): "rows at the very edge of a window count differently",
    (model.Aggregation, "name"): "the feature goes by another name",
    (model.OnDemandFeatureView, "sources"): "expressions see other inputs",
    (model.ServiceItem, "join_key_map"): "features are looked up by another column of the spine",
    (model.FeatureService, "full_feature_names"): "every feature goes by another name",
    (model.SavedDataset, "service"): "the training set gets other features",
    (model.SavedDataset, "labels"): "labels that readers rely on change",
    (model.SavedDataset, "timestamp_field"): "features are looked up as of another time",
    (model.Spine, "source"): "the training set has other rows",
    (model.Spine, "table"): "the training set has other rows",
    (model.Spine, "path"): "the training set has other rows",
    (model.Spine, "query"): "the training set has other rows",
}
"""(struct, field) -> the sentence; None stands for every struct. What is not here has its role's default."""
