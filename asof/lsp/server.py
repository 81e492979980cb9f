"""The life of the server and of its documents, and what it publishes. What editors ask is answered in requests.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol, default_converter

from asof.compiler.source import NOWHERE
from asof.lsp import convert
from asof.lsp.open_repos import PROJECT, OpenRepos, path_of
from asof.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from asof.api_editor import Built
    from asof.compiler.diagnostics import Diagnostic
    from asof.lsp.checking import OpenRepo

_WATCHED = ("**/*.yaml", "**/*.yml", "**/.asofignore")


class Protocol(LanguageServerProtocol):
    """The protocol, which also answers requests that cannot be understood."""

    def structure_message(self, data: dict[str, Any]) -> Any:
        """As its base, with an error response where a request has an id."""
        try:
            return super().structure_message(data)
        except JsonRpcException as error:
            if "id" in data and "method" in data:
                self._send_response(data["id"], None, error.to_response_error())
            raise


class Server(LanguageServer):
    """One editor's server: its open repos, and which addresses have findings."""

    def __init__(self) -> None:
        super().__init__(
            "asof",
            __version__,
            text_document_sync_kind=lsp.TextDocumentSyncKind.Full,
            protocol_cls=Protocol,
            converter_factory=default_converter,
        )
        self.repos = OpenRepos(self.publish, self.trouble)
        self.published: dict[Path, set[str]] = {}

    @property
    def units(self) -> str:
        """What the client counts columns in."""
        agreed = self.workspace.position_encoding
        return agreed.value if isinstance(agreed, lsp.PositionEncodingKind) else str(agreed or "utf-16")

    def publish(self, repo: OpenRepo, built: Built, found: tuple[Diagnostic, ...]) -> None:
        """Findings by file; an open file is told of none, and one that has none any more."""
        texts = self.repos.texts(repo, built, self.units)
        by_address: dict[str, list[lsp.Diagnostic]] = {a: [] for a in self.repos.addresses(repo.root).values()}
        related = self.takes_related
        for item in found if built.sources else ():
            path = item.span.path if item.span != NOWHERE else PROJECT
            made = convert.diagnostic(item, texts, related=related)
            by_address.setdefault(texts.uri_of(path or PROJECT), []).append(made)
        before = self.published.get(repo.root, set())
        for address in sorted(before | by_address.keys()):
            items = by_address.get(address, [])
            self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri=address, diagnostics=items))
        self.published[repo.root] = set(by_address)

    @property
    def takes_related(self) -> bool:
        """Whether the client shows related information."""
        document = self.client_capabilities.text_document
        wanted = document.publish_diagnostics if document is not None else None
        return bool(wanted is not None and wanted.related_information)

    def withdraw(self, root: Path) -> None:
        """Nothing is said about a repo any more."""
        for address in sorted(self.published.pop(root, set())):
            self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri=address, diagnostics=[]))

    def report_server_error(self, error: Exception, source: Any) -> None:  # noqa: ARG002
        """What went wrong, in a line of the client's log."""
        if isinstance(error, JsonRpcException):
            said = f"a message could not be understood: {error}"
        else:
            said = f"{type(error).__name__}: {error}"
        self.say(said, lsp.MessageType.Warning)

    def trouble(self, error: Exception) -> None:
        """A check that went wrong, in a line of the client's log."""
        self.say(f"internal error: {type(error).__name__}: {error}. This is a bug in asof.", lsp.MessageType.Error)

    def say(self, message: str, level: lsp.MessageType = lsp.MessageType.Info) -> None:
        """A line in the client's log."""
        self.window_log_message(lsp.LogMessageParams(type=level, message=message))


async def _initialized(ls: Server, _: lsp.InitializedParams) -> None:
    for address in _folders(ls):
        _open_folder(ls, address)
    workspace = ls.client_capabilities.workspace
    watched = workspace.did_change_watched_files if workspace is not None else None
    if watched is not None and watched.dynamic_registration:
        watchers = [lsp.FileSystemWatcher(glob_pattern=pattern) for pattern in _WATCHED]
        options = lsp.DidChangeWatchedFilesRegistrationOptions(watchers=watchers)
        wanted = lsp.Registration(
            id="asof-files", method=lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES, register_options=options
        )
        await ls.client_register_capability_async(lsp.RegistrationParams(registrations=[wanted]))


def _folders(ls: Server) -> list[str]:
    found = list(ls.workspace.folders)
    root = ls.workspace.root_uri
    return found or ([root] if root else [])


def _open_folder(ls: Server, address: str) -> None:
    folder = path_of(address)
    if folder is not None and folder.is_dir():
        for repo in ls.repos.below(folder):
            repo.changed(saved=True)


async def _folders_changed(ls: Server, params: lsp.DidChangeWorkspaceFoldersParams) -> None:
    for gone in params.event.removed:
        folder = path_of(gone.uri)
        for repo in await ls.repos.forget(folder) if folder is not None else ():
            ls.withdraw(repo.root)
    for added in params.event.added:
        _open_folder(ls, added.uri)


def _opened(ls: Server, params: lsp.DidOpenTextDocumentParams) -> None:
    document = params.text_document
    repo = ls.repos.open(document.uri, document.text, document.version)
    if repo is not None:
        repo.changed()
    elif path_of(document.uri) is not None:
        ls.say(f"{document.uri} is in no feature repo: no folder above it has an {PROJECT}")


def _changed(ls: Server, params: lsp.DidChangeTextDocumentParams) -> None:
    address = params.text_document.uri
    text = ls.workspace.get_text_document(address).source
    repo = ls.repos.open(address, text, params.text_document.version)
    if repo is not None:
        repo.changed()


def _saved(ls: Server, params: lsp.DidSaveTextDocumentParams) -> None:
    path = path_of(params.text_document.uri)
    repo = ls.repos.around(path) if path is not None else None
    if repo is not None:
        repo.changed(saved=True)


def _closed(ls: Server, params: lsp.DidCloseTextDocumentParams) -> None:
    repo = ls.repos.close(params.text_document.uri)
    if repo is not None:
        repo.changed()


def _files_changed(ls: Server, params: lsp.DidChangeWatchedFilesParams) -> None:
    paths = [path for change in params.changes if (path := path_of(change.uri)) is not None]
    touched = {root for root in ls.repos.repos for path in paths if path.is_relative_to(root)}
    for path in paths:
        if path.name == PROJECT and path.is_file():
            touched.add(ls.repos.at(path.parent).root)
    for root in touched:
        ls.repos.repos[root].changed(saved=True)


async def _shutdown(ls: Server, *_: object) -> None:
    for repo in ls.repos.repos.values():
        await repo.close()


LIFE: tuple[tuple[str, Callable[..., Any]], ...] = (
    (lsp.INITIALIZED, _initialized),
    (lsp.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS, _folders_changed),
    (lsp.TEXT_DOCUMENT_DID_OPEN, _opened),
    (lsp.TEXT_DOCUMENT_DID_CHANGE, _changed),
    (lsp.TEXT_DOCUMENT_DID_SAVE, _saved),
    (lsp.TEXT_DOCUMENT_DID_CLOSE, _closed),
    (lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES, _files_changed),
    (lsp.SHUTDOWN, _shutdown),
)
"""Method, and what follows from it."""
