"""YAML text -> documents: plain values, and the nodes that remember where each of them was written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from asof.compiler.diagnostics import Diagnostic, Fix, Label, rule
from asof.compiler.scalars import Doubt, read_plain
from asof.compiler.source import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

NOT_UTF8 = rule("AS101", "a file is not UTF-8 text")
SYNTAX = rule("AS102", "a file is not YAML")
TAB = rule("AS103", "a tab where YAML wants spaces")
CONTROL = rule("AS104", "a control character")
DUPLICATE_KEY = rule("AS105", "a key is written twice")
KEY_NOT_TEXT = rule("AS106", "a key is not text")
TAG = rule("AS107", "a YAML tag")
ALIASES = rule("AS108", "aliases expand without bound")
TOO_DEEP = rule("AS109", "values are nested too deep")
DOUBTFUL_NUMBER = rule("AS112", "a number that not every YAML reader takes for the same number")
UNHELD_NUMBER = rule("AS113", "a number that cannot be kept exactly")
MERGE = rule("AS117", "a merge of something that is not a map")

MAX_DEPTH = 64
MAX_VALUES = 1_000_000
"""Values in one document, aliases counted as often as they are used."""
MAX_ALIASED = 50_000
"""Of these, values that are there by an alias."""
MAX_SYNTAX_ERRORS = 20

_SCANNER_TOO_DEEP = "exceeded maximum nesting depth"
"""libyaml from 0.2.6 on has a limit of its own, and its scanner meets it before an event of ours does."""

_PLAIN, _QUOTED, _SEQUENCE, _MAPPING = "plain", "quoted", "sequence", "mapping"
_STANDARD = {
    "tag:yaml.org,2002:str": _QUOTED,
    "tag:yaml.org,2002:seq": _SEQUENCE,
    "tag:yaml.org,2002:map": _MAPPING,
}
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufeff\uff00-\ufffd\U00010000-\U0010ffff]")
_MARKER = re.compile(r"^---(?=\s|$)", re.MULTILINE)


class Doubtful(NamedTuple):
    """A text that readers of YAML 1.1 take for something else."""

    node: yaml.ScalarNode
    doubt: Doubt
    other: str


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document: its node, its plain value, and the texts in it that may be misread elsewhere."""

    path: str
    node: yaml.Node
    value: object
    doubtful: tuple[Doubtful, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file holds. ``unread`` are stretches of text that belong to no document, for their errors."""

    documents: tuple[Document, ...]
    diagnostics: tuple[Diagnostic, ...]
    unread: tuple[str, ...] = ()


class _TooDeepError(yaml.MarkedYAMLError):
    """Raised while composing, before recursion could exhaust the stack."""


class _Resolver:
    """Names the kind of each node instead of matching it against YAML 1.1's patterns, and counts the depth."""

    depth = 0

    def resolve(self, kind: type[yaml.Node], _value: object, implicit: object) -> str:
        if kind is yaml.ScalarNode:
            return _PLAIN if isinstance(implicit, tuple) and implicit[0] else _QUOTED
        return _SEQUENCE if kind is yaml.SequenceNode else _MAPPING

    def descend_resolver(self, parent: yaml.Node | None, _index: object) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _TooDeepError(problem="nested too deep", problem_mark=parent.start_mark if parent else None)

    def ascend_resolver(self) -> None:
        self.depth -= 1


if yaml.__with_libyaml__:
    from yaml.cyaml import CParser  # type: ignore[attr-defined]

    class _Loader(_Resolver, CParser):
        pass

else:  # pragma: no cover - the same stages in Python, for a PyYAML built without libyaml
    from yaml.composer import Composer
    from yaml.parser import Parser
    from yaml.reader import Reader
    from yaml.scanner import Scanner

    class _Loader(_Resolver, Reader, Scanner, Parser, Composer):  # type: ignore[no-redef]
        def __init__(self, text: str) -> None:
            Reader.__init__(self, text)
            Scanner.__init__(self)
            Parser.__init__(self)
            Composer.__init__(self)


def read(path: str, data: bytes) -> Reading:
    """Every document of a file. What is wrong with one of them does not hide the others."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return Reading((), (_not_utf8(path, data, error),))
    if stray := _FORBIDDEN.search(text):
        span = _span_at(path, text, stray.start())
        return Reading((), (CONTROL.at(span, f"the file holds the control character U+{ord(stray[0]):04X}"),), (text,))
    return _read_text(path, text)


def _read_text(path: str, text: str) -> Reading:
    documents: list[Document] = []
    found: list[Diagnostic] = []
    unread: list[str] = []
    remaining: str | None = text
    begun = -1
    while remaining is not None:
        rest = remaining
        loader = _Loader(rest)
        at = 0
        try:
            while loader.check_node():
                node = loader.get_node()
                if node is None:
                    continue
                at = node.end_mark.line
                document, problems = _construct(path, node)
                found.extend(problems)
                if document is not None:
                    documents.append(document)
                else:
                    unread.append(_lines(rest, node.start_mark.line, node.end_mark.line + 1))
            remaining = None
        except yaml.MarkedYAMLError as error:
            found.append(_syntax(path, rest, error))
            line = max(begun + 1, error.problem_mark.line if error.problem_mark else at)
            lost, remaining = _resume(rest, at, line)
            begun = len((remaining or "").splitlines()) - len((remaining or "").lstrip("\n").splitlines())
            unread.append(lost)
            if len(found) > MAX_SYNTAX_ERRORS:
                remaining = None
        finally:
            if hasattr(loader, "dispose"):
                loader.dispose()
    return Reading(tuple(documents), tuple(found), tuple(unread))


def _resume(text: str, start: int, line: int) -> tuple[str, str | None]:
    """The text that an error has cost, and what is left after it, blank lines holding its place."""
    offset = sum(map(len, text.splitlines(keepends=True)[:line]))
    marker = _MARKER.search(text, offset)
    if marker is None:
        return _lines(text, start, None), None
    before = text[: marker.start()]
    return _lines(before, start, None), "\n" * len(before.splitlines()) + text[marker.start() :]


def _lines(text: str, start: int, end: int | None) -> str:
    return "".join(text.splitlines(keepends=True)[start:end])


class _Builder:
    """Turns the nodes of one document into plain values, and notes what is odd about them."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.found: list[Diagnostic] = []
        self.doubtful: list[Doubtful] = []
        self.shared: dict[int, tuple[object, int]] = {}
        self.open: set[int] = set()
        self.size = 0
        self.aliased = 0

    def value(self, node: yaml.Node) -> Any:
        """The plain value of a node. Raises ``_UnboundedError`` where aliases go round or grow without bound."""
        self.size += 1
        if type(node) is yaml.ScalarNode:
            return self.scalar(node)
        key = id(node)
        if key in self.open:
            raise _UnboundedError(node, "an alias stands inside the value it names")
        if key in self.shared:
            made, size = self.shared[key]
            self.size += size
            self.aliased += size
            if self.aliased > MAX_ALIASED or self.size > MAX_VALUES:
                raise _UnboundedError(node, f"its aliases expand to more than {MAX_ALIASED:,} values")
            return made
        self.open.add(key)
        before = self.size
        if node.tag not in (_SEQUENCE, _MAPPING):
            self.explicit_tag(node)
        made = [self.value(item) for item in node.value] if isinstance(node, yaml.SequenceNode) else self.mapping(node)
        self.open.discard(key)
        self.shared[key] = (made, self.size - before)
        return made

    def scalar(self, node: yaml.ScalarNode) -> object:
        text: str = node.value
        tag = node.tag
        if tag == _QUOTED:
            return text
        if tag != _PLAIN:
            return self.explicit_tag(node) or text
        value, doubt, other = read_plain(text)
        if doubt is not Doubt.NONE:
            self.doubt(node, text, doubt, other)
        return value

    def doubt(self, node: yaml.ScalarNode, text: str, doubt: Doubt, other: str) -> None:
        span = span_of(self.path, node)
        quote = Fix(title="put it in quotes if it is text", span=span, text=f'"{text}"')
        if doubt is Doubt.NUMBER:
            message = f"`{text}` is a number here and {other} to other YAML readers"
            plain = _plainly(text)
            number = Fix(title=f"write {plain} if it is a number", span=span, text=plain)
            self.found.append(DOUBTFUL_NUMBER.at(span, message, fixes=(number, quote)))
        elif doubt is Doubt.UNHELD:
            self.found.append(UNHELD_NUMBER.at(span, f"`{text}` cannot be kept exactly as a number", fixes=(quote,)))
        else:
            self.doubtful.append(Doubtful(node, doubt, other))

    def mapping(self, node: yaml.Node) -> dict[str, object]:
        made: dict[str, object] = {}
        written: dict[str, yaml.Node] = {}
        merges: list[tuple[yaml.Node, yaml.Node]] = []
        for key, item in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.found.append(KEY_NOT_TEXT.at(span_of(self.path, key), "a list or map cannot be a key"))
                continue
            if key.value == "<<" and key.tag == _PLAIN:
                merges.append((key, item))
                continue
            name = self.scalar(key)
            if not isinstance(name, str):
                span = span_of(self.path, key)
                fix = Fix(title="put it in quotes", span=span, text=f'"{key.value}"')
                kind = "nothing" if name is None else "a boolean" if isinstance(name, bool) else "a number"
                self.found.append(KEY_NOT_TEXT.at(span, f"the key `{key.value}` is {kind}, not text", fixes=(fix,)))
            elif name in made:
                first = Label(span=span_of(self.path, written[name]), text="first written here")
                message = f"the key `{name}` is written twice"
                self.found.append(DUPLICATE_KEY.at(span_of(self.path, key), message, secondary=(first,)))
            else:
                made[name] = self.value(item)
                written[name] = key
        if merges:
            self.merge(node, merges, made)
        return made

    def merge(self, node: yaml.Node, merges: list[tuple[yaml.Node, yaml.Node]], made: dict[str, object]) -> None:
        """Add what ``<<`` brings to the value and to the node, so that positions are found there as well."""
        node.value = [pair for pair in node.value if pair not in merges]
        for key, item in merges:
            for part in item.value if isinstance(item, yaml.SequenceNode) else [item]:
                if not isinstance(part, yaml.MappingNode):
                    self.found.append(MERGE.at(span_of(self.path, key), "`<<` merges a map or a list of maps"))
                    continue
                values = self.value(part)
                for name, child in part.value:
                    if isinstance(name, yaml.ScalarNode) and name.value in values and name.value not in made:
                        made[name.value] = values[name.value]
                        node.value.append((name, child))

    def explicit_tag(self, node: yaml.Node) -> object:
        expected = _QUOTED
        if not isinstance(node, yaml.ScalarNode):
            expected = _SEQUENCE if isinstance(node, yaml.SequenceNode) else _MAPPING
        if _STANDARD.get(node.tag) != expected:
            tag = node.tag.replace("tag:yaml.org,2002:", "!!")
            message = f"the tag `{tag}` has no meaning here"
            self.found.append(TAG.at(span_of(self.path, node), message, notes=("write the value without a tag",)))
        return None


class _UnboundedError(Exception):
    def __init__(self, node: yaml.Node, why: str) -> None:
        super().__init__(why)
        self.node = node


def _construct(path: str, node: yaml.Node) -> tuple[Document | None, list[Diagnostic]]:
    builder = _Builder(path)
    try:
        value = builder.value(node)
    except _UnboundedError as error:
        builder.found.append(ALIASES.at(span_of(path, error.node), str(error)))
        return None, builder.found
    return Document(path, node, value, tuple(builder.doubtful)), builder.found


def span_of(path: str, node: yaml.Node) -> Span:
    """Where a node stands; for a block map or list that is its first line only."""
    start, end = node.start_mark, node.end_mark
    return Span(
        path=path, line=start.line + 1, column=start.column + 1, end_line=end.line + 1, end_column=end.column + 1
    )


def _plainly(text: str) -> str:
    value = read_plain(text).value
    return str(value)


def _not_utf8(path: str, data: bytes, error: UnicodeDecodeError) -> Diagnostic:
    before = data[: error.start].decode("utf-8-sig", "replace")
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    span = Span(path=path, line=line, column=column, end_line=line, end_column=column + 1)
    message = f"the byte 0x{data[error.start]:02x} is not UTF-8"
    return NOT_UTF8.at(span, message, notes=("save the file as UTF-8",))


def _span_at(path: str, text: str, offset: int) -> Span:
    line, column = text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)
    return Span(path=path, line=line, column=column, end_line=line, end_column=column + 1)


_WORDS = {
    "mapping values are not allowed": "a `:` where no key can be: check the indentation, or put the text in quotes",
    "could not find expected ':'": "this line is neither `key: value` nor part of a text",
    "did not find expected key": "this line does not fit the map it stands in: check the indentation and the quotes",
    "did not find expected '-' indicator": "this line does not fit the list it stands in: check the indentation",
    "did not find expected ',' or ']'": "the list opened with `[` is not closed",
    "did not find expected ',' or '}'": "the map opened with `{` is not closed",
    "found unexpected end of stream": "the quotes opened here are not closed",
    "found undefined alias": "the alias names an anchor that is not in this document",
    "found duplicate anchor": "the anchor is defined twice in this document",
    "block sequence entries are not allowed": "a list cannot start here: put `-` on a line of its own",
}


def _syntax(path: str, text: str, error: yaml.MarkedYAMLError) -> Diagnostic:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    span = Span(path=path, line=line, column=column, end_line=line, end_column=column + 1)
    problem = str(error.problem or "")
    if isinstance(error, _TooDeepError) or problem.startswith(_SCANNER_TOO_DEEP):
        return TOO_DEEP.at(span, f"values are nested more than {MAX_DEPTH} deep")
    lines = text.splitlines()
    here = lines[line - 1] if line <= len(lines) else ""
    if here[column - 1 : column] == "\t" or "\t" in here[: len(here) - len(here.lstrip())]:
        at = here.index("\t") + 1
        span = Span(path=path, line=line, column=at, end_line=line, end_column=at + 1)
        return TAB.at(span, "a tab cannot indent YAML", notes=("indent with spaces",))
    message = next((words for start, words in _WORDS.items() if problem.startswith(start)), problem)
    secondary: tuple[Label, ...] = ()
    if error.context_mark is not None and error.context_mark.line + 1 < line:
        begun = error.context_mark
        opening = Span(
            path=path,
            line=begun.line + 1,
            column=begun.column + 1,
            end_line=begun.line + 1,
            end_column=begun.column + 2,
        )
        secondary = (Label(span=opening, text=str(error.context or "").replace("while parsing", "in")),)
    return SYNTAX.at(span, message, secondary=secondary)


def walk(node: yaml.Node, pointer: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], yaml.Node]]:
    """Every node under ``node`` with its pointer, keys included (at their value's pointer)."""
    yield pointer, node
    if isinstance(node, yaml.MappingNode):
        for key, item in node.value:
            yield (*pointer, str(key.value)), key
            yield from walk(item, (*pointer, str(key.value)))
    elif isinstance(node, yaml.SequenceNode):
        for at, item in enumerate(node.value):
            yield from walk(item, (*pointer, at))
