"""Commands that move feature values: training sets, materialization, online reads."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from asof import api_features
from asof.cli.session import ExitCode, Session, Target, Usage, file_in_folders, instant
from asof.compiler.duration import Duration
from asof.views import listings
from asof.views.progress import ProgressBar

if TYPE_CHECKING:
    from datetime import datetime


def history(
    context: typer.Context,
    out: Annotated[
        Path, typer.Option("--out", callback=file_in_folders, metavar="FILE", help="Where to: a .parquet or .csv file.")
    ],
    dataset: Annotated[
        str, typer.Option("--dataset", metavar="NAME", help="A SavedDataset: its spine and service.")
    ] = "",
    spine: Annotated[str, typer.Option("--spine", metavar="SPINE", help="A .parquet or .csv file, or a SELECT.")] = "",
    service: Annotated[str, typer.Option("--service", metavar="NAME", help="A FeatureService.")] = "",
    features: Annotated[
        list[str] | None, typer.Option("--features", metavar="VIEW[:FEATURE]", help="Instead of a service. Repeatable.")
    ] = None,
    as_of: Annotated[
        str, typer.Option("--as-of", metavar="TIME", help="Instead of a spine: every entity seen by then. ISO 8601.")
    ] = "",
    start: Annotated[
        str, typer.Option("--from", metavar="TIME", help="Instead of a spine: every entity seen, on a grid from here.")
    ] = "",
    end: Annotated[str, typer.Option("--to", metavar="TIME", help="Where the grid ends, if a step falls on it.")] = "",
    every: Annotated[
        str, typer.Option("--every", metavar="DURATION", help="The step of the grid, such as 1d or 6h; 1d by default.")
    ] = "",
    timestamp: Annotated[
        str, typer.Option("--timestamp", metavar="COLUMN", help="The spine's instant of prediction.")
    ] = "event_timestamp",
    full_feature_names: Annotated[
        bool, typer.Option("--full-feature-names", help="Call features view__feature.")
    ] = False,
    target: Target = "",
) -> int:
    """Build a training set: every row of a spine with its features as they were known at that row's time.

    The definitions are those that were applied last, whatever the files say by now: apply first.
    """
    session: Session = context.obj
    instants = _instants(as_of, start, end, every)
    if [bool(dataset), bool(spine), bool(instants)].count(True) != 1:
        raise Usage("name a --dataset; or a --spine, --as-of or --from and --to, with a --service or --features")
    wanted = api_features.Wanted(
        dataset=dataset,
        spine=spine,
        instants=instants,
        service=service,
        features=tuple(features or ()),
        timestamp=timestamp,
        full_feature_names=full_feature_names,
    )
    with _progress(session, "training set") as bar:
        told = partial(bar, what="training set")
        rows = api_features.history(session.root, session.project(), wanted, out, target=target, progress=told)
    session.terminal.say(f"{out}: {rows:,} rows")
    return session.end(ExitCode.OK, file=str(out), rows=rows)


def _progress(session: Session, what: str) -> ProgressBar:
    terminal = session.terminal
    return ProgressBar(stream=terminal.err, width=terminal.width, what=what, quiet=terminal.json)


def _instants(as_of: str, start: str, end: str, every: str) -> tuple[datetime, ...]:
    """The instants of a spine made of time alone."""
    at, first, last = instant(as_of), instant(start), instant(end)
    if (first is None) != (last is None) or (every and first is None):
        raise Usage("a grid has a --from, a --to and perhaps an --every")
    if first is None or last is None:
        return (at,) if at is not None else ()
    if at is not None:
        raise Usage("--as-of is one instant, --from and --to are a grid: one of the two")
    try:
        step = Duration.parse(every or "1d")
    except ValueError as error:
        raise Usage(str(error)) from None
    return api_features.grid(first, last, step)


def materialize(
    context: typer.Context,
    views: Annotated[
        list[str] | None, typer.Option("--views", metavar="VIEW", help="Repeatable; all that are online by default.")
    ] = None,
    as_of: Annotated[str, typer.Option("--as-of", metavar="TIME", help="ISO 8601; now by default.")] = "",
    full: Annotated[
        bool,
        typer.Option("--full", help="Reset the tables: replace newer rows too, remove rows that the query lacks."),
    ] = False,
    target: Target = "",
) -> int:
    """Load the online store with the values that the offline query gives as of an instant.

    A stored row is replaced unless it is newer. Rows from the future, written under a clock that was ahead, are not
    newer; --full also removes those whose entity the query does not give.

    The definitions are those that were applied last, whatever the files say by now: apply first.
    """
    session: Session = context.obj
    with _progress(session, "materialize") as bar:
        runs = api_features.materialize(
            session.root,
            session.project(),
            tuple(views or ()),
            as_of=instant(as_of),
            target=target,
            full=full,
            progress=lambda view, rows: bar(rows, 0, view),
        )
    session.terminal.say(listings.materialized(runs))
    return session.end(ExitCode.OK, runs=listings.materialized_json(runs))


def online_get(
    context: typer.Context,
    entity: Annotated[
        list[str] | None,
        typer.Option(
            "-e",
            "--entity",
            metavar="KEY=VALUE",
            help="A join key or request field. Repeatable: a key given again begins the next entity.",
        ),
    ] = None,
    entities: Annotated[
        Path | None,
        typer.Option(
            "--entities", metavar="FILE", help="Entities as rows of a .csv, .json, .jsonl or .parquet file instead."
        ),
    ] = None,
    service: Annotated[str, typer.Option("--service", metavar="NAME", help="A FeatureService.")] = "",
    features: Annotated[
        list[str] | None, typer.Option("--features", metavar="VIEW[:FEATURE]", help="Instead of a service. Repeatable.")
    ] = None,
    as_of: Annotated[
        str, typer.Option("--as-of", metavar="TIME", help="Serve as at this instant; now by default.")
    ] = "",
    target: Target = "",
) -> int:
    """Read the features of one or several entities from the online store.

    The definitions are those that were applied last, whatever the files say by now: apply first.
    """
    from asof.ops.entities import key_values

    session: Session = context.obj
    if bool(entity) == bool(entities):
        raise Usage("name entities by -e KEY=VALUE or as rows of a file by --entities: one of the two")
    given = key_values(listings.key_values(entity or ()))
    found = api_features.online_get(
        session.root,
        session.project(),
        api_features.Entities(given=given, file=entities),
        service=service,
        features=tuple(features or ()),
        as_of=instant(as_of),
        target=target,
    )
    if len(given) == 1:
        session.terminal.say(listings.served(found.features))
        return session.end(ExitCode.OK, features=listings.served_json(found.features))
    session.terminal.say(listings.served_rows(found.entities, found.features))
    return session.end(ExitCode.OK, entities=listings.served_rows_json(found.entities, found.features))
