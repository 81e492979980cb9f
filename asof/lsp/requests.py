"""What an editor asks about the place it is at: each request answered from the pure parts around this file."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

from asof import api_explore
from asof.compiler.diagnostics import Level
from asof.compiler.model import SLUGS
from asof.lsp import convert, hover, rename
from asof.lsp.actions import actions
from asof.lsp.completion import complete, kind_of
from asof.lsp.convert import place_of, range_of
from asof.lsp.hover import under
from asof.lsp.mentions import declared
from asof.lsp.open_repos import PROJECT, path_of
from asof.lsp.outline import outline
from asof.lsp.positions import Positions
from asof.lsp.rename import Edit, RefusedError
from asof.lsp.symbols import symbols

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from asof.api_editor import Built
    from asof.compiler.diagnostics import Diagnostic
    from asof.compiler.source import Span
    from asof.lsp.checking import OpenRepo
    from asof.lsp.convert import Texts
    from asof.lsp.hover import Under
    from asof.lsp.mentions import Mentions
    from asof.lsp.server import Server

R = TypeVar("R")
REQUEST_FAILED, INTERNAL = -32803, -32603
_MOST_SYMBOLS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A document and an offset in it. Without a repo only what the language says is known."""

    path: Path
    repo: OpenRepo | None
    positions: Positions
    offset: int

    @property
    def text(self) -> str:
        return self.positions.text

    @property
    def is_project(self) -> bool:
        return self.path.name == PROJECT

    @property
    def inside(self) -> str:
        """The path in the repo."""
        return self.path.relative_to(self.repo.root).as_posix() if self.repo is not None else ""


def _place(ls: Server, address: str, position: lsp.Position | None = None) -> _Place | None:
    """The place that a request is about; None for what is no file or neither in a repo nor a definition."""
    path = path_of(address)
    if path is None:
        return None
    known = ls.repos.documents.get(address)
    if known is not None:
        text = known[1]
    elif path.is_file():
        text = path.read_bytes().decode("utf-8-sig", "replace")
    else:
        return None
    positions = Positions(text, ls.units)
    offset = positions.offset(place_of(position)) if position is not None else 0
    repo = ls.repos.around(path)
    if repo is None and path.name != PROJECT and outline(text, offset).kind not in SLUGS:
        return None
    return _Place(path=path, repo=repo, positions=positions, offset=offset)


def _guarded(handler: Callable[[Server, Any], Awaitable[R]]) -> Callable[[Server, Any], Awaitable[R]]:
    """What cannot be done is a refusal with a reason; a bug is a line, never a traceback."""

    @wraps(handler)
    async def guarded(ls: Server, params: Any) -> R:
        try:
            return await handler(ls, params)
        except (JsonRpcException, asyncio.CancelledError):
            raise
        except RefusedError as error:
            raise JsonRpcException(str(error), REQUEST_FAILED) from None
        except Exception as error:  # noqa: BLE001 - the outermost frame of a request
            said = f"internal error: {type(error).__name__}: {error}. This is a bug in asof."
            raise JsonRpcException(said, INTERNAL) from None

    return guarded


@_guarded
async def completion(ls: Server, params: lsp.CompletionParams) -> lsp.CompletionList | None:
    """What may be written here."""
    place = _place(ls, params.text_document.uri, params.position)
    if place is None:
        return None
    built = await place.repo.settled() if place.repo is not None else None
    repo = built.last if built is not None else None
    return convert.completions(
        complete(place.text, place.offset, is_project=place.is_project, repo=repo), place.positions
    )


async def _under(place: _Place) -> tuple[Under | None, Mentions | None, str]:
    mentions = await place.repo.mentions() if place.repo is not None else None
    found, document = under(place.text, place.offset, is_project=place.is_project, mentions=mentions)
    return found, mentions, kind_of(document, is_project=place.is_project)


@_guarded
async def hovered(ls: Server, params: lsp.HoverParams) -> lsp.Hover | None:
    """What is known of this."""
    place = _place(ls, params.text_document.uri, params.position)
    if place is None:
        return None
    found, mentions, kind = await _under(place)
    if found is None:
        return None
    said = hover.markdown(
        found,
        outline(place.text, place.offset),
        kind=kind,
        mentions=mentions,
        lineage=await place.repo.lineage() if place.repo is not None and found.column else None,
        explain=api_explore.explain,
    )
    if not said:
        return None
    content = lsp.MarkupContent(kind=lsp.MarkupKind.Markdown, value=said)
    return lsp.Hover(contents=content, range=range_of(place.positions, found.start, found.end))


@_guarded
async def definition(ls: Server, params: lsp.DefinitionParams) -> list[lsp.Location]:
    """Where this is declared."""
    place = _place(ls, params.text_document.uri, params.position)
    if place is None or place.repo is None:
        return []
    found, mentions, _ = await _under(place)
    if found is None or mentions is None or not (found.address or found.declared):
        return []
    span: Span | None = found.declared if found.column else declared(mentions.repo, found.address)
    built = await place.repo.settled()
    return [ls.repos.texts(place.repo, built, ls.units).location(span)] if span is not None else []


@_guarded
async def references(ls: Server, params: lsp.ReferenceParams) -> list[lsp.Location]:
    """Every place that names this."""
    place = _place(ls, params.text_document.uri, params.position)
    if place is None or place.repo is None:
        return []
    found, mentions, _ = await _under(place)
    if found is None or mentions is None or not found.address:
        return []
    built = await place.repo.settled()
    texts = ls.repos.texts(place.repo, built, ls.units)
    if found.column and found.declared is not None:
        owner = hover.owner_at(mentions.repo, found.declared)
        mentioned = mentions.of_column(owner, found.column)
    else:
        mentioned = mentions.of_object(found.address)
    kept = [m for m in mentioned if params.context.include_declaration or not m.is_declaration]
    return [texts.location(span) for span in dict.fromkeys(m.span for m in kept)]


@_guarded
async def prepare_rename(ls: Server, params: lsp.PrepareRenameParams) -> lsp.PrepareRenamePlaceholder:
    """The name that a rename would replace."""
    place, found, _ = await _renamed(ls, params.text_document.uri, params.position)
    shown = place.text[found.start : found.end]
    return lsp.PrepareRenamePlaceholder(
        range=range_of(place.positions, found.start, found.end), placeholder=shown.rpartition("/")[2]
    )


async def _renamed(ls: Server, address: str, position: lsp.Position) -> tuple[_Place, Under, Built]:
    place = _place(ls, address, position)
    if place is None or place.repo is None:
        raise RefusedError("this file is in no feature repo")
    built = await place.repo.settled()
    errors = [item for item in built.diagnostics if item.level is Level.ERROR]
    if errors or built.repo is None:
        where = f"{errors[0].span.path}:{errors[0].span.line}: {errors[0].message}" if errors else "asof.yaml"
        raise RefusedError(f"mend what cannot be read first, it may name the object too: {where}")
    found, _, _ = await _under(place)
    if found is None or not found.address or found.column:
        raise RefusedError("only objects are renamed here: put the cursor on the name of one")
    return place, found, built


@_guarded
async def renamed(ls: Server, params: lsp.RenameParams) -> lsp.WorkspaceEdit:
    """A new name everywhere, and ``moved_from``."""
    place, found, built = await _renamed(ls, params.text_document.uri, params.position)
    if place.repo is None or built.repo is None:
        raise RefusedError("this file is in no feature repo")
    edits = rename.rename(built.repo, found.address, params.new_name, built.sources)
    return _workspace_edit(ls, ls.repos.texts(place.repo, built, ls.units), edits)


def _workspace_edit(ls: Server, texts: Texts, edits: Sequence[Edit]) -> lsp.WorkspaceEdit:
    by_path = texts.edits(edits)
    workspace = ls.client_capabilities.workspace
    wanted = workspace.workspace_edit if workspace is not None else None
    if wanted is None or not wanted.document_changes:
        return lsp.WorkspaceEdit(changes={texts.uri_of(path): changes for path, changes in by_path.items()})
    versions = {address: version for address, (_, _, version) in ls.repos.documents.items()}
    return lsp.WorkspaceEdit(
        document_changes=[
            lsp.TextDocumentEdit(
                text_document=lsp.OptionalVersionedTextDocumentIdentifier(
                    uri=texts.uri_of(path), version=versions.get(texts.uri_of(path))
                ),
                edits=list(changes),
            )
            for path, changes in by_path.items()
        ]
    )


@_guarded
async def formatting(ls: Server, params: lsp.DocumentFormattingParams) -> list[lsp.TextEdit]:
    """`asof fmt` of the document; nothing where it cannot be read."""
    place = _place(ls, params.text_document.uri)
    if place is None:
        return []
    path = PROJECT if place.is_project else place.path.name
    (laid_out,) = api_explore.formatted({path: place.text.encode("utf-8", "surrogatepass")})
    if laid_out.diagnostics and not laid_out.changed:
        ls.say(f"{place.path.name} is left as it is: {laid_out.diagnostics[0].message}")
    return _line_edits(place.positions, laid_out.before, laid_out.after) if laid_out.changed else []


def _line_edits(positions: Positions, before: str, after: str) -> list[lsp.TextEdit]:
    """The lines that differ: whatever stays is not touched, so the cursor stays where it is."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    starts = [0]
    for line in old:
        starts.append(starts[-1] + len(line))
    return [
        lsp.TextEdit(range=range_of(positions, starts[a], starts[b]), new_text="".join(new[c:d]))
        for tag, a, b, c, d in SequenceMatcher(None, old, new).get_opcodes()
        if tag != "equal"
    ]


@_guarded
async def code_actions(ls: Server, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
    """What can be done about the findings here, and all safe fixes of the file."""
    place = _place(ls, params.text_document.uri)
    if place is None or place.repo is None:
        return []
    built, found = await place.repo.findings()
    texts = ls.repos.texts(place.repo, built, ls.units)
    start = place.positions.offset(place_of(params.range.start))
    end = place.positions.offset(place_of(params.range.end))
    made: list[lsp.CodeAction] = []
    if _wants(params.context.only, lsp.CodeActionKind.QuickFix):
        here = [item for item in found if item.span.path == place.inside and _touches(texts, item, start, end)]
        for action in actions(here, built.repo, built.sources):
            made.append(
                lsp.CodeAction(
                    title=action.title,
                    kind=lsp.CodeActionKind.QuickFix,
                    diagnostics=[convert.diagnostic(action.finding, texts, related=ls.takes_related)],
                    is_preferred=action.preferred,
                    edit=_workspace_edit(ls, texts, (action.edit,)),
                )
            )
    if params.context.only and _wants(params.context.only, lsp.CodeActionKind.SourceFixAll):
        made += _fix_all(ls, place, texts, found, built)
    return made


def _wants(only: Sequence[lsp.CodeActionKind | str] | None, kind: lsp.CodeActionKind) -> bool:
    """Whether a client that asks for ``only`` some kinds asks for this one; a kind holds those below it."""
    asked = [one.value if isinstance(one, lsp.CodeActionKind) else str(one) for one in only or ()]
    return not asked or any(one in ("", kind.value) or kind.value.startswith(f"{one}.") for one in asked)


def _touches(texts: Texts, item: Diagnostic, start: int, end: int) -> bool:
    first, last = texts.positions(item.span.path).extent(item.span)
    return first <= end and start <= last


def _fix_all(
    ls: Server, place: _Place, texts: Texts, found: Sequence[Diagnostic], built: Built
) -> list[lsp.CodeAction]:
    lint = api_explore.Lint(found=tuple(found), accepted=(), reasons={}, sources=built.sources)
    mended = [one for one in api_explore.repaired(lint) if one.path == place.inside]
    if not mended:
        return []
    whole = Edit(path=place.inside, start=0, end=len(mended[0].before), text=mended[0].after)
    edit = _workspace_edit(ls, texts, (whole,))
    return [lsp.CodeAction(title="Put in the safe fixes", kind=lsp.CodeActionKind.SourceFixAll, edit=edit)]


@_guarded
async def document_symbols(ls: Server, params: lsp.DocumentSymbolParams) -> list[lsp.DocumentSymbol]:
    """The definitions of the file."""
    place = _place(ls, params.text_document.uri)
    if place is None:
        return []
    return [convert.document_symbol(symbol, place.positions) for symbol in symbols(place.text)]


@_guarded
async def workspace_symbols(ls: Server, params: lsp.WorkspaceSymbolParams) -> list[lsp.WorkspaceSymbol]:
    """The objects of all open repos whose name holds the letters asked for, in order."""
    made: list[lsp.WorkspaceSymbol] = []
    query = params.query.lower()
    for repo in list(ls.repos.repos.values()):
        built, mentions = await repo.settled(), await repo.mentions()
        if mentions is None:
            continue
        texts = ls.repos.texts(repo, built, ls.units)
        named = sorted(
            mentions.repo.definitions.items(), key=lambda one: (query not in one[1].name.lower(), one[1].name)
        )
        for address, found in named:
            if len(made) == _MOST_SYMBOLS:
                return made
            span = declared(mentions.repo, address) if _matches(query, found.name) else None
            if span is not None:
                made.append(
                    lsp.WorkspaceSymbol(
                        name=found.name,
                        kind=convert.symbol_kind(found.kind),
                        container_name=SLUGS[found.kind].replace("_", " "),
                        location=texts.location(span),
                    )
                )
    return made


def _matches(query: str, name: str) -> bool:
    letters = iter(name.lower())
    return all(letter in letters for letter in query if not letter.isspace())


REQUESTS: tuple[tuple[str, Any, Callable[..., Any]], ...] = (
    (
        lsp.TEXT_DOCUMENT_COMPLETION,
        lsp.CompletionOptions(trigger_characters=[" ", ":", ".", "[", "{", "-"]),
        completion,
    ),
    (lsp.TEXT_DOCUMENT_HOVER, None, hovered),
    (lsp.TEXT_DOCUMENT_DEFINITION, None, definition),
    (lsp.TEXT_DOCUMENT_REFERENCES, None, references),
    (lsp.TEXT_DOCUMENT_PREPARE_RENAME, None, prepare_rename),
    (lsp.TEXT_DOCUMENT_RENAME, lsp.RenameOptions(prepare_provider=True), renamed),
    (lsp.TEXT_DOCUMENT_FORMATTING, None, formatting),
    (
        lsp.TEXT_DOCUMENT_CODE_ACTION,
        lsp.CodeActionOptions(code_action_kinds=[lsp.CodeActionKind.QuickFix, lsp.CodeActionKind.SourceFixAll]),
        code_actions,
    ),
    (lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL, None, document_symbols),
    (lsp.WORKSPACE_SYMBOL, None, workspace_symbols),
)
"""Method, its options, and what answers it."""
