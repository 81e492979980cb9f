"""What a dialect cannot do yet, said before a query is built: one diagnostic for each place in a definition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asof.compiler import shape
from asof.compiler.diagnostics import Diagnostic, DiagnosticError, Level, rule
from asof.compiler.dialects import WINDOW_STRATEGIES, capabilities, of_store, spoken
from asof.compiler.dialects.paths import parsed
from asof.compiler.source import NOWHERE, Span
from asof.compiler.store_options import BAD_STORE_OPTION, LATEST, WINDOWS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asof.compiler.dialects import Dialect
    from asof.compiler.model import DataSource, FeatureView, Location, Repo

NO_DIALECT = rule("AS501", "no SQL is made for this kind of store yet")
NOT_YET = rule("AS502", "the dialect does not carry this out yet")
UNREADABLE = rule("AS503", "the store cannot read this location")
CLASH = rule("AS504", "two output columns have the same name")
NO_SUCH_COLUMN = rule("AS505", "the spine lacks a column that features need")
UNKNOWN_FEATURE = rule("AS506", "the requested feature does not exist")
TOO_LONG = rule("AS507", "an output name is longer than the engine allows")
NO_CERTIFICATE = rule("AS509", "the query cannot be proven free of leakage")
NO_ONLINE_STORE = rule("AS510", "features are not served from this kind of store yet")
NO_STREAM = rule("AS512", "streams are not read yet", Level.WARNING)
SAME_STORE = rule("AS516", "two targets write to the same store")
UNOPENED = rule("AS522", "nothing opens this kind of offline store yet", Level.WARNING)
TOO_LARGE = rule("AS514", "the query is larger than the engine allows")

OFFLINE_STORES = frozenset({"duckdb", "postgres", "sqlite"})
"""The offline stores that asof.engines opens; the compiler knows them by name only. For others SQL is compiled."""
ONLINE_STORES = frozenset({"sqlite"})
"""The online stores that asof.online opens; the compiler knows them by name only."""


def span_of(repo: Repo, address: str, *pointer: str | int) -> Span:
    """Where that part of the definition was written, if it was."""
    origin = repo.origins.get(address)
    return origin.value(*pointer) if origin else NOWHERE


def spoken_for(repo: Repo, target: str, dialect: str) -> Dialect | None:
    """The dialect as the target wants it: with ``latest`` and ``windows`` of its offline store, where that speaks it.

    Raises DiagnosticError (AS722) where the dialect has no such strategy.
    """
    made = spoken(dialect)
    wanted = next((one for one in repo.project.targets if one.name == target), None)
    if made is None or wanted is None or of_store(wanted.offline.type) is not made:
        return made
    options = dict(wanted.offline.options)
    latest = next((one for one in made.strategies if one == options.get(LATEST)), None)
    windows = next((one for one in WINDOW_STRATEGIES if one == options.get(WINDOWS)), None)
    for option, chosen, known in ((LATEST, latest, made.strategies), (WINDOWS, windows, WINDOW_STRATEGIES)):
        if option in options and chosen is None:
            said = f"{made.name} knows {', '.join(known)} for {option!r}, not {options[option]!r}"
            raise DiagnosticError(BAD_STORE_OPTION.at(span_of(repo, "", "targets", target, "offline", option), said))
    return made.choosing(latest=latest, windows=windows)


def unreadable(repo: Repo, source: DataSource, location: Location, dialect: Dialect) -> Diagnostic:
    """The source's location cannot stand in FROM of this dialect."""
    what = f"the file {location.path}" if location.path else "no location"
    why = dialect.unread(parsed(location.path)) if location.path and dialect.reads_files else ""
    return UNREADABLE.at(
        span_of(repo, source.address, "path"),
        f"source {source.name!r} has {what}, which {dialect.name} cannot read: give it a table for this target",
        address=source.address,
        notes=(why,) if why else (),
    )


def unsupported(repo: Repo, view: FeatureView, dialect: Dialect) -> Iterator[Diagnostic]:
    """Each thing in the definition of ``view`` that ``dialect`` cannot carry out."""
    timing = shape.timing_of(repo, view)
    base = shape.upstream(repo, view)
    at = base.address if base.query else shape.source_of(repo, base).address
    if timing.timezone:
        yield from _refused(repo, at, ("timezone",), capabilities.TIME_ZONES, dialect)
    if any("." in name for name in shape.column_types(repo, view)):
        yield from _refused(repo, view.address, ("name",), capabilities.DOTS, dialect)
    if not view.entities:
        yield from _refused(repo, view.address, ("entities",), capabilities.KEYLESS, dialect)
    for index, aggregation in enumerate(view.aggregations):
        pointer = ("aggregations", index)
        yield from _refused(repo, view.address, (*pointer, "function"), aggregation.function, dialect)
        if len(aggregation.percentiles) > 1:
            yield from _refused(repo, view.address, (*pointer, "percentiles"), "percentiles", dialect)
        if aggregation.by:
            yield from _refused(repo, view.address, (*pointer, "by"), capabilities.BY, dialect)
        if aggregation.include_nulls and aggregation.function not in ("first", "last"):
            yield from _refused(repo, view.address, (*pointer, "include_nulls"), capabilities.NULLS_IN_LISTS, dialect)


def _refused(
    repo: Repo, address: str, pointer: tuple[str | int, ...], capability: str, dialect: Dialect
) -> Iterator[Diagnostic]:
    way_out = dialect.unsupported.get(capability)
    if way_out is not None:
        message = f"{address}: {dialect.name} has no {capability}"
        yield NOT_YET.at(span_of(repo, address, *pointer), message, address=address, notes=(way_out,))
