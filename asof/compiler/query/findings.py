"""Findings about one SQL text, turned into diagnostics at its place in the YAML file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlglot import exp

from asof.compiler.diagnostics import Fix, correction
from asof.compiler.query.source_map import SourceMap
from asof.compiler.query.syntax import extent
from asof.compiler.source import NOWHERE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from asof.compiler.diagnostics import Diagnostic, Rule
    from asof.compiler.model import Repo
    from asof.compiler.source import Span


class Findings:
    """What is wrong with the SQL at ``pointer`` of the definition at ``address``."""

    def __init__(self, repo: Repo, address: str, pointer: tuple[str | int, ...], text: str) -> None:
        self.text = text
        self.found: list[Diagnostic] = []
        self._origin = repo.origins.get(address)
        self._address = address
        self._pointer = pointer
        self._map: SourceMap | None = None

    def add(self, rule: Rule, node: exp.Expr | None, message: str, *notes: str) -> None:
        """``rule`` is broken by ``node`` (None: by the whole text)."""
        start, end = extent(node) if node is not None else (0, len(self.text))
        word = (
            re.search(rf"\b{re.escape(node.sql())}", self.text, re.IGNORECASE) if node is not None and not end else None
        )
        if word:
            # Keywords such as CURRENT_DATE carry no mark.
            start, end = word.span()
        elif node is not None and end == 0 and node.parent is not None:
            self.add(rule, node.parent, message, *notes)
            return
        self.add_at(rule, start, self._closed(start, end), message, *notes)

    def misspelt(
        self, rule: Rule, node: exp.Expr, message: str, word: str, known: Iterable[str], hint: str = ""
    ) -> None:
        """``rule`` is broken by ``word``, the name in ``node``, which may stand for one of ``known``; else ``hint``."""
        guess, safe = correction(word, known)
        title = f"did you mean {guess!r}?"
        start, end = extent(node.this if isinstance(node, exp.Column) else node)
        if not guess or self.text[start:end] != word:
            self.add(rule, node, message, title if guess else hint)
            return
        span = self._span(start, end)
        fix = Fix(title=title, span=span, text=guess, safe=safe and span != NOWHERE)
        whole = self._span(*extent(node))
        self.found.append(rule.at(whole, message, address=self._address, fixes=(fix,)))

    def written(self, node: exp.Expr) -> str:
        """The user's own words for ``node``, or its SQL where it stands nowhere in the text."""
        start, end = extent(node)
        return self.text[start : self._closed(start, end)] or node.sql()

    def _closed(self, start: int, end: int) -> int:
        """``end``, moved past the parentheses that were opened since ``start``: the parser does not mark them."""
        for _ in range(self.text.count("(", start, end) - self.text.count(")", start, end)):
            after = len(self.text) - len(self.text[end:].lstrip())
            if self.text[after : after + 1] != ")":
                break
            end = after + 1
        return end

    def add_at(self, rule: Rule, start: int, end: int, message: str, *notes: str) -> None:
        """``rule`` is broken by ``text[start:end]``."""
        kept = tuple(note for note in notes if note)
        self.found.append(rule.at(self._span(start, end), message, address=self._address, notes=kept))

    def elsewhere(self, rule: Rule, pointer: tuple[str | int, ...], message: str, *notes: str) -> None:
        """``rule`` is broken by another value of the same definition."""
        span = self._origin.value(*pointer) if self._origin else NOWHERE
        kept = tuple(note for note in notes if note)
        self.found.append(rule.at(span, message, address=self._address, notes=kept))

    def _span(self, start: int, end: int) -> Span:
        if self._origin is None:
            return NOWHERE
        if self._map is None:
            self._map = SourceMap(self._origin, self._pointer)
        return self._map.span(start, end)
