"""The published schema of plans says what plans are: every plan of the scenarios is valid, and no field is missing."""

from __future__ import annotations

import msgspec
import pytest

from asof import schema
from asof.compiler.approvals import Approval
from asof.compiler.classify import ChangeClass, Reason
from asof.compiler.diff import Action, Change, Reached
from asof.compiler.fingerprint import Hashes
from asof.compiler.guards import Blocked
from asof.compiler.infrastructure import Phase, Step
from asof.compiler.model import Store
from asof.compiler.plan import PLAN_FORMAT, Base, Plan, Tool
from asof.compiler.policies import Freeze
from asof.compiler.query.edits import Edit, EditGroup
from asof.compiler.state import Feature, Recorded, Resource, Settings
from asof.views.plans import as_json
from tests.scenarios.scenario import FILES, read
from tests.views.plans import HOSTILE, plan_of

STRUCTS = (
    Approval,
    Freeze,
    Base,
    Blocked,
    Change,
    Edit,
    Feature,
    Hashes,
    Reached,
    Reason,
    Recorded,
    Resource,
    Settings,
    Step,
    Store,
    Tool,
)


def test_every_plan_of_the_scenarios_is_valid() -> None:
    validator = schema.validator("plan")
    plans = [made for path in FILES if (made := read(path).report.plan) is not None]
    assert len(plans) > 60
    assert [error.message for made in plans for error in validator.iter_errors(as_json(made))] == []


def test_a_plan_with_every_field_is_valid_and_one_with_a_wrong_field_is_not() -> None:
    document = as_json(plan_of(14, text=HOSTILE, blocked=2))
    validator = schema.validator("plan")
    assert validator.is_valid(document)
    for wrong in ({"format": PLAN_FORMAT + 1}, {"changes": [{}]}, {"effect": "short"}):
        assert not validator.is_valid(document | wrong)


@pytest.mark.parametrize("struct", [Plan, *STRUCTS])
def test_the_schema_has_the_fields_that_plans_have(struct: type[msgspec.Struct]) -> None:
    document = schema.document("plan")
    part = document if struct is Plan else document["$defs"][struct.__name__]
    fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    assert part["properties"].keys() == fields.keys()
    assert set(part["required"]) - {"effect"} == {name for name, field in fields.items() if field.required}
    assert all(item.get("description") for item in part["properties"].values())


def test_the_schema_knows_every_word_and_its_format_is_the_one_written() -> None:
    document = schema.document("plan")
    assert document["properties"]["format"]["const"] == PLAN_FORMAT
    for words in (Action, ChangeClass, EditGroup, Phase):
        assert set(document["$defs"][words.__name__]["enum"]) == {str(word) for word in words}
