"""Our values -> those of the protocol: places, findings, suggestions, symbols, edits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types as lsp
from pygls.uris import from_fs_path

from asof.compiler.diagnostics import Level
from asof.compiler.source import NOWHERE
from asof.lsp.positions import Place, Positions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from asof.compiler.diagnostics import Diagnostic
    from asof.compiler.source import Span
    from asof.lsp.completion import Suggestion, Suggestions
    from asof.lsp.rename import Edit
    from asof.lsp.symbols import Symbol

SOURCE = "asof"
_SEVERITY = {
    Level.ERROR: lsp.DiagnosticSeverity.Error,
    Level.WARNING: lsp.DiagnosticSeverity.Warning,
    Level.NOTE: lsp.DiagnosticSeverity.Information,
}
_TAGS = {"AS316": lsp.DiagnosticTag.Deprecated, "AS333": lsp.DiagnosticTag.Unnecessary}
_ITEM = {
    "key": lsp.CompletionItemKind.Property,
    "value": lsp.CompletionItemKind.Value,
    "object": lsp.CompletionItemKind.Reference,
    "column": lsp.CompletionItemKind.Field,
    "table": lsp.CompletionItemKind.Struct,
}
_SYMBOL = {
    "Entity": lsp.SymbolKind.Key,
    "DataSource": lsp.SymbolKind.Struct,
    "FeatureView": lsp.SymbolKind.Class,
    "StreamFeatureView": lsp.SymbolKind.Class,
    "OnDemandFeatureView": lsp.SymbolKind.Function,
    "FeatureService": lsp.SymbolKind.Interface,
    "SavedDataset": lsp.SymbolKind.Array,
    "FeatureTest": lsp.SymbolKind.Event,
    "column": lsp.SymbolKind.Field,
}


class Texts:
    """Texts by path, with places in the units that the client counts in; paths as the client names them."""

    def __init__(self, texts: Mapping[str, str], units: str, uri_of: Callable[[str], str]) -> None:
        self.texts = texts
        self.units = units
        self.uri_of = uri_of
        self._made: dict[str, Positions] = {}

    def positions(self, path: str) -> Positions:
        """The places of one text; of one that is not there, of an empty one."""
        if path not in self._made:
            self._made[path] = Positions(self.texts.get(path, ""), self.units)
        return self._made[path]

    def range(self, path: str, start: int, end: int) -> lsp.Range:
        """A stretch of code points."""
        return range_of(self.positions(path), start, end)

    def location(self, span: Span) -> lsp.Location:
        """Where a span is."""
        start, end = self.positions(span.path).extent(span)
        return lsp.Location(uri=self.uri_of(span.path), range=self.range(span.path, start, end))

    def edits(self, edits: Iterable[Edit]) -> dict[str, list[lsp.TextEdit]]:
        """Edits by path."""
        made: dict[str, list[lsp.TextEdit]] = {}
        for edit in edits:
            change = lsp.TextEdit(range=self.range(edit.path, edit.start, edit.end), new_text=edit.text)
            made.setdefault(edit.path, []).append(change)
        return made


def range_of(positions: Positions, start: int, end: int) -> lsp.Range:
    """A stretch of code points in the client's units."""
    return lsp.Range(start=_position(positions.place(start)), end=_position(positions.place(end)))


def _position(place: Place) -> lsp.Position:
    return lsp.Position(line=place.line, character=place.character)


def place_of(position: lsp.Position) -> Place:
    """The client's place."""
    return Place(position.line, position.character)


def diagnostic(item: Diagnostic, texts: Texts, *, related: bool) -> lsp.Diagnostic:
    """A finding with its notes; what stands elsewhere as related information, or in words where ``related`` is off."""
    span = item.span
    start, end = texts.positions(span.path).extent(span) if span != NOWHERE else (0, 0)
    lines = [item.message + (f" ({item.label})" if item.label else ""), *item.notes]
    elsewhere = [label for label in item.secondary if label.span != NOWHERE]
    if not related:
        lines += [f"{label.span.path}:{label.span.line}: {label.text or 'see here'}" for label in elsewhere]
    lines.append(f"`asof explain {item.code}` says more.")
    return lsp.Diagnostic(
        range=texts.range(span.path, start, end),
        message="\n".join(lines),
        severity=_SEVERITY[item.level],
        code=item.code,
        source=SOURCE,
        tags=[_TAGS[item.code]] if item.code in _TAGS else None,
        related_information=[
            lsp.DiagnosticRelatedInformation(location=texts.location(label.span), message=label.text or "see here")
            for label in elsewhere
        ]
        if related
        else None,
    )


def completions(found: Suggestions, positions: Positions) -> lsp.CompletionList:
    """Suggestions in their order, each as an edit of the word at the cursor."""
    place = range_of(positions, found.start, found.end)
    items = [_item(rank, item, place) for rank, item in enumerate(found.items)]
    return lsp.CompletionList(is_incomplete=False, items=items)


def _item(rank: int, item: Suggestion, place: lsp.Range) -> lsp.CompletionItem:
    documentation = lsp.MarkupContent(kind=lsp.MarkupKind.Markdown, value=item.documentation)
    return lsp.CompletionItem(
        label=item.label,
        kind=_ITEM.get(item.kind, lsp.CompletionItemKind.Text),
        detail=item.detail or None,
        documentation=documentation if item.documentation else None,
        sort_text=f"{rank:05}",
        text_edit=lsp.TextEdit(range=place, new_text=item.text),
        insert_text_mode=lsp.InsertTextMode.AsIs,
    )


def document_symbol(symbol: Symbol, positions: Positions) -> lsp.DocumentSymbol:
    """A definition with its parts."""
    return lsp.DocumentSymbol(
        name=symbol.name,
        kind=_SYMBOL.get(symbol.kind, lsp.SymbolKind.Object),
        detail=symbol.detail or None,
        range=range_of(positions, *symbol.extent),
        selection_range=range_of(positions, *symbol.name_at),
        children=[document_symbol(child, positions) for child in symbol.children] or None,
    )


def symbol_kind(kind: str) -> lsp.SymbolKind:
    """What an editor draws for a kind of definition."""
    return _SYMBOL.get(kind, lsp.SymbolKind.Object)


def uri(path: Path) -> str:
    """The address of a file."""
    return from_fs_path(str(path)) or path.as_uri()
