"""Training sets on every engine, and what is written of them."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from msgspec.structs import replace as changed

from asof import api, engines
from asof.compiler.dialects import DIALECTS
from asof.compiler.model import DataSource, Location, Repo, Store
from asof.ops.historical import historical, save
from asof.ops.selection import select
from asof.ops.spine_query import query_rows
from asof.testing.online_stores import refused
from tests.sdk.shop import HOUR, T0, make_shop, moments

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("staged", [False, True], ids=["whole", "staged"])
@pytest.mark.parametrize("kind", ["duckdb", "postgres", "sqlite"])
def test_every_engine_gives_the_same_training_set(
    kind: str, staged: bool, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if staged:
        monkeypatch.setattr(DIALECTS[kind], "max_ctes", 10, raising=False)
    root = make_shop(tmp_path / "shop")
    repo = api.check(root).repo
    assert repo is not None
    options = (("url", request.getfixturevalue("postgres_dsn")),) if kind == "postgres" else ()
    with closing(engines.connect(Store(type=kind, options=options), root=root)) as engine:
        definitions = {
            address: changed(d, location=Location(table=f"t_{d.name}"))
            if isinstance(d, DataSource) and d.type == "batch"
            else d
            for address, d in repo.definitions.items()
        }
        repo = Repo(project=repo.project, definitions=definitions)
        for name in ("orders", "links"):
            engine.load(f"t_{name}", pq.read_table(root / f"data/{name}.parquet").to_reader())
        seen: list[tuple[int, int]] = []
        spine = pa.table(
            {
                "n": pa.array(range(400), pa.int64()),
                "customer_id": pa.array([1, 2, 3, 9] * 100, pa.int64()),
                "discount": [0.5] * 400,
                "event_timestamp": moments(*[T0 + 2 * HOUR] * 400),
            }
        )
        # A session that has made the stages once makes them again.
        historical(repo, select(repo, service="checkout"), spine.slice(0, 1), engine=engine).read_all()
        reader = historical(
            repo, select(repo, service="checkout"), spine, engine=engine, progress=lambda *done: seen.append(done)
        )
        found = reader.read_all()
        assert found.select(spine.column_names) == spine
        assert found.slice(4, 4).drop_columns(["n", "customer_id", "discount", "event_timestamp"]).to_pydict() == {
            "amount": [21.0, None, None, None],
            "note": ["", None, None, None],
            "ordered_at": [moments(T0 + HOUR)[0].as_py()] * 2 + [None, None],
            "orders_1h": [2, 1, 0, 0],
            "orders_7d": [3, 1, 1, 0],
            "spent_7d": [51.0, None, 5.0, None],
            "reduced": [10.5, None, None, None],
            "share": [21.0 / 51.0, None, None, None],
        }
        assert seen[-1] == (400, 400)
        rows = query_rows(repo, "SELECT count(*) AS n FROM links", engine=engine)
        assert rows.to_pydict() == {"n": [2]}


def result(rows: int) -> pa.RecordBatchReader:
    return pa.table({"a": pa.array(range(rows), pa.int64()), "t": moments(*range(rows))}).to_reader(max_chunksize=3)


def test_a_result_is_written_as_its_ending_says(tmp_path: Path) -> None:
    assert save(result(10), tmp_path / "new/train.parquet") == 10
    assert pq.read_table(tmp_path / "new/train.parquet").num_rows == 10
    assert save(result(10), tmp_path / "train.csv") == 10
    assert pa_csv.read_csv(tmp_path / "train.csv").column("a").to_pylist() == list(range(10))
    assert save(result(0), tmp_path / "none.parquet") == 0
    with refused("AS763"):
        save(result(1), tmp_path / "train.xlsx")


def test_a_result_that_breaks_off_leaves_the_file_of_before_and_nothing_else(tmp_path: Path) -> None:
    save(result(1), tmp_path / "train.parquet")

    def broken():
        yield result(3).read_next_batch()
        raise ValueError("the engine went away")

    with pytest.raises(ValueError, match="went away"):
        save(pa.RecordBatchReader.from_batches(result(0).schema, broken()), tmp_path / "train.parquet")
    assert pq.read_table(tmp_path / "train.parquet").num_rows == 1
    assert [path.name for path in tmp_path.iterdir()] == ["train.parquet"]
