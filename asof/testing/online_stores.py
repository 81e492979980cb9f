"""What an online store must keep. Its author subclasses the suites and runs them with pytest.

    class TestTables(OnlineTablesSuite):
        def connect(self) -> OnlineStore:
            return MyStore(...)

``connect`` opens a new connection to one and the same store, which is empty before the first test.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import closing, contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING

from asof.compiler.diagnostics import DiagnosticError
from asof.compiler.state import Feature
from asof.compiler.types import FLOAT64, INT64, STRING
from asof.online.base import OnlineTable
from asof.online.rows import KeyCodec, RowCodec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asof.online.base import OnlineStore

_KEYS = KeyCodec([INT64])
_ROWS = RowCodec([FLOAT64])


def table(name: str, *features: str, project: str = "shop", key: str = "int64") -> OnlineTable:
    """A table of one join key and float64 features."""
    return OnlineTable(
        name=name,
        project=project,
        view="stats",
        keys=(Feature(name="id", type=key),),
        features=tuple(Feature(name=feature, type="float64") for feature in features or ("v",)),
    )


def row(key: int, event: int, created: int | None = None, value: float | None = 0.0) -> tuple[bytes, bytes]:
    """An entity key and a row of one float64 feature."""
    return _KEYS.encode([key]), _ROWS.encode(event, created, [value])


def value_of(store: OnlineStore, name: str, key: int) -> object:
    """The feature of one entity as the store has it now, or "missing"."""
    encoded = _KEYS.encode([key])
    found = store.read([(name, [encoded])])[0].get(encoded)
    return "missing" if found is None else _ROWS.decode(found).values[0]


@contextmanager
def refused(code: str) -> Iterator[None]:
    """Passes where a DiagnosticError of that code is raised inside."""
    try:
        yield
    except DiagnosticError as error:
        found = [diagnostic.code for diagnostic in error.diagnostics]
        if found != [code]:
            raise AssertionError(f"refused with {found}, not with {code}") from error
        return
    raise AssertionError(f"not refused; {code} was expected")


class OnlineSuite(ABC):
    """The one thing an author supplies."""

    @abstractmethod
    def connect(self) -> OnlineStore:
        """A new connection to the store under test."""


class OnlineTablesSuite(OnlineSuite):
    """Tables are made, grown and dropped, and nobody touches another's."""

    def test_a_created_table_is_observed_with_its_layout(self) -> None:
        with closing(self.connect()) as store:
            made = table("shop__stats__00000001", "a", "b")
            store.create(made)
            assert made in store.observe("shop")
            assert made not in store.observe("other")

    def test_creating_twice_changes_nothing(self) -> None:
        with closing(self.connect()) as store:
            made = table("shop__stats__00000002")
            store.create(made)
            store.write(made.name, [row(1, 10, value=5.0)])
            store.create(made)
            assert value_of(store, made.name, 1) == 5.0

    def test_a_table_of_another_project_is_left_alone(self) -> None:
        with closing(self.connect()) as store:
            name = "shop__stats__00000003"
            store.create(table(name))
            store.write(name, [row(1, 10, value=5.0)])
            for act in (store.create, store.alter, store.drop):
                with refused("AS740"):
                    act(table(name, project="shop__stats"))
            assert value_of(store, name, 1) == 5.0

    def test_another_layout_is_refused(self) -> None:
        with closing(self.connect()) as store:
            name = "shop__stats__00000004"
            store.create(table(name, "a", "b"))
            with refused("AS741"):
                store.create(table(name, "a", "c"))
            for other in (table(name, "b", "a"), table(name, "a", "c"), table(name, "a", "b", key="string")):
                with refused("AS741"):
                    store.alter(other)

    def test_a_table_grows_at_its_end_and_keeps_its_rows(self) -> None:
        with closing(self.connect()) as store:
            name = "shop__stats__00000005"
            store.create(table(name, "v"))
            key, old = row(1, 10, value=5.0)
            store.write(name, [(key, old)])
            for _ in range(2):
                store.alter(table(name, "v", "w"))
            assert table(name, "v", "w") in store.observe("shop")
            wider = RowCodec([FLOAT64, STRING])
            assert wider.decode(store.read([(name, [key])])[0][key]).values == (5.0, None)

    def test_a_table_that_grew_in_vain_shrinks_again_and_may_grow_otherwise(self) -> None:
        with closing(self.connect()) as store:
            name = "shop__stats__00000015"
            store.create(table(name, "v"))
            key, old = row(1, 10, value=5.0)
            store.write(name, [(key, old)])
            store.alter(table(name, "v", "w"))
            for _ in range(2):
                store.alter(table(name, "v"))
            store.alter(table(name, "v", "x"))
            assert table(name, "v", "x") in store.observe("shop")
            assert value_of(store, name, 1) == 5.0

    def test_dropping_removes_the_rows_and_may_be_repeated(self) -> None:
        with closing(self.connect()) as store:
            made = table("shop__stats__00000006")
            store.create(made)
            store.write(made.name, [row(1, 10)])
            store.drop(made)
            store.drop(made)
            assert made not in store.observe("shop")
            store.create(made)
            assert value_of(store, made.name, 1) == "missing"

    def test_a_missing_table_is_neither_read_nor_written(self) -> None:
        with closing(self.connect()) as store:
            with refused("AS742"):
                store.read([("shop__stats__0000dead", [b"x"])])
            for act in (store.write, store.reset):
                with refused("AS742"):
                    act("shop__stats__0000dead", [row(1, 10)])


class OnlineRowsSuite(OnlineSuite):
    """The newest row wins, whatever the order of writes."""

    name = "shop__stats__000000aa"

    @contextmanager
    def fresh(self) -> Iterator[OnlineStore]:
        """A connection to a store with one empty table."""
        with closing(self.connect()) as store:
            store.drop(table(self.name))
            store.create(table(self.name))
            yield store

    def test_a_later_event_replaces_and_an_earlier_one_does_not(self) -> None:
        with self.fresh() as store:
            for event, value in ((10, 1.0), (30, 3.0), (20, 2.0), (-5, 0.0)):
                store.write(self.name, [row(1, event, value=value)])
            assert value_of(store, self.name, 1) == 3.0

    def test_a_correction_replaces_and_an_older_creation_does_not(self) -> None:
        with self.fresh() as store:
            for created, value in ((None, 1.0), (5, 2.0), (4, 3.0), (None, 4.0)):
                store.write(self.name, [row(1, 10, created, value)])
            assert value_of(store, self.name, 1) == 2.0

    def test_event_time_counts_before_created_time(self) -> None:
        with self.fresh() as store:
            store.write(self.name, [row(1, 20, 1, 2.0)])
            store.write(self.name, [row(1, 10, 99, 1.0)])
            assert value_of(store, self.name, 1) == 2.0

    def test_times_before_1970_are_in_order(self) -> None:
        with self.fresh() as store:
            for event in (-300, -100, -200):
                store.write(self.name, [row(1, event, value=float(event))])
            assert value_of(store, self.name, 1) == -100.0

    def test_the_same_row_may_be_written_again(self) -> None:
        with self.fresh() as store:
            for _ in range(2):
                assert store.write(self.name, [row(1, 10, 1, 7.0), row(2, 10, 1, None)]) == 2
            assert (value_of(store, self.name, 1), value_of(store, self.name, 2)) == (7.0, None)

    def test_rows_behind_newer_ones_are_not_counted(self) -> None:
        with self.fresh() as store:
            assert store.write(self.name, [row(1, 20), row(2, 5)]) == 2
            assert store.write(self.name, [row(1, 10), row(2, 10), row(3, 10)]) == 2
            assert store.write(self.name, [row(1, 10)]) == 0

    def test_the_newest_of_one_batch_wins(self) -> None:
        with self.fresh() as store:
            store.write(self.name, [row(1, 10, value=1.0), row(1, 30, value=3.0), row(1, 20, value=2.0)])
            assert value_of(store, self.name, 1) == 3.0

    def test_many_rows_are_written_and_read(self) -> None:
        with self.fresh() as store:
            assert store.write(self.name, (row(key, key, value=float(key)) for key in range(25_000))) == 25_000
            keys = [_KEYS.encode([key]) for key in range(-5, 1_000)]
            found = store.read([(self.name, keys)])[0]
            assert {_ROWS.decode(body).values[0] for body in found.values()} == {float(k) for k in range(1_000)}
            assert len(found) == 1_000

    def test_several_tables_are_read_at_once_and_keys_may_repeat(self) -> None:
        with self.fresh() as store:
            other = table("shop__stats__000000bb")
            store.create(other)
            store.write(self.name, [row(1, 1, value=1.0)])
            store.write(other.name, [row(1, 1, value=2.0), row(2, 1, value=3.0)])
            one, two = _KEYS.encode([1]), _KEYS.encode([2])
            first, second, none = store.read([(self.name, [one, two, one]), (other.name, [two]), (other.name, [])])
            assert (set(first), set(second), set(none)) == ({one}, {two}, set())

    def test_two_writers_leave_the_newest_row(self) -> None:
        with self.fresh() as store, closing(self.connect()) as second:
            store.write(self.name, [row(1, 20, value=2.0)])
            second.write(self.name, [row(1, 10, value=1.0), row(2, 10, value=1.0)])
            assert (value_of(store, self.name, 1), value_of(store, self.name, 2)) == (2.0, 1.0)

    def test_rows_from_the_future_do_not_count_as_newer(self) -> None:
        """Stamps after ``until`` were written under a clock that was ahead; those before it keep their order."""
        standing = {1: (900, None), 2: (50, 900), 3: (900, 900), 4: (100, 100), 5: (60, 60), 6: (101, None)}
        with self.fresh() as store:
            store.write(self.name, [row(key, *stamps, 1.0) for key, stamps in standing.items()])
            again = [row(key, 50, 50, 2.0) for key in standing]
            assert store.write(self.name, again) == 0
            assert store.write(self.name, again, until=100) == 4
            values = [value_of(store, self.name, key) for key in standing]
            assert values == [2.0, 2.0, 2.0, 1.0, 1.0, 2.0]
            assert store.write(self.name, [row(1, 40, 40, 3.0), row(2, 60, 60, 3.0)], until=100) == 1
            assert [value_of(store, self.name, key) for key in (1, 2)] == [2.0, 3.0]

    def test_rows_from_the_future_before_1970_and_without_a_bound(self) -> None:
        with self.fresh() as store:
            store.write(self.name, [row(1, -10, None, 1.0), row(2, -30, None, 1.0)])
            assert store.write(self.name, [row(1, -40, None, 2.0), row(2, -40, None, 2.0)], until=-20) == 1
            assert [value_of(store, self.name, key) for key in (1, 2)] == [2.0, 1.0]

    def test_a_reset_leaves_exactly_the_rows_given(self) -> None:
        with self.fresh() as store:
            store.write(self.name, [row(1, 900, 900, 1.0), row(2, 5, 5, 1.0), row(3, 5, 5, 1.0)])
            given = [row(1, 50, 50, 2.0), row(2, 4, 4, 2.0), row(4, 7, 7, 2.0), row(4, 6, 6, 9.0)]
            for removed in (1, 0):
                assert store.reset(self.name, iter(given)) == removed
                values = [value_of(store, self.name, key) for key in (1, 2, 3, 4)]
                assert values == [2.0, 2.0, "missing", 2.0]
            assert store.write(self.name, [row(2, 5, 5, 3.0)]) == 1
            assert store.reset(self.name, iter(())) == 3

    def test_a_reset_whose_rows_fail_changes_nothing(self) -> None:
        def failing() -> Iterator[tuple[bytes, bytes]]:
            yield from (row(key, 50, 50, 2.0) for key in range(15_000))
            raise KeyboardInterrupt

        with self.fresh() as store:
            store.write(self.name, [row(1, 900, 900, 1.0), row(99_999, 5, 5, 1.0)])
            try:
                store.reset(self.name, failing())
            except KeyboardInterrupt:
                pass
            else:
                raise AssertionError("the failure was swallowed")
            assert [value_of(store, self.name, key) for key in (1, 2, 99_999)] == [1.0, "missing", 1.0]
            assert store.reset(self.name, [row(2, 5, 5, 2.0)]) == 2

    def test_an_entity_has_a_row_at_every_moment_of_a_reset(self) -> None:
        """Looked at before each row is given, and all the time from another thread."""
        keys, seen, over = range(2_000), set[object](), Event()

        def look() -> None:
            with closing(self.connect()) as reader:
                while not over.is_set():
                    seen.update(value_of(reader, self.name, key) for key in (0, 999, 1_999))

        def given(store: OnlineStore) -> Iterator[tuple[bytes, bytes]]:
            for key in keys:
                if key % 500 == 0:
                    seen.add(value_of(store, self.name, 1_999))
                yield row(key, 50, 50, 2.0)

        with self.fresh() as store, closing(self.connect()) as other:
            store.write(self.name, [row(key, 900, 900, 1.0) for key in keys])
            watch = Thread(target=look)
            watch.start()
            try:
                for _ in range(3):
                    assert store.reset(self.name, given(other)) == 0
            finally:
                over.set()
                watch.join()
            assert seen <= {1.0, 2.0}
            assert {value_of(store, self.name, key) for key in keys} == {2.0}
