"""Whatever the bytes: a diagnostic or files that are YAML, never a traceback, never much memory."""

from __future__ import annotations

import json
import tracemalloc
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from google.protobuf import json_format
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asof.compiler.diagnostics import DiagnosticError
from asof.compiler.layout import formatted
from asof.compiler.load import load
from asof.compiler.source import RepoFiles
from asof.compiler.yaml_reader import read as read_yaml
from asof.feast import python_source, registry, wire
from asof.feast import settings as feast_settings
from asof.feast.documents import Document, Note
from asof.feast.lower import Surroundings, lower
from asof.feast.yaml_text import written

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
REGISTRY = (HERE / "registries" / "groceries.db").read_bytes()
DUMP = json_format.MessageToJson(wire.read(REGISTRY, "groceries"))
PYTHON = (HERE / "repos" / "groceries" / "features.py").read_text()
SETTINGS = (HERE / "repos" / "groceries" / "feature_store.yaml").read_text()
FUZZ = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)


def brought_over(found: object) -> None:
    """Lower and write all projects of a registry; what comes out is YAML and a repo as far as that goes."""
    for name in registry.projects(found):
        project = registry.project(found, name, "fuzz")
        top, dialect = feast_settings.document(project, None)
        made = written([top, *lower(project, Surroundings(dialect=dialect))])
        for path, text in made.files.items():
            reading = read_yaml(path, text.encode())
            assert [d.message for d in reading.diagnostics] == []
            assert formatted(path, text.encode(), project=path == "asof.yaml").after == text
        load(RepoFiles(project="asof.yaml", texts={path: text.encode() for path, text in made.files.items()}))


@contextmanager
def refused_or_not(*codes: str) -> Iterator[None]:
    """Nothing is raised but a diagnostic with one of ``codes``."""
    refusals: list[DiagnosticError] = []
    try:
        yield
    except DiagnosticError as error:
        refusals.append(error)
    assert {d.code for error in refusals for d in error.diagnostics} <= set(codes)


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """``whole`` with a few bytes replaced, inserted or cut off."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(data) - 1)) if data else 0
        match draw(st.sampled_from(["set", "insert", "cut", "drop"])):
            case "set" if data:
                data[at] = draw(st.integers(0, 255))
            case "insert":
                data[at:at] = draw(st.binary(max_size=12))
            case "cut":
                del data[at:]
            case _:
                del data[at : at + draw(st.integers(1, 40))]
    return bytes(data)


@FUZZ
@given(st.binary(max_size=400) | damaged(REGISTRY))
def test_any_bytes(data: bytes) -> None:
    with refused_or_not("AS901", "AS902"):
        brought_over(wire.read(data, "fuzz"))


@FUZZ
@given(damaged(DUMP.encode()))
def test_any_dump(data: bytes) -> None:
    with refused_or_not("AS901", "AS902"):
        brought_over(wire.read_dump(data.decode("utf-8", "replace"), "fuzz"))


@settings(FUZZ, max_examples=60)
@given(damaged(PYTHON.encode()))
def test_any_python(data: bytes) -> None:
    project = python_source.read({"features.py": data.decode("utf-8", "replace")}, "groceries")
    lower(project, Surroundings())


@FUZZ
@given(damaged(SETTINGS.encode()))
def test_any_settings(data: bytes) -> None:
    with refused_or_not("AS903"):
        said = feast_settings.parse(data)
        top, _ = feast_settings.document(registry.Project(name=said.project), said)
        assert [d.message for d in read_yaml("asof.yaml", written([top]).files["asof.yaml"].encode()).diagnostics] == []


SCALARS = st.text() | st.booleans() | st.integers(-(2**53), 2**53)
BODIES = st.dictionaries(
    st.text(min_size=1, max_size=8),
    st.recursive(
        SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    min_size=1,
    max_size=4,
)


@pytest.mark.proof
@FUZZ
@given(st.lists(st.tuples(BODIES, st.text(max_size=200), st.text(max_size=200)), min_size=1, max_size=3))
def test_what_is_written_reads_back(documents: list[tuple[dict[str, object], str, str]]) -> None:
    made = written(
        Document(file="a.yaml", body=body, notes=(Note(about="x", text=text, code=code),))
        for body, text, code in documents
    )
    reading = read_yaml("a.yaml", made.files["a.yaml"].encode("utf-8", "surrogatepass"))
    assert [d.message for d in reading.diagnostics] == []
    assert [d.value for d in reading.documents] == [body for body, _, _ in documents]
    assert [doubt for d in reading.documents for doubt in d.doubtful] == []


@pytest.mark.parametrize(
    "data",
    [
        b"\x0a\xff\xff\xff\xff\x07" + b"x" * 100,  # a message of 2 GB that is not there
        b"\x32" * 200_000,
        b"\x0b" * 200_000,  # groups in groups
        b"\xff" * 100_000,
    ],
)
def test_malice_costs_nothing(data: bytes) -> None:
    tracemalloc.start()
    with pytest.raises(DiagnosticError):
        brought_over(wire.read(data, "malice"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 32 * 1024 * 1024


def _length(body: bytes) -> bytes:
    size, made = len(body), b""
    while size > 0x7F:
        made, size = made + bytes([size & 0x7F | 0x80]), size >> 7
    return made + bytes([size])


def nested(depth: int) -> bytes:
    """A data source in a data source (field 26), ``depth`` times; the innermost one has a name."""
    inner = b"\xa2\x01\x01x"
    for _ in range(depth):
        inner = b"\xd2\x01" + _length(inner) + inner
    return inner


def test_nesting_is_bounded() -> None:
    """The runtime takes a hundred messages in one another; a registry has five."""
    start = bytes([0x62])  # Registry.data_sources
    shallow, deep = nested(40), nested(5_000)
    brought_over(wire.read(start + _length(shallow) + shallow, "fuzz"))
    with pytest.raises(DiagnosticError):
        wire.read(start + _length(deep) + deep, "fuzz")


def test_a_dump_nested_deep_is_refused() -> None:
    text = '{"dataSources": [' + '{"batchSource": ' * 50_000 + "{}" + "}" * 50_000 + "]}"
    with pytest.raises(DiagnosticError, match="fuzz"):
        wire.read_dump(text, "fuzz")
    with pytest.raises(DiagnosticError):
        wire.read_dump(json.dumps([1]), "fuzz")
