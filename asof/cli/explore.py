"""Commands that look around in a repo: draw it, show, list and search objects, say whom a change hits."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from asof import api_explore
from asof.cli.completion import addresses, codes, kinds
from asof.cli.session import ExitCode, InvalidRepo, Printed, Session, Target, Usage
from asof.views import listings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asof.compiler.model import Repo
    from asof.compiler.picture import Picture

FEATURES = "features"
All = Annotated[bool, typer.Option("--all", help="Cut no list short.")]


class GraphFormat(StrEnum):
    """What a graph is written as."""

    MERMAID = "mermaid"
    DOT = "dot"
    JSON = "json"
    HTML = "html"


def graph(
    context: typer.Context,
    format_: Annotated[GraphFormat, typer.Option("--format", help="HTML is one file to open in a browser.")] = (
        GraphFormat.MERMAID
    ),
    out: Printed = None,
    columns: Annotated[
        bool, typer.Option("--columns", help="With every column, and which is made from which.")
    ] = False,
    focus: Annotated[
        list[str] | None,
        typer.Option(
            "--focus",
            metavar="ADDRESS",
            help="Only this object and what is up- and downstream of it. Repeatable.",
            autocompletion=addresses,
        ),
    ] = None,
    up: Annotated[int | None, typer.Option("--up", metavar="N", min=0, help="Steps upstream of --focus.")] = None,
    down: Annotated[int | None, typer.Option("--down", metavar="N", min=0, help="Steps downstream of --focus.")] = None,
    changed: Annotated[
        bool, typer.Option("--changed", help="Colour what a plan against the registry changes.")
    ] = False,
    target: Target = "",
) -> int:
    """Draw who reads whom, from sources to saved datasets."""
    from asof.compiler.lookup import NotFoundError

    session: Session = context.obj
    if (up is not None or down is not None) and not focus:
        raise Usage("--up and --down count steps from an object: name it with --focus")
    repo = session.repo(target, quiet=True)
    try:
        made = api_explore.picture(
            session.root,
            repo,
            columns=columns,
            focus=tuple(focus or ()),
            up=up,
            down=down,
            changed=changed,
            target=target,
        )
    except NotFoundError as error:
        raise Usage(str(error)) from None
    return _give(session, made, format_, out)


def _give(session: Session, made: Picture, format_: GraphFormat, out: Path | None) -> ExitCode:
    import json

    from asof.views import graph_texts

    if session.terminal.json and out is None:
        return session.end(ExitCode.OK, graph=graph_texts.as_json(made))
    if format_ is GraphFormat.HTML:
        from asof.views import graph_page

        text = graph_page.html(made)
    elif format_ is GraphFormat.JSON:
        text = json.dumps(graph_texts.as_json(made), indent=2, ensure_ascii=False) + "\n"
    else:
        text = graph_texts.dot(made) if format_ is GraphFormat.DOT else graph_texts.mermaid(made)
    if out is None:
        session.terminal.raw(text)
        return ExitCode.OK
    out.write_text(text, encoding="utf-8")
    session.terminal.note(f"Wrote {out}: {len(made.nodes)} objects, {len(made.edges)} references.")
    return session.end(ExitCode.OK, file=str(out), objects=len(made.nodes), references=len(made.edges))


def show(
    context: typer.Context,
    address: Annotated[
        str,
        typer.Argument(
            metavar="ADDRESS",
            show_default=False,
            help="Such as feature_view/weather or VIEW:FEATURE; a name will do where only one object has it.",
            autocompletion=addresses,
        ),
    ],
    sql: Annotated[bool, typer.Option("--sql", help="With the SQL that is made from it.")] = False,
    history: Annotated[
        bool, typer.Option("--history", help="With the generations of the registry that changed it.")
    ] = (False),
    everything: All = False,
    target: Target = "",
) -> int:
    """Show one object: its definition, owner, columns, what is up- and downstream, and who reads it.

    Of VIEW:FEATURE the type, the description, what it is made of, how fresh it is served, and who reads it.

    As the files say by now, applied or not; `asof registry show` says what was applied.
    """
    from asof.compiler.lookup import NotFoundError
    from asof.views import objects

    session: Session = context.obj
    checked = session.check(target, quiet=True)
    if checked.sound is None:
        raise InvalidRepo(checked)
    try:
        if ":" in address:
            if sql or history:
                raise Usage("--sql and --history are of a whole object: name its view")
            return _show_feature(session, checked.sound, address)
        found = api_explore.show(session.root, checked, address, target=target, sql=sql, history=history)
    except NotFoundError as error:
        raise Usage(str(error)) from None
    session.terminal.say(objects.shown(found, checked.sound, colour=session.terminal.colour, everything=everything))
    return session.end(ExitCode.OK, object=objects.shown_json(found))


def _show_feature(session: Session, repo: Repo, text: str) -> ExitCode:
    from asof.views import feature_list

    feature, readers = api_explore.feature(repo, text)
    origin = repo.origins.get(feature.address)
    span = origin.value() if origin is not None else None
    place = f"{span.path}:{span.line}" if span is not None else ""
    session.terminal.say(feature_list.shown(feature, readers, place, colour=session.terminal.colour))
    read_by = [{"address": address, "owner": owner} for address, owner in readers]
    return session.end(ExitCode.OK, feature=feature_list.as_json(feature), read_by=read_by)


def list_(
    context: typer.Context,
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            show_default=False,
            help="Such as FeatureView, or features; all objects by default.",
            autocompletion=kinds,
        ),
    ] = "",
    owner: Annotated[str, typer.Option("--owner", metavar="NAME", help="Only what this owner has.")] = "",
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="KEY[=VALUE]", help="Only what has this tag. Repeatable: all of them."),
    ] = None,
) -> int:
    """List the objects of the repo.

    As the files say by now, applied or not; `asof registry show` says what was applied.
    """
    from asof.compiler.model import SLUGS
    from asof.views import objects

    session: Session = context.obj
    tags = [(key, value) for key, _, value in (text.partition("=") for text in tag or ())]
    if kind == FEATURES:
        return _list_features(session, owner, tags)
    names = {slug: name for name, slug in SLUGS.items()}
    wanted = names.get(kind, kind)
    if wanted and wanted not in SLUGS:
        raise Usage(listings.unknown("kind", kind, (FEATURES, *SLUGS)))
    repo = session.repo(quiet=True)
    _known_owner(repo, owner)
    found = api_explore.listed(repo, kind=wanted, owner=owner, tags=tags)
    session.terminal.say(objects.listed(found, repo))
    return session.end(ExitCode.OK, objects=objects.listed_json(found, repo))


def _list_features(session: Session, owner: str, tags: Sequence[tuple[str, str]]) -> ExitCode:
    from asof.views import feature_list

    repo = session.repo(quiet=True)
    _known_owner(repo, owner)
    found = api_explore.features(repo, owner=owner, tags=tags)
    session.terminal.say(feature_list.listed(found))
    return session.end(ExitCode.OK, features=[feature_list.as_json(feature) for feature in found])


def _known_owner(repo: Repo, owner: str) -> None:
    if owner and owner not in (known := {d.owner for d in repo.definitions.values() if d.owner}):
        raise Usage(listings.unknown("owner", owner, sorted(known)))


def search(
    context: typer.Context,
    text: Annotated[
        list[str], typer.Argument(metavar="TEXT", show_default=False, help="Words; an object has to have all of them.")
    ],
) -> int:
    """Find objects by name, column, tag, owner or description; the best come first."""
    from asof.views import objects

    session: Session = context.obj
    repo = session.repo(quiet=True)
    found = api_explore.search(repo, " ".join(text))
    session.terminal.say(objects.hits(found, repo, colour=session.terminal.colour))
    return session.end(ExitCode.OK, objects=objects.hits_json(found))


def impact(
    context: typer.Context,
    what: Annotated[
        str,
        typer.Argument(
            metavar="COLUMN",
            show_default=False,
            help="SOURCE.COLUMN, VIEW:FEATURE, or an address for all of its columns.",
            autocompletion=addresses,
        ),
    ],
    everything: All = False,
) -> int:
    """Say whom a change of a column or an object hits: features, services, saved datasets, and their owners."""
    from asof.compiler.lookup import NotFoundError
    from asof.views import objects

    session: Session = context.obj
    repo: Repo = session.repo(quiet=True)
    try:
        found = api_explore.impact(repo, what)
    except NotFoundError as error:
        raise Usage(str(error)) from None
    session.terminal.say(objects.impact(found, colour=session.terminal.colour, everything=everything))
    return session.end(ExitCode.OK, impact=objects.impact_json(found))


def explain(
    context: typer.Context,
    code: Annotated[
        str,
        typer.Argument(
            metavar="CODE", show_default=False, help="Such as AS302; without one, list all.", autocompletion=codes
        ),
    ] = "",
) -> int:
    """Explain a diagnostic code: what it means, an example, and what to do."""
    from asof.views import pages

    session: Session = context.obj
    if not code:
        titles = {known: pages.title(api_explore.explain(known) or "") for known in api_explore.codes()}
        session.terminal.say(listings.table(("code", "what"), titles.items()))
        return session.end(ExitCode.OK, codes=titles)
    page = api_explore.explain(code.upper())
    if page is None:
        raise Usage(listings.unknown("code", code.upper(), api_explore.codes()))
    session.terminal.say(pages.explained(page, colour=session.terminal.colour))
    return session.end(ExitCode.OK, of=code.upper(), title=pages.title(page), page=page)


def completion(
    context: typer.Context,
    shell: Annotated[str, typer.Argument(metavar="SHELL", show_default=False, help="bash, zsh, fish or powershell.")],
) -> int:
    """Print what makes a shell complete commands, addresses and targets: eval "$(asof completion bash)"."""
    from asof.cli.completion import SHELLS, script

    session: Session = context.obj
    if shell not in SHELLS:
        raise Usage(listings.unknown("shell", shell, SHELLS))
    text = script(shell)
    if session.terminal.json:
        return session.end(ExitCode.OK, shell=shell, script=text)
    sys.stdout.write(text + "\n")
    return ExitCode.OK
