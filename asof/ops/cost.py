"""What a plan costs to be filled with values: how much is read for each view, and what is kept.

The figures are the store's own statistics of the sources behind a view. They are asked for on request only and are no
part of a plan.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from asof.compiler import stored
from asof.compiler.diagnostics import DiagnosticError
from asof.compiler.dialects import spoken
from asof.compiler.graph import graph_of
from asof.compiler.infrastructure import ONLINE_TABLE
from asof.compiler.model import DataSource, FeatureView
from asof.compiler.query import parse
from asof.compiler.translate import translated
from asof.engines.estimates import Estimates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from asof.compiler.graph import Graph
    from asof.compiler.infrastructure import Step
    from asof.compiler.model import Location, Repo
    from asof.compiler.plan import Plan
    from asof.engines.base import Engine
    from asof.engines.estimates import Estimate

FILL, REFILL, EXTEND = "fill", "refill", "extend"


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What is read to bring the stored rows of a view up to date.

    ``work`` is fill (a table that is new), refill (one that starts empty in place of another) or extend (a kept one
    gains features). Rows, bytes and partitions are those of all ``sources``; None where the store cannot tell, and
    ``by`` says why or who told.
    """

    address: str
    work: str
    sources: tuple[str, ...]
    rows: int | None
    bytes: int | None
    partitions: int | None
    by: str


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """The cost of a plan, and the tables among what it touches whose rows stay as they are."""

    views: tuple[Cost, ...]
    kept: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """Of one source: what the store says, or why it says nothing."""

    estimate: Estimate | None
    by: str


def costs_of(
    made: Plan, repo: Repo, engine: Engine, *, progress: Callable[[int, int], None] = lambda *_: None
) -> Costs:
    """What ``made`` costs; ``repo`` is what it leads to, ``engine`` a session of its offline store."""
    works = {step.resource.address: _work(step, made.steps) for step in made.steps if _fills(step)}
    graph = graph_of(repo)
    sources = {address: _sources(repo, graph, address) for address in works}
    wanted = sorted({source for found in sources.values() for source in found})
    told: dict[str, _Told] = {}
    for at, source in enumerate(wanted):
        progress(at, len(wanted))
        told[source] = _ask(repo, source, engine, made.target)
    progress(len(wanted), len(wanted))
    touched = {change.address for change in made.changes}
    kept = {address for address in touched - works.keys() if _is_served(repo, address, made)}
    views = tuple(_cost(address, works[address], sources[address], told) for address in sorted(works))
    return Costs(views=views, kept=tuple(sorted(kept)))


def _is_served(repo: Repo, address: str, made: Plan) -> bool:
    view = repo.definitions.get(address)
    return isinstance(view, FeatureView) and view.online and made.settings.online is not None


def _fills(step: Step) -> bool:
    return step.action in ("create", "alter") and step.resource.kind == ONLINE_TABLE


def _work(step: Step, steps: Iterable[Step]) -> str:
    if step.action == "alter":
        return EXTEND
    dropped = {s.before.address for s in steps if s.action == "drop" and s.before and s.before.kind == ONLINE_TABLE}
    return REFILL if step.resource.address in dropped else FILL


def _sources(repo: Repo, graph: Graph, address: str) -> tuple[str, ...]:
    above = (repo.definitions[read] for read in graph.above(address))
    batch = {stored.batch_source(repo, source).address for source in above if isinstance(source, DataSource)}
    return tuple(sorted(batch))


def _ask(repo: Repo, address: str, engine: Engine, target: str) -> _Told:
    source = repo.definitions[address]
    if not isinstance(engine, Estimates):
        return _Told(estimate=None, by=f"{engine.dialect} tells nothing")
    if not isinstance(source, DataSource):
        return _Told(estimate=None, by="no source")
    location = source.location_in(target)
    try:
        estimate = engine.estimate(_in_dialect(repo, location, engine.dialect, address))
    except DiagnosticError as error:
        return _Told(estimate=None, by="; ".join(found.message.partition("\n")[0] for found in error.diagnostics))
    return _Told(estimate=estimate, by=estimate.by)


def _in_dialect(repo: Repo, location: Location, dialect: str, address: str) -> Location:
    builder = spoken(dialect)
    if not location.query or builder is None:
        return location
    query = translated(parse(location.query, repo.project.sql_dialect), repo, builder, address)
    return msgspec.structs.replace(location, query=query.sql(dialect))


def _cost(address: str, work: str, sources: tuple[str, ...], told: Mapping[str, _Told]) -> Cost:
    found = [told[source] for source in sources]
    known = [one.estimate for one in found if one.estimate is not None]
    whole = known if len(known) == len(found) else []
    return Cost(
        address=address,
        work=work,
        sources=sources,
        rows=_total([estimate.rows for estimate in whole]),
        bytes=_total([estimate.bytes for estimate in whole]),
        partitions=_total([estimate.partitions for estimate in whole]),
        by="; ".join(dict.fromkeys(one.by for one in found if one.estimate is None or whole)),
    )


def _total(figures: list[int | None]) -> int | None:
    known = [figure for figure in figures if figure is not None]
    return sum(known) if known and len(known) == len(figures) else None
