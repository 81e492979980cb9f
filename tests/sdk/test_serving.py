"""What is trained on is what is served: historical, materialized and online values agree."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import polars
import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest

import asof
from asof import engines, online
from asof.compiler.state import repo_of
from asof.ops.materialize import materialize, watermark
from asof.ops.online import tables_of
from asof.registry import open_registry
from asof.testing.online_stores import refused
from tests.sdk.shop import HOUR, T0, apply, moments

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def at(microseconds: int) -> datetime:
    return EPOCH + timedelta(microseconds=microseconds)


def load_online(root: Path, when: int, views: Sequence[str] = ()) -> dict[str, int]:
    registry = open_registry(".asof/registry", root=root)
    state = registry.state()
    repo = repo_of(state)
    target = repo.project.targets[0]
    assert target.online is not None
    seen: list[tuple[str, int]] = []
    with (
        closing(engines.connect(target.offline, root=root, read_only=True)) as engine,
        closing(online.connect(target.online, root=root)) as store,
    ):
        runs = materialize(
            repo,
            views,
            as_of=at(when),
            engine=engine,
            store=store,
            tables=tables_of(state),
            blobs=registry.blobs,
            clock=lambda: at(T0 + 1000 * HOUR),
            progress=lambda view, rows: seen.append((view, rows)),
        )
    assert {run.view for run in runs} >= {view for view, _ in seen}
    return {run.view: run.rows for run in runs}


CUSTOMERS = [{"customer_id": key, "discount": 0.1} for key in (1, 2, 3, 99, None)]


@pytest.mark.parametrize("hours", [0, 1, 2, 24, 25, 26])
def test_online_values_equal_offline_values_at_the_same_instant(shop: Path, hours: int) -> None:
    now = T0 + hours * HOUR
    load_online(shop, now)
    spine = pa.table(
        {
            "customer_id": pa.array([row["customer_id"] for row in CUSTOMERS], pa.int64()),
            "discount": [0.1] * len(CUSTOMERS),
            "event_timestamp": moments(*[now] * len(CUSTOMERS)),
        }
    )
    with asof.Store(shop) as store:
        offline = store.historical(spine, service="checkout").drop_columns(spine.column_names).to_pylist()
        assert store.online(CUSTOMERS, service="checkout", now=at(now)).to_rows() == offline


def test_an_expired_value_is_not_served_though_it_is_stored(shop: Path) -> None:
    load_online(shop, T0 + HOUR, ["last_order"])
    with asof.Store(shop) as store:
        for later, value, status in ((25, 21.0, "PRESENT"), (25.001, None, "OUTSIDE_MAX_AGE")):
            now = at(T0 + int(later * HOUR))
            found = store.online([{"customer_id": 1}], features=["last_order:amount"], now=now)
            assert (found.to_dict(), found.statuses()) == ({"amount": [value]}, {"amount": [status]})


def test_a_missing_row_and_a_null_are_told_apart(shop: Path) -> None:
    load_online(shop, T0 + HOUR)
    with asof.Store(shop) as store:
        asked = [{"customer_id": 2}, {"customer_id": 99}, {"customer_id": None}]
        found = store.online(asked, features=["last_order:amount"], now=at(T0 + HOUR))
        assert found.to_dict() == {"amount": [None, None, None]}
        assert found.statuses() == {"amount": ["NULL_VALUE", "NOT_FOUND", "NOT_FOUND"]}


def test_composite_keys_whose_texts_collide_are_kept_apart_and_delays_count(shop: Path) -> None:
    load_online(shop, T0 + 2 * HOUR, ["link"])
    with asof.Store(shop) as store:
        asked = [{"a": "1", "b": "11"}, {"a": "11", "b": "1"}]
        assert store.online(asked, features=["link"], now=at(T0 + 2 * HOUR)).to_dict() == {"strength": [111, 222]}
        early = at(T0 + HOUR + HOUR // 12)
        assert store.online(asked, features=["link"], now=early).to_dict() == {"strength": [111, None]}


def test_a_run_for_an_earlier_instant_changes_nothing(shop: Path) -> None:
    load_online(shop, T0 + 2 * HOUR)
    blobs = open_registry(".asof/registry", root=shop).blobs
    before = watermark(blobs, "order_stats")
    with asof.Store(shop) as store:
        now, asked = at(T0 + 2 * HOUR), [{"customer_id": 1, "discount": 0.0}]
        values = store.online(asked, service="checkout", now=now).to_dict()
        load_online(shop, T0)
        assert store.online(asked, service="checkout", now=now).to_dict() == values
    assert before is not None
    assert watermark(blobs, "order_stats") == before


def test_windows_move_on_while_nothing_happens(shop: Path) -> None:
    for loaded, asked, orders in ((1.5, 2, 3), (1.5, 200, None), (200, 200, 0)):
        load_online(shop, T0 + int(loaded * HOUR), ["order_stats"])
        with asof.Store(shop) as store:
            found = store.online([{"customer_id": 1}], features=["order_stats:orders_7d"], now=at(T0 + asked * HOUR))
            assert found.to_dict() == {"orders_7d": [orders]}
            assert found.statuses() == {"orders_7d": ["OUTSIDE_MAX_AGE" if orders is None else "PRESENT"]}


def test_a_training_set_keeps_every_row_order_and_column_of_the_spine(shop: Path) -> None:
    spine = pa.table(
        {
            "label": pa.array(["x", "y", "x", None]).dictionary_encode(),
            "customer_id": pa.array([1, 99, 1, None], pa.int32()),
            "event_timestamp": pa.array([T0 * 1000 + 999] * 4).cast(pa.timestamp("ns")),
            "duration": pa.array([1, 2, 3, 4], pa.duration("ms")),
        }
    )
    with asof.Store(shop) as store:
        found = store.historical(spine, features=["last_order:note", "order_stats:orders_1h"])
    assert found.select(spine.column_names) == spine
    assert found.column("note").to_pylist() == ["first", None, "first", None]
    assert found.column("orders_1h").to_pylist() == [0, 0, 0, None]


def test_spines_come_as_frames_files_and_queries(shop: Path, tmp_path: Path) -> None:
    with asof.Store(shop) as store:
        query = "SELECT customer_id, ordered_at AS event_timestamp FROM orders WHERE customer_id = 1 ORDER BY amount"
        made = store.historical(query, features=["last_order:amount"])
        assert made.column("amount").to_pylist() == [10.0, 21.0, 21.0]
        spine = made.select(["customer_id", "event_timestamp"])
        frames = {"pandas": spine.to_pandas(), "polars": polars.from_arrow(spine)}
        for kind, frame in frames.items():
            again = store.historical(frame, features=["last_order:amount"], as_=kind)
            assert type(again).__module__.startswith(kind)
            assert list(again["amount"]) == [10.0, 21.0, 21.0]
        pa_csv.write_csv(spine, tmp_path / "spine.csv")
        again = store.historical(tmp_path / "spine.csv", features=["last_order:amount"])
        assert again.column("amount") == made.column("amount")


def test_a_saved_dataset_is_its_spine_labels_and_features(shop: Path) -> None:
    with asof.Store(shop) as store:
        found = store.dataset("returns")
        assert found.column_names[:4] == ["customer_id", "event_timestamp", "discount", "returned"]
        assert found.num_rows == 5
        with refused("AS760"):
            store.dataset("return")


def test_only_the_registry_is_read_not_the_definitions(shop: Path) -> None:
    (shop / "shop.yaml").write_text("kind: Nonsense")
    with asof.Store(shop) as store:
        assert store.services() == ("checkout",)
        assert "order_stats:orders_1h" in store.features()
        assert store.serial == 1
    with asof.Store(shop / ".asof/registry", root=shop) as store:
        spine = pa.table({"customer_id": [1], "event_timestamp": moments(T0)})
        assert store.historical(spine, features=["last_order:amount"]).column("amount").to_pylist() == [10.0]


def test_a_reader_of_the_generation_before_notices_the_new_one(shop: Path) -> None:
    load_online(shop, T0 + 2 * HOUR)
    with asof.Store(shop) as store:
        assert store.online([{"customer_id": 1}], features=["last_order:amount"], now=at(T0 + 2 * HOUR))
        definitions = shop / "shop.yaml"
        text = definitions.read_text(encoding="utf-8")
        definitions.write_text(text.replace("data/orders.parquet", "data/./orders.parquet"), encoding="utf-8")
        apply(shop)
        answer = store.online([{"customer_id": 1}], features=["last_order:amount"], now=at(T0 + 2 * HOUR))
        assert store.serial == 2
        assert answer.statuses()["amount"] == ["NOT_FOUND"]
        tables = tables_of(open_registry(".asof/registry", root=shop).state())
        settings = repo_of(open_registry(".asof/registry", root=shop).state()).project.targets[0].online
        assert settings is not None
        with closing(online.connect(settings, root=shop)) as lost:
            lost.drop(tables["last_order"])
        with refused("AS742"):
            store.online([{"customer_id": 1}], features=["last_order:amount"], now=at(T0 + 2 * HOUR))


def test_mistakes_in_a_request_are_diagnostics(shop: Path) -> None:
    good = pa.table({"customer_id": [1], "event_timestamp": moments(T0)})
    with asof.Store(shop) as store:
        for code, spine, features in (
            ("AS505", good.drop_columns(["customer_id"]), ["last_order"]),
            ("AS505", good.drop_columns(["event_timestamp"]), ["last_order"]),
            ("AS505", good, ["offer"]),
            ("AS762", good.set_column(0, "customer_id", pa.array(["1"])), ["last_order"]),
            ("AS762", good.set_column(0, "customer_id", pa.array([1.5])), ["last_order"]),
            ("AS762", good.set_column(1, "event_timestamp", pa.array([1])), ["last_order"]),
            ("AS504", good.append_column("amount", pa.array([1])), ["last_order"]),
            ("AS504", good, ["last_order:amount", "last_order:amount"]),
            ("AS506", good, ["last_ordr"]),
            ("AS506", good, ["last_order:amont"]),
            ("AS760", good, []),
            ("AS761", 42, ["last_order"]),
            ("AS761", "spine.txt", ["last_order"]),
            ("AS761", "missing.parquet", ["last_order"]),
        ):
            with refused(code):
                store.historical(spine, features=features)
        for code, entity in (("AS760", {}), ("AS760", {"customer_id": "one"})):
            with refused(code):
                store.online([entity], features=["last_order"])
        with refused("AS760"):
            store.online([{}], service="chekout")
        with refused("AS760"):
            load_online(shop, T0, ["offer"])


def test_a_float_key_with_gaps_is_read_as_the_whole_numbers_it_holds(shop: Path) -> None:
    spine = pa.table({"customer_id": [1.0, float("nan")], "event_timestamp": moments(T0, T0)})
    with asof.Store(shop) as store:
        assert store.historical(spine, features=["last_order:amount"]).column("amount").to_pylist() == [10.0, None]
