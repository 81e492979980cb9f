"""What materialization loads is what the training query says at that instant, for every entity."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from msgspec.structs import replace as changed

from asof.compiler.materialize import HELD, materialize_query
from asof.compiler.model import FeatureView, ServiceItem
from tests.oracle.cases import agree, named_rows
from tests.oracle.generate import INSTANTS
from tests.oracle.oracle import instant, join_keys, timing_of, view_events, visible
from tests.oracle.prove import prove

if TYPE_CHECKING:
    from datetime import datetime

    from tests.engines import Runner
    from tests.oracle.cases import Case
    from tests.oracle.oracle import Row

TIMES = ("event_timestamp", "created_timestamp", *HELD)


def materialized(runner: Runner, case: Case, view: FeatureView, moment: datetime) -> list[dict[str, object]]:
    made = materialize_query(case.repo, view, target=runner.dialect, dialect=runner.dialect, as_of=moment)
    assert made.query is not None, made.diagnostics
    with runner.scratch():
        case.load(runner)
        return named_rows(runner, made.query)


def seen(case: Case, view: FeatureView, moment: datetime) -> list[Row]:
    """The entities of whom something is visible at the instant, each once, in order."""
    timing, t = timing_of(case.repo, view), instant(moment, "", "")
    keys = join_keys(case.repo, view)
    found = {tuple(e.row[key] for key in keys) for e in view_events(case.world, view) if visible(e, timing, t)}
    return [dict(zip(keys, one, strict=True)) for one in sorted(k for k in found if None not in k)]


def test_materialization_loads_what_the_offline_query_says(engine: Runner) -> None:
    prove(engine, loads_what_the_offline_query_says, 0.3)


def loads_what_the_offline_query_says(engine: Runner, case: Case, seed: int) -> None:
    moment = INSTANTS[seed % len(INSTANTS)]
    for view in case.definitions:
        if not isinstance(view, FeatureView):
            continue
        entities = seen(case, view, moment)
        asked = [{**dict.fromkeys(name for name, _ in case.spine_columns), **one} for one in entities]
        offline = replace(
            case,
            definitions=[changed(d, ttl=None) if isinstance(d, FeatureView) else d for d in case.definitions],
            spine=[tuple({**row, case.timestamp: moment}.values()) for row in asked],
            items=[ServiceItem(view=view.name)],
            full_feature_names=False,
        )
        keys = join_keys(case.repo, view)
        rows = materialized(engine, case, view, moment)
        features = [name for name in (rows[0] if rows else ()) if name not in (*keys, *TIMES)]
        wanted = [{name: row[name] for name in (*keys, *features)} for row in offline.expected()]
        got = sorted(rows, key=lambda row: [row[key] for key in keys])
        agree([{name: row[name] for name in (*keys, *features)} for row in got], wanted)
