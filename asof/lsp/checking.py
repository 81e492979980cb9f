"""One open repo: built at each change, checked when typing rests, never two checks at once and none for nothing."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from asof import api_editor
from asof.compiler.lineage import Lineage
from asof.lsp.mentions import Mentions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from asof.api_editor import Built
    from asof.compiler.diagnostics import Diagnostic

DEBOUNCE = 0.15
"""Seconds without a change before a check begins."""
LINT_AFTER = 0.8
"""Seconds more before lints are looked for."""


class OpenRepo:
    """The repo at ``root``. ``buffers`` gives the open texts by path, ``publish`` takes what was found in which build,
    ``trouble`` what went wrong with a check.

    All methods run in the event loop; building and checking run beside it, in a thread each.
    """

    def __init__(
        self,
        root: Path,
        buffers: Callable[[], Mapping[str, str]],
        publish: Callable[[Built, tuple[Diagnostic, ...]], None],
        trouble: Callable[[Exception], None],
    ) -> None:
        self.root = root
        self.built: Built | None = None
        self._checked: tuple[Built, tuple[Diagnostic, ...]] | None = None
        self._buffers = buffers
        self._publish = publish
        self._trouble = trouble
        self._generation = 0
        self._fresh = -1
        self._ask_registry = True
        self._task: asyncio.Task[None] | None = None
        self._building = asyncio.Lock()
        self._checks = ThreadPoolExecutor(max_workers=1, thread_name_prefix="asof-check")
        self._mentions: Mentions | None = None
        self._lineage: Lineage | None = None

    def changed(self, *, saved: bool = False) -> None:
        """Something was typed, or (``saved``) files were written: check soon; a check that waits starts over."""
        self._generation += 1
        self._ask_registry = self._ask_registry or saved
        if self._task is not None:
            self._task.cancel()
        self._task = asyncio.get_running_loop().create_task(self._watched())

    async def settled(self) -> Built:
        """The repo as it is written now: built again only if something has changed."""
        async with self._building:
            while self.built is None or self._fresh != self._generation:
                generation, buffers = self._generation, dict(self._buffers())
                ask, self._ask_registry = self._ask_registry, False
                self.built = await asyncio.to_thread(api_editor.build, self.root, buffers, self.built, ask_registry=ask)
                self._fresh = generation
                self._mentions = self._lineage = None
            return self.built

    async def mentions(self) -> Mentions | None:
        """Names of the repo as it is written now, the last sound text standing in for broken ones."""
        built = await self.settled()
        if self._mentions is None and built.last is not None:
            self._mentions = Mentions(built.last)
        return self._mentions

    async def lineage(self) -> Lineage | None:
        """Column lineage of the same."""
        mentions = await self.mentions()
        if self._lineage is None and mentions is not None:
            self._lineage = Lineage(mentions.repo)
        return self._lineage

    async def findings(self) -> tuple[Built, tuple[Diagnostic, ...]]:
        """What is to be said about the repo as it is written now, with lints if they have been looked for."""
        built = await self.settled()
        if self._checked is None or self._checked[0] is not built:
            loop = asyncio.get_running_loop()
            self._checked = (built, await loop.run_in_executor(self._checks, _checked, built, False))
        return self._checked

    async def _watched(self) -> None:
        try:
            await self._check()
        except Exception as error:  # noqa: BLE001 - nobody awaits a check: what goes wrong with one has to be said
            self._trouble(error)

    async def _check(self) -> None:
        await asyncio.sleep(DEBOUNCE)
        built = await self.settled()
        loop = asyncio.get_running_loop()
        for lints in (False, True):
            found = await loop.run_in_executor(self._checks, _checked, built, lints)
            if built is not self.built:
                return
            self._checked = (built, found)
            self._publish(built, found)
            if not lints:
                await asyncio.sleep(LINT_AFTER)

    async def close(self) -> None:
        """Stop; a check that runs ends unseen."""
        if self._task is not None:
            self._task.cancel()
        self._checks.shutdown(wait=False, cancel_futures=True)


def _checked(built: Built, lints: bool) -> tuple[Diagnostic, ...]:
    return api_editor.check(built, lints=lints)
