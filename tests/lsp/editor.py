"""An editor that speaks with `asof lsp` over its standard input and output, for tests."""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp
from pygls.lsp.client import LanguageClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

MARK = "§"
PATIENCE = 60.0
ASOF = "import sys; from asof.cli import main; sys.exit(main())"


def _plain(method: Any) -> Any:
    """A function, which the library can mark as it likes."""
    return lambda params: method(params)


class Editor(LanguageClient):
    """A client that keeps what the server publishes and logs."""

    def __init__(self) -> None:
        super().__init__("tests", "1")
        self.published: dict[str, list[lsp.Diagnostic]] = {}
        self.logged: list[str] = []
        self.stderr = b""
        self.news = asyncio.Event()
        self.registered: list[str] = []
        self.versions: dict[str, int] = {}
        self.feature(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(_plain(self._published))
        self.feature(lsp.WINDOW_LOG_MESSAGE)(_plain(self._logged))
        self.feature(lsp.CLIENT_REGISTER_CAPABILITY)(_plain(self._registers))

    def _published(self, params: lsp.PublishDiagnosticsParams) -> None:
        self.published[params.uri] = list(params.diagnostics)
        self.news.set()

    def _logged(self, params: lsp.LogMessageParams) -> None:
        self.logged.append(params.message)
        self.news.set()

    def _registers(self, params: lsp.RegistrationParams) -> None:
        self.registered += [one.method for one in params.registrations]

    def open(self, path: Path, text: str | None = None) -> str:
        """Open a file, with a text that is not saved if one is given; its address."""
        address = path.as_uri()
        self.versions[address] = 1
        content = path.read_bytes().decode() if text is None else text
        item = lsp.TextDocumentItem(uri=address, language_id="yaml", version=1, text=content)
        self.text_document_did_open(lsp.DidOpenTextDocumentParams(text_document=item))
        return address

    def type(self, address: str, text: str) -> None:
        """The whole text of an open file, changed."""
        self.versions[address] += 1
        document = lsp.VersionedTextDocumentIdentifier(uri=address, version=self.versions[address])
        change = lsp.TextDocumentContentChangeWholeDocument(text=text)
        self.text_document_did_change(lsp.DidChangeTextDocumentParams(text_document=document, content_changes=[change]))

    async def until(self, holds: Any, what: str = "") -> None:
        """Wait until the server has said what makes ``holds`` true."""
        async with asyncio.timeout(PATIENCE):
            while not holds():
                self.news.clear()
                await self.news.wait()

    def codes(self, address: str) -> list[str]:
        """The codes of what is published on a file."""
        return [str(item.code) for item in self.published.get(address, ())]

    async def until_codes(self, address: str, *wanted: str) -> list[lsp.Diagnostic]:
        """Wait until a file has just these findings."""
        await self.until(lambda: address in self.published and sorted(self.codes(address)) == sorted(wanted))
        return self.published[address]

    async def complete(self, address: str, marked: str) -> list[str]:
        """Type a text with a mark in it and ask what may be written at the mark."""
        text = marked.replace(MARK, "", 1)
        self.type(address, text)
        params = lsp.CompletionParams(text_document=_document(address), position=position(marked))
        found = await self.text_document_completion_async(params)
        return [item.label for item in found.items] if isinstance(found, lsp.CompletionList) else []


def position(marked: str, mark: str = MARK) -> lsp.Position:
    """Where a mark stands, in UTF-16."""
    before = marked[: marked.index(mark)]
    line = before.rpartition("\n")[2]
    return lsp.Position(line=before.count("\n"), character=len(line.encode("utf-16-le")) // 2)


def at(text: str, word: str, nth: int = 1, inside: int = 1) -> lsp.Position:
    """A little inside of the nth occurrence of a word."""
    place = -1
    for _ in range(nth):
        place = text.index(word, place + 1)
    return position(text[: place + inside] + MARK + text[place + inside :])


def _document(address: str) -> lsp.TextDocumentIdentifier:
    return lsp.TextDocumentIdentifier(uri=address)


@asynccontextmanager
async def editor(*folders: Path, capabilities: lsp.ClientCapabilities | None = None) -> AsyncIterator[Editor]:
    """An editor with folders open; it shuts the server down at the end, and the server must end well."""
    made = Editor()
    await made.start_io(sys.executable, "-c", ASOF, "lsp", "--stdio")
    try:
        await made.initialize_async(
            lsp.InitializeParams(
                capabilities=capabilities or rich(),
                workspace_folders=[lsp.WorkspaceFolder(uri=f.as_uri(), name=f.name) for f in folders],
            )
        )
        made.initialized(lsp.InitializedParams())
        yield made
        await made.shutdown_async(None)
        made.exit(None)
        server = made._server
        assert server is not None
        assert await asyncio.wait_for(server.wait(), PATIENCE) == 0
        assert server.stderr is not None
        made.stderr += await server.stderr.read()
        assert b"Traceback" not in made.stderr
        assert not [line for line in made.logged if "Traceback" in line or "internal error" in line]
    finally:
        await made.stop()


def rich() -> lsp.ClientCapabilities:
    """What a present-day editor can do."""
    return lsp.ClientCapabilities(
        text_document=lsp.TextDocumentClientCapabilities(
            publish_diagnostics=lsp.PublishDiagnosticsClientCapabilities(related_information=True)
        ),
        workspace=lsp.WorkspaceClientCapabilities(
            workspace_edit=lsp.WorkspaceEditClientCapabilities(document_changes=True),
            did_change_watched_files=lsp.DidChangeWatchedFilesClientCapabilities(dynamic_registration=True),
        ),
    )


def applied(text: str, edits: list[Any]) -> str:
    """A text with a server's edits put in, counted in UTF-16 by this file's own arithmetic."""
    lines = text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)

    def offset(place: lsp.Position) -> int:
        if place.line >= len(lines):
            return len(text)
        encoded = lines[place.line].encode("utf-16-le")[: place.character * 2]
        return starts[place.line] + len(encoded.decode("utf-16-le"))

    for edit in sorted(edits, key=lambda e: (e.range.start.line, e.range.start.character), reverse=True):
        text = text[: offset(edit.range.start)] + edit.new_text + text[offset(edit.range.end) :]
    return text
