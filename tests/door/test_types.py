"""Every function, of every type, on every engine that trains: what validate passes gives the oracle's value."""

from __future__ import annotations

import csv
import json
import math
import struct
from contextlib import closing
from datetime import UTC, date, datetime
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING

import psycopg
import pyarrow as pa
import pytest
from sqlglot import exp

import asof
import asof.engines
from asof.cli import main
from asof.compiler import support
from asof.compiler.diagnostics import DiagnosticError
from asof.compiler.dialects import DIALECTS
from asof.compiler.features import result_type
from asof.compiler.model import (
    Aggregation,
    Column,
    DataSource,
    Entity,
    FeatureView,
    Location,
    Project,
    Repo,
    Store,
    Target,
    Timing,
    Window,
)
from asof.compiler.types import FLOAT64, INT64, KEY_TYPES, STRING, TIMESTAMP, UUID, Type, parse_type
from asof.engines.arrow import arrow_type
from asof.ops.historical import save
from asof.ops.spine import prepared
from asof.testing.online_stores import refused
from tests.door import typed
from tests.door.written import text_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from asof.compiler.model import AnyDefinition

ENGINES = ("duckdb", "sqlite", "postgres")
VIEWS = {label: f"v{number}" for number, label in enumerate(typed.COLUMNS)}
SPINE = pa.table({"k": [1, 2, 3], "event_timestamp": pa.array([typed.ASKED] * 3, pa.timestamp("us", "UTC"))})


def source() -> DataSource:
    columns = [Column(name="k", type=INT64), Column(name="ts", type=TIMESTAMP), Column(name="g", type=STRING)]
    columns += [Column(name=typed.column_of(label), type=kind) for label, (kind, _) in typed.COLUMNS.items()]
    return DataSource(
        name="s", location=Location(table="s"), columns=tuple(columns), timing=Timing(timestamp_field="ts")
    )


def view_of(label: str, aggregations: list[Aggregation]) -> FeatureView:
    latest = Column(name=typed.column_of(label), type=typed.COLUMNS[label][0])
    return FeatureView(
        name=VIEWS[label], entities=("e",), source="s", schema=(latest,), aggregations=tuple(aggregations)
    )


def supported(engine: str, label: str) -> list[Aggregation]:
    """The aggregations that validate does not refuse, with a way out, for this engine."""
    target = Target(name="it", registry="r", offline=Store(type=engine))
    entity = Entity(name="e", join_keys=(Column(name="k", type=INT64),))
    kept = []
    for one in typed.aggregations(label):
        known: list[AnyDefinition] = [entity, source(), view_of(label, [one])]
        repo = Repo(
            project=Project(version=1, project="typed", targets=(target,)), definitions={d.address: d for d in known}
        )
        refused = list(support.unsupported(repo, view_of(label, [one]), DIALECTS[engine]))
        assert all(found.code == "AS502" and found.notes for found in refused)
        if not refused:
            kept.append(one)
    return kept


@pytest.fixture(scope="module")
def store_on(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Callable[[str], asof.Store]:
    made: dict[str, asof.Store] = {}

    def on(engine: str) -> asof.Store:
        if engine not in made:
            made[engine] = applied(tmp_path_factory.mktemp(engine), engine, options_of(engine, request, "typed"))
        return made[engine]

    return on


def options_of(engine: str, request: pytest.FixtureRequest, schema: str) -> dict[str, str]:
    """Where the store is: a file of the repo, or a fresh schema of the server."""
    if engine != "postgres":
        return {"path": "offline.db"}
    url = request.getfixturevalue("postgres_dsn")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE".encode())
        connection.execute(f"CREATE SCHEMA {schema}".encode())
    return {"url": url, "schema": schema}


def write(root: Path, engine: str, options: dict[str, str], definitions: list[AnyDefinition]) -> None:
    """A repo, applied."""
    target = {"registry": ".asof/registry", "offline": {"type": engine, **options}}
    (root / "asof.yaml").write_text(json.dumps({"version": 1, "project": "typed", "targets": {"it": target}}))
    (root / "features.yaml").write_text(text_of(definitions))
    assert main(["apply", "--yes", "-C", str(root)]) == 0


def applied(root: Path, engine: str, options: dict[str, str]) -> asof.Store:
    typed.make_table(root, Store(type=engine, options=tuple(options.items())), typed.table())
    views = [view_of(label, supported(engine, label)) for label in typed.COLUMNS]
    write(root, engine, options, [Entity(name="e", join_keys=(Column(name="k", type=INT64),)), source(), *views])
    return asof.Store(root)


@pytest.mark.parametrize("label", typed.COLUMNS)
@pytest.mark.parametrize("engine", [pytest.param(e, marks=pytest.mark.xdist_group(f"engine-{e}")) for e in ENGINES])
def test_a_type(store_on: Callable[[str], asof.Store], engine: str, label: str) -> None:
    store, view = store_on(engine), VIEWS[label]
    kind, values = typed.COLUMNS[label]
    features: dict[str, tuple[Type, list[object]]] = {typed.column_of(label): (kind, [values[-1], None, None])}
    for one in supported(engine, label):
        for window in one.windows:
            exact = one.function not in DIALECTS[engine].approximations
            if exact:
                features[one.feature_name(window)] = (result_type(one, kind), typed.expected(label, one, window))
    wrong = []
    try:
        answer = store.historical(SPINE, features=[view])
    except (DiagnosticError, pa.ArrowException):
        answer = None
    for name, (made, wanted) in features.items():
        try:
            got = (answer or store.historical(SPINE, features=[f"{view}:{name}"])).column(name).to_pylist()
        except (DiagnosticError, pa.ArrowException) as error:
            wrong.append(f"{name}: {str(error).splitlines()[0][:160]}")
            continue
        shown = [typed.plain(value, made) for value in got]
        if not all(map(same, shown, [typed.plain(value, made) for value in wanted])):
            wrong.append(f"{name}: {shown}, expected {wanted}")
    assert answer is not None, "the view fails as a whole:\n" + "\n".join(wrong)
    assert not wrong, "\n".join(wrong)


KEYS: dict[str, tuple[object, object]] = {
    "bool": (True, False),
    "int32": (-(2**31), 2**31 - 1),
    "int64": (2**53 + 1, 2**53),
    "string": ("é\\", "É\\"),
    "bytes": (b"\\x00", b"\x00"),
    "date": (date(9999, 12, 31), date(1, 1, 1)),
    "timestamp": (datetime(2024, 1, 1, microsecond=1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)),
    "uuid": typed.UUIDS[:2],
}
"""Type -> a key with rows and another one, which has none."""


@pytest.mark.parametrize("kind", sorted(KEY_TYPES, key=str), ids=str)
@pytest.mark.parametrize("engine", [pytest.param(e, marks=pytest.mark.xdist_group(f"engine-{e}")) for e in ENGINES])
def test_a_join_key(kind: Type, engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    options = options_of(engine, request, f"keyed_{kind}")
    key, other = KEYS[str(kind)]
    columns = {
        "k": (kind, [key, key]),
        "ts": (TIMESTAMP, [typed.START, typed.START + typed.HOUR]),
        "n": (INT64, [1, 2]),
    }
    typed.make_table(tmp_path, Store(type=engine, options=tuple(options.items())), columns)
    table = DataSource(
        name="s",
        location=Location(table="s"),
        columns=tuple(Column(name=name, type=made) for name, (made, _) in columns.items()),
        timing=Timing(timestamp_field="ts"),
    )
    total = Aggregation(function="sum", column="n", windows=(Window(),), name="total")
    view = FeatureView(
        name="v", entities=("e",), source="s", schema=(Column(name="n", type=INT64),), aggregations=(total,)
    )
    write(tmp_path, engine, options, [Entity(name="e", join_keys=(Column(name="k", type=kind),)), table, view])
    spine = pa.table(
        {"k": pa.array([key, other, None], arrow_type(kind)), "event_timestamp": SPINE.column("event_timestamp")}
    )
    answer = asof.Store(tmp_path).historical(spine, features=["v"])
    assert answer.column("n").to_pylist() == [2, None, None]
    assert answer.column("total_lifetime").to_pylist() == [3, None, None]


def test_a_uuid_in_a_spine_has_any_spelling_or_is_refused() -> None:
    upper = pa.table({"k": [typed.UUIDS[0].upper()], "t": pa.array([typed.START], pa.timestamp("us", "UTC"))})
    made = prepared(upper, {"k": UUID}, timestamp="t", row_id="row")
    assert made.column("k").to_pylist() == [typed.UUIDS[0]]
    with refused("AS762"):
        prepared(upper.set_column(0, "k", [["nobody"]]), {"k": UUID}, timestamp="t", row_id="row")


@pytest.mark.parametrize("engine", [pytest.param(e, marks=pytest.mark.xdist_group(f"engine-{e}")) for e in ENGINES])
def test_windows_of_integers_that_fit_where_all_together_do_not(
    engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    options, most = options_of(engine, request, "overflowing"), 2**63 - 1
    numbers = [most, -1, most, -most - 1, 1, most - 1, most]
    times = [typed.START + place * 2 * typed.HOUR for place in range(7)]
    columns = {"k": (INT64, [1] * 7), "ts": (TIMESTAMP, times), "n": (INT64, numbers)}
    typed.make_table(tmp_path, Store(type=engine, options=tuple(options.items())), columns)
    table = DataSource(
        name="s",
        location=Location(table="s"),
        columns=tuple(Column(name=name, type=made) for name, (made, _) in columns.items()),
        timing=Timing(timestamp_field="ts"),
    )
    made = {
        function: Aggregation(function=function, column="n", windows=(Window(length=typed.hours(3)),))
        for function in ("sum", "mean")
    }
    views = [FeatureView(name=name, entities=("e",), source="s", aggregations=(one,)) for name, one in made.items()]
    write(tmp_path, engine, options, [Entity(name="e", join_keys=(Column(name="k", type=INT64),)), table, *views])
    asked = [time + typed.HOUR for time in times]
    spine = pa.table({"k": [1] * 7, "event_timestamp": pa.array(asked, pa.timestamp("us", "UTC"))})
    store = asof.Store(tmp_path)
    sums = [numbers[0], *(left + right for left, right in pairwise(numbers))]
    assert store.historical(spine.slice(0, 6), features=["sum"]).column("n_sum_3h").to_pylist() == sums[:6]
    means = store.historical(spine, features=["mean"]).column("n_mean_3h").to_pylist()
    assert means == pytest.approx([sums[0], *(total / 2 for total in sums[1:])], rel=1e-9, abs=1e-9)
    with refused("AS724"):
        store.historical(spine, features=["sum"])


@pytest.mark.parametrize("engine", ["sqlite"])
def test_floats_in_lists_keep_all_of_their_digits(engine: str, tmp_path: Path) -> None:
    random = Random(1)
    floats = [struct.unpack("<d", random.randbytes(8))[0] for _ in range(2_000)]
    values = [0.1 + 0.2, 5e-324, 1.7976931348623157e308, *(value for value in floats if math.isfinite(value))]
    with closing(asof.engines.connect(Store(type=engine), root=tmp_path)) as opened:
        opened.load("s", pa.table({"v": values}).to_reader())
        item = DIALECTS[engine].item(exp.column("v"), FLOAT64).sql(dialect=engine)
        listed = Column(name="v", type=parse_type("array<float64>"))
        made = opened.query(f"SELECT JSON_GROUP_ARRAY({item}) AS v FROM s", [listed]).read_all()
    assert made.column("v").to_pylist() == [values]


def test_a_csv_file_holds_nested_values_as_json(tmp_path: Path) -> None:
    kinds = [parse_type(name) for name in ("array<bytes>", "map<string,float64>", "struct<a:int64>")]
    values = [[[b"\x00"], None], [[("a", math.inf)], None], [{"a": 1}, None]]
    table = pa.table(
        {str(i): pa.array(v, arrow_type(kind)) for i, (v, kind) in enumerate(zip(values, kinds, strict=True))}
    )
    assert save(table.to_reader(), tmp_path / "out.csv") == 2
    with (tmp_path / "out.csv").open(newline="") as file:
        _, first, second = csv.reader(file)
    assert [json.loads(text) for text in first] == [["AA=="], {"a": "inf"}, {"a": 1}]
    assert second == ["", "", ""]


def same(got: object, wanted: object) -> bool:
    if isinstance(wanted, float) and isinstance(got, float):
        return got == wanted or math.isclose(got, wanted, rel_tol=1e-9, abs_tol=1e-12)
    if isinstance(wanted, list) and isinstance(got, list):
        return len(got) == len(wanted) and all(map(same, got, wanted))
    if isinstance(wanted, dict) and isinstance(got, dict):
        return got.keys() == wanted.keys() and all(same(got[key], value) for key, value in wanted.items())
    return type(got) is type(wanted) and got == wanted
