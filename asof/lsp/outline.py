"""What stands where in a YAML document that is being typed: keys, values and texts, however broken the rest is.

A reader of YAML gives up where a line makes no sense; an editor may not. This one goes line by line, by indentation,
through blocks, lists, flow maps and block texts, keeps what it understands and loses no more than the odd line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asof.compiler.source import Pointer

_MARKER = re.compile(r"^(?:---|\.\.\.)(?=\s|$)", re.MULTILINE)
_KEY = re.compile(
    r"""(?P<key>"(?:[^"\\\n]|\\.)*"|'(?:[^'\n]|'')*'|[^\s"'#\[\]{}&*!|>%@`,][^\n\r]*?)[ \t]*:(?=[ \t\r\n]|\Z)"""
)
_TEXT_HEAD = re.compile(r"[|>][-+0-9]*[ \t]*(?:#[^\n\r]*)?(?=\r?\n|\r|\Z)")
_PROPERTY = re.compile(r"[&!][^\s,\[\]{}]*[ \t]+")
_COMMENT = re.compile(r"(?:^|(?<=[ \t]))#")
_BREAK = re.compile(r"\r\n|\n|\r")


class Role(Enum):
    """What the cursor is in."""

    KEY = auto()
    """The key of a map; ``pointer`` is the map's."""
    VALUE = auto()
    """A value; ``pointer`` is its own."""
    NOTHING = auto()
    """A comment, or between values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A key with its value, or an item of a list. ``key`` and ``value`` are offsets; an item has an empty key."""

    pointer: Pointer
    key: tuple[int, int]
    value: tuple[int, int]
    style: str = ""
    """``|`` or ``>`` for a block text, a quote, ``{`` or ``[``; "" for a plain value or none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """What is at one offset. ``start`` and ``end`` hold the word or text there, its quotes left out."""

    pointer: Pointer
    role: Role
    start: int
    end: int
    style: str = ""
    fresh: bool = False
    """Nothing is written here yet: it may become a text, a list or a map."""
    flow: bool = False
    """Between braces or brackets."""
    dashless: bool = False
    """A line of a list that lacks its dash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """One document: ``start`` to ``end`` of ``text``, its entries in order and, if it is inside, the cursor."""

    text: str
    start: int
    end: int
    entries: tuple[Entry, ...]
    cursor: Cursor | None = None

    def scalar(self, *pointer: str | int) -> str:
        """The text written at ``pointer``, without quotes; "" where there is none."""
        found = self.entry(*pointer)
        return self.text[slice(*found.value)] if found is not None and found.style not in ("{", "[") else ""

    def entry(self, *pointer: str | int) -> Entry | None:
        """What is written at ``pointer``."""
        return next((e for e in self.entries if e.pointer == pointer), None)

    def keys(self, pointer: Pointer) -> tuple[str, ...]:
        """The keys that the map at ``pointer`` has."""
        size = len(pointer) + 1
        found = (e.pointer for e in self.entries if len(e.pointer) == size and e.pointer[:-1] == pointer)
        return tuple(str(p[-1]) for p in found if isinstance(p[-1], str))

    def items(self, *pointer: str | int) -> tuple[str, ...]:
        """The plain items of the list at ``pointer``."""
        size = len(pointer) + 1
        found = (e for e in self.entries if len(e.pointer) == size and e.pointer[:-1] == pointer)
        return tuple(self.text[slice(*e.value)] for e in found if isinstance(e.pointer[-1], int))

    @property
    def kind(self) -> str:
        """What ``kind:`` says."""
        return self.scalar("kind")


def outline(text: str, offset: int | None = None) -> Outline:
    """The document that holds ``offset``, or the first one."""
    start, end = _bounds(text, offset or 0)
    scanner = _Scanner(text, start, end, -1 if offset is None else offset)
    scanner.run()
    return Outline(text=text, start=start, end=end, entries=tuple(scanner.entries), cursor=scanner.cursor)


def outlines(text: str) -> tuple[Outline, ...]:
    """Every document of a text that holds anything."""
    starts = [0, *(_line_end(text, m.end(), len(text)) for m in _MARKER.finditer(text))]
    made = (outline(text, start) for start in dict.fromkeys(starts))
    return tuple(one for one in made if one.entries)


def _bounds(text: str, offset: int) -> tuple[int, int]:
    start, end = 0, len(text)
    for marker in _MARKER.finditer(text):
        if _line_end(text, marker.end(), len(text)) <= offset and marker.end() <= offset:
            start = _line_end(text, marker.end(), len(text))
        else:
            end = marker.start()
            break
    return start, max(start, end)


def _line_end(text: str, at: int, limit: int) -> int:
    found = _BREAK.search(text, at, limit)
    return found.start() if found else limit


@dataclass(slots=True)
class _Frame:
    """An open map or list: the column of its keys or dashes, and its latest child."""

    column: int
    is_list: bool
    pointer: Pointer
    child: str | int = ""
    empty: bool = True
    """The latest child has no value yet."""

    @property
    def inner(self) -> Pointer:
        return (*self.pointer, self.child)


@dataclass(slots=True)
class _Scanner:
    text: str
    start: int
    end: int
    at: int
    """The cursor's offset; -1 for none."""
    entries: list[Entry] = field(default_factory=list)
    frames: list[_Frame] = field(default_factory=list)
    cursor: Cursor | None = None

    def run(self) -> None:
        """Line by line; values that span lines take theirs with them."""
        line = self.start
        while line <= self.end:
            stop = _line_end(self.text, line, self.end)
            after = self._line(line, stop)
            found = _BREAK.search(self.text, max(after, stop), self.end)
            if found is None:
                break
            line = found.end()

    def _line(self, line: int, stop: int) -> int:
        """Read one line; returns where reading ended, further down where its value goes on."""
        at = self.past_blanks(line, stop)
        here = line <= self.at <= stop
        if at >= stop or self.text[at] == "#":
            if here and self.cursor is None:
                in_comment = at < self.at and at < stop
                self.cursor = self.nothing() if in_comment else self._vacant(self.at - line, self.at, self.at)
            return stop
        column, dashed = at - line, False
        while self.text[at] == "-" and (at + 1 >= stop or self.text[at + 1] in " \t"):
            self._dash(column)
            dashed = True
            after = self.past_blanks(at + 1, stop)
            if after >= stop or self.text[after] == "#":
                self._item(after)
                if here and at < self.at <= max(after, at + 1):
                    self.cursor = self._value_cursor(self.frames[-1].inner, self.at, self.at, fresh=True)
                return stop
            at, column = after, after - line
        key = _KEY.match(self.text, at, self.end)
        if key is not None and key.end() <= stop:
            return self._keyed(key, column, stop, here=here)
        if dashed:
            return self._value(self.frames[-1].inner, (at, at), at, column - 1, here=here, stop=stop)
        return self._stray(line, at, stop, here=here)

    def past_blanks(self, at: int, stop: int) -> int:
        while at < stop and self.text[at] in " \t":
            at += 1
        return at

    def _dash(self, column: int) -> None:
        while self.frames and self.frames[-1].column > column:
            self.frames.pop()
        top = self.frames[-1] if self.frames else None
        if top is not None and top.is_list and top.column == column:
            top.child = int(top.child) + 1
            top.empty = True
            return
        pointer = top.inner if top is not None else ()
        if top is not None:
            top.empty = False
        self.frames.append(_Frame(column, True, pointer, child=0))

    def _item(self, at: int) -> None:
        self.entries.append(Entry(pointer=self.frames[-1].inner, key=(at, at), value=(at, at)))

    def _keyed(self, key: re.Match[str], column: int, stop: int, *, here: bool) -> int:
        while self.frames and (
            self.frames[-1].column > column or (self.frames[-1].column == column and self.frames[-1].is_list)
        ):
            self.frames.pop()
        top = self.frames[-1] if self.frames else None
        if top is None or top.column != column:
            if top is not None:
                top.empty = False
            top = _Frame(column, False, top.inner if top is not None else ())
            self.frames.append(top)
        start, end = self.unquoted(*key.span("key"))
        top.child, top.empty = self.text[start:end], True
        if here and key.start() <= self.at <= key.end("key"):
            self.cursor = Cursor(pointer=top.pointer, role=Role.KEY, start=start, end=end)
        return self._value(top.inner, (start, end), key.end(), column, here=here, stop=stop)

    def _value(self, pointer: Pointer, key: tuple[int, int], at: int, column: int, *, here: bool, stop: int) -> int:
        """The value that begins after ``at``; ``column`` is what a block text has to be indented beyond."""
        begin = self.past_blanks(at, stop)
        while (found := _PROPERTY.match(self.text, begin, stop)) is not None:
            begin = found.end()
        if begin >= stop or (self.text[begin] == "#" and begin > at):
            self.entries.append(Entry(pointer=pointer, key=key, value=(begin, begin)))
            if here and at <= self.at <= begin and self.cursor is None:
                self.cursor = self._value_cursor(pointer, self.at, self.at, fresh=True)
            return stop
        self.frames[-1].empty = False
        first = self.text[begin]
        if first in "{[":
            flow = _Flow(self, key, pointer)
            return flow.run(begin, column)
        if first in "|>" and (head := _TEXT_HEAD.match(self.text, begin, self.end)) is not None:
            return self._block(pointer, key, head.end(), column, first)
        end = self.closing(begin) if first in "\"'" else self._plain_end(begin, stop)
        inner = self.unquoted(begin, end)
        self.entries.append(Entry(pointer=pointer, key=key, value=inner, style=first if first in "\"'" else ""))
        if self.cursor is None and at <= self.at <= end:
            self.cursor = self._value_cursor(pointer, *inner, style=first if first in "\"'" else "")
        elif here and self.cursor is None and self.at > end:
            self.cursor = self.nothing()
        return end

    def _block(self, pointer: Pointer, key: tuple[int, int], head: int, column: int, style: str) -> int:
        """A block text: every line that is blank or indented further than ``column``."""
        first = _BREAK.search(self.text, head, self.end)
        begin = line = first.end() if first else self.end
        last = end = begin
        while line < self.end or (line == self.end and line == begin):
            stop = _line_end(self.text, line, self.end)
            content = self.past_blanks(line, stop)
            if content < stop and content - line <= column:
                break
            if content < stop:
                end = stop
            last = stop
            found = _BREAK.search(self.text, stop, self.end)
            if found is None:
                break
            line = found.end()
        blank_below = self.at > end and self.at - (self.text.rfind("\n", 0, self.at) + 1) > column
        if self.cursor is None and begin <= self.at <= (last if blank_below else end):
            self.cursor = Cursor(pointer=pointer, role=Role.VALUE, start=begin, end=max(end, self.at), style=style)
        self.entries.append(Entry(pointer=pointer, key=key, value=(begin, end), style=style))
        return end if end > begin else head

    def closing(self, at: int) -> int:
        """Past the quote that ends the text which begins at ``at``; the line's end where there is none."""
        quote, place = self.text[at], at + 1
        while place < self.end:
            if quote == '"' and self.text[place] == "\\":
                place += 2
            elif self.text[place] != quote:
                place += 1
            elif quote == "'" and self.text[place + 1 : place + 2] == "'":
                place += 2
            else:
                return place + 1
        return _line_end(self.text, at, self.end)

    def _plain_end(self, at: int, stop: int) -> int:
        found = _COMMENT.search(self.text, at, stop)
        end = found.start() if found else stop
        while end > at and self.text[end - 1] in " \t":
            end -= 1
        return end

    def unquoted(self, start: int, end: int) -> tuple[int, int]:
        if self.text[start] in "\"'":
            closed = end - start > 1 and self.text[end - 1] == self.text[start]
            return start + 1, end - 1 if closed else end
        return start, end

    def _stray(self, line: int, at: int, stop: int, *, here: bool) -> int:
        """A line that is neither key nor item: a text that goes on, or a word that is being typed."""
        end = self._plain_end(at, stop)
        if not self.frames and self.text[at] in "{[":
            self.frames.append(_Frame(-1, False, ()))
            return _Flow(self, (at, at), ()).run(at, -1)
        if here and self.cursor is None:
            self.cursor = self._vacant(at - line, at, end) if self.at <= end else self.nothing()
        return stop

    def _vacant(self, column: int, start: int, end: int) -> Cursor:
        """What could be written in a line of its own that begins in ``column``."""
        frames = list(self.frames)
        while frames and frames[-1].column > column:
            frames.pop()
        top = frames[-1] if frames else None
        if top is not None and top.is_list and top.column == column:
            above = frames[-2] if len(frames) > 1 else None
            if above is not None and above.column == column:
                return Cursor(pointer=above.pointer, role=Role.KEY, start=start, end=end, fresh=True)
            pointer = (*top.pointer, int(top.child) + 1)
            return Cursor(pointer=pointer, role=Role.VALUE, start=start, end=end, fresh=True, dashless=True)
        if top is None or (top.column == column and not top.is_list):
            return Cursor(
                pointer=top.pointer if top is not None else (), role=Role.KEY, start=start, end=end, fresh=True
            )
        if top.empty or start == end:
            pointer = top.inner if top.empty or top.is_list else top.pointer
            role = Role.VALUE if top.empty else Role.KEY
            return Cursor(pointer=pointer, role=role, start=start, end=end, fresh=True)
        return Cursor(pointer=top.inner, role=Role.VALUE, start=start, end=end)

    def _value_cursor(self, pointer: Pointer, start: int, end: int, *, style: str = "", fresh: bool = False) -> Cursor:
        return Cursor(pointer=pointer, role=Role.VALUE, start=start, end=end, style=style, fresh=fresh)

    def nothing(self) -> Cursor:
        return Cursor(pointer=(), role=Role.NOTHING, start=self.at, end=self.at)


@dataclass(slots=True)
class _Level:
    """An open brace or bracket. ``key`` is set while the value of a key is awaited."""

    is_list: bool
    pointer: Pointer
    begin: int
    outer_key: tuple[int, int]
    count: int = 0
    key: tuple[int, int] | None = None
    name: str = ""
    done: bool = False
    """The value is there; a comma comes next."""

    @property
    def inner(self) -> Pointer:
        return (*self.pointer, self.count) if self.is_list else (*self.pointer, self.name)


_FLOW_WORD = re.compile(r"""(?:[^\s,\[\]{}:"'#]|:(?=[^\s,\[\]{}])|[ \t]+(?=[^\s,\[\]{}:#])|(?<=\S)#)+""")
_NEXT_KEY = re.compile(r"(?:- )?[A-Za-z_][A-Za-z0-9_]*[ \t]*:(?:[ \t]|$)", re.MULTILINE)


class _Flow:
    """A map in braces or a list in brackets, over as many lines as it takes."""

    def __init__(self, scanner: _Scanner, key: tuple[int, int], pointer: Pointer) -> None:
        self.scanner = scanner
        self.text = scanner.text
        self.key = key
        self.pointer = pointer
        self.levels: list[_Level] = []

    def run(self, at: int, column: int) -> int:
        """Read from the opening brace at ``at``; returns where it ended, or where it was given up."""
        place, end = at, self.scanner.end
        while place < end:
            before = place
            while place < end and self.text[place] in " \t\r\n":
                place += 1
                if self.text[place - 1] == "\n" and self.is_left(place, column):
                    self.gap(before, place - 1)
                    return self.closed(before)
            if place < end and self.text[place] == "#" and place > before:
                if before <= self.scanner.at < place:
                    self.gap(before, place)
                place = _line_end(self.text, place, end)
                continue
            if place >= end or self.text[place] in ",:]}":
                self.gap(before, place)
            if place >= end:
                break
            place = self.step(place)
            if not self.levels:
                return place
        self.gap(end, end)
        return self.closed(end)

    def is_left(self, line: int, column: int) -> bool:
        """Whether the line belongs to the block around: an editor leaves brackets open for a while."""
        stop = _line_end(self.text, line, self.scanner.end)
        content = self.scanner.past_blanks(line, stop)
        return content < stop and content - line <= max(column, 0) and bool(_NEXT_KEY.match(self.text, content, stop))

    def closed(self, at: int) -> int:
        while self.levels:
            level = self.levels.pop()
            self.entry(level.pointer, level.outer_key, (level.begin, at), "[" if level.is_list else "{")
        return at

    def step(self, place: int) -> int:
        char = self.text[place]
        top = self.levels[-1] if self.levels else None
        if char in "{[":
            pointer = top.inner if top is not None else self.pointer
            key = (top.key or (place, place)) if top is not None else self.key
            self.levels.append(_Level(char == "[", pointer, place, key))
            return place + 1
        if top is None:
            return place + 1
        if char in "]}":
            self.levels.pop()
            self.entry(top.pointer, top.outer_key, (top.begin, place + 1), "[" if top.is_list else "{")
            if self.levels:
                self.levels[-1].done = True
            return place + 1
        if char == ",":
            top.count += 1
            top.key, top.name, top.done = None, "", False
            return place + 1
        if char == ":":
            return place + 1
        return self.word(place, top)

    def word(self, place: int, top: _Level) -> int:
        style = self.text[place] if self.text[place] in "\"'" else ""
        if style:
            end = self.scanner.closing(place)
        else:
            found = _FLOW_WORD.match(self.text, place, self.scanner.end)
            end = found.end() if found else place + 1
        start, stop = self.scanner.unquoted(place, end)
        here = place <= self.scanner.at <= end and self.scanner.cursor is None
        after = self.scanner.past_blanks(end, self.scanner.end)
        if not top.is_list and top.key is None:
            top.key, top.name = (start, stop), self.text[start:stop]
            if here:
                self.point(top.pointer, Role.KEY, start, stop)
            if self.text[after : after + 1] != ":":
                self.entry(top.inner, top.key, (stop, stop), "")
                return end
            return after
        self.entry(top.inner, top.key or (start, start), (start, stop), style)
        top.done = True
        if here:
            self.point(top.inner, Role.VALUE, start, stop, style)
        return end

    def gap(self, start: int, end: int) -> None:
        """The cursor where nothing is written."""
        at, top = self.scanner.at, self.levels[-1] if self.levels else None
        if top is None or self.scanner.cursor is not None or not start <= at <= end:
            return
        if top.done or (not top.is_list and top.key is not None and self.text[top.key[1] : at].strip("\"' \t") == ""):
            self.scanner.cursor = self.scanner.nothing()
        elif not top.is_list and top.key is None:
            self.point(top.pointer, Role.KEY, at, at, fresh=True)
        else:
            self.point(top.inner, Role.VALUE, at, at, fresh=True)

    def point(
        self, pointer: Pointer, role: Role, start: int, end: int, style: str = "", *, fresh: bool = False
    ) -> None:
        self.scanner.cursor = Cursor(
            pointer=pointer, role=role, start=start, end=end, style=style, fresh=fresh, flow=True
        )

    def entry(self, pointer: Pointer, key: tuple[int, int], value: tuple[int, int], style: str) -> None:
        self.scanner.entries.append(Entry(pointer=pointer, key=key, value=value, style=style))
