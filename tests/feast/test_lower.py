"""What Feast says and asof does not: each is left out or changed, and said."""

from __future__ import annotations

from asof.compiler.check import check
from asof.compiler.diagnostics import Level
from asof.compiler.load import load
from asof.compiler.source import RepoFiles
from asof.feast import settings
from asof.feast.lower import Surroundings, lower
from asof.feast.model import (
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
from asof.feast.types import SCALARS, type_of
from asof.feast.wire import ENUMS
from asof.feast.yaml_text import written

FILE = Source(name="f", timestamp_field="ts", place=Place(engine="file", path="f.parquet"))
USER = Entity(name="user", join_key="user_id", value_type="INT64")
X = Field(name="x", value_type="DOUBLE")


def view(name: str, **given: object) -> View:
    return View(**({"name": name, "entities": ("user",), "features": (X,), "batch": FILE} | given))  # type: ignore[arg-type]


def lowered(project: Project) -> tuple[dict[str, dict[str, object]], str]:
    """Documents by address-like name, and all notes as one text; the repo they make is valid."""
    top, dialect = settings.document(project, None)
    documents = (top, *lower(project, Surroundings(dialect=dialect)))
    made = written(documents)
    loaded = load(RepoFiles(project="asof.yaml", texts={path: text.encode() for path, text in made.files.items()}))
    assert loaded.repo is not None
    found = (*loaded.diagnostics, *check(loaded.repo))
    assert [d.message for d in found if d.level is Level.ERROR] == []
    bodies = {f"{d.body['kind']}/{d.body['name']}": d.body for d in documents if d.body and "kind" in d.body}
    return bodies, "\n".join(f"{placed.note.about}: {placed.note.text}" for placed in made.notes)


def test_every_value_type_has_a_type() -> None:
    features = tuple(Field(name=f"f_{name.lower()}", value_type=name) for name in ENUMS["ValueType"])
    bodies, _ = lowered(Project(name="p", entities=(USER,), views=(view("all", features=features),)))
    schema = {c["name"]: c["type"] for c in bodies["FeatureView/all"]["schema"]}  # type: ignore[attr-defined]
    assert schema["f_int64_list"] == "array<int64>"
    assert schema["f_time_uuid_set"] == "array<uuid>"
    assert {schema[f"f_{name.lower()}"] for name in SCALARS} == set(SCALARS.values())


def test_nested_types_are_in_tags() -> None:
    nested = Field(name="x", value_type="VALUE_LIST", tags=(("feast:nested_inner_type", "Array(Array(Int64))"),))
    assert type_of(nested) == ("array<array<int64>>", "")
    structs = Field(name="x", value_type="STRUCT_LIST", tags=(("feast:struct_schema", '{"a": "FLOAT_LIST"}'),))
    assert type_of(structs) == ("array<struct<a:array<float32>>>", "")
    broken = Field(name="x", value_type="STRUCT", tags=(("feast:struct_schema", '{"a b": "FLOAT"}'),))
    assert type_of(broken)[0] == "json"


def test_views_that_python_computes_are_left_out_of_what_uses_them() -> None:
    python = view("computed", code=Code(mode="pandas", text="def f(df):\n    return df"))
    on_demand = OnDemandView(name="more", views=(Projection(view="computed"),), features=(X,))
    service = Service(name="s", items=(Projection(view="computed"), Projection(view="plain"), Projection(view="more")))
    bodies, notes = lowered(
        Project(name="p", entities=(USER,), views=(python, view("plain")), on_demand=(on_demand,), services=(service,))
    )
    assert "FeatureView/computed" not in bodies
    assert bodies["FeatureService/s"]["features"] == ["plain"]
    assert "feature view computed: is left out: its features are computed by Python (mode pandas)" in notes
    assert "feature service s: is without computed: its features are computed by Python." in notes
    assert "It reads computed (its features are computed by Python), left out as well." in notes


def test_saved_datasets_ask_their_rows_again() -> None:
    kept = Dataset(name="train", join_keys=("user_id",), service="s", place=Place(engine="file", path="train.parquet"))
    loose = Dataset(name="loose", features=("plain:x",), place=Place(engine="file", path="loose.parquet"))
    service = Service(name="s", items=(Projection(view="plain"),))
    bodies, notes = lowered(
        Project(name="p", entities=(USER,), views=(view("plain"),), services=(service,), datasets=(kept, loose))
    )
    assert bodies["SavedDataset/train"]["spine"] == {
        "path": "train.parquet",
        "columns": [{"name": "user_id", "type": "int64"}, {"name": "event_timestamp", "type": "timestamp"}],
    }
    assert "saved dataset loose: is left out: it was made without a feature service." in notes


def test_what_two_views_say_of_one_column_is_said() -> None:
    other = view("other", features=(Field(name="x", value_type="INT64"),))
    bodies, notes = lowered(Project(name="p", entities=(USER,), views=(view("one"), other)))
    assert bodies["FeatureView/other"]["schema"] == [{"name": "x", "type": "float64"}]
    assert "feature view other, x: was int64; another view, or its source, says float64" in notes


def test_odd_times_names_and_places() -> None:
    day = 86_400_000_000
    delta = Source(name="d", timestamp_field="ts", place=Place(engine="file", path="s3://b/d", delta=True))
    folder = Source(name="files", timestamp_field="ts", place=Place(engine="file", path="s3://b/files/"))
    unknown = Source(name="u", timestamp_field="ts", place=Place(engine="OracleSource"))
    dated = Source(name="dated", timestamp_field="d", timestamp_is_date=True, place=Place(engine="bigquery", table="t"))
    stream = Source(name="k", kind="kinesis", stream="s", region="r", batch=folder)
    broken = Source(name="lost", kind="kafka", batch=folder)
    bodies, notes = lowered(
        Project(
            name="1-p",
            entities=(USER,),
            views=(
                view("a--b", ttl=-day),
                view("a__b", ttl=10**18 * 40),
                view("f", batch=delta),
                view("g", batch=unknown, disabled=True),
                view("h", batch=dated, reads=("f",)),
                view("i", batch=folder, stream=stream),
                view("j", batch=folder, stream=broken),
                view("k" * 80),
                view("l", batch=None),
                view("m", features=(Field(name="a\nb", value_type="INT64"), X, Field(name="X", value_type="INT64"))),
            ),
            left=(("permission", "readers"), ("validation reference", "v")),
        )
    )
    assert {"FeatureView/a_b", "FeatureView/a_b_2", "StreamFeatureView/i", "FeatureView/j"} <= bodies.keys()
    assert bodies["DataSource/files"]["path"] == "s3://b/files/**/*.parquet"
    assert bodies["DataSource/f_source"]["name"] == "f_source"
    for said in (
        "ttl of -1 days is left out",
        "is a Delta table",
        "is of the class OracleSource",
        "is disabled in Feast",
        "Feast derives it from f",
        "kafka source lost: is left out",
        "feature view l: is left out: it has no batch source",
        "the feature 'a\\nb' is left out",
        "another has it in other letters",
        "permission readers: is left in Feast",
    ):
        assert said in notes, said
