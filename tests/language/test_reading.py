"""Bytes in, documents or diagnostics out: never an exception, never a value silently changed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asof import schema
from asof.compiler.check import check
from asof.compiler.load import Loaded, load
from asof.compiler.scalars import Doubt, read_plain
from asof.compiler.source import RepoFiles
from asof.compiler.yaml_reader import read
from asof.views.frames import masked, render

PROJECT = b"version: 1\nproject: p\ntargets: {local: {registry: r, offline: {type: duckdb}}}\n"
VALID = """kind: DataSource
name: weather
path: data/weather.parquet
timestamp_field: observed_at
delay: 30m
columns:
  - {name: origin, type: string}
  - {name: observed_at, type: timestamp}
  - {name: wind, type: float64}
---
kind: Entity
name: airport
join_keys: [{name: origin, type: string}]
---
kind: FeatureView
name: winds
entities: [airport]
source: weather
ttl: 30d
schema: [{name: wind, type: float64}]
aggregations: [{function: mean, column: wind, windows: [1h, {length: 7d, offset: 1d}]}]
---
kind: FeatureService
name: model
full_feature_names: true
features: ["winds:wind", {view: winds, as: there, join_key_map: {origin: dest}}]
"""


SIGNS = [*"{}[]:,-&*!|>'\"\t\n# ", "1e3", "no", "~", "<<: ", "---\n", ""]


def loaded(text: bytes | str, project: bytes = PROJECT) -> Loaded:
    data = text.encode() if isinstance(text, str) else text
    return load(RepoFiles(project="asof.yaml", texts={"asof.yaml": project, "x.yaml": data}))


def codes(found: Loaded) -> list[str]:
    return [d.code for d in found.diagnostics]


def everything(text: bytes) -> None:
    found = loaded(text)
    diagnostics = found.diagnostics + (check(found.repo) if found.repo else ())
    render(diagnostics, found.sources)


@given(st.binary(max_size=200))
@settings(max_examples=150, deadline=None)
def test_random_bytes_never_raise(data):
    everything(data)
    loaded("", project=data)


@given(
    st.lists(
        st.tuples(
            st.integers(0, len(VALID)),
            st.sampled_from([*SIGNS]),
        )
    )
)
@settings(max_examples=150, deadline=None)
def test_mutated_definitions_never_raise(edits):
    text = VALID
    for at, what in edits:
        text = text[:at] + what + text[at + (not what) :]
    everything(text.encode())


KEYS = st.sampled_from(
    [
        "kind",
        "name",
        "source",
        "query",
        "schema",
        "ttl",
        "entities",
        "aggregations",
        "delay",
        "columns",
        "type",
        "path",
        "tags",
    ]
)
LEAVES = st.sampled_from([None, True, 0, 1.5, "", "1d", "x", "x\n", "batch", "kafka", "FeatureView", "DataSource"])
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5))


@given(st.sampled_from(sorted(schema.KINDS)), st.dictionaries(KEYS, JSON, max_size=6))
@settings(max_examples=300, deadline=None)
def test_the_compiled_schema_and_jsonschema_agree(kind, document):
    if kind not in ("project", "definition"):
        document["kind"] = kind
    assert schema.accepts(kind)(document) == schema.validator(kind).is_valid(document)


@pytest.mark.parametrize("kind", sorted(schema.KINDS))
def test_every_example_of_a_schema_is_valid(kind):
    for example in schema.document(kind)["examples"]:
        assert schema.accepts(kind)(example)


@pytest.mark.parametrize(
    ("text", "value", "doubt"),
    [
        ("no", "no", Doubt.TEXT),
        ("On", "On", Doubt.TEXT),
        ("010", 10, Doubt.NUMBER),
        ("0o10", 8, Doubt.NUMBER),
        ("1e3", 1000.0, Doubt.NUMBER),
        ("1_000", "1_000", Doubt.TEXT),
        ("12:30:45", "12:30:45", Doubt.TEXT),
        ("2024-01-01", "2024-01-01", Doubt.DATE),
        ("2024-01-01 10:00:00Z", "2024-01-01 10:00:00Z", Doubt.DATE),
        (".inf", ".inf", Doubt.UNHELD),
        ("9223372036854775808", "9223372036854775808", Doubt.UNHELD),
        ("~", None, Doubt.NONE),
        ("true", True, Doubt.NONE),
        ("1.5", 1.5, Doubt.NONE),
        ("0x1F", 31, Doubt.NONE),
        ("1.2.3", "1.2.3", Doubt.NONE),
    ],
)
def test_a_plain_scalar_means_what_yaml_1_2_says_and_doubts_are_told(text, value, doubt):
    reading = read_plain(text)
    assert (reading.value, reading.doubt) == (value, doubt)
    assert type(reading.value) is type(value)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"a: \xff", "AS101"),
        (b"a: [1", "AS102"),
        (b"a:\n\tb: 1", "AS103"),
        (b"a: \x01", "AS104"),
        (b"a: 1\na: 2", "AS105"),
        (b"1: 2", "AS106"),
        (b"a: !x 1", "AS107"),
        (b"a: &a [*a]", "AS108"),
        (b"[" * 100_000, "AS109"),
        (b"a: 010", "AS112"),
        (b"a: .nan", "AS113"),
        (b"a: {<<: 1}", "AS117"),
    ],
)
def test_each_oddity_of_yaml_has_its_code(text, code):
    assert [d.code for d in read("x", text).diagnostics] == [code]


def test_an_alias_bomb_is_refused_before_it_grows():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30)]
    assert [d.code for d in read("x", "\n".join(lines).encode()).diagnostics] == ["AS108"]


def test_a_broken_document_does_not_hide_the_others():
    found = loaded("kind: Entity\nname: [\n---\n" + VALID)
    assert codes(found) == ["AS102"]
    assert found.repo is not None
    assert len(found.repo.definitions) == 4


def test_merged_keys_are_found_where_they_are_written():
    text = "base: &b {type: int65}\n"
    reading = read("x", (text + "c: {<<: *b, name: k}\n").encode())
    assert reading.documents[0].value == {"base": {"type": "int65"}, "c": {"name": "k", "type": "int65"}}


def test_shorthands_are_spelt_out():
    repo = loaded(VALID).repo
    assert repo is not None
    service, view = repo.service("model"), repo.view("winds")
    assert service is not None
    assert [(i.view, [f.name for f in i.features], i.alias) for i in service.features] == [
        ("winds", ["wind"], ""),
        ("winds", [], "there"),
    ]
    assert [w.suffix for w in view.aggregations[0].windows] == ["1h", "7d_offset_1d"]
    assert check(repo) == ()


@pytest.mark.parametrize(
    "line", ["url: redis://me:hunter2@host/0", "url: host=x password=hunter2", "password: hunter2"]
)
def test_a_password_never_shows_in_a_frame(line):
    shown = masked(line)
    assert "hunter2" not in shown
    assert len(shown) == len(line)


def test_a_literal_password_is_an_error_that_does_not_repeat_it():
    project = PROJECT.replace(b"{type: duckdb}", b"{type: postgres, url: 'postgresql://me:hunter2@db/x'}")
    found = loaded("", project)
    assert codes(found) == ["AS216"]
    assert "hunter2" not in render(found.diagnostics, found.sources)


def test_a_url_may_take_both_user_and_password_from_the_environment():
    url = b"postgresql://${env:PGUSER}:${env:PGPASSWORD}@db/x"
    assert codes(loaded("", PROJECT.replace(b"{type: duckdb}", b"{type: postgres, url: '" + url + b"'}"))) == []
