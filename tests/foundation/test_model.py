"""The model and its plain JSON hold the same thing; positions never count as content."""

from __future__ import annotations

import json

import msgspec
import pytest

from asof.compiler.codec import definition_from_json, to_json
from asof.compiler.duration import Duration
from asof.compiler.model import SLUGS, Aggregation, AnyDefinition, Column, FeatureView, Project, Store, Target, Window
from asof.compiler.types import parse_type

VIEW = FeatureView(
    name="carrier_delays",
    entities=("carrier",),
    source="landings",
    schema=(Column(name="last_delay", type=parse_type("array<map<string,int64>>")),),
    ttl=Duration.parse("36h"),
    aggregations=(
        Aggregation(function="mean", column="delay", windows=(Window(length=Duration.parse("7d")), Window())),
    ),
)


def test_a_view_survives_the_registry() -> None:
    stored = json.loads(json.dumps(to_json(VIEW)))
    assert definition_from_json(stored) == VIEW
    assert stored["ttl"] == "1d12h"
    assert "online" not in stored, "what is at its default is not written"


def test_an_unknown_field_in_the_registry_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        definition_from_json({**to_json(VIEW), "surprise": 1})


def test_every_kind_has_an_address() -> None:
    kinds = {kind.__name__ for kind in AnyDefinition.__args__}
    assert kinds == set(SLUGS)
    assert VIEW.address == "feature_view/carrier_delays"


def test_a_window_names_its_feature() -> None:
    aggregation = VIEW.aggregations[0]
    assert [aggregation.feature_name(w) for w in aggregation.windows] == ["delay_mean_7d", "delay_mean_lifetime"]
    shifted = Window(length=Duration.parse("7d"), offset=Duration.parse("1d"))
    assert aggregation.feature_name(shifted) == "delay_mean_7d_offset_1d"


def test_the_first_target_is_the_default() -> None:
    local, other = (Target(name=n, registry="r", offline=Store(type="duckdb")) for n in ("local", "production"))
    project = Project(version=1, project="p", targets=(local, other))
    assert project.target("") is local
    assert project.target("production") is other
    assert project.target("nowhere") is None
