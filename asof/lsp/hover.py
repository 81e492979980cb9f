"""What is known of the thing under the cursor, as Markdown: a key, an object, a column, a code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from asof.compiler.diagnostics import RULES
from asof.compiler.lineage import Column, Lineage
from asof.compiler.model import SLUGS, DataSource, Entity, FeatureView, OnDemandFeatureView
from asof.lsp import facts, keys
from asof.lsp.completion import described, kind_of, types_chosen
from asof.lsp.mentions import names_at
from asof.lsp.outline import Role, outline
from asof.lsp.slots import Names, slot_at

if TYPE_CHECKING:
    from collections.abc import Callable

    from asof.compiler.model import AnyDefinition, Repo
    from asof.compiler.source import Pointer, Span
    from asof.lsp.mentions import Mentions
    from asof.lsp.outline import Cursor, Outline
    from asof.lsp.slots import Slot

_MOST = 30
"""Columns and features that one hover lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Under:
    """What is under the cursor: the word there and, as far as it names something, what that is.

    ``address`` is an object's. ``column`` is a column of it, declared at ``declared``.
    """

    start: int
    end: int
    address: str = ""
    column: str = ""
    declared: Span | None = None
    key: Pointer = ()
    code: str = ""


def under(text: str, offset: int, *, is_project: bool, mentions: Mentions | None) -> tuple[Under | None, Outline]:
    """What is at ``offset``. Without ``mentions`` only keys and codes are known."""
    document = outline(text, offset)
    cursor = document.cursor
    if cursor is None or cursor.role is Role.NOTHING:
        return None, document
    kind = kind_of(document, is_project=is_project)
    word = text[cursor.start : cursor.end]
    here = Under(start=cursor.start, end=cursor.end)
    if cursor.role is Role.KEY and cursor.pointer == ("allow",) and word in RULES:
        return Under(start=cursor.start, end=cursor.end, code=word), document
    pointer = (*cursor.pointer, word) if cursor.role is Role.KEY else cursor.pointer
    slot = slot_at(kind, pointer, key=cursor.role is Role.KEY)
    if slot is not None and mentions is not None:
        found = _Named(mentions, document, kind).at(cursor, pointer, slot, offset)
        if found is not None:
            return found, document
    if cursor.role is Role.KEY:
        return Under(start=here.start, end=here.end, key=pointer), document
    return None, document


class _Named:
    """Resolves the word at the cursor in the repo as it was last built."""

    def __init__(self, mentions: Mentions, document: Outline, kind: str) -> None:
        self.mentions = mentions
        self.repo = mentions.repo
        self.document = document
        self.kind = kind
        name = document.scalar("name")
        self.own = mentions.resolve((kind,), name) if kind in SLUGS else ""

    def at(self, cursor: Cursor, pointer: Pointer, slot: Slot, offset: int) -> Under | None:
        text = self.document.text
        word = text[cursor.start : cursor.end]
        definition = self.repo.definitions.get(self.own)
        if slot.names in (Names.QUERY, Names.EXPRESSION):
            return self.in_sql(cursor, slot, offset, definition)
        if slot.names is Names.OWN_NAME:
            return Under(start=cursor.start, end=cursor.end, address=self.own) if self.own else None
        if slot.names is Names.FEATURE_OF and ":" in word:
            view, _, feature = word.partition(":")
            middle = cursor.start + len(view)
            address = self.mentions.resolve(slot.kinds, view)
            if offset > middle and address:
                return self.column(middle + 1, cursor.end, address, feature)
            return Under(start=cursor.start, end=middle, address=address) if address else None
        if definition is None:  # a definition that could not be built yet still names others
            address = self.mentions.resolve(slot.kinds, word) if slot.kinds else ""
        else:
            address = self.mentions.target(definition, slot, word)
        if address:
            return Under(start=cursor.start, end=cursor.end, address=address)
        if definition is None:
            return None
        span = self.mentions.named_column(definition, pointer, slot, word)
        if slot.names is Names.READ_COLUMN and pointer[0] == "schema":
            # A view's own feature: shown as such, and declared where its column is.
            found = Under(start=cursor.start, end=cursor.end, address=self.own, column=word, declared=span)
            return found if word in facts.columns_of(self.repo, definition) else None
        return self.declared(cursor.start, cursor.end, span, word)

    def in_sql(self, cursor: Cursor, slot: Slot, offset: int, definition: AnyDefinition | None) -> Under | None:
        text = self.document.text[cursor.start : cursor.end]
        name = names_at(slot, text, self.mentions.catalog).at(offset - cursor.start)
        if name is None:
            return None
        start, end = cursor.start + name.start, cursor.start + name.end
        if not name.column:
            address = self.mentions.resolve_sql(name.table)
            return Under(start=start, end=end, address=address) if address else None
        if name.table and slot.names is Names.QUERY:
            return self.column(start, end, self.mentions.resolve_sql(name.table), name.column)
        if definition is None:
            return None
        return self.declared(
            start, end, self.mentions.sql_column(definition, slot, name.table, name.column), name.column
        )

    def column(self, start: int, end: int, address: str, name: str) -> Under | None:
        span = self.mentions.column(address, name)
        return Under(start=start, end=end, address=address, column=name, declared=span) if address else None

    def declared(self, start: int, end: int, span: Span | None, name: str) -> Under | None:
        """A column by the place of its declaration: the definition that holds it has it."""
        if span is None:
            return None
        address = owner_at(self.repo, span)
        return Under(start=start, end=end, address=address, column=name, declared=span)


def owner_at(repo: Repo, span: Span) -> str:
    """The definition that a span lies in."""
    best, line = "", 0
    for address, origin in repo.origins.items():
        if address and origin.path == span.path and line < (start := origin.value().line) <= span.line:
            best, line = address, start
    return best


def markdown(
    found: Under,
    document: Outline,
    *,
    kind: str,
    mentions: Mentions | None,
    lineage: Lineage | None,
    explain: Callable[[str], str | None],
) -> str:
    """What to say about it; "" for nothing."""
    if found.code:
        return explain(found.code) or RULES[found.code].summary
    if found.key:
        key = keys.key_at(kind, found.key, types_chosen(document, kind))
        if key is None:
            return ""
        title = f"**{key.name}**" + (" (required)" if key.required else "")
        return f"{title}\n\n{described(key)}"
    if mentions is None:
        return ""
    if found.column:
        return _column(mentions.repo, found, lineage)
    return object_markdown(mentions, found.address)


def _column(repo: Repo, found: Under, lineage: Lineage | None) -> str:
    definition = repo.definitions.get(found.address)
    kinds = facts.columns_of(repo, definition)
    kind = kinds.get(found.column, "") or (
        facts.rows(repo, definition.name).get(found.column, "") if definition else ""
    )
    lines = [f"**{found.column}**" + (f": `{kind}`" if kind else "") + f"\n\nof {found.address}"]
    about = _described_part(definition, found.column)
    if about:
        lines.append(about)
    if lineage is not None:
        above = lineage.above(Column(found.address, found.column))
        if above:
            shown = [
                f"- `{column}`" + (" (which rows count)" if use == "rows" else "") for column, use in above.items()
            ]
            lines.append("Made from\n\n" + "\n".join(_cut(shown)))
    return "\n\n".join(lines)


def _described_part(definition: AnyDefinition | None, name: str) -> str:
    parts: tuple[object, ...] = ()
    match definition:
        case DataSource():
            parts = definition.columns
        case FeatureView():
            parts = definition.schema
        case OnDemandFeatureView():
            parts = definition.features
        case Entity():
            parts = definition.join_keys
    return next((str(getattr(p, "description", "")) for p in parts if getattr(p, "name", "") == name), "")


def object_markdown(mentions: Mentions, address: str) -> str:
    """An object: its kind, owner, description, columns or features with types, and who reads it."""
    repo = mentions.repo
    definition = repo.definitions.get(address)
    if definition is None:
        return ""
    head = f"**{definition.name}** · {definition.kind}" + (f" · {definition.owner}" if definition.owner else "")
    lines = [head]
    if definition.description:
        lines.append(definition.description)
    if definition.deprecated is not None:
        instead = f", use `{definition.deprecated.use}`" if definition.deprecated.use else ""
        lines.append(f"Deprecated since {definition.deprecated.since}{instead}.")
    columns = facts.columns_of(repo, definition)
    if columns:
        lines.append("\n".join(_cut([f"- `{n}`" + (f" {kind}" if kind else "") for n, kind in columns.items()])))
    below = mentions.graph.below(address)
    if below:
        lines.append("Read by " + _counted(below) + ".")
    return "\n\n".join(lines)


def _cut(lines: list[str]) -> list[str]:
    return lines if len(lines) <= _MOST else [*lines[:_MOST], f"- and {len(lines) - _MOST} more"]


def _counted(addresses: tuple[str, ...]) -> str:
    counts: dict[str, int] = {}
    for address in addresses:
        slug = address.partition("/")[0].replace("_", " ")
        counts[slug] = counts.get(slug, 0) + 1
    return ", ".join(f"{count} {slug}{'s' if count > 1 else ''}" for slug, count in counts.items())
