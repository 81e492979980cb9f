"""What is measured: views over tables of events, a spine, and our statement for them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from asof.compiler.duration import Duration
from asof.compiler.model import (
    Aggregation,
    Column,
    DataSource,
    Entity,
    FeatureView,
    Location,
    Project,
    Repo,
    ServiceItem,
    Store,
    Target,
    Timing,
    Window,
)
from asof.compiler.pit import SpineSpec, TrainingRequest, training_query
from asof.compiler.types import FLOAT64, INT64, TIMESTAMP

if TYPE_CHECKING:
    from collections.abc import Mapping

KEYS = 100_000
WINDOWS = ("1h", "1d", "30d")


@dataclass(frozen=True)
class Work:
    """``views`` views of ``rows`` events each for ``spine`` questions; ``windows`` instead of latest values.

    ``crowded``: half of the events, and half of the questions, are of one key.
    """

    name: str
    spine: int
    rows: int
    views: int
    windows: bool = False
    crowded: bool = False

    def smaller(self, by: int) -> Work:
        """The same with fewer questions and events; itself where ``by`` is 1."""
        if by == 1:
            return self
        return replace(self, name=f"{self.name} / {by}", spine=self.spine // by, rows=self.rows // by)


WORK = (
    Work("latest, 10 k x 1 M x 1 view", 10_000, 1_000_000, 1),
    Work("latest, 100 k x 2 M x 5 views", 100_000, 2_000_000, 5),
    Work("latest, 100 k x 500 k x 20 views", 100_000, 500_000, 20),
    Work("windows of 1 h, 1 d, 30 d, 100 k x 2 M", 100_000, 2_000_000, 1, windows=True),
    Work("the same, half on one key, 10 k x 400 k", 10_000, 400_000, 1, windows=True, crowded=True),
)
GROWTH = tuple(Work("latest, 2 M x 1 view", spine, 2_000_000, 1) for spine in (10_000, 100_000, 1_000_000))
LARGEST = WORK[1]
"""Ten million events."""


def source(number: int) -> DataSource:
    columns = (("k", INT64), ("at", TIMESTAMP), ("id", INT64), ("v", FLOAT64), ("n", INT64))
    return DataSource(
        name=f"events{number}",
        location=Location(table=f"e{number}"),
        columns=tuple(Column(name=name, type=kind) for name, kind in columns),
        timing=Timing(timestamp_field="at", unique=("id",)),
    )


def view(number: int, work: Work) -> FeatureView:
    lengths = tuple(Window(length=Duration.parse(text)) for text in WINDOWS)
    aggregations = (
        Aggregation(function="count", column="n", name="c", windows=lengths),
        Aggregation(function="sum", column="n", name="s", windows=lengths),
    )
    features = () if work.windows else (Column(name="v", type=FLOAT64), Column(name="n", type=INT64))
    return FeatureView(
        name=f"view{number}",
        entities=("k",),
        source=f"events{number}",
        schema=features,
        aggregations=aggregations if work.windows else (),
    )


def compiled(work: Work, dialect: str, options: Mapping[str, str]) -> tuple[tuple[str, ...], str]:
    """(prologue, statement) of the training query, ``rid`` first; ``options`` are those of the offline store."""
    target = Target(name="t", registry="r", offline=Store(type=dialect, options=tuple(options.items())))
    definitions = [Entity(name="k", join_keys=(Column(name="k", type=INT64),))]
    every = [*definitions, *(source(n) for n in range(work.views)), *(view(n, work) for n in range(work.views))]
    repo = Repo(
        project=Project(version=1, project="bench", targets=(target,)),
        definitions={one.address: one for one in sorted(every, key=lambda one: one.address)},
    )
    request = TrainingRequest(
        items=tuple(ServiceItem(view=f"view{n}") for n in range(work.views)),
        spine=SpineSpec(relation="spine", columns=("rid", "k", "t"), timestamp="t", row_id="rid"),
        full_feature_names=True,
    )
    made = training_query(repo, request, target="t", dialect=dialect)
    if made.query is None or made.query.stages:
        raise RuntimeError(f"{work.name} does not compile to one statement in {dialect}: {made.diagnostics}")
    return made.query.prologue, made.query.sql
