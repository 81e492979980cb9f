"""A chunk of generated cases on one engine: what ``python -m tests.oracle`` spreads over processes."""

from __future__ import annotations

import tempfile
import time
import traceback
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from asof.compiler.dialects import DIALECTS, WINDOW_STRATEGIES
from tests.engines.bigquery import BigQuery
from tests.engines.clickhouse import ClickHouse
from tests.engines.duckdb import DuckDB
from tests.engines.postgres import Postgres, postgres_server
from tests.engines.snowflake import Snowflake
from tests.engines.spark import Spark
from tests.engines.sqlite import SQLite
from tests.oracle.cases import Case, agree, check
from tests.oracle.crowded import crowded
from tests.oracle.generate import cases
from tests.oracle.test_materialize import loads_what_the_offline_query_says

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from multiprocessing.connection import Connection

    from tests.engines import Runner

CHUNK = 50
"""Cases that share a seed: a few seconds to a minute of work."""


@dataclass(frozen=True, kw_only=True)
class Done:
    """What became of a chunk; ``failure`` is "" where the engine and the oracle agree."""

    engine: str
    chunk: int
    kind: str
    cases: int
    seconds: float
    failure: str


@contextmanager
def _postgres() -> Iterator[Postgres]:
    with postgres_server() as dsn:
        runner = Postgres(dsn)
        yield runner
        runner.connection.close()


@contextmanager
def _spark() -> Iterator[Spark]:
    with tempfile.TemporaryDirectory() as warehouse:
        runner = Spark(Path(warehouse))
        yield runner
        runner.close()


@contextmanager
def _clickhouse() -> Iterator[ClickHouse]:
    runner = ClickHouse()
    yield runner
    runner.close()


@contextmanager
def _snowflake() -> Iterator[Snowflake]:
    runner = Snowflake()
    yield runner
    runner.close()


@contextmanager
def _embedded(make: Callable[[], Runner]) -> Iterator[Runner]:
    yield make()


STARTERS: Mapping[str, Callable[[], object]] = {
    "duckdb": lambda: _embedded(DuckDB),
    "sqlite": lambda: _embedded(SQLite),
    "postgres": _postgres,
    "clickhouse": _clickhouse,
    "spark": _spark,
    "bigquery": lambda: _embedded(BigQuery),
    "snowflake": _snowflake,
}
"""Engine -> how it starts. Snowflake is fakesnow, which is not Snowflake."""


def _other_strategy(runner: Runner, case: Case, number: int) -> None:
    dialect = DIALECTS[runner.dialect]
    others = [strategy for strategy in dialect.strategies if strategy != dialect.latest] or [dialect.latest]
    wanted = case.expected()
    runnable = [one for one in others if (runner.dialect, one) != ("snowflake", "asof")]
    windows = WINDOW_STRATEGIES[number // len(runnable) % len(WINDOW_STRATEGIES)]
    agree(case.rows(runner, latest=runnable[number % len(runnable)], windows=windows), wanted)


KINDS = {
    "training": (cases, lambda runner, case, _: check(runner, case)),
    "another strategy": (cases, _other_strategy),
    "crowded": (crowded, lambda runner, case, _: check(runner, case)),
    "materialized": (cases, loads_what_the_offline_query_says),
}
"""What is proven -> where its cases come from, and how an engine is held to the oracle. Chunks take turns."""


def run(engine: str, runner: Runner, chunk: int, base: int) -> Done:
    """The cases of one chunk, the same for the same numbers; it ends with the first that disagrees."""
    kind = list(KINDS)[chunk % len(KINDS)]
    drawn, body = KINDS[kind]
    count, began, failure = 0, time.monotonic(), ""

    @seed(base * 1_000_003 + chunk)
    @settings(
        max_examples=CHUNK,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    @given(case=drawn(without=DIALECTS[runner.dialect].unsupported), number=st.integers(0, 2**32))
    def over(case: Case, number: int) -> None:
        nonlocal count
        count += 1
        body(runner, case, number)

    try:
        over()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what the engine said
        failure = "".join(traceback.format_exception(error))
    return Done(engine=engine, chunk=chunk, kind=kind, cases=count, seconds=time.monotonic() - began, failure=failure)


def work(tasks: Connection) -> None:
    """A process: chunks come in, what became of them goes out. It keeps the engine of its last chunk."""
    running, runner = "", None
    stack = ExitStack()
    with stack:
        while (task := tasks.recv()) is not None:
            engine, chunk, base = task
            if engine != running:
                stack.close()
                runner = stack.enter_context(STARTERS[engine]())  # type: ignore[arg-type]
                running = engine
            assert runner is not None
            tasks.send(run(engine, runner, chunk, base))
