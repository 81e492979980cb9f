"""Which repos are open: files and folders of the editor -> the repos around them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pygls.uris import to_fs_path

from asof.lsp.checking import OpenRepo
from asof.lsp.convert import Texts, uri

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from asof.api_editor import Built
    from asof.compiler.diagnostics import Diagnostic

PROJECT = "asof.yaml"
_DEEP = ("*/asof.yaml", "*/*/asof.yaml")
"""Where repos are looked for below a folder that the editor opens."""


class OpenRepos:
    """Repos by their roots, and the open documents by address: (path, text, version)."""

    def __init__(
        self,
        publish: Callable[[OpenRepo, Built, tuple[Diagnostic, ...]], None],
        trouble: Callable[[Exception], None],
    ) -> None:
        self.repos: dict[Path, OpenRepo] = {}
        self.documents: dict[str, tuple[Path, str, int | None]] = {}
        self._publish = publish
        self._trouble = trouble

    def open(self, address: str, text: str, version: int | None) -> OpenRepo | None:
        """A document with its text, new or changed; the repo that it belongs to."""
        path = path_of(address)
        if path is None:
            return None
        self.documents[address] = (path, text, version)
        return self.around(path)

    def close(self, address: str) -> OpenRepo | None:
        """A document is closed: what is on disk counts again."""
        found = self.documents.pop(address, None)
        return self.around(found[0]) if found is not None else None

    def around(self, path: Path) -> OpenRepo | None:
        """The repo of the nearest asof.yaml above a file, on disk or open in the editor."""
        opened = {document for document, _, _ in self.documents.values()}
        for folder in path.parents:
            if folder / PROJECT in opened or (folder / PROJECT).is_file():
                return self.at(folder)
        return None

    def at(self, root: Path) -> OpenRepo:
        """The repo at ``root``, opened if it was not."""
        if root not in self.repos:
            made = OpenRepo(
                root,
                lambda: self.buffers(root),
                lambda built, found: self._publish(made, built, found),
                self._trouble,
            )
            self.repos[root] = made
        return self.repos[root]

    def below(self, folder: Path) -> Iterator[OpenRepo]:
        """The repos that a folder of the editor holds or lies in."""
        above = self.around(folder / "any")
        if above is not None:
            yield above
            return
        for pattern in _DEEP:
            for project in sorted(folder.glob(pattern)):
                if not any(part.startswith(".") for part in project.relative_to(folder).parts):
                    yield self.at(project.parent)

    def buffers(self, root: Path) -> dict[str, str]:
        """The open texts of a repo by path; those of a repo inside of it are its own."""
        return {path: self.documents[address][1] for path, address in self.addresses(root).items()}

    def addresses(self, root: Path) -> dict[str, str]:
        """Path -> the editor's own address, of the open texts of a repo."""
        return {
            path.relative_to(root).as_posix(): address
            for address, (path, _, _) in self.documents.items()
            if path.is_relative_to(root) and self.around(path) is self.repos.get(root)
        }

    def texts(self, repo: OpenRepo, built: Built, units: str) -> Texts:
        """The texts that ``built`` was made from, with the editor's addresses."""
        known = self.addresses(repo.root)
        return Texts(built.sources, units, lambda path: known.get(path) or uri(repo.root / path))

    async def forget(self, folder: Path) -> tuple[OpenRepo, ...]:
        """Close the repos below a folder that left the editor, but for those with open documents."""
        gone = [r for root, r in self.repos.items() if root.is_relative_to(folder) and not self.buffers(root)]
        for repo in gone:
            del self.repos[repo.root]
            await repo.close()
        return tuple(gone)


def path_of(address: str) -> Path | None:
    """The file that an address names; None where it names none (``untitled:``, ``git:``)."""
    try:
        scheme = urlsplit(address).scheme
        found = to_fs_path(address) if scheme == "file" else None
    except ValueError:
        return None
    return Path(found) if found and "\0" not in found else None
