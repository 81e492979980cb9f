"""Definitions of the model as documents that a user could have written; JSON is YAML."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from asof.compiler.codec import to_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from asof.compiler.model import AnyDefinition

Document = dict[str, Any]


def text_of(definitions: Iterable[AnyDefinition]) -> str:
    """A definition file."""
    return "\n---\n".join(json.dumps(document_of(definition), ensure_ascii=False) for definition in definitions)


def document_of(definition: AnyDefinition) -> Document:
    """One document: what the model nests and pairs is flat and a map again."""
    made: Document = to_json(definition)
    for part in ("timing", "location"):
        made |= made.pop(part, {})
    for key in ("field_mapping", "targets"):
        if key in made:
            made[key] = dict(made[key])
    if "aggregations" in made:
        made["aggregations"] = [_aggregation(one) for one in made["aggregations"]]
    if made["kind"] == "FeatureService":
        made["features"] = [_item(one) for one in made["features"]]
    return made


def _aggregation(made: Document) -> Document:
    windows = [{"length": "lifetime"} | window for window in made["windows"]]
    return {**made, "windows": windows}


def _item(made: Document) -> Document:
    if "alias" in made:
        made["as"] = made.pop("alias")
    if "join_key_map" in made:
        made["join_key_map"] = dict(made["join_key_map"])
    if "features" in made:
        made["features"] = [_renamed(one) for one in made["features"]]
    return made


def _renamed(feature: Mapping[str, str]) -> Document:
    return {"name": feature["name"], **({"as": feature["alias"]} if "alias" in feature else {})}
