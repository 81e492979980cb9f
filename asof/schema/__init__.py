"""What may be written: one JSON Schema (draft 2020-12) for asof.yaml, for each kind and for plans, by version.

The files in ``v1/`` are the language. Editors read them as published; the loader decides with a
predicate compiled from the same files and asks jsonschema what is wrong only where it says no.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from asof.schema.predicate import anchored, compiled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jsonschema.protocols import Validator

VERSION = 1
BASE = f"https://asof.dev/schema/v{VERSION}/"

KINDS = {
    "project": "project",
    "definition": "definition",
    "Entity": "entity",
    "DataSource": "data_source",
    "FeatureView": "feature_view",
    "StreamFeatureView": "stream_feature_view",
    "OnDemandFeatureView": "on_demand_feature_view",
    "FeatureService": "feature_service",
    "SavedDataset": "saved_dataset",
    "FeatureTest": "feature_test",
}
"""What is written by hand -> the stem of its schema's file. ``definition`` dispatches on ``kind``."""

DOCUMENTS = {"plan": "plan"}
"""What asof writes for other programs -> the stem of its schema's file."""

ALL = KINDS | DOCUMENTS
"""Everything that has a schema."""


@cache
def document(kind: str) -> dict[str, Any]:
    """The schema of a key of ``ALL``, self-contained: what it refers to stands in its own ``$defs``."""
    root = _read(ALL[kind])
    needed: dict[str, Any] = {}
    bundled = _inline(root, needed)
    bundled["$defs"] = dict(sorted(needed.items()))
    return bundled


def text(kind: str) -> str:
    """The schema of a key of ``ALL`` as JSON text, ready for an editor."""
    return json.dumps(document(kind), indent=2, ensure_ascii=False) + "\n"


@cache
def accepts(kind: str) -> Callable[[object], bool]:
    """A fast test of whether a plain JSON value is valid."""
    return compiled(document(kind))


@cache
def validator(kind: str) -> Validator:
    """The jsonschema validator that tells what is wrong with a value which ``accepts`` refuses."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError
    from jsonschema.validators import extend

    def pattern(_: Validator, wanted: str, instance: object, __: object) -> Iterator[ValidationError]:
        if isinstance(instance, str) and not anchored(wanted).search(instance):
            yield ValidationError(f"{instance!r} does not match {wanted!r}")

    strict = extend(  # type: ignore[no-untyped-call]
        Draft202012Validator,
        {"pattern": pattern},
        type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int),
    )
    made: Validator = strict(document(kind))
    return made


@cache
def _read(stem: str) -> dict[str, Any]:
    found = files("asof.schema").joinpath(f"v{VERSION}", f"{stem}.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(found)
    return schema


def _inline(schema: dict[str, Any], needed: dict[str, Any]) -> dict[str, Any]:
    for name, part in schema.get("$defs", {}).items():
        if name not in needed:
            needed[name] = _walk(part, needed)
    return {key: _walk(value, needed) for key, value in schema.items() if key != "$defs"}


def _walk(value: Any, needed: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [_walk(item, needed) for item in value]
    if not isinstance(value, dict):
        return value
    made = {key: _walk(item, needed) for key, item in value.items() if key != "$ref"}
    if isinstance(target := value.get("$ref"), str):
        return {"$ref": f"#/$defs/{_need(target, needed)}", **made}
    return made


def _need(target: str, needed: dict[str, Any]) -> str:
    stem, _, fragment = target.partition("#/$defs/")
    stem = stem.removesuffix(".schema.json")
    name = fragment or stem
    if stem and name not in needed:
        needed[name] = {}
        part = _read(stem)["$defs"][name] if fragment else _inline(_read(stem), needed)
        needed[name] = {key: value for key, value in _walk(part, needed).items() if key not in ("$id", "$schema")}
    return name
