"""YAML text -> what was written, comments and blank lines included, ready to be laid out anew."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

Position = tuple[int, int]
"""(line, column), both from 0."""
_END: Position = (1 << 60, 0)
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_HEADER_COMMENT = re.compile(r"(?:[&!]\S*[ \t]+)*[|>][-+0-9]*[ \t]+(#.*)")
_STARTS_COMMENT = frozenset(" \t,[]{}:-")


@dataclass(slots=True)
class Remark:
    """A comment on a line of its own, and whether a blank line stands before it."""

    text: str
    blank: bool


@dataclass(slots=True, kw_only=True)
class Scalar:
    """A scalar as the parser has it; ``raw`` holds the lines of a folded block, without their indentation."""

    text: str
    style: str
    anchor: str = ""
    tag: str = ""
    lines: int = 1
    raw: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class Alias:
    """A use of an anchor."""

    name: str


@dataclass(slots=True, kw_only=True)
class Entry:
    """One pair of a map or item of a list (``key`` is None), and the comments that belong to it."""

    key: Scalar | None
    value: Node
    lead: list[Remark] = field(default_factory=list)
    blank: bool = False
    trail: str = ""
    column: int = 0
    """Where ``trail`` stands; it stays there, so that a column of comments stays one."""


@dataclass(slots=True, kw_only=True)
class Collection:
    """A map or a list; ``tail`` holds comments after its last entry."""

    mapping: bool
    flow: bool
    anchor: str = ""
    tag: str = ""
    entries: list[Entry] = field(default_factory=list)
    tail: list[Remark] = field(default_factory=list)


Node = Scalar | Alias | Collection


@dataclass(slots=True, kw_only=True)
class Written:
    """One document; ``gap`` says whether a blank line stands between ``head`` and what follows."""

    head: list[Remark] = field(default_factory=list)
    gap: bool = False
    root: Node | None = None
    tail: list[Remark] = field(default_factory=list)


class NotLaidOutError(ValueError):
    """YAML that no definition needs: directives, keys that are lists or maps."""


@dataclass(frozen=True, slots=True)
class _Comment:
    at: Position
    text: str
    alone: bool


def written(text: str) -> tuple[Written, ...]:
    """Every document of a file that can be read. Raises NotLaidOutError."""
    return _Reader(text).documents()


def comments(text: str) -> tuple[str, ...]:
    """Every comment of a file that can be read, in order."""
    lines = text.splitlines()
    return tuple(found.text for found in _comments(lines, list(yaml.parse(text, Loader=_LOADER))))


def _comments(lines: list[str], events: list[Any]) -> Iterator[_Comment]:
    """What starts with ``#`` outside of every scalar."""
    covered: dict[int, list[tuple[int, int]]] = {}
    headers: dict[int, _Comment] = {}
    for event in events:
        if not isinstance(event, yaml.ScalarEvent):
            continue
        start: Any = event.start_mark
        end: Any = event.end_mark
        if event.style in ("|", ">"):
            found = _HEADER_COMMENT.match(lines[start.line], start.column)
            if found:
                headers[start.line] = _Comment((start.line, found.start(1)), found[1].rstrip(), False)
            covered.setdefault(start.line, []).append((start.column, len(lines[start.line])))
            for line in range(start.line + 1, _last(end)):
                covered[line] = [(0, len(lines[line]))]
            continue
        for line in range(start.line, end.line + 1):
            if "#" in (lines[line] if line < len(lines) else ""):
                first = start.column if line == start.line else 0
                last = end.column if line == end.line else len(lines[line])
                covered.setdefault(line, []).append((first, last))
    for number, text in enumerate(lines):
        if number in headers:
            yield headers[number]
        elif (at := _outside(text, covered.get(number, []))) >= 0:
            yield _Comment((number, at), text[at:].rstrip(), not text[:at].strip())


def _outside(line: str, covered: list[tuple[int, int]]) -> int:
    at = line.find("#")
    while at >= 0:
        inside = any(first <= at < last for first, last in covered)
        if not inside and (at == 0 or line[at - 1] in _STARTS_COMMENT or any(last == at for _, last in covered)):
            return at
        at = line.find("#", at + 1)
    return -1


def _last(end: Any) -> int:
    """The line after the last one of a block scalar."""
    return int(end.line + 1 if end.column else end.line)


class _Reader:
    def __init__(self, text: str) -> None:
        self.lines = text.splitlines()
        self.events: list[Any] = list(yaml.parse(text, Loader=_LOADER))
        self.at = 0
        self.comments = deque(_comments(self.lines, self.events))
        self.holders: dict[int, Entry] = {}

    def documents(self) -> tuple[Written, ...]:
        made = []
        while self.at < len(self.events):
            event = self.events[self.at]
            if isinstance(event, yaml.DocumentStartEvent):
                if event.version or event.tags:
                    raise NotLaidOutError("a file with YAML directives")
                self.at += 1
                made.append(self.document())
            else:
                self.at += 1
        return tuple(made)

    def document(self) -> Written:
        event: Any = self.events[self.at]
        made = Written()
        start = _position(event.start_mark)
        made.head = self.take(start)
        made.gap = self.is_blank(start[0] - 1)
        made.root = self.node(-1)
        made.tail = self.take(self.next_start())
        if isinstance(made.root, Scalar) and not made.root.text and made.root.style == "":
            made.root = None
        return made

    def node(self, outer: int) -> Node:
        """The node that begins at the next event; ``outer`` is the column of the map around it."""
        event: Any = self.events[self.at]
        self.at += 1
        if isinstance(event, yaml.AliasEvent):
            return Alias(name=str(event.anchor))
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event)
        made = Collection(
            mapping=isinstance(event, yaml.MappingStartEvent),
            flow=bool(event.flow_style),
            anchor=event.anchor or "",
            tag=_tag(event),
        )
        first = self.events[self.at]
        column = first.start_mark.column
        if not made.mapping:
            column = max(column - 2, 0) if made.anchor or made.tag else event.start_mark.column
        while not isinstance(self.events[self.at], yaml.MappingEndEvent | yaml.SequenceEndEvent):
            made.entries.append(self.entry(column, keyed=made.mapping))
        end = self.events[self.at]
        self.at += 1
        if made.flow:
            made.tail = self.take(_position(end.start_mark))
        else:
            self.trails(self.next_start())
            made.tail = self.below(column + 1 if not made.mapping and column == outer else column)
        return made

    def entry(self, column: int, *, keyed: bool) -> Entry:
        event: Any = self.events[self.at]
        start = _position(event.start_mark)
        made = Entry(key=None, value=Alias(name=""), lead=self.take(start), blank=self.is_blank(start[0] - 1))
        if keyed:
            if not _is_scalar(event):
                raise NotLaidOutError("a key that is an alias, a list or a map")
            self.at += 1
            made.key = self.scalar(event)
            value: Any = self.events[self.at]
            self.holders[event.end_mark.line] = made
            if isinstance(value, yaml.CollectionStartEvent) and not value.flow_style:
                self.trails((event.end_mark.line + 1, 0))
            else:
                made.lead += self.take(_position(value.start_mark), trailing=False)
        opening: Any = self.events[self.at]
        self.holders[opening.start_mark.line] = made
        made.value = self.node(column)
        closing: Any = self.events[self.at - 1]
        if isinstance(made.value, Collection) and made.value.flow:
            self.holders[closing.end_mark.line] = made
        elif isinstance(made.value, Scalar):
            if made.value.style in ("|", ">"):
                self.holders[opening.start_mark.line] = made
            else:
                self.holders[closing.end_mark.line] = made
        return made

    def scalar(self, event: Any) -> Scalar:
        start, end = event.start_mark, event.end_mark
        style = event.style or ""
        raw: tuple[str, ...] = ()
        if style == ">":
            raw = _unindented(self.lines[start.line][start.column :], self.lines[start.line + 1 : _last(end)])
        return Scalar(
            text=event.value,
            style=style,
            anchor=event.anchor or "",
            tag=_tag(event),
            lines=end.line - start.line + 1,
            raw=raw,
        )

    def take(self, before: Position, *, trailing: bool = True) -> list[Remark]:
        """Comments before a position: those behind something go to it, the others are returned."""
        made = []
        while self.comments and self.comments[0].at < before:
            found = self.comments.popleft()
            if not (trailing and self.attach(found)):
                made.append(self.remark(found))
        return made

    def trails(self, before: Position) -> None:
        """Give comments behind something to it, as far as no comment on a line of its own comes first."""
        while self.comments and self.comments[0].at < before and self.attach(self.comments[0]):
            self.comments.popleft()

    def below(self, column: int) -> list[Remark]:
        """The comments after the last entry of a block that stand at its column or further in."""
        made = []
        before = self.next_start()
        while self.comments and self.comments[0].at < before and self.comments[0].at[1] >= column:
            made.append(self.remark(self.comments.popleft()))
        return made

    def attach(self, found: _Comment) -> bool:
        holder = None if found.alone else self.holders.get(found.at[0])
        if holder is None or holder.trail:
            return False
        holder.trail, holder.column = found.text, found.at[1]
        return True

    def remark(self, found: _Comment) -> Remark:
        return Remark(found.text, self.is_blank(found.at[0] - 1))

    def is_blank(self, line: int) -> bool:
        return 0 <= line < len(self.lines) and not self.lines[line].strip()

    def next_start(self) -> Position:
        """Where the next thing begins that is not the end of another."""
        ends = (yaml.MappingEndEvent, yaml.SequenceEndEvent, yaml.DocumentEndEvent)
        event = next(e for e in self.events[self.at :] if not isinstance(e, ends))
        return _END if isinstance(event, yaml.StreamEndEvent) else _position(event.start_mark)


def _is_scalar(event: Any) -> bool:
    return isinstance(event, yaml.ScalarEvent)


def _position(mark: Any) -> Position:
    return mark.line, mark.column


def _tag(event: Any) -> str:
    """A tag as it may be written again; ``!`` says text, whatever the plain scalar looks like."""
    tag = event.tag or ""
    if tag.startswith("tag:yaml.org,2002:"):
        return "!!" + str(tag).removeprefix("tag:yaml.org,2002:")
    return str(tag) if not tag or tag.startswith("!") else f"!<{tag}>"


def _unindented(header: str, lines: list[str]) -> tuple[str, ...]:
    """The lines of a folded block without their indentation; nothing where the header states it itself."""
    if any(c.isdigit() for c in header.partition("#")[0].rpartition(">")[2]):
        return ()
    first = next((line for line in lines if line.strip()), "")
    indent = len(first) - len(first.lstrip(" "))
    return tuple(line[indent:] for line in lines)
